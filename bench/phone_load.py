"""Calls from a process of its own: as Twilio brings them, each with its own pace, so many in progress at any moment.

`python -m bench.phone_load PORT CALLS SECONDS SEED` prints one JSON line with the milliseconds of every answer. Callers
know the codes of `bench.desk` and one PIN; they hear the state of their requests, leave a new one, and hang up.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
import xml.etree.ElementTree as ET
from urllib.parse import urlencode, urljoin

from aiohttp import ClientSession, TCPConnector
from twilio.request_validator import RequestValidator

from bench.mail_load import CUSTOMERS

ACCOUNT, TOKEN, OURS, PIN = "AC" + "b" * 32, "a token for the bench", "+390699999999", "471100"
FIRST_CODE = 2000
PAUSE = 2.0, 10.0  # seconds between what is said and the next key: people listen first
COMING = 20.0  # seconds within which all begin
SCRIPTS = (("2", "CODE", "PIN", "1"), ("1", "CODE", "PIN", "2", "1", "1", "3", "SPEAK"), ("1", "CODE", "PIN"))


class Load:
    """All callers together."""

    def __init__(self, base: str, until: float, seed: int) -> None:
        self.base = base
        self.until = until
        self.chance = random.Random(seed)
        self.sign = RequestValidator(TOKEN).compute_signature
        self.took: list[float] = []
        """Milliseconds a caller waited for what comes next; nobody waits for the answer to their hanging up."""
        self.wrong: list[str] = []
        self.calls = 0

    async def callers(self, count: int) -> None:
        """So many at any moment, until the time is over."""
        async with ClientSession(connector=TCPConnector(limit=0)) as session:
            await asyncio.gather(*(self._caller(session, n) for n in range(count)))

    async def _caller(self, session: ClientSession, n: int) -> None:
        await asyncio.sleep(self.chance.uniform(0, min(COMING, self.until - time.monotonic())))
        while time.monotonic() < self.until:
            self.calls += 1
            await self._call(session, n, f"CA{self.chance.getrandbits(128):032x}")

    async def _call(self, session: ClientSession, n: int, sid: str) -> None:
        form = {"CallSid": sid, "AccountSid": ACCOUNT, "From": f"+39061{n:06}", "To": OURS}
        waiting = await self._ask(session, f"{self.base}/in/twilio/voice", form)
        for entry in self.chance.choice(SCRIPTS):
            await asyncio.sleep(min(self.chance.uniform(*PAUSE), max(0.0, self.until - time.monotonic())))
            if time.monotonic() >= self.until:
                return  # all of them would hang up at once, which nobody does
            if waiting is None:
                break
            keys = {"CODE": str(FIRST_CODE + n % CUSTOMERS), "PIN": PIN}.get(entry, entry)
            told = {"Digits": keys}
            if entry == "SPEAK":
                told = {"Digits": "#", "RecordingSid": f"RE{sid[2:]}", "RecordingDuration": "4"}
                told["RecordingUrl"] = f"http://127.0.0.1:9/Recordings/RE{sid[2:]}"
            to = urljoin(f"{self.base}/in/twilio/voice", waiting.get("action"))
            waiting = await self._ask(session, to, form | told)
        await self._send(session, f"{self.base}/in/twilio/voice/status", form | {"CallStatus": "completed"})

    async def _ask(self, session: ClientSession, url: str, form: dict[str, str]) -> ET.Element | None:
        text = await self._send(session, url, form | {"CallStatus": "in-progress"})
        if text is None:
            return None
        return next((one for one in ET.fromstring(text) if one.tag in ("Gather", "Record", "Dial")), None)

    async def _send(self, session: ClientSession, url: str, form: dict[str, str]) -> str | None:
        headers = {"X-Twilio-Signature": self.sign(url, form), "Content-Type": _FORM}
        began = time.perf_counter()
        async with session.post(url, data=urlencode(form), headers=headers) as answer:
            text = await answer.text()
            if not url.endswith("/status"):
                self.took.append((time.perf_counter() - began) * 1000)
        if answer.status >= 300:
            self.wrong.append(f"{answer.status} {url.removeprefix(self.base)} {text[:100]}")
            return None
        return text


_FORM = "application/x-www-form-urlencoded"


def main() -> None:
    """See the module."""
    asked = argparse.ArgumentParser(prog="python -m bench.phone_load", description=__doc__)
    for name in ("port", "calls", "seconds", "seed"):
        asked.add_argument(name, type=int)
    given = asked.parse_args()
    load = Load(f"http://127.0.0.1:{given.port}", time.monotonic() + given.seconds, given.seed)
    asyncio.run(load.callers(given.calls))
    print(
        json.dumps(
            {"took": load.took, "wrong": load.wrong[:5], "refused": len(load.wrong), "calls": load.calls}
        )
    )


if __name__ == "__main__":
    main()

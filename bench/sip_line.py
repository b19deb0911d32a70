"""`python -m bench.sip_line PORT RTP FOLDER`: the carrier of calls by SIP in a process of its own, for bench.sip_calls.

What callers enter is compared in memory; the line alone is measured, not the database. Each line on standard input is
answered by one of JSON: what was entered since the last, by caller.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from channels.phone.sip.carrier import SipCarrier
from channels.phone.sip.engine import Setup
from channels.phone.speech import Speech
from core.calling import Answer, CallEvent, Gather, Ringing, Words
from core.settings_values import Secret

MOST = 400
PROMPTS = (
    "Benvenuto al servizio di assistenza. Per l'italiano prema uno.",
    "Componga il codice cliente e poi il tasto cancelletto.",
    "Componga il codice segreto e poi il tasto cancelletto.",
    "La richiesta 4 7 1 1 è in lavorazione. Arrivederci.",
)
STEPS = (
    Gather(timeout=20.0),
    Gather(minimum=4, maximum=8, finish="#", timeout=20.0),
    Gather(minimum=6, maximum=6, finish="#", timeout=20.0, secret=True),
)


class Compared:
    """Language, code, PIN, a few words, goodbye (core.calling.Switchboard)."""

    def __init__(self) -> None:
        self.entered: dict[str, list[str]] = {}
        self.live = 0
        self.most = 0

    async def ring(self, ringing: Ringing) -> Answer:
        self.entered[ringing.caller] = []
        self.live += 1
        self.most = max(self.most, self.live)
        return self._answer(ringing.caller, 0)

    async def advance(self, call: str, seq: int, event: CallEvent) -> Answer:
        self.entered[call].append(event.value)
        return self._answer(call, seq + 1)

    async def hung_up(self, call: str, **_: Any) -> None:
        self.live -= 1

    async def lost(self, line: str) -> int:
        return 0

    def _answer(self, call: str, seq: int) -> Answer:
        then = {"then": STEPS[seq]} if seq < len(STEPS) else {}
        return Answer(call=call, seq=seq, say=(Words(text=PROMPTS[seq], language="it"),), **then)


class Door:
    """See core.channel.Door."""

    def __init__(self) -> None:
        self.switchboard: Any = Compared()

    @asynccontextmanager
    async def lease(self, name: str) -> AsyncIterator[None]:
        yield


async def main() -> None:
    port, rtp, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    carrier = SipCarrier(
        setup=Setup(
            host="127.0.0.1",
            port=port,
            domain="",
            registers=False,
            user="700",
            auth_user="700",
            password=Secret(""),
            transport="udp",
            plus="+",
            calls=0,
            rtp_timeout=30,
            rtp_ports=(rtp, rtp + 4 * MOST),
        ),
        speech=Speech(folder=folder / "speech"),
        folder=folder / "recorded",
        max_calls=MOST,
        calls_per_second=MOST,
    )
    for prompt in PROMPTS:  # spoken once, as on a hub that runs
        await carrier.speech.render(Words(text=prompt, language="it"))
    door = Door()
    taking = asyncio.create_task(carrier.run(door))
    up = asyncio.create_task(carrier.up.wait())
    await asyncio.wait((taking, up), return_when=asyncio.FIRST_COMPLETED)
    if taking.done():
        await taking  # which says why it cannot
    print(json.dumps({"up": True}), flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        board: Compared = door.switchboard
        pump = carrier._service.engine.pump if carrier._service else None
        said = {"entered": board.entered, "most": board.most, "slowest": pump.slowest if pump else 0.0}
        print(json.dumps(said), flush=True)
        board.entered, board.most = {}, 0
        if pump:
            pump.slowest = 0.0
    taking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await taking


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())

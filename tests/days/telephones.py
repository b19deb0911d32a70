"""Telephones that call a running hub: the softphone's page, Twilio's webhooks, and a real one by SIP. All speak one script."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import uuid4

from twilio.request_validator import RequestValidator

from tests.channels.phone.sip import sipp
from tests.days.hubs import Hub, until
from tests.days.people import Browser

ALICE, STRANGER = "+393471230001", "+390299999999"
ACCOUNT, TOKEN, OURS = "AC" + "a" * 32, "the-token-of-the-account", "+390699999999"
WAV = b"RIFF$\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00@\x1f\x00\x00\x80>\x00\x00\x02\x00\x10\x00data\x00\x00\x00\x00"

_number = count(1)


@dataclass(slots=True)
class Softphone:
    """`/desk/softphone`, as its script uses it."""

    browser: Browser
    caller: str = STRANGER
    heard: list[str] = field(default_factory=list)
    last: dict[str, Any] = field(default_factory=dict)
    identity: str = field(default_factory=lambda: uuid4().hex)
    _csrf: str = ""

    def dial(self) -> Softphone:
        page = self.browser.get("/desk/softphone")
        found = re.search(r'data-csrf="([^"]+)"', page.text)
        assert found, page.text
        self._csrf = found[1]
        return self._hear(self._post("ring", number=self.caller, id=self.identity, flow=""))

    def press(self, *entries: str) -> Softphone:
        for entry in entries:
            self._hear(self._post(self._here("keys"), keys=entry.rstrip("#")))
        return self

    def speak(self) -> Softphone:
        return self._hear(self._post(self._here("recorded"), _audio=WAV, seconds="3"))

    def silence(self) -> Softphone:
        return self._hear(self._post(self._here("silence")))

    def wait(self) -> dict[str, Any]:
        found: dict[str, Any] = self._post(self._here("wait"))
        return found

    def again(self, what: str, **fields: str) -> dict[str, Any]:
        """The same step once more, whatever came of it."""
        answer: dict[str, Any] = self._post(what, **fields)
        return answer

    def hang_up(self) -> None:
        self._post(self._here("hangup"))

    @property
    def call(self) -> str:
        return str(self.last["call"])

    def _here(self, what: str) -> str:
        return f"{self.last['call']}/{self.last['seq']}/{what}"

    def _hear(self, answer: dict[str, Any]) -> Softphone:
        self.last = answer
        self.heard += [words["text"] for words in answer["say"]]
        return self

    def _post(self, path: str, *, _audio: bytes = b"", **fields: str) -> Any:
        fields["csrf"] = self._csrf
        boundary = uuid4().hex
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in fields.items()
        ]
        if _audio:
            head = f'--{boundary}\r\nContent-Disposition: form-data; name="audio"; filename="a.wav"\r\n'
            parts.append(head.encode() + b"Content-Type: audio/wav\r\n\r\n" + _audio + b"\r\n")
        body = b"".join(parts) + f"--{boundary}--\r\n".encode()
        base = self.browser.base
        request = urllib.request.Request(
            f"{base}/desk/softphone/{path}",
            data=body,
            headers={
                "Content-Type": f"multipart/form-data; boundary={boundary}",
                "Cookie": self.browser.cookies,
                "Origin": base,
                "Sec-Fetch-Site": "same-origin",
            },
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


@dataclass(slots=True)
class TwilioCall:
    """Twilio's side: reads a document, posts a signed form to where it says."""

    hub: Hub
    caller: str = STRANGER
    heard: list[str] = field(default_factory=list)
    waiting: Any = None
    over: bool = False
    sid: str = field(default_factory=lambda: f"CA{next(_number):032x}")

    def dial(self) -> TwilioCall:
        return self._post(f"{self.hub.base}/in/twilio/voice", CallStatus="ringing")

    def press(self, *entries: str) -> TwilioCall:
        for entry in entries:
            assert self.waiting is not None, f"nothing is waited for after {self.heard[-1:]}"
            assert self.waiting.tag == "Gather", f"{self.waiting.tag} after {self.heard[-1:]}"
            self._post(self._action(), Digits=entry.rstrip("#"))
        return self

    def speak(self) -> TwilioCall:
        assert self.waiting.tag == "Record", f"{self.waiting.tag} after {self.heard[-1:]}"
        found = {"RecordingSid": f"RE{next(_number):032x}", "RecordingDuration": "3"}
        url = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Recordings/{found['RecordingSid']}"
        return self._post(self._action(), RecordingUrl=url, Digits="#", **found)

    def hang_up(self) -> None:
        self._send(f"{self.hub.base}/in/twilio/voice/status", CallStatus="completed", CallDuration="40")

    def _action(self) -> str:
        return urllib.parse.urljoin(f"{self.hub.base}/in/twilio/voice", self.waiting.get("action"))

    def _post(self, url: str, **form: str) -> TwilioCall:
        self.waiting = None
        self._follow(url, ET.fromstring(self._send(url, **form)))
        return self

    def _follow(self, url: str, document: ET.Element) -> None:
        for verb in document:
            self.heard += [one.text or "" for one in verb.iter("Say")]
            if verb.tag in ("Gather", "Record", "Dial"):
                self.waiting = verb
                return
            if verb.tag == "Redirect":
                self._post(urllib.parse.urljoin(url, verb.text or ""))
                return
            if verb.tag == "Hangup":
                self.over = True
                return
            assert verb.tag in ("Say", "Play", "Pause"), f"unknown verb {verb.tag}"
        raise AssertionError("the document falls off its end")

    def _send(self, url: str, **form: str) -> str:
        fields = {
            "CallSid": self.sid,
            "AccountSid": ACCOUNT,
            "From": self.caller,
            "To": OURS,
            "Direction": "inbound",
            "CallStatus": "in-progress",
        } | form
        signature = RequestValidator(TOKEN).compute_signature(url, fields)
        request = urllib.request.Request(
            url, data=urllib.parse.urlencode(fields).encode(), headers={"X-Twilio-Signature": signature}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(answer.read().decode())


def by_sip(port: int, *entries: str) -> None:
    """A real call: real keys in the sound, a voice, and hanging up. `speak` among the entries is eight seconds of a voice."""
    steps: list[sipp.Step] = [sipp.pause(1.5)]
    for entry in entries:
        if entry == "speak":
            steps += [sipp.pause(6.0), sipp.speak(), sipp.pause(8.5), sipp.keys("#"), sipp.pause(3.0)]
        else:
            steps += [sipp.keys(entry), sipp.pause(2.0 + 0.3 * len(entry))]
    steps.append(sipp.BYE)
    done = asyncio.run(sipp.callers(port, "700", steps, rows=[f"{STRANGER};1001;471100"]))
    assert done.well, done.errors


__all__ = ["ALICE", "STRANGER", "Softphone", "TwilioCall", "by_sip", "until", "urllib"]

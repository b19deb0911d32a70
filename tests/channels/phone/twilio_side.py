"""Twilio's side of a call: it reads documents and posts signed forms; and its REST interface, on a socket of its own."""

from __future__ import annotations

import asyncio
import json
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlencode, urljoin, urlsplit

from aiohttp import DummyCookieJar, web
from aiohttp.test_utils import TestClient, TestServer
from twilio.request_validator import RequestValidator

from channels.phone.build import build
from channels.phone.channel import PhoneChannel
from channels.phone.twilio.carrier import TwilioCarrier
from channels.settings import ChannelSettings, PhoneSettings, SigningKeySettings
from channels.surroundings import Surroundings
from core.calling import (
    Answer,
    Audio,
    CallEvent,
    Gather,
    HangUp,
    Hold,
    NoSuchCall,
    Record,
    Ringing,
    Taken,
    Waiting,
    Words,
)
from core.channel import Unavailable
from core.keys import Keys
from core.settings_values import Secret
from tests.channels.phone.spec_check import SpecCheck, descriptions
from tests.fakes import FakeDoor

ACCOUNT = "AC" + "a" * 32
TOKEN = "the-token-of-the-account"
PUBLIC = "https://desk.test"
OURS = "+390699999999"
CUSTOMER = "+390612345678"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
KNOWN_VERBS = {
    "Say",
    "Play",
    "Pause",
    "Gather",
    "Record",
    "Redirect",
    "Dial",
    "Hangup",
}


def sid(kind: str, number: int = 1) -> str:
    return f"{kind}{number:032x}"


def it(text: str, recording: str = "") -> Words:
    return Words(text=text, language="it", recording=recording)


# --- The hub, as a line sees it -------------------------------------------------------------------------------


@dataclass
class FakeSwitchboard:
    """A scripted hub (core.calling.Switchboard). Every step is answered once, and then the same again."""

    rings: list[Ringing] = field(default_factory=list)
    events: list[tuple[int, CallEvent]] = field(default_factory=list)
    """Every step that was taken, once."""
    waitings: list[Waiting] = field(default_factory=lambda: [Waiting()])
    """Told one after another; the last one for ever."""
    taken: dict[str, Taken] = field(default_factory=dict)
    """By offer: what `accepted` gives."""
    operators: list[tuple[str, str]] = field(default_factory=list)
    stored: dict[str, tuple[str, int, Audio]] = field(default_factory=dict)
    """Recordings by the line's id."""
    ended: list[tuple[str, str]] = field(default_factory=list)
    dials: list[tuple[str, str]] = field(default_factory=list)
    sounds: dict[str, bytes] = field(default_factory=dict)
    calls: dict[str, str] = field(default_factory=dict)
    answers: dict[tuple[str, int], Answer] = field(default_factory=dict)
    slow: float = 0.0
    fails_with: Exception | None = None

    async def ring(self, ringing: Ringing) -> Answer:
        await self._work()
        call = f"call-{ringing.external_id[-4:]}"
        if ringing.external_id not in self.calls:
            self.calls[ringing.external_id] = call
            self.rings.append(ringing)
            self.answers[call, 0] = self._menu(call, 1)
        return self.answers[call, 0]

    async def find(self, line: str, external_id: str) -> str | None:
        return self.calls.get(external_id)

    async def advance(self, call: str, seq: int, event: CallEvent) -> Answer:
        await self._work()
        if call not in self.calls.values():
            raise NoSuchCall(call)
        if (call, seq) not in self.answers:
            self.events.append((seq, event))
            self.answers[call, seq] = self._next(call, seq, event)
        return self.answers[call, seq]

    async def waiting(self, call: str, seq: int) -> Waiting:
        await self._work()
        return self.waitings.pop(0) if len(self.waitings) > 1 else self.waitings[0]

    async def operator(self, offer: str, answer: str) -> Taken:
        self.operators.append((offer, answer))
        return self.taken.get(offer, Taken(connect=False)) if answer == "accepted" else Taken(connect=False)

    async def recorded(self, call: str, seq: int, audio: Audio) -> None:
        if self.fails_with is not None:
            raise self.fails_with
        self.stored.setdefault(audio.external_id, (call, seq, audio))

    async def hung_up(self, call, *, at=None, cause="") -> None:
        if call not in dict(self.ended):
            self.ended.append((call, cause))

    async def dialled(self, call: str, how: str) -> None:
        self.dials.append((call, how))

    async def sound(self, recording: str) -> bytes:
        return self.sounds[recording]

    async def _work(self) -> None:
        if self.slow:
            await asyncio.sleep(self.slow)
        if self.fails_with is not None:
            raise self.fails_with

    def _menu(self, call: str, seq: int) -> Answer:
        say = (it("Benvenuti."), it("Prema 1 per il codice, 2 per registrare, 3 per un operatore."))
        return Answer(call=call, seq=seq, say=say, then=Gather())

    def _next(self, call: str, seq: int, event: CallEvent) -> Answer:
        match event.kind, event.value:
            case "silence", _:
                return self._menu(call, seq + 1)
            case "digits", "1":
                pin = Gather(maximum=8, finish="#", secret=True)
                return Answer(call=call, seq=seq + 1, say=(it("Digiti il codice."),), then=pin)
            case "digits", "2":
                record = Record(max_seconds=90, silence_seconds=4)
                return Answer(call=call, seq=seq + 1, say=(it("Parli dopo il segnale."),), then=record)
            case "digits", "3":
                return Answer(call=call, seq=seq + 1, say=(it("Attenda."),), then=Hold())
            case _:
                return Answer(call=call, seq=seq + 1, say=(it(f"Fatto: {event.kind}."),), then=HangUp())


@dataclass(slots=True, kw_only=True)
class PhoneDoor(FakeDoor):
    """A door (core.channel.Door) with a switchboard behind it."""

    switchboard: FakeSwitchboard = field(default_factory=FakeSwitchboard)


# --- Twilio's REST interface ----------------------------------------------------------------------------------


@dataclass
class FakeTwilio:
    """Calls, messages and recordings of one account, behind a socket. Refuses what the official description refuses."""

    asked: list[tuple[str, str, dict]] = field(default_factory=list)
    calls: dict[str, dict] = field(default_factory=dict)
    messages: dict[str, dict] = field(default_factory=dict)
    media: dict[str, bytes] = field(default_factory=dict)
    """By path, as it is asked for."""
    refuses: dict[str, tuple[int, int, str]] = field(default_factory=dict)
    """By method and first word of the path, such as "POST Calls": status, code and words."""
    refuses_once: dict[str, tuple[int, int, str]] = field(default_factory=dict)
    becomes: dict[str, dict] = field(default_factory=dict)
    """What a call or message turns into when it is looked at next: by sid, or by "Calls"/"Messages"."""
    lying: list[dict] = field(default_factory=list)
    """Recordings that nobody fetched."""
    faults: list[str] = field(default_factory=list)
    spec: SpecCheck | None = None

    def routes(self) -> list[web.RouteDef]:
        return [web.route("*", "/{path:.*}", self._answer)]

    def of(self, method: str, path: str) -> list[dict]:
        """The forms of all that was asked so."""
        return [form for m, p, form in self.asked if (m, p) == (method, path)]

    async def _answer(self, request: web.Request) -> web.Response:
        pairs = await request.post()
        form = {name: pairs.getall(name) if len(pairs.getall(name)) > 1 else pairs[name] for name in pairs}
        path = request.path.removeprefix(f"/2010-04-01/Accounts/{ACCOUNT}/")
        known, login = request.path in self.media, request.headers.get("Authorization", "")
        if not login.startswith("Basic "):
            self.faults.append(f"{request.path}: no log-in")
        if (request.method, path) != ("GET", "Recordings.json"):  # looked at now and then, by itself
            self.asked.append((request.method, path.removesuffix(".json"), form))
        if request.path.endswith((".wav", ".mp3")) or "/Media/" in request.path:
            return web.Response(body=self.media[request.path]) if known else web.Response(status=404)
        if self.spec is not None:
            try:
                query = dict(request.query)
                self.spec.request(
                    request.method, f"https://api.twilio.com{request.path}", query=query, form=form
                )
            except AssertionError as fault:
                self.faults.append(str(fault))
        words = path.removesuffix(".json").split("/")
        what = f"{request.method} {words[0]}"
        if refusal := self.refuses_once.pop(what, None) or self.refuses.get(what):
            status, code, text = refusal
            return web.json_response({"code": code, "message": text, "status": status}, status=status)
        if request.method == "DELETE":
            return web.Response(status=204)
        if words == ["Recordings"]:
            return web.json_response({"recordings": self.lying, "next_page_uri": None})
        return self._things(request, words, form)

    def _things(self, request: web.Request, words: list[str], form: dict) -> web.Response:
        kind = words[0]
        things, prefix = (self.calls, "CA") if kind == "Calls" else (self.messages, "SM")
        if len(words) == 1 and request.method == "GET":
            found = [
                one
                for one in things.values()
                if all(
                    one.get(name.lower(), one.get(name)) == value
                    for name, value in request.query.items()
                    if name != "PageSize"
                )
            ]
            return web.json_response({kind.lower(): found, "next_page_uri": None})
        if len(words) == 1:
            made = sid(prefix, 0x700 + len(things))
            things[made] = {
                "sid": made,
                "to": form.get("To"),
                "from": form.get("From"),
                "status": "queued",
                "answered_by": None,
                "error_code": None,
                **self.becomes.get(f"new {kind}", {}),
            }
            return web.json_response(things[made], status=201)
        one = things.setdefault(words[1], {"sid": words[1], "status": "in-progress"})
        if request.method == "GET":
            one.update(self.becomes.pop(words[1], None) or self.becomes.get(kind, {}))
        elif form.get("Status"):
            one["status"] = form["Status"]
        return web.json_response(one)


# --- A hub with its webhooks, and the telephone at the other end ----------------------------------------------


def settings(**more) -> ChannelSettings:
    phone = {"account_sid": ACCOUNT, "auth_token": Secret(TOKEN), "number": OURS, **more}
    return ChannelSettings(phone=PhoneSettings(**phone))


def signing_key(identity: str, secret: str) -> SigningKeySettings:
    return SigningKeySettings(id=identity, secret=Secret(secret))


def around(folder, **more) -> Surroundings:
    return Surroundings(
        **{
            "desk_name": "Desk",
            "data_dir": folder,
            "keys": Keys(token=b"t" * 32, loop=b"l" * 32, instance="test"),
            "max_mail_size": 1_000_000,
            "max_recipients": 10,
            "public_url": PUBLIC,
            **more,
        }
    )


@dataclass
class Hub:
    """A phone channel that runs, with everything around it."""

    channel: PhoneChannel
    carrier: TwilioCarrier
    door: PhoneDoor
    client: TestClient
    twilio: FakeTwilio
    token: str = TOKEN

    @property
    def switchboard(self) -> FakeSwitchboard:
        return self.door.switchboard

    def call(self, **more) -> FakeCall:
        return FakeCall(self.client, **{"token": self.token, **more})

    async def post(self, path: str, *, again: int = 1, **form) -> str:
        """One signed webhook beside a call; the document."""
        return await FakeCall(self.client, token=self.token, base={}).send(path, form, times=again)


@asynccontextmanager
async def running(folder, *, board=None, **more) -> AsyncIterator[Hub]:
    """A hub with the carrier Twilio. `board`: a real switchboard instead of the scripted one."""
    twilio = FakeTwilio(spec=SpecCheck(*descriptions()) if descriptions() else None)
    rest = web.Application()
    rest.add_routes(twilio.routes())
    async with TestServer(rest) as provider:
        made = settings(api_url=str(provider.make_url("")).rstrip("/"), **more)
        channel = build(made, around(folder))
        carrier = channel.carriers[0]
        assert isinstance(carrier, TwilioCarrier)
        carrier.calling.look_every = 0.02
        carrier.calling.clock = DECENT
        door = PhoneDoor(switchboard=board or FakeSwitchboard())
        app = web.Application()
        app.add_routes(channel.webhooks())
        async with TestClient(TestServer(app), cookie_jar=DummyCookieJar()) as client:
            task = asyncio.create_task(channel.run(door))
            while carrier.hooks.door is None:  # noqa: ASYNC110 - some turns of the loop
                await asyncio.sleep(0)
            try:
                yield Hub(channel, carrier, door, client, twilio)
            finally:
                task.cancel()
                await asyncio.wait([task])
    assert twilio.faults == []


def DECENT():
    from datetime import UTC, datetime

    return datetime(2026, 12, 1, 10, 0, tzinfo=UTC)


@dataclass
class FakeCall:
    """The provider's side of one call: reads documents, posts signed webhooks, keeps what was heard."""

    client: TestClient
    token: str = TOKEN
    public_url: str = PUBLIC
    base: dict[str, str] = field(
        default_factory=lambda: {
            "AccountSid": ACCOUNT,
            "CallSid": sid("CA"),
            "From": CUSTOMER,
            "To": OURS,
            "CallStatus": "in-progress",
            "CallerName": "",
        }
    )
    heard: list[str] = field(default_factory=list)
    played: list[str] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    waiting: ET.Element | None = None
    ended: str = ""
    music: bool = field(default=False)

    async def dial(self) -> FakeCall:
        """Ring, and follow what is said."""
        await self.post("/in/twilio/voice")
        return self

    async def press(self, digits: str, *, times: int = 1) -> None:
        """Keys, the finishing one not among them."""
        assert self.waiting is not None
        assert self.waiting.tag == "Gather", self.waiting.tag
        ends = self.waiting.get("finishOnKey", "#")
        length = int(self.waiting.get("numDigits", "0"))
        finished = {"FinishedOnKey": ends} if len(digits) < length and ends else {}
        await self.post(self.waiting.attrib["action"], times=times, Digits=digits, **finished)

    async def stay_silent(self) -> None:
        assert self.waiting is not None
        assert self.waiting.get("actionOnEmptyResult") == "true", "nobody would be asked"
        await self.post(self.waiting.attrib["action"])

    async def speak(self, seconds: int = 12, *, recording: str = "", times: int = 1) -> None:
        assert self.waiting is not None
        assert self.waiting.tag == "Record", self.waiting.tag
        recording = recording or sid("RE")
        url = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Recordings/{recording}"
        await self.post(
            self.waiting.attrib["action"],
            times=times,
            RecordingSid=recording,
            RecordingUrl=url,
            RecordingDuration=str(seconds),
            Digits="#",
        )

    async def say_nothing(self) -> None:
        """Into a recording: Twilio goes on behind it."""
        assert self.waiting is not None
        document = ET.fromstring(self.documents[-1])
        verbs = list(document)
        behind = verbs[[verb.tag for verb in verbs].index("Record") + 1]
        assert behind.tag == "Redirect"
        await self.post(behind.text or "")

    async def post(self, url: str, *, times: int = 1, **extra: str) -> None:
        text = await self.send(url, extra, times=times)
        if self.ended:
            return
        self.documents.append(text)
        await self._follow(text)

    async def _follow(self, text: str) -> None:
        self.waiting = None
        for verb in ET.fromstring(text):
            assert verb.tag in KNOWN_VERBS, f"an unknown verb: {verb.tag}"
            for inner in verb.iter():
                assert inner.tag in KNOWN_VERBS | {"Conference"}, f"an unknown noun: {inner.tag}"
            self.heard += [said.text or "" for said in verb.iter("Say")]
            self.played += [sound.text or "" for sound in verb.iter("Play")]
            if verb.tag in {"Gather", "Record", "Dial"}:
                self.waiting = verb
                return
            if verb.tag == "Redirect":
                await self.post(verb.text or "")
                return
            if verb.tag == "Hangup":
                self.ended = "hangup"
                return
        self.ended = "fell off the end"  # always a bug in the flow or the renderer

    async def send(self, url: str, extra: dict[str, str], *, times: int = 1, headers=None) -> str:
        """Signed, and as often as the provider pleases; the answer may not change."""
        url = urljoin(self.public_url, url)
        form = {**self.base, **extra}
        headers = headers if headers is not None else {"X-Twilio-Signature": self.sign(url, form)}
        parts = urlsplit(url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        answers = []
        for _ in range(times):
            response = await self.client.post(
                path, data=urlencode(form), headers={**FORM, **headers}, skip_auto_headers=["User-Agent"]
            )
            answers.append((response.status, await response.text()))
        # Who is told to wait a moment, as on a slow machine, was given no answer yet.
        given = [one for one in answers if "again=" not in one[1]] or answers[-1:]
        assert len(set(given)) == 1, "a repeated webhook changed the answer"
        status, text = given[0]
        if status not in (200, 204):
            self.ended = f"HTTP {status}"
        return text

    def sign(self, url: str, form: dict[str, str]) -> str:
        return RequestValidator(self.token).compute_signature(url, form)


async def until(true: Callable[[], object], *, seconds: float = 5.0) -> None:
    """Wait for something that happens beside us."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.005)


__all__ = ["FakeCall", "FakeTwilio", "Hub", "PhoneDoor", "Unavailable", "json"]

"""A telephone in a test's hand: it dials the desk, presses keys, is silent, speaks, hangs up, and keeps what it heard."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from itertools import count
from typing import Any

import ivr.rules
from core.calling import Answer, Audio, CallEvent, Gather, HangUp, Hold, Record, Ringing, Waiting
from core.desk import flows
from core.desk.configuration import checking, rows
from core.store import tables
from core.switchboard import HubSwitchboard, Ways
from tests.desk_at_work import CONFIGURED, AtWork, at_work

_calls = count(1)

ALICE, ALDO, BOB, STRANGER = "+390455550101", "+393471234567", "+442071234567", "+390299999999"
PIN = "471100"
WORDS = Audio(content=b"RIFF....WAVE", type="audio/wav", seconds=7.5, external_id="RE1")

_TELEPHONES = (
    ('email = "alice@acme.test"', f'email = "alice@acme.test"\n  phone = "{ALICE}"\n  pin = "{PIN}"'),
    ('email = "aldo@acme.test"', f'email = "aldo@acme.test"\n  phone = "{ALDO}"'),
    ('email = "bob@beta.test"', f'email = "bob@beta.test"\n  phone = "{BOB}"\n  pin = "889900"'),
    ('code = "ACME"', 'code = "ACME"\nphone_code = "1001"'),
    ('code = "BETA"', 'code = "BETA"\nphone_code = "1002"'),
    ('email = "tom@hub.test"', 'email = "tom@hub.test"\nphone = "+390110000001"'),
    ('email = "ann@hub.test"', 'email = "ann@hub.test"\nphone = "+390110000002"'),
)


def with_telephones(text: str) -> str:
    """A desk's file whose people have a number, and PINs."""
    for plain, phoned in _TELEPHONES:
        text = text.replace(plain, phoned)
    return text


WITH_TELEPHONES = with_telephones(CONFIGURED)


@dataclass(slots=True)
class Exchange:
    """A desk with a switchboard."""

    desk: AtWork
    board: HubSwitchboard

    def phone(self, caller: str = STRANGER, *, line: str = "twilio") -> Telephone:
        return Telephone(self, caller, line)

    async def signed_in(self, *names: str) -> None:
        """These of staff are at their desks, and take calls."""
        for name in names:
            who = await self.desk.who(name)
            await self.desk.db.write(_sign_in, who.id, self.desk.now)

    async def call(self, phone: Telephone) -> Any:
        return (await self.desk.rows(tables.call, id=phone.answer.call))[0]


@cache
def _pins() -> rows.Hashes:
    """Hashed once for all tests."""
    return rows.hash_secrets(checking.read(WITH_TELEPHONES), {})


async def exchange(db: Any, text: str = WITH_TELEPHONES, **ways: Any) -> Exchange:
    desk = await at_work(db, text, _pins())
    body = ivr.rules.DEFAULT.read_text("utf-8")
    digest = ivr.rules.digest(ivr.rules.parse(body))
    await db.write(flows.install, "default", body, digest, now=desk.now)
    board = HubSwitchboard(db, ivr.rules, Ways(**ways), clock=lambda: desk.now)
    return Exchange(desk, board)


def _sign_in(tx: Any, person: str, now: Any) -> None:
    tx.insert(
        tables.sign_in,
        hash=f"{person}{now}",
        kind="agent",
        person=person,
        csrf="",
        created_at=now,
        seen_at=now,
        expires_at=now.replace(year=now.year + 1),
        device="",
    )


@dataclass(slots=True)
class Telephone:
    exchange: Exchange
    caller: str
    line: str
    answer: Answer = field(default_factory=lambda: Answer(call="", seq=-1))
    heard: list[str] = field(default_factory=list)
    external_id: str = field(default_factory=lambda: f"CA{next(_calls)}")

    @property
    def board(self) -> HubSwitchboard:
        return self.exchange.board

    @property
    def last(self) -> str:
        """What was said last, in one piece."""
        return " ".join(words.text for words in self.answer.say)

    async def dial(self) -> Telephone:
        desk = self.exchange.desk
        return self._hear(
            await self.board.ring(
                Ringing(line=self.line, external_id=self.external_id, caller=self.caller, at=desk.now)
            )
        )

    async def press(self, *keys: str) -> Telephone:
        """Entries one after another; each where keys are waited for."""
        for entry in keys:
            assert isinstance(self.answer.then, Gather | Hold), f"{self.answer.then} after {self.last!r}"
            await self._advance(CallEvent(kind="digits", value=entry))
        return self

    async def silence(self, times: int = 1) -> Telephone:
        for _ in range(times):
            await self._advance(CallEvent(kind="silence"))
        return self

    async def speak(self, audio: Audio | None = WORDS) -> Telephone:
        """Say something after the tone; without `audio` its sound has not come yet."""
        assert isinstance(self.answer.then, Record), f"{self.answer.then} after {self.last!r}"
        seq = self.answer.seq
        if audio is not None:
            await self.board.recorded(self.answer.call, seq, audio)
        return await self._advance(CallEvent(kind="done", value="recorded"))

    async def wait(self, **span: float) -> Waiting:
        """On hold, so much later."""
        self.exchange.desk.passes(**span)
        found = await self.board.waiting(self.answer.call, self.answer.seq)
        self.heard += [words.text for words in found.say]
        if found.answer is not None:
            self._hear(found.answer)
        return found

    async def hang_up(self, **after: float) -> Any:
        """The row of the call, over."""
        self.exchange.desk.passes(**after)
        await self.board.hung_up(self.answer.call)
        return await self.exchange.call(self)

    async def identified(self) -> Telephone:
        """Alice, with her PIN, at the first thing that is asked then."""
        await self.dial()
        return await self.press(PIN)

    async def _advance(self, event: CallEvent) -> Telephone:
        return self._hear(await self.board.advance(self.answer.call, self.answer.seq, event))

    def _hear(self, answer: Answer) -> Telephone:
        self.answer = answer
        self.heard += [words.text for words in answer.say]
        return self

    @property
    def over(self) -> bool:
        return isinstance(self.answer.then, HangUp)


__all__ = ["ALICE", "BOB", "PIN", "STRANGER", "Exchange", "Telephone", "exchange", "with_telephones"]

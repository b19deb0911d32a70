"""Whoever is on duty is called by SIP, at a telephone behind a switch: one does not answer, the next says by key 1 that they know."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("baresip", reason="needs baresip-python")

from channels.phone import sounds
from channels.phone.channel import PhoneChannel
from channels.phone.sip.carrier import SipCarrier
from channels.phone.sip.engine import Engine
from channels.phone.speech import Speech
from core.desk import ladder_board
from core.facts import HubFacts
from core.settings_values import Secret
from core.store import tables
from core.store.opening import open_database
from tests.channels.phone.sip.a_carrier import needs_speech, setup
from tests.channels.phone.sip.a_pbx import MISSING, Phone, password, switch
from tests.channels.phone.sip.sipp import free_port
from tests.channels.phone.sip.test_over_the_hub import Door, until
from tests.core.desk.test_ladder_at_night import NIGHT, THREE
from tests.desk_at_work import AtWork
from tests.telephone import exchange

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}"),
    needs_speech,
    pytest.mark.xdist_group("sip-hub"),
]

ANN, TOM = "+393405550097", "+393405550116"
RINGS = 2.0  # seconds, in place of 45


@pytest.fixture
def facts() -> HubFacts:
    """A hub that calls, and neither texts nor chats."""
    return HubFacts(name="Desk", token_key=b"a key of 32 bytes for the tests.", mails_by="email", dials=True)


async def test_one_does_not_answer_and_the_next_acknowledges_by_key_1(
    sqlite_url: str, facts: HubFacts, tmp_path: Path, spoken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(Engine.ring.__kwdefaults__, "within", RINGS)
    db = open_database(sqlite_url, facts, readers=2, connections=4)
    try:
        exchanged = await exchange(db, NIGHT)
        desk = exchanged.desk
        desk.now = THREE
        number = await desk.qualify((await desk.mail("alice@acme.test")).number or "", impact=1, urgency=1)

        async def sent() -> list[tuple[str, str, str]]:
            shown = await db.read(ladder_board.of_ticket, await desk.who("lea"), number)
            return [(one.name, way.state, way.error) for one in shown for way in one.sent]

        async with a_line(exchanged.board, tmp_path, spoken) as (carrier, ann, tom):
            desk.also = [PhoneChannel(carriers=[carrier])]
            await desk.work()
            await ann.happened("CALL_INCOMING")
            await ann.happened("CALL_CLOSED")
            await until(lambda: given_up(desk, number))

            desk.passes(minutes=5)
            await desk.work()
            await tom.happened("CALL_ESTABLISHED")
            await asyncio.sleep(1.0)  # they listen
            await tom.press("1")
            await tom.happened("CALL_CLOSED", within=30)

        assert await sent() == [("Ann", "given_up", "no_answer"), ("Tom", "sent", "")]
        (seen,) = await desk.events(number, "ticket.page_seen")
        assert (seen.actor, seen.data["how"]) == (f"agent:{(await desk.who('tom')).id}", "call")
        calls = await desk.rows(tables.call)
        assert [(one.called, one.phase, one.outcome) for one in calls] == [
            (ANN, "over", "tried"),
            (TOM, "over", "informed"),
        ]
        assert speaking(tom.heard()) > 4, "some of the sentence, and what follows from key 1"
    finally:
        db.close()


@asynccontextmanager
async def a_line(board: Any, folder: Path, spoken: Path) -> AsyncIterator[tuple[SipCarrier, Phone, Phone]]:
    """The hub's, and the telephones of Ann, who lets it ring, and of Tom."""
    ann, tom = Phone(ANN, folder / "ann", 440.0), Phone(TOM, folder / "tom", 620.0)
    async with switch(folder) as port:
        account = {"domain": f"127.0.0.1:{port}", "registers": True, "password": Secret(password("700"))}
        carrier = SipCarrier(
            setup=setup(free_port(), **account),
            speech=Speech(folder=spoken),
            folder=folder / "recorded",
            max_calls=5,
            calls_per_second=5,
        )
        calling = asyncio.create_task(carrier.run(Door(board)))
        try:
            await asyncio.gather(ann.start(port, answers=False), tom.start(port))
            async with asyncio.timeout(10):
                await carrier.up.wait()
            yield carrier, ann, tom
        finally:
            calling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await calling
            await asyncio.gather(ann.stop(), tom.stop())


async def given_up(desk: AtWork, number: str) -> bool:
    return any(row.state == "given_up" for row in await desk.deliveries(number, kind="page"))


def speaking(heard: bytes) -> float:
    """Seconds in which there was something to be heard."""
    return sum(sounds.level(heard[n : n + 1600]) > 300 for n in range(0, len(heard), 1600)) / 10

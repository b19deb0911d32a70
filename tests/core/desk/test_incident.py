"""An incident with children: everybody is told once, in their request, on their channel, in their language."""

from __future__ import annotations

from typing import Any

import pytest

from core.desk import books, incident, incident_telling, links_between, resolution
from core.desk.errors import Forbidden, Invalid, Refused
from core.store import tables
from core.store.database import Database
from tests.desk_at_work import SOLUTION, AtWork, at_work

WORDS = {"it": "Il fornitore ripara una fibra.", "en": "The carrier repairs a fibre."}


async def _incident(desk: AtWork) -> tuple[str, list[str]]:
    """A major incident of three requests: two of Alice, one of Gina, who is written to in English."""
    parent = await desk.taken("aldo@acme.test")
    children = [await desk.taken("alice@acme.test")]
    desk.passes(minutes=5)
    children.append(
        await desk.qualified("alice@acme.test", subject="Anche il wifi", text="Fermo pure quello.")
    )
    children.append(
        (await desk.mail("gina@gamma.test", subject="No network", text="All is dark.")).number or ""
    )
    desk.passes(minutes=2)
    await desk.work()
    await desk.do(incident.open_incident, await desk.who("lea"), parent, children=children)
    return parent, children


async def _balanced(desk: AtWork) -> None:
    assert (await desk.db.read(books.verify, now=desk.now)).faults == ()


async def test_an_update_reaches_everybody_once_in_their_own_language(db: Database) -> None:
    desk = await at_work(db)
    parent, children = await _incident(desk)
    sent = len(desk.channel.sent)
    given: dict[str, Any] = {"words": WORDS, "idem": "form-1"}

    update = await desk.do(incident_telling.inform, await desk.who("lea"), parent, **given)
    again = await desk.do(incident_telling.inform, await desk.who("lea"), parent, **given)
    await desk.work()

    assert update == again
    told = {one.to.address: (one.ticket_number, one.text) for one in desk.channel.sent[sent:]}
    assert len(desk.channel.sent) - sent == len(told) == 3
    assert told["aldo@acme.test"][0] == parent
    assert told["alice@acme.test"][0] == children[1]  # where she wrote last
    assert WORDS["it"] in told["alice@acme.test"][1]
    assert WORDS["en"] in told["gina@gamma.test"][1]
    assert (await desk.clocks(children[1]))["response"].state == "met"  # a person wrote
    await _balanced(desk)


async def test_many_children_are_told_a_slice_at_a_time(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incident_telling, "SLICE", 1)
    desk = await at_work(db)
    parent, _ = await _incident(desk)
    await desk.do(incident_telling.inform, await desk.who("lea"), parent, words=WORDS)
    await _balanced(desk)

    await desk.work()

    assert len(await desk.rows(tables.message, kind="incident")) == 3
    await _balanced(desk)


async def test_what_cannot_be_said_or_joined_is_refused_with_its_place(db: Database) -> None:
    desk = await at_work(db)
    parent, children = await _incident(desk)
    lea, ann = await desk.who("lea"), await desk.who("ann")

    with pytest.raises(Invalid, match="/words/en"):
        await desk.do(incident_telling.inform, lea, parent, words={"it": "Soltanto così."})
    with pytest.raises(Forbidden):
        await desk.do(incident_telling.inform, ann, parent, words=WORDS)
    other = await desk.taken("aldo@acme.test", subject="Altro", text="Un'altra cosa.")
    with pytest.raises(Invalid, match="belongs to another incident"):
        await desk.do(incident.attach, lea, other, children=children[:1])
    with pytest.raises(Refused, match="no incident"):
        await desk.do(incident_telling.inform, lea, other, words=WORDS)
    with pytest.raises(Refused) as refused:
        await desk.do(resolution.resolve, ann, parent, **SOLUTION)
    assert refused.value.code == "guarded"
    await desk.do(incident.detach, lea, parent, children=children)
    assert await desk.rows(tables.ticket_link) == []


async def test_children_are_solved_together_when_somebody_says_so_and_stay_when_they_cannot_be(
    db: Database,
) -> None:
    desk = await at_work(db)
    parent, children = await _incident(desk)

    stays = await desk.do(
        incident.resolve_children,
        await desk.who("lea"),
        parent,
        children=children,
        cause="network",
        words=WORDS,
        minutes=5,
    )

    assert [one.number for one in stays] == children[2:]  # nobody has said yet what it is
    assert [(await desk.ticket(one)).state for one in children[:2]] == ["resolved", "resolved"]
    (report,) = await desk.outward(children[1], "resolved")
    assert WORDS["it"] in report.text
    await _balanced(desk)


async def test_links_are_seen_from_both_ends_and_taken_away(db: Database) -> None:
    desk = await at_work(db)
    one, other = await desk.taken("alice@acme.test"), (await desk.mail("bob@beta.test")).number or ""
    lea = await desk.who("lea")

    await desk.do(links_between.link_to, lea, one, to=other, kind="follow_up")

    def seen(tx: Any, number: str, who: Any) -> list[tuple[str, str]]:
        return [(view.kind, view.number) for view in links_between.of_ticket(tx, who, number)]

    assert await db.read(seen, one, lea) == [("follow_up", other)]
    assert await db.read(seen, other, lea) == [("followed", one)]
    assert await db.read(seen, one, await desk.who("alice")) == []  # another customer's is not there
    with pytest.raises(Refused, match="already"):
        await desk.do(links_between.link_to, lea, other, to=one, kind="followed")
    await desk.do(links_between.unlink, lea, other, to=one, kind="followed")
    assert await desk.rows(tables.ticket_link) == []

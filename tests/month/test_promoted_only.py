"""In the played month no word of a vendor's reached a customer, but what staff passed on in words of theirs."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import pytest
from pypdf import PdfReader
from sqlalchemy import select

from core.desk import accounts, month_acts, periodic
from core.envelope import Outgoing
from core.store import tables
from tests.fakes import NOT_DRAWN
from tests.month.playing import KEPT, PASSED_ON, VENDOR, Lived
from tests.web.api_desk import Caller
from tests.web.desk_pages import Person, serving
from web.api import ENDPOINTS

STAFF = "@nordest.test"
ASKED = "katrin.vogel@alpine-logistics.test"
"""Whose request the vendor had to do with, and who sees all of their company's."""
CUSTOMERS = (ASKED, "dispatch@alpine-logistics.test", "carla.moretti@studiomoretti.test")
ANY = {
    "name": "Office",
    "contact": ASKED,
    "version": "1",
    "problem": "1",
    "known": "1",
    "period": "2026-10",
}
"""For what an address of the API takes beside numbers and ids."""


def words_of(content: bytes) -> str:
    """What a file says."""
    if content.startswith(b"%PDF") and content != NOT_DRAWN:
        return " ".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    return content.decode("utf-8", "replace")


def said(mail: Outgoing) -> str:
    """Everything that is in a mail, what it quotes and carries included."""
    return " ".join([repr(mail), *(words_of(one.content) for one in mail.attachments)])


def says(word: str, what: Iterable[str]) -> list[int]:
    """Which of these have the word."""
    return [n for n, one in enumerate(what) if word.casefold() in html.unescape(unquote(one)).casefold()]


def number(lived: Lived) -> str:
    return lived.play.numbers["vendor"]


async def test_what_a_vendor_wrote_was_mailed_to_nobody_and_what_was_promoted_to_who_asked(lived) -> None:
    mails = [one for one in lived.sent if not one.to.key.endswith((STAFF, VENDOR))]
    written = await lived.db.read(lambda tx: tx.all(select(tables.message.c.text)))

    assert says(KEPT, (row.text for row in written)), "the desk has them"
    assert len(mails) > 200
    assert says(KEPT, map(said, mails)) == []
    passed = [mails[n] for n in says(PASSED_ON, map(said, mails))]
    assert {one.to.key for one in passed} == {ASKED}
    assert {one.ticket_number for one in passed} == {number(lived)}


@pytest.mark.parametrize("lived", ["sqlite"], indirect=True)
@pytest.mark.parametrize("address", CUSTOMERS)
async def test_no_page_of_the_portal_and_no_answer_of_the_api_has_a_word_of_the_vendors(
    lived, address, tmp_path
) -> None:
    who = await lived.db.read(month_acts.somebody, address)
    staff = await lived.db.read(month_acts.somebody, lived.script.supervisor)
    now = datetime.now(UTC)
    token = await lived.db.write(accounts.token_create, kind="contact", email=address, name="test", now=now)
    async with serving(lived.db, tmp_path, requests_per_person=10_000) as pages:
        case = f"/desk/tickets/{number(lived)}"
        theirs = await walked(await pages.as_(staff), case, within=f"{case}/vendors")
        assert says(KEPT, theirs.values()), "staff read it"
        portal = await walked(await pages.as_(who), "/portal/", within="/portal/")
        api = await asked(Caller(pages.client, token), lived)

    own = address == ASKED
    assert (f"/portal/requests/{number(lived)}" in portal) == own
    assert any(f"/tickets/{number(lived)}/papers/" in path for path in api) == own
    assert len(portal) > (60 if own else 5)
    assert len(api) > (20 if own else 5)
    for answers in (portal, api):
        found = list(answers)
        assert [found[n] for n in says(KEPT, answers.values())] == []
        assert bool(says(PASSED_ON, answers.values())) == own


async def walked(person: Person, first: str, *, within: str) -> dict[str, str]:
    """What stands behind every link that begins like this, by address."""
    found: dict[str, str] = {}
    todo = [first]
    while todo:
        path = todo.pop()
        answer = await person.client.get(path, headers=person.headers, allow_redirects=False)
        found[path] = words_of(await answer.read())
        assert answer.status < 500, path
        if answer.content_type == "text/html":
            links = (
                html.unescape(one).split("#")[0] for one in re.findall(r'(?:href|src)="([^"]+)"', found[path])
            )
            todo += {one for one in links if one.startswith(within)} - found.keys() - set(todo)
    return found


async def asked(caller: Any, lived: Lived) -> dict[str, str]:
    """What every question of the API is answered about the vendor's ticket, with all ids there are of it; those refused left out."""
    ids = await lived.db.read(_ids, number(lived))
    contracts = [one.contract for one in await lived.db.read(periodic.reports, await _hub(lived))]
    found: dict[str, str] = {}
    for endpoint in ENDPOINTS:
        if endpoint.method != "GET":
            continue
        numbers = [number(lived), *(dict.fromkeys(contracts) if "/contracts" in endpoint.path else ())]
        paths = {endpoint.path.replace("{number}", one) for one in numbers}
        for name in re.findall(r"{(\w+)}", endpoint.path):
            values = ids if name in ("id", "visit") else [ANY.get(name, "")]
            paths = {path.replace(f"{{{name}}}", value) for path in paths for value in values}
        for path in sorted(paths):
            answer = await caller.get(path)
            assert answer.status < 500, path
            if answer.status == 200:
                found[path] = words_of(await answer.read())
    return found


async def _hub(lived: Lived) -> Any:
    return await lived.db.read(month_acts.somebody, lived.script.supervisor)


def _ids(tx: Any, of: str) -> list[str]:
    ticket = tx.one(select(tables.ticket.c.id).where(tables.ticket.c.number == of)).id
    several = (tables.message, tables.paper, tables.vendor_case, tables.visit, tables.delivery)
    return [
        row.id for table in several for row in tx.all(select(table.c.id).where(table.c.ticket_id == ticket))
    ]

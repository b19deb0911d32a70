"""The desk's pages on a port of their own, and people who are signed in to them."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import DummyCookieJar, FormData
from aiohttp.test_utils import TestClient, TestServer

from channels.email.cleaning import clean_html
from core.channel import Publishing
from core.desk import accounts
from core.desk.principal import Principal
from core.settings import Hub, Limits, Settings
from core.store import blobs, tables
from core.store.database import Database
from core.store.tx import Tx
from tests import rows
from tests.fakes import FakeLinking
from web.app import make_app
from web.site import SITE

SENT_AS = b"<p onclick='x()'>Broken.</p><script>alert(1)</script><img src='cid:pic'><img src='https://evil.test/p.png'>"
PNG = b"\x89PNG\r\n\x1a\n picture"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Ids of what stands on the desk."""

    ticket: str
    asked: str
    said: str
    noted: str
    picture: str
    secret: str
    held: str
    broken: str
    bounced: str


def furnish(tx: Tx) -> Desk:
    """A customer's ticket with everything on it, one of another customer, one that is solved, one of a stranger."""
    rows.people(tx)
    tx.update(tables.agent, {"id": rows.LEADER.id}, language="en")
    tx.insert(tables.counter, name="ticket:26", value=100)  # numbers below are taken
    for table, names in (
        (tables.technology, ("Network", "Server")),
        (tables.request_type, ("Incident",)),
        (tables.desk_group, ("Network L1", "Servers L1")),
    ):
        for position, name in enumerate(names):
            tx.insert(table, name=name, position=position)
    one = rows.a_ticket(
        tx,
        "26-000001",
        subject="<b>Broken</b> switch",
        desk_group="Network L1",
        technology="Network",
        request_type="Incident",
        impact=2,
        urgency=2,
        state="in_progress",
        assignee=rows.TECHNICIAN.id,
        last_direction="in",
        last_event=2,
        flags=["held"],
        next_due=datetime.now(UTC) + timedelta(minutes=42, seconds=30),
        next_clock="resolve",
    )
    rows.an_event(tx, one, 1, "ticket.opened", actor="contact:alice")
    rows.an_event(tx, one, 2, "ticket.take", actor=f"agent:{rows.TECHNICIAN.id}")
    asked = rows.a_message(
        tx,
        one,
        "It is <i>broken</i>.\n> what we said before\n",
        direction="in",
        author_name="Alice",
        author_address=rows.ALICE.email,
        trust="weak",
        spans=[[0, 21, "visible"], [21, 44, "quoted"]],
        html=blobs.put(tx, SENT_AS, now=rows.NOON),
        inbound_id=rows.an_inbound(
            tx,
            raw=b"From: alice\n\nIt is",
            outcome="ticket",
            open=False,
            detail={
                "trust_reasons": ["known_address"],
                "authentication": ["dkim=fail header.d=acme.test header.s=s1 why=body_changed"],
            },
        ),
    )
    picture = rows.a_file(
        tx, one, asked, PNG, content_id="pic", name='../"Schéma\r\n.png', type="image/png", inline=True
    )
    rows.a_message(tx, one, "We have it.\n\n-- \nOur desk", kind="received", automatic=True)
    said = rows.a_message(tx, one, "We look.", author_name="Teo", at=rows.NOON + timedelta(minutes=1))
    noted = rows.a_note(tx, one, "they have not paid")
    bounced = rows.a_delivery(tx, one, said, rows.ALICE.email, state="bounced", error="no such box")
    rows.a_ticket(tx, "26-000002", by=rows.BOB, desk_group="Servers L1", subject="Server of Beta")
    done = rows.a_ticket(tx, "26-000003", state="resolved", subject="Printer", desk_group="Network L1")
    rows.a_message(tx, done, "Toner changed.", kind="resolved", automatic=True)
    rows.a_ticket(tx, "26-000004", by=None, state="triage", subject="Who am I")
    held = rows.an_inbound(
        tx,
        ticket_id=one,
        subject="Your code",
        detail={"ticket": one, "thread": rows.thread_of(one), "text": "<b>the</b> code is 7"},
    )
    broken = rows.an_inbound(tx, outcome="exception", reason="unreadable", detail={"error": "not MIME"})
    return Desk(
        ticket=one,
        asked=asked,
        said=said,
        noted=noted,
        picture=picture,
        secret=rows.a_file(tx, one, noted, b"secret", internal=True, name="secret.txt"),
        held=held,
        broken=broken,
        bounced=bounced,
    )


@dataclass(frozen=True, slots=True)
class Page:
    """An answer, read."""

    status: int
    text: str
    headers: Any

    @property
    def words(self) -> str:
        """What a person reads."""
        return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", self.text)))

    def rows(self) -> list[str]:
        """Numbers of the tickets in the list, in its order."""
        return re.findall(r'id="t(\d\d-\d{6})"', self.text)

    def field(self, name: str, *, form: str = "") -> str:
        """What stands in a field of a form."""
        inside = self.text[self.text.index(form) :] if form else self.text
        found = re.search(rf'<input[^>]*name="{name}"[^>]*value="([^"]*)"', inside)
        found = found or re.search(rf'<textarea[^>]*name="{name}"[^>]*>([^<]*)</textarea>', inside)
        assert found, name
        return html.unescape(found[1])


class Person:
    """Somebody with a browser: cookies, forms with their token, and redirects that are not followed."""

    def __init__(self, client: Any, cookie: str, csrf: str) -> None:
        self.client, self.csrf = client, csrf
        self.headers = {"Cookie": f"centralino={cookie}"} if cookie else {}

    async def get(self, path: str, **headers: str) -> Page:
        """A page."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        response = await self.client.get(path, headers=self.headers | more, allow_redirects=False)
        return Page(response.status, (await response.read()).decode("utf-8", "replace"), response.headers)

    async def post(self, path: str, files: tuple[tuple[str, bytes], ...] = (), **fields: Any) -> Page:
        """A form. `as_` stands for `as`; a list is several fields of a name."""
        form: Any = FormData({"csrf": self.csrf}, default_to_multipart=True)
        for name, value in fields.items():
            for one in value if isinstance(value, list) else [value]:
                form.add_field(name.rstrip("_"), str(one))
        for name, content in files:
            form.add_field("files", content, filename=name)
        headers = self.headers | {"Sec-Fetch-Site": "same-origin"}
        response = await self.client.post(path, data=form, headers=headers, allow_redirects=False)
        return Page(response.status, await response.text(), response.headers)

    async def do(self, verb: str, number: str = "26-000001", **fields: Any) -> Page:
        """A verb of the desk."""
        return await self.post(f"/desk/tickets/{number}/do/{verb}", **fields)


class Pages:
    """The application, and who may come in."""

    def __init__(self, db: Database, client: TestClient[Any, Any]) -> None:
        self.db, self.client = db, client
        self.site = client.server.app[SITE]  # type: ignore[attr-defined]

    async def as_(self, who: Principal | None) -> Person:
        """A browser of this person, signed in."""
        if who is None:
            return Person(self.client, "", "")
        table = tables.agent if who.is_agent else tables.contact
        await self.db.write(lambda tx: tx.update(table, {"id": who.id}, password_hash="x"))
        found = await self.db.read(accounts.account, who.email)
        assert found is not None
        now = datetime.now(UTC)
        cookie, csrf = await self.db.write(
            accounts.begin, found, device="test", limits=accounts.Limits(), now=now
        )
        return Person(self.client, cookie, csrf)


@asynccontextmanager
async def serving(
    db: Database, folder: Path, *, publishing: Sequence[Publishing] = (), **limits: int
) -> AsyncIterator[Pages]:
    """The pages on a port of their own; `folder` is where the hub keeps its things. `limits`: other ones than usual."""
    app = make_app(
        db,
        Settings(hub=Hub(data_dir=folder), limits=Limits(**limits), channels={}),
        clean=clean_html,
        linking={"telegram": FakeLinking()},
        publishing=publishing,
    )
    async with TestClient(TestServer(app), cookie_jar=DummyCookieJar()) as client:
        yield Pages(db, client)

"""A desk behind the API: two customers, staff, tickets, tokens; and a client that speaks as each of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from core.channel import Publishing
from core.desk import accounts, flows, publishing, windows
from core.ids import new_id
from core.store import blobs, tables
from core.store.database import Database
from core.store.tx import Tx
from ivr import rules as flow_rules
from tests import rows
from tests.fakes import FakeLinking
from web.api import API, Outside, make_api, routes

SECRET = "MARKER-9f3b"  # noqa: S105 - what only staff may read


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Tokens by person, and ids of what stands on the desk."""

    tokens: dict[str, str]
    ids: dict[str, str]


class Caller:
    """Somebody with a token."""

    def __init__(self, client: Any, token: str | None) -> None:
        self.client = client
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def get(self, path: str, **query: Any) -> Any:
        """GET below the base."""
        return await self.client.get(f"/api/v1{path}", params=query, headers=self.headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """POST JSON below the base; header names with _ for -."""
        return await self.send("POST", path, body, **headers)

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The same by any method."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.request(
            method, f"/api/v1{path}", json={} if body is None else body, headers=self.headers | more
        )


def furnish(tx: Tx) -> Desk:
    """Two customers with a ticket each, what is held beside one, a contract each."""
    rows.people(tx)
    tx.insert(tables.site, customer="ACME", name="Milano", address="", time_zone="", holidays="")
    tx.insert(tables.counter, name="ticket:26", value=100)  # numbers below are taken
    for position, name in enumerate(("Network L1", "Servers L1")):
        tx.insert(tables.desk_group, name=name, position=position)
    acme = rows.a_ticket(
        tx, "26-000001", desk_group="Network L1", last_event=1, snippet=SECRET, provenance={"site": SECRET}
    )
    rows.an_event(tx, acme, 1, "ticket.opened", actor="contact:alice", inbound=SECRET)
    asked = rows.a_message(
        tx,
        acme,
        "It is broken.\n> quoted",
        direction="in",
        author_name="Alice",
        author_address="alice@acme.test",
        trust="weak",
        spans=[[0, 14, "visible"], [14, 22, "quoted"]],
        notes=[SECRET],
    )
    rows.a_file(tx, acme, asked, b"log")
    rows.a_message(tx, acme, f"a code {SECRET}", direction="in", author_address="noreply@shop.test")
    rows.a_message(tx, acme, f"to the vendor {SECRET}", audience="vendor:1")
    said = rows.a_message(
        tx, acme, "We look into it.", author_name="Teo", at=rows.NOON + timedelta(minutes=1)
    )
    rows.a_delivery(tx, acme, said, "alice@acme.test", error=SECRET)
    rows.a_delivery(tx, acme, said, f"{SECRET}@acme.test", state="given_up")
    rows.a_note(tx, acme, f"they have not paid {SECRET}")
    beta = rows.a_ticket(tx, "26-000002", by=rows.BOB, desk_group="Servers L1", subject="Beta's own")
    rows.a_message(tx, beta, "Beta's words", direction="in", author_address="bob@beta.test")
    held = rows.an_inbound(tx, ticket_id=acme, subject=SECRET)
    broken = rows.an_inbound(tx, outcome="exception", reason="unreadable", detail={"error": "no"})
    for number, customer in (("C-2026-001", "ACME"), ("C-2026-002", "BETA")):
        tx.insert(tables.contract, number=number, customer=customer, version=number)
        said = {
            "number": number,
            "valid_from": "2020-01-01",
            "valid_until": "2099-12-31",
            "lines": [
                {"name": "Network", "technologies": ["Network"]},
                {"name": "Hours", "measure": "hours", "quantity": 10.0, "period": "year"},
            ],
        }
        for version, content in ((number, {**said, "customer": customer}), (f"file:{number}", said)):
            tx.insert(
                tables.definition,
                version=version,
                kind="contract",
                name=number,
                content=content,
                at=rows.NOON,
            )
    now = datetime.now(UTC)
    tokens = {
        who.name: accounts.token_create(tx, kind=who.kind, email=who.email, name="test", now=now)
        for who in (rows.LEADER, rows.TECHNICIAN, rows.ALICE, rows.BOB, rows.ADA)
    }
    tokens["reader"] = accounts.token_create(
        tx, kind="agent", email=rows.LEADER.email, name="reader", now=now, scopes=("read",)
    )
    tokens["lapsed"] = accounts.token_create(
        tx, kind="agent", email=rows.LEADER.email, name="lapsed", now=now, expires_at=now - timedelta(hours=1)
    )
    tx.insert(tables.technology, name="Network", position=0)
    outage = publishing.publish(
        tx,
        rows.LEADER,
        words={"it": {"title": "Rete", "text": "Ferma."}, "en": {"title": "Network", "text": "It is down."}},
        since=now,
        customers=["ACME"],
        technologies=["Network"],
        now=now,
    )
    publishing.update(tx, rows.LEADER, outage, words={"it": "Al lavoro.", "en": "We are on it."}, now=now)
    window = windows.plan(
        tx,
        rows.LEADER,
        customer="ACME",
        tag=f"env={SECRET}",
        since=now + timedelta(days=1),
        until=now + timedelta(days=1, hours=2),
        now=now,
    )
    shipped = flow_rules.DEFAULT.read_text(encoding="utf-8")
    flows.install(tx, flows.DEFAULT, shipped, flow_rules.digest(flow_rules.parse(shipped)), now=now)
    call = a_call(tx, acme, now=now)
    account = "telegram:4242"
    tx.insert(
        tables.identity,
        address=account,
        contact="alice",
        channel="telegram",
        name="Hers",
        proof="link",
        since=now,
    )
    room = new_id()
    tx.insert(
        tables.chat,
        id=room,
        channel="telegram",
        address="telegram:-1009",
        kind="room",
        name=SECRET,
        customer="ACME",
        created_at=now,
        last_at=now,
    )
    ids = {
        "account": account,
        "room": room,
        "acme": acme,
        "beta": beta,
        "held": held,
        "broken": broken,
        "asked": asked,
        "outage": outage,
        "window": window,
    }
    ids |= {"call": call}
    return Desk(tokens=tokens, ids=ids)


def a_call(tx: Tx, ticket: str, *, now: datetime) -> str:
    """Alice called about this ticket; what only staff may know of it is marked. She waits to be called back."""
    call = new_id()
    tx.insert(
        tables.call,
        id=call,
        line="sip",
        external_id=call,
        direction="in",
        caller="+390455550101",
        customer="ACME",
        contact=rows.ALICE.id,
        trust="verified",
        desk_group="Network L1",
        flow=flows.published_digest(tx, flows.DEFAULT),
        state={},
        seq=1,
        phase="over",
        outcome="missed",
        cause=SECRET,
        facts={"code": SECRET},
        first_ring_at=now,
        signal_at=now,
        ended_at=now,
    )
    for seq, value in enumerate(("", SECRET)):
        said = {"call": call, "seq": seq, "say": [], "then": {"kind": "hangup"}, "language": "it"}
        tx.insert(
            tables.call_turn,
            call_id=call,
            seq=seq,
            at=now,
            event="digits",
            value=value,
            node="main",
            answer=said,
        )
    tx.insert(
        tables.recording,
        call_id=call,
        seq=0,
        state="stored",
        ticket_id=ticket,
        blob=blobs.put(tx, SECRET.encode(), now=now),
        type="audio/wav",
        at=now,
        transcript={"engine": SECRET, "text": SECRET},
    )
    tx.insert(tables.ticket_call, ticket_id=ticket, call_id=call, how="missed", at=now)
    owed = {"number": "+390455550101", "name": SECRET, "desk_group": SECRET, "reason": "missed"}
    tx.insert(
        tables.callback, ticket_id=ticket, id=new_id(), call_id=call, state="waiting", since=now, **owed
    )
    return call


@asynccontextmanager
async def serving(
    db: Database,
    *,
    per_person: int = 1000,
    domains: Sequence[Publishing] = (),
    explain: Callable[[bytes], Awaitable[Any]] | None = None,
) -> AsyncIterator[TestClient[Any, Any]]:
    """The API alone on a port of its own."""
    app = web.Application()
    app[API] = make_api(
        db,
        per_person=per_person,
        per_address=per_person,
        linking={"telegram": FakeLinking()},
        outside=Outside(publishing=domains, explain=explain),
    )
    routes(app)
    async with TestClient(TestServer(app)) as client:
        yield client

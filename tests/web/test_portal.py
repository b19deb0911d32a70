from __future__ import annotations

import html
import re
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import func, select

from core.desk import accounts, coverage
from core.settings import Hub, Settings
from core.store import tables
from tests import rows
from web.app import make_app
from web.words import catalogue

MARKER = "MARKER-4c1d"
LIMITS = accounts.Limits(
    staff_idle=timedelta(hours=8),
    portal_idle=timedelta(hours=8),
    life=timedelta(days=1),
    per_person=5,
    tries=5,
    window=900,
    tries_per_address=50,
)


def furnish(tx):
    rows.people(tx)
    tx.insert(tables.counter, name="ticket:26", value=100)
    tx.insert(tables.technology, name="Network", position=0)
    tx.insert(tables.request_type, name="Incident", position=0)
    tx.insert(tables.contract, number="C-1", customer="ACME", version="portal-v1")
    tx.insert(
        tables.definition,
        version="portal-v1",
        kind="contract",
        name="C-1",
        content={
            "number": "C-1",
            "customer": "ACME",
            "valid_from": "2020-01-01",
            "valid_until": "2099-12-31",
            "lines": [{"name": "Rete", "technologies": ["Network"]}],
        },
        at=rows.NOON,
    )
    acme = rows.a_ticket(tx, "26-000001", last_event=1, subject="La rete è giù", state="waiting_customer")
    rows.an_event(tx, acme, 1, "ticket.opened", actor="contact:alice", inbound=MARKER)
    rows.a_message(
        tx,
        acme,
        "<script>alert(1)</script>\n> detto prima",
        direction="in",
        author_name="Alice",
        author_address="alice@acme.test",
        spans=[[0, 26, "visible"], [26, 39, "quoted"]],
        notes=[MARKER],
    )
    rows.a_message(tx, acme, f"to the vendor {MARKER}", audience="vendor:1")
    rows.a_note(tx, acme, f"they have not paid {MARKER}")
    rows.a_ticket(tx, "26-000002", by=rows.BOB, subject=f"Beta {MARKER}")
    done = rows.a_ticket(tx, "26-000003", state="resolved", subject="Stampante")
    rows.a_message(tx, done, "Toner sostituito.", kind="resolved", author_name="Teo")


async def sign_in(email, db):
    await db.write(lambda tx: tx.update(tables.contact, {"email": email}, password_hash="x"))
    found = await db.read(accounts.account, email)
    return await db.write(accounts.begin, found, device="test", limits=LIMITS, now=datetime.now(UTC))


@asynccontextmanager
async def serving(db):
    app = make_app(db, Settings(channels={}), clean=lambda html, **_: html)
    async with TestClient(TestServer(app)) as client:
        yield client


@pytest.fixture
async def alice(db):
    await db.write(furnish)
    cookie, csrf = await sign_in("alice@acme.test", db)
    async with serving(db) as client:
        client.session.cookie_jar.update_cookies({"centralino": cookie}, client.make_url("/"))
        client.csrf = csrf
        yield client


async def post(client, path, **fields):
    data = {"csrf": client.csrf} | fields
    return await client.post(
        path, data=data, headers={"Sec-Fetch-Site": "same-origin"}, allow_redirects=False
    )


async def test_the_home_page_says_what_needs_the_customer_and_what_they_bought(alice):
    text = await (await alice.get("/portal/")).text()

    assert "Aspettiamo una Sua risposta" in text
    assert "ce lo conferma?" in text
    assert "C-1" in text
    assert "31 dicembre 2099" in text
    assert "Servizio attivo adesso" in text


@pytest.mark.parametrize(
    "path",
    [
        "/portal/",
        "/portal/new",
        "/portal/history",
        "/portal/requests/26-000001",
        "/portal/requests/26-000003",
    ],
)
async def test_no_page_shows_what_is_inside_or_belongs_to_another_or_runs_anything(alice, path):
    response = await alice.get(path)
    text = await response.text()

    assert response.status == 200, text
    assert MARKER not in text
    assert "<script>" not in text
    assert " style=" not in text
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize("what", ["", "/report", "/files/x", "/messages/x/html"])
async def test_the_request_of_another_customer_is_not_there(alice, what):
    assert (await alice.get(f"/portal/requests/26-000002{what}")).status == 404
    for verb in ("reply", "confirm", "refuse", "rate"):
        answer = await post(alice, f"/portal/requests/26-000002/{verb}", text="x", reason="x", score="1")
        assert answer.status == 404


async def test_a_form_sent_twice_makes_one_request(alice, db):
    fields = {"subject": "VPN", "text": "Non va", "technology": "Network", "form": "one", "send": "1"}

    first, second = [await post(alice, "/portal/new", **fields) for _ in range(2)]

    assert first.status == second.status == 303
    assert first.headers["Location"] == second.headers["Location"]
    count = select(func.count()).select_from(tables.ticket).where(tables.ticket.c.subject == "VPN")
    assert (await db.read(lambda tx: tx.one(count)))[0] == 1
    assert (await alice.get(first.headers["Location"])).status == 200


async def test_before_it_is_sent_the_page_says_what_the_contract_answers(alice, db):
    answer = await post(alice, "/portal/new", subject="VPN", text="Non va", technology="Network")
    text = await answer.text()

    assert "Coperto dal contratto" in text
    assert re.search(r'value="VPN"', text)
    assert await db.read(lambda tx: tx.all(select(tables.inbound.c.id))) == []


@pytest.mark.parametrize(
    ("state", "verdict", "told"),
    [
        ("in_progress", "covered", ["Coperta dal contratto C-1: Rete.", "a ogni ora"]),
        ("triage", "no_contract", ["non risulta un contratto. Il commerciale La contatterà"]),
        ("in_progress", "out_of_scope", ["Non coperta dal contratto. Ce ne occupiamo; se c'è un costo"]),
        ("on_hold", "suspended", ["Il contratto è sospeso. Prima di iniziare serve un'approvazione"]),
    ],
)
async def test_a_request_says_which_line_covers_it_or_what_follows_where_none_does(
    alice, db, state, verdict, told
):
    await db.write(lambda tx: checked(tx, state, verdict))

    text = await (await alice.get("/portal/requests/26-000001")).text()
    words = " ".join(html.unescape(re.sub("<[^>]*>", " ", text)).split())
    assert [one for one in told if one not in words] == [], words


def checked(tx, state, verdict):
    tx.update(tables.ticket, {"number": "26-000001"}, state=state)
    ticket = tx.one(select(tables.ticket.c.id).where(tables.ticket.c.number == "26-000001"))
    line = (
        {"contract": "C-1", "contract_version": "portal-v1", "line": "Rete"} if verdict == "covered" else {}
    )
    tx.insert(
        tables.entitlement_check,
        ticket_id=ticket.id,
        seq=1,
        at=rows.NOON,
        evidence={"inputs": {}, "inputs_hash": "", "reasons": [], "candidates": []},
        verdict=verdict,
        decision="accept",
        trust="verified",
        window_open=True,
        **line,
    )


async def test_what_no_contract_covers_is_told_so(db):
    await db.write(furnish)

    found = await db.read(coverage.preview, rows.BOB, now=rows.NOON, technology="Network")

    assert (found.verdict, found.covered) == ("no_contract", False)


async def test_an_answer_ends_the_waiting(alice, db):
    answer = await post(alice, "/portal/requests/26-000001/reply", text="Ecco il log", form="r1")

    assert answer.status == 303
    state = select(tables.ticket.c.state).where(tables.ticket.c.number == "26-000001")
    assert (await db.read(lambda tx: tx.one(state))).state != "waiting_customer"
    assert "Ecco il log" in await (await alice.get("/portal/requests/26-000001")).text()


async def test_the_customer_closes_what_is_solved_and_prints_the_report(alice, db):
    assert (await post(alice, "/portal/requests/26-000003/confirm")).status == 303

    state = select(tables.ticket.c.state).where(tables.ticket.c.number == "26-000003")
    assert (await db.read(lambda tx: tx.one(state))).state == "closed"
    assert (await alice.get("/portal/requests/26-000003/report")).status == 200


async def test_the_customer_says_how_it_went_and_changes_their_mind(alice):
    where = "/portal/requests/26-000003"
    await post(alice, f"{where}/confirm")
    assert (await post(alice, f"{where}/rate", comment="Senza voto")).status == 422

    for score in ("2", "4"):
        assert (await post(alice, f"{where}/rate", score=score, comment="Bravi <b>")).status == 303

    text = await (await alice.get(where)).text()
    assert 'value="4" required checked' in text
    assert "Bravi &lt;b&gt;" in text
    assert "Cambia la valutazione" in text


async def test_without_the_forms_token_nothing_happens(alice):
    alice.csrf = "wrong"

    assert (await post(alice, "/portal/requests/26-000003/confirm")).status == 403


def test_both_languages_say_the_same_things():
    ours = [{k for k in catalogue(language) if k.startswith("portal.")} for language in ("it", "en")]

    assert ours[0] == ours[1]
    used = "".join(path.read_text() for path in Path("templates/portal").glob("*.html"))
    assert set(re.findall(r't\("(portal\.[a-z_.]+[a-z0-9_])"', used)) <= ours[0]


async def test_the_portal_tells_times_in_the_customers_zone_as_messages_do(alice, db):
    await db.write(lambda tx: tx.update(tables.customer, {"code": "ACME"}, time_zone="Asia/Tokyo"))
    await db.write(lambda tx: tx.run(tables.desk_revision.update().values(revision=99)))
    noon_there = rows.NOON.astimezone(ZoneInfo("Asia/Tokyo")).strftime("%H:%M")

    text = await (await alice.get("/portal/requests/26-000001")).text()

    assert noon_there != rows.NOON.astimezone(ZoneInfo(Hub().time_zone)).strftime("%H:%M")
    assert noon_there in text


# --- What was typed while the request changed -------------------------------------------------------------------


@pytest.fixture
async def merged(alice, db):
    """26-000010 was merged into 26-000001."""

    def add(tx):
        goes_on = tx.one(select(tables.ticket.c.id).where(tables.ticket.c.number == "26-000001")).id
        rows.a_ticket(tx, "26-000010", state="merged", merged_into=goes_on)

    await db.write(add)
    return "/portal/requests/26-000010"


async def test_an_answer_to_a_request_that_was_merged_is_said_on_the_one_that_goes_on(alice, db, merged):
    answer = await post(alice, f"{merged}/reply", text="Parole pesate", form="f1", seen="1")

    assert answer.status == 303
    assert re.fullmatch(r"/portal/requests/26-000001#m-.+", answer.headers["Location"])
    assert "Parole pesate" in await (await alice.get("/portal/requests/26-000001")).text()


@pytest.mark.parametrize(
    ("verb", "fields"),
    [
        ("refuse", {"reason": "Parole pesate"}),
        ("rate", {"score": "2", "comment": "Parole pesate"}),
        ("visits/0190aaaa-0000-7000-8000-000000000000/none", {"text": "Parole pesate"}),
        ("refuse-workaround", {"workaround": "gone", "reason": "Parole pesate"}),
    ],
)
async def test_what_cannot_be_done_after_a_merge_is_shown_on_the_one_that_goes_on_with_its_words(
    alice, merged, verb, fields
):
    answer = await post(alice, f"{merged}/{verb}", **fields)
    text = await answer.text()

    assert answer.status == 409
    assert "La Sua richiesta 26-000010 prosegue in questa." in text
    assert "Con il vecchio numero non è stato possibile." in text
    assert "La rete è giù" in text
    assert re.search(r'<textarea id="text"[^>]*>Parole pesate</textarea>', text)


async def test_an_answer_without_words_to_a_merged_request_is_refused_for_that(alice, merged):
    answer = await post(alice, f"{merged}/reply", text=" ", form="f1", seen="1")
    text = await answer.text()

    assert answer.status == 422
    assert "La Sua richiesta 26-000010 prosegue in questa." in text
    assert "Con il vecchio numero" not in text, "with words it would have been taken"
    assert "controlli lo stato della richiesta e il testo" in text


@pytest.mark.parametrize(
    ("verb", "field"),
    [("reply", "text"), ("refuse", "reason"), ("rate", "comment"), ("refuse-workaround", "reason")],
)
async def test_words_to_a_request_that_ended_meanwhile_are_kept_and_offered_to_a_new_one(
    alice, db, verb, field
):
    await db.write(lambda tx: rows.a_ticket(tx, "26-000011", state="rejected", subject="Monitor"))

    answer = await post(alice, f"/portal/requests/26-000011/{verb}", **{field: "Parole pesate", "score": "1"})
    text = await answer.text()

    assert answer.status == 409
    assert "Questa richiesta è conclusa" in text
    assert "Parole pesate</div>" in text
    offered = {
        name: html.unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="(subject|text)" value="([^"]*)"', text)
    }
    assert offered == {"subject": "Monitor", "text": "Parole pesate"}
    new = await (await post(alice, "/portal/new", **offered)).text()
    assert re.search(r'<textarea id="text"[^>]*>Parole pesate</textarea>', new)
    assert 'value="Monitor"' in new


async def test_who_says_that_it_is_not_solved_when_work_goes_on_already_sends_it_as_an_answer(alice):
    text = await (await post(alice, "/portal/requests/26-000001/refuse", reason="Parole pesate")).text()

    assert re.search(r'<textarea id="text"[^>]*>Parole pesate</textarea>', text)
    assert "è nella risposta qui sotto" in text

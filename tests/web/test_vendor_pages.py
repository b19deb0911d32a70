"""Cases at vendors on the pages: opened after a look, talked about beside the customer's conversation, told in words of one's own, scored."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from core.store import tables
from core.store.opening import open_database
from tests import rows
from web.words import catalogue

TICKET = "/desk/tickets/26-000001"
NEW = f"{TICKET}/vendors/new"
SAID = "zanzibar"
FORM = {
    "vendor": "Cumulus",
    "subject": "Fan of sw-1",
    "text": "The fan of Alice at Acme S.p.A. stands still.",
}


@pytest.fixture
def db(sqlite_url, facts):
    database = open_database(sqlite_url, facts, readers=2, connections=4)
    yield database
    database.close()


@pytest.fixture(autouse=True)
async def vendors(db, desk):
    """Cumulus, which is not to know customers, and Stratus, which has no address."""

    def add(tx):
        tx.insert(
            tables.vendor,
            name="Cumulus",
            content={
                "email": "support@cumulus.test",
                "reference_pattern": "SR[0-9]{7}",
                "mask": True,
                "answer": "2h",
            },
        )
        tx.insert(tables.vendor, name="Stratus", content={})

    await db.write(add)


async def opened(teo, **form) -> str:
    """The address of a case that was sent."""
    done = await teo.post(NEW, **(FORM | {"do": "send"} | form))
    assert done.status == 303, done.words
    return done.headers["Location"]


async def answered(db, page: str) -> str:
    """A vendor's message on the case of this page; its id."""
    case_id = page.rpartition("/")[2]

    def put(tx):
        (case,) = tx.all(select(tables.vendor_case).where(tables.vendor_case.c.id == case_id))
        tx.update(tables.vendor_case, {"ticket_id": case.ticket_id, "id": case.id}, state="waiting_us")
        return rows.a_message(
            tx,
            case.ticket_id,
            f"{SAID}: we send a fan",
            direction="in",
            audience=f"vendor:{case_id}",
            thread_id=case.thread_id,
            author_name="Vera",
            author_address="support@cumulus.test",
            trust="token",
        )

    return await db.write(put)


async def test_a_case_is_looked_at_as_the_vendor_reads_it_then_sent(teo, db):
    assert "Apri un caso" in (await teo.get(TICKET)).words
    looked = await teo.post(NEW, **FORM, do="look")
    assert (looked.status, looked.field("subject")) == (200, FORM["subject"])
    assert "The fan of […] at […] stands still." in looked.words
    assert await db.read(lambda tx: tx.all(select(tables.vendor_case))) == []

    page = await teo.get(await opened(teo, severity="2", wait="1"))

    assert "The fan of […] at […] stands still." in page.words
    assert "We look." in page.words, "the customer's conversation stands beside it"
    shown = await teo.get(TICKET)
    assert "Cumulus Fan of sw-1" in shown.words
    assert "stands still" not in shown.words, "nothing of it is in the conversation with the customer"


async def test_a_draft_waits_for_its_author_and_what_is_wrong_is_said(teo, lea):
    kept = await teo.post(NEW, **FORM, do="keep")
    page = await teo.get(kept.headers["Location"])
    assert "Bozza" in page.words
    assert "stands still" in page.text
    assert "stands still" not in (await lea.get(kept.headers["Location"])).text
    wrong = await lea.post(NEW, **(FORM | {"subject": "", "do": "send"}))
    assert (wrong.status, "Write the subject" in wrong.words) == (422, True)
    assert "stands still" in wrong.text, "nothing is lost"
    sent = await teo.post(f"{kept.headers['Location']}/write", text="The fan.", do="send", idem="v1")
    assert sent.status == 303
    done = await teo.post(f"{kept.headers['Location']}/reopen")
    assert (done.status, "Nello stato in cui è il caso" in done.words) == (409, True)
    assert (await teo.post(f"{kept.headers['Location']}/explode")).status == 404


async def test_only_words_of_ones_own_reach_the_customer_after_a_look(teo, alice, db):
    page = await opened(teo)
    message = await answered(db, page)
    shown = await teo.get(page)
    assert SAID in shown.words
    assert shown.field("text", form="/promote") == "", "nothing of the vendor's is put in"
    looked = await teo.post(f"{page}/promote", text="A fan is coming.", message=message, do="look")
    assert "Così lo legge il cliente" in looked.words
    assert "A fan is coming." not in (await alice.get("/portal/requests/26-000001")).words

    sent = await teo.post(f"{page}/promote", text="A fan is coming.", message=message, do="send", idem="p1")

    assert sent.status == 303
    portal = await alice.get("/portal/requests/26-000001")
    assert "A fan is coming." in portal.words
    assert "The vendor has worked on it since" in portal.words or "Il fornitore ci lavora da" in portal.words
    assert not {SAID, "Cumulus", "Vera"} & set(re.findall(r"\w+", portal.text))
    assert (await alice.get(page)).status == 404
    assert (await alice.get(f"/portal/?q={SAID}")).text.count(SAID) <= 1, "but in the box it was typed in"


async def test_details_and_the_next_update_are_kept_and_bad_ones_said(teo, alice):
    page = await opened(teo)
    due = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    fields = {"reference": "SR1234567", "severity": "1", "serial": "X", "rma": "R7", "reference_shown": "1"}
    assert (await teo.post(f"{page}/describe", **fields, next_update_due=due)).status == 303
    shown = await teo.get(page)
    assert (shown.field("reference"), shown.field("next_update_due")) == ("SR1234567", due)
    assert "SR1234567" in (await alice.get("/portal/requests/26-000001")).words
    wrong = await teo.post(f"{page}/describe", **fields, next_update_due="2020-01-01T00:00")
    assert (wrong.status, "a venire" in wrong.words) == (422, True)
    for act, state in (("solve", "Risolto"), ("reopen", "In lavorazione"), ("close", "Chiuso")):
        assert (await teo.post(f"{page}/{act}")).status == 303
        assert state in (await teo.get(page)).words


async def test_the_list_has_the_triage_and_for_who_leads_the_score(teo, lea, alice, db):
    page = await opened(teo)
    case = page.rpartition("/")[2]

    def put(tx):
        return rows.an_inbound(
            tx, reason="vendor_no_case", subject="Fan?", detail={"vendor": "Cumulus", "text": SAID}
        )

    held = await db.write(put)
    listed = await lea.get("/desk/vendors")
    assert "Fan of sw-1" in listed.words
    assert "It names no open case of this vendor." in listed.words
    assert "Score of the month" in listed.words
    mine = await teo.get("/desk/vendors")
    assert "Fan of sw-1" in mine.words
    assert SAID not in mine.words
    assert "Punteggio" not in mine.words
    assert (await lea.post(f"/desk/vendors/triage/{held}", case="")).status == 422
    assert (await lea.post(f"/desk/vendors/triage/{held}", case=f"26-000001/{case}")).status == 303
    assert (await lea.post(f"/desk/vendors/triage/{held}", case=f"26-000001/{case}")).status == 409
    assert (await lea.get("/desk/vendors?month=March")).status == 422
    assert (await alice.get("/desk/vendors")).status == 404


def test_every_state_act_and_reason_has_its_words():
    for language in ("it", "en"):
        words = catalogue(language)
        assert {f"vendors.act.{act}" for act in ("work", "solve", "reopen", "close")} <= set(words)

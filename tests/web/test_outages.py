"""Outages on the pages: staff see whom a notice concerns before it is published, customers see those that are theirs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.desk import outage_board, outages, publishing
from core.store import tables
from tests import rows
from tests.web.desk_pages import Page
from web.words import catalogue

ROME = ZoneInfo("Europe/Rome")
WORDS = {
    "title_it": "Rete di Milano",
    "text_it": "La fibra è interrotta.",
    "title_en": "Network in Milan",
    "text_en": "The fibre is cut.",
}


def local(**span):
    return f"{datetime.now(ROME) + timedelta(**span):%Y-%m-%dT%H:%M}"


@pytest.fixture(autouse=True)
async def sites(desk, db):
    """Acme has a site, and a contract for the network."""

    def add(tx):
        tx.insert(tables.site, customer="ACME", name="Milano")
        tx.insert(tables.contract, number="C-1", customer="ACME", version="outages-v1")
        content = {
            "number": "C-1",
            "customer": "ACME",
            "valid_from": "2020-01-01",
            "valid_until": "2099-12-31",
        }
        content["lines"] = [{"name": "Network", "technologies": ["Network"]}]
        tx.insert(
            tables.definition,
            version="outages-v1",
            kind="contract",
            name="C-1",
            content=content,
            at=rows.NOON,
        )

    await db.write(add)


@pytest.fixture
def published(db):
    """`await published()`: an outage of Acme; by default in both languages and everywhere there."""

    async def publish(**fields):
        now = datetime.now(UTC)
        given = {
            "words": {
                language: {"title": WORDS[f"title_{language}"], "text": WORDS[f"text_{language}"]}
                for language in ("it", "en")
            },
            "since": now - timedelta(minutes=5),
            "customers": ["ACME"],
            "now": now,
        }
        return await db.write(publishing.publish, rows.LEADER, **(given | fields))

    return publish


def href(page: Page) -> str:
    assert page.status == 303, page.words
    return page.headers["Location"]


async def test_a_notice_is_published_for_those_whom_the_page_named_before(lea, db):
    form = {
        **WORDS,
        "since": local(minutes=-20),
        "site": "ACME\tMilano",
        "technology": "Network",
        "form": "f1",
    }

    preview = await lea.post("/desk/outages/new", **form)

    assert preview.status == 200
    assert "Concerns 1 customer Acme S.p.A." in preview.words
    assert await db.read(lambda tx: tx.one(tables.outage.select())) is None, "nothing is published yet"
    assert preview.field("title_it") == "Rete di Milano"
    form["for"] = preview.field("for")
    once, twice = [await lea.post("/desk/outages/new", publish=1, **form) for _ in range(2)]
    assert href(once) == href(twice)
    page = await lea.get(href(once))
    assert "Network in Milan" in page.words
    assert "Acme S.p.A., Milano" in page.words
    assert "published by Lea" in page.words


async def test_who_changes_the_customers_after_the_preview_sees_them_again_first(lea, db):
    form = {**WORDS, "since": local(), "customer": "ACME", "form": "f1"}
    form["for"] = (await lea.post("/desk/outages/new", **form)).field("for")

    page = await lea.post("/desk/outages/new", publish=1, **(form | {"customer": "BETA"}))

    assert page.status == 200
    assert "look again whom it concerns" in page.words
    assert "Concerns 1 customer Beta S.r.l." in page.words
    assert await db.read(lambda tx: tx.one(tables.outage.select())) is None


async def test_an_outage_of_nobody_is_called_that(lea):
    page = await lea.post("/desk/outages/new", **WORDS, since=local(), customer="BETA", technology="Network")

    assert "Concerns no customer" in page.words


async def test_what_is_wrong_with_a_notice_stands_at_its_field_and_nothing_typed_is_lost(lea):
    form = {**WORDS, "text_en": "", "since": local(days=1), "next_update": local(days=-1)}
    form["for"] = (await lea.post("/desk/outages/new", **form)).field("for")

    page = await lea.post("/desk/outages/new", publish=1, **form)

    assert page.status == 422
    assert set(re.findall(r'class="wrong" id="f-(\w+)"', page.text)) == {"text_en", "since", "next_update"}
    assert page.field("title_en") == "Network in Milan"


@pytest.mark.parametrize("since", ["yesterday", "0001-01-01T00:00", "9999-12-31T23:59"])
async def test_a_moment_that_is_none_is_refused(lea, since):
    form = {**WORDS, "since": since}
    form["for"] = (await lea.post("/desk/outages/new", **form)).field("for")

    assert (await lea.post("/desk/outages/new", publish=1, **form)).status == 422


async def test_a_technician_reads_notices_and_has_no_button(teo, published):
    outage = await published()

    listed, page = await teo.get("/desk/outages"), await teo.get(f"/desk/outages/{outage}")

    assert "Rete di Milano" in listed.words
    assert "/desk/outages/new" not in listed.text
    assert "La fibra è interrotta." in page.words
    assert f"/desk/outages/{outage}/end" not in page.text
    assert (await teo.get("/desk/outages/new")).status == 403
    assert (await teo.post("/desk/outages/new", **WORDS, publish=1)).status == 403
    assert (await teo.post(f"/desk/outages/{outage}/end")).status == 403


async def test_a_customer_sees_no_page_of_the_desk(alice, published):
    outage = await published()

    for path in ("/desk/outages", "/desk/outages/new", f"/desk/outages/{outage}"):
        assert (await alice.get(path)).status == 404


async def test_an_outage_is_updated_and_ended_by_forms(lea, published):
    outage = await published()
    path = f"/desk/outages/{outage}"

    updated = await lea.post(
        f"{path}/update",
        text_it="Quasi.",
        text_en="Nearly.",
        next_update=local(hours=1),
        customer="ACME",
        seen=1,
    )
    assert href(updated) == path
    page = await lea.get(path)
    assert "Nearly." in page.words
    assert href(await lea.post(f"{path}/end", text_it="", text_en="", seen=2)) == path
    ended = await lea.get(path)
    assert "Ended" in ended.words
    assert f"{path}/update" not in ended.text
    listed = await lea.get("/desk/outages")
    assert "No outage is running" in listed.words
    assert "Network in Milan" in listed.words


async def test_a_notice_is_withdrawn_with_a_reason_for_colleagues(lea, alice, published):
    outage = await published()

    assert (await lea.post(f"/desk/outages/{outage}/cancel", reason=" ")).status == 422
    assert href(await lea.post(f"/desk/outages/{outage}/cancel", reason="Wrong customer.", seen=1))

    assert "Wrong customer." in (await lea.get(f"/desk/outages/{outage}")).words
    assert "Rete di Milano" not in (await alice.get("/portal/")).words


async def test_who_is_late_reads_the_colleagues_update_and_keeps_what_they_typed(lea, published, db):
    outage = await published()
    words = {"it": "Squadra in viaggio.", "en": "Crew on its way."}
    await db.write(publishing.update, rows.LEADER, outage, words=words, now=datetime.now(UTC))
    await db.write(lambda tx: tx.run(tables.outage_update.update().values(by="agent:another")))

    page = await lea.post(
        f"/desk/outages/{outage}/update", text_it="Mio.", text_en="Mine.", customer="ACME", seen=1
    )

    assert page.status == 409
    assert "A colleague has updated this notice" in page.words
    assert "Crew on its way." in page.words
    assert "Mine." in page.text


async def test_an_update_that_lacks_a_language_is_refused_at_its_field(lea, published):
    outage = await published()

    page = await lea.post(f"/desk/outages/{outage}/update", text_it="Quasi.", text_en="", customer="ACME")

    assert page.status == 422
    assert 'id="f-text_en"' in page.text
    assert 'data-menu="update"' in page.text


async def test_the_side_shows_how_many_run_and_calls_when_an_update_is_late(lea, published, db):
    await published()
    side = (await lea.get("/desk/outages")).text
    assert re.search(r'Outages</span><span class="count">1<', side)

    now = datetime.now(UTC)

    await published(now=now - timedelta(minutes=9), since=now - timedelta(minutes=9), next_update=now)
    page = await lea.get("/desk/outages")

    assert "update promised for" in page.words
    assert (await db.read(outage_board.running, now=datetime.now(UTC))) == {"outages": 2, "outages_late": 1}


async def test_a_customer_reads_that_a_promised_update_is_late(alice, published):
    now = datetime.now(UTC)
    await published(now=now - timedelta(minutes=9), since=now - timedelta(minutes=9), next_update=now)

    home = await alice.get("/portal/")

    assert re.search(
        "In ritardo: un aggiornamento era promesso entro|Late: an update was promised by", home.words
    )


async def test_what_an_outage_told_stands_among_everything_that_left(lea, teo, published, db):
    outage = await published()
    now = datetime.now(UTC)
    await db.write(outages.subscribe, rows.ALICE, outage, by="email", now=now)
    await db.write(publishing.end, rows.LEADER, outage, now=now)

    left = await lea.get("/desk/outgoing")

    assert "End of an outage to Alice Network in Milan" in left.words
    assert f'href="/desk/outages/{outage}"' in left.text
    assert "Network in Milan" not in (await teo.get("/desk/outgoing")).words
    assert "alice@acme.test" in (await lea.get(f"/desk/outages/{outage}")).words


async def test_what_did_not_arrive_is_sent_again(lea, published, db):
    outage = await published()
    now = datetime.now(UTC)
    await db.write(outages.subscribe, rows.ALICE, outage, by="email", now=now)
    await db.write(publishing.end, rows.LEADER, outage, now=now)
    await db.write(lambda tx: tx.run(tables.delivery.update().values(state="bounced")))
    page = await lea.get("/desk/waiting?view=undelivered")
    (action,) = re.findall(rf'action="(/desk/outages/{outage}/deliveries/[^"]+/retry)"', page.text)

    assert href(await lea.post(action)) == "/desk/waiting?view=undelivered"

    states = {
        row.state
        for row in await db.read(lambda tx: tx.all(tables.delivery.select()))
        if row.ticket_id == outage
    }
    assert states == {"queued"}


async def test_the_portal_shows_a_customer_what_concerns_them_and_nobody_else(pages, alice, published):
    await published(sites=[("ACME", "Milano")], customers=[])
    bob = await pages.as_(rows.BOB)

    assert "Rete di Milano" in (await alice.get("/portal/")).words
    assert "La fibra è interrotta." in (await alice.get("/portal/")).words
    assert "Milano" not in (await bob.get("/portal/")).words


async def test_a_customer_asks_in_the_portal_to_be_told_and_sees_that_they_will_be(alice, published, db):
    outage = await published()
    path = f"/portal/outages/{outage}/tell-me"
    assert "Avvisatemi quando è finito" in (await alice.get("/portal/")).words

    assert href(await alice.post(path, progress=1)) == "/portal/"
    assert href(await alice.post(path)) == "/portal/"

    page = await alice.get("/portal/")
    assert "La avvisiamo quando è finito." in page.words
    assert path not in page.text
    (row,) = await db.read(lambda tx: tx.all(tables.outage_subscriber.select()))
    assert (row.address, row.progress, row.contact) == ("alice@acme.test", True, "alice")
    await db.write(publishing.end, rows.LEADER, outage, now=datetime.now(UTC))
    assert "Terminato" in (await alice.get("/portal/")).words
    assert (await alice.post(path)).status == 303


async def test_nobody_asks_about_an_outage_of_others_in_the_portal(pages, published):
    outage = await published()
    bob = await pages.as_(rows.BOB)

    assert (await bob.post(f"/portal/outages/{outage}/tell-me")).status == 404


async def test_a_notice_in_one_language_says_in_which(alice, published):
    await published(words={"en": {"title": "Network in Milan", "text": "The fibre is cut."}})

    page = await alice.get("/portal/")

    assert '<h3 lang="en">Network in Milan</h3>' in page.text


def test_every_word_of_outages_is_there_in_both_languages():
    ours = [{k for k in catalogue(language) if "outage" in k} for language in ("it", "en")]

    assert ours[0] == ours[1]
    assert len(ours[0]) > 80

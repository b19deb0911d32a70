"""What does the desk show? Lists, tickets, files, what waits, what left: over HTTP, as a browser asks."""

from __future__ import annotations

import html
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from core.envelope import Kind
from core.ids import id_token
from core.store import tables
from tests import rows
from tests.desk_at_work import at_work
from tests.web.desk_pages import serving
from web.words import catalogue

TICKET = "/desk/tickets/26-000001"
PLACES = ["/desk/", TICKET, "/desk/waiting?view=held", "/desk/waiting?view=exceptions"]
PLACES += [
    "/desk/waiting?view=undelivered",
    "/desk/outgoing",
    "/desk/stopped",
    "/desk/outages",
    "/desk/me/visits",
]


# --- For whom -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", PLACES)
async def test_every_page_is_there_in_both_languages_and_runs_nothing_of_its_own(lea, teo, place):
    for who, language in ((lea, "en"), (teo, "it")):
        page = await who.get(place)

        assert page.status == 200, page.text
        assert f'<html lang="{language}"' in page.text
        assert "style-src 'self'" in page.headers["Content-Security-Policy"]
        assert "unsafe" not in page.headers["Content-Security-Policy"]
        assert not re.search(
            r"<script(?! type=\"module\" src=\"/static/)|\son\w+=|\sstyle=|javascript:", page.text
        )
        assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("place", [*PLACES, f"{TICKET}?only=talk", "/desk/?only=rows", "/desk/live"])
async def test_a_customer_is_told_nothing_of_the_desk(alice, place):
    page = await alice.get(place)

    assert page.status == 404
    assert "26-000002" not in page.text


@pytest.mark.parametrize("what", ["do/note", "do/take", "draft", "here"])
async def test_a_customer_does_nothing_at_the_desk(alice, what):
    assert (await alice.post(f"{TICKET}/{what}", text="x", kind="reply")).status == 404


async def test_whoever_is_not_signed_in_goes_to_the_log_in_and_comes_back(pages):
    page = await (await pages.as_(None)).get(TICKET)

    assert page.status == 303
    assert unquote(page.headers["Location"]) == f"/login?next={TICKET}"


async def test_a_technician_sees_the_tickets_of_their_groups_alone(teo, db):
    await db.write(lambda tx: tx.update(tables.agent, {"id": rows.TECHNICIAN.id}, groups=["Network L1"]))

    assert "26-000002" not in (await teo.get("/desk/?view=all")).rows()
    assert (await teo.get("/desk/tickets/26-000002")).status == 404


# --- The list -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("view", "there"),
    [
        ("open", ["26-000001", "26-000002", "26-000004"]),
        ("all", ["26-000001", "26-000002", "26-000003", "26-000004"]),
        ("qualify", ["26-000004"]),
        ("closed", ["26-000003"]),
        ("due", ["26-000001"]),
    ],
)
async def test_a_view_shows_what_it_says(lea, view, there):
    assert sorted((await lea.get(f"/desk/?view={view}")).rows()) == there


async def test_my_tickets_are_those_that_i_have(teo, lea):
    assert (await teo.get("/desk/?view=mine")).rows() == ["26-000001"]
    assert (await lea.get("/desk/?view=mine")).rows() == []


async def test_an_empty_view_says_what_would_be_there(lea):
    page = await lea.get("/desk/?view=mine")

    assert "Take a ticket with i, and it appears here." in page.words


async def test_the_most_urgent_comes_first_with_its_time_left_in_words_and_shape(lea):
    page = await lea.get("/desk/")

    assert page.rows()[0] == "26-000001"
    assert 'class="clock running"' in page.text or 'class="clock risk"' in page.text
    assert "42 min" in page.words


async def test_a_line_is_named_for_those_who_do_not_see_it(lea):
    assert (
        'aria-label="26-000001, &lt;b&gt;Broken&lt;/b&gt; switch, In progress, '
        in (await lea.get("/desk/")).text
    )


async def test_the_counts_stand_beside_the_views(lea):
    page = await lea.get("/desk/")

    assert re.search(r"All open</span><span class=\"count\">3<", page.text)
    assert re.search(r"Held</span><span class=\"count hot\">1<", page.text)
    assert re.search(r"Exceptions</span><span class=\"count hot\">1<", page.text)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("26-000003", ["26-000003"]),
        ("bob@beta.test", ["26-000002"]),
        ("not paid", ["26-000001"]),
        ("toner", ["26-000003"]),
        ("nothing has these words", []),
    ],
)
async def test_search_finds_numbers_people_words_and_notes(lea, asked, found):
    page = await lea.get(f"/desk/?q={asked}")

    assert page.rows() == found
    assert ("Nothing found" in page.words) or found


async def test_who_searches_looks_everywhere_and_a_ticket_keeps_that_list_beside_it(lea):
    page = await lea.get("/desk/?q=26-000001")

    assert re.search(r'href="/desk/\?view=all" aria-current="page"', page.text)
    assert "/desk/tickets/26-000001?view=all&amp;q=26-000001" in page.text


async def test_what_was_searched_for_is_text_wherever_it_is_shown(lea):
    page = await lea.get('/desk/?q="><script>alert(1)</script>')

    assert page.status == 200
    assert "<script>alert" not in page.text


async def test_a_long_list_comes_in_pages(lea, db):
    await db.write(lambda tx: [rows.a_ticket(tx, f"26-{n:06}") for n in range(1000, 1060)] and None)

    first = await lea.get("/desk/?view=all")
    further = re.search(r'href="(/desk/\?[^"]*cursor=[^"]*)"', first.text)[1].replace("&amp;", "&")
    second = await lea.get(further)

    assert len(first.rows()) == 50
    assert len(second.rows()) == 14
    assert not set(first.rows()) & set(second.rows())


async def test_an_address_nobody_gave_out_is_refused_with_what_to_do(lea):
    assert (await lea.get("/desk/?cursor=garbage")).status == 422
    assert (await lea.get("/desk/?state=happy")).status == 422
    assert (await lea.get("/desk/waiting?view=nothing")).status == 404


async def test_a_list_that_brings_itself_up_to_date_asks_for_lines_and_counts_only(lea):
    page = await lea.get("/desk/?view=all&only=rows")

    assert len(page.rows()) == 4
    assert "<html" not in page.text
    assert 'class="side"' in page.text


# --- The ticket ---------------------------------------------------------------------------------------------


async def test_the_ticket_tells_its_whole_story_in_order(lea):
    words = (await lea.get(TICKET)).words

    places = [
        words.index(one) for one in ("It is <i>broken</i>.", "We have it.", "they have not paid", "We look.")
    ]
    assert places[0] < places[1] < places[3]
    assert "Internal" in words
    assert "In progress" in words


async def test_what_was_quoted_and_what_the_hub_says_by_itself_folds(lea):
    text = (await lea.get(TICKET)).text

    assert re.search(
        r"<details><summary>Quoted text</summary><span class=\"folded\">&gt; what we said before<", text
    )
    assert re.search(r"<details>\s*<summary>[^<]*Acknowledgement", text)
    assert re.search(r"<summary>Signature</summary><span class=\"folded\">Our desk<", text)


async def test_why_a_mail_is_believed_or_not_stands_below_it(lea, teo):
    assert (
        "DKIM: the signature of acme.test does not fit. The text was changed on the way."
        in (await lea.get("/desk/tickets/26-000001")).words
    )
    italian = (await teo.get("/desk/tickets/26-000001")).words
    assert "Chi ha scritto: verifiche fatte" in italian
    assert "Indirizzo noto, non provato: l'indirizzo è noto, e chiunque può scriverlo." in italian


async def test_nothing_a_sender_wrote_becomes_markup(lea):
    text = (await lea.get(TICKET)).text

    assert "<b>Broken</b>" not in text
    assert "<i>broken</i>" not in text
    assert "<title>26-000001 &lt;b&gt;Broken&lt;/b&gt; switch" in text


async def test_the_address_of_somebody_nobody_vouches_for_is_marked(lea):
    assert "Known address, not proved" in (await lea.get(TICKET)).words


async def test_the_reply_box_says_who_gets_it_and_on_which_channel(lea):
    assert "Goes by E-mail to" in (await lea.get(TICKET)).words


async def test_a_ticket_opened_from_a_list_keeps_the_list_beside_it(lea):
    page = await lea.get(f"{TICKET}?view=all&sort=due")

    assert len(page.rows()) == 4
    assert 'current" id="t26-000001"' in page.text
    assert 'href="/desk/?view=all&amp;sort=due"' in page.text


async def test_the_list_beside_a_ticket_brings_only_what_is_seen_there_and_so_do_its_updates(lea):
    page = await lea.get(f"{TICKET}?view=all")
    again = html.unescape(re.search(r'data-list="([^"]*)"', page.text)[1])
    lines = page.text.partition('<ul class="rows"')[2].partition("</ul>")[0]

    assert 'class="snippet"' in (await lea.get("/desk/?view=all")).text
    assert 'class="snippet"' not in lines
    fresh = (await lea.get(again)).text.partition('<ul class="rows"')[2].partition("</ul>")[0]
    assert fresh == lines.replace(" current", "")


async def test_a_ticket_there_is_not_says_so(lea):
    assert (await lea.get("/desk/tickets/26-999999")).status == 404


# --- As it was sent, and files --------------------------------------------------------------------------------


async def test_html_is_shown_cleaned_in_a_frame_that_may_nothing(lea, desk):
    page = await lea.get(f"{TICKET}/messages/{desk.asked}/html")

    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-popups")
    assert "allow-scripts" not in policy
    assert "default-src 'none'" in policy
    assert "img-src data:;" in policy
    assert "<script" not in page.text
    assert "onclick" not in page.text
    assert "evil.test/p.png" not in page.text
    assert "data:image/png" not in page.text, (
        "these pages have no process that draws: nobody's own bytes are shown"
    )
    assert "Pictures from evil.test are not loaded." in page.text


async def test_pictures_from_elsewhere_are_loaded_by_the_browser_once_somebody_asks(lea, desk):
    page = await lea.get(f"{TICKET}/messages/{desk.asked}/html?pictures=outside")

    policy = page.headers["Content-Security-Policy"]
    assert "img-src data: https:; upgrade-insecure-requests;" in policy
    assert policy.startswith("sandbox allow-popups")
    assert "evil.test/p.png" in page.text
    assert "<script" not in page.text


async def test_whoever_asks_is_warned_of_what_that_tells(lea):
    page = (await lea.get(TICKET)).text

    assert "Loading them tells their sender" in page
    assert "/html?pictures=outside" in page


async def test_the_frame_of_the_page_is_isolated_too(lea):
    assert '<iframe sandbox="allow-popups allow-popups-to-escape-sandbox"' in (await lea.get(TICKET)).text


async def test_a_mail_can_be_had_as_it_came(lea, desk):
    page = await lea.get(f"{TICKET}/messages/{desk.asked}/source")

    assert page.text == "From: alice\n\nIt is"
    assert page.headers["Content-Disposition"].startswith("attachment;")


async def test_a_file_comes_down_as_a_download_that_runs_nowhere(lea, desk):
    page = await lea.get(f"{TICKET}/files/{desk.picture}")

    assert page.status == 200
    assert page.headers["Content-Type"] == "image/png"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Content-Security-Policy"].startswith("sandbox")
    disposition = page.headers["Content-Disposition"]
    assert disposition.startswith("attachment; ")
    plain = re.search(r'filename="([^"]*)"', disposition)[1]
    assert not set(plain) & set('/\\"\r\n')


async def test_a_file_of_unknown_kind_is_bytes(lea, desk):
    page = await lea.get(f"{TICKET}/files/{desk.secret}")

    assert page.headers["Content-Type"] == "application/octet-stream"


async def test_a_file_of_another_ticket_is_not_there(lea, desk):
    assert (await lea.get(f"/desk/tickets/26-000002/files/{desk.secret}")).status == 404


async def test_a_customer_gets_no_file_through_the_desk(alice, desk):
    for file in (desk.picture, desk.secret):
        assert (await alice.get(f"{TICKET}/files/{file}")).status == 404


# --- What waits, and what left --------------------------------------------------------------------------------


async def test_a_held_message_is_shown_as_text_with_its_reason_and_what_can_be_done(lea):
    page = await lea.get("/desk/waiting?view=held")

    assert "<b>the</b> code is 7" in page.words
    assert "Somebody who does not belong to this conversation names it." in page.words
    assert "26-000001" in page.words
    for act in ("Add to the conversation", "Keep as a note", "Open a ticket of its own", "Discard"):
        assert act in page.words


async def test_an_exception_is_shown_with_its_error_and_can_be_had_as_it_came(lea, desk):
    page = await lea.get("/desk/waiting?view=exceptions")

    assert "The bytes could not be read." in page.words
    assert "not MIME" in page.words
    assert (await lea.get(f"/desk/inbound/{desk.broken}/source")).text == "bytes"


async def test_what_came_back_is_shown_with_what_the_other_side_said(lea):
    page = await lea.get("/desk/waiting?view=undelivered")

    assert "no such box" in page.words
    assert rows.ALICE.email in page.words


@pytest.mark.parametrize("path", ["/desk/waiting?view=undelivered", "/desk/outgoing"])
async def test_what_keeps_mail_from_leaving_is_told_in_the_readers_language(lea, db, path):
    closed = "nobody listens at mx.test:25: see to relay_host and relay_port"
    await db.write(lambda tx: tx.run(tables.delivery.update().values(error=closed)))
    await db.write(lambda tx: tx.run(tables.agent.update().values(language="it")))

    page = await lea.get(path)

    assert "nessuno ascolta su mx.test:25: controllare relay_host e relay_port" in page.words


async def test_kept_mail_can_be_opened_from_the_list_of_what_left(lea, db, tmp_path, desk):
    (tmp_path / "outgoing").mkdir()
    ref = id_token((await db.read(lambda tx: tx.one(tables.delivery.select()))).id)
    (tmp_path / "outgoing" / f"{ref}.eml").write_bytes(b"Subject: We look\n\nWe look.")

    page = await lea.get("/desk/outgoing")

    assert f"/desk/outgoing/{ref}.eml" in page.text
    mail = await lea.get(f"/desk/outgoing/{ref}.eml")
    assert mail.text == "Subject: We look\n\nWe look."
    assert mail.headers["Content-Type"] == "message/rfc822"
    assert mail.headers["Content-Disposition"].startswith("attachment;")


async def test_a_mail_of_no_delivery_is_not_there(lea, tmp_path):
    (tmp_path / "outgoing").mkdir()
    (tmp_path / "outgoing" / f"{'a' * 26}.eml").write_bytes(b"x")

    assert (await lea.get(f"/desk/outgoing/{'a' * 26}.eml")).status == 404
    assert (await lea.get("/desk/outgoing/..%2fcentralino.db.eml")).status == 404


# --- Words ----------------------------------------------------------------------------------------------------


def test_both_languages_say_the_same_things_and_every_sentence_a_page_asks_for():
    ours = [set(catalogue(language)) for language in ("it", "en")]

    assert ours[0] == ours[1]
    used = "".join(path.read_text() for path in Path("templates/inbox").glob("*.html"))
    assert set(re.findall(r't\("([a-z_]+\.[a-z_.]*[a-z0-9_])"[,)]', used)) <= ours[0]


# --- What mail programs answer by themselves ------------------------------------------------------------------


async def test_an_out_of_office_note_folds_to_a_line_and_says_when_its_author_is_back(db, tmp_path):
    desk = await at_work(db)
    number = await desk.qualified()
    said = {"kind": Kind.OUT_OF_OFFICE, "own_refs": (await desk.ref(number),), "may_auto_reply": False}
    away = "Sono in ferie.\nPer urgenze chiamare il 4711.\n" + "Buone cose a tutti. " * 20
    await desk.mail("alice@acme.test", "Assente", away, notes=("away until: 2026-12-07",), **said)
    await desk.mail("alice@acme.test", "Anche", "Il cavo è rotto.", own_refs=said["own_refs"])

    async with serving(db, tmp_path) as pages:
        page = (await (await pages.as_(await desk.who("ann"))).get(f"/desk/tickets/{number}")).text

    (folded,) = re.findall(r"<details><summary>Avviso di assenza · <span[^>]*>([^<]*)</span></summary>", page)
    assert folded.startswith("Sono in ferie. Per urgenze chiamare il 4711. ")
    assert folded.endswith(" …")
    assert "Chi lo manda è assente fino a lunedì 7 dicembre 2026." in page
    assert "Per urgenze chiamare il 4711.\n" in page, "one click shows all of it"
    assert re.search(r'<div class="text"[^>]*>Il cavo è rotto\.', page), "a person's words never fold"

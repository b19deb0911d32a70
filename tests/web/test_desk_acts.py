"""What can be done at the desk? Every form: what it changes, what it says when it is refused, what is kept."""

from __future__ import annotations

import pytest
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import func, select

from core.desk import stopped, traffic
from core.store import blobs, tables
from tests import rows
from tests.fakes import FakeChannel, ReadersHere
from tests.web.desk_pages import Person
from web import words
from web.desk.ticket import VERBS

TICKET = "/desk/tickets/26-000001"


async def ticket(db, number="26-000001"):
    return await db.read(lambda tx: tx.one(select(tables.ticket).where(tables.ticket.c.number == number)))


async def counted(db, table, **where):
    question = select(func.count()).select_from(table).filter_by(**where)
    return (await db.read(lambda tx: tx.one(question)))[0]


async def draft(db, kind="reply"):
    found = await db.read(lambda tx: tx.one(select(tables.draft.c.text).where(tables.draft.c.kind == kind)))
    return found.text if found else None


def done(page):
    assert page.status == 303, page.words
    assert page.headers["Location"] == TICKET


# --- Saying something ---------------------------------------------------------------------------------------


async def test_a_reply_goes_out_and_stands_in_the_conversation(teo, db):
    done(await teo.do("reply", text="Switch replaced.", idem="a"))

    assert "Switch replaced." in (await teo.get(TICKET)).words
    assert await counted(db, tables.delivery, kind="reply", address=rows.ALICE.email, state="queued") == 1


async def test_a_form_sent_twice_makes_one_message(teo, db):
    for _ in range(2):
        done(await teo.do("reply", text="Once.", idem="a"))
        done(await teo.do("note", text="Once too.", idem="b"))

    assert await counted(db, tables.message, text="Once.") == 1
    assert await counted(db, tables.note, text="Once too.") == 1


@pytest.mark.parametrize("reason", [stopped.HARD, stopped.COMPLAINT])
async def test_the_box_for_an_answer_says_that_its_address_takes_none(teo, db, reason):
    assert "/desk/stopped" not in LexborHTMLParser((await teo.get(TICKET)).text).css_first("#compose").html
    await db.write(stopped.mark, rows.ALICE.email, reason, delivery_id="", said="", now=rows.NOON)

    box = LexborHTMLParser((await teo.get(TICKET)).text).css_first("#compose")

    told = box.css_first("form.reply > p.late")
    assert rows.ALICE.email in told.text()
    assert words.say("it")(f"stopped.to.{reason}", who=rows.ALICE.email) in told.text()
    assert told.css_first("a").attributes["href"] == "/desk/stopped"


async def test_a_note_stays_inside(teo, alice):
    done(await teo.do("note", text="NOT-FOR-ALICE", idem="a"))

    assert "NOT-FOR-ALICE" in (await teo.get(TICKET)).words
    assert "NOT-FOR-ALICE" not in (await alice.get("/portal/requests/26-000001")).text


async def test_a_reply_can_wait_for_the_answer(teo, db):
    done(await teo.do("wait", text="Which port?", idem="a"))

    assert (await ticket(db)).state == "waiting_customer"


async def test_files_go_along_and_come_down_again(teo, db):
    done(await teo.do("reply", text="See the file.", idem="a", files=(("log.pdf", b"%PDF-1.7 log"),)))

    file = await db.read(
        lambda tx: tx.one(select(tables.attachment).where(tables.attachment.c.name == "log.pdf"))
    )
    page = await teo.get(f"{TICKET}/files/{file.id}")
    assert (page.text, page.headers["Content-Type"]) == ("%PDF-1.7 log", "application/pdf")


async def test_a_file_of_a_note_is_for_colleagues(teo, alice, db):
    done(await teo.do("note", text="The invoice.", idem="a", files=(("unpaid.txt", b"x"),)))

    file = await db.read(
        lambda tx: tx.one(select(tables.attachment).where(tables.attachment.c.name == "unpaid.txt"))
    )
    assert (await teo.get(f"{TICKET}/files/{file.id}")).status == 200
    assert (await alice.get(f"/portal/requests/26-000001/files/{file.id}")).status == 404


async def test_an_empty_reply_is_refused_at_its_field(teo):
    page = await teo.do("reply", text="  ", idem="a")

    assert page.status == 422
    assert "scriva che cosa va detto" in page.words
    assert 'aria-invalid="true"' in page.text


# --- Somebody was quicker -----------------------------------------------------------------------------------


async def test_who_was_overtaken_reads_what_is_newer_and_keeps_what_they_typed(lea, teo, db):
    seen = (await teo.get(TICKET)).field("seen", form="data-kind")
    done(await lea.do("reply", text="LEA SAYS: on my way.", idem="l"))

    page = await teo.do("reply", text="TEO TYPED <this>", idem="t", seen=seen)

    assert page.status == 409
    assert (
        "LEA SAYS: on my way." in page.text[page.text.index('id="wrong"') : page.text.index('id="compose"')]
    )
    assert "Qualcuno ha scritto mentre Lei scriveva." in page.words
    assert page.field("text", form="data-kind") == "TEO TYPED <this>"
    assert "Invia comunque" in page.words
    assert await draft(db) == "TEO TYPED <this>"
    assert await counted(db, tables.message, agent=rows.TECHNICIAN.id) == 0


async def test_send_anyway_sends_once_and_drops_the_draft(lea, teo, db):
    seen = (await teo.get(TICKET)).field("seen", form="data-kind")
    done(await lea.do("reply", text="On my way.", idem="l"))
    page = await teo.do("reply", text="Me too.", idem="t", seen=seen)

    again = {name: page.field(name, form="data-kind") for name in ("seen", "idem", "text")}
    done(await teo.do("reply", **again))

    assert await counted(db, tables.message, text="Me too.") == 1
    assert await draft(db) is None


async def test_a_note_is_never_overtaken(lea, teo):
    done(await lea.do("reply", text="On my way.", idem="l"))

    done(await teo.do("note", text="Fine.", idem="n", seen=1))


async def test_a_move_on_what_has_moved_on_is_shown_as_it_stands(lea, teo, db):
    done(await lea.do("resolve", cause="network", minutes=5, text="Done."))

    page = await teo.do("escalate", reason="Too hard for me.", seen=2)

    assert page.status == 409
    assert "Qualcuno ha fatto qualcosa mentre Lei guardava." in page.words
    assert (await ticket(db)).state == "resolved"


async def test_files_that_were_not_kept_are_asked_for_again(lea, teo):
    done(await lea.do("reply", text="On my way.", idem="l"))

    page = await teo.do("reply", text="See.", idem="t", seen=2, files=(("log.txt", b"x"),))

    assert "I file scelti non sono stati conservati" in page.words


# --- Drafts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["reply", "note"])
async def test_a_draft_is_there_again_when_the_page_is_opened(teo, lea, kind):
    assert (await teo.post(f"{TICKET}/draft", kind=kind, text="Half a sen")).status == 204

    assert "Half a sen" in (await teo.get(TICKET)).text
    assert "Half a sen" not in (await lea.get(TICKET)).text


@pytest.mark.parametrize("verb", ["reply", "note", "wait"])
async def test_sending_deletes_the_draft(teo, db, verb):
    kind = "note" if verb == "note" else "reply"
    await teo.post(f"{TICKET}/draft", kind=kind, text="Half a sen")

    done(await teo.do(verb, text="Half a sentence.", idem="a"))

    assert await draft(db, kind) is None


@pytest.mark.parametrize("verb", ["reply", "note"])
async def test_a_draft_that_comes_after_its_form_was_sent_is_dropped(teo, db, verb):
    done(await teo.do(verb, text="Said.", idem="a"))

    assert (await teo.post(f"{TICKET}/draft", kind=verb, text="Said", idem="a")).status == 204

    assert await draft(db, verb) is None


async def test_an_emptied_box_has_no_draft(teo, db):
    await teo.post(f"{TICKET}/draft", kind="reply", text="Half")
    await teo.post(f"{TICKET}/draft", kind="reply", text=" ")

    assert await draft(db) is None


async def test_a_draft_of_no_kind_or_without_end_is_refused(teo):
    assert (await teo.post(f"{TICKET}/draft", kind="poem", text="x")).status == 422
    assert (await teo.post(f"{TICKET}/draft", kind="reply", text="x" * 100_001)).status == 422


# --- Moving it ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "fields", "state"),
    [
        ("resolve", {"cause": "network", "minutes": 20, "text": "A new cable."}, "resolved"),
        ("workaround", {"text": "Use the other port."}, "in_progress"),
        ("escalate", {"reason": "It needs an expert.", "group": "Servers L1"}, "assigned"),
        ("cancel", {"reason": "It was a test."}, "cancelled"),
        ("assign", {"agent": rows.LEADER.email}, "assigned"),
        ("assign", {"agent": "", "group": "Servers L1"}, "qualified"),
    ],
)
async def test_each_form_does_what_it_says(teo, db, verb, fields, state):
    done(await teo.do(verb, seen=2, **fields))

    found = await ticket(db)
    assert found.state == state or (
        verb == "assign" and found.state in ("qualified", "assigned", "in_progress")
    )


async def test_a_solved_ticket_is_closed_or_opened_again(lea, db):
    page = await lea.do("reopen", "26-000003", reason="Still broken.")
    assert page.status == 303
    assert (await ticket(db, "26-000003")).open

    await lea.do("take", "26-000003")
    await lea.do("resolve", "26-000003", cause="hardware", minutes=1, text="Now.")
    assert (await lea.do("close", "26-000003")).status == 303
    assert (await ticket(db, "26-000003")).state == "closed"


async def test_a_ticket_is_taken_from_the_list_it_was_opened_from(lea, db):
    page = await lea.post("/desk/tickets/26-000002/do/take?view=all&evil=1")

    assert page.headers["Location"] == "/desk/tickets/26-000002?view=all"
    assert (await ticket(db, "26-000002")).assignee == rows.LEADER.id


async def test_what_is_still_missing_is_named_and_what_was_chosen_stays_chosen(lea, db):
    page = await lea.do("qualify", "26-000004", request_type="Incident", technology="Server")

    assert page.status == 409
    assert "Still missing: Customer, Contact, Impact, Urgency" in page.words
    assert 'data-menu="qualify" open' in page.text
    assert '<option value="Server" selected>' in page.text
    assert (await ticket(db, "26-000004")).state == "triage"


@pytest.mark.parametrize(
    ("verb", "fields", "said"),
    [
        ("resolve", {"cause": "", "minutes": 5, "text": "KEPT <words>"}, "choose one of the causes"),
        ("resolve", {"cause": "network", "minutes": 0, "text": "KEPT <words>"}, "how long somebody worked"),
        ("cancel", {"reason": " "}, "say why"),
        ("assign", {"agent": "nobody@desk.test"}, "choose somebody from the list"),
        ("escalate", {"reason": "KEPT <words>", "group": "Gardening"}, "choose a group from the list"),
    ],
)
async def test_a_form_with_a_mistake_comes_back_open_and_says_which(lea, db, verb, fields, said):
    page = await lea.do(verb, **fields)

    assert page.status == 422
    assert said in page.words
    assert f'data-menu="{verb}" open' in page.text
    if "KEPT <words>" in fields.values():
        assert "KEPT &lt;words&gt;" in page.text
    assert (await ticket(db)).state == "in_progress"


async def test_an_act_that_does_not_fit_names_those_that_do(lea):
    page = await lea.do("close")

    assert page.status == 409
    assert "Close is not possible: the ticket is now “In progress”." in page.words
    assert "Possible now:" in page.words
    assert "Resolve" in page.words


async def test_a_form_without_its_token_changes_nothing(pages, teo, db):
    stranger = Person(pages.client, "", "")
    stranger.headers, stranger.csrf = teo.headers, "wrong"

    assert (await stranger.do("cancel", reason="Because I can.")).status == 403
    assert (await ticket(db)).state == "in_progress"


async def test_a_form_of_another_site_changes_nothing(pages, teo, db):
    response = await pages.client.post(
        f"{TICKET}/do/cancel",
        data={"csrf": teo.csrf, "reason": "Because I can."},
        headers=teo.headers | {"Sec-Fetch-Site": "cross-site"},
    )

    assert response.status == 403
    assert (await ticket(db)).state == "in_progress"


async def test_a_verb_there_is_not_is_not_there(lea):
    for verb in ("delete", "hear", "__class__", "reopen_case"):
        assert (await lea.do(verb)).status == 404


async def test_a_workaround_stands_open_for_customer_and_staff_and_is_not_folded_away(teo, alice):
    done(await teo.do("workaround", text="Use the other port."))

    for page in (await teo.get(TICKET), await alice.get("/portal/requests/26-000001")):
        said = [one.text() for one in LexborHTMLParser(page.text).css(".msg > .text")]
        assert any("Use the other port." in words for words in said)


# --- What waits for somebody to decide ----------------------------------------------------------------------


@pytest.mark.parametrize("as_", ["message", "note", "ticket"])
async def test_a_held_message_that_is_taken_in_goes_back_to_be_understood(lea, db, desk, as_):
    page = await lea.post(f"/desk/inbound/{desk.held}/accept", as_=as_, view="held")

    after = await lea.get(page.headers["Location"])
    assert "Your code" not in after.words
    assert words.say("en")(f"held.did.{as_}") in after.words, "what became of it"
    assert await counted(db, tables.job, kind="understand") == 1
    assert "held" not in (await ticket(db)).flags


async def test_what_is_discarded_waits_no_longer(lea, desk):
    for inbound, view in ((desk.held, "held"), (desk.broken, "exceptions")):
        page = await lea.post(f"/desk/inbound/{inbound}/discard", view=view)

        assert page.headers["Location"] == f"/desk/waiting?view={view}&did=discard"
        assert f"i-{inbound}" not in (await lea.get(page.headers["Location"])).text


async def test_an_exception_is_tried_again(lea, db, desk):
    page = await lea.post(f"/desk/inbound/{desk.broken}/retry", view="exceptions")

    assert page.status == 303
    assert await counted(db, tables.job, kind="understand") == 1


async def test_every_exception_is_tried_again_by_one_press(lea, teo, db, desk):
    page = await teo.post("/desk/exceptions/retry")
    assert page.headers["Location"] == "/desk/waiting?view=exceptions&tried=0", "none that he may see"

    page = await lea.post("/desk/exceptions/retry")

    assert page.headers["Location"] == "/desk/waiting?view=exceptions&tried=1"
    assert "Taken up again: 1." in (await lea.get(page.headers["Location"])).words
    assert await counted(db, tables.job, kind="understand") == 1


class _Reading:
    """Stands where the hub stands, with its reader of mail."""

    def __init__(self) -> None:
        self.channels = (FakeChannel(reader="channels.email.reading.read:read"),)
        self.readers = ReadersHere()

    async def ready(self) -> tuple[str, ...]:
        return ()


async def test_what_waits_is_read_before_anybody_decides(lea, alice, pages, db, desk):
    raw = (
        b"From: Eve <eve@evil.test>\r\nTo: support@hub.test\r\nSubject: Your code\r\nContent-Type: text/html\r\n\r\n"
        b"<p>The code is <b>7</b></p><script>alert(1)</script>\r\n"
    )
    blob = await db.write(lambda tx: blobs.put(tx, raw, now=rows.NOON))
    await db.write(lambda tx: tx.update(tables.inbound, {"id": desk.held}, raw=blob))
    assert "code is 7" in (await lea.get(f"/desk/inbound/{desk.held}")).words, "what was kept"
    pages.site.hub = _Reading()

    page = await lea.get(f"/desk/inbound/{desk.held}")
    html = await lea.get(f"/desk/inbound/{desk.held}/html")

    assert "eve@evil.test" in page.words
    assert "The code is 7" in page.words
    assert 'name="as" value="message"' in page.text
    assert "<script" not in html.text
    assert "sandbox" in html.headers["Content-Security-Policy"]
    assert (await alice.get(f"/desk/inbound/{desk.held}")).status == 404
    why = await lea.get(f"/desk/tickets/26-000001/messages/{desk.asked}/why")
    assert "It opens a ticket" in (await lea.get(why.headers["Location"])).words
    pages.site.hub = None


async def test_who_decides_second_is_told_so(lea, teo, desk):
    await lea.post(f"/desk/inbound/{desk.held}/discard", view="held")

    page = await teo.post(f"/desk/inbound/{desk.held}/accept", as_="ticket", view="held")
    assert "Un collega l'ha scartata" in (await teo.get(f"/desk/inbound/{desk.held}")).words

    assert page.headers["Location"] == "/desk/waiting?view=held&wrong=not_waiting_any_more"
    assert "Nel frattempo qualcuno ha già deciso." in (await teo.get(page.headers["Location"])).words


async def test_what_cannot_be_taken_so_is_told_apart(lea, teo, desk):
    page = await lea.post(f"/desk/inbound/{desk.held}/accept", as_="vendor", vendor_case="", view="held")
    wrong = await lea.post(f"/desk/inbound/{desk.held}/accept", as_="nothing", view="held")
    told = [(await lea.get(one.headers["Location"])).words for one in (page, wrong)]
    of_no_words = await lea.get("/desk/waiting?view=held&wrong=<b>")

    assert "Choose which case at the vendor it belongs to." in told[0]
    assert "This cannot be taken so: take it as a request of its own." in told[1]
    assert "Somebody decided" not in " ".join(told)
    assert ("<b>" in of_no_words.text, "look how it is now" in of_no_words.words) == (False, True)


async def test_what_came_back_is_sent_once_more(lea, db, desk):
    page = await lea.post(f"/desk/deliveries/26-000001/{desk.bounced}/retry")

    assert page.headers["Location"] == "/desk/waiting?view=undelivered"
    assert await counted(db, tables.delivery, id=desk.bounced, state="queued") == 1


async def test_an_address_that_complained_is_allowed_again_and_only_then_its_mail_is_sent_again(
    lea, db, desk
):
    await db.write(_complained, desk.bounced)

    refused = await lea.post(f"/desk/deliveries/26-000001/{desk.bounced}/retry")
    assert refused.headers["Location"] == "/desk/stopped"
    answering = LexborHTMLParser((await lea.get(TICKET)).text).css_first("form.reply .halted").text()
    assert f"{rows.ALICE.email} complained about our mail: the answer does not leave" in answering
    assert f"{rows.ALICE.email}: complained about our mail" in (await lea.get("/desk/contacts/alice")).words
    page = await lea.get("/desk/stopped")
    assert "Nothing automatic leaves for an address that is dead" in page.words
    assert "complained" in page.words
    assert rows.ALICE.email in page.words

    allowed = await lea.post("/desk/stopped/lift", address=rows.ALICE.email)
    assert allowed.headers["Location"] == "/desk/stopped?lifted=1"
    assert "Mail leaves for that address again." in (await lea.get(allowed.headers["Location"])).words
    again = await lea.post("/desk/stopped/lift", address=rows.ALICE.email)
    assert again.headers["Location"] == "/desk/stopped?gone=1"
    sent = await lea.post(f"/desk/deliveries/26-000001/{desk.bounced}/retry")
    assert sent.headers["Location"] == "/desk/waiting?view=undelivered"
    assert "complained about our mail" not in (await lea.get(TICKET)).words


def _complained(tx, delivery):
    stopped.mark(tx, rows.ALICE.email, stopped.COMPLAINT, delivery_id=delivery, said="", now=rows.NOON)


@pytest.mark.parametrize("language", ["it", "en"])
def test_however_far_something_got_there_are_words_for_it(language):
    courses = (*traffic.DELIVERY_STATES, "delayed", "delivered", "read", "complained")
    wanted = {f"{of}.{course}" for course in courses for of in ("delivery", "delivery_to")}

    assert wanted - words.catalogue(language).keys() == set()


# --- Preferences --------------------------------------------------------------------------------------------


async def test_colours_and_lines_are_kept_on_the_browser(lea):
    page = await lea.post("/desk/preferences", theme="dark", density="compact", back="/desk/?view=all")

    assert page.headers["Location"] == "/desk/?view=all"
    cookies = page.headers.getall("Set-Cookie")
    assert any(one.startswith("theme=dark;") for one in cookies)
    assert any(one.startswith("density=compact;") for one in cookies)
    shown = await lea.get("/desk/", Cookie=f"{lea.headers['Cookie']}; theme=dark; density=compact")
    assert '<html lang="en" data-theme="dark" data-density="compact">' in shown.text


async def test_a_preference_leads_nowhere_else_and_means_nothing_else(lea):
    page = await lea.post("/desk/preferences", theme="<script>", back="https://evil.test/desk")

    assert page.headers["Location"] == "/desk/"
    assert "Set-Cookie" not in page.headers
    shown = await lea.get("/desk/", Cookie=f'{lea.headers["Cookie"]}; theme="><script>"')
    assert "<script>" not in shown.text


# --- Quick replies ------------------------------------------------------------------------------------------


def a_quick_reply(tx, name="Seen", text="Ciao {contact.name}, <b>ci siamo</b> entro {clock.due}.", **columns):
    tx.insert(tables.quick_reply, name=name, position=1, texts={"it": text}, groups=[], **columns)


async def test_a_quick_reply_is_put_below_what_is_typed_also_without_scripts(teo, db):
    await db.write(a_quick_reply)

    offered = await teo.post(f"{TICKET}/quick-replies", text="Typed before.")
    assert (offered.status, offered.headers["Location"]) == (303, f"{TICKET}?quick=#quick-list")
    listed = await teo.get(f"{TICKET}?quick=")
    link = LexborHTMLParser(listed.text).css_first("#quick-list a").attributes["href"]
    page = LexborHTMLParser((await teo.get(link)).text)

    assert (
        page.css_first("#reply-text").text()
        == "Typed before.\nCiao Alice, <b>ci siamo</b> entro {clock.due}."
    )
    assert "clock.due" in page.css_first("#quick-missing").text()
    assert await draft(db) == "Typed before."


async def test_the_script_is_given_those_of_this_ticket_and_nobody_else_is(teo, alice, db):
    await db.write(a_quick_reply)

    found = await teo.get(f"{TICKET}/quick-replies")
    refused = await alice.get(f"{TICKET}/quick-replies")

    assert '"missing": ["clock.due"]' in found.text
    assert refused.status == 404


async def test_a_page_says_that_there_is_no_quick_reply(teo):
    page = LexborHTMLParser((await teo.get(f"{TICKET}?quick=")).text)

    assert page.css_first("#quick-list p").text()
    assert not page.css("#quick-list a")


# --- Taking back --------------------------------------------------------------------------------------------


async def test_a_message_is_taken_back_after_a_word_on_what_stays(teo, alice, db):
    done(await teo.do("reply", text="WRONG-WORDS", idem="a"))
    sent = {"state": "sent", "sent_at": rows.NOON}
    await db.write(lambda tx: tx.update(tables.delivery, {"kind": "reply"}, **sent))
    page = LexborHTMLParser((await teo.get(TICKET)).text)
    (form,) = [one for one in page.css(".take-back form") if "WRONG-WORDS" in one.parent.parent.text()]
    message = form.css_first("[name=message]").attributes["value"]
    assert rows.ALICE.email in form.css_first(".late").text()

    done(await teo.do("retract", message=message))

    struck = LexborHTMLParser((await teo.get(TICKET)).text).css_first(f"#m-{message}")
    assert "WRONG-WORDS" in struck.css_first("del").text()
    assert rows.TECHNICIAN.name in struck.css_first(".late").text()
    assert not struck.css(".take-back")
    assert "WRONG-WORDS" not in (await alice.get("/portal/requests/26-000001")).text


async def test_nobody_is_offered_to_take_back_what_is_not_ours(teo):
    page = LexborHTMLParser((await teo.get(TICKET)).text)

    assert not page.css(".msg.in .take-back")


# --- Why not ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["it", "en"])
def test_every_verb_has_a_name_in_the_readers_language(language):
    named = {name.removeprefix("verb.") for name in words.catalogue(language) if name.startswith("verb.")}

    assert set(VERBS) <= named


async def test_what_is_no_question_of_state_is_refused_with_its_reason(teo, db):
    nobody = await teo.do("requester")
    await db.write(lambda tx: rows.a_ticket(tx, "26-000077", desk_group="Network L1", state="in_progress"))
    of = (await ticket(db, "26-000077")).id
    await db.write(lambda tx: tx.run(tables.participant.delete().filter_by(ticket_id=of)))
    unheard = await teo.do("reply", number="26-000077", text="Guardo.", idem="a")

    assert (nobody.status, unheard.status) == (409, 409)
    assert "Rendi richiedente: non è possibile" in nobody.words
    assert "Nessuno è più proposto come richiedente" in nobody.words
    assert "Rispondi: non è possibile" in unheard.words
    assert "aggiunga prima un contatto" in unheard.words
    assert "la richiesta ora è" not in nobody.words + unheard.words


async def test_who_was_signed_out_is_told_of_drafts_only_where_there_are_any(pages, teo, alice):
    await pages.db.write(lambda tx: tx.run(tables.sign_in.delete()))
    for one in (teo, alice):
        one.headers |= {"Accept": "text/html", "Accept-Language": "it"}

    staff = await teo.do("reply", text="Guardo.")
    elsewhere = await teo.post("/desk/new-calendar", name="x")
    customer = await alice.post("/portal/requests/26-000001/reply", text="Ancora.")

    assert {page.status for page in (staff, elsewhere, customer)} == {401}
    assert "come risposta o nota è conservato" in staff.words
    assert "conservat" not in elsewhere.words + customer.words


async def test_who_was_signed_out_while_they_wrote_gets_their_words_back_but_nothing_from_elsewhere(
    pages, alice
):
    await pages.db.write(lambda tx: tx.run(tables.sign_in.delete()))
    alice.headers |= {"Accept": "text/html", "Accept-Language": "it"}
    reply = "/portal/requests/26-000001/reply"

    own = await alice.post(reply, text="Parole <b>pesate</b>", form="f1", old="secret")
    large = await alice.post(reply, text="Parole pesate", files=(("a.bin", b"x" * 2**20),))
    alien = await pages.client.post(
        reply,
        data={"text": "Parole pesate"},
        headers={"Accept": "text/html", "Sec-Fetch-Site": "cross-site"},
        allow_redirects=False,
    )

    assert {own.status, large.status, alien.status} == {401}
    assert "Lo copi prima di accedere" in own.words
    assert "Parole &lt;b&gt;pesate&lt;/b&gt;</textarea>" in own.text
    assert "secret" not in own.text
    assert "Parole pesate" not in large.text + await alien.text()

"""Calls on the desk's pages: who rings on every page, taking a call, what it is about, calls back, recordings."""

from __future__ import annotations

import re

import pytest

import web.desk.calls
import web.desk.frame
import web.desk.ticket
import web.portal.request
from core.calling import Audio
from core.store import tables
from tests.telephone import ALICE, PIN, STRANGER, Exchange, exchange
from tests.web.desk_pages import serving

SOUND = Audio(content=bytes(range(200)), type="audio/wav", seconds=12.4, external_id="RE7")


@pytest.fixture
async def line(db, monkeypatch) -> Exchange:
    found = await exchange(db)
    for part in (web.desk.calls, web.desk.frame, web.desk.ticket, web.portal.request):
        monkeypatch.setattr(part, "now", lambda: found.desk.now)
    return found


@pytest.fixture
async def pages(line, tmp_path):
    async with serving(line.desk.db, tmp_path) as pages:
        yield pages


async def person(pages, line, name):
    return await pages.as_(await line.desk.who(name))


async def waiting(line, *, caller=ALICE, on="softphone"):
    """Alice, proved, waits for somebody."""
    phone = await line.phone(caller, line=on).identified()
    await phone.press("0")
    return phone


async def recorded(line) -> tuple[str, str]:
    """Alice has left a request about the network; ids of the call, number of the ticket."""
    phone = await line.phone(ALICE).identified()
    await phone.press("2", "1", "1", "3")
    await phone.speak(SOUND)
    await phone.hang_up(seconds=40)
    (ticket,) = await line.desk.rows(tables.ticket)
    return phone.answer.call, ticket.number


async def test_every_page_shows_who_waits_as_a_quiet_line_and_rings_for_whom_it_is_offered_to(line, pages):
    number = await line.desk.taken()
    await line.signed_in("tom")
    phone = await waiting(line)
    tom = await person(pages, line, "tom")

    quiet = await tom.get(f"/desk/tickets/{number}")
    await phone.wait()
    loud = await tom.get("/desk/")
    elsewhere = await (await person(pages, line, "lea")).get("/desk/")

    assert 'class="button plain lined-up"' in quiet.text
    assert 'class="rings"' not in quiet.text
    assert 'class="rings"' in loud.text
    assert "Squilla per Lei" in loud.words
    assert "Alice Acme S.p.A." in re.sub(r"\s+", " ", loud.words)
    assert f'href="/desk/tickets/{number}"' in loud.text
    assert 'class="rings"' not in elsewhere.text
    assert "lined-up" in elsewhere.text


async def test_an_open_page_is_told_of_a_call_and_fetches_who_it_is(line, pages):
    await line.signed_in("tom")
    tom = await person(pages, line, "tom")
    before = await tom.get("/desk/calls/now?back=/desk/outgoing")
    phone = await waiting(line)
    await phone.wait()

    page = await tom.get("/desk/calls/now?back=/desk/outgoing")

    assert "rings" not in before.text
    assert "Rispondi" in page.words
    assert page.field("back") == "/desk/outgoing"
    assert (await tom.get("/desk/calls/now?back=https://evil.test/")).field("back") == "/desk/calls"


async def test_a_call_is_answered_said_what_it_is_about_and_stands_in_the_ticket(line, pages):
    number = await line.desk.taken()
    await line.signed_in("tom")
    phone = await waiting(line)
    await phone.wait()
    tom = await person(pages, line, "tom")
    call = phone.answer.call

    done = await tom.post(f"/desk/calls/{call}/answer", back="/desk/outgoing")
    assert (done.status, done.headers["Location"]) == (303, "/desk/outgoing")
    talking = await tom.get("/desk/")
    assert "In conversazione" in talking.words
    assert f'name="number" value="{number}"' in talking.text
    about = await tom.post(f"/desk/calls/{call}/about", number=number)
    assert about.headers["Location"] == f"/desk/tickets/{number}"
    assert "Di che cosa si tratta" not in (await tom.get("/desk/")).words
    await phone.hang_up(minutes=3)

    page = await tom.get(f"/desk/tickets/{number}")
    assert f'id="c-{call}"' in page.text
    assert "Ha parlato con noi" in page.words
    assert "Con Tom, 3:00 di conversazione" in page.words
    assert "rings" not in page.text


async def test_a_new_request_is_opened_from_the_conversation(line, pages):
    await line.signed_in("tom")
    phone = await waiting(line)
    tom = await person(pages, line, "tom")
    await tom.post(f"/desk/calls/{phone.answer.call}/answer")

    fields = {"request_type": "Incident", "technology": "Network", "impact": "3", "urgency": "2"}
    done = await tom.post(f"/desk/calls/{phone.answer.call}/request", **fields)

    (ticket,) = await line.desk.rows(tables.ticket)
    assert done.headers["Location"] == f"/desk/tickets/{ticket.number}"
    assert (ticket.desk_group, ticket.impact) == ("Network L1", 3)


async def test_what_cannot_be_done_with_a_call_is_told_with_a_reason(line, pages):
    await line.signed_in("tom")
    phone = await waiting(line)
    call = phone.answer.call
    tom, lea = await person(pages, line, "tom"), await person(pages, line, "lea")
    await tom.post(f"/desk/calls/{call}/answer")

    late = await lea.post(f"/desk/calls/{call}/answer")
    unknown = await tom.post(f"/desk/calls/{call}/about", number="26-999999")
    absurd = await tom.post(f"/desk/calls/{call}/request", technology="Bridges")

    assert (late.status, "più veloce" in late.words) == (409, True)
    assert (unknown.status, "Nessuna richiesta ha questo numero" in unknown.words) == (422, True)
    assert (absurd.status, "non è conosciuto" in absurd.words) == (422, True)
    assert (await tom.post(f"/desk/calls/{call}/sing")).status == 404
    assert (await (await person(pages, line, "ann")).post(f"/desk/calls/{call}/answer")).status == 404


async def test_a_caller_is_declined_and_who_takes_no_calls_is_left_alone(line, pages):
    await line.signed_in("tom")
    phone = await waiting(line)
    await phone.wait()
    tom = await person(pages, line, "tom")
    (offer,) = await line.desk.rows(tables.call_offer)

    await tom.post(f"/desk/offers/{offer.id}/decline", back="/desk/")
    assert (await line.desk.rows(tables.call_offer))[0].state == "declined"
    await tom.post("/desk/calls/pause", on="1", back="/desk/")
    assert "Non prende chiamate" in (await tom.get("/desk/")).words
    await tom.post("/desk/calls/pause", on="", back="/desk/")
    assert "Non prende chiamate" not in (await tom.get("/desk/")).words


async def test_calls_that_are_owed_are_work_with_a_count_and_are_done(line, pages):
    phone = await line.phone(STRANGER).dial()
    await phone.press("1")
    await phone.hang_up(seconds=30)
    tom = await person(pages, line, "tom")
    (ticket,) = await line.desk.rows(tables.ticket)

    page = await tom.get("/desk/calls")
    assert STRANGER in page.words
    assert "Ha chiamato e non ha parlato con nessuno" in page.words
    side = page.text[page.text.index("<nav") : page.text.index("</nav>")]
    assert re.search(r'(?s)href="/desk/calls" aria-current="page">.*?class="count hot">1<', side), side
    assert "Chiamata persa" in (await tom.get(f"/desk/tickets/{ticket.number}")).words
    dialled = await tom.post(f"/desk/callbacks/{ticket.number}/dial")
    assert dialled.status == 303
    (_, out) = sorted(await line.desk.rows(tables.call), key=lambda row: row.direction)
    assert (out.direction, out.caller) == ("out", STRANGER)
    assert "Richiamata: squilla il Suo telefono" in (await tom.get("/desk/outgoing")).words
    done = await tom.post(f"/desk/callbacks/{ticket.number}/done", back=f"/desk/tickets/{ticket.number}")
    assert done.headers["Location"] == f"/desk/tickets/{ticket.number}"
    assert "Nessuno aspetta di essere richiamato" in (await tom.get("/desk/calls")).words
    again = await tom.post(f"/desk/callbacks/{ticket.number}/done")
    assert (again.status, "Nessuno aspetta" in again.words) == (409, True)
    without = await (await person(pages, line, "lea")).post(f"/desk/callbacks/{ticket.number}/dial")
    assert (without.status, "dove squilla" in without.words) == (409, True)


async def test_a_ticket_shows_its_call_with_keys_by_name_and_a_recording_to_listen_to(line, pages):
    call, number = await recorded(line)
    tom = await person(pages, line, "tom")

    page = await tom.get(f"/desk/tickets/{number}")

    assert "Richiesta registrata" in page.words
    assert re.search(r"Menu principale 2 nuova richiesta", page.words)
    assert re.search(r"Tecnologia 1 Network", page.words)
    assert "PIN ••••••" in page.words
    assert PIN not in page.text
    assert page.text.count("<audio controls") == 1
    assert page.text.count("/files/") == 0, "the file is played, not listed a second time"
    (found,) = re.findall(rf'src="(/desk/calls/{call}/sound/\d+)"', page.text)
    whole = await tom.client.get(found, headers=tom.headers)
    part = await tom.client.get(found, headers=tom.headers | {"Range": "bytes=10-19"})
    beyond = await tom.client.get(found, headers=tom.headers | {"Range": "bytes=900-"})
    assert (whole.status, whole.content_type, await whole.read()) == (200, "audio/wav", SOUND.content)
    assert (part.status, await part.read()) == (206, SOUND.content[10:20])
    assert part.headers["Content-Range"] == "bytes 10-19/200"
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, "bytes */200")
    assert (await tom.get(f"/desk/calls/{call}/sound/x")).status == 404


async def test_the_log_is_filtered_and_leads_to_the_call(line, pages):
    call, number = await recorded(line)
    tom = await person(pages, line, "tom")

    page = await tom.get("/desk/calls?outcome=recorded")
    missed = await tom.get("/desk/calls?outcome=missed")
    one = await tom.get(f"/desk/calls/{call}")

    assert f'id="l-{call}"' in page.text
    assert f'href="/desk/tickets/{number}#c-{call}"' in page.text
    assert f'id="l-{call}"' not in missed.text
    assert "Alice" in one.words
    assert (await tom.get("/desk/calls?outcome=none")).status in (400, 422)
    assert (await tom.get("/desk/calls/none")).status == 404


async def test_a_customer_sees_that_they_called_and_hears_their_own_voice(line, pages):
    call, number = await recorded(line)
    alice, aldo = await person(pages, line, "alice"), await person(pages, line, "aldo")

    page = await alice.get(f"/portal/requests/{number}")

    assert "Ha chiamato e lasciato una richiesta" in page.words
    assert "Menu principale" not in page.words
    (found,) = re.findall(rf'src="(/portal/calls/{call}/sound/\d+)"', page.text)
    assert (await alice.client.get(found, headers=alice.headers)).status == 200
    assert (await aldo.get(found)).status == 404
    assert (await alice.get(found.replace("portal", "desk"))).status == 404
    assert (await alice.get("/desk/calls")).status == 404

"""Does the line of the web chat stand whatever is sent on it? Foreign pages, floods, frames that are none, files, posts and streams."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from aiohttp import FormData, WSServerHandshakeError

from core.desk import accounts, tickets, visitors
from core.rules.visitor_tokens import signed
from core.store import tables
from core.store.opening import open_database
from tests import rows
from tests.web.chatting import KEY, LONG, SHOP, Browser, a_secret, chatting
from tests.web.desk_pages import furnish
from web.chat import wire


@pytest.fixture
def db(sqlite_url, facts):
    """What is tested here asks nothing of a database that one does not answer like the other."""
    database = open_database(sqlite_url, facts, readers=2)
    yield database
    database.close()


@pytest.fixture
async def chats(db, tmp_path):
    await db.write(furnish)
    async with chatting(db, tmp_path, requests_per_address=200) as chats:
        yield chats


async def answered(chats, page, text="Which one?"):
    done = await page.say("The printer burns.")
    await chats.db.write(tickets.reply, rows.LEADER, done["ticket"], text, now=datetime.now(UTC))
    await chats.work()
    await page.shows(text)
    return done["ticket"]


def token(**changed):
    said = {"aud": "centralino:shop", "sub": rows.ALICE.email, "jti": str(uuid4()), "name": "Alice"}
    return signed(said | {"exp": datetime.now(UTC).timestamp() + 120} | changed, KEY.encode())


async def closed(page):
    """The code a socket was closed with."""
    async with asyncio.timeout(LONG):
        while not page.socket.closed:
            await page.socket.receive()
    return page.socket.close_code


# --- Who may ask ------------------------------------------------------------------------------------------------


async def test_a_socket_from_a_page_that_is_not_ours_is_refused(chats):
    for origin in (SHOP, "https://evil.test", "null", "", None):
        headers = {} if origin is None else {"Origin": origin}

        with pytest.raises(WSServerHandshakeError) as refusal:
            await chats.client.ws_connect("/chat/ws?site=shop", headers=headers)

        assert refusal.value.status == 403


async def test_an_unknown_site_is_not_there(chats):
    with pytest.raises(WSServerHandshakeError) as refusal:
        await chats.client.ws_connect("/chat/ws?site=nobody", headers={"Origin": chats.origin})
    assert refusal.value.status == 404
    for path in ("/chat/frame?site=nobody", "/chat/frame?site=../default"):
        assert (await chats.client.get(path)).status == 404


async def test_the_frame_is_shown_by_the_pages_of_its_site_alone_and_runs_nothing_inline(chats):
    answer = await chats.client.get("/chat/frame?site=shop&language=en&accent=%23006644&theme=dark")
    text = await answer.text()

    policy = answer.headers["Content-Security-Policy"]
    assert f"frame-ancestors 'self' {SHOP}" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert "example.org" not in policy.replace(SHOP, "")
    assert "style=" not in text
    assert answer.cookies == {}
    other = await chats.client.get("/chat/frame?site=shop&accent=red;x:y&theme=%22%3E%3Cscript%3E")
    assert "red;x" not in await other.text()
    assert "<script>" not in await other.text()


async def test_any_page_may_load_the_script_and_it_brings_no_cookie(chats):
    answer = await chats.client.get("/chat/widget.js")

    assert answer.status == 200
    assert answer.content_type == "text/javascript"
    assert answer.cookies == {}
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


def test_all_of_it_together_weighs_less_than_thirty_kilobytes():
    from web.static_files import FOLDER

    assert sum(one.stat().st_size for one in (FOLDER / "chat").iterdir()) < 30_000


async def test_the_portal_is_for_who_is_signed_in_and_shows_their_conversation_in_any_browser(chats):
    async with chats.client.ws_connect("/chat/ws?site=portal", headers={"Origin": chats.origin}) as socket:
        page = Browser(socket)
        await page.send("hello", secret=a_secret())
        assert await closed(page) == 1008
    alice, staff = await chats.as_(rows.ALICE), await chats.as_(rows.LEADER)
    async with chats.client.ws_connect(
        "/chat/ws?site=portal", headers={"Origin": chats.origin} | staff.headers
    ) as socket:
        page = Browser(socket)
        await page.send("hello", secret=a_secret())
        assert await closed(page) == 1008
    async with chats.visiting(site="portal", headers=alice.headers) as page:
        assert page.standing["known"] == "Alice"
        assert (await page.say("From the portal."))[
            "outcome"
        ] == "held"  # they have requests: which one is it?
        await chats.work()
        question = await page.asked()
        assert any("26-000001" in one["label"] for one in question["buttons"])
        await page.asks("say", "done", id=str(uuid4()), button=question["buttons"][-1]["id"])
        await chats.work()
        await page.loses(question["id"])  # what was chosen stands in its place
        number = (await page.shows("From the portal."))["ticket"]
        assert len([one for one in page.texts if one.startswith(question["text"])]) == 1
    assert "webchat:" not in (await alice.get("/portal/")).text + (await alice.get("/account")).text
    again = await chats.as_(rows.ALICE)
    async with chats.visiting(site="portal", headers=again.headers) as page:
        await page.shows("From the portal.")
    ticket = await chats.db.read(tickets_of, number)
    assert (ticket.contact, ticket.trust) == (rows.ALICE.id, "verified")


def tickets_of(tx, number):
    from sqlalchemy import select

    return tx.one(select(tables.ticket).where(tables.ticket.c.number == number))


async def test_whoever_signs_out_reads_no_further(chats):
    alice = await chats.as_(rows.ALICE)
    async with chats.visiting(site="portal", headers=alice.headers) as page:
        await chats.db.write(accounts.end_all, rows.ALICE.id, now=datetime.now(UTC))

        assert await closed(page) is not None


async def test_staff_try_it_out_and_nobody_else(chats):
    lea, alice = await chats.as_(rows.LEADER), await chats.as_(rows.ALICE)

    assert "/chat/widget.js" in (await lea.get("/chat/try")).text
    assert (await alice.get("/chat/try")).status == 404
    assert (await (await chats.as_(None)).get("/chat/try")).status == 303
    assert 'data-site="portal"' in (await alice.get("/portal/")).text
    assert "widget.js" not in (await lea.get("/desk/")).text


# --- What is no frame -------------------------------------------------------------------------------------------


async def test_words_that_are_no_frame_end_the_talk_and_tell_nothing(chats):
    for sent in ("no json", "[]", '"x"', "[" * 5000, "null"):
        async with chats.visiting() as page:
            await page.socket.send_str(sent)
            assert await closed(page) == 1008


async def test_binary_frames_and_frames_over_sixteen_kilobytes_end_the_talk(chats):
    async with chats.visiting() as page:
        await page.socket.send_bytes(b'{"type": "ping"}')
        assert await closed(page) == 1008
    async with chats.visiting() as page:
        await page.socket.send_str(json.dumps({"type": "say", "text": "x" * wire.LARGEST}))
        assert await closed(page) == 1009


ODD = [
    {"type": "nothing"},
    {"type": "_done"},
    {"type": ["say"]},
    {},
    {"type": "say"},
    {"type": "say", "id": "short", "text": "x"},
    {"type": "say", "id": "x" * 500, "text": "x"},
    {"type": "say", "id": str(uuid4()), "text": {"$ne": 1}},
    {"type": "say", "id": str(uuid4()), "text": ""},
    {"type": "say", "id": str(uuid4()), "command": "drop"},
    {"type": "say", "id": str(uuid4()), "button": 7},
    {"type": "seen", "id": 7},
    {"type": "claim", "name": "x" * 400},
    {"type": "identify"},
    {"type": "identify", "token": 7},
    {"type": "code", "email": [], "code": 1},
]


async def test_an_unknown_event_gets_a_word_and_the_talk_goes_on(chats):
    async with chats.visiting(site="shop") as page:
        for frame in ODD:
            await page.socket.send_str(json.dumps(frame))
            assert await page.until("error") == {"type": "error"}, frame

        assert (await page.asks("ping", "pong"))["type"] == "pong"


async def test_odd_values_are_taken_for_what_they_are(chats):
    async with chats.visiting() as page:
        for frame in (
            {"type": "seen", "id": "no id of anything"},
            {"type": "seen", "id": "ffffffff-ffff-ffff-ffff-ffffffffffff"},
            {"type": "typing"},
            {"type": "say", "id": str(uuid4()), "button": "no such button"},
        ):
            await page.socket.send_str(json.dumps(frame))
        assert (await page.asks("ping", "pong"))["type"] == "pong"
        long = await page.asks("say", "done", id=str(uuid4()), text="x" * 8001)
        assert long["why"] == "long"


async def test_half_a_character_is_no_reason_to_lose_what_somebody_says(chats):
    async with chats.visiting() as page:
        assert (await page.asks("claim", "claimed", name="Zoe \ud83d", email=""))["type"] == "claimed"
        assert (await page.say("It burns \ud83d\ude00 \ud83d"))["type"] == "done"
        await page.shows("It burns \N{GRINNING FACE} \N{REPLACEMENT CHARACTER}")


async def test_a_flood_ends_the_talk_and_others_do_not_notice(chats):
    async with chats.visiting() as page, chats.visiting() as other:
        for _ in range(wire.PER_SECOND * 3):
            if page.socket.closed:
                break
            await page.socket.send_str('{"type": "ping"}')
        assert await closed(page) == wire.FLOOD

        assert (await other.say("Still here."))["outcome"] == "ticket"


async def test_so_many_pages_of_one_visitor_and_no_more(db, tmp_path):
    secret = a_secret()
    async with chatting(db, tmp_path, live_per_person=2) as chats:
        async with chats.visiting(secret) as one, chats.visiting(secret):
            async with chats.client.ws_connect(
                "/chat/ws?site=default", headers={"Origin": chats.origin}
            ) as socket:
                third = Browser(socket)
                await third.send("hello", secret=secret)
                assert await closed(third) == 1013
            assert (await one.asks("ping", "pong"))["type"] == "pong"
        async with chats.visiting(secret):
            pass


async def test_a_hub_that_stops_lets_all_pages_go_at_once(db, tmp_path):
    async with chatting(db, tmp_path) as chats, chats.visiting() as page:
        began = asyncio.get_running_loop().time()
        await chats.client.server.app.shutdown()

        assert await closed(page) is not None
        assert asyncio.get_running_loop().time() - began < 2


async def test_who_says_nothing_is_not_waited_for(chats, monkeypatch):
    monkeypatch.setattr(wire, "HELLO_WITHIN", 0.05)
    async with chats.client.ws_connect("/chat/ws?site=default", headers={"Origin": chats.origin}) as socket:
        assert await closed(Browser(socket)) is not None


# --- Who it is --------------------------------------------------------------------------------------------------


async def test_the_address_that_staff_see_opens_nothing(chats):
    secret = a_secret()
    async with chats.visiting(secret) as page:
        await answered(chats, page)
    name = visitors.by_secret("default", secret).address.partition(":")[2]

    async with chats.visiting(name) as thief:
        assert thief.items == {}
        assert thief.standing["state"] == "new"


async def test_a_token_makes_a_visitor_known_and_what_is_wrong_with_one_is_said(chats):
    async with chats.visiting(site="shop") as page:
        given = token()
        assert (await page.asks("identify", "identified", token=given))["as"] == "known"
        await page.stands(known="Alice")
    async with chats.visiting(site="shop") as other:
        again = await other.asks("identify", "identified", token=given)
        assert (again["type"], again["why"]) == ("refused", "replayed")
        for bad in (token(aud="centralino:club"), token(exp=1), token()[:-3], "a.b.c", ""):
            refused = await other.asks("identify", "identified", token=bad)
            assert (refused["type"], refused["why"]) == ("refused", "token")
        await other.say("Still anonymous.")
        await other.shows("Still anonymous.")
        assert other.standing["known"] == ""
    async with chats.visiting() as page:  # a site without a key
        assert (await page.asks("identify", "identified", token=token()))["why"] == "token"


async def test_a_claim_is_shown_to_who_made_it_and_proves_nothing(chats):
    async with chats.visiting() as page:
        await page.asks("claim", "claimed", name="Alice", email=rows.ALICE.email)
        await page.stands(email=rows.ALICE.email, name="Alice", known="")
        assert (await page.asks("claim", "claimed", name="", email="nonsense"))["why"] == "invalid"
        done = await page.say("I am Alice, believe me.")

        assert not any("26-00000" in item.get("ticket", "") for item in page.items.values())
        assert (await chats.db.read(tickets_of, done["ticket"])).trust == "none"


async def test_a_code_by_mail_is_asked_for_and_typed_in(chats):
    async with chats.visiting() as page:
        await page.asks("prove", "sent", email=rows.ALICE.email)
        await chats.work()
        code = chats.mail.sent[0].subject.rpartition(" ")[2]

        assert (await page.asks("code", "proved", email=rows.ALICE.email, code="000000"))["why"] == "code"
        assert (await page.asks("code", "proved", email=rows.ALICE.email, code=code))["type"] == "proved"
        await page.stands(known="Alice")


# --- Two pages, and pages that were away ------------------------------------------------------------------------


async def test_two_pages_of_a_visitor_show_the_same(chats):
    secret = a_secret()
    async with chats.visiting(secret) as one, chats.visiting(secret) as two:
        await one.say("From one.")
        await two.shows("From one.")
        await two.say("From two.")
        await one.shows("From two.")


async def test_a_page_that_comes_back_is_told_what_it_missed_and_may_say_all_again(chats):
    secret, ref = a_secret(), str(uuid4())
    async with chats.visiting(secret) as page:
        number = (await page.say("Before.", ref=ref))["ticket"]
        since = (await page.shows("Before."))["at"]
    await chats.db.write(tickets.reply, rows.LEADER, number, "Meanwhile.", now=datetime.now(UTC))
    await chats.work()

    async with chats.visiting(secret, since=since) as page:
        await page.shows("Meanwhile.")
        assert (await page.say("Before.", ref=ref))["id"] == ref
        await page.say("After.")
        await page.shows("After.")
        assert page.texts.count("Before.") == 1
    async with chats.visiting(secret, since=since + 3600) as page:
        assert page.items == {}


async def test_staff_are_told_that_somebody_writes_and_the_visitor_that_somebody_answers(chats):
    told = []
    chats.db.listen(told.extend)
    async with chats.visiting() as page:
        number = await answered(chats, page)
        ticket = (await chats.db.read(tickets_of, number)).id
        await page.send("typing")
        await page.send("typing")
        await page.asks("ping", "pong")
        assert told.count(("typing", f"{ticket} customer")) == 1

        await chats.db.write(lambda tx: tx.tell("typing", f"{ticket} staff"))

        await page.until("typing")
        for table in (tables.event, tables.message):
            assert "typing" not in str(await chats.db.read(lambda tx, of=table: tx.all(of.select())))


async def test_what_was_on_the_screen_is_seen(chats):
    async with chats.visiting() as page:
        await answered(chats, page)
        said = await page.shows("Which one?")
        await page.send("seen", id=said["id"])
        await page.asks("ping", "pong")

    (row,) = await chats.db.read(
        lambda tx: tx.all(tables.delivery.select().where(tables.delivery.c.id == said["id"]))
    )
    assert row.seen_at is not None


# --- Without sockets --------------------------------------------------------------------------------------------


class Stream:
    def __init__(self, response):
        self.response = response

    async def until(self, type_, text=""):
        async with asyncio.timeout(LONG):
            while True:
                line = (await self.response.content.readline()).decode()
                assert line, "the stream ended"
                if line.startswith("data: ") and text in line and json.loads(line[6:])["type"] == type_:
                    return json.loads(line[6:])


def same_origin(chats):
    return {"Origin": chats.origin, "Sec-Fetch-Site": "same-origin"}


async def posted(chats, secret, **frame):
    body = {"site": "default", "secret": secret, "language": "en", "frame": frame}
    answer = await chats.client.post("/chat/messages", json=body, headers=same_origin(chats))
    assert answer.status == 200, await answer.text()
    return await answer.json()


async def test_posts_and_a_stream_carry_the_same(chats):
    secret = a_secret()
    hello = {"site": "default", "secret": secret, "language": "en"}
    async with chats.client.post("/chat/events", json=hello, headers=same_origin(chats)) as response:
        assert response.content_type == "text/event-stream"
        stream = Stream(response)
        await stream.until("welcome")
        done = await posted(chats, secret, type="say", id=str(uuid4()), text="By post.")
        assert done["type"] == "done"
        await stream.until("items", "By post.")
        await posted(chats, secret, type="typing")

        await chats.db.write(tickets.reply, rows.LEADER, done["ticket"], "By stream.", now=datetime.now(UTC))
        await chats.work()

        await stream.until("items", "By stream.")


async def test_posts_from_a_page_that_is_not_ours_are_refused(chats):
    body = {"site": "default", "secret": a_secret(), "frame": {"type": "ping"}}
    for path in ("/chat/messages", "/chat/events", "/chat/files", "/chat/file"):
        for headers in ({"Origin": SHOP}, {"Sec-Fetch-Site": "cross-site"}, {}):
            assert (await chats.client.post(path, json=body, headers=headers)).status == 403


async def test_posts_that_are_no_frames_are_refused(chats):
    headers = same_origin(chats)
    for body in (b"no json", b"[]", b'{"site": "default"}', b"\xff"):
        assert (await chats.client.post("/chat/messages", data=body, headers=headers)).status in (404, 422)
    good = {"site": "default", "secret": a_secret()}
    for frame in (None, [], {"type": "x"}, {"type": "say", "id": 1}):
        answer = await chats.client.post("/chat/messages", json=good | {"frame": frame}, headers=headers)
        assert answer.status == 422
    answer = await chats.client.post("/chat/messages", data=b"x" * (wire.LARGEST + 1), headers=headers)
    assert answer.status == 413


# --- Files ------------------------------------------------------------------------------------------------------


async def upload(chats, secret, *files, site="default", **fields):
    form = FormData(
        {"site": site, "secret": secret, "id": str(uuid4()), "text": "See.", **fields},
        default_to_multipart=True,
    )
    for name, content in files:
        form.add_field("files", content, filename=name)
    return await chats.client.post("/chat/files", data=form, headers=same_origin(chats))


async def download(chats, secret, file):
    form = {"site": "default", "secret": secret, "file": file}
    return await chats.client.post("/chat/file", data=form, headers=same_origin(chats))


async def test_a_stranger_sends_files_after_the_first_answer_and_reads_them_alone(chats):
    secret = a_secret()
    async with chats.visiting(secret) as page:
        await page.say("May I send a log?")
        early = await (await upload(chats, secret, ("log.txt", b"x"))).json()
        assert early["why"] == "files_late"
        await answered(chats, page)

        sent = await (await upload(chats, secret, ("../log.html", b"<script>"))).json()
        assert sent["type"] == "done"
        item = await page.shows("See.")
        (file,) = item["files"]

        answer = await download(chats, secret, file["id"])
        assert await answer.read() == b"<script>"
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"].startswith("sandbox")
        assert answer.content_type == "application/octet-stream"
        assert (await download(chats, a_secret(), file["id"])).status == 404
        assert (await download(chats, secret, str(uuid4()))).status == 404


async def test_a_stranger_sends_ten_files_at_most_and_who_is_known_more(chats):
    secret, known = a_secret(), a_secret()
    async with chats.visiting(secret) as page:
        await answered(chats, page)
        many = [(f"{n}.txt", b"x") for n in range(wire.FILES + 1)]
        assert (await (await upload(chats, secret, *many)).json())["why"] == "files_many"
        assert (await (await upload(chats, secret, *many[1:])).json())["type"] == "done"
        assert (await (await upload(chats, secret, many[0])).json())["why"] == "files_many"
    async with chats.visiting(known, site="shop") as page:
        await page.asks("identify", "identified", token=token())
        assert (await (await upload(chats, known, *many, site="shop")).json())["type"] == "done"

"""Who gets in, how far, and what is every stranger told? Over the whole application, on a real socket."""

from __future__ import annotations

import asyncio
import re
import threading
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer

from core.desk import accounts, links, passwords
from core.ids import fixed_id, token_hash
from core.settings import Http, Limits, Settings
from core.settings import Hub as HubSettings
from core.store import lanes, tables, work
from tests import rows
from web import static_files
from web.app import WebServer, make_app
from web.pages import Pages
from web.site import SITE

PASSWORD = "a password of hers"
OTHER = "another password"
SAME = {"Sec-Fetch-Site": "same-origin"}


@cache
def hash_of(password):
    return passwords.hash_now(password)


def furnish(tx):
    rows.people(tx)
    tx.update(tables.contact, {"id": "alice"}, password_hash=hash_of(PASSWORD))
    for agent in ("agent-lead", "agent-tech"):
        tx.update(tables.agent, {"id": agent}, password_hash=hash_of(PASSWORD))


@asynccontextmanager
async def browser(db, **limits):
    settings = Settings(channels={}, limits=Limits(**limits))
    app = make_app(db, settings, clean=lambda html, **_: html)
    async with TestClient(TestServer(app)) as client:
        yield client


@pytest.fixture
async def client(db):
    await db.write(furnish)
    async with browser(db) as client:
        yield client


async def log_in(client, email="alice@acme.test", password=PASSWORD, **more):
    form = {"email": email, "password": password} | more
    return await client.post("/login", data=form, headers=SAME, allow_redirects=False)


def sign_in(tx, email):
    found = accounts.account(tx, email)
    return accounts.begin(tx, found, device="hers", limits=accounts.Limits(), now=datetime.now(UTC))


async def token(client, page="/account"):
    return re.search(r'name="csrf" value="([^"]+)"', await (await client.get(page)).text())[1]


# --- Signing in ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("email", "home"),
    [("alice@acme.test", "/portal/"), ("lea@desk.test", "/desk/"), ("LEA@desk.test", "/desk/")],
)
async def test_customers_land_in_the_portal_and_staff_at_the_desk(client, email, home):
    answer = await log_in(client, email)

    assert (answer.status, answer.headers["Location"]) == (303, home)
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert "SameSite=Lax" in answer.headers["Set-Cookie"]


async def test_wrong_password_and_unknown_address_get_the_same_answer(client):
    wrong = await log_in(client, password="not hers")
    unknown = await log_in(client, "eve@evil.test", password="not hers")

    assert wrong.status == unknown.status == 401
    assert (await wrong.text()).replace("alice@acme.test", "eve@evil.test") == await unknown.text()


async def test_who_guesses_waits_and_the_owner_gets_in_on_a_known_device(db, client):
    await log_in(client)
    client.session.cookie_jar.clear(lambda cookie: cookie.key == "centralino")
    async with browser(db) as stranger:
        guesses = [(await log_in(stranger, password=f"guess {n}")).status for n in range(5)]
        late = await log_in(stranger)

    owner = await log_in(client)

    assert guesses == [401] * 5
    assert late.status == 401
    assert owner.status == 303


@pytest.mark.parametrize("to", ["//evil.test", "https://evil.test", "/\\evil.test", "evil"])
async def test_nobody_is_sent_away_from_here_after_the_log_in(client, to):
    assert (await log_in(client, next=to)).headers["Location"] == "/portal/"


async def test_a_page_that_needs_a_log_in_comes_back_after_it_whole(client):
    asked = await client.get("/desk/?view=mine&q=a%26b", allow_redirects=False)
    page = await (await client.get(asked.headers["Location"])).text()
    to = re.search(r'name="next" value="([^"]*)"', page)[1].replace("&amp;", "&")

    assert asked.status == 303
    assert to == "/desk/?view=mine&q=a%26b"


async def test_over_https_the_cookie_belongs_to_this_host_alone(db):
    await db.write(furnish)
    settings = Settings(channels={}, hub=HubSettings(public_url="https://desk.test"))
    app = make_app(db, settings, clean=lambda html, **_: html)
    async with TestClient(TestServer(app)) as client:
        answer = await client.post(
            "/login",
            data={"email": "alice@acme.test", "password": PASSWORD},
            headers=SAME | {"Host": "desk.test"},
            allow_redirects=False,
        )

    assert answer.headers.getall("Set-Cookie")[0].startswith("__Host-centralino=")
    assert "Secure" in answer.headers.getall("Set-Cookie")[0]
    assert answer.headers["Strict-Transport-Security"]


async def test_who_signs_out_is_out_at_once(client):
    await log_in(client)
    csrf = await token(client)
    cookie = client.session.cookie_jar.filter_cookies(client.make_url("/"))["centralino"].value

    await client.post("/logout", data={"csrf": csrf}, headers=SAME, allow_redirects=False)
    client.session.cookie_jar.update_cookies({"centralino": cookie}, client.make_url("/"))

    assert (await client.get("/portal/", allow_redirects=False)).headers["Location"].startswith("/login")


# --- The account --------------------------------------------------------------------------------------------


async def test_a_device_is_signed_out_from_another_and_its_live_page_ends(db, client):
    await log_in(client, "lea@desk.test")
    async with browser(db) as elsewhere:
        await log_in(elsewhere, "lea@desk.test")
        live = await elsewhere.get("/desk/live", headers={"Accept": "text/event-stream"})
        page = await (await client.get("/account")).text()
        (device,) = re.findall(r"/account/devices/(\w+)/end", page)

        await client.post(f"/account/devices/{device}/end", data={"csrf": await token(client)}, headers=SAME)

        async with asyncio.timeout(10):
            assert (await live.read()).count(b"event:") == 0
    assert len(await db.read(accounts.of_person, rows.LEADER)) == 1


async def test_nobody_signs_somebody_else_out(db, client):
    await log_in(client)
    await db.write(sign_in, "lea@desk.test")
    (hers,) = await db.read(accounts.of_person, rows.LEADER)

    answer = await client.post(
        f"/account/devices/{hers.hash}/end", data={"csrf": await token(client)}, headers=SAME
    )

    assert answer.status == 404
    assert len(await db.read(accounts.of_person, rows.LEADER)) == 1


async def test_a_new_password_takes_the_old_one_and_signs_everybody_else_out(db, client):
    await log_in(client)
    async with browser(db) as elsewhere:
        await log_in(elsewhere)
        changed = await client.post(
            "/account/password",
            data={"csrf": await token(client), "old": PASSWORD, "new": OTHER},
            headers=SAME,
        )
        assert "notice good" in await changed.text()
        assert (await elsewhere.get("/portal/", allow_redirects=False)).status == 303
        assert (await log_in(elsewhere)).status == 401
        assert (await log_in(elsewhere, password=OTHER)).status == 303


@pytest.mark.parametrize(("old", "new"), [("not hers", OTHER), (PASSWORD, "short")])
async def test_a_password_is_not_changed_without_the_old_one_or_to_a_short_one(client, old, new):
    await log_in(client)

    answer = await client.post(
        "/account/password", data={"csrf": await token(client), "old": old, "new": new}, headers=SAME
    )

    assert answer.status == 422
    assert 'role="alert"' in await answer.text()


async def test_somebody_ends_their_own_token_and_nobody_elses(db, client):
    at = datetime.now(UTC)
    hers = await db.write(accounts.token_create, kind="contact", email="alice@acme.test", name="n", now=at)
    other = await db.write(accounts.token_create, kind="contact", email="bob@beta.test", name="n", now=at)
    await log_in(client)
    page = await (await client.get("/account")).text()
    (act,) = re.findall(r'action="(/account/tokens/\w+/end)"', page)
    form = {"csrf": await token(client)}

    foreign = await client.post(f"/account/tokens/{token_hash(other)}/end", data=form, headers=SAME)
    ended = await client.post(act, data=form, headers=SAME)

    assert (foreign.status, ended.status) == (404, 200)
    assert await db.read(accounts.principal_of_token, hers, now=at) is None
    assert await db.read(accounts.principal_of_token, other, now=at) is not None


# --- Forged, strange and oversized requests -----------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [{}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.test"}],
)
async def test_a_form_of_another_site_is_refused(client, headers):
    form = {"email": "alice@acme.test", "password": PASSWORD}

    answer = await client.post("/login", data=form, headers=headers, allow_redirects=False)

    assert answer.status == 403
    assert "Set-Cookie" not in answer.headers


async def test_a_form_without_its_token_is_refused(client):
    await log_in(client)

    assert (await client.post("/logout", data={"csrf": "guess"}, headers=SAME)).status == 403


async def test_another_name_of_this_server_is_not_answered(db):
    settings = Settings(channels={}, hub=HubSettings(public_url="https://desk.test"))
    async with TestClient(TestServer(make_app(db, settings, clean=lambda html, **_: html))) as client:
        assert (await client.get("/login", headers={"Host": "evil.test"})).status == 421
        assert (await client.get("/login", headers={"Host": "desk.test"})).status == 200


async def test_a_forwarded_address_counts_only_from_a_proxy_that_knows_the_secret(db):
    await db.write(furnish)
    async with browser(db, sign_in_tries_per_address=2, sign_in_tries=100) as client:
        form = {"email": "alice@acme.test", "password": "guess"}
        for n in range(2):
            await client.post("/login", data=form, headers=SAME | {"X-Forwarded-For": f"192.0.2.{n}"})
        late = await client.post(
            "/login",
            data=form | {"password": PASSWORD},
            headers=SAME | {"X-Forwarded-For": "192.0.2.9"},
            allow_redirects=False,
        )

    assert late.status == 401


async def test_a_form_larger_than_the_limit_is_refused(db):
    async with browser(db, http_body=1000) as client:
        answer = await log_in(client, password="x" * 2000)

    assert answer.status == 413


async def test_one_person_cannot_ask_without_end_and_others_are_still_served(db):
    await db.write(furnish)
    async with browser(db, requests_per_person=1) as client, browser(db) as other:
        await log_in(client)
        asked = [(await client.get("/account")).status for _ in range(8)]

        assert asked[0] == 200
        assert asked[-1] == 429
        assert (await other.get("/login")).status == 200


async def test_every_page_says_that_nothing_strange_may_run_in_it(client):
    await log_in(client)

    for path in ("/login", "/account", "/nowhere", "/portal/"):
        headers = (await client.get(path)).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe-inline" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Server"] == "Centralino"


async def test_a_program_gets_a_problem_document(client):
    await log_in(client)

    answer = await client.get("/portal/requests/26-999999", headers={"Accept": "application/json"})

    assert answer.status == 404
    assert answer.content_type == "application/problem+json"
    assert (await answer.json())["status"] == 404


async def test_a_monitoring_system_sees_what_waits(client):
    figures = await (await client.get("/metrics")).text()

    assert 'centralino_items{view="open"} 0.0' in figures
    assert "process_resident_memory_bytes" in figures


# --- Slow ones ----------------------------------------------------------------------------------------------


async def listening(server):
    async with asyncio.timeout(10):
        while server.port is None:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)


async def test_a_connection_that_never_asks_is_closed_and_others_are_served_meanwhile(db):
    settings = Settings(channels={}, http=Http(port=0))
    server = WebServer(make_app(db, settings, clean=lambda html, **_: html), settings, idle=0.3)
    serving = asyncio.create_task(server.run())
    try:
        await listening(server)
        silent, asking = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(2)]
        silent[1].write(b"GET /login HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        asking[1].write(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")

        async with asyncio.timeout(10):
            assert (await asking[0].readline()).startswith(b"HTTP/1.1 200")
            assert await silent[0].read() == b""
        for _, writer in (silent, asking):
            writer.close()
            await writer.wait_closed()
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def test_what_a_device_packs_is_taken_as_it_comes_and_nobody_else_packs_anything(db):
    """A wrong word of a tool about its body would else be an error of ours, and what it said be lost."""
    settings = Settings(channels={}, http=Http(port=0))
    app = make_app(db, settings, clean=lambda html, **_: html)
    came = []

    async def take(request):
        came.append(await request.read())
        return web.Response(status=202)

    app.router.add_post("/in/alerts/SOURCE", take)
    app.router.add_post("/in/provider", take)
    server = WebServer(app, settings)
    serving = asyncio.create_task(server.run())
    try:
        await listening(server)
        here = f"http://127.0.0.1:{server.port}"
        async with ClientSession() as session:
            for encoding in ("gzip", "deflate", "br", "zstd", "odd", "multipart", "identity"):
                kind = "application/json"
                if encoding == "multipart":
                    encoding, kind = "gzip", "multipart/form-data; boundary=x"  # noqa: PLW2901 - files, packed
                packed = {"Content-Encoding": encoding, "Content-Type": kind, **SAME}
                statuses = [
                    (await session.post(f"{here}{path}", data=b"{}", headers=packed)).status
                    for path in ("/in/alerts/SOURCE", "/in/provider", "/login", "/api/v1/tickets")
                ]
                assert statuses[0] == 202
                if encoding != "identity":
                    assert statuses[1:] == [415, 415, 415]
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
    assert came == [b"{}"] * 8


async def test_whoever_asks_before_the_pages_are_read_is_answered_but_the_hub_is_not_ready(db):
    settings = Settings(channels={}, http=Http(port=0))
    app = make_app(db, settings, clean=lambda html, **_: html)
    server = WebServer(app, settings)
    being_read, read = threading.Event(), threading.Event()

    class Unread(Pages):
        def read_all(self, wanted):
            assert wanted()
            being_read.set()
            read.wait(10)

    app[SITE].pages = Unread(settings.hub)
    serving = asyncio.create_task(server.run())
    try:
        await listening(server)
        await asyncio.to_thread(being_read.wait, 10)
        async with ClientSession() as session, session.get(f"http://127.0.0.1:{server.port}/login") as page:
            assert page.status == 200
        assert not server.ready()

        read.set()

        async with asyncio.timeout(10):
            while not server.ready():  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.01)
    finally:
        read.set()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
    assert not server.ready()


# --- The first administrator --------------------------------------------------------------------------------


async def test_the_set_up_link_makes_one_administrator_and_then_leads_nowhere(db):
    link = await db.write(links.create, "setup", "first", life=timedelta(hours=1), now=datetime.now(UTC))
    form = {"token": link, "email": "Ada@Desk.test", "name": "Ada", "password": PASSWORD}
    async with browser(db) as client:
        assert (await client.get("/setup")).status == 404
        assert (await client.get(f"/setup?token={link}")).status == 200
        refused = await client.post("/setup", data=form | {"password": "short"}, headers=SAME)
        nobody = await client.post("/setup", data=form | {"email": "nobody"}, headers=SAME)
        assert (nobody.status, 'value="nobody"' in await nobody.text()) == (422, True), (
            "what was typed is kept"
        )
        foreign = await client.post("/setup", data=form | {"token": "guess"}, headers=SAME)
        made = await client.post("/setup", data=form, headers=SAME, allow_redirects=False)
        again = await client.post("/setup", data=form, headers=SAME)

        assert (refused.status, foreign.status, made.status, again.status) == (422, 404, 303, 404)
        assert (await client.get(f"/setup?token={link}")).status == 404
        assert (await log_in(client, "ada@desk.test")).headers["Location"] == "/desk/"


# --- What got stuck -----------------------------------------------------------------------------------------


def bury_one(tx):
    at = datetime(2026, 3, 2, 12, tzinfo=UTC)
    work.enqueue(tx, shard=fixed_id("s"), lane="timer", kind="clocks", payload={}, due=at, now=at)
    (claim,) = lanes.claim(tx, crew="timer", owner="me", now=at, most=1)
    work.bury(tx, claim.jobs[0], reason="Boom: the disk", now=at)
    work.done(tx, claim.jobs[0])
    lanes.release(tx, claim)


async def test_a_leader_sees_what_got_stuck_and_tries_it_again(db, client):
    await db.write(bury_one)
    await log_in(client, "lea@desk.test")
    page = await (await client.get("/desk/stuck")).text()
    act = re.search(r'action="(/desk/stuck/[\w-]+/[\w-]+/retry)"', page)[1]

    done = await client.post(act, data={"csrf": await token(client)}, headers=SAME)
    again = await client.post(act, data={"csrf": await token(client)}, headers=SAME)

    assert "Boom: the disk" in page
    assert "Boom" not in await done.text()
    assert str(again.url).endswith("?gone=1")
    assert [row.kind for row in await db.read(lambda tx: tx.all(tables.job.select()))] == ["clocks"]


async def test_what_got_stuck_is_not_for_technicians_nor_customers(client):
    await log_in(client, "teo@desk.test")
    technician = await client.get("/desk/stuck")
    client.session.cookie_jar.clear()
    await log_in(client)

    assert technician.status == 403
    assert (await client.get("/desk/stuck")).status == 404


# --- What providers ask -----------------------------------------------------------------------------------------


@asynccontextmanager
async def provider(db, **limits):
    """Somebody who posts to /in/, from a machine and without a browser."""

    async def take(request):
        if request.query.get("bug"):
            raise RuntimeError("secret words")
        return web.Response(text=f"took {len(await request.read())}", content_type="application/xml")

    settings = Settings(channels={}, hub=HubSettings(public_url="https://desk.test"), limits=Limits(**limits))
    app = make_app(
        db,
        settings,
        clean=lambda html, **_: html,
        webhooks=[web.post("/in/provider/event", take), web.post("/in/alerts/SOURCE", take)],
    )
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_a_provider_needs_no_sign_in_no_token_and_no_browser_and_gets_no_page(db):
    async with provider(db) as client:
        taken = await client.post("/in/provider/event", data={"Digits": "1"})
        bug = await client.post("/in/provider/event?bug=1", data={"a": "1"})
        missing = await client.post("/in/provider/nothing", data={"a": "1"})
        asked = await client.get("/in/provider/event")

        assert (taken.status, await taken.text(), taken.content_type) == (200, "took 8", "application/xml")
        assert "Set-Cookie" not in taken.headers
        assert (bug.status, await bug.text()) == (500, "this went wrong\n")
        assert [missing.status, asked.status] == [404, 405]
        for answer in (bug, missing, asked):
            assert answer.content_type == "text/plain"
            assert "secret words" not in await answer.text()


async def test_a_provider_that_brings_many_calls_is_not_held_up_where_a_stranger_is(db):
    async with provider(db, requests_per_address=1) as client:
        events = [(await client.post("/in/provider/event", data={"a": "1"})).status for _ in range(60)]
        pages = [(await client.get("/login", headers={"Host": "desk.test"})).status for _ in range(20)]

        assert set(events) == {200}
        assert 429 in pages


async def test_a_provider_cannot_send_more_than_others(db):
    async with provider(db, http_body=1000) as client:
        refused = await client.post("/in/provider/event", data={"a": "x" * 2000})

        assert refused.status == 413


async def test_an_alarm_is_not_refused_for_how_many_there_are_how_it_is_sent_or_how_long_it_is(db):
    """Who posts it drops for ever what is answered with 4xx; the channel has a limit of its own."""

    async def parts():
        for _ in range(20):
            yield b"x" * 1000

    async with provider(db, http_body=1000) as client:
        many = await asyncio.gather(*(client.post("/in/alerts/SOURCE", data=b"{}") for _ in range(600)))
        in_parts = await client.post("/in/alerts/SOURCE", data=parts())
        elsewhere = await client.post("/in/alerts/SOURCE", data=b"{}", headers={"Host": "192.0.2.1:8080"})

        assert {answer.status for answer in many} == {200}
        assert await in_parts.text() == "took 20000"
        assert elsewhere.status == 200


async def test_styles_and_scripts_come_packed_and_are_kept_by_what_is_in_them(client):
    plain = await client.get("/static/style.css", headers={"Accept-Encoding": "identity"})
    packed = await client.get("/static/style.css", headers={"Accept-Encoding": "gzip"})
    kept = await client.get("/static/style.css", headers={"If-None-Match": plain.headers["ETag"]})
    named = await client.get(static_files.address("style.css"))

    assert await plain.read() == await packed.read()
    assert (plain.headers.get("Content-Encoding"), packed.headers["Content-Encoding"]) == (None, "gzip")
    assert int(packed.headers["Content-Length"]) * 3 < int(plain.headers["Content-Length"])
    assert (kept.status, await kept.read()) == (304, b"")
    assert "immutable" in named.headers["Cache-Control"]
    for nowhere in ("/static/no.css", "/static/", "/static/chat/..%2F..%2Fapp.py"):
        assert (await client.get(nowhere)).status == 404

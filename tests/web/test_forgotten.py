"""Somebody forgot their password: what do they see, what does a stranger learn, and who is in afterwards?"""

from __future__ import annotations

import html
import re
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp.test_utils import TestClient, TestServer

from core import handlers
from core.isolation import Readers
from core.settings import Hub, Limits, Settings
from core.store import tables
from core.worker import Worker
from tests import rows
from tests.fakes import FakeChannel
from tests.web.test_front_door import OTHER, SAME, furnish, log_in
from web.app import make_app
from web.words import say

ENGLISH = {"Accept-Language": "en"}
T = say("en")


@asynccontextmanager
async def browser(db, *, also_by="email", **hub):
    settings = Settings(channels={}, hub=Hub(**hub), limits=Limits(requests_per_address=1000))
    app = make_app(db, settings, clean=lambda html, **_: html, also_by=also_by)
    async with TestClient(TestServer(app), headers=ENGLISH) as client:
        yield client


@pytest.fixture
async def client(db):
    await db.write(furnish)
    async with browser(db) as client:
        yield client


async def ask(client, email="alice@acme.test", headers=SAME):
    return await client.post("/forgot", data={"email": email}, headers=headers)


async def mails(db):
    """What the worker sends now."""
    channel, readers = FakeChannel(), Readers()
    await Worker(db, handlers.handlers(db, [channel], readers), owner="here").drain()
    await readers.close()
    return channel.sent


async def link(db, client, email="alice@acme.test"):
    """The path of the link that came by mail."""
    await ask(client, email)
    (mail,) = await mails(db)
    return re.search(r"http://127\.0\.0\.1:8080(/reset\?token=\S+)", mail.text)[1]


async def choose(client, path, new=OTHER, headers=SAME):
    form = {"token": path.partition("=")[2], "new": new}
    return await client.post("/reset", data=form, headers=headers, allow_redirects=False)


# --- Asking -------------------------------------------------------------------------------------------------


async def test_the_log_in_leads_there_where_mail_can_leave(db, client):
    assert 'href="/forgot"' in await (await client.get("/login")).text()
    assert 'href="/forgot"' in await (await log_in(client, password="wrong")).text()

    for _ in range(5):
        late = await log_in(client, password="wrong")
    assert T("sign_in.wait_forgot") in html.unescape(await late.text()), "who must wait for a day need not"

    async with browser(db, also_by="") as without:
        assert T("sign_in.wait_forgot") not in html.unescape(await (await log_in(without)).text())
        assert "/forgot" not in await (await without.get("/login")).text()
        assert (await without.get("/forgot")).status == 404
        assert (await ask(without)).status == 404


@pytest.mark.parametrize("email", ["alice@acme.test", " Alice@ACME.test", "mara@acme.test", "teo@desk.test"])
async def test_who_is_known_gets_a_mail_with_a_password_or_without(db, client, email):
    await ask(client, email)

    assert [one.to.address for one in await mails(db)] == [email.strip().lower()]


async def test_known_unknown_inactive_and_too_many_get_the_same_answer(db, client):
    await db.write(lambda tx: tx.update(tables.contact, {"id": "bob"}, active=False))
    people = ["alice@acme.test", "eve@evil.test", "bob@beta.test", *["lea@desk.test"] * 5]

    answers = [await ask(client, email) for email in people]

    assert {(one.status, str(one.url.relative())) for one in answers} == {(200, "/forgot?sent=1")}
    assert len({await one.text() for one in answers}) == 1
    assert sorted(one.to.address for one in await mails(db)) == ["alice@acme.test", "lea@desk.test"]


@pytest.mark.parametrize(
    ("email", "wrong"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("alice", "wrong"),
        ("alice@acme", "wrong"),
        ("alice@acme,test", "wrong"),
        ("alice @acme.test", "wrong"),
        ("alice@acme.test\nBcc: eve@evil.test", "wrong"),
        ("a" * 300 + "@acme.test", "wrong"),
        ("<script>@acme.test", "wrong"),
    ],
)
async def test_what_is_no_address_is_said_beside_the_field_and_kept_in_it(db, client, email, wrong):
    answer = await ask(client, email)
    page = await answer.text()

    assert answer.status == 422
    assert f'id="email-wrong" role="alert">{T(f"forgot.{wrong}")}</p>' in page
    assert 'aria-describedby="email-wrong"' in page
    assert "<script>" not in page
    assert await mails(db) == []


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.test"}])
async def test_no_other_site_asks_or_chooses_for_anybody(db, client, headers):
    path = await link(db, client)

    assert (await ask(client, headers=headers)).status == 403
    assert (await choose(client, path, headers=headers)).status == 403
    assert await mails(db) == []
    assert (await log_in(client)).status == 303


# --- Choosing -----------------------------------------------------------------------------------------------


async def test_the_link_opens_a_form_that_tells_nobody_where_it_came_from_and_stays_good(db, client):
    path = await link(db, client)

    for look in (client.head, client.get, client.get):
        answer = await look(path)
        assert answer.status == 200
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in answer.headers
    page = await answer.text()

    assert "alice@acme.test" in page
    assert re.findall(r'(?:href|src)="([^/"#][^"]*)"', page) == []
    assert (await choose(client, path)).status == 303


async def test_the_new_password_is_in_everybody_else_is_out_and_its_owner_is_told(db, client):
    async with browser(db) as elsewhere:
        await log_in(elsewhere)
        path = await link(db, client)

        chosen = await choose(client, path)
        page = await (await client.get(chosen.headers["Location"])).text()

        assert (chosen.status, chosen.headers["Location"]) == (303, "/account?changed=1")
        assert "notice good" in page
        assert "alice@acme.test" in page
        assert (await elsewhere.get("/portal/", allow_redirects=False)).status == 303
        assert (await log_in(elsewhere)).status == 401
        assert (await log_in(elsewhere, password=OTHER)).status == 303
    (told,) = await mails(db)
    assert (told.kind, told.to.address) == ("password_changed", "alice@acme.test")


async def test_a_link_works_once(db, client):
    path = await link(db, client)
    await choose(client, path)
    client.session.cookie_jar.clear()

    again, looked = await choose(client, path, "a third password"), await client.get(path)

    assert (again.status, looked.status) == (404, 404)
    assert "Set-Cookie" not in again.headers
    assert T("reset.dead_title") in await looked.text()
    assert (await log_in(client, password=OTHER)).status == 303


async def test_a_late_a_guessed_and_a_missing_link_look_alike(db, client):
    path = await link(db, client)
    lapsed = datetime.now(UTC) - timedelta(seconds=1)
    (kept,) = await db.read(lambda tx: tx.all(tables.one_time_link.select()))
    await db.write(lambda tx: tx.update(tables.one_time_link, {"hash": kept.hash}, expires_at=lapsed))

    pages = [
        await client.get(where)
        for where in (path, "/reset?token=guess", "/reset", "/reset?token=%ff%ed%a0%80" + "é" * 600)
    ]

    assert [page.status for page in pages] == [404] * 4
    assert len({await page.text() for page in pages}) == 1
    assert (await choose(client, path)).status == 404
    assert (await log_in(client)).status == 303


@pytest.mark.parametrize("new", ["", "short", "x" * 1001])
async def test_a_password_that_is_none_is_refused_and_the_link_stays_good(db, client, new):
    path = await link(db, client)

    refused = await choose(client, path, new)

    assert refused.status == 422
    assert f'id="new-wrong" role="alert">{T("account.short")}</p>' in await refused.text()
    assert (await choose(client, path)).status == 303


async def test_who_guessed_until_they_had_to_wait_gets_in_by_the_link_and_is_known_afterwards(db, client):
    for n in range(5):
        await log_in(client, password=f"guess {n}")
    assert (await log_in(client)).status == 401

    await choose(client, await link(db, client))
    client.session.cookie_jar.clear(lambda cookie: cookie.key == "centralino")
    for n in range(5):
        await log_in(client, password=f"guess {n}")

    assert (await log_in(client, password=OTHER)).status == 303


async def test_somebody_who_is_signed_in_may_ask_too_but_no_form_without_its_token(client):
    await log_in(client)
    csrf = re.search(r'name="csrf" value="([^"]+)"', await (await client.get("/forgot")).text())[1]

    without = await ask(client)
    given = await client.post("/forgot", data={"email": "alice@acme.test", "csrf": csrf}, headers=SAME)

    assert (without.status, given.status) == (403, 200)


async def test_nobody_at_the_desk_reads_anothers_link_although_the_mail_is_kept(db, tmp_path):
    await db.write(furnish)
    async with browser(db, data_dir=tmp_path) as client:
        await ask(client, "lea@desk.test")
        (mail,) = await mails(db)
        kept = tmp_path / "outgoing" / f"{mail.ref}.eml"
        kept.parent.mkdir()
        kept.write_text(mail.text)
        await db.write(lambda tx: tx.update(tables.agent, {"id": rows.TECHNICIAN.id}, roles=["admin"]))
        await log_in(client, "teo@desk.test")

        page = await (await client.get("/desk/outgoing")).text()

        assert mail.ref not in page
        assert "lea@desk.test" not in page
        assert (await client.get(f"/desk/outgoing/{mail.ref}.eml")).status == 404

"""The address in a progress notice that ends them: one click of a mail program, or a page with a button."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from core.store import tables
from tests.desk_at_work import PASSED, at_work
from tests.web.desk_pages import serving
from web.words import say

IT, EN = say("it"), say("en")
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
async def pages(db, tmp_path):
    async with serving(db, tmp_path) as pages:
        yield pages


@pytest.fixture
async def given(pages, db):
    """(desk at work, path of the link in Alice's progress notice)."""
    desk = await at_work(db)
    desk.now = datetime.now(UTC)
    await desk.taken(authentication=PASSED)
    desk.passes(minutes=2)
    await desk.work()
    (notice,) = [one for one in desk.channel.sent if one.kind == "progress"]
    return desk, urlsplit(notice.unsubscribe).path


async def seen(pages, path: str) -> tuple[int, str]:
    response = await pages.client.get(path)
    return response.status, await response.text()


async def test_one_post_without_a_cookie_ends_them_and_a_repeated_one_does_no_more(pages, given):
    desk, path = given
    for _ in range(2):
        response = await pages.client.post(path, data=ONE_CLICK, headers={"Cookie": ""})
        assert response.status == 200

    (row,) = await desk.rows(tables.unsubscribed)
    assert (row.address, row.what, row.by) == ("alice@acme.test", "progress", "link")


async def test_looking_at_the_page_does_nothing_and_it_says_what_comes_in_any_case(pages, given):
    desk, path = given
    for _ in range(2):
        status, text = await seen(pages, path)
        assert status == 200

    assert await desk.rows(tables.unsubscribed) == []
    assert any(words("unsubscribe.owed_progress") in text for words in (IT, EN))
    assert "Rete ferma" not in text
    assert "26-" not in text


async def test_its_button_ends_them_and_another_lets_them_come_again(pages, given):
    desk, path = given
    ended = await (await pages.client.post(path, data={"csrf": "whatever"})).text()
    assert any(words("unsubscribe.ended") in ended for words in (IT, EN))
    assert 'name="again"' in ended
    begun = await (await pages.client.post(path, data={"again": "1"})).text()

    assert any(words("unsubscribe.comes") in begun for words in (IT, EN))
    assert await desk.rows(tables.unsubscribed) == []


@pytest.mark.parametrize("token", ["x", "a" * 26, "a" * 400])
async def test_a_link_that_nobody_was_given_is_said_to_be_none(pages, given, token):
    desk, _ = given

    assert (await seen(pages, f"/unsubscribe/{token}"))[0] == 404
    assert (await pages.client.post(f"/unsubscribe/{token}", data=ONE_CLICK)).status == 404
    assert await desk.rows(tables.unsubscribed) == []


async def test_staff_read_it_at_the_contact_and_end_it_with_a_press(pages, given):
    desk, path = given
    await pages.client.post(path, data=ONE_CLICK)
    (ticket,) = await desk.rows(tables.ticket)
    lea = await pages.as_(await desk.who("lea"))
    page = f"/desk/contacts/{ticket.contact}"
    assert "person.unsubscribed" not in (shown := (await lea.get(page)).text)
    assert any(words("person.unsubscribed.progress") in shown for words in (IT, EN))

    assert (await lea.post(f"{page}/subscribe", what="everything")).status == 422
    assert (await lea.post(f"{page}/subscribe", what="progress")).status == 303
    assert await desk.rows(tables.unsubscribed) == []

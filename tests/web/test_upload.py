"""The page behind a link for a file: it tells a number and takes files, once; programs that look at it use nothing up."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestClient, TestServer

from core.settings import Hub, Limits, Settings
from core.store import tables
from tests.chat_at_work import chatting
from tests.web.test_front_door import SAME
from web.app import make_app

ENGLISH = {"Accept-Language": "en"}


@pytest.fixture
async def mario(db):
    mario = await chatting(db)
    mario.desk.now = datetime.now(UTC)  # pages look at the clock
    return mario


@pytest.fixture
async def client(db):
    limits = Limits(requests_per_address=1000, upload_file=1000, upload_request=1500)
    app = make_app(db, Settings(channels={}, hub=Hub(), limits=limits), clean=lambda html, **_: html)
    async with TestClient(TestServer(app), headers=ENGLISH) as client:
        yield client


async def given(mario):
    """(number, path of the link)."""
    done = await mario.writes("Il mio segreto", too_large=("film.mp4",))
    (words,) = [one for one in mario.heard() if one.kind == "too_large"]
    return done.number, re.search(r"(/upload/\S+)", words.text)[1]


def files(*contents: bytes) -> FormData:
    form = FormData()
    for number, content in enumerate(contents):
        form.add_field("files", content, filename=f"film-{number}.mp4", content_type="video/mp4")
    return form


async def test_whoever_has_the_link_sees_the_number_and_nothing_else(client, mario):
    number, path = await given(mario)

    for _ in range(3):  # programs that look through messages open links too
        answer = await client.get(path)
        page = await answer.text()
        assert answer.status == 200
        assert number in page
        assert "segreto" not in page
        assert "Mario" not in page
        assert 'type="file"' in page
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"


async def test_files_arrive_once(client, mario):
    number, path = await given(mario)

    answer = await client.post(path, data=files(b"one", b"two"), headers=SAME)
    page = await answer.text()
    assert (answer.status, answer.url.path) == (200, path)
    assert f"with your request {number}" in page
    assert "<form" not in page
    again = await client.post(path, data=files(b"three"), headers=SAME)

    assert "<form" not in await again.text()
    found = await mario.desk.rows(tables.attachment, number)
    assert sorted(one.name for one in found) == ["film-0.mp4", "film-1.mp4"]


async def test_a_link_that_never_was_or_works_no_longer_says_so(client, mario):
    _, path = await given(mario)

    answer = await client.get("/upload/nonsense")
    assert answer.status == 404
    assert "does not work any more" in await answer.text()
    assert (await client.post("/upload/nonsense", data=files(b"x"), headers=SAME)).status == 404
    assert (await client.get(path)).status == 200


async def test_no_file_is_said_beside_the_field_and_too_large_a_one_is_refused(client, mario):
    _, path = await given(mario)

    empty = await client.post(path, data=FormData({"csrf": ""}, default_to_multipart=True), headers=SAME)
    assert empty.status == 422
    assert "Choose at least one file." in await empty.text()
    assert (await client.post(path, data=files(b"x" * 1001), headers=SAME)).status == 413
    assert (await client.post(path, data=files(b"x" * 900, b"x" * 900), headers=SAME)).status == 413
    assert (await client.post(path, data=files(b"x" * 900), headers=SAME)).status == 200


async def test_another_page_cannot_send_with_it(client, mario):
    _, path = await given(mario)

    for headers in ({"Origin": "https://evil.test"}, {"Sec-Fetch-Site": "cross-site"}):
        assert (await client.post(path, data=files(b"x"), headers=headers)).status == 403

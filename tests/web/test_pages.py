"""Does one page keep others waiting?"""

from __future__ import annotations

import asyncio

import pytest
from aiohttp.test_utils import make_mocked_request

from core.settings import Hub
from web import pages


@pytest.fixture
def site():
    return pages.Pages(Hub())


async def turns_of_others(made):
    """How often others get their turn until it is made; and what was made."""
    turns = 0

    async def others():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    waiting = asyncio.create_task(others())
    try:
        return await made, turns
    finally:
        waiting.cancel()


async def test_while_a_long_page_is_made_others_get_theirs(site, monkeypatch):
    monkeypatch.setattr(pages, "SLICE", 0.0)
    monkeypatch.setattr(site, "_pieces", lambda *_, **__: iter(["<p>"] * 1_000))

    page, turns = await turns_of_others(site.long_page(make_mocked_request("GET", "/"), "inbox/ticket.html"))

    assert page.text == "<p>" * 1_000
    assert turns >= 4


async def test_a_short_page_is_made_in_one_go(site, monkeypatch):
    monkeypatch.setattr(pages, "SLICE", 60.0)

    page, turns = await turns_of_others(
        site.long_page(
            make_mocked_request("GET", "/"),
            "errors/error.html",
            code=404,
            details=(),
            typed="",
            sizes={},
            status=404,
        )
    )

    assert page.status == 404
    assert page.text.startswith("<!doctype html>")
    assert turns == 0

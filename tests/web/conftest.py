"""What do the tests of the pages share? A desk with everything on it, staff who are signed in, a hub and a browser."""

from __future__ import annotations

import re
from contextlib import ExitStack

import pytest
from playwright.sync_api import sync_playwright

from tests import rows
from tests.days.hubs import Hub, ended
from tests.web.browsing import CHROMIUM, FLAGS, SHOP_SETTINGS, Demo, visiting
from tests.web.desk_pages import furnish, serving


@pytest.fixture(autouse=True, scope="module")
def hashed_cheaply(cheap_hashes):
    """The pages hash some hundreds."""


@pytest.fixture
async def desk(db):
    return await db.write(furnish)


@pytest.fixture
async def pages(db, desk, tmp_path):
    async with serving(db, tmp_path) as pages:
        yield pages


@pytest.fixture
async def lea(pages):
    """Leads the shift, sees everything, reads English."""
    return await pages.as_(rows.LEADER)


@pytest.fixture
async def teo(pages):
    """A technician of two groups, who reads Italian."""
    return await pages.as_(rows.TECHNICIAN)


@pytest.fixture
async def alice(pages):
    """A customer."""
    return await pages.as_(rows.ALICE)


# --- With a real browser --------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """A hub of its own with the demo desk, started once."""
    hub = Hub(tmp_path_factory.mktemp("demo"))
    hub.also(SHOP_SETTINGS)
    said = hub.done("demo")
    with ended(hub):
        hub.start()
        yield Demo(hub, dict(re.findall(r"(\S+@\S+)\s+(\S+)", said)))
        hub.stop()


@pytest.fixture(scope="module")
def chromium():
    """Debian's Chromium. For one module: its loop must not run beside those of asynchronous tests."""
    if CHROMIUM is None:
        pytest.skip("needs chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(demo, chromium):
    """`visit(email)`: somebody who is signed in, with a browser of their own."""
    with ExitStack() as stack:
        yield lambda email, **options: stack.enter_context(visiting(demo, chromium, email, **options))

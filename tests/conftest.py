"""What do all tests share? The samples beside the project, and how hypothesis searches."""

from __future__ import annotations

import gc
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from _pytest.nodeid import coerce_node_id
from argon2 import PasswordHasher
from hypothesis import HealthCheck, settings

from core.desk import passwords
from tests.databases import *  # noqa: F403 - fixtures: db and its parts

SAMPLES = Path(__file__).resolve().parent.parent.parent / "shared" / "data"

# Thousands of databases are made, synced and thrown away: in memory where there is room, or each commit waits for the disk.
MEMORY, ROOM = Path("/dev/shm"), 4 * 1024**3
if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

# What begins first, in this order: else one process is in the middle of something long when the others are done.
FIRST = (
    "tests/web/test_browser_",
    "tests/web/test_api_document.py",
    "tests/month/",
    "tests/channels/phone/sip/",
    "tests/test_bench.py",
    "tests/days/",
)
# What is given out test by test, or says itself what belongs together.
APART = (
    "tests/web/test_api_document.py",
    "tests/test_bench.py",
    "tests/days/",
    "tests/month/",
    "tests/reports/",
)

# A shared machine is slow at times; that is no finding.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Of several processes one has all tests of a file: what a module shares is made once, and thousands of pieces fewer are given out."""
    if not item.nodeid.startswith(APART) and item.get_closest_marker("xdist_group") is None:
        item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Of several processes, the last has what waits."""
    if config.getvalue("dist") != "loadgroup":
        return None
    from tests.sharing import Sharing  # in the one process that gives out tests

    return Sharing(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """First what is long, then the files with most tests, so that what is left at the end is short; else the order there is by chance."""
    if config.getoption("loadgroup", False):  # in a process that is given its tests by another
        for item in items:
            _says_its_group(item)
    files = Counter(item.path for item in items)
    found = {path: n for n, path in enumerate(files)}

    def rank(item: pytest.Item) -> tuple[int, int, int]:
        for n, start in enumerate(FIRST):
            if item.nodeid.startswith(start):
                return n, 0, 0
        return len(FIRST), -files[item.path], found[item.path]

    items.sort(key=rank)


def _says_its_group(item: pytest.Item) -> None:
    """As pytest-xdist reads it. It says so itself, but (3.8) where pytest (9.2) does not look any more: nothing stayed together."""
    group = item.get_closest_marker("xdist_group")
    if group is not None and not item.nodeid.endswith(f"@{group.args[0]}"):
        item._id = coerce_node_id(f"{item.nodeid}@{group.args[0]}")


def pytest_collection() -> None:
    """Nothing of what is loaded now goes: nobody looks for it while there is more and more of it."""
    gc.disable()


def pytest_collection_finish() -> None:
    """What is loaded by now stays: looking through it for what can go took a fifth of a small test's time."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="module")
def cheap_hashes() -> Iterator[None]:
    """Nobody guesses here: what a hash must cost is proved with the accounts."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", cheap)
        patch.setattr(passwords, "_NOBODY", passwords._nobodys(cheap))
        yield


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of samples; the test is skipped where the project stands alone."""
    if not SAMPLES.is_dir():
        pytest.skip("needs ../shared")
    return SAMPLES

"""What do all tests share? The samples beside the project, and how hypothesis searches."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from hypothesis import HealthCheck, settings

from core.desk import passwords
from tests.databases import *  # noqa: F403 - fixtures: db and its parts

SAMPLES = Path(__file__).resolve().parent.parent.parent / "shared" / "data"

# Thousands of databases are made, synced and thrown away: in memory where there is room, or each commit waits for the disk.
MEMORY, ROOM = Path("/dev/shm"), 4 * 1024**3
if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

# The longest single tests, which begin first: else one process is in the middle of them when the others are done.
LONG = ("tests/web/test_api_document.py", "tests/test_bench.py", "tests/days/")

# A shared machine is slow at times; that is no finding.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """After those that are in the order of LONG, the others in the order they have by chance."""
    items.sort(
        key=lambda item: next((n for n, file in enumerate(LONG) if item.nodeid.startswith(file)), len(LONG))
    )


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

"""What do all tests share? The samples beside the project, and how hypothesis searches."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.databases import *  # noqa: F403 - fixtures: db and its parts

SAMPLES = Path(__file__).resolve().parent.parent.parent / "shared" / "data"

# Thousands of databases are made, synced and thrown away: in memory where there is room, or each commit waits for the disk.
MEMORY, ROOM = Path("/dev/shm"), 4 * 1024**3
if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

# A shared machine is slow at times; that is no finding.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of samples; the test is skipped where the project stands alone."""
    if not SAMPLES.is_dir():
        pytest.skip("needs ../shared")
    return SAMPLES

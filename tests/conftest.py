"""What do all tests share? The samples beside the project, and how hypothesis searches."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.databases import *  # noqa: F403 - fixtures: db and its parts

SAMPLES = Path(__file__).resolve().parent.parent.parent / "shared" / "data"

# A shared machine is slow at times; that is no finding.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of samples; the test is skipped where the project stands alone."""
    if not SAMPLES.is_dir():
        pytest.skip("needs ../shared")
    return SAMPLES

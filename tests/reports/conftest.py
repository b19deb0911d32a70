"""What do tests of public reports share? A reader and a hub, each started once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reports.asking import Desk, Reader, running


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever asks the hub runs beside it, so that one is enough."""
    for item in items:
        if Path(__file__).parent in item.path.parents and "desk" in getattr(item, "fixturenames", ()):
            item.add_marker("day")
            item.add_marker(pytest.mark.xdist_group("reports"))


@pytest.fixture(scope="session")
def read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """`main.py facts mail`."""
    reader = Reader(tmp_path_factory.mktemp("mails"))
    yield reader
    reader.close()


@pytest.fixture(scope="session")
def reports(samples: Path) -> Path:
    """The mails that public reports were made of."""
    return samples / "reports"


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk for all of them: each test looks at its own ticket only."""
    with running(tmp_path_factory.mktemp("reports")) as desk:
        yield desk

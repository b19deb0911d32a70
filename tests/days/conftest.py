"""Which hubs do whole days begin with? Furnished once, then copied: a data folder for each day."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.days.hubs import Hub, copied, ended
from tests.days.people import Api
from tests.days.posting import Relay, relaying

DESK = Path(__file__).with_name("desk.toml")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here is a whole day."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("day")


@dataclass(frozen=True, slots=True, kw_only=True)
class Furnished:
    """A data folder with the desk in it, and the tokens of its people."""

    data: Path
    ann: str
    alice: str


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Furnished:
    """Made by the command line, as an operator would."""
    hub = Hub(tmp_path_factory.mktemp("furnished"))
    hub.done("apply", str(DESK), "--yes")
    return Furnished(
        data=hub.data,
        ann=hub.token("--agent", "ann@hub.test"),
        alice=hub.token("--contact", "alice@acme.test"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A hub and its people."""

    hub: Hub
    ann: Api
    alice: Api


MakeDay = Callable[..., Day]


@pytest.fixture
def a_day(tmp_path: Path, furnished: Furnished) -> Iterator[MakeDay]:
    """Makes hubs on SQLite with the desk in them, not yet started; ends them all."""
    with ExitStack() as stack:

        def make(name: str = "hub", **settings: Any) -> Day:
            hub = Hub(tmp_path / name, **settings)
            copied(furnished.data, hub.data)
            stack.enter_context(ended(hub))
            return Day(hub=hub, ann=hub.api(furnished.ann), alice=hub.api(furnished.alice))

        yield make


@pytest.fixture
def relay() -> Iterator[Relay]:
    """The provider's mail server."""
    with relaying() as server:
        yield server

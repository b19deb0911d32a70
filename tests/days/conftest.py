"""Which hubs do whole days begin with? Furnished once, then copied: a data folder for each day."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.days.attacking import Attacked, standing
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Desks:
    """Makes hubs on one PostgreSQL database with the desk in it."""

    url: str
    keys: Path
    ann_token: str
    folder: Path
    stack: ExitStack

    def hub(self, name: str, **settings: Any) -> Hub:
        """One of the hubs, with the keys that all of them share; not yet started."""
        made = Hub(self.folder / name, url=self.url, **settings)
        copied(self.keys, made.data / "keys")
        self.stack.enter_context(ended(made))
        return made


@pytest.fixture(scope="session")
def furnished_postgres(
    postgres_server: str, furnished: Furnished, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str]]:
    """(name of a database with the desk in it, Ann's token): a template for others."""
    name = f"centralino_tmpl_{int(time.time())}_{uuid4().hex[:12]}"
    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield name, furnish(f"{postgres_server}/{name}", tmp_path_factory.mktemp("postgres"), furnished)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def furnish(url: str, folder: Path, furnished: Furnished) -> str:
    """Put the desk into a PostgreSQL database; Ann's token there."""
    hub = Hub(folder, url=url)
    copied(furnished.data / "keys", hub.data / "keys")
    hub.done("apply", str(DESK), "--yes")
    return hub.token("--agent", "ann@hub.test")


@pytest.fixture
def desks(
    postgres_server: str, furnished_postgres: tuple[str, str], furnished: Furnished, tmp_path: Path
) -> Iterator[Desks]:
    """Several hubs may share this one database."""
    template, token = furnished_postgres
    name = f"centralino_test_{int(time.time())}_{uuid4().hex[:12]}"
    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as connection, ExitStack() as stack:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        stack.callback(connection.execute, f"DROP DATABASE {name} WITH (FORCE)")
        yield Desks(
            url=f"{postgres_server}/{name}",
            keys=furnished.data / "keys",
            ann_token=token,
            folder=tmp_path,
            stack=stack,
        )


@pytest.fixture
def relay() -> Iterator[Relay]:
    """The provider's mail server."""
    with relaying() as server:
        yield server


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory, samples: Path) -> Iterator[Attacked]:
    """The one that is attacked by mail."""
    with standing(tmp_path_factory.mktemp("attacked"), samples) as made:
        yield made

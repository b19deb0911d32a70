"""What is this hub told before it starts? settings.toml, what differs from it, and every mistake at once."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import phonenumbers

from core.log import LEVELS
from core.rules import brakes, quiet_hours
from core.settings_file import Reading, SettingsError, shown
from core.settings_values import (
    Secret,
    Size,
    Span,
    Table,
    below,
    is_network,
    unreadable,
    without_password,
    wrong_certificate,
    wrong_ports,
    wrong_time_zone,
    wrong_url,
)

__all__ = [
    "Database",
    "Http",
    "Hub",
    "Limits",
    "Secret",
    "Settings",
    "SettingsError",
    "load",
    "remarks",
    "with_http_port",
    "without_password",
]

SHIPPED = Path(__file__).resolve().parent.parent / "settings.toml"
LANGUAGES = ("it", "en")  # what templates and catalogues speak
CALLER_ID = ("nothing", "greeting", "status")  # what a telephone number alone lets its caller hear


class Hub(Table, frozen=True, kw_only=True):
    """[hub]: the provider as its customers know it, and where the hub keeps its things."""

    name: str = "Centralino"
    public_url: str = ""
    data_dir: Path = Path("data")
    time_zone: str = "Europe/Rome"
    country: str = "IT"
    languages: tuple[str, ...] = ("it", "en")
    quiet_hours: str = "21:00-08:00"
    alarms_to: str = ""
    instance: str = ""
    processes: int = 1
    readers: int = 1
    lease: Span = 60
    demo_in_public: bool = False
    log_level: str = "info"

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """See Table."""
        if not self.name.strip():
            yield "name", "is empty: it is what customers see in every mail"
        if self.public_url and (wrong := wrong_url(self.public_url)):
            yield "public_url", wrong
        if (wrong_zone := wrong_time_zone(self.time_zone)) is not None:
            yield "time_zone", wrong_zone
        if self.country not in phonenumbers.SUPPORTED_REGIONS:
            yield "country", f'"{self.country}" is no country such as IT (ISO 3166)'
        try:
            quiet_hours.read(self.quiet_hours)
        except ValueError as error:
            yield "quiet_hours", str(error)
        if not self.languages:
            yield "languages", f"is empty: name at least one of {', '.join(LANGUAGES)}"
        for language in self.languages:
            if language not in LANGUAGES:
                yield "languages", f'"{language}" is not spoken here: choose from {", ".join(LANGUAGES)}'
        if self.log_level not in LEVELS:
            yield "log_level", f'"{self.log_level}" is none of {", ".join(LEVELS)}'
        yield from below(self, 1, "processes", "readers")
        yield from below(self, 3, "lease")


class Database(Table, frozen=True, kw_only=True):
    """[database]: where the rows are."""

    url: str = ""
    readers: int = 3
    connections: int = 8

    def __repr__(self) -> str:
        return f"Database(url={without_password(self.url)!r}, readers={self.readers}, connections={self.connections})"

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """See Table."""
        if self.url and not self.url.startswith(("sqlite:///", "postgresql://", "postgres://")):
            yield "url", f'"{without_password(self.url)}" must begin with sqlite:/// or postgresql://'
        yield from below(self, 1, "readers")
        yield from below(self, 3, "connections")


class Calls(Table, frozen=True, kw_only=True):
    """[calls]: how telephone calls are answered, by whatever line they come."""

    flow: str = "default"
    caller_id_allows: str = "greeting"
    short: Span = 5
    tickets_for_missed: bool = True

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """See Table."""
        if self.caller_id_allows not in CALLER_ID:
            yield "caller_id_allows", f'"{self.caller_id_allows}" is none of {", ".join(CALLER_ID)}'
        yield from below(self, 0, "short")


class Http(Table, frozen=True, kw_only=True):
    """[http]: where pages, portal and API are served."""

    host: str = "127.0.0.1"
    port: int = 8080
    trusted_proxies: tuple[str, ...] = ()
    proxy_secret: Secret = Secret("")
    tls_certificate: str = ""
    tls_key: str = ""

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """See Table."""
        yield from wrong_ports(self, "port")
        for proxy in self.trusted_proxies:
            if not is_network(proxy):
                yield "trusted_proxies", f'"{proxy}" is no IP address or network such as 10.0.0.0/8'
        if self.trusted_proxies and not self.proxy_secret:
            yield (
                "proxy_secret",
                "is missing: forwarded headers count only with the secret that the proxy adds",
            )
        yield from wrong_certificate(self)


class Limits(Table, frozen=True, kw_only=True):
    """[limits]: what the hub refuses, so that nobody can fill or stop it."""

    mail_size: Size = 50 * 2**20
    mail_recipients: int = 100
    http_body: Size = 2**20
    upload_file: Size = 25 * 2**20
    upload_request: Size = 50 * 2**20
    requests_per_person: int = 20
    requests_per_address: int = 10
    sign_in_tries: int = 5
    sign_in_window: Span = 15 * 60
    sign_in_tries_per_address: int = 30
    staff_idle: Span = 12 * 3600
    portal_idle: Span = 24 * 3600
    sign_in_life: Span = 7 * 86400
    sign_ins_per_person: int = 20
    live_per_person: int = 10
    live_per_address: int = 50
    chats_per_address: int = 60
    reading_cpu: Span = 5
    reading_time: Span = 10
    reading_memory: Size = 512 * 2**20
    disk_reserve: Size = 512 * 2**20
    held_for: Span = 30 * 60

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """See Table."""
        yield from below(self, 1, *self.__struct_fields__)
        if self.upload_file > self.upload_request:
            yield "upload_file", "is larger than upload_request, which holds all files of one request"


class Brakes(Table, frozen=True, kw_only=True):
    """[brakes]: when the desk holds back its own voice, so that two machines never talk to each other for long."""

    known_per_hour: int = 1
    known_per_day: int = 3
    unknown_per_day: int = 1
    unknown_of_domain: int = 30
    automatic_per_minute: int = 60
    automatic_per_hour: int = 500
    mails_of_sender: int = 20
    same_text: int = 3
    machines_per_hour: int = 5
    reopens_per_day: int = 3
    notices_per_hour: int = 10
    wrong_tokens: int = 20
    own_loops: int = 3
    servers: int = 50
    own_servers: int = 3

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """See Table."""
        yield from below(self, 0, *self.__struct_fields__)

    def limits(self) -> brakes.Limits:
        """As the rule takes them."""
        return brakes.Limits(**{name: getattr(self, name) for name in self.__struct_fields__})


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the hub is told, read once."""

    hub: Hub = Hub()
    database: Database = Database()
    http: Http = Http()
    limits: Limits = Limits()
    brakes: Brakes = Brakes()
    calls: Calls = Calls()
    channels: Any
    """The tables of the channels this hub has, as given to `load`: the core names none of them."""


def load(
    path: Path | None, overrides: Sequence[str], *, channels: type[Any], shipped: Path = SHIPPED
) -> Settings:
    """Read settings.toml, then `path` (only what differs), then "section.key=value" overrides, which win.

    `channels` is a struct with one Table for each channel. Sizes come out in bytes, durations in seconds, secrets
    resolved, data_dir absolute; an empty public_url follows [http], an empty database.url lies in data_dir.
    Raises SettingsError with every mistake of every file.
    """
    reading = Reading(shown(shipped))
    root = {**typing.get_type_hints(Settings), "channels": channels}
    for source in (shipped, path):
        if source is not None and (document := reading.document(source)) is not None:
            reading.table(root, document, source=shown(source), path="")
    for override in overrides:
        reading.override(root, override)
    sections = {
        name: reading.build(kind, reading.values.get(name, {}), path=name) for name, kind in root.items()
    }
    if reading.wrong:
        raise SettingsError(reading.wrong)
    settings = _completed(Settings(**sections))
    if settings.hub.processes > 1 and settings.database.url.startswith("sqlite:"):
        reading.fault(
            reading.sources.get("hub.processes", reading.shipped),
            "hub.processes",
            f"is {settings.hub.processes}, and SQLite is for one process: name a PostgreSQL in database.url, or set it to 1",
        )
        raise SettingsError(reading.wrong)
    return settings


def remarks(settings: Settings) -> list[str]:
    """What is allowed and unwise, for the first lines of a start."""
    found = [
        f"{path} is written in the settings themselves: whoever reads the file knows it. Better env:NAME or file:PATH"
        for path, value in _leaves(settings, "")
        if isinstance(value, Secret) and value.literal
    ]
    return found + [
        f"{path}.{key} {why}"
        for path, table in _tables(settings, "")
        for key, why in (*table.remarks(), *unreadable(table))
    ]


def out_of_reach(settings: Settings) -> list[str]:
    """Files that the hub reads when it starts, and that this user may not read."""
    return [f"{path}.{key} {why}" for path, table in _tables(settings, "") for key, why in unreadable(table)]


def _tables(value: Any, path: str) -> Iterator[tuple[str, Table]]:
    if isinstance(value, Table):
        yield path, value
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _tables(getattr(value, name), f"{path}.{name}".lstrip("."))
    elif isinstance(value, tuple):
        for number, item in enumerate(value, start=1):
            yield from _tables(item, f"{path}[{number}]")


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _leaves(getattr(value, name), f"{path}.{name}".lstrip("."))
    elif isinstance(value, tuple):
        for number, item in enumerate(value, start=1):
            yield from _leaves(item, f"{path}[{number}]")
    else:
        yield path, value


def with_http_port(settings: Settings, port: int) -> Settings:
    """The same with the port that was found for `http.port = 0`; links name it, unless `public_url` was given."""
    return _completed(
        msgspec.structs.replace(settings, http=msgspec.structs.replace(settings.http, port=port))
    )


def _completed(settings: Settings) -> Settings:
    """What follows from other settings where it was left empty."""
    hub, http, database = settings.hub, settings.http, settings.database
    data_dir = hub.data_dir.expanduser().absolute()
    public_url = hub.public_url.rstrip("/")
    if not public_url and http.port:
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}.get(http.host, http.host)  # noqa: S104
        public_url = f"{'https' if http.tls_certificate else 'http'}://{host}:{http.port}"
    return msgspec.structs.replace(
        settings,
        hub=msgspec.structs.replace(hub, data_dir=data_dir, public_url=public_url),
        database=msgspec.structs.replace(
            database, url=database.url or f"sqlite:///{data_dir / 'centralino.db'}"
        ),
    )

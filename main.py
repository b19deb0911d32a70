"""The command line of Centralino, and the place where settings, store, channels and pages are put together.

Exit codes: 0 done, 1 the answer is no, 2 wrong use or bad input.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ipaddress
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

import channels
from channels.settings import ChannelSettings
from channels.surroundings import Surroundings
from core import commands, keys, log, processes
from core import settings as hub_settings
from core.commands import fail
from core.common import Common
from core.disk import Disk
from core.facts import HubFacts
from core.settings import Settings, SettingsError
from core.store import migrate
from core.store.database import Database, StoreUnavailable
from core.store.opening import open_database

if TYPE_CHECKING:
    from core.hub import Hub

HELP = """
Centralino, a switchboard for a help desk: mail, portal, shared inbox and API in one program.

Commands that need a desk take --settings FILE and --set section.key=value; settings.toml explains every one.
Exit codes: 0 done, 1 the answer is no, 2 wrong use or bad input.
"""
COLLECT = (10_000, 20, 50)  # a mail makes some thousand objects, of which hardly any is part of a circle
SETUP_LINK_LIVES = timedelta(hours=1)
LAST_RESORT = 1.5  # seconds from the hub's end to the end of the process

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=HELP)
token_app = typer.Typer(no_args_is_help=True, help="API tokens.")
app.add_typer(token_app, name="token")

File = Annotated[
    Path | None, typer.Option("--settings", help="File that holds what differs from settings.toml.")
]
Set = Annotated[list[str] | None, typer.Option("--set", help="section.key=value; may be given again.")]


# --- Running ------------------------------------------------------------------------------------------------


@app.command()
def run(settings: File = None, set_: Set = None, *, demo: bool = True) -> None:
    """Start the hub. An empty database gets the demo desk, unless --no-demo. SIGTERM stops it within 10 s."""
    config = _settings(settings, set_)
    log.start_logging(config.hub.log_level)
    for remark in hub_settings.remarks(config):
        typer.echo(f"note: {remark}", err=True)
    config, trouble = _listening(config)
    with _database(config, takes_in=True) as db:
        if demo and not trouble:
            _demo_if_empty(config, db)
        _refuse_public_demo(config, db)
        if trouble:
            fail(trouble, code=commands.NO)
        _say_where(config)
        if config.hub.processes == 1:
            _serve(config, db, _common(config))
    if config.hub.processes > 1:
        raise typer.Exit(_several(config))


@app.command()
def init(settings: File = None, set_: Set = None) -> None:
    """Create the database and print a one-time set-up link for the first administrator."""
    config = _settings(settings, set_)
    from core.desk import accounts, links  # noqa: PLC0415 - each command loads what it needs

    with _database(config) as db:
        if not db.query(accounts.is_new).result():
            fail("this desk has agents already: an administrator invites more, or `apply` adds them", code=1)
        now = datetime.now(UTC)
        made = db.submit(links.create, "setup", "first", life=SETUP_LINK_LIVES, now=now).result()
    typer.echo(f"{config.hub.public_url}/setup?token={made}")


@app.command()
def demo(settings: File = None, set_: Set = None) -> None:
    """Load the demo desk into an empty database and print its log-ins."""
    config = _settings(settings, set_)
    with _database(config) as db:
        if not _demo_if_empty(config, db):
            fail("the database is not empty; the demo desk goes into an empty one only", code=1)


# --- The desk as a file -------------------------------------------------------------------------------------


@app.command()
def apply(
    file: Path,
    settings: File = None,
    set_: Set = None,
    *,
    yes: Annotated[bool, typer.Option("--yes")] = False,
) -> None:
    """Bring the desk into the state that FILE describes: shows the difference, asks, and does it."""
    config = _settings(settings, set_)
    wanted = commands.desk_file(file)
    with _database(config) as db:
        commands.apply(db, wanted, confirm=(lambda _: True) if yes else typer.confirm)


@app.command()
def export(file: Path, settings: File = None, set_: Set = None) -> None:
    """Write the desk to FILE (- for standard output) as TOML that `apply` takes back."""
    with _database(_settings(settings, set_)) as db:
        commands.export(db, file)


@token_app.command("create")
def token_create(
    agent: str = "",
    contact: str = "",
    name: str = "command line",
    scope: Annotated[
        list[str] | None, typer.Option(help="read or write; may be given again. Default: both.")
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, help="How long it is good for; default: until it is ended.")
    ] = None,
    settings: File = None,
    set_: Set = None,
) -> None:
    """Print a new API token for --agent or --contact EMAIL, once, alone on one line."""
    if bool(agent) == bool(contact):
        fail("name one of --agent EMAIL and --contact EMAIL")
    with _database(_settings(settings, set_)) as db:
        commands.token(
            db,
            kind="agent" if agent else "contact",
            email=agent or contact,
            name=name,
            scopes=scope,
            life=None if days is None else timedelta(days=days),
        )


# --- Questions ----------------------------------------------------------------------------------------------


@app.command()
def explain(
    file: Path,
    settings: File = None,
    set_: Set = None,
    *,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Say what the hub would do with this mail, and why. Changes nothing."""
    config = _settings(settings, set_)
    raw = commands.bytes_of(file)
    with _database(config) as db:
        commands.explain(db, raw, _mail_reader(config), as_json=as_json)


@app.command()
def facts(kind: str) -> None:
    """The rules as an adapter: JSON lines in, one JSON object a line out. KIND: mail, working-time, entitlement."""
    answers = {"mail": _mail_fact, "working-time": _working_time_fact, "entitlement": _entitlement_fact}
    if kind not in answers:
        fail(f"{kind!r} is not one of {', '.join(answers)}")
    answer = answers[kind]()
    for line in sys.stdin:
        try:
            told = answer(json.loads(line))
        except Exception as error:  # noqa: BLE001 - a line that cannot be answered never ends the run
            told = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(told, default=str) + "\n")
        sys.stdout.flush()


@app.command()
def check(
    file: Annotated[Path | None, typer.Argument()] = None, settings: File = None, set_: Set = None
) -> None:
    """Check settings, templates, and the desk as it is or as FILE would make it; list every mistake with its place."""
    config = _settings(settings, set_)
    wanted = None if file is None else commands.desk_file(file, code=1)
    with _database(config) as db:
        commands.check(db, wanted)


@app.command()
def verify(settings: File = None, set_: Set = None) -> None:
    """Prove the books: received = sum of outcomes, event chains, no orphan, no lost job. Exit code 1 if not."""
    with _database(_settings(settings, set_)) as db:
        commands.verify(db)


@app.command()
def backup(file: Path, settings: File = None, set_: Set = None) -> None:
    """Write a consistent copy of the database to FILE, while the hub runs."""
    commands.backup(_settings(settings, set_), file)


@app.command()
def restore(file: Path, settings: File = None, set_: Set = None) -> None:
    """Put a copy back in place of the database. The hub must be stopped; the old database is kept beside it."""
    commands.restore(_settings(settings, set_), file)


# --- Putting together ---------------------------------------------------------------------------------------


def _settings(path: Path | None, overrides: list[str] | None) -> Settings:
    try:
        return hub_settings.load(path, overrides or (), channels=ChannelSettings)
    except SettingsError as error:
        fail(str(error))


@contextmanager
def _database(config: Settings, *, takes_in: bool = False) -> Iterator[Database]:
    """The database, made or brought up to date first. `takes_in`: as long as the disk has room for more."""
    try:
        made = keys.load(config.hub.data_dir, instance=config.hub.instance)
    except OSError as error:
        fail(f"hub.data_dir {config.hub.data_dir} cannot be used: {error.strerror}")
    try:
        known = HubFacts(
            name=config.hub.name,
            public_url=config.hub.public_url,
            time_zone=config.hub.time_zone,
            languages=config.hub.languages,
            brakes=config.brakes.limits(),
            token_key=made.token,
            **({"full": _disk(config).full} if takes_in else {}),
        )
        migrate.upgrade(config.database.url)
        db = open_database(
            config.database.url,
            known,
            readers=config.database.readers,
            connections=config.database.connections,
        )
    except (StoreUnavailable, migrate.WrongDatabase, OSError, ValueError) as error:
        fail(f"the database {hub_settings.without_password(config.database.url)} cannot be used: {error}")
    try:
        yield db
    except StoreUnavailable as error:
        fail(f"the database cannot be used: {error}")
    finally:
        db.close()


def _disk(config: Settings) -> Disk:
    folders = [config.hub.data_dir]
    if config.database.url.startswith("sqlite:///"):
        folders.append(Path(config.database.url.removeprefix("sqlite:///")).parent)
    return Disk(folders, config.limits.disk_reserve)


def _common(config: Settings) -> Common:
    return Common(config.hub.processes, connections=config.channels.email.max_connections)


def _surroundings(config: Settings, common: Common | None = None) -> Surroundings:
    return Surroundings(
        desk_name=config.hub.name,
        data_dir=config.hub.data_dir,
        keys=keys.load(config.hub.data_dir, instance=config.hub.instance),
        max_mail_size=config.limits.mail_size,
        max_recipients=config.limits.mail_recipients,
        common=common or Common(),
    )


def _listening(config: Settings) -> tuple[Settings, str]:
    """The same with a number for every port 0, and why there is something that cannot be listened on, if there is."""
    from core import places  # noqa: PLC0415
    from core.hub import AlreadyRunning, alone  # noqa: PLC0415

    mail = config.channels.email
    try:
        found = places.free(_places(config))
    except places.CannotListen as error:
        try:
            with alone(config.hub.data_dir):
                return config, str(error)
        except AlreadyRunning as other:  # started twice: that says more than a port
            return config, str(other)
        except OSError:
            return config, str(error)
    config = hub_settings.with_http_port(config, found["http.port"])
    email = msgspec.structs.replace(mail, smtp_port=found.get("channels.email.smtp_port", mail.smtp_port))
    return msgspec.structs.replace(config, channels=msgspec.structs.replace(config.channels, email=email)), ""


def _places(config: Settings) -> dict[str, tuple[str, int]]:
    """Where it listens, by the setting that says so."""
    mail = config.channels.email
    wanted = {"http.port": (config.http.host, config.http.port)}
    if mail.enabled and mail.smtp_host:
        wanted["channels.email.smtp_port"] = (mail.smtp_host, mail.smtp_port)
    if mail.enabled and mail.lmtp_port:
        wanted["channels.email.lmtp_port"] = (mail.lmtp_host, mail.lmtp_port)
    return wanted


def _several(config: Settings) -> int:
    """Run the processes of `hub.processes`; the exit code."""
    from core import places  # noqa: PLC0415

    common = _common(config)

    def work(number: int, parent: int) -> None:
        common.number = number
        log.start_logging(config.hub.log_level, process=number)
        try:
            with _database(config, takes_in=True) as db:
                _serve(config, db, common, parent)
        except typer.Exit as ended:
            raise SystemExit(ended.exit_code) from None

    with contextlib.ExitStack() as held:
        try:
            for place in places.hold(_places(config).values()):
                held.enter_context(place)
        except OSError as error:
            fail(f"the ports cannot be shared: {error}", code=commands.NO)
        return processes.keep_up(config.hub.processes, work, ended=common.ended)


def _serve(config: Settings, db: Database, common: Common, parent: int | None = None) -> None:
    """Put worker, channels and pages together and run them until told to stop. `parent`: see core.processes."""
    import uvloop  # noqa: PLC0415

    from core.hub import AlreadyRunning  # noqa: PLC0415

    try:
        uvloop.run(_hub(config, db, common, parent))
    except (AlreadyRunning, OSError) as error:
        fail(str(error), code=1)


async def _hub(config: Settings, db: Database, common: Common, parent: int | None) -> None:
    from channels.email.cleaning import clean_html  # noqa: PLC0415
    from core.desk import tidying  # noqa: PLC0415
    from core.hub import Hub, Service  # noqa: PLC0415
    from core.isolation import Readers  # noqa: PLC0415
    from web.api.channel import ApiChannel  # noqa: PLC0415
    from web.app import WebServer, make_app  # noqa: PLC0415
    from web.portal.channel import PortalChannel  # noqa: PLC0415

    running = channels.enabled(config.channels.enabled(), _surroundings(config, common))
    by_mail = "email" if config.channels.email.enabled else ""
    site = WebServer(make_app(db, config, clean=clean_html, also_by=by_mail, common=common), config)
    hub = Hub(
        db,
        data_dir=config.hub.data_dir,
        channels=[*running, PortalChannel(), ApiChannel()],
        services=[Service(name="http", run=site.run, ready=site.ready)],
        readers=Readers(
            config.hub.readers,
            cpu_hard=config.limits.reading_cpu,
            wall_hard=config.limits.reading_time,
            memory=config.limits.reading_memory,
        ),
        periodic=[tidying.NIGHTLY],
        lease=timedelta(seconds=config.hub.lease),
        common=common,
        run_by=os.getpid() if parent is None else os.getppid(),
    )
    site.attach(hub)
    if parent is not None:
        _stop_with(parent, hub)
    gc.freeze()  # what was loaded until here stays: nobody need look through it for what can go
    gc.set_threshold(*COLLECT)
    await hub.run()
    _end_soon()


def _stop_with(parent: int, hub: Hub) -> None:
    """Nobody would start or stop this process any more, were it to stay without its parent."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        loop.remove_reader(parent)
        log.get_logger("hub").error("stopping: the process that runs this one is gone")
        hub.stop()

    loop.add_reader(parent, stop)


def _say_where(config: Settings) -> None:
    typer.echo(f"Portal  {config.hub.public_url}/portal/")
    typer.echo(f"Desk    {config.hub.public_url}/desk/")
    mail = config.channels.email
    if mail.enabled and mail.smtp_host:
        typer.echo(f"Mail    to {mail.addresses[0]} by SMTP at {_bracketed(mail.smtp_host)}:{mail.smtp_port}")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _end_soon() -> None:
    """What does not let go now, a thread in the middle of a dialogue, ends with the process: all that counts is stored."""

    def end() -> None:
        log.get_logger("hub").warning("ended beside something that did not stop")
        os._exit(0)

    last = threading.Timer(LAST_RESORT, end)
    last.daemon = True
    last.start()


def _mail_reader(config: Settings) -> Callable[[bytes, Any], Any]:
    from channels.email.build import build  # noqa: PLC0415
    from channels.email.reading.read import read  # noqa: PLC0415

    options = build(config.channels.email, _surroundings(config)).reader_options
    return lambda raw, arrival: read(raw, arrival, options)


def _demo_if_empty(config: Settings, db: Database) -> bool:
    """Load the demo desk into an empty database; print its log-ins as long as it is there."""
    from core.desk import demo as demo_desk  # noqa: PLC0415

    kept = config.hub.data_dir / "demo-logins.txt"
    loaded = demo_desk.load_if_empty(db, kept, _mail_reader(config), now=datetime.now(UTC))
    if kept.exists() and db.query(demo_desk.is_loaded).result():
        typer.echo(kept.read_text(encoding="utf-8"))
    return loaded


def _refuse_public_demo(config: Settings, db: Database) -> None:
    from core.desk import demo as demo_desk  # noqa: PLC0415

    mail = config.channels.email
    hosts = [config.http.host]
    if mail.enabled:
        hosts += [mail.smtp_host] + ([mail.lmtp_host] if mail.lmtp_port else [])
    public = [host for host in hosts if host and not _is_loopback(host)]
    if public and not config.hub.demo_in_public and db.query(demo_desk.is_loaded).result():
        fail(
            f"the demo desk is loaded, and {', '.join(public)} is no loopback address: its log-ins lie in a file. "
            "Use another database, or set hub.demo_in_public = true"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _mail_fact() -> Callable[[Any], Any]:
    from channels.email.reading.facts import mail_fact  # noqa: PLC0415

    return mail_fact


def _working_time_fact() -> Callable[[Any], Any]:
    from core.rules.working_time import working_time_fact  # noqa: PLC0415

    return working_time_fact


def _entitlement_fact() -> Callable[[Any], Any]:
    from core.rules.entitlement_fact import entitlement_fact  # noqa: PLC0415

    return entitlement_fact


if __name__ == "__main__":
    app()

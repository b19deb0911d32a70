"""The command line of Centralino: what can be done with a desk, and asked of it.

Exit codes: 0 done, 1 the answer is no, 2 wrong use or bad input.
"""

from __future__ import annotations

import ipaddress
import json
import shlex
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

import running
from channels.settings import ChannelSettings
from core import commands, flow_commands, log
from core import settings as hub_settings
from core.commands import fail
from core.networks import is_address
from core.settings import Settings, SettingsError
from core.store.database import Database

HELP = """
Centralino, a switchboard for a help desk: mail, portal, shared inbox and API in one program.

Commands that need a desk take --settings FILE and --set section.key=value; settings.toml explains every one.
Exit codes: 0 done, 1 the answer is no, 2 wrong use or bad input.
"""
EARLIEST = date(2026, 2, 1)
"""The first month in which somebody of the demo desk is on duty from its first night."""
SETUP_LINK_LIVES = timedelta(hours=1)

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=HELP)
demo_app = typer.Typer(help="The demo desk, and a month of it that is played.")
app.add_typer(demo_app, name="demo")
token_app = typer.Typer(no_args_is_help=True, help="API tokens.")
app.add_typer(token_app, name="token")
flow_app = typer.Typer(
    no_args_is_help=True, help="Call flows, as the JSON files that the pages take and give."
)
app.add_typer(flow_app, name="flow")
telegram_app = typer.Typer(no_args_is_help=True, help="The bot at Telegram: how it is, and how updates come.")
app.add_typer(telegram_app, name="telegram")

File = Annotated[
    Path | None, typer.Option("--settings", help="File that holds what differs from settings.toml.")
]
Set = Annotated[list[str] | None, typer.Option("--set", help="section.key=value; may be given again.")]


# --- Running ------------------------------------------------------------------------------------------------


@app.command()
def run(settings: File = None, set_: Set = None, *, demo: bool = True) -> None:
    """Start the hub. An empty database gets the demo desk, unless --no-demo. SIGTERM stops it within 10 s."""
    config = _settings(settings, set_)
    _refuse_unreadable(config)
    log.start_logging(config.hub.log_level)
    _remark(config)
    config, trouble = running.listening(config)
    with running.database(config) as db:
        if demo and not trouble:
            _demo_if_empty(config, db)
        _refuse_public_demo(config, db)
        if trouble:
            fail(trouble, code=commands.NO)
        commands.remark_on_settings(db)
    running.say_where(config)
    raise typer.Exit(running.serve(config))


@app.command()
def init(settings: File = None, set_: Set = None) -> None:
    """Create the database and print a one-time set-up link for the first administrator."""
    config = _settings(settings, set_)
    from core.desk import accounts, links  # noqa: PLC0415 - each command loads what it needs

    with running.database(config) as db:
        if not db.query(accounts.is_new).result():
            fail("this desk has agents already: an administrator invites more, or `apply` adds them", code=1)
        now = datetime.now(UTC)
        made = db.submit(links.create, "setup", "first", life=SETUP_LINK_LIVES, now=now).result()
    typer.echo(f"{config.hub.public_url}/setup?token={made}")


@demo_app.callback(invoke_without_command=True)
def demo(context: typer.Context, settings: File = None, set_: Set = None) -> None:
    """Load the demo desk into an empty database and print its log-ins; `demo play` lets it live through a month."""
    if context.invoked_subcommand is not None:
        return
    config = _settings(settings, set_)
    with running.database(config) as db:
        if not _demo_if_empty(config, db):
            fail("the database is not empty; the demo desk goes into an empty one only", code=1)


@demo_app.command("play")
def demo_play(
    month: Annotated[str, typer.Option(help="YYYY-MM; default: the last whole one.")] = "",
    into: Annotated[
        Path | None,
        typer.Option(help="An empty folder that becomes the data folder, with a SQLite database."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Which ordinary requests come, and when.")] = 1,
    requests: Annotated[int, typer.Option(min=0, max=2000, help="How many of those.")] = 100,
    settings: File = None,
    set_: Set = None,
) -> None:
    """Play a month of the demo desk into an empty database: mails, work, nights, breaches. Nothing leaves the hub."""
    wanted = list(set_ or ())
    if into is not None:
        where = into.expanduser().absolute()
        wanted += [f"hub.data_dir={where}", f"database.url=sqlite:///{where / 'centralino.db'}"]
    config = _settings(settings, wanted)
    first, until = _month(month, now=datetime.now(ZoneInfo(config.hub.time_zone)))
    log.start_logging("error")
    for line in running.play(config, first, until, seed=seed, requests=requests):
        typer.echo(line)
    same = f" --settings {shlex.quote(str(settings))}" if settings is not None else ""
    same += "".join(f" --set {shlex.quote(one)}" for one in wanted)
    typer.echo(f"\nStart it:        main.py run{same}")
    typer.echo(f"Let a switch die: main.py demo switch{same}, while it runs")


@demo_app.command("switch")
def demo_switch(settings: File = None, set_: Set = None) -> None:
    """Let a switch die at the demo desk that runs, and come back: many alarms, one incident, one word to each customer. A minute."""
    for line in running.switch(_settings(settings, set_)):
        typer.echo(line)


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
    with running.database(config) as db:
        commands.apply(db, wanted, confirm=(lambda _: True) if yes else typer.confirm)


@app.command()
def export(file: Path, settings: File = None, set_: Set = None) -> None:
    """Write the desk to FILE (- for standard output) as TOML that `apply` takes back."""
    with running.database(_settings(settings, set_)) as db:
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
    with running.database(_settings(settings, set_)) as db:
        commands.token(
            db,
            kind="agent" if agent else "contact",
            email=agent or contact,
            name=name,
            scopes=scope,
            life=None if days is None else timedelta(days=days),
        )


# --- Call flows ---------------------------------------------------------------------------------------------


@flow_app.command("export")
def flow_export(
    file: Path,
    version: Annotated[int | None, typer.Option(help="Default: the one in force.")] = None,
    settings: File = None,
    set_: Set = None,
) -> None:
    """Write a version of the call flow to FILE (- for standard output)."""
    with running.database(_settings(settings, set_)) as db:
        flow_commands.export(db, file, version)


@flow_app.command("import")
def flow_import(
    file: Path,
    publish: Annotated[
        str, typer.Option(help="Put it in force at once, with this comment; default: it is a draft.")
    ] = "",
    settings: File = None,
    set_: Set = None,
) -> None:
    """Keep FILE as a new version of the call flow, and print its number."""
    with running.database(_settings(settings, set_)) as db:
        flow_commands.import_(db, running.flow_rules(), file, comment=publish)


@flow_app.command("validate")
def flow_validate(file: Path) -> None:
    """List what keeps FILE from being published, each with its place. Recordings are taken to be there."""
    flow_commands.validate(running.flow_rules(), file)


@flow_app.command("picture")
def flow_picture(file: Path) -> None:
    """Print FILE as a Mermaid flowchart."""
    from ivr.picture import mermaid  # noqa: PLC0415

    typer.echo(mermaid(flow_commands.flow_of(running.flow_rules(), file)), nl=False)


# --- Telegram -----------------------------------------------------------------------------------------------


@telegram_app.command("webhook")
def telegram_webhook(settings: File = None, set_: Set = None) -> None:
    """Let Telegram bring updates to PUBLIC_URL/in/telegram. What waits is kept."""
    running.telegram(_settings(settings, set_), "webhook")


@telegram_app.command("polling")
def telegram_polling(settings: File = None, set_: Set = None) -> None:
    """Take the webhook away, so that the hub can ask for updates. What waits is kept."""
    running.telegram(_settings(settings, set_), "polling")


@telegram_app.command("status")
def telegram_status(settings: File = None, set_: Set = None) -> None:
    """Say who the bot is and how updates come. Exit code 1 if that is not what the settings say."""
    running.telegram(_settings(settings, set_), "status")


# --- Questions ----------------------------------------------------------------------------------------------


@app.command()
def explain(
    file: Path,
    settings: File = None,
    set_: Set = None,
    *,
    peer: Annotated[str, typer.Option(help="As if this IP address had handed it in by SMTP.")] = "",
    helo: Annotated[str, typer.Option(help="What the peer said its name is.")] = "",
    mail_from: Annotated[str | None, typer.Option(help="The peer's MAIL FROM; else the author.")] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
    language: Annotated[str, typer.Option(help="it or en")] = "en",
) -> None:
    """Say what the hub would do with this mail, and why. Changes nothing. The page of the desk says the same.

    With --peer the origin of the mail is checked as that of a mail from outside: what its domains publish is asked in the DNS.
    """
    config = _settings(settings, set_)
    if language not in hub_settings.LANGUAGES:
        fail(f"--language is {language!r}: choose {' or '.join(hub_settings.LANGUAGES)}")
    raw = commands.bytes_of(file)
    if (helo or mail_from is not None) and not peer:
        fail("--helo and --mail-from say how a mail was handed in: name its --peer too")
    if peer and not is_address(peer):
        fail(f'--peer "{peer}" is no IP address')
    read = running.mail_reader(config)
    if peer:
        read = running.handed_in(config, raw, read, peer=peer, helo=helo, mail_from=mail_from)
    with running.database(config) as db:
        words = None if as_json else running.explained(config, language)
        commands.explain(db, raw, read, running.device_reader(config), words)


@app.command()
def facts(kind: str) -> None:
    """The rules as an adapter: JSON lines in, one JSON object a line out. KIND: mail, alerts, working-time, entitlement."""
    answers = {
        "mail": _mail_fact,
        "alerts": _alert_facts,
        "working-time": _working_time_fact,
        "entitlement": _entitlement_fact,
    }
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
    file: Annotated[Path | None, typer.Argument()] = None,
    settings: File = None,
    set_: Set = None,
    *,
    dns: Annotated[
        bool, typer.Option("--dns", help="What the mail's domains must publish, and what they do, instead.")
    ] = False,
    mail: Annotated[
        bool, typer.Option("--mail", help="Whether each mailbox and the relay let us in now, instead.")
    ] = False,
) -> None:
    """Check settings, templates, call flows, and the desk as it is or as FILE would make it: every mistake with its place."""
    config = _settings(settings, set_)
    if dns or mail:  # what is asked there is the mail channel as it runs
        _refuse_unreadable(config)
    if dns:
        running.check_domains(config)
        return
    if mail:
        running.check_log_ins(config)
        return
    _remark(config)
    wanted = None if file is None else commands.desk_file(file, code=1)
    rules = running.flow_rules()
    with running.database(config) as db:
        commands.check(db, wanted, also=flow_commands.mistakes(db, rules, shipped=rules.DEFAULT))


@app.command()
def replay(
    edited: Annotated[
        Path, typer.Option("--with", help="Sections of a desk's file: calendars, slas, routing, customers.")
    ],
    settings: File = None,
    set_: Set = None,
    *,
    since: Annotated[datetime | None, typer.Option("--from", help="UTC; left out: 92 days back.")] = None,
    until: Annotated[datetime | None, typer.Option(help="UTC; left out: now.")] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Play the tickets of before again with edited contracts, routing or service levels, and tell the difference. Writes nothing."""
    wanted = commands.desk_file(edited)
    zoned = [None if at is None else at.replace(tzinfo=UTC) for at in (since, until)]
    with running.database(_settings(settings, set_)) as db:
        commands.replay(db, wanted, since=zoned[0], until=zoned[1], as_json=as_json)


@app.command()
def verify(settings: File = None, set_: Set = None) -> None:
    """Prove the books: received = sum of outcomes, event chains, no orphan, no lost job. Exit code 1 if not."""
    with running.database(_settings(settings, set_)) as db:
        commands.verify(db)


@app.command()
def report(  # noqa: PLR0913 - what a command line takes
    contract: Annotated[str, typer.Option(help="Number of the contract.")],
    period: Annotated[str, typer.Option(help="2026-W45, 2026-10, 2026-Q4 or 2026.")],
    out: Annotated[Path, typer.Option(help="Where to write it; - is standard output.")],
    kind: Annotated[str, typer.Option("--format", help="pdf, html or csv.")] = "pdf",
    settings: File = None,
    set_: Set = None,
    *,
    draft: Annotated[bool, typer.Option("--draft", help="Even though the period is not over.")] = False,
) -> None:
    """Write the report of a contract and a period to a file. Nothing is kept, approved or sent."""
    from core import report_commands  # noqa: PLC0415 - each command loads what it needs

    with running.database(_settings(settings, set_)) as db:
        report_commands.write(db, contract, period, kind=kind, to=out, draft=draft)


@app.command()
def backup(file: Path, settings: File = None, set_: Set = None) -> None:
    """Write a consistent copy of the database to FILE, while the hub runs."""
    commands.backup(_settings(settings, set_), file)


@app.command()
def restore(file: Path, settings: File = None, set_: Set = None) -> None:
    """Put a copy back in place of the database. The hub must be stopped; the old database is kept beside it."""
    commands.restore(_settings(settings, set_), file)


# --- What commands begin with ---------------------------------------------------------------------------------------


@app.command()
def call(
    settings: File = None,
    set_: Set = None,
    *,
    caller: Annotated[str, typer.Option("--from", help="Number to call from; empty: withheld.")] = "",
    flow: Annotated[
        str, typer.Option(help="published, draft (the newest), or a version's number.")
    ] = "published",
) -> None:
    """The terminal phone: dial the call flow. Digits are keys, an empty line is silence, ! hangs up."""
    config = _settings(settings, set_)
    with running.database(config) as db:
        running.call(config, db, caller=caller, flow=flow)


def _settings(path: Path | None, overrides: list[str] | None) -> Settings:
    try:
        return hub_settings.load(path, overrides or (), channels=ChannelSettings)
    except SettingsError as error:
        fail(str(error))


def _refuse_unreadable(config: Settings) -> None:
    if lines := hub_settings.out_of_reach(config):
        fail("\n".join(lines))


def _remark(config: Settings) -> None:
    for remark in hub_settings.remarks(config):
        typer.echo(f"note: {remark}", err=True)


def _month(wanted: str, *, now: datetime) -> tuple[date, datetime]:
    """The first day of a month, and the noon after its end or `now`, whichever is earlier. Empty: the last whole one."""
    this = now.date().replace(day=1)
    try:
        first = date.fromisoformat(f"{wanted}-01") if wanted else (this - timedelta(days=1)).replace(day=1)
    except ValueError:
        fail(f"--month {wanted} is no month: write YYYY-MM")
    if first > this:
        fail(f"--month {wanted} has not begun yet")
    if first < EARLIEST:
        fail(f"--month {wanted} is too early: the rotas of the demo desk begin in January 2026")
    ends = datetime.combine((first + timedelta(days=31)).replace(day=1), time(12), now.tzinfo)
    return first, min(ends, now).astimezone(UTC)


def _demo_if_empty(config: Settings, db: Database) -> bool:
    """Load the demo desk into an empty database; print its log-ins as long as it is there."""
    from core.desk import demo as demo_desk  # noqa: PLC0415

    kept = config.hub.data_dir / running.DEMO_LOGINS
    loaded = demo_desk.load_if_empty(
        db,
        kept,
        running.mail_reader(config),
        base=config.hub.public_url,
        now=datetime.now(UTC),
        lead=running.demo_calls,
        draw=running.demo_drawing,
    )
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


def _alert_facts() -> Callable[[Any], Any]:
    from channels.monitoring.read import alert_facts  # noqa: PLC0415

    return alert_facts


def _working_time_fact() -> Callable[[Any], Any]:
    from core.rules.working_time import working_time_fact  # noqa: PLC0415

    return working_time_fact


def _entitlement_fact() -> Callable[[Any], Any]:
    from core.rules.entitlement_fact import entitlement_fact  # noqa: PLC0415

    return entitlement_fact


if __name__ == "__main__":
    app()

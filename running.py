"""How is the hub put together from its settings, and run? Store, channels and pages meet here, in one process or in several."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gc
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec
import typer

import channels
from channels.surroundings import Surroundings
from core import commands, keys, log, places, processes
from core import settings as hub_settings
from core.commands import fail
from core.common import Common
from core.desk.errors import DeskError
from core.disk import Disk
from core.facts import HubFacts, Mail
from core.rules import quiet_hours
from core.settings import Settings
from core.store import migrate
from core.store.database import Database, StoreUnavailable
from core.store.opening import open_database

if TYPE_CHECKING:
    from core.desk.demo_calls import Call
    from core.hub import Hub
    from core.store.schedules import Schedule
    from core.store.tx import Tx
    from core.switchboard import Ways

COLLECT = (10_000, 20, 50)  # a mail makes some thousand objects, of which hardly any is part of a circle
POST_TIME = 30.0
"""Seconds that a message to the hub that runs may take."""
DEMO_LOGINS = "demo-logins.txt"
"""In the data folder: who can sign in to the demo desk."""
TEXTS = "sms"
"""What carries text messages in a month that is played."""
LAST_RESORT = 1.5  # seconds from the hub's end to the end of the process


@contextmanager
def database(config: Settings, *, takes_in: bool = False, **facts: Any) -> Iterator[Database]:
    """The database, made or brought up to date first. `takes_in`: as long as the disk has room for more.

    `facts`: what the hub is in place of what follows from the settings.
    """
    try:
        made = keys.load(config.hub.data_dir, instance=config.hub.instance)
    except OSError as error:
        fail(f"hub.data_dir {config.hub.data_dir} cannot be used: {error.strerror}")
    disk = _disk(config)
    try:
        known = HubFacts(
            name=config.hub.name,
            public_url=config.hub.public_url,
            time_zone=config.hub.time_zone,
            country=config.hub.country,
            dials=bool(config.channels.phone.account_sid) or config.channels.sip.enabled,
            texts_by="sms" if config.channels.sms.enabled else "",
            mails_by="email" if config.channels.email.enabled else "",
            mail=_mail_facts(config),
            languages=config.hub.languages,
            alarms_to=config.hub.alarms_to,
            knocks=takes_in and config.channels.monitoring.enabled,
            brakes=config.brakes.limits(),
            quiet=quiet_hours.read(config.hub.quiet_hours),
            token_key=made.token,
            held_for=timedelta(seconds=config.limits.held_for),
            snmp_engine=made.snmp_engine.hex(),
            keeps_lines=timedelta(seconds=config.channels.monitoring.keep_lines),
            **({"full": disk.full, "low": disk.low} if takes_in else {}),
        )
        migrate.upgrade(config.database.url)
        db = open_database(
            config.database.url,
            dataclasses.replace(known, **facts),
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


def listening(config: Settings) -> tuple[Settings, str]:
    """The same with a number for every port 0, and why there is something that cannot be listened on, if there is."""
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


def say_where(config: Settings) -> None:
    """Print where people look, and where mail goes."""
    typer.echo(f"Portal  {config.hub.public_url}/portal/")
    typer.echo(f"Desk    {config.hub.public_url}/desk/")
    if config.channels.webchat.enabled:
        typer.echo(
            f"Chat    {config.hub.public_url}/chat/try, in place of a customer's page, for who is signed in to the desk"
        )
    mail = config.channels.email
    phone = config.channels.phone
    if phone.enabled and phone.account_sid:
        typer.echo(f"Calls   to {phone.number} by Twilio, which asks {config.hub.public_url}/in/twilio/voice")
        if not config.hub.public_url.startswith("https://"):
            typer.echo(
                f"note: hub.public_url is {config.hub.public_url}: Twilio signs for the https address it asks, and no other "
                "is believed",
                err=True,
            )
    telegram = config.channels.telegram
    if telegram.enabled and telegram.mode == "webhook":
        typer.echo(f"Chat    from Telegram, which asks {config.hub.public_url}/in/telegram")
    if mail.enabled and mail.smtp_host:
        typer.echo(f"Mail    to {mail.addresses[0]} by SMTP at {_bracketed(mail.smtp_host)}:{mail.smtp_port}")


def serve(config: Settings) -> int:
    """Run the hub, or all of its processes, until told to stop; the exit code."""
    common = Common(config.hub.processes, connections=config.channels.email.max_connections)
    return _several(config, common) if config.hub.processes > 1 else _one(config, common)


def _one(config: Settings, common: Common, parent: int | None = None) -> int:
    """This process. `parent`: see core.processes."""
    import uvloop  # noqa: PLC0415

    from core.hub import AlreadyRunning  # noqa: PLC0415

    with database(config, takes_in=True) as db:
        try:
            uvloop.run(_hub(config, db, common, parent))
        except (AlreadyRunning, OSError) as error:
            fail(str(error), code=commands.NO)
    return 0


def _several(config: Settings, common: Common) -> int:
    def work(number: int, parent: int) -> None:
        common.number = number
        log.start_logging(config.hub.log_level, process=number)
        try:
            _one(config, common, parent)
        except typer.Exit as ended:
            raise SystemExit(ended.exit_code) from None

    with contextlib.ExitStack() as held:
        try:
            for place in places.hold(_places(config).values()):
                held.enter_context(place)
        except OSError as error:
            fail(f"the ports cannot be shared: {error}", code=commands.NO)
        return processes.keep_up(config.hub.processes, work, ended=common.ended)


async def _hub(config: Settings, db: Database, common: Common, parent: int | None) -> None:
    import ivr.rules  # noqa: PLC0415
    from channels.email.cleaning import clean_html  # noqa: PLC0415
    from channels.phone.channel import PhoneChannel  # noqa: PLC0415
    from core.channel import Linking, Listening, Publishing  # noqa: PLC0415
    from core.handlers import Ringing  # noqa: PLC0415
    from core.hub import Hub, Service  # noqa: PLC0415
    from core.isolation import Readers  # noqa: PLC0415
    from core.knocking import PortKnocking  # noqa: PLC0415
    from core.switchboard import HubSwitchboard  # noqa: PLC0415
    from core.worker import utc_now  # noqa: PLC0415
    from web.api.channel import ApiChannel  # noqa: PLC0415
    from web.app import WebServer, make_app  # noqa: PLC0415
    from web.chat.channel import WebChatChannel  # noqa: PLC0415
    from web.knocking import Knocking  # noqa: PLC0415
    from web.portal.channel import PortalChannel  # noqa: PLC0415

    running = channels.enabled(config.channels, _surroundings(config, common))
    by_mail = "email" if config.channels.email.enabled else ""
    web_chat = [WebChatChannel()] if config.channels.webchat.enabled else []
    switchboard = HubSwitchboard(db, ivr.rules, ways(config))
    db.submit(install_flow, now=datetime.now(UTC)).result()
    pages = make_app(
        db,
        config,
        clean=clean_html,
        also_by=by_mail,
        common=common,
        switchboard=switchboard,
        telephone=config.channels.phone.number if config.channels.phone.enabled else None,
        webhooks=channels.webhooks(running),
        linking={one.name: one for one in running if isinstance(one, Linking)},
        publishing=[one for one in running if isinstance(one, Publishing)],
    )
    site = WebServer(pages, config)
    at_ports = [PortKnocking(db, one) for one in running if isinstance(one, Listening) and one.ways]
    hub = Hub(
        db,
        data_dir=config.hub.data_dir,
        channels=[*running, *web_chat, PortalChannel(), ApiChannel()],
        services=[
            Service(name="http", run=site.run, ready=site.ready),
            *(
                Service(name=f"a line of the {one.name}", run=_stand, ready=one.ready)
                for one in running
                if isinstance(one, PhoneChannel)
            ),
            *(
                [
                    Service(name="knocking", run=Knocking(site, config, db.facts).run),
                    *(
                        Service(name="knocking at ports", run=one.run, troubles=one.troubles)
                        for one in at_ports
                    ),
                ]
                if db.facts.knocks and common.number == 1
                else []
            ),
        ],
        readers=Readers(
            config.hub.readers,
            cpu_hard=config.limits.reading_cpu,
            wall_hard=config.limits.reading_time,
            memory=config.limits.reading_memory,
        ),
        extra={"call-silent": Ringing(switchboard.silent, clock=utc_now)},
        periodic=periodic(),
        lease=timedelta(seconds=config.hub.lease),
        common=common,
        run_by=os.getpid() if parent is None else os.getppid(),
        switchboard=switchboard,
    )
    site.attach(hub)
    if parent is not None:
        _stop_with(parent, hub)
    gc.freeze()  # what was loaded until here stays: nobody need look through it for what can go
    gc.set_threshold(*COLLECT)
    await hub.run()
    _end_soon()


def check_domains(config: Settings) -> None:
    """Print what the domains of the desk's mail must say in the DNS, and what they say; fails where others would trip over it."""
    from core.channel import DeliveryError, Publishing  # noqa: PLC0415
    from web import domain_words  # noqa: PLC0415
    from web.words import say  # noqa: PLC0415

    there = [
        one for one in channels.enabled(config.channels, _surroundings(config)) if isinstance(one, Publishing)
    ]
    try:
        records = asyncio.run(domain_words.all_of(there, look=True))
    except DeliveryError as error:
        fail(str(error), code=commands.NO)
    for line in domain_words.lines(say("en"), records):
        typer.echo(line)
    if any(one.verdict in domain_words.FAILS for one in records):
        raise typer.Exit(commands.NO)


def check_log_ins(config: Settings) -> None:
    """Log in at each mailbox and at the relay, print what came of it, and fail where one does not let us in."""
    from core.channel import LoggingIn  # noqa: PLC0415

    there = [
        one for one in channels.enabled(config.channels, _surroundings(config)) if isinstance(one, LoggingIn)
    ]

    async def look() -> list[tuple[str, str]]:
        return [found for one in there for found in (await one.log_ins()).items()]

    found = asyncio.run(look())
    for name, why in found:
        typer.echo(f"{name}: {why or 'it lets us in'}")
    if not found:
        typer.echo("there is no mailbox to read and no relay: nobody has to let us in")
    if any(why for _, why in found):
        raise typer.Exit(commands.NO)


def periodic() -> list[Schedule]:
    """What comes round again."""
    from core.desk import (  # noqa: PLC0415
        call_out,
        contract_round,
        device_lines,
        handovers,
        holes,
        hub_watch,
        periodic_schedule,
        rota_gaps,
        sounds,
        tidying,
        unattended,
    )

    return [
        contract_round.DAILY,
        periodic_schedule.DAILY,
        holes.NIGHTLY,
        tidying.NIGHTLY,
        device_lines.NIGHTLY,
        unattended.NIGHTLY,
        rota_gaps.NIGHTLY,
        handovers.EVERY_MINUTE,
        hub_watch.EVERY_MINUTE,
        sounds.HOURLY,
        call_out.IN_TURN,
    ]


def play(config: Settings, first: date, until: datetime, *, seed: int, requests: int) -> list[str]:
    """Play the month that begins on this day into an empty database; what happened, as lines of a table. See core.month."""
    from core.desk.configuration import rows  # noqa: PLC0415
    from core.hub import AlreadyRunning, alone  # noqa: PLC0415

    with contextlib.ExitStack() as held:
        try:
            held.enter_context(alone(config.hub.data_dir))
        except AlreadyRunning as error:
            fail(str(error), code=commands.NO)
        except OSError as error:
            fail(f"hub.data_dir {config.hub.data_dir} cannot be used: {error.strerror}")
        db = held.enter_context(database(config, texts_by=TEXTS, dials=False))
        if not db.query(rows.is_empty).result():
            fail(
                "the database is not empty; a month is played into an empty one only: name a new folder with --into",
                code=commands.NO,
            )
        return asyncio.run(_play(config, db, first, until, seed=seed, requests=requests))


async def _play(
    config: Settings, db: Database, first: date, until: datetime, *, seed: int, requests: int
) -> list[str]:
    from channels.email.build import build  # noqa: PLC0415
    from core import month  # noqa: PLC0415
    from core.desk import demo  # noqa: PLC0415
    from core.isolation import Readers  # noqa: PLC0415
    from web.portal.channel import PortalChannel  # noqa: PLC0415

    # The relay is a folder whatever the settings say: nobody outside hears of a month that is played.
    mail = msgspec.structs.replace(config.channels.email, relay_host="")
    real = build(mail, _surroundings(config))
    at = real.addressing
    caught = month.Caught(
        name=real.name, reader=real.reader, reader_options=real.reader_options, keep=real.send
    )
    desk, hashes = demo.with_logins(config.hub.data_dir / DEMO_LOGINS, base=config.hub.public_url, now=until)
    return await month.play(
        db,
        desk,
        hashes,
        mail=month.Mail(
            channel=caught,
            to=at.addresses[0],
            answer_to=lambda outgoing: at.reply(at.mailbox(outgoing.mailbox), outgoing.reply_token or ""),
            message_id=at.message_id,
        ),
        also=[
            month.Caught(name=TEXTS),
            month.Caught(name="monitoring", reader="channels.monitoring.read:read"),
            PortalChannel(),
        ],
        readers=Readers(config.hub.readers),
        periodic=periodic(),
        first=first,
        until=until,
        seed=seed,
        requests=requests,
    )


def switch(config: Settings) -> Iterator[str]:
    """Let a switch die at the demo desk that runs with these settings; what happens, line by line. See core.demo_switch."""
    from core import demo_switch  # noqa: PLC0415
    from core.desk import demo_devices  # noqa: PLC0415

    kept = config.hub.data_dir / DEMO_LOGINS
    secrets = demo_devices.secrets_of(kept.read_text("utf-8") if kept.exists() else "")
    if not {demo_devices.BACKBONE, demo_devices.SOURCE} <= secrets.keys():
        fail(
            f"{kept} names no secret of {demo_devices.BACKBONE}: this is no demo desk, or it is one of before"
        )

    def post(source: str, message: bytes) -> None:
        where = demo_devices.address(config.hub.public_url, source)
        headers = {"Authorization": f"Bearer {secrets[source]}", "Content-Type": "application/json"}
        request = urllib.request.Request(where, data=message, headers=headers)  # noqa: S310 - our own address
        try:
            urllib.request.urlopen(request, timeout=POST_TIME).close()  # noqa: S310 - the same
        except urllib.error.HTTPError as error:
            told = error.read().decode("utf-8", "replace")
            fail(f"{where} answers {error.code}: {told}", code=commands.NO)
        except OSError as error:
            fail(
                f"no hub answers at {where} ({error}): start it with main.py run and the same settings",
                code=commands.NO,
            )

    with database(config) as db:
        yield from demo_switch.play(db, post)


async def _stand() -> None:
    """Beside something that runs elsewhere and is only asked how it is."""
    await asyncio.Event().wait()


def ways(config: Settings) -> Ways:
    """How calls are answered, as the settings say."""
    from core.switchboard import Ways  # noqa: PLC0415

    return Ways(
        caller_id_allows=config.calls.caller_id_allows,
        short=timedelta(seconds=config.calls.short),
        tickets_for_missed=config.calls.tickets_for_missed,
        flow=config.calls.flow,
    )


def flow_rules() -> Any:
    """What the core needs of call flows, as the value it is given."""
    import ivr.rules  # noqa: PLC0415

    return ivr.rules


def demo_drawing(packed: bytes) -> bytes:
    """The PDF of a paper of the demo desk, drawn in this process: it is our own words, and one."""
    from core.papers import pdf  # noqa: PLC0415

    return pdf.draw(packed, {})


def demo_calls(tx: Tx, led: Sequence[Call], *, now: datetime) -> int:
    """The calls of the demo desk, by the flow that is shipped."""
    import ivr.rules as flow_rules  # noqa: PLC0415
    from core.desk import demo_calls as telephone  # noqa: PLC0415

    return telephone.play(tx, flow_rules, flow_rules.DEFAULT.read_text("utf-8"), led, now=now)


def install_flow(tx: Tx, *, now: datetime) -> None:
    """The flow that is shipped answers until somebody publishes another."""
    from core.desk import flows  # noqa: PLC0415

    rules = flow_rules()
    body = rules.DEFAULT.read_text("utf-8")
    digest = rules.digest(rules.parse(body))
    flows.install(tx, flows.DEFAULT, body, digest, now=now)


def _stop_with(parent: int, hub: Hub) -> None:
    """Nobody would start or stop this process any more, were it to stay without its parent."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        loop.remove_reader(parent)
        log.get_logger("hub").error("stopping: the process that runs this one is gone")
        hub.stop()

    loop.add_reader(parent, stop)


def _end_soon() -> None:
    """What does not let go now, a thread in the middle of a dialogue, ends with the process: all that counts is stored."""

    def end() -> None:
        log.get_logger("hub").warning("ended beside something that did not stop")
        os._exit(0)

    last = threading.Timer(LAST_RESORT, end)
    last.daemon = True
    last.start()


def call(config: Settings, db: Database, *, caller: str, flow: str) -> None:
    """Lead one call in the terminal, beside a hub that may be running."""
    import ivr.rules as flow_rules  # noqa: PLC0415
    from core import terminal_phone  # noqa: PLC0415
    from core.desk import flows, live_calls  # noqa: PLC0415
    from core.switchboard import HubSwitchboard  # noqa: PLC0415

    db.submit(install_flow, now=datetime.now(UTC)).result()
    try:
        digest = db.query(flows.called, config.calls.flow, flow).result()
    except DeskError as error:
        fail(str(error))
    board = HubSwitchboard(db, flow_rules, ways(config))

    async def ask(prompt: str) -> str:
        return (await asyncio.to_thread(input, prompt)).strip()

    async def path(identity: str) -> list[str]:
        rows = await db.read(lambda tx: tx.all(live_calls.TURNS, call_id=identity))
        return list(rows[-1].passed)

    led = terminal_phone.call(
        board, caller=caller, ask=ask, show=typer.echo, path=path, flow=digest, patience=asyncio.sleep
    )
    typer.echo(f"call {asyncio.run(led)}")


def telegram(config: Settings, command: str) -> None:
    """Ask or change how updates come to the bot."""
    from channels.telegram import switching  # noqa: PLC0415

    try:
        lines = asyncio.run(switching.run(command, config.channels.telegram, config.hub.public_url))
    except switching.Wrong as error:
        fail(str(error), code=commands.NO)
    for line in lines:
        typer.echo(line)


def mail_reader(config: Settings) -> Callable[[bytes, Any], Any]:
    """What reads mail as the hub does, in this process."""
    from channels.email.build import build  # noqa: PLC0415
    from channels.email.reading.read import read  # noqa: PLC0415

    options = build(config.channels.email, _surroundings(config)).reader_options
    return lambda raw, arrival: read(raw, arrival, options)


def device_reader(config: Settings) -> Callable[[bytes, Any, Any], Any] | None:
    """What reads what devices say as the hub does, in this process; None: nobody here does."""
    if not config.channels.monitoring.enabled:
        return None
    from channels.monitoring.read import read  # noqa: PLC0415

    return read


def handed_in(
    config: Settings,
    raw: bytes,
    read: Callable[[bytes, Any], Any],
    *,
    peer: str,
    helo: str,
    mail_from: str | None,
) -> Callable[[bytes, Any], Any]:
    """The same reader of this mail as it reads what this peer hands in by SMTP; what must be asked is asked now.

    `mail_from`: None: whoever stands in From.
    """
    from channels.email.asking import ask  # noqa: PLC0415
    from channels.email.build import build  # noqa: PLC0415
    from channels.email.reading.origin import questions  # noqa: PLC0415
    from channels.email.resolving import Resolver  # noqa: PLC0415

    options = build(config.channels.email, _surroundings(config)).reader_options
    envelope: dict[str, Any] = {"protocol": "SMTP", "peer": peer, "helo": helo}
    if mail_from is None:
        author = read(raw, {"envelope": {}}).author
        mail_from = author.address if author is not None else ""
    handed = {"sender": mail_from.strip("<>"), "envelope": envelope}
    if peer not in config.channels.email.trusted_relays:
        asked = questions(raw, handed, options)
        envelope["answers"] = ask(Resolver(config.channels.email.dns_servers), asked)
    return lambda raw, arrival: read(raw, {**arrival, **handed})


def _mail_facts(config: Settings) -> Mail:
    from channels.email.build import addressing_of  # noqa: PLC0415

    mail = config.channels.email
    if not mail.enabled:
        return Mail()
    addressing = addressing_of(mail)
    return Mail(
        addresses=addressing.addresses,
        mailboxes=tuple(f"{box.user}@{box.host}/{box.folder}" for box in mail.mailboxes),
        relay=f"{mail.relay_host}:{mail.relay_port}" if mail.relay_host else "",
        agents_comment=mail.agents_comment,
        visible_cc=mail.visible_cc,
        answers_to=addressing.reply,
    )


def explained(config: Settings, language: str) -> Callable[[Any], str]:
    """What puts into words what would become of a mail, as the page does."""
    from web.desk import explained  # noqa: PLC0415
    from web.pages import day_and_time  # noqa: PLC0415
    from web.words import say  # noqa: PLC0415

    zone, now = ZoneInfo(config.hub.time_zone), datetime.now(UTC)
    return lambda told: explained.plain(told, say(language), lambda at: day_and_time(at, zone, now, language))


def _disk(config: Settings) -> Disk:
    folders = [config.hub.data_dir]
    if config.database.url.startswith("sqlite:///"):
        folders.append(Path(config.database.url.removeprefix("sqlite:///")).parent)
    return Disk(folders, config.limits.disk_reserve)


def _surroundings(config: Settings, common: Common | None = None) -> Surroundings:
    return Surroundings(
        desk_name=config.hub.name,
        data_dir=config.hub.data_dir,
        keys=keys.load(config.hub.data_dir, instance=config.hub.instance),
        max_mail_size=config.limits.mail_size,
        max_recipients=config.limits.mail_recipients,
        public_url=config.hub.public_url,
        language=config.hub.languages[0],
        languages=config.hub.languages,
        time_zone=config.hub.time_zone,
        common=common or Common(),
    )


def _places(config: Settings) -> dict[str, tuple[str, int]]:
    """Where it listens, by the setting that says so."""
    mail = config.channels.email
    wanted = {"http.port": (config.http.host, config.http.port)}
    if mail.enabled and mail.smtp_host:
        wanted["channels.email.smtp_port"] = (mail.smtp_host, mail.smtp_port)
    if mail.enabled and mail.lmtp_port:
        wanted["channels.email.lmtp_port"] = (mail.lmtp_host, mail.lmtp_port)
    return wanted


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host

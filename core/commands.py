"""What can be done with a desk from a terminal? The commands that need no channel and no page.

Each says what it did on standard output; what is wrong goes to standard error, and ends the program (`fail`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from core.settings import Settings
from core.store.database import Database

if TYPE_CHECKING:  # each command loads what it needs
    from core.desk.configuration.document import Document

NO = 1
WRONG = 2
"""Exit codes: the answer is no; wrong use or bad input."""


def fail(message: str, *, code: int = WRONG) -> NoReturn:
    """End the program with a message on standard error."""
    typer.echo(message, err=True)
    raise typer.Exit(code)


def desk_file(path: Path, *, code: int = WRONG) -> Document:
    """The desk in a file; fails with every mistake that can be seen without the database."""
    from core.desk.configuration import checking  # noqa: PLC0415
    from core.desk.errors import ConfigurationError  # noqa: PLC0415

    try:
        return checking.read(path.read_text(encoding="utf-8"))
    except OSError as error:
        fail(f"{path} cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        fail(f"{path} cannot be read: it is not UTF-8 ({error.reason} at byte {error.start})")
    except ConfigurationError as error:
        fail(f"{path} cannot be applied:\n{error}", code=code)


def bytes_of(path: Path) -> bytes:
    """What is in a file."""
    try:
        return path.read_bytes()
    except OSError as error:
        fail(f"{path} cannot be read: {error.strerror}")


def apply(db: Database, wanted: Document, *, confirm: Callable[[str], bool]) -> None:
    """Show the difference, ask, and make the desk what the file says."""
    from core.desk.configuration import checking, export, rows  # noqa: PLC0415
    from core.desk.errors import ConfigurationError  # noqa: PLC0415
    from core.desk.principal import HUB  # noqa: PLC0415

    hashes = rows.hash_secrets(wanted, db.query(rows.known_hashes).result())
    try:
        changes = db.query(rows.plan, wanted, hashes).result()
        for change in changes:
            typer.echo(str(change))
        _remark(checking.remarks(wanted, db.query(export.stored).result()))
        if not changes:
            typer.echo("nothing to change")
            return
        if not confirm(f"Make these {len(changes)} changes?"):
            raise typer.Exit(NO)
        db.submit(rows.apply, HUB, wanted, hashes, now=datetime.now(UTC)).result()
    except ConfigurationError as error:
        fail(f"the file cannot be applied:\n{error}")
    remark_on_settings(db)


def remark_on_settings(db: Database) -> None:
    """Say which settings do not fit the desk as it is."""
    from core.desk import reference  # noqa: PLC0415
    from core.desk.configuration import checking  # noqa: PLC0415

    _remark(checking.alarms_to(db.facts.alarms_to, db.query(reference.desk).result().groups))


def export(db: Database, path: Path) -> None:
    """Write the desk as a file; `-` is standard output."""
    from core.desk.configuration.export import export as as_text  # noqa: PLC0415

    text = db.query(as_text).result()
    if str(path) == "-":
        typer.echo(text, nl=False)
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror}")


def replay(
    db: Database, edited: Document, *, since: datetime | None, until: datetime | None, as_json: bool
) -> None:
    """Say what the edited sections would have done to the tickets of that time; write nothing."""
    from core.desk import replay as playing  # noqa: PLC0415
    from core.desk.errors import DeskError  # noqa: PLC0415
    from core.desk.principal import HUB  # noqa: PLC0415

    now = datetime.now(UTC)
    end = until or now
    begin = since or end - playing.QUARTER
    found, after = playing.Replayed(), None
    try:
        while True:
            part = db.query(playing.run, HUB, edited, since=begin, until=end, after=after, now=now).result()
            found, after = found.plus(part), part.last
            if after is None:
                break
    except DeskError as error:
        fail(f"this cannot be played: {error}")
    if as_json:
        typer.echo(json.dumps(playing.plain(found), default=str))
        return
    typer.echo(f"{found.looked_at} tickets looked at, {found.different} of them otherwise")
    for (was, would_be), count in sorted(found.verdicts.items()):
        typer.echo(f"  verdict {was or 'none'} -> {would_be or 'none'}: {count}")
    for (group, other), count in found.groups.items():
        typer.echo(f"  group {group or 'nobody'} -> {other or 'nobody'}: {count}")
    for name in sorted({clock for clock, _ in (*found.was, *found.would_be)}):
        told = [
            f"{state} {found.was.get((name, state), 0)} -> {found.would_be.get((name, state), 0)}"
            for state in ("met", "missed", "running")
        ]
        typer.echo(f"  {name}: {', '.join(told)}")
    for one in found.differences:
        typer.echo(" ".join(_replayed(one)))


def _replayed(one: Any) -> Iterator[str]:
    yield one.number
    for what, pair in (("verdict", one.verdict), ("line", one.line), ("group", one.group)):
        if pair is not None:
            yield f"{what} {pair[0] or '-'} -> {pair[1] or '-'};"
    for clock in one.clocks:
        sides = [
            f"{side.state} due {side.due:%Y-%m-%dT%H:%MZ}"
            if side and side.due
            else side.state
            if side
            else "-"
            for side in (clock.was, clock.would_be)
        ]
        yield f"{clock.clock} {sides[0]} -> {sides[1]};"


def check(db: Database, wanted: Document | None, *, also: Iterable[str] = ()) -> None:
    """List every mistake of the templates, and of the desk as it is or as the file would make it; `also`: of others."""
    from core.desk.configuration import checking, duty_remarks, export, rows  # noqa: PLC0415
    from core.desk.errors import ConfigurationError  # noqa: PLC0415

    stored = db.query(export.stored).result()
    groups = [part.name for part in {**stored, **(wanted or {})}.get("groups", ())]
    mistakes = [*_wrong_templates(), *also, *checking.alarms_to(db.facts.alarms_to, groups)]
    try:
        if wanted is None:
            checking.check(stored, stored)
        else:
            db.query(rows.plan, wanted, {}).result()
    except ConfigurationError as error:
        mistakes += error.mistakes
    _remark(checking.remarks(stored if wanted is None else wanted, stored))
    if mistakes:
        fail("\n".join(mistakes), code=NO)
    _remark(list(duty_remarks.remarks({**stored, **(wanted or {})}, now=datetime.now(UTC))))
    typer.echo("no mistakes found")


def token(
    db: Database, *, kind: str, email: str, name: str, scopes: Sequence[str] | None, life: timedelta | None
) -> None:
    """Print a new API token, alone on one line. `scopes` None: all; `life` None: until somebody ends it."""
    from core.desk import accounts  # noqa: PLC0415
    from core.desk.errors import DeskError  # noqa: PLC0415

    now = datetime.now(UTC)
    try:
        made = db.submit(
            accounts.token_create,
            kind=kind,
            email=email,
            name=name,
            now=now,
            scopes=tuple(scopes or accounts.SCOPES),
            expires_at=None if life is None else now + life,
        ).result()
    except DeskError as error:
        fail(str(error), code=NO)
    typer.echo(made)


def explain(
    db: Database,
    raw: bytes,
    read: Callable[[bytes, Any], Any],
    of_device: Callable[[bytes, Any, Any], Any] | None,
    words: Callable[[Any], str] | None,
) -> None:
    """Say what would become of a mail, and why. `of_device`: reads that of devices; `words`: how it is told to people, None: as JSON."""
    from core.desk import explaining  # noqa: PLC0415

    told = explaining.explain(db, raw, read, of_device, now=datetime.now(UTC))
    typer.echo(json.dumps(told, indent=2, default=str) if words is None else words(told))


def verify(db: Database) -> None:
    """Prove the books."""
    from core.desk import books  # noqa: PLC0415

    found = db.query(books.verify).result()
    told = ", ".join(f"{name} {count}" for name, count in found.outcomes.items())
    typer.echo(f"received {found.received} = waiting {found.waiting} + {told}")
    typer.echo(
        f"{found.tickets} tickets, {found.outages} outages, {found.events} events, {found.blobs} blobs checked"
    )
    for fault in found.faults:
        typer.echo(f"FAULT {fault.kind}: {fault.about}")
    if found.faults:
        raise typer.Exit(NO)
    typer.echo("the books balance")


def backup(config: Settings, to: Path) -> None:
    """Copy the database while the hub runs."""
    from core.store import copies  # noqa: PLC0415

    try:
        size = copies.backup(config.database.url, to)
    except copies.CopyError as error:
        fail(str(error))
    typer.echo(
        f"{to}: {size} bytes. Not in it: the keys in {config.hub.data_dir / 'keys'}. Keep them elsewhere"
    )


def restore(config: Settings, copy: Path) -> None:
    """Put a copy in the place of the database; no hub may run."""
    from core.hub import AlreadyRunning, alone  # noqa: PLC0415
    from core.store import copies  # noqa: PLC0415

    try:
        with alone(config.hub.data_dir):
            kept = copies.restore(config.database.url, copy, now=datetime.now(UTC))
    except AlreadyRunning as error:
        fail(str(error), code=NO)
    except copies.CopyError as error:
        fail(str(error))
    typer.echo(f"the database is now the copy from {copy}; run `verify`")
    if kept is not None:
        typer.echo(f"the old one is kept: {kept}")


def _remark(remarks: list[str]) -> None:
    for remark in remarks:
        typer.echo(f"note: {remark}", err=True)


def _wrong_templates() -> Iterator[str]:
    from jinja2 import Environment, TemplateSyntaxError  # noqa: PLC0415

    from core.texts import TEMPLATES  # noqa: PLC0415

    language = Environment(autoescape=True)
    for path in sorted(TEMPLATES.rglob("*")):
        if path.suffix in (".txt", ".html"):
            try:
                language.parse(path.read_text(encoding="utf-8"))
            except (TemplateSyntaxError, UnicodeDecodeError) as error:
                line = f":{error.lineno}" if isinstance(error, TemplateSyntaxError) else ""
                yield f"templates/{path.relative_to(TEMPLATES)}{line}: {error}"

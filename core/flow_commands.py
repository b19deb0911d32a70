"""What can be done with call flows from a terminal? Out as a file, in as a draft, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from core import commands
from core.commands import NO, fail
from core.store.database import Database

if TYPE_CHECKING:  # each command loads what it needs
    from core.desk.flows import Finding, Rules


def export(db: Database, path: Path, version: int | None) -> None:
    """Write a version to a file; None: the one in force. `-` is standard output."""
    from core.desk import flows  # noqa: PLC0415
    from core.desk.errors import NotFound  # noqa: PLC0415
    from core.desk.principal import HUB  # noqa: PLC0415

    try:
        if version is None:
            body = db.query(flows.published).result().body
        else:
            body = db.query(flows.show, HUB, flows.DEFAULT, version).result().body
    except NotFound as error:
        fail(str(error), code=NO)
    if str(path) == "-":
        typer.echo(body, nl=False)
        return
    try:
        path.write_text(body, encoding="utf-8")
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror}")


def import_(db: Database, rules: Rules, path: Path, *, comment: str) -> None:
    """Keep a file as a draft; with a comment, put it in force. Prints the number of the version."""
    from core.desk import flows  # noqa: PLC0415
    from core.desk.errors import DeskError, Invalid  # noqa: PLC0415
    from core.desk.principal import HUB  # noqa: PLC0415

    read = flow_of(rules, path)
    body = path.read_text(encoding="utf-8")
    now = datetime.now(UTC)
    try:
        number = db.submit(flows.add, HUB, flows.DEFAULT, body, rules, now=now).result()
    except DeskError as error:
        fail(f"{path} cannot be kept: {error}")
    if comment:
        digest = rules.digest(read)
        try:
            db.submit(
                flows.publish, HUB, flows.DEFAULT, number, rules, digest=digest, comment=comment, now=now
            ).result()
        except Invalid as error:
            told = "\n".join(
                f"{fault.pointer.removeprefix('/body/')}: {fault.message}" for fault in error.faults
            )
            fail(f"{told}\nversion {number} is kept as a draft", code=NO)
    typer.echo(number)


def validate(rules: Rules, path: Path) -> None:
    """List what keeps a file from being published."""
    read = flow_of(rules, path, code=NO)
    found = [_line(one) for one in rules.findings(read, recordings=rules.recordings(read))]
    if found:
        fail("\n".join(found), code=NO)
    typer.echo("no mistakes found")


def mistakes(db: Database, rules: Rules, *, shipped: Path) -> Iterator[str]:
    """Those of the flow that is shipped and of the one in force."""
    from core.desk import flows  # noqa: PLC0415
    from core.desk.errors import NotFound  # noqa: PLC0415
    from core.desk.principal import HUB  # noqa: PLC0415

    read = flow_of(rules, shipped, code=NO)
    yield from (f"{shipped.name}: {_line(one)}" for one in rules.findings(read, recordings=()))
    try:
        row = db.query(flows.published).result()
    except NotFound:
        return  # the hub was not started yet: the one that is shipped is published then
    found = db.query(flows.findings, HUB, row.body, rules).result()
    yield from (f"call flow, version {row.version}: {_line(one)}" for one in found)


def flow_of(rules: Rules, path: Path, *, code: int = commands.WRONG) -> Any:
    """The flow in a file; fails with the place of what is wrong."""
    try:
        return rules.parse(commands.bytes_of(path).decode())
    except UnicodeDecodeError as error:
        fail(f"{path} cannot be read: it is not UTF-8 ({error.reason} at byte {error.start})")
    except ValueError as error:
        fail(f"{path}: {error}", code=code)


def _line(one: Finding) -> str:
    return f"{one.place}: {one.rule}: {one.detail}"

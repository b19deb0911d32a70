"""Are the secrets that sources of alarms refer to where they should be? What is not there is said by the hub, and stands on the source's page.

`wanted` is for a reader; `lacking` looks into the environment and into files, outside every transaction; `troubles` is what a process
reports once a minute (core.desk.hub_troubles), and `by_source` reads it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from core.alerting import TRAP_PASSWORD
from core.desk import hub_troubles, reference
from core.desk.alert_sources import AlertSource
from core.desk.hub_troubles import Trouble
from core.kept_secrets import GivesNoAnswer, kept_secret
from core.store.tx import Tx

Reason = Literal["unset", "unreadable", "short", "empty", "slow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A secret that somebody needs."""

    source: str
    what: str
    """Of what, as the desk's file calls it: `hmac.secret`, `api.token`, `users.NAME.auth_secret`."""
    where: str
    """`env:NAME` or `file:PATH`."""
    least: int = 1
    """Characters that it must have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lacking:
    """One that is not there."""

    source: str
    what: str
    where: str
    reason: Reason
    """unset: no such variable of the environment; unreadable: no such file; short: fewer characters than it must have;
    slow: whoever reads the file gets no answer."""


def wanted(tx: Tx) -> list[Wanted]:
    """Of all sources that are switched on."""
    return [
        one
        for source in reference.desk(tx).alert_sources.values()
        if source.enabled
        for one in _of(source)
        if one.where
    ]


def _of(source: AlertSource) -> Iterator[Wanted]:
    if source.signature is not None:
        yield Wanted(source=source.name, what="hmac.secret", where=source.signature.secret)
    if source.api is not None:
        yield Wanted(source=source.name, what="api.token", where=source.api.token)
    for user in source.users:
        for name in ("auth_secret", "priv_secret"):
            yield Wanted(
                source=source.name,
                what=f"users.{user.name}.{name}",
                where=getattr(user, name),
                least=TRAP_PASSWORD,
            )


def lacking(wanted: Iterable[Wanted]) -> list[Lacking]:
    """Those that are not there, or too short. Reads the environment and files; never says what a secret is.

    Waits as core.kept_secrets does: two seconds for each folder that begins to hang, sixteen of them at most.
    """
    return [
        Lacking(source=one.source, what=one.what, where=one.where, reason=reason)
        for one in wanted
        if (reason := _reason(one)) is not None
    ]


def _reason(one: Wanted) -> Reason | None:
    try:
        secret = kept_secret(one.where)
    except GivesNoAnswer:
        return "slow"
    except ValueError:
        return "unset" if one.where.startswith("env:") else "unreadable"
    if not secret:
        return "empty"
    return "short" if len(secret) < one.least else None


def troubles(found: Iterable[Lacking]) -> dict[str, tuple[str, str]]:
    """See core.desk.hub_troubles.report."""
    return {
        f"{hub_troubles.UNSAID}:{json.dumps([one.source, one.what])}": (
            hub_troubles.UNSAID,
            f"{one.reason} {one.where}",
        )
        for one in found
    }


def by_source(said: Iterable[Trouble]) -> Mapping[str, tuple[Lacking, ...]]:
    """What processes reported. Sources in the order of their names."""
    found: dict[str, tuple[Lacking, ...]] = {}
    for one in sorted(said, key=lambda one: one.name):
        if one.kind == hub_troubles.UNSAID:
            lacks = _read(one.name, one.why)
            found[lacks.source] = (*found.get(lacks.source, ()), lacks)
    return found


def _read(name: str, why: str) -> Lacking:
    source, what = json.loads(name.partition(":")[2])
    reason, _, where = why.partition(" ")
    return Lacking(source=source, what=what, where=where, reason=reason)  # type: ignore[arg-type]

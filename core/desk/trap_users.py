"""Who may send traps for a source by SNMP version 3? Whoever configures the desk says it; secrets are referred to, and never given.

Each is one transaction, holds from the next message on, and is among what was administered. `apply` of the desk's file says it anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from core.desk import alert_source_views
from core.desk.alert_source_views import Source
from core.desk.configuration import checking
from core.desk.configuration.document import TrapUserPart
from core.desk.errors import Fault, Forbidden, Invalid, NotFound, Refused
from core.desk.principal import Principal
from core.store.tx import Tx

KIND = "snmp"
MOST = 500
"""Users of one source: each is tried for a message until one fits."""

WAYS = ("auth", "priv")
"""What a user has a secret for."""

_Users = list[dict[str, Any]]


def put(tx: Tx, who: Principal, source: str, user: TrapUserPart, *, now: datetime) -> bool:
    """A new user, or how one signs and encrypts from now on; return whether anything changed.

    Where secrets are is said by administrators: who can name any place learns of each whether something is there. What others change of a user
    keeps its places, but for that of a way that is switched off. Raises NotFound for a source out of scope, Invalid, Forbidden, and what `_change` does.
    """
    found = alert_source_views.named(tx, who, source)
    _may(who, found)
    if not who.is_admin:
        user = _with_places(user, alert_source_views.content(tx, found.name).get("users", ()))
    wrong = checking.trap_user(user, by_address=bool(found.peers), at="")
    faults = [_fault(one) for one in wrong]
    if faults:
        raise Invalid(faults)
    kept = {name: text for name in user.__struct_fields__ if (text := getattr(user, name))}

    def changed(users: _Users) -> _Users:
        if len(users) >= MOST and user.name not in {one["name"] for one in users}:
            raise Refused(f"{found.name} has {MOST} users: give others a source of their own", code="most")
        there = [kept if one["name"] == user.name else one for one in users]
        return there if kept in there else [*there, kept]

    return _change(tx, who, found, changed, {"user": user.name, **_told(kept)}, now=now)


def remove(tx: Tx, who: Principal, source: str, name: str, *, now: datetime) -> None:
    """They are believed no more.

    Raises NotFound for a source out of scope or a user there is not, what `_change` does, and Refused where anybody would be believed then.
    """
    found = alert_source_views.named(tx, who, source)

    def changed(users: _Users) -> _Users:
        left = [one for one in users if one["name"] != name]
        if len(left) == len(users):
            raise NotFound(f"{source} has no user {name!r}")
        if not left and found.peers and not found.secured:
            raise Refused(
                f"without users {source} would believe versions 1 and 2c at its addresses: give it a secret first, or switch it off",
                code="last",
            )
        return left

    _change(tx, who, found, changed, {"user": name}, event="alert_source.user_removed", now=now)


def _change(
    tx: Tx,
    who: Principal,
    source: Source,
    changed: Callable[[_Users], _Users],
    told: Mapping[str, Any],
    *,
    event: str = "alert_source.user_set",
    now: datetime,
) -> bool:
    """Raises what `_may` does."""
    _may(who, source)
    content = alert_source_views.content(tx, source.name)
    before = [_kept(one) for one in content.get("users", ())]
    after = changed(before)
    if after == before:
        return False
    anew = {**content, "users": after}
    alert_source_views.rewrite(tx, who, source.name, anew, event=event, told=told, now=now)
    return True


def _may(who: Principal, source: Source) -> None:
    """Raises Forbidden for whoever does not configure, Refused for a source of another kind."""
    if not who.configures:
        raise Forbidden("a supervisor or an administrator says who may send traps")
    if source.kind != KIND:
        raise Refused(
            f"{source.name} is of kind {source.kind}: only sources of kind {KIND} have users", code="kind"
        )


def _with_places(user: TrapUserPart, users: Iterable[Mapping[str, Any]]) -> TrapUserPart:
    """The same with the places that an administrator gave. Raises Forbidden where one would be new."""
    kept = next((one for one in users if one["name"] == user.name), {})
    places = {f"{way}_secret": kept.get(f"{way}_secret", "") if getattr(user, way) else "" for way in WAYS}
    said = any(getattr(user, name) for name in places)
    if said or any(getattr(user, way) and not places[f"{way}_secret"] for way in WAYS):
        raise Forbidden("an administrator says where the secrets of a user are", code="places")
    return msgspec.structs.replace(user, **places)


def _kept(user: Mapping[str, Any]) -> dict[str, Any]:
    return {name: text for name, text in user.items() if text}


def _told(kept: Mapping[str, str]) -> dict[str, str]:
    """How they sign and encrypt, and where the secrets are: not what they are."""
    return {name: text for name, text in kept.items() if name != "name"}


def _fault(text: str) -> Fault:
    where, _, message = text.partition(": ")
    return Fault(f"/{where.lstrip('.')}", message)

"""How is each tool told what becomes of its alarm? Alertmanager by silences, Zabbix by updates of its event, Icinga 2 by acknowledgements.

Everything may be said twice: a silence of ours that is there is not made again, and who is acknowledged already is left so.
"""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

from channels.reaching import Answer, Fetch, fetch, must_be_taken
from core.alerting import GoingBack
from core.channel import DeliveryError
from core.kept_secrets import kept_secret
from core.rules.returning import Act

SILENCE = timedelta(days=7)
"""If we never come back for it."""
AUTHOR = "Centralino"
_CLOSE, _ACKNOWLEDGE, _MESSAGE, _UNACKNOWLEDGE = 1, 2, 4, 16
"""Bits of Zabbix's event.acknowledge."""
_HEADER = (6, 4)
"""Version of Zabbix that first reads the token from a header. The member `auth` of the body is what it was before; 7.2 refuses it."""
_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})")
_ALREADY = (409,)
"""Icinga 2: it is acknowledged, or no problem any more. Either is what was wanted, or comes as a message of its own."""


async def give_back(back: GoingBack, call: Fetch = fetch) -> None:
    """See core.channel.Returning."""
    await _TOOLS[back.kind](back, call)


async def still_fires(back: GoingBack, call: Fetch = fetch) -> bool:
    """See core.channel.Returning. Only Alertmanager is asked: it leaves out what is over, silenced or not."""
    filters = urlencode([("filter", f"{m['name']}={_quoted(m['value'])}") for m in _matchers(back)])
    answer = must_be_taken(await _of(back, call, "GET", f"/api/v2/alerts?{filters}"))
    key = back.dedup_key.partition(":")[2]
    found = answer.json()
    return any(one.get("fingerprint") == key or one.get("labels") == dict(back.labels) for one in found)


# --- Alertmanager: its API, version 2 ----------------------------------------------------------------------


async def _alertmanager(back: GoingBack, call: Fetch) -> None:
    ours = await _silences(back, call)
    quiet = back.act in (Act.TAKEN, Act.ACCEPTED)
    if quiet and not any(back.mark in comment for comment in ours.values()):
        await _silence(back, call)
    for silence, comment in ours.items():
        if not quiet or back.mark not in comment:
            path = f"/api/v2/silence/{quote(silence, safe='')}"
            must_be_taken(await _of(back, call, "DELETE", path), but=(404,))  # somebody was quicker


async def _silence(back: GoingBack, call: Fetch) -> None:
    document = {
        "matchers": _matchers(back),
        "startsAt": back.now.isoformat(),
        "endsAt": (back.now + SILENCE).isoformat(),
        "createdBy": AUTHOR,
        "comment": back.text,
    }
    must_be_taken(await _of(back, call, "POST", "/api/v2/silences", document))


async def _silences(back: GoingBack, call: Fetch) -> dict[str, str]:
    """Silences of ours for this alarm that hold: id to comment."""
    wanted = {(m["name"], m["value"]) for m in _matchers(back)}
    filters = urlencode([("filter", f"{name}={_quoted(value)}") for name, value in sorted(wanted)])
    answer = must_be_taken(await _of(back, call, "GET", f"/api/v2/silences?{filters}"))
    return {
        str(one["id"]): str(one.get("comment", ""))
        for one in answer.json()
        if one.get("createdBy") == AUTHOR
        and one.get("status", {}).get("state") in ("active", "pending")
        and {(m["name"], m["value"]) for m in one.get("matchers", ())} == wanted
    }


def _matchers(back: GoingBack) -> list[dict[str, Any]]:
    if not back.labels:
        raise DeliveryError("the alarm has no labels: a silence would be one of everything", permanent=True)
    return [
        {"name": name, "value": value, "isRegex": False, "isEqual": True}
        for name, value in sorted(back.labels.items())
    ]


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


# --- Zabbix: event.acknowledge, which is every update of an event -------------------------------------------

_UPDATES: Mapping[str, int] = {
    Act.OPENED: _MESSAGE,
    Act.TAKEN: _ACKNOWLEDGE | _MESSAGE,
    Act.RELEASED: _UNACKNOWLEDGE | _MESSAGE,
    Act.ACCEPTED: _CLOSE | _MESSAGE,
}


async def _zabbix(back: GoingBack, call: Fetch) -> None:
    action = _UPDATES[back.act]
    in_body = await _knows_no_header(back, call)
    error = await _update(back, call, action, in_body=in_body)
    if error and action & _CLOSE:  # its trigger allows nobody to close it: said all the same
        error = await _update(back, call, _MESSAGE, in_body=in_body)
    if error:
        raise DeliveryError(f"Zabbix refuses it: {error}", permanent=True)


async def _knows_no_header(back: GoingBack, call: Fetch) -> bool:
    """Is it older than _HEADER? Asked without the token, which this one question must not have. Who does not say has the header."""
    answer = await _rpc(back, call, "apiinfo.version", [], proof={})
    try:
        must_be_taken(answer)
    except DeliveryError as error:
        if error.permanent:
            return False
        raise
    try:
        version = _VERSION.match(answer.json()["result"])
    except (DeliveryError, LookupError, TypeError):
        return False  # a gate that shows a page to who brings no token says nothing either
    return version is not None and (int(version[1]), int(version[2])) < _HEADER


async def _update(back: GoingBack, call: Fetch, action: int, *, in_body: bool) -> str:
    """What Zabbix has against it; empty: it is done. `in_body`: the token goes there, and nowhere else."""
    what = {"eventids": [back.dedup_key.rpartition(":")[2]], "action": action, "message": back.text}
    secret = await _secret(back) if in_body else ""
    answer = must_be_taken(
        await _rpc(
            back,
            call,
            "event.acknowledge",
            what,
            proof={} if in_body else None,
            **({"auth": secret} if secret else {}),
        )
    )
    error = answer.json().get("error")
    if not error:
        return ""
    told = (
        f"{error.get('message', '')} {error.get('data', '')}".strip()
        if isinstance(error, dict)
        else str(error)
    )
    return told[:300]


async def _rpc(
    back: GoingBack, call: Fetch, method: str, params: Any, *, proof: Mapping[str, str] | None, **more: str
) -> Answer:
    document = {"jsonrpc": "2.0", "method": method, "params": params, "id": 1, **more}
    return await _of(
        back,
        call,
        "POST",
        "/api_jsonrpc.php",
        document,
        content_type="application/json-rpc",
        proof=proof,
    )


# --- Icinga 2: actions of its API ---------------------------------------------------------------------------

_ACTIONS: Mapping[str, str] = {
    Act.OPENED: "add-comment",
    Act.TAKEN: "acknowledge-problem",
    Act.RELEASED: "remove-acknowledgement",
    Act.ACCEPTED: "acknowledge-problem",
}


async def _icinga2(back: GoingBack, call: Fetch) -> None:
    service = "" if back.event == "HOST" else back.event
    document: dict[str, Any] = {
        "type": "Service" if service else "Host",
        "filter": "host.name == wanted_host" + (" && service.name == wanted_service" if service else ""),
        "filter_vars": {"wanted_host": back.resource, **({"wanted_service": service} if service else {})},
        "author": AUTHOR,
    }
    if back.act == Act.ACCEPTED:
        # One that is there already is left as it is (409), and ends with the next state.
        await _action(back, call, _ACTIONS[Act.RELEASED], document)
    if back.act != Act.RELEASED:
        document["comment"] = back.text
    if _ACTIONS[back.act] == "acknowledge-problem":
        # Sticky: until it recovers, whatever states lie between. Nobody is notified: we know.
        document |= {"sticky": back.act == Act.ACCEPTED, "notify": False}
    await _action(back, call, _ACTIONS[back.act], document)


async def _action(back: GoingBack, call: Fetch, action: str, document: dict[str, Any]) -> None:
    answer = await _of(back, call, "POST", f"/v1/actions/{action}", document)
    codes = _codes(answer)
    if answer.status in (200, 409, 500) and codes and all(_fine(code) for code in codes):
        return
    must_be_taken(answer)
    if not codes:
        raise DeliveryError(f"Icinga 2 knows no {document['type'].lower()} of that name", permanent=True)
    raise DeliveryError(f"Icinga 2 answers {', '.join(str(code) for code in codes)}")


def _codes(answer: Answer) -> list[int]:
    try:
        return [int(one["code"]) for one in answer.json()["results"]]
    except (DeliveryError, LookupError, TypeError, ValueError):
        return []


def _fine(code: int) -> bool:
    return 200 <= code < 300 or code in _ALREADY  # noqa: PLR2004 - the class of what went well


# --- What they have in common -------------------------------------------------------------------------------


async def _of(
    back: GoingBack,
    call: Fetch,
    method: str,
    path: str,
    document: Any = None,
    *,
    content_type: str = "application/json",
    proof: Mapping[str, str] | None = None,
) -> Answer:
    """`proof`: headers in place of those that prove who we are."""
    headers = {**(await _proof(back) if proof is None else proof)} | (
        {"Content-Type": content_type} if document is not None else {}
    )
    return await call(
        method,
        back.at.url.rstrip("/") + path,
        reaches=back.reaches,
        headers=headers,
        document=document,
        ca=back.at.ca,
    )


async def _proof(back: GoingBack) -> dict[str, str]:
    """Basic where there is a user, except at Zabbix, whose tokens are a person's; else a bearer's."""
    secret = await _secret(back)
    if not secret:
        return {}
    if back.at.user and back.kind != "zabbix":
        return {"Authorization": "Basic " + b64encode(f"{back.at.user}:{secret}".encode()).decode()}
    return {"Authorization": f"Bearer {secret}"}


async def _secret(back: GoingBack) -> str:
    try:
        return await asyncio.to_thread(kept_secret, back.at.token)  # a folder of the network may hang
    except ValueError as error:
        raise DeliveryError(f"token of the source {error}") from None


_TOOLS: Mapping[str, Callable[[GoingBack, Fetch], Awaitable[None]]] = {
    "alertmanager": _alertmanager,
    "icinga2": _icinga2,
    "zabbix": _zabbix,
}

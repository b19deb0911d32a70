"""How is a call answered? Token, limit, scope, parse, one transaction, JSON; every refusal is a problem document."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ValidationError

from core.channel import Linking
from core.common import Common, Counts
from core.desk import accounts, entitle, page, repetition
from core.desk.errors import Forbidden, Invalid, NotFound, Refused, Stale
from core.desk.principal import Principal
from core.ids import new_token, token_hash
from core.log import get_logger
from core.store.database import Database, StoreUnavailable
from core.store.tx import Tx
from web.api import problems, shown
from web.api.endpoint import MIB, Call, Endpoint, File, Outside
from web.api.problems import ApiError, Fault, Kind, Obstacle
from web.files import download
from web.limits import Allowance, Limiter

BODY_TIME = 60.0  # seconds
MAX_KEY = 255  # characters of an Idempotency-Key
KNOWN = 10_000  # tokens whose last use is remembered here
RETRY_AFTER = "2"  # seconds

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)

log = get_logger("api")


@dataclass(slots=True, kw_only=True)
class Api:
    """What all calls share."""

    db: Database
    public_url: str
    calls: Limiter
    """Per token."""
    strangers: Limiter
    """Per address, of calls without a valid token."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    address: Callable[[web.Request], str]
    """Whose network address a call comes from."""
    used: dict[str, datetime] = field(default_factory=dict)
    """Hash of a token to when its use was last noted."""
    also_by: str = ""
    """The channel that carries answers to people's inboxes, if there is one."""
    max_body: int
    """Bytes of one call."""
    linking: Mapping[str, Linking]
    """Channels on which people connect their accounts, by name."""
    outside: Outside
    running: set[tuple[str, str]] = field(default_factory=set)
    """Callers and keys of this hub's writing calls that are being answered."""


API = web.AppKey("api", Api)


def make_api(
    db: Database,
    *,
    counts: Counts | None = None,
    per_person: int = 20,
    per_address: int = 10,
    address: Callable[[web.Request], str] = lambda request: request.remote or "",
    also_by: str = "",
    linking: Mapping[str, Linking] | None = None,
    outside: Outside | None = None,
    max_body: int = 2**20,
) -> Api:
    """The shared parts. Limits are calls a second, counted in `counts`; five seconds' worth may come at once.

    `address`: whose network address a call comes from, where a proxy stands between. `also_by`: the channel that
    carries answers to people's inboxes, if there is one.
    """
    counts = counts or Common().counts
    return Api(
        address=address,
        also_by=also_by,
        linking=linking or {},
        outside=outside or Outside(),
        max_body=max_body,
        db=db,
        public_url=db.facts.public_url,
        calls=Limiter("calls", counts, rate=per_person, burst=per_person * 5, clock=monotonic),
        strangers=Limiter(
            "unknown callers", counts, rate=per_address, burst=per_address * 5, clock=monotonic
        ),
    )


def handler(endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.Response]]:
    """The aiohttp handler of an endpoint."""

    async def handle(request: web.Request) -> web.Response:
        return await guarded(request, lambda who: _answer(request, endpoint, who))

    return handle


async def guarded(
    request: web.Request, answer: Callable[[Principal], Awaitable[web.Response]]
) -> web.Response:
    """Find out who calls, grant the call, answer it; whatever goes wrong becomes a problem document."""
    api = request.app[API]
    trace = new_token()[:16]
    headers: dict[str, str] = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    who = None
    try:
        who, allowance = await _caller(api, request)
        headers |= api.calls.headers(allowance)
        response = await answer(who)
    except Exception as error:  # noqa: BLE001 - each is told to the caller in the same form
        status, body, more = await _problem(api, request, who, error, trace)
        response = web.Response(status=status, body=body, content_type=problems.MEDIA_TYPE)
        headers |= more
    response.headers.update(headers)
    return response


async def _caller(api: Api, request: web.Request) -> tuple[Principal, Allowance]:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    who = None
    if scheme.lower() == "bearer" and token.isascii() and token:
        allowance = api.calls.take(token_hash(token))
        if not allowance.granted:
            raise _too_many(allowance)
        who = await api.db.read(accounts.principal_of_token, token, now=api.now())
        if who is not None:
            _note_use(api, token)
            return who, allowance
    allowance = api.strangers.take(api.address(request))
    if not allowance.granted:
        raise _too_many(allowance)
    raise ApiError("no-token", headers={"WWW-Authenticate": 'Bearer realm="Centralino"'})


def _note_use(api: Api, token: str) -> None:
    """The last use of a token is known to a few minutes; the call does not wait for it."""
    now, key = api.now(), token_hash(token)
    if now - api.used.get(key, _NEVER) < accounts.SEEN_EVERY:
        return
    if len(api.used) >= KNOWN:
        api.used.clear()
    api.used[key] = now
    with suppress(StoreUnavailable):  # nobody is refused for it
        api.db.submit(accounts.token_seen, token, now=now)


def _too_many(allowance: Allowance) -> ApiError:
    return ApiError("too-many", headers={"Retry-After": str(max(1, allowance.wait))})


async def _answer(request: web.Request, endpoint: Endpoint, who: Principal) -> web.Response:
    api = request.app[API]
    path = dict(request.match_info)
    if who.scopes is not None and endpoint.scope not in who.scopes:
        raise ApiError("forbidden", f"this token may not {endpoint.scope}: make one with that scope")
    query = _query(endpoint, request)
    if endpoint.method == "GET":
        asked = None
        if endpoint.beforehand is not None and who.is_agent:
            asked = await endpoint.beforehand(api.outside, who, query)
        call = _call(api, who, path, query=query, asked=asked)
        answer = await api.db.read(endpoint.run, call)
        if isinstance(answer, File):
            return download(answer.content, answer.name, answer.type)
        return _json(endpoint.status, answer.model_dump_json(by_alias=True))
    body = await _body(endpoint, request)
    key = "" if endpoint.fleeting else _key(request)
    call = _call(api, who, path, query=query, body=body, key=key)
    if endpoint.asks:
        if endpoint.beforehand is not None and who.is_agent:
            call = replace(call, asked=await endpoint.beforehand(api.outside, who, body))
        return _json(endpoint.status, await api.db.read(_as_json, endpoint, call))
    if not key:
        return _json(endpoint.status, await api.db.write(_as_json, endpoint, call))
    mine = (who.actor, key)
    if mine in api.running:
        raise ApiError("running", headers={"Retry-After": RETRY_AFTER})
    api.running.add(mine)
    try:
        done = await api.db.write(_once, endpoint, call, _digest(request, body))
    finally:
        api.running.discard(mine)
    response = _json(done.status, done.body)
    if done.replayed:
        response.headers["Idempotent-Replay"] = "true"
    return response


def _call(
    api: Api,
    who: Principal,
    path: Mapping[str, str],
    *,
    query: Any,
    body: Any = None,
    key: str = "",
    asked: Any = None,
) -> Call:
    return Call(
        who=who,
        path=path,
        query=query,
        body=body,
        now=api.now(),
        key=key,
        also_by=api.also_by,
        linking=api.linking,
        asked=asked,
    )


def _once(tx: Tx, endpoint: Endpoint, call: Call, digest: str) -> repetition.Answer:
    def act() -> tuple[int, str]:
        return endpoint.status, _as_json(tx, endpoint, call)

    return repetition.once(tx, call.who, call.key, digest, act, now=call.now)


def _as_json(tx: Tx, endpoint: Endpoint, call: Call) -> str:
    answer = endpoint.run(tx, call)
    assert isinstance(answer, BaseModel)  # what writes answers what it did
    return answer.model_dump_json(by_alias=True)


def _json(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text, content_type="application/json")


# --- What the caller sent ----------------------------------------------------------------------------------


def _query(endpoint: Endpoint, request: web.Request) -> BaseModel | None:
    given: dict[str, Any] = {}
    faults = []
    for name, value in request.query.items():
        if name in given:
            faults.append(Fault(pointer=f"/{name}", message="may be given once"))
        given[name] = value
    if endpoint.query is None:
        faults += [Fault(pointer=f"/{name}", message="is not a parameter of this call") for name in given]
        if faults:
            raise ApiError("invalid", faults=faults)
        return None
    try:
        found = endpoint.query.model_validate(given)
    except ValidationError as error:
        raise ApiError("invalid", faults=faults + _faults(error)) from None
    if faults:
        raise ApiError("invalid", faults=faults)
    return found


async def _body(endpoint: Endpoint, request: web.Request) -> BaseModel | None:
    raw = await _read(request, max(request.app[API].max_body, endpoint.most))
    if endpoint.body is None:
        return None
    if request.content_type != "application/json" or (request.charset or "utf-8").lower() != "utf-8":
        raise ApiError("wrong-type", "send `Content-Type: application/json` in UTF-8")
    try:
        return endpoint.body.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["type"] == "json_invalid":
            raise ApiError("bad-request", f"the body is not JSON: {first['msg']}") from None
        raise ApiError("invalid", faults=_faults(error)) from None


async def _read(request: web.Request, most: int) -> bytes:
    """The whole body; no larger and no slower than is reasonable for JSON."""
    if (request.content_length or 0) > most:
        raise ApiError("too-large", f"a body may have {most / MIB:g} MiB here")
    raw = bytearray()
    try:
        async with asyncio.timeout(BODY_TIME):
            while part := await request.content.readany():
                raw += part
                if len(raw) > most:
                    raise ApiError("too-large", f"a body may have {most / MIB:g} MiB here")
    except TimeoutError:
        raise ApiError("too-slow") from None
    return bytes(raw)


def _faults(error: ValidationError) -> list[Fault]:
    return [
        Fault(pointer=_pointer(one["loc"]), message=_words(one))
        for one in error.errors(include_url=False, include_input=False)
    ]


def _pointer(place: tuple[int | str, ...]) -> str:
    """A JSON Pointer (RFC 6901)."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in place)


def _words(one: Mapping[str, Any]) -> str:
    match one["type"]:
        case "extra_forbidden":
            return "is not a field of this call"
        case "missing":
            return "is missing"
        case "string_pattern_mismatch":
            return "must not be blank"
        case _:
            return str(one["msg"])


def _key(request: web.Request) -> str:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return ""
    if not re.fullmatch(rf"[\x21-\x7e]{{1,{MAX_KEY}}}", key):
        fault = Fault(pointer="/Idempotency-Key", message=f"must be 1 to {MAX_KEY} visible ASCII characters")
        raise ApiError("invalid", faults=[fault])
    return key


def _digest(request: web.Request, body: BaseModel | None) -> str:
    """Two calls with one key must be the same call: method, address and what the body says."""
    said = body.model_dump(mode="json", exclude_unset=True) if body is not None else None
    text = json.dumps([request.method, request.path, said], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


# --- What the caller is told -------------------------------------------------------------------------------


async def _problem(
    api: Api, request: web.Request, who: Principal | None, error: Exception, trace: str
) -> tuple[int, bytes, dict[str, str]]:
    """Status, body and headers of a refusal."""
    url = api.public_url
    match error:
        case NotFound():
            return *problems.not_found(url), {}
        case ApiError():
            status, body = _told(api, error.kind, str(error), trace, error.faults)
            return status, body, error.headers
        case Invalid():
            faults = [Fault(pointer=fault.pointer, message=fault.message) for fault in error.faults]
            return *_told(api, "invalid", "", trace, faults), {}
        case Forbidden():
            return *_told(api, "forbidden", str(error), trace), {}
        case Stale() if who is not None:
            newer = await _newer(api, who, request.match_info.get("number"), error)
            return *problems.document("stale", detail=str(error), trace=trace, public_url=url, **newer), {}
        case Refused():
            if error.code == "exhausted" and "number" in request.match_info:
                with suppress(StoreUnavailable):  # the refusal is told all the same
                    number = request.match_info["number"]
                    await api.db.write(entitle.refused_for_want, number, now=api.now())
            more: dict[str, Any] = {"allowed": list(error.allowed), "missing": list(error.missing)}
            if error.obstacles:
                more["obstacles"] = [
                    Obstacle(reason=one.reason, about=list(one.about)) for one in error.obstacles
                ]
            return *problems.document("conflict", detail=str(error), trace=trace, public_url=url, **more), {}
        case repetition.KeyReused():
            return *_told(api, "key-reused", str(error), trace), {}
        case StoreUnavailable():
            return *_told(api, "unavailable", "", trace), {"Retry-After": RETRY_AFTER}
        case web.HTTPRequestEntityTooLarge():
            return *_told(api, "too-large", "", trace), {}
        case web.HTTPException() if error.status < 500:  # noqa: PLR2004
            return *_told(api, "bad-request", "", trace), {}
        case _:
            log.error("call failed", method=request.method, path=request.path, trace=trace, exc_info=error)
            return *_told(api, "error", "", trace), {}


def _told(
    api: Api, kind: Kind, detail: str, trace: str, faults: list[Fault] | None = None
) -> tuple[int, bytes]:
    return problems.document(kind, detail=detail, faults=faults or [], trace=trace, public_url=api.public_url)


async def _newer(api: Api, who: Principal, number: str | None, error: Stale) -> dict[str, Any]:
    """What the caller has not seen, as they may see it. `number`: of a ticket; None: the thing says it all."""
    if number is None:
        return {"last_event": error.last_event}
    unseen = {row.id for row in error.newer if hasattr(row, "id")}
    numbers = {row.seq for row in error.newer if hasattr(row, "seq")}
    view = await api.db.read(page.ticket, who, number, now=api.now())
    return {
        "last_event": error.last_event,
        "messages": [shown.message(one) for one in view.messages if one.id in unseen],
        "events": [shown.event(one) for one in view.events if one.seq in numbers],
    }

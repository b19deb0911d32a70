"""Which version of a call flow is in force, who changes it, and how? Drafts, publishing, going back.

What a flow is, and whether it may be published, is told by `Rules`: a module of another room that verbs are given as a
value. A published version never changes, and a call stays on the one it began with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Text, bindparam, func, literal_column, select

from core.desk import case
from core.desk.errors import Fault, Forbidden, Invalid, NotFound, Refused, Stale, invalid
from core.desk.principal import Principal
from core.store import blobs, tables
from core.store.tx import Prepared, Row, Tx

DEFAULT = "default"
"""The flow that a number without one of its own is answered by."""
SHIPPED = "shipped"
"""Who a flow that comes with the hub is by."""
MOST = 2**31 - 1
"""No version has a higher number."""
MAX_BODY = 1_000_000  # characters
MAX_COMMENT = 500  # characters
MAX_RECORDING = 10_000_000  # bytes

flow_version, call = tables.flow_version, tables.call


class Finding(Protocol):
    """What keeps a flow from being published."""

    @property
    def rule(self) -> str:
        """Code."""
        ...

    @property
    def place(self) -> str:
        """Where in the flow."""
        ...

    @property
    def detail(self) -> str:
        """What it is about."""
        ...


class Rules(Protocol):
    """What is asked about a flow's text."""

    def parse(self, text: str) -> Any:
        """The flow. Raises ValueError with the place of what is wrong."""
        ...

    def digest(self, flow: Any) -> str:
        """The same for flows that lead calls alike."""
        ...

    def recordings(self, flow: Any) -> Collection[str]:
        """The blobs it plays."""
        ...

    def findings(self, flow: Any, *, recordings: Collection[str]) -> Sequence[Finding]:
        """Everything that keeps it from being published. `recordings`: blobs that are there."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version, as lists show it."""

    flow: str
    number: int
    digest: str
    state: str
    """draft, published or retired."""
    author: str
    """Name; empty: the command line, or the hub."""
    shipped: bool
    """It came with the hub."""
    mine: bool
    """Is whoever asks its author? Then saving replaces this draft."""
    comment: str
    created_at: datetime
    published_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One version with its text."""

    version: Version
    body: str
    """JSON, as it was written."""
    edition: str
    """Of this text, layout and all: who saves says which one they changed."""


_COLUMNS = [column for column in flow_version.c if column.name != "body"]
_NAMED = flow_version.outerjoin(
    tables.agent, literal_column("'agent:'", Text) + tables.agent.c.id == flow_version.c.author
)
_LOCK = Prepared(
    select(flow_version.c.version).where(flow_version.c.flow == bindparam("flow")).with_for_update()
)
_PUBLISHED = Prepared(
    select(flow_version)
    .where(flow_version.c.flow == bindparam("flow"), flow_version.c.state == "published")
    .order_by(flow_version.c.version.desc())
    .limit(1)
)
_PUBLISHED_DIGEST = Prepared(
    select(flow_version.c.digest)
    .where(flow_version.c.flow == bindparam("flow"), flow_version.c.state == "published")
    .order_by(flow_version.c.version.desc())
    .limit(1)
)
_OF_DIGEST = Prepared(
    select(flow_version)
    .where(flow_version.c.digest == bindparam("digest"))
    .order_by(flow_version.c.published_at.desc(), flow_version.c.version.desc())
    .limit(1)
)
_ALL = Prepared(
    select(*_COLUMNS, tables.agent.c.name.label("name"))
    .select_from(_NAMED)
    .where(flow_version.c.flow == bindparam("flow"), flow_version.c.version < bindparam("before"))
    .order_by(flow_version.c.version.desc())
    .limit(bindparam("limit"))
)
_ONE = Prepared(
    select(flow_version, tables.agent.c.name.label("name"))
    .select_from(_NAMED)
    .where(flow_version.c.flow == bindparam("flow"), flow_version.c.version == bindparam("version"))
)
_LAST = Prepared(
    select(func.max(flow_version.c.version).label("version")).where(flow_version.c.flow == bindparam("flow"))
)
_LIVE = Prepared(select(call.c.id).where(call.c.phase != "over", call.c.flow == bindparam("digest")).limit(1))
_DISCARD = Prepared(
    flow_version.delete().where(
        flow_version.c.flow == bindparam("flow"), flow_version.c.version == bindparam("version")
    )
)


# --- For calls ----------------------------------------------------------------------------------------------


def published(tx: Tx, flow: str = DEFAULT) -> Row:
    """The version in force: `version`, `digest`, `body`. Raises NotFound: none was ever published."""
    return _there(tx.one(_PUBLISHED, flow=flow), f"no version of the call flow {flow} is published")


def called(tx: Tx, flow: str, wanted: str) -> str:
    """The digest of `published`, of the newest `draft`, or of a version's number. Raises NotFound."""
    if wanted == "published":
        return published_digest(tx, flow)
    rows = tx.all(_VERSIONS_FOR_CALLS, flow=flow)
    for row in rows:
        if str(row.version) == wanted or (wanted == "draft" and row.state == "draft"):
            return str(row.digest)
    raise NotFound(f"the call flow {flow} has no version {wanted}")


_VERSIONS_FOR_CALLS = Prepared(
    select(flow_version.c.version, flow_version.c.digest, flow_version.c.state)
    .where(flow_version.c.flow == bindparam("flow"))
    .order_by(flow_version.c.version.desc())
)


def published_digest(tx: Tx, flow: str = DEFAULT) -> str:
    """The digest of the version in force. Raises NotFound."""
    return str(
        _there(
            tx.one(_PUBLISHED_DIGEST, flow=flow), f"no version of the call flow {flow} is published"
        ).digest
    )


def of_digest(tx: Tx, digest: str) -> Row:
    """The version a call began with. Raises NotFound."""
    return _there(tx.one(_OF_DIGEST, digest=digest), "this version of the call flow is gone")


def install(tx: Tx, flow: str, body: str, digest: str, *, now: datetime) -> bool:
    """Publish the flow that is shipped with the hub; say whether it was.

    At the first start, and again when another one is shipped and nobody has published a flow of their own.
    """
    tx.all(_LOCK, flow=flow)
    before = tx.one(_PUBLISHED, flow=flow)
    if before is not None and (before.digest == digest or before.author != SHIPPED):
        return False
    first = 1 if before is None else 0  # several hubs start at once: the first of them has version 1
    added = _add(tx, flow, body, digest, state="published", author=SHIPPED, now=now, number=first)
    _retire(tx, before)
    return added > 0


# --- For people ---------------------------------------------------------------------------------------------


def may_edit(who: Principal) -> bool:
    """Supervisors and administrators."""
    return who.kind == "system" or who.configures


def versions(
    tx: Tx, who: Principal, flow: str = DEFAULT, *, before: int = MOST, limit: int = 50
) -> tuple[Version, ...]:
    """The newest first, of those older than `before`. Raises NotFound for contacts."""
    _check_reads(who)
    return tuple(_version(row, who) for row in tx.all(_ALL, flow=flow, before=before, limit=limit))


def show(tx: Tx, who: Principal, flow: str, number: int) -> Shown:
    """One with its text. Raises NotFound."""
    _check_reads(who)
    row = _row(tx, flow, number)
    return Shown(version=_version(row, who), body=row.body, edition=edition(row.body))


def edition(body: str) -> str:
    """Names a text, to see whether it is still the one that somebody changed."""
    return hashlib.sha256(body.encode()).hexdigest()


def save(
    tx: Tx, who: Principal, flow: str, number: int, body: str, rules: Rules, *, seen: str, now: datetime
) -> int:
    """Keep a changed version `number`, of which the edition `seen` was changed; return the version it is now.

    One's own draft is replaced; of anything else this makes a new draft. Raises Forbidden, NotFound, Stale (it was
    saved elsewhere meanwhile), Invalid (the text is no flow).
    """
    _check_edits(who)
    row = _locked(tx, flow, number)
    if seen != edition(row.body):
        raise Stale(
            "somebody saved this version since you opened it: look at it, then save again",
            newer=(),
            last_event=row.version,
        )
    read = _read(rules, body, flow)
    if read == _read(rules, row.body):
        return number
    digest = rules.digest(read)
    if row.state == "draft" and row.author == who.actor:
        if digest == row.digest or tx.one(_LIVE, digest=row.digest) is None:
            key = {"flow": flow, "version": number}
            tx.update(flow_version, key, body=body, digest=digest, created_at=now)
            return number
        # Somebody is trying that draft out on the phone: the call keeps its version.
        tx.update(flow_version, {"flow": flow, "version": number}, state="retired")
    made = _add(tx, flow, body, digest, state="draft", author=who.actor, now=now)
    case.record(
        tx, case.ADMINISTRATION, "flow.drafted", now=now, actor=who.actor, flow=flow, version=made, of=number
    )
    return made


def add(tx: Tx, who: Principal, flow: str, body: str, rules: Rules, *, now: datetime) -> int:
    """A new draft of a text from elsewhere; return its number. Raises Forbidden, Invalid (the text is no flow)."""
    _check_edits(who)
    digest = rules.digest(_read(rules, body, flow))
    made = _add(tx, flow, body, digest, state="draft", author=who.actor, now=now)
    case.record(
        tx, case.ADMINISTRATION, "flow.drafted", now=now, actor=who.actor, flow=flow, version=made, of=0
    )
    return made


def publish(
    tx: Tx, who: Principal, flow: str, number: int, rules: Rules, *, digest: str, comment: str, now: datetime
) -> None:
    """Put a draft in force: calls that begin from now on are led by it.

    `digest`: what was reviewed. Raises Forbidden, NotFound, Refused (no draft), Stale (not what was reviewed),
    Invalid (what is wrong with it, place by place).
    """
    _check_edits(who)
    row = _locked(tx, flow, number)
    if row.state != "draft":
        raise Refused(
            f"version {number} is {row.state}: only a draft is published",
            allowed=("roll_back",),
            code="not_draft",
        )
    if row.digest != digest:
        raise Stale(
            "the draft is not what you reviewed any more: look at it again", newer=(), last_event=number
        )
    comment = _comment(comment)
    _check_clean(tx, rules, row)
    before = tx.one(_PUBLISHED, flow=flow)
    _retire(tx, before)
    tx.update(
        flow_version,
        {"flow": flow, "version": number},
        state="published",
        comment=comment,
        published_at=now,
    )
    _published(tx, who, "flow.published", row, number, before, comment, now=now)


def roll_back(
    tx: Tx, who: Principal, flow: str, number: int, rules: Rules, *, comment: str, now: datetime
) -> int:
    """Put an older version in force again, as a new one; return its number. Raises Forbidden, NotFound, Refused, Invalid."""
    _check_edits(who)
    row = _locked(tx, flow, number)
    if row.state != "retired" or row.published_at is None:
        raise Refused(
            f"version {number} is no former version: there is nothing to go back to", code="not_former"
        )
    comment = _comment(comment)
    _check_clean(tx, rules, row)
    before = tx.one(_PUBLISHED, flow=flow)
    made = _add(tx, flow, row.body, row.digest, state="published", author=who.actor, comment=comment, now=now)
    _retire(tx, before)
    _published(tx, who, "flow.rolled_back", row, made, before, comment, now=now)
    return made


def discard(tx: Tx, who: Principal, flow: str, number: int, *, seen: str, now: datetime) -> None:
    """Throw a draft away: one's own, or anybody's for an administrator. Raises Forbidden, NotFound, Refused, Stale."""
    _check_edits(who)
    row = _locked(tx, flow, number)
    if row.state != "draft":
        raise Refused(f"version {number} is {row.state}: only a draft is discarded", code="not_draft")
    if row.author != who.actor and not (who.is_admin or who.kind == "system"):
        raise Forbidden(
            "this is somebody else's draft: its author or an administrator discards it",
            code="draft_of_another",
        )
    if seen != edition(row.body):
        raise Stale(
            "the draft was saved since you looked: look at it again", newer=(), last_event=row.version
        )
    if tx.one(_LIVE, digest=row.digest) is not None:
        raise Refused("somebody is on the phone with this draft: end that call first", code="draft_on_phone")
    tx.run(_DISCARD, flow=flow, version=number)
    case.record(
        tx, case.ADMINISTRATION, "flow.discarded", now=now, actor=who.actor, flow=flow, version=number
    )


# --- Recordings of prompts ------------------------------------------------------------------------------------


def record_prompt(tx: Tx, who: Principal, content: bytes, *, now: datetime) -> str:
    """Keep the recording of a prompt; return its name, for the flow. Raises Forbidden, Invalid: no WAV or MP3."""
    _check_edits(who)
    if len(content) > MAX_RECORDING:
        raise invalid("/recording", f"must have at most {MAX_RECORDING:,} bytes; it has {len(content):,}")
    if not sound_type(content):
        raise invalid("/recording", "must be a WAV or an MP3 file")
    return blobs.put(tx, content, now=now)


def recording(tx: Tx, who: Principal, flow: str, number: int, name: str, rules: Rules) -> tuple[bytes, str]:
    """A recording that this version plays, and its type. Raises NotFound: it plays no such one."""
    _check_reads(who)
    row = _row(tx, flow, number)
    if name not in rules.recordings(_read(rules, row.body, flow)):
        raise NotFound(name)
    try:
        content = blobs.get(tx, name)
    except blobs.BlobMissing as missing:
        raise NotFound(str(missing)) from None
    return content, sound_type(content)


def sound_type(content: bytes) -> str:
    """What the bytes are by their beginning; empty: nothing that is played to a caller.

    >>> sound_type(b"RIFF\\x24\\0\\0\\0WAVEfmt "), sound_type(b"ID3\\3"), sound_type(b"<html>")
    ('audio/wav', 'audio/mpeg', '')
    """
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        return "audio/wav"
    if content[:3] == b"ID3" or (content[:1] == b"\xff" and content[1:2] in (b"\xfb", b"\xf3", b"\xf2")):
        return "audio/mpeg"
    return ""


def findings(tx: Tx, who: Principal, body: str, rules: Rules) -> tuple[Finding, ...]:
    """Everything that keeps this text from being published. Raises NotFound, Invalid (it is no flow)."""
    _check_reads(who)
    return tuple(_found(tx, rules, _read(rules, body)))


# --- Within -----------------------------------------------------------------------------------------------------


def _check_reads(who: Principal) -> None:
    if who.kind == "contact":
        raise NotFound("call flows")


def _check_edits(who: Principal) -> None:
    _check_reads(who)
    if not may_edit(who):
        raise Forbidden("call flows are changed by supervisors and administrators")


def _there(row: Row, otherwise: str) -> Row:
    if row is None:
        raise NotFound(otherwise)
    return row


def _row(tx: Tx, flow: str, number: int) -> Row:
    number = number if 0 < number < MOST else 0
    return _there(tx.one(_ONE, flow=flow, version=number), f"call flow {flow} has no version {number}")


def _locked(tx: Tx, flow: str, number: int) -> Row:
    """As it stands; nobody else changes a version of this flow before the end."""
    tx.all(_LOCK, flow=flow)
    return _row(tx, flow, number)


def _version(row: Row, who: Principal) -> Version:
    return Version(
        flow=row.flow,
        number=row.version,
        digest=row.digest,
        state=row.state,
        author=row.name or "",
        shipped=row.author == SHIPPED,
        mine=row.author == who.actor,
        comment=row.comment,
        created_at=row.created_at,
        published_at=row.published_at,
    )


def _read(rules: Rules, body: str, flow: str = "") -> Any:
    if len(body) > MAX_BODY:
        raise invalid("/body", f"must have at most {MAX_BODY:,} characters; it has {len(body):,}")
    try:
        read = rules.parse(body)
    except ValueError as error:
        raise invalid("/body", str(error)) from None
    if flow and read.id != flow:
        raise invalid("/body/id", f"must be {flow}: the flow is known by it; it is {read.id}")
    return read


def _comment(comment: str) -> str:
    comment = " ".join(comment.split())
    if not comment:
        raise invalid("/comment", "must say what is new")
    if len(comment) > MAX_COMMENT:
        raise invalid("/comment", f"must have at most {MAX_COMMENT} characters; it has {len(comment)}")
    return comment


def _found(tx: Tx, rules: Rules, read: Any) -> Sequence[Finding]:
    there = {name for name in rules.recordings(read) if blobs.size(tx, name) is not None}
    return rules.findings(read, recordings=there)


def _check_clean(tx: Tx, rules: Rules, row: Row) -> None:
    found = _found(tx, rules, _read(rules, row.body))
    if found:
        raise Invalid([Fault(f"/body/{one.place}", f"{one.rule}: {one.detail}") for one in found])


def _add(
    tx: Tx,
    flow: str,
    body: str,
    digest: str,
    *,
    state: str,
    author: str,
    comment: str = "",
    now: datetime,
    number: int = 0,
) -> int:
    """A new version; `number`: this one or none. Returns its number, 0 where that was taken."""
    while True:  # who was quicker has the number
        version = number or (tx.one(_LAST, flow=flow).version or 0) + 1
        if tx.insert_new(
            flow_version,
            flow=flow,
            version=version,
            digest=digest,
            state=state,
            body=body,
            author=author,
            comment=comment,
            created_at=now,
            published_at=now if state == "published" else None,
        ):
            return version
        if number:
            return 0


def _retire(tx: Tx, before: Row) -> None:
    if before is not None:
        tx.update(flow_version, {"flow": before.flow, "version": before.version}, state="retired")


def _published(
    tx: Tx, who: Principal, kind: str, row: Row, number: int, before: Row, comment: str, *, now: datetime
) -> None:
    case.record(
        tx,
        case.ADMINISTRATION,
        kind,
        now=now,
        actor=who.actor,
        flow=row.flow,
        version=number,
        of=row.version,
        digest=row.digest,
        before=before.version if before is not None else 0,
        comment=comment,
    )

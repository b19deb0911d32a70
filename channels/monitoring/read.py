"""What does a message of a device say? Its bytes as facts; run in a process of its own that may be killed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from channels.monitoring import batches, kinds
from channels.monitoring.decoding import decode
from channels.monitoring.fields import FACTS, FAILS, wrong
from channels.monitoring.source import NotUnderstood, Source, Told
from core.alerting import BATCH, AlertFact
from core.envelope import Inbound, Kind, NotRead

_EVERY_LINE = ({"match": ""},)


def kind_of(told: Told, source: Source) -> str:
    """Which tool sent it; of a shape that no tool has the one that is read as staff say, where they do. Raises NotUnderstood."""
    if source.kind != kinds.AUTO:
        return source.kind
    try:
        return kinds.recognised(told)
    except NotUnderstood:
        if source.mapping:
            return kinds.MAPPED
        raise


def facts_of(told: Told, source: Source) -> list[AlertFact]:
    """The facts of one message. Raises NotUnderstood."""
    kind = kind_of(told, source)
    try:
        found = list(kinds.parser(kind)(told, source))
    except NotUnderstood:
        raise
    except (*FAILS, RecursionError) as error:
        raise NotUnderstood(wrong(error)) from error
    if len(found) > FACTS:
        raise NotUnderstood(f"{len(found)} facts in one message: {FACTS} is the limit")
    return found


def read(raw: bytes, arrival: Mapping[str, Any], options: Mapping[str, Any]) -> Inbound:
    """The message as the core takes it. Raises ValueError: it is an exception item.

    `arrival["envelope"]`: `headers`, `query` and `peer` as the transport told them. `options["source"]`: the fields of Source;
    `options["proved"]`: True, or why SNS is not believed to have sent it.
    """
    envelope = arrival["envelope"]
    source = Source(**options["source"])
    peer = envelope.get("peer", "")
    notes: list[str] = []
    not_read = None
    if BATCH in envelope:
        messages = batches.unpack(raw)
        wrong: list[tuple[datetime, bytes, str]] = []
        found = list(_each(messages, source, peer, wrong))
        if wrong:
            notes.append(f"{len(wrong)} of {len(messages)} messages were not understood: {wrong[0][-1]}")
            not_read = NotRead(
                raw=batches.pack(hashlib.sha256(raw).hexdigest(), [(at, one) for at, one, _ in wrong]),
                messages=len(wrong),
                error=wrong[0][-1],
            )
    else:
        told = decode(
            raw,
            envelope.get("headers", {}),
            received_at=arrival["received_at"],
            peer=peer,
            query=envelope.get("query", {}),
        )
        if kinds.SIGNED in (source.kind, kind_of(told, source)) and options.get("proved") is not True:
            raise NotUnderstood(str(options.get("proved") or "nobody looked at its signature"))
        found = facts_of(told, source)
    return Inbound(
        channel=arrival["channel"],
        kind=Kind.ALERT,
        may_auto_reply=False,
        author=None,
        alerts=tuple(found),
        notes=tuple(notes),
        not_read=not_read,
    )


def _each(
    messages: Sequence[tuple[datetime, bytes]],
    source: Source,
    peer: str,
    wrong: list[tuple[datetime, bytes, str]],
) -> Iterator[AlertFact]:
    """The facts of messages that lie in one row. One that is not understood is put to `wrong`, and does not stop the others; all: NotUnderstood."""
    for at, raw in messages:
        try:
            yield from facts_of(Told(raw=raw, peer=peer, received_at=at), source)
        except NotUnderstood as error:
            wrong.append((at, raw, str(error)))
    if wrong and len(wrong) == len(messages):
        raise NotUnderstood(wrong[0][-1])


def alert_facts(asked: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """`main.py facts alerts`: `{"source": kind, "path": file}`, and as far as known `headers`, `peer`, `zone`, `received_at`, `mapping`, `rules`.

    Without `rules` every line of syslog is a fact: who asks wants to see what it says.
    """
    path = Path(asked["path"])
    at = asked.get("received_at")
    told = decode(
        path.read_bytes(),
        {name.lower(): value for name, value in (asked.get("headers") or _typical(path)).items()},
        received_at=datetime.fromisoformat(at) if at else datetime.now(UTC),
        peer=asked.get("peer", ""),
    )
    source = Source(
        name=asked["source"],
        kind=asked["source"],
        zone=asked.get("zone", "UTC"),
        mapping=asked.get("mapping", {}),
        rules=tuple(asked.get("rules", _EVERY_LINE)),
    )
    return [_plain(one) for one in facts_of(told, source)]


def _typical(path: Path) -> dict[str, str]:
    """What a file's name says of its content type."""
    return {"content-type": "application/x-www-form-urlencoded"} if path.suffix == ".form" else {}


def _plain(fact: AlertFact) -> dict[str, Any]:
    names = (
        "resource",
        "event",
        "severity",
        "status",
        "dedup_key",
        "started_at",
        "ended_at",
        "labels",
        "links",
    )
    told = {name: getattr(fact, name) for name in names}
    told |= {"severity": fact.severity.value, "status": fact.status.value, "links": list(fact.links)}
    told |= {
        "claimed_started_at": fact.claimed_started_at,
        "left_out": fact.left_out,
        "summary": fact.summary,
    }
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in told.items()}

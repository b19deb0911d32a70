"""Which sender is it, and what did it send? What a parser is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from core.alerting import AlertFact


class NotUnderstood(ValueError):
    """The message has another shape than the tool's. It is kept, and staff see it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A configured sender, as far as its words must be understood."""

    name: str
    kind: str
    zone: str = "UTC"
    """Of instants that say none."""
    severities: Mapping[str, str] = field(default_factory=dict)
    """Its own words to ours, before every other table; keys in lower case."""
    mapping: Mapping[str, str] = field(default_factory=dict)
    """Of kind `generic`: fact to the path of its value."""
    rules: tuple[Mapping[str, str], ...] = ()
    """Of kinds that carry lines: which of them are problems."""
    community: str = ""
    peers: tuple[str, ...] = ()
    """Addresses and networks it sends from, where nothing else proves who it is."""
    topics: tuple[str, ...] = ()
    """Of kind `aws-sns`: which topics may send."""
    reaches: tuple[str, ...] = ()
    """Networks that are not the internet's, and that may be called for it."""

    @property
    def time_zone(self) -> ZoneInfo:
        """The zone of instants that say none."""
        return ZoneInfo(self.zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One message of a source, decoded as far as that can be done without knowing the tool."""

    json: Any = None
    """Parsed body; None: it is no JSON."""
    form: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    """The body as text."""
    raw: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    query: Mapping[str, str] = field(default_factory=dict)
    peer: str = ""
    """Where it came from, an IP address."""
    received_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)


Parser = Callable[[Told, Source], Sequence[AlertFact]]
"""Raises NotUnderstood; any other ValueError, KeyError or TypeError counts as that too."""

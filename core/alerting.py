"""What does a device say? One fact for each problem that a message speaks of: plain values, whatever the tool behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """What a fact says of its problem."""

    FIRING = "firing"
    RESOLVED = "resolved"
    ACKNOWLEDGED = "acknowledged"
    """Somebody took it, at the source."""
    SUPPRESSED = "suppressed"
    """The source keeps silent about it: flapping, a dependency, a downtime."""
    MAINTENANCE = "maintenance"
    """Somebody works there, as the source says; with an end, they have finished."""
    NO_DATA = "no-data"
    """The source cannot tell. Not a recovery."""
    TEST = "test"
    """Somebody pressed a test button."""
    HEARTBEAT = "heartbeat"
    """All is well as long as it comes."""
    CONFIRMATION = "confirmation"
    """A service asks whether it may send here."""
    IGNORED = "ignored"
    """It has the shape of the tool, and tells nothing that anybody must know."""


class Severity(StrEnum):
    """How bad, worst first; `ok` is a recovery's, `unknown` is for the source's default to say."""

    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"
    WARNING = "warning"
    INFO = "info"
    OK = "ok"
    UNKNOWN = "unknown"

    def worse_than(self, other: Severity) -> bool:
        """Is this one worse?

        >>> Severity.MAJOR.worse_than(Severity.WARNING), Severity.UNKNOWN.worse_than(Severity.INFO)
        (True, False)
        """
        return _ORDER[self] < _ORDER[other]


_ORDER = {severity: rank for rank, severity in enumerate(Severity)}

KINDS = tuple(
    (
        "alertmanager auto aws-sns azure-monitor checkmk cloudevents email generic grafana graylog heartbeat icinga2 librenms nagios "
        "newrelic pagerduty-events pingdom prtg riemann snmp stackdriver syslog thousandeyes uptime-kuma vrealize wazuh zabbix"
    ).split()
)
"""Tools whose messages are understood (channels.monitoring.kinds), and `auto`: whichever of them its messages look like."""

BATCH = "batch"
"""In the envelope of what a device sent: so many of its messages lie in this row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """How fast a source may send: messages a second, and how many at once."""

    rate: int = 100
    burst: int = 2000


PACE = Agreed()
"""Of whom nothing else is agreed."""

PARTS = tuple(
    "key resource event severity status started_at ended_at summary text link address items".split()
)
"""What people say of a message whose tool nobody knows: where each part stands; `items`: the list that holds several alarms."""

WITHOUT_KEY = frozenset({Status.TEST, Status.CONFIRMATION, Status.IGNORED})
"""Of these no problem is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFact:
    """One problem of one source, as one message told it. Texts are cut at their limits; nothing in it is believed to be safe."""

    source: str
    """Name of the alert source."""
    status: Status
    event: str | None
    """The problem's name as the source gives it; the names of a pair may differ: linkDown, linkUp."""
    dedup_key: str | None
    """The same for firing and resolved of one problem, whatever its severity and its words; None: no problem is meant."""
    unless_key: str | None = None
    """Of what reads like an end, in words that may mean anything else: where nothing ever fired by `dedup_key`, it is a problem of this key."""
    resource: str | None = None
    """Device or object as the payload names it."""
    severity: Severity = Severity.UNKNOWN
    started_at: datetime | None = None
    """UTC. None: the payload gives none, or one that does not count: see `claimed_started_at`."""
    ended_at: datetime | None = None
    """Of `maintenance`: the work at the source was over then; None: it goes on."""
    work_over: bool = False
    """The tool says that work at it is over, and with `status` how it is now."""
    said_at: datetime | None = None
    """When its tool said it, where that is told apart from since when it is so. UTC, by the tool's clock, however far ahead that is."""
    tells_of_work: bool = False
    """It is said whether there is work or not, by a tool that says when that is over: it ends no work."""
    claimed_started_at: datetime | None = None
    """What the payload said, where it does not count: it lies so far ahead that a clock must be wrong, or the device says itself that its clock is not set."""
    claimed_ended_at: datetime | None = None
    summary: str = ""
    """One line for people, in the source's own words."""
    text: str = ""
    """What else it said for people."""
    labels: Mapping[str, str] = field(default_factory=dict)
    links: tuple[str, ...] = ()
    """http and https only."""
    address: str = ""
    """IP address or host that the device is reached at, where told."""
    every: float | None = None
    """Of a heartbeat: seconds within which the next one must come, where the payload says so."""
    left_out: int = 0
    """Problems of the same message that the source did not transmit."""
    notes: tuple[str, ...] = ()
    """What a reader should know: values that were cut, a clock that is not synchronised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """Where a tool takes what we say of its alarms."""

    url: str
    user: str = ""
    token: str = field(default="", repr=False)
    """Where the secret is: `env:NAME` or `file:PATH`. It is looked up when it is needed, and kept nowhere."""
    ca: str = ""
    """File of the authority that its certificate is signed by, where no public one is; PEM, one or several."""


DIGESTS = ("MD5", "SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512")
CIPHERS = ("DES", "AES", "AES-192", "AES-256", "AES-192-C", "AES-256-C")
"""By which users of SNMP version 3 sign and encrypt, as Net-SNMP calls them; -C: with keys made longer as Cisco does."""
TRAP_PASSWORD = 8
"""Characters of the secret of such a user, at least (RFC 3414, 11.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrapUser:
    """Somebody who sends traps by SNMP version 3."""

    source: str
    """The alert source that they report for."""
    peers: tuple[str, ...] = ()
    """Addresses and networks they send from; empty: any."""
    name: str
    auth: str = ""
    """Of DIGESTS; empty: they do not sign, and prove nothing."""
    auth_secret: str = field(default="", repr=False)
    """Where the secret is: `env:NAME` or `file:PATH`."""
    priv: str = ""
    """Of CIPHERS; empty: they do not encrypt."""
    priv_secret: str = field(default="", repr=False)


def trap_clock(boots: int, time: int) -> int:
    """The clock of an engine of SNMP as one number that only grows: how often it booted, and seconds since then.

    >>> trap_clock(1, 5) < trap_clock(1, 6) < trap_clock(2, 0)
    True
    """
    return boots << 31 | time


@dataclass(frozen=True, slots=True, kw_only=True)
class GoingBack:
    """One thing to say to a tool of one of its alarms."""

    kind: str
    """The tool: alertmanager, icinga2 or zabbix."""
    at: Interface
    reaches: tuple[str, ...]
    """Networks of ours that the source may be called in."""
    act: str
    """See core.rules.returning.Act."""
    mark: str
    """Stands in what is said."""
    text: str
    """One line for people, with the mark."""
    dedup_key: str
    resource: str
    event: str
    labels: Mapping[str, str]
    now: datetime

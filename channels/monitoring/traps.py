"""Which trap is which event? The table that ships with the hub: nothing is compiled from MIBs while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.alerting import Severity, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What a trap means."""

    oid: str
    name: str
    severity: Severity
    status: Status
    pair: str
    """What begins and what ends have the same one; it stands in the key."""
    by_index: bool
    """There may be one problem for each index (interface, neighbour, alarm)."""


_TABLE = """
1.3.6.1.6.3.1.1.5.1         coldStart                   warning   firing    coldStart
1.3.6.1.6.3.1.1.5.2         warmStart                   warning   firing    warmStart
1.3.6.1.6.3.1.1.5.3         linkDown                    major     firing    link[]
1.3.6.1.6.3.1.1.5.4         linkUp                      ok        resolved  link[]
1.3.6.1.6.3.1.1.5.5         authenticationFailure       info      firing    authenticationFailure
1.3.6.1.6.3.1.1.5.6         egpNeighborLoss             warning   firing    egp
1.3.6.1.2.1.14.16.2.2       ospfNbrStateChange          warning   firing    ospfNbr[]
1.3.6.1.2.1.15.7.1          bgpEstablished              ok        resolved  bgp[]
1.3.6.1.2.1.15.7.2          bgpBackwardTransition       major     firing    bgp[]
1.3.6.1.2.1.15.0.1          bgpEstablishedNotification  ok        resolved  bgp[]
1.3.6.1.2.1.15.0.2          bgpBackwardTransNotification major    firing    bgp[]
1.3.6.1.2.1.16.0.1          risingAlarm                 warning   firing    rmon[]
1.3.6.1.2.1.16.0.2          fallingAlarm                ok        resolved  rmon[]
1.3.6.1.2.1.17.0.1          newRoot                     warning   firing    newRoot
1.3.6.1.2.1.17.0.2          topologyChange              info      firing    topologyChange
1.3.6.1.2.1.33.2.1          upsTrapOnBattery            major     firing    upsOnBattery
1.3.6.1.2.1.33.2.2          upsTrapTestCompleted        info      firing    upsTest
1.3.6.1.2.1.33.2.3          upsTrapAlarmEntryAdded      major     firing    upsAlarm[]
1.3.6.1.2.1.33.2.4          upsTrapAlarmEntryRemoved    ok        resolved  upsAlarm[]
1.3.6.1.2.1.47.2.0.1        entConfigChange             info      firing    entConfigChange
1.3.6.1.4.1.8072.4.0.1      nsNotifyStart               info      firing    nsNotifyStart
1.3.6.1.4.1.8072.4.0.2      nsNotifyShutdown            warning   firing    nsNotifyShutdown
1.3.6.1.4.1.8072.4.0.3      nsNotifyRestart             info      firing    nsNotifyRestart
1.3.6.1.4.1.9.9.43.2.0.1    ciscoConfigManEvent         info      firing    ciscoConfigManEvent
1.3.6.1.4.1.318.0.1         communicationLost           major     firing    upsCommunication
1.3.6.1.4.1.318.0.8         communicationEstablished    ok        resolved  upsCommunication
1.3.6.1.4.1.318.0.2         upsOverload                 critical  firing    upsOverload
1.3.6.1.4.1.318.0.3         upsDiagnosticsFailed        major     firing    upsDiagnostics
1.3.6.1.4.1.318.0.10        upsDiagnosticsPassed        ok        resolved  upsDiagnostics
1.3.6.1.4.1.318.0.5         upsOnBattery                major     firing    upsOnBattery
1.3.6.1.4.1.318.0.9         powerRestored               ok        resolved  upsOnBattery
1.3.6.1.4.1.318.0.7         lowBattery                  critical  firing    upsLowBattery
1.3.6.1.4.1.318.0.11        returnFromLowBattery        ok        resolved  upsLowBattery
1.3.6.1.4.1.318.0.12        upsTurnedOff                critical  firing    upsTurnedOff
1.3.6.1.4.1.318.0.17        upsBatteryNeedsReplacement  warning   firing    upsBattery
"""
EVENTS: Mapping[str, Event] = {
    oid: Event(
        oid=oid,
        name=name,
        severity=Severity(severity),
        status=Status(status),
        pair=pair.removesuffix("[]"),
        by_index=pair.endswith("[]"),
    )
    for oid, name, severity, status, pair in (row.split() for row in _TABLE.strip().splitlines())
}

SYS_UP_TIME = "1.3.6.1.2.1.1.3.0"
TRAP_OID = "1.3.6.1.6.3.1.1.4.1.0"
TRAP_ADDRESS = "1.3.6.1.6.3.18.1.3.0"
TRAP_ENTERPRISE = "1.3.6.1.6.3.1.1.4.3.0"
IF_INDEX = "1.3.6.1.2.1.2.2.1.1"
IF_DESCRIPTION = "1.3.6.1.2.1.2.2.1.2"
IF_NAME = "1.3.6.1.2.1.31.1.1.1.1"
IF_ALIAS = "1.3.6.1.2.1.31.1.1.1.18"

NUMBERS: Mapping[str, str] = {
    "sysUpTime": SYS_UP_TIME.removesuffix(".0"),
    "sysUpTimeInstance": SYS_UP_TIME,
    "sysName": "1.3.6.1.2.1.1.5",
    "snmpTrapOID": TRAP_OID.removesuffix(".0"),
    "snmpTrapAddress": TRAP_ADDRESS.removesuffix(".0"),
    "snmpTrapEnterprise": TRAP_ENTERPRISE.removesuffix(".0"),
    "ifIndex": IF_INDEX,
    "ifDescr": IF_DESCRIPTION,
    "ifAdminStatus": "1.3.6.1.2.1.2.2.1.7",
    "ifOperStatus": "1.3.6.1.2.1.2.2.1.8",
    "ifName": IF_NAME,
    "ifAlias": IF_ALIAS,
    "upsAlarmId": "1.3.6.1.2.1.33.1.6.2.1.1",
    "enterprises": "1.3.6.1.4.1",
    **{event.name: event.oid for event in EVENTS.values()},
}
"""Names as snmptrapd writes them where it has the MIBs."""


def numeric(name: str) -> str:
    """The numbers of a name, as far as it is known; else the name.

    >>> numeric("IF-MIB::ifIndex.7"), numeric(".1.3.6.1.6.3.1.1.5.3"), numeric("iso.3.6.1"), numeric("X-MIB::odd.1")
    ('1.3.6.1.2.1.2.2.1.1.7', '1.3.6.1.6.3.1.1.5.3', '1.3.6.1', 'odd.1')
    """
    plain = name.rpartition("::")[2].lstrip(".")
    if plain.startswith("iso."):
        return "1." + plain[4:]
    first, dot, rest = plain.partition(".")
    return NUMBERS.get(first, first) + dot + rest

"""SNMP traps: a datagram, or what snmptrapd hands to a traphandle; what each means stands in channels.monitoring.traps."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from channels.monitoring import ber, traps, version_3
from channels.monitoring.fields import fact
from channels.monitoring.source import NotUnderstood, Source, Told
from core.alerting import AlertFact, Severity, Status

_HANDED = re.compile(rb"\A[^\n]{0,300}\n(?:UDP|TCP|DTLS|TLS|SSH|UNIX|<UNKNOWN>)[^\n]{0,300}(?:\n|\Z)")
_FROM = re.compile(r"\[([0-9A-Fa-f:.%\w]{2,60})\](?::\d+)?->|^\w+(?:/IPv6)?: \[([0-9A-Fa-f:.]{2,60})\]")
_IF_ROWS = re.compile(r"1\.3\.6\.1\.2\.1\.(?:2\.2\.1|31\.1\.1\.1)\.\d+\.(\d+)")
_BY_VALUE = {"upsAlarm": "1.3.6.1.2.1.33.1.6.2.1.1", "ospfNbr": "1.3.6.1.2.1.14.10.1.1."}
_OSPF_STATE, _OSPF_FULL = "1.3.6.1.2.1.14.10.1.6", "8"


def parse(told: Told, source: Source) -> Sequence[AlertFact]:
    """One fact, known by device and event; of links by device and ifIndex. Raises NotUnderstood."""
    if _HANDED.match(told.raw):
        device, oid, varbinds = _handed(told.raw.decode("utf-8", "replace"))
        return [_fact(told, source, oid, varbinds, device=device, named=f"{device} ")]
    trap = version_3.trap(told.raw) if ber.version(told.raw) == 3 else ber.trap(told.raw)
    device = trap.agent or told.peer
    return [_fact(told, source, trap.oid, trap.varbinds, device=device, named="", engine=trap.engine)]


def _handed(text: str) -> tuple[str, str, list[tuple[str, str]]]:
    """Device, OID and variables of a host line, a transport line, and lines of an OID and a value."""
    host, transport, *rest = text.splitlines()
    varbinds: list[tuple[str, str]] = []
    for one in rest:
        name, _, value = one.strip().partition(" ")
        if name and len(varbinds) < ber.VARBINDS:
            varbinds.append((traps.numeric(name), value.strip().strip('"')))
    found = dict(varbinds)
    if traps.TRAP_OID not in found:
        raise NotUnderstood("snmpTrapOID.0 is missing")
    sender = _FROM.search(transport)
    address = (sender[1] or sender[2]) if sender else ""
    device = found.get(traps.TRAP_ADDRESS) or address or host.strip().strip("<>")
    kept = [one for one in varbinds if one[0] not in (traps.SYS_UP_TIME, traps.TRAP_OID)]
    return device, traps.numeric(found[traps.TRAP_OID]), kept


def _fact(
    told: Told,
    source: Source,
    oid: str,
    varbinds: Sequence[tuple[str, str]],
    *,
    device: str,
    named: str,
    engine: str = "",
) -> AlertFact:
    event = traps.EVENTS.get(oid)
    values = dict(varbinds)
    if event is None:
        status, severity, key = Status.FIRING, Severity.UNKNOWN, oid
    else:
        status, severity, key = event.status, event.severity, event.pair
    resource, index = device, ""
    if event is not None and event.by_index:
        if event.pair == "link":
            index, resource = _link(values, named)
        else:
            index = _index(event, varbinds)
        key += f":{index}"
        if _ospf_full(values):
            status, severity = Status.RESOLVED, Severity.OK
    name = event.name if event else oid
    return fact(
        told,
        source,
        status=status,
        event=name,
        key=f"snmp:{device}:{key}",
        resource=resource,
        severity=source.severities.get(name.lower(), severity) if status is Status.FIRING else severity,
        # Whose interface it is must be read where nobody knows the device by its address, too.
        summary=f"{name} {resource}" if device in resource else f"{name} {resource} ({device})",
        text="\n".join(f"{one} {value}" for one, value in varbinds),
        labels={"oid": oid, "device": device} | ({"engine": engine} if engine else {}) | values,
        address=device,
    )


def _link(values: Mapping[str, str], named: str) -> tuple[str, str]:
    """ifIndex and what to call it: the value of ifIndex, else the index of whatever is told of the interface."""
    index = name = ""
    for oid, value in values.items():
        row = _IF_ROWS.fullmatch(oid)
        if row is None:
            continue
        if oid.startswith(traps.IF_INDEX + "."):
            index = value
        index = index or row[1]
        if oid.startswith((traps.IF_NAME + ".", traps.IF_DESCRIPTION + ".")):
            name = name or value
    return index, f"{named}ifIndex {index}" + (f" ({name})" if name else "")


def _index(event: traps.Event, varbinds: Sequence[tuple[str, str]]) -> str:
    """Which neighbour or alarm: the end of the first variable's OID; for some the value of one."""
    if not varbinds:
        return ""
    if event.pair in _BY_VALUE:
        return next((value for oid, value in varbinds if oid.startswith(_BY_VALUE[event.pair])), "")
    return ".".join(varbinds[0][0].split(".")[10:])


def _ospf_full(values: Mapping[str, str]) -> bool:
    return any(oid.startswith(_OSPF_STATE) and value == _OSPF_FULL for oid, value in values.items())

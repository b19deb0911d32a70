"""What does a datagram of SNMP contain? Traps and informs, taken apart within strict limits (RFC 1157, 3416). What is around them in version 3: version_3."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from channels.monitoring.source import NotUnderstood
from channels.monitoring.traps import SYS_UP_TIME, TRAP_ADDRESS, TRAP_OID

SIZE = 65507  # bytes of a datagram
VARBINDS = 256  # of one trap
_ARCS = 128  # numbers of an OID (RFC 2578, 3.5)
RESPONSE, _V1, INFORM, TRAP, REPORT = 0xA2, 0xA4, 0xA6, 0xA7, 0xA8
_UNSIGNED = frozenset({0x41, 0x42, 0x43, 0x46, 0x47})  # Counter32, Gauge32, TimeTicks, Counter64, UInteger32
_NOTHING = {0x05: "", 0x80: "noSuchObject", 0x81: "noSuchInstance", 0x82: "endOfMibView"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trap:
    """One trap or inform. OIDs in numbers, without a dot in front."""

    community: str
    oid: str
    """What happened; of version 1 put together by RFC 3584, 3.1."""
    varbinds: tuple[tuple[str, str], ...]
    """Without sysUpTime.0 and snmpTrapOID.0."""
    version: int
    """1, 2 or 3."""
    agent: str = ""
    """Who sent it, where the trap says so itself: snmpTrapAddress.0 of a proxy, else version 1's field unless it is 0.0.0.0."""
    up_time: int | None = None
    """Hundredths of a second that the device has been running."""
    request: int | None = None
    """Of an inform, which wants an answer: its number."""
    engine: str = ""
    """Of version 3: the engine that speaks, in hexadecimal numbers, where it says so; it stays the same when an address changes."""


def trap(raw: bytes) -> Trap:
    """The trap of one datagram of version 1 or 2c. Raises NotUnderstood."""
    try:
        version, community, at = _head(raw)
        tag, at, end = header(raw, at, len(raw))
        if end != len(raw):
            raise NotUnderstood("bytes follow where the trap ends")
        if tag == _V1 and version == 0:
            return _version_1(raw, at, end, community)
        if tag in (TRAP, INFORM) and version == 1:
            return version_2(raw, at, end, community, inform=tag == INFORM)
    except IndexError:
        raise NotUnderstood("the datagram ends too early") from None
    raise NotUnderstood(f"it is no trap: a message of type {tag:#04x} in version {version}")


def community(raw: bytes) -> str:
    """The community string: who sends, as far as versions 1 and 2c prove anything. Raises NotUnderstood."""
    try:
        return _head(raw)[1]
    except IndexError:
        raise NotUnderstood("the datagram ends too early") from None


def answer(raw: bytes) -> bytes:
    """The answer to an inform: the same with another type (RFC 3416, 4.2.7). Raises NotUnderstood: it is none."""
    if trap(raw).request is None:
        raise NotUnderstood("nobody waits for an answer to a trap")
    _, _, at = _head(raw)
    return raw[:at] + bytes([RESPONSE]) + raw[at + 1 :]


def _head(raw: bytes) -> tuple[int, str, int]:
    """Version as it is written, community, where the rest begins."""
    if len(raw) > SIZE:
        raise NotUnderstood(f"the datagram has {len(raw)} bytes: {SIZE} is the limit")
    tag, at, end = header(raw, 0, len(raw))
    if tag != 0x30 or end != len(raw):
        raise NotUnderstood("it is no message of SNMP")
    tag, at, stop = header(raw, at, end)
    version = integer(raw, at, stop)
    if tag != 0x02 or version not in (0, 1, 3):
        raise NotUnderstood(f"SNMP has no version {version}")
    if version == 3:
        raise NotUnderstood("a message of version 3 has no community")
    tag, at, end = header(raw, stop, end)
    if tag != 0x04:
        raise NotUnderstood("the community is missing")
    return version, raw[at:end].decode("utf-8", "replace"), end


def version(raw: bytes) -> int:
    """As it is written: 0, 1 or 3; -1: it says none."""
    try:
        _, at, end = header(raw, 0, len(raw))
        tag, at, stop = header(raw, at, end)
        return integer(raw, at, stop) if tag == 0x02 else -1
    except (IndexError, NotUnderstood):
        return -1


def header(raw: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Tag, where the content begins and ends. Only definite lengths, only what fits into its container.

    Raises NotUnderstood, and IndexError: the datagram ends too early.
    """
    tag, length = raw[at], raw[at + 1]
    at += 2
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4:
            raise NotUnderstood("a length is indefinite or too large")
        length = int.from_bytes(raw[at : at + count], "big")
        at += count
    stop = at + length
    if stop > end:
        raise NotUnderstood("a part is longer than what it is in")
    return tag, at, stop


def integer(raw: bytes, at: int, end: int, *, signed: bool = True) -> int:
    """A number. Raises NotUnderstood."""
    if not 1 <= end - at <= 9:
        raise NotUnderstood("a number has more than 64 bits, or none")
    return int.from_bytes(raw[at:end], "big", signed=signed)


@lru_cache(maxsize=4096)
def _oid(content: bytes) -> str:
    """Devices send the same few again and again."""
    if not content or content[-1] & 0x80:
        raise NotUnderstood("an OID ends in the middle of a number")
    arcs: list[int] = []
    number = 0
    for byte in content:
        number = number << 7 | byte & 0x7F
        if number > 0xFFFFFFFF or len(arcs) > _ARCS:
            raise NotUnderstood("an OID has a number too large, or too many")
        if not byte & 0x80:
            if not arcs:
                first = min(number // 40, 2)
                arcs.append(first)
                number -= 40 * first
            arcs.append(number)
            number = 0
    return ".".join(map(str, arcs))


def written(tag: int, content: bytes) -> bytes:
    """A part of a message.

    >>> written(0x04, b"up").hex()
    '04027570'
    """
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + content


def number(value: int, tag: int = 0x02) -> bytes:
    """A number, written in as few bytes as it has.

    >>> number(-129).hex(), number(128).hex()
    ('0202ff7f', '02020080')
    """
    bits = value.bit_length() if value >= 0 else (value + 1).bit_length()
    return written(tag, value.to_bytes(bits // 8 + 1, "big", signed=True))


def _value(raw: bytes, tag: int, at: int, end: int) -> str:
    """Any value as text; octets that are no text as hexadecimal numbers."""
    if tag == 0x04:
        return _octets(raw[at:end])
    if tag == 0x02:
        return str(integer(raw, at, end))
    if tag == 0x06:
        return _oid(raw[at:end])
    if tag in _UNSIGNED:
        return str(integer(raw, at, end, signed=False))
    if tag == 0x40:
        return ".".join(map(str, raw[at:end]))
    return _NOTHING[tag] if tag in _NOTHING else raw[at:end].hex(":")


def _octets(content: bytes) -> str:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    text = text.rstrip("\0")
    if text.isprintable() or all(one.isprintable() or one in "\r\n\t" for one in text):
        return text
    return content.hex(":")


def _varbinds(raw: bytes, at: int, end: int) -> list[tuple[str, str]]:
    tag, at, stop = header(raw, at, end)
    if tag != 0x30 or stop != end:
        raise NotUnderstood("the list of variables is missing")
    found: list[tuple[str, str]] = []
    while at < end:
        tag, at, stop = header(raw, at, end)
        if tag != 0x30 or len(found) >= VARBINDS:
            raise NotUnderstood(f"a variable is none, or there are more than {VARBINDS}")
        tag, name, middle = header(raw, at, stop)
        if tag != 0x06:
            raise NotUnderstood("a variable has no OID")
        kind, value, last = header(raw, middle, stop)
        found.append((_oid(raw[name:middle]), _value(raw, kind, value, last)))
        at = stop
    return found


def version_2(raw: bytes, at: int, end: int, community: str, *, inform: bool) -> Trap:
    """What lies in a trap or inform of version 2, as version 3 sends it too. Raises NotUnderstood, IndexError."""
    numbers = []
    for _ in range(3):  # number, error, where the error is
        _, at, stop = header(raw, at, end)
        numbers.append(integer(raw, at, stop))
        at = stop
    varbinds = _varbinds(raw, at, end)
    found = dict(varbinds)
    if TRAP_OID not in found:
        raise NotUnderstood("snmpTrapOID.0 is missing")
    ticks = found.get(SYS_UP_TIME, "")
    return Trap(
        community=community,
        oid=found[TRAP_OID],
        varbinds=tuple(one for one in varbinds if one[0] not in (SYS_UP_TIME, TRAP_OID)),
        version=2,
        agent=found.get(TRAP_ADDRESS, ""),
        up_time=int(ticks) if ticks.isdecimal() else None,
        request=numbers[0] if inform else None,
    )


def _version_1(raw: bytes, at: int, end: int, community: str) -> Trap:
    tag, at, stop = header(raw, at, end)
    enterprise = _oid(raw[at:stop])
    kind, at, stop = header(raw, stop, end)
    agent = raw[at:stop]
    if tag != 0x06 or kind != 0x40 or len(agent) != 4:
        raise NotUnderstood("enterprise or agent address is missing")
    numbers = []
    for _ in range(3):  # generic, specific, time
        _, at, stop = header(raw, stop, end)
        numbers.append(integer(raw, at, stop))
    generic, specific, ticks = numbers
    varbinds = _varbinds(raw, stop, end)
    own = ".".join(map(str, agent)) if any(agent) else ""
    return Trap(
        community=community,
        oid=f"1.3.6.1.6.3.1.1.5.{generic + 1}" if 0 <= generic <= 5 else f"{enterprise}.0.{specific}",
        varbinds=tuple(varbinds),
        version=1,
        agent=dict(varbinds).get(TRAP_ADDRESS, "") or own,
        up_time=ticks,
    )

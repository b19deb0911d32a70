"""What stands around a trap in version 3 of SNMP? The message is taken apart and put together; whether it is to be believed: engine (RFC 3412, 6; RFC 3414, 2.4)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from channels.monitoring import ber
from channels.monitoring.ber import Trap
from channels.monitoring.source import NotUnderstood

AUTH, PRIV, REPORTABLE = 0x01, 0x02, 0x04
"""Bits of the flags."""
MOST = 2**31 - 1
"""Of every number in the head; a counter of boots that reached it says nothing any more (RFC 3414, 2.2.2)."""
LEAST_SIZE = 484
"""Bytes that everybody takes."""
_USM = 3
_SEQUENCE, _OCTETS = 0x30, 0x04
_ENGINE = range(5, 33)  # bytes
_NAME = 32  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message, as it lies on the wire."""

    number: int
    max_size: int
    """Bytes that its sender takes."""
    flags: int
    engine: bytes
    """Of who is right about the time: of a trap its sender, of an inform we. Empty: it asks who we are."""
    boots: int
    time: int
    """Seconds since it booted."""
    user: bytes
    mac: bytes = b""
    salt: bytes = b""
    content: bytes
    """Encrypted, or what `inside` takes apart."""
    mac_at: int = 0
    """Where the digest stands in the bytes it was taken from."""

    @property
    def level(self) -> int:
        """AUTH, PRIV, both or neither."""
        return self.flags & (AUTH | PRIV)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """What a message carries: the scoped PDU."""

    engine: bytes
    """Of who speaks."""
    context: bytes
    tag: int
    pdu: bytes
    """Without tag and length."""


def taken_apart(raw: bytes) -> Message:
    """The message of a datagram. Raises NotUnderstood."""
    if len(raw) > ber.SIZE:
        raise NotUnderstood(f"the datagram has {len(raw)} bytes: {ber.SIZE} is the limit")
    try:
        return _message(raw)
    except IndexError:
        raise NotUnderstood("the datagram ends too early") from None


def _message(raw: bytes) -> Message:
    at, end = _part(raw, 0, len(raw), _SEQUENCE)
    if end != len(raw):
        raise NotUnderstood("bytes follow where the message ends")
    version, at = _number(raw, at, end)
    start, stop = _part(raw, at, end, _SEQUENCE)
    number, at = _number(raw, start, stop)
    max_size, at = _number(raw, at, stop)
    first, last = _part(raw, at, stop, _OCTETS)
    model, at = _number(raw, last, stop)
    if version != 3 or last - first != 1 or at != stop:
        raise NotUnderstood("the head is none of version 3")
    flags = raw[first]
    if model != _USM or flags & (AUTH | PRIV) == PRIV or max_size < LEAST_SIZE:
        raise NotUnderstood(f"security model {model} with flags {flags} and {max_size} bytes is not spoken")
    start, stop = _part(raw, stop, end, _OCTETS)
    inner, last = _part(raw, start, stop, _SEQUENCE)
    if last != stop:
        raise NotUnderstood("bytes follow the security parameters")
    first, at = _part(raw, inner, last, _OCTETS)
    engine = raw[first:at]
    boots, at = _number(raw, at, last)
    time, at = _number(raw, at, last)
    first, at = _part(raw, at, last, _OCTETS)
    user = raw[first:at]
    mac_at, mac_end = _part(raw, at, last, _OCTETS)
    first, at = _part(raw, mac_end, last, _OCTETS)
    if at != last or (engine and len(engine) not in _ENGINE) or len(user) > _NAME:
        raise NotUnderstood("the security parameters are none")
    start, end_of_content = _part(raw, stop, end, _OCTETS if flags & PRIV else _SEQUENCE)
    if end_of_content != end:
        raise NotUnderstood("bytes follow what the message carries")
    return Message(
        number=number,
        max_size=max_size,
        flags=flags,
        engine=engine,
        boots=boots,
        time=time,
        user=user,
        mac=raw[mac_at:mac_end],
        salt=raw[first:at],
        content=raw[start:end] if flags & PRIV else raw[stop:end],
        mac_at=mac_at,
    )


def inside(content: bytes) -> Inside:
    """What a message carries, decrypted; what fills the last block may follow (RFC 3414, 8.1.1.2). Raises NotUnderstood."""
    try:
        at, end = _part(content, 0, len(content), _SEQUENCE)
        first, stop = _part(content, at, end, _OCTETS)
        second, last = _part(content, stop, end, _OCTETS)
        tag, start, over = ber.header(content, last, end)
    except IndexError:
        raise NotUnderstood("what the message carries ends too early") from None
    if over != end:
        raise NotUnderstood("bytes follow where the trap ends")
    return Inside(engine=content[first:stop], context=content[second:last], tag=tag, pdu=content[start:over])


def put_together(message: Message) -> bytes:
    """The datagram of a message."""
    return b"".join(_written(message))


def place_of_mac(message: Message) -> int:
    """Where the digest stands in `put_together(message)`."""
    before, _, _ = _written(message)
    return len(before)


def _written(message: Message) -> tuple[bytes, bytes, bytes]:
    """What stands before the digest, the digest, and what follows."""
    head = ber.written(
        _SEQUENCE,
        ber.number(message.number)
        + ber.number(message.max_size)
        + ber.written(_OCTETS, bytes((message.flags,)))
        + ber.number(_USM),
    )
    mac = ber.written(_OCTETS, message.mac)
    salt = ber.written(_OCTETS, message.salt)
    told = (
        ber.written(_OCTETS, message.engine)
        + ber.number(message.boots)
        + ber.number(message.time)
        + ber.written(_OCTETS, message.user)
    )
    security = ber.written(_OCTETS, ber.written(_SEQUENCE, told + mac + salt))
    content = ber.written(_OCTETS, message.content) if message.flags & PRIV else message.content
    whole = ber.written(_SEQUENCE, ber.number(3) + head + security + content)
    after = len(salt) + len(content)
    start = len(whole) - after - len(message.mac)
    return whole[:start], message.mac, whole[len(whole) - after :]


def scoped(found: Inside) -> bytes:
    """What a message carries, written."""
    return ber.written(
        _SEQUENCE,
        ber.written(_OCTETS, found.engine)
        + ber.written(_OCTETS, found.context)
        + ber.written(found.tag, found.pdu),
    )


def opened(message: Message, content: bytes) -> bytes:
    """The message as it is kept: decrypted, without its digest. Who reads it later needs no key, and an old one is none to lose."""
    found = inside(content)
    return put_together(replace(message, flags=0, mac=b"", salt=b"", content=scoped(found)))


def trap(raw: bytes) -> Trap:
    """The trap of a message that was opened. Raises NotUnderstood."""
    message = taken_apart(raw)
    if message.level:
        raise NotUnderstood("it is signed or encrypted: send it to the port for SNMP, which knows the keys")
    found = told(inside(message.content))
    # Net-SNMP names us as the engine that speaks, where it sends an inform.
    return (
        replace(found, engine="")
        if found.request is not None and found.engine == message.engine.hex()
        else found
    )


def told(found: Inside) -> Trap:
    """The trap in it. Raises NotUnderstood."""
    if found.tag not in (ber.TRAP, ber.INFORM):
        raise NotUnderstood(f"it is no trap: a message of type {found.tag:#04x} in version 3")
    try:
        plain = ber.version_2(found.pdu, 0, len(found.pdu), "", inform=found.tag == ber.INFORM)
    except IndexError:
        raise NotUnderstood("the datagram ends too early") from None
    return replace(plain, version=3, engine=found.engine.hex())


def _part(raw: bytes, at: int, end: int, tag: int) -> tuple[int, int]:
    found, start, stop = ber.header(raw, at, end)
    if found != tag:
        raise NotUnderstood(f"a part of type {found:#04x} stands where {tag:#04x} should")
    return start, stop


def _number(raw: bytes, at: int, end: int) -> tuple[int, int]:
    start, stop = _part(raw, at, end, 0x02)
    value = ber.integer(raw, start, stop)
    if not 0 <= value <= MOST:
        raise NotUnderstood(f"{value} is no number that may stand in a head")
    return value, stop

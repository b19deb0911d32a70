"""How does the hub say something to itself by the ways of devices, and how is that told from what devices say?

A line or a trap that holds a knock. Whoever finds one hands it in by itself, as the source that it names and with the secret that it
brings: that nobody else knocks is for the door to see. It is sent from the very address that it is sent to, so that it leaves this machine
nowhere.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from contextlib import suppress

from channels.monitoring import own_certificate
from core.channel import Knock

WITHIN = 10.0  # seconds for a connection
_FORM = re.compile(rb"centralino-knock ([a-z-]{1,40}) ([0-9a-f-]{36}) (\w{1,100})")
_SYSLOG_INFO = 5 * 8 + 6  # a syslogd speaks of itself (RFC 5424, 6.2.1)
_VERSION_2C, _TRAP = b"\x02\x01\x01", 0xA7
_NUMBERS = b"\x02\x01\x00" * 3  # which request, which error and where: there are none
_COLD_START = bytes.fromhex(
    "3028300d06082b060102010103004301003017060a2b06010603010104010006092b0601060301010501"
)
"""sysUpTime.0 is 0, snmpTrapOID.0 is coldStart: what no trap goes without (RFC 3416, 4.2.6)."""


def found(raw: bytes) -> Knock | None:
    """What a message knocks with; None: it is a device's.

    >>> found(line(Knock(source="hub", id="0" * 36, secret="s3cret")))
    Knock(source='hub', id='000000000000000000000000000000000000')
    >>> found(b"<13>centralino-knock") is None
    True
    """
    said = _FORM.search(raw) if b"centralino-knock" in raw else None
    return (
        Knock(**dict(zip(("source", "id", "secret"), map(bytes.decode, said.groups()), strict=True)))
        if said
        else None
    )


def line(knock: Knock) -> bytes:
    """A line of syslog (RFC 5424)."""
    return b"<%d>1 - - centralino - knock - %s" % (_SYSLOG_INFO, _words(knock))


def trap(knock: Knock) -> bytes:
    """A trap of version 2c; the community is the knock."""
    body = _part(_TRAP, _NUMBERS + _COLD_START)
    return _part(0x30, _VERSION_2C + _part(0x04, _words(knock)) + body)


def datagram(raw: bytes, host: str, port: int) -> None:
    """Send it. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as out:
        out.bind((host, 0))
        out.sendto(raw, (host, port))


async def stream(raw: bytes, host: str, port: int, *, tls: bool, shows: bytes = b"") -> None:
    """Send it, preceded by its length as TLS wants it (RFC 5425, 4.3). `shows`: of which the certificate is made that is shown. Raises OSError."""
    context = None
    if tls:  # its certificate is for the name that others call it by; we called an address of this machine
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if shows:
            own_certificate.shown(context, shows)
    async with asyncio.timeout(WITHIN):
        _, out = await asyncio.open_connection(host, port, local_addr=(host, 0), ssl=context)
        try:
            out.write(b"%d %s" % (len(raw), raw))
            await out.drain()
        finally:
            out.close()
            with suppress(OSError):
                await out.wait_closed()


def _words(knock: Knock) -> bytes:
    return f"centralino-knock {knock.source} {knock.id} {knock.secret}".encode()


def _part(tag: int, content: bytes) -> bytes:
    """A value of BER with a definite length, of at most 255 bytes."""
    length = len(content)
    return bytes([tag, length] if length < 0x80 else [tag, 0x81, length]) + content

"""Is a text an address of a network, and does it lie in one of those that somebody named?"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Network, ip_address, ip_network

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - what settings may say, and nobody listens at here


def is_address(text: str) -> bool:
    """An IP address, of either version, and nothing else.

    >>> is_address("192.0.2.1"), is_address("::1"), is_address("mx.acme.test")
    (True, True, False)
    """
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Is it this machine, by an address of its own or the one name that needs no DNS (RFC 6761 6.3)?

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost"), is_loopback("localhost.evil.test")
    (True, True, True, False)
    """
    try:
        return host.lower() == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def overlap(one: str, other: str) -> bool:
    """Would two who listen at these hosts, on the same port, be in each other's way?

    All of a version (0.0.0.0, ::) is its addresses; of a name other than localhost only what is sure.

    >>> overlap("0.0.0.0", "127.0.0.1"), overlap("::", "::1"), overlap("localhost", "127.0.0.1"), overlap("mx", "0.0.0.0")
    (True, True, True, True)
    >>> overlap("192.0.2.5", "127.0.0.1"), overlap("::", "127.0.0.1"), overlap("mx", "127.0.0.1")
    (False, False, False)
    """
    if one == other:
        return True
    for host, beside in ((one, other), (other, one)):
        if not is_address(host):
            every = beside in EVERYWHERE
            return every or (is_loopback(host) and is_loopback(beside))
    first, second = ip_address(one), ip_address(other)
    return first.version == second.version and (
        first == second or first.is_unspecified or second.is_unspecified
    )


@lru_cache(maxsize=4096)
def among(peer: str, networks: tuple[str, ...]) -> bool:
    """Does it lie in one of these networks? One of version 4 as version 6 writes it is that of version 4.

    >>> among("::ffff:192.0.2.1", ("192.0.2.0/24",)), among("nobody", ("0.0.0.0/0",))
    (True, False)
    """
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in ip_network(network, strict=False) for network in networks)


@lru_cache(maxsize=4096)
def counted_as(peer: str) -> str:
    """What a limit for one peer counts: of version 6 its /64, which is what one line is given (RFC 6177); anything else as it is.

    >>> counted_as("2001:db8:0:7:a::1"), counted_as("192.0.2.1"), counted_as("::ffff:192.0.2.1"), counted_as("::1")
    ('2001:db8:0:7::/64', '192.0.2.1', '192.0.2.1', '::1')
    """
    try:
        address = ip_address(peer)
    except ValueError:
        return peer
    if isinstance(address, IPv4Address) or address.is_loopback:
        return peer
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address) >> 64 << 64, 64)))

"""Where will this hub listen, and can it? Asked once before anything starts, so that a taken port is one clear line."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Place = tuple[str, int]
"""Host and port; port 0 means any free one."""
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - where one listens, and where one is asked then


class CannotListen(Exception):
    """Each place that cannot be listened on, a line for each: which setting, why, and what to do."""


def free(wanted: Mapping[str, Place]) -> dict[str, int]:
    """The port of each place, found where it was 0. Keys are the settings that named them.

    Between this and the real listening somebody else may take a port: then that part is down and says so.
    Raises CannotListen.
    """
    found: dict[str, int] = {}
    wrong: list[str] = []
    held: list[socket.socket] = []  # until the end, so that no two places are given the same free port
    try:
        for setting, (host, port) in wanted.items():
            try:
                taken = _listen(host, port)
            except OSError as error:
                wrong.append(f"{setting}: {host}:{port} {why(error)}")
            else:
                held += taken
                found[setting] = int(taken[0].getsockname()[1])
    finally:
        for one in held:
            one.close()
    if wrong:
        raise CannotListen("\n".join(wrong))
    return found


def hold(places: Iterable[Place]) -> list[socket.socket]:
    """Keep the places for processes that will share them, as long as these sockets are open. Raises OSError.

    They do not listen, so that no client is given to them, and keep out everybody who does not share.
    """
    held: list[socket.socket] = []
    for host, port in places:
        for family, address in _addresses(host, port):
            one = socket.socket(family, socket.SOCK_STREAM)
            held.append(one)
            for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
                one.setsockopt(socket.SOL_SOCKET, option, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind(address)
    return held


def _addresses(host: str, port: int) -> Iterator[tuple[int, tuple[Any, ...]]]:
    for family, _, _, _, address in socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    ):
        yield family, address


def _listen(host: str, port: int) -> list[socket.socket]:
    """On every address of the host, as the listener will."""
    taken: list[socket.socket] = []
    try:
        for family, address in _addresses(host, port):
            at = (address[0], taken[0].getsockname()[1] if taken else port, *address[2:])
            taken.append(socket.create_server(at, family=family))
    except OSError:
        for one in taken:
            one.close()
        raise
    return taken


def reached(host: str) -> str:
    """Where on this machine somebody is asked who listens at `host`."""
    return _EVERYWHERE.get(host, host)


def why(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "is in use by another program: stop it, or choose another port"
    if error.errno == errno.EACCES:
        return "may not be used by this user: choose a port above 1023, or allow it"
    if error.errno == errno.EADDRNOTAVAIL:
        return "is no address of this machine"
    return f"cannot be listened on: {error.strerror or error}"

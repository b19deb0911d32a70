"""A name server that says what a test wants it to say, by UDP and TCP on loopback, in threads of its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

SILENT, BROKEN = "does not answer", "SERVFAIL"
UDP_BYTES = 1232


@dataclass
class NameServer:
    """`zone`: what is published, by name and kind, as in `{"acme.test TXT": ["v=spf1 -all"]}`.

    Anything else does not exist; a name with something of another kind has no such record. The one word SILENT or BROKEN
    in place of the records is how it behaves when asked.
    """

    zone: dict[str, list[str] | str] = field(default_factory=dict)
    ttl: int = 300
    asked: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    def publish(self, zone: Mapping[str, list[str] | str]) -> None:
        self.zone.update(zone)

    def answer(self, packet: bytes) -> bytes | None:
        query = dns.message.from_wire(packet)
        question = query.question[0]
        name, kind = (
            question.name.to_text(omit_final_dot=True).lower(),
            dns.rdatatype.to_text(question.rdtype),
        )
        self.asked.append(f"{name} {kind}")
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        for _ in range(20):
            found = self.zone.get(f"{name} {kind}")
            alias = self.zone.get(f"{name} CNAME")
            if found is None and alias is not None:
                response.answer.append(
                    dns.rrset.from_text(name + ".", self.ttl, "IN", "CNAME", alias[0] + ".")
                )
                name = alias[0]
                continue
            if found == SILENT:
                return None
            if found == BROKEN:
                response.set_rcode(dns.rcode.SERVFAIL)
            elif found is not None:
                texts = [_quoted(text) if kind == "TXT" else text for text in found]
                response.answer.append(dns.rrset.from_text(name + ".", self.ttl, "IN", kind, *texts))
            elif not any(known.partition(" ")[0] == name for known in self.zone):
                response.set_rcode(dns.rcode.NXDOMAIN)
            break
        return response.to_wire(max_size=65535)


def _quoted(text: str) -> str:
    pieces = [text[at : at + 250] for at in range(0, len(text), 250)] or [""]
    return " ".join('"' + piece.replace("\\", "\\\\").replace('"', '\\"') + '"' for piece in pieces)


@contextmanager
def running(zone: Mapping[str, list[str] | str] | None = None, *, ttl: int = 300) -> Iterator[NameServer]:
    server = NameServer(zone=dict(zone or {}), ttl=ttl)
    udp, tcp = _sockets()
    server.port = udp.getsockname()[1]
    ended = threading.Event()
    threads = [
        threading.Thread(target=_by_udp, args=(udp, server, ended), daemon=True),
        threading.Thread(target=_by_tcp, args=(tcp, server, ended), daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        yield server
    finally:
        ended.set()
        for thread in threads:
            thread.join(timeout=2)
        udp.close()
        tcp.close()


def _sockets() -> tuple[socket.socket, socket.socket]:
    for _ in range(20):  # the port that was free for the one may be taken for the other
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            tcp.bind(udp.getsockname())
        except OSError:
            udp.close()
            tcp.close()
            continue
        tcp.listen()
        udp.settimeout(0.05)
        tcp.settimeout(0.05)
        return udp, tcp
    raise OSError("no port is free for both")


def _by_udp(udp: socket.socket, server: NameServer, ended: threading.Event) -> None:
    while not ended.is_set():
        try:
            packet, peer = udp.recvfrom(65535)
        except TimeoutError:
            continue
        said = server.answer(packet)
        if said is None:
            continue
        if len(said) > UDP_BYTES:
            short = dns.message.make_response(dns.message.from_wire(packet))
            short.flags |= dns.flags.TC
            said = short.to_wire()
        udp.sendto(said, peer)


def _by_tcp(tcp: socket.socket, server: NameServer, ended: threading.Event) -> None:
    while not ended.is_set():
        try:
            client, _ = tcp.accept()
        except TimeoutError:
            continue
        with client:
            client.settimeout(2)
            size = int.from_bytes(_exactly(client, 2))
            said = server.answer(_exactly(client, size))
            if said is not None:
                client.sendall(len(said).to_bytes(2) + said)


def _exactly(client: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        piece = client.recv(size - len(got))
        if not piece:
            raise ConnectionError("the resolver hung up")
        got += piece
    return got

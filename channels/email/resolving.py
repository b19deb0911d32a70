"""What does a domain publish? Names are looked up in the DNS, in a thread, within limits of time and number.

Strangers name the domains, so that every answer is bounded: how long it takes, how large it is, how many there are. What
does not answer is told apart from what is not there (RFC 8020): the one is asked again later, the other is an answer.
"""

from __future__ import annotations

import asyncio
import threading
import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import dns.exception
import dns.message
import dns.name
import dns.nameserver
import dns.rdatatype
import dns.resolver
import dns.reversename

from core import addresses
from core.settings_values import ip_place

WITHIN = 5.0  # seconds for one name, and for all that one mail asks about
ONE_SERVER = 2.0  # seconds until the next name server is asked
LOOKUPS = 150  # for one mail, all its checks together
REMEMBERED = 10_000  # answers
BYTES = 16 * 1024 * 1024  # of all of them: strangers publish what they like under as many names as they like
OVERHEAD = 300  # bytes of an answer beside its words, and a third of that for each record
SWEEP = 60.0  # seconds between two looks for what may be forgotten
LONGEST = 3600.0  # seconds an answer is remembered, whatever its domain says
NOT_THERE = 300.0  # seconds, the same of what is not there (RFC 2308, 5)
SILENT = 15.0  # seconds in which who did not answer is not asked again
RECORDS = 100  # of one answer; what is beyond is not read
CHARACTERS = 4096  # of one TXT record; a longer one is no key, no policy and no list of senders
PORT = 53


class DnsError(Exception):
    """The name has no answer for us. Its words say which name, and what was asked."""


class NoAnswer(DnsError):
    """Nothing of this kind is published there. `missing`: the name itself does not exist (NXDOMAIN)."""

    def __init__(self, message: str, *, missing: bool = False) -> None:
        super().__init__(message)
        self.missing = missing


class DnsTemporary(DnsError):
    """Nobody could say just now: a time-out, SERVFAIL, or the lookups of this mail are used up. Asking later may help."""


class Names(ABC):
    """The questions. Each blocks: they are asked in a thread (`asyncio.to_thread`), never on the event loop.

    Names may be written with letters beyond ASCII. Each raises NoAnswer and DnsTemporary.
    """

    @abstractmethod
    def ask(self, name: str, kind: str) -> tuple[str, ...]:
        """The records of this kind, as text; see the methods below."""

    def txt(self, name: str) -> tuple[str, ...]:
        """Each TXT record as one text, its parts joined; each character is one byte."""
        return self.ask(name, "TXT")

    def a(self, name: str) -> tuple[str, ...]:
        """IPv4 addresses."""
        return self.ask(name, "A")

    def aaaa(self, name: str) -> tuple[str, ...]:
        """IPv6 addresses."""
        return self.ask(name, "AAAA")

    def mx(self, name: str) -> tuple[tuple[int, str], ...]:
        """Preference and host, the first choice first. A host of "." says that the domain takes no mail (RFC 7505)."""
        pairs = (record.partition(" ") for record in self.ask(name, "MX"))
        return tuple(sorted((int(preference), host) for preference, _, host in pairs))

    def ptr(self, address: str) -> tuple[str, ...]:
        """The names of an IP address. Raises ValueError for what is none."""
        return self.ask(dns.reversename.from_address(str(ip_address(address))).to_text(), "PTR")


@dataclass(frozen=True, slots=True)
class _Answer:
    until: float
    records: tuple[str, ...] = ()
    error: DnsError | None = None

    @property
    def size(self) -> int:
        """Bytes it takes, about."""
        return OVERHEAD + sum(len(record) + OVERHEAD // 3 for record in self.records)


class Resolver(Names):
    """Asks the name servers, and remembers what they said as long as they allow. One for the hub, for many threads."""

    def __init__(
        self,
        servers: Sequence[str] = (),
        *,
        within: float = WITHIN,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`servers`: `address` or `address:port`, IPv6 in brackets before a port; none: those of the system."""
        self._servers = [dns.nameserver.Do53Nameserver(*ip_place(server, port=PORT)) for server in servers]
        self._within = within
        self._clock = clock
        self._remembered: OrderedDict[tuple[str, str], _Answer] = OrderedDict()
        self._bytes = 0
        self._swept = clock()
        self._lock = threading.Lock()

    def ask(self, name: str, kind: str) -> tuple[str, ...]:
        """See Names."""
        return self.ask_within(name, kind, self._within)

    def ask_within(self, name: str, kind: str, within: float) -> tuple[str, ...]:
        """The same in at most so many seconds."""
        _not_on_the_loop()
        key = (addresses.domain(name), kind)
        found = self._known(key)
        if found is None:
            began = self._clock()
            found = self._found(key, within)
            hurried = isinstance(found.error, DnsTemporary) and self._clock() - began >= within < ONE_SERVER
            if not hurried:  # who had no time to answer is asked again as if for the first time
                self._remember(key, found)
        if found.error is not None:
            raise found.error.with_traceback(
                None
            )  # it is raised again and again, and would keep every caller
        return found.records

    def for_one_mail(self, *, within: float = WITHIN, lookups: int = LOOKUPS) -> Lookups:
        """The same questions with limits on all of them together: `within` seconds from now, and a number."""
        return Lookups(self, until=self._clock() + within, left=lookups, clock=self._clock)

    def _known(self, key: tuple[str, str]) -> _Answer | None:
        with self._lock:
            found = self._remembered.get(key)
            if found is None or found.until < self._clock():
                return None
            self._remembered.move_to_end(key)
            return found

    def _remember(self, key: tuple[str, str], found: _Answer) -> None:
        with self._lock:
            self._forget(key)
            self._remembered[key] = found
            self._bytes += found.size
            if (now := self._clock()) >= self._swept + SWEEP:
                self._swept = now
                for one in [one for one, known in self._remembered.items() if known.until < now]:
                    self._forget(one)
            while len(self._remembered) > REMEMBERED or self._bytes > BYTES:
                self._forget(next(iter(self._remembered)))

    def _forget(self, key: tuple[str, str]) -> None:
        gone = self._remembered.pop(key, None)
        self._bytes -= gone.size if gone is not None else 0

    def _found(self, key: tuple[str, str], within: float) -> _Answer:
        name, kind = key
        now = self._clock()
        if not name:
            return _Answer(now + NOT_THERE, error=NoAnswer("no name was given", missing=True))
        try:
            answer = self._stub().resolve(
                dns.name.from_text(name.encode("ascii").decode()),
                kind,
                lifetime=max(within, 0.001),
                search=False,
            )
        except dns.resolver.NXDOMAIN:
            return _Answer(
                now + NOT_THERE, error=NoAnswer(f"{name} does not exist (asked for {kind})", missing=True)
            )
        except dns.resolver.NoAnswer:
            return _Answer(now + NOT_THERE, error=NoAnswer(f"{name} has no {kind} record"))
        except (UnicodeError, dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel) as error:
            return _Answer(
                now + NOT_THERE, error=NoAnswer(f"{name[:100]!r} is no name: {error}", missing=True)
            )
        except (dns.exception.DNSException, OSError) as error:
            told = f"{type(error).__name__}: {error}"[:300]
            return _Answer(
                self._clock() + SILENT, error=DnsTemporary(f"nobody answers for {name} {kind}: {told}")
            )
        texts = [_text(kind, data) for data in list(answer)[:RECORDS]]
        records = sorted(text for text in texts if text is not None)  # servers give them in any order
        if not records:
            return _Answer(now + NOT_THERE, error=NoAnswer(f"{name} has no {kind} record that can be read"))
        return _Answer(now + min(float(answer.rrset.ttl if answer.rrset else 0), LONGEST), tuple(records))

    def _stub(self) -> dns.resolver.Resolver:
        stub = dns.resolver.Resolver(configure=not self._servers)
        if self._servers:
            stub.nameservers = self._servers
        stub.timeout = ONE_SERVER
        return stub


class Lookups(Names):
    """What one mail may still ask."""

    def __init__(self, resolver: Resolver, *, until: float, left: int, clock: Callable[[], float]) -> None:
        self._resolver = resolver
        self._until = until
        self._left = left
        self._clock = clock

    def ask(self, name: str, kind: str) -> tuple[str, ...]:
        """See Names. Beyond the limits every question is answered with DnsTemporary, at once."""
        seconds = self._until - self._clock()
        if seconds <= 0 or self._left <= 0:
            raise DnsTemporary(f"the lookups of this mail are used up; not asked: {name[:100]} {kind}")
        self._left -= 1
        return self._resolver.ask_within(name, kind, seconds)


def _text(kind: str, data: Any) -> str | None:
    """One record as text; None: nobody can mean that."""
    if kind == "TXT":
        joined = b"".join(data.strings)
        return joined.decode("latin-1") if len(joined) <= CHARACTERS else None
    if kind == "MX":
        return f"{data.preference} {_host(data.exchange)}"
    if kind in ("PTR", "CNAME"):
        return _host(data.target)
    return str(data.to_text())


def _host(name: dns.name.Name) -> str:
    return str(name.to_text(omit_final_dot=True)).lower() or "."


def _not_on_the_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError("names are looked up in a thread: await asyncio.to_thread(…)")

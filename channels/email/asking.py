"""What do the domains that a mail names publish? Everything that must be asked to judge a mail, in threads, in seconds.

Most names answer at once. Whose do not is asked again with more time, by other threads, so that strangers who make theirs slow
keep nobody else waiting. What comes back are answers as they were given, and what SPF makes of the peer; what they prove is for the reader
(`reading.origin`). Nobody waits for it who has something else to do: what is not there yet is fetched later.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter, OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import spf

from channels.email.resolving import WITHIN, DnsTemporary, Lookups, Names, NoAnswer, Resolver
from core import addresses
from core.log import get_logger
from core.networks import is_address

AT_ONCE, SLOW_AT_ONCE = 64, 32  # mails that are asked about: with little time, and once more with all of it
QUICK = 0.8  # seconds for the first try
KEPT = 1000  # mails whose answers are under way, or not yet fetched
GRACE = 0.5  # seconds; whose answers take longer is understood later, and holds up nobody
RECORDS = 4  # of one name that are kept: with the second policy or key there is none that counts
CHARACTERS = 16_384  # of records that are kept with one mail, whatever its domains publish
LONGEST = 500  # characters of a name or an address that SPF is asked about

log = get_logger("mail")

# Threads of their own: domains that do not answer must hold up nobody but themselves.
_threads = ThreadPoolExecutor(AT_ONCE, "names")
_slow_threads = ThreadPoolExecutor(SLOW_AT_ONCE, "slow-names")


class Asking:
    """Asks for many mails at once. One for the hub."""

    def __init__(self, resolver: Resolver, *, grace: float = GRACE) -> None:
        self._resolver = resolver
        self._grace = grace
        self._under_way: OrderedDict[str, asyncio.Task[dict[str, Any]]] = OrderedDict()
        self._waited_for: Counter[str] = Counter()

    async def answers(self, key: str, questions: Mapping[str, Any]) -> dict[str, Any] | None:
        """The answers for this mail (`key`); None: not yet, ask again. Cancelling it loses nothing."""
        asked = self._under_way.get(key)
        if asked is None:
            if not self._room():
                return None
            asked = asyncio.create_task(self._ask(questions), name="names-of-a-mail")
            self._under_way[key] = asked
        self._waited_for[key] += 1
        try:
            await asyncio.wait([asked], timeout=self._grace)
        finally:
            self._waited_for[key] -= 1
            if not self._waited_for[key]:
                del self._waited_for[key]
        if not asked.done():
            return None
        self._under_way.pop(key, None)
        return asked.result()

    def _room(self) -> bool:
        """Make room for one more mail. The oldest gives way, and is asked anew when it comes again: but none that is waited for."""
        while len(self._under_way) >= KEPT:
            oldest = next((key for key in self._under_way if key not in self._waited_for), None)
            if oldest is None:
                return False
            self._under_way.pop(oldest).cancel()
        return True

    async def _ask(self, questions: Mapping[str, Any]) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(_threads, ask, self._resolver, questions, QUICK)
        if not unanswered(found):
            return found
        return await loop.run_in_executor(_slow_threads, ask, self._resolver, questions)


def unanswered(found: Mapping[str, Any]) -> bool:
    """Is there anything that nobody could say?"""
    spf_words = [str((found.get(name) or {}).get("result")) for name in ("spf", "helo")]
    return None in (*found["txt"].values(), found["exists"]) or "temperror" in spf_words


def ask(resolver: Resolver, questions: Mapping[str, Any], within: float = WITHIN) -> dict[str, Any]:
    """Ask everything; blocks for `within` seconds at most. In JSON's own types, to be kept with the mail.

    `txt`: records by name that may be a policy or a key, an empty list where there are none, None where nobody answered; `exists`: the domain in From (None:
    nobody could say); `spf` and `helo`: `result`, `domain` and `why` of RFC 7208, the latter only beside a sender.
    """
    lookups = resolver.for_one_mail(within=within)
    txt = {name: _txt(lookups, name) for name in (*questions["policies"], *questions["keys"])}
    found: dict[str, Any] = {"txt": txt, "exists": True}
    if questions["exists"] and not any(txt.get(name) for name in questions["policies"][:1]):
        found["exists"] = _exists(lookups, questions["exists"])
    found["txt"] = _of_use(txt, set(questions["policies"]))
    peer, helo, sender = questions["peer"], _label(questions["helo"]), questions["sender"]
    if is_address(peer):
        found["spf"] = _spf(lookups, peer, sender, helo)
        if sender:
            found["helo"] = _spf(lookups, peer, "", helo)
    return found


def _of_use(txt: Mapping[str, list[str] | None], policies: set[str]) -> dict[str, list[str] | None]:
    """What a reader can use of it: anybody may publish anything under the names that their mail has us ask about."""
    found: dict[str, list[str] | None] = {}
    left = CHARACTERS
    for name, records in txt.items():
        form = _POLICY if name in policies else _KEY
        kept: list[str] = []
        for record in [one for one in records or () if form.search(one)][:RECORDS]:
            left -= len(record)
            if left >= 0:
                kept.append(record)
        found[name] = None if records is None else kept
    return found


_POLICY = re.compile(r"\A *v *= *DMARC1 *(?:;|\Z)")  # RFC 7489, 6.3: it begins so
_KEY = re.compile(r"(?:\A|;)\s*p\s*=")  # RFC 6376, 3.6.1: the one tag that a key must have


def _txt(names: Names, name: str) -> list[str] | None:
    try:
        return list(names.txt(name))
    except NoAnswer:
        return []
    except DnsTemporary:
        return None


def _exists(names: Names, domain: str) -> bool | None:
    """RFC 8020: a name that has no records of one kind exists all the same."""
    try:
        names.mx(domain)
    except NoAnswer as error:
        return not error.missing
    except DnsTemporary:
        return None
    return True


# --- SPF -----------------------------------------------------------------------------------------------------


class _Query(spf.query):
    """pyspf, with our own lookups in place of its own."""

    names: Lookups

    def dns(self, name: str, qtype: str, cnames: Any = None, ignore_void: bool = False) -> list[Any]:  # noqa: FBT001, FBT002 - its signature
        name = str(name).rstrip(".").lower()
        known: list[Any] | None = self.cache.get((name, qtype))
        if known is not None:
            return known
        try:
            found = _in_its_form(self.names, name, qtype)
        except DnsTemporary as error:
            raise spf.TempError(f"DNS {error}") from error
        except (NoAnswer, ValueError):
            found = []
        self.cache[name, qtype] = found
        if not found and not ignore_void:
            self.void_lookups += 1
            if self.void_lookups > spf.MAX_VOID_LOOKUPS:
                raise spf.PermError(f"Void lookup limit of {spf.MAX_VOID_LOOKUPS} exceeded")
        return found

    def get_explanation(self, spec: str) -> None:
        """What a domain would say to whoever it refuses: we refuse nobody, and ask for no words."""


def _in_its_form(names: Names, name: str, kind: str) -> list[Any]:
    """Records as pyspf wants them: texts in bytes, and in pieces."""
    if kind == "TXT":
        return [[text.encode("latin-1")] for text in names.txt(name)]
    if kind == "MX":
        return [(preference, host) for preference, host in names.mx(name) if host != "."]
    return list(names.ask(name, kind))


def _spf(names: Lookups, peer: str, sender: str, helo: str) -> dict[str, str]:
    """May this peer send for the domain in MAIL FROM, or, without one, for the name it says it has?"""
    local, at, host = sender.rpartition("@")
    domain = addresses.domain(host) if at else helo
    if sender and not at:
        return {"result": "none", "domain": "", "why": "no_domain"}
    if not domain or "." not in domain:
        return {"result": "none", "domain": domain[:253], "why": "no_domain"}
    query = _Query(i=peer, s=f"{local[:LONGEST]}@{domain}" if sender else "", h=helo or domain)
    query.names = names
    try:
        result, _, words = query.check()
    except Exception:
        # A library that meets what it was not made for: the mail is judged without it.
        log.exception("SPF could not be worked out")
        return {"result": "permerror", "domain": domain, "why": "unexpected"}
    why = _why(words) if result in ("permerror", "temperror") else ""
    return {"result": str(result), "domain": domain, "why": why}


def _why(words: str) -> str:
    if "Too many" in words or "lookup" in words.lower():
        return "too_many_lookups"
    return "no_answer" if "Temporary" in words else "malformed"


def _label(helo: str) -> str:
    """A name that a server may have; empty for an address in brackets and for what is none."""
    name = addresses.domain(helo[:LONGEST])
    return name if "." in name and all(c.isalnum() or c in "._-" for c in name) else ""

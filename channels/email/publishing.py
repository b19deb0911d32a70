"""What must the domains of our mail publish, and is it there? Which records, with their exact text; and what is wrong with those there are.

Looking blocks, for seconds where nobody answers: in a thread (`look`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from channels.email import asking
from channels.email.resolving import DnsTemporary, NoAnswer, Resolver
from channels.email.signing import SigningKey
from core.domain_records import Finding, Looked, Verdict, Wanted
from core.networks import is_address

AT_ONCE = 8  # records that are looked up
SHOWN = 10  # records of one name that are shown
CUT = 600  # characters of one that are shown
HOSTS = 5  # servers of a domain whose addresses are looked up

_TAG = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\s*=\s*(.*?)\s*")
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Domains:
    """What our mail is made of, as far as others look it up."""

    addresses: tuple[str, ...]
    """The desk's, its own first."""
    reply_domain: str
    mx: str
    """The name of the server that others bring mail to: this hub's, or that of the one in front of it."""
    host: str
    """The name of the server that sends from this machine: this hub's, or that of the mail server beside it."""
    relay: str
    """The host that mail leaves by; empty: none yet."""
    direct: bool
    """Mail is brought to the hub's own port, by whoever finds it."""
    keys: tuple[SigningKey, ...]

    @property
    def own(self) -> tuple[str, ...]:
        """The domains that stand in From."""
        return tuple(dict.fromkeys(address.rpartition("@")[2] for address in self.addresses))

    @property
    def sends(self) -> str:
        """The host that others see."""
        return self.host if self.relay in ("", *_THIS_MACHINE) else self.relay


def wanted(of: Domains) -> tuple[Wanted, ...]:
    """Every record, in the order in which they matter. Raises OSError and ValueError: a key cannot be used."""
    return tuple(_wanted(of))


def _wanted(of: Domains) -> Iterator[Wanted]:
    mx = f"10 {of.mx}."
    yield Wanted(what="reply_mx", name=of.reply_domain, type="MX", value=mx, domain=of.reply_domain)
    # MAIL FROM is of the reply domain, so that what comes back is known: SPF is asked there.
    spf = f"v=spf1 a:{of.sends} -all"
    yield Wanted(what="spf", name=of.reply_domain, type="TXT", value=spf, domain=of.reply_domain)
    for domain in of.own:
        if domain != of.reply_domain:
            yield Wanted(what="mx", name=domain, type="MX", value=mx, domain=domain)
        for key in of.keys:
            name = f"{key.selector}._domainkey.{domain}"
            yield Wanted(
                what="dkim", name=name, type="TXT", value=key.record(), domain=domain, selector=key.selector
            )
        # Whoever else sends for the domain is not hurt by it; it is for its owner to ask for more, once the reports are good.
        dmarc = f"v=DMARC1; p=none; rua=mailto:{of.addresses[0]}"
        yield Wanted(what="dmarc", name=f"_dmarc.{domain}", type="TXT", value=dmarc, domain=domain)
    if of.sends == of.host:
        yield Wanted(what="ptr", name=of.host, type="PTR", value=f"{of.host}.", domain=of.host)


def look(of: Domains, resolver: Resolver) -> tuple[Looked, ...]:
    """The same, and what is found there. Blocks. Raises as `wanted`."""
    records = wanted(of)
    with ThreadPoolExecutor(min(AT_ONCE, len(records)), "records") as threads:
        return tuple(threads.map(lambda one: _looked(one, of, resolver), records))


def _looked(record: Wanted, of: Domains, resolver: Resolver) -> Looked:
    try:
        findings, found = _LOOKS[record.what](record, of, resolver)
    except NoAnswer:
        findings, found = [_missing("missing")], ()
    except DnsTemporary as error:
        findings, found = [Finding(verdict=Verdict.UNKNOWN, code="no_answer", values={"why": str(error)})], ()
    return Looked(
        wanted=record,
        findings=tuple(findings or [Finding(verdict=Verdict.GOOD, code="good")]),
        found=tuple(one[:CUT] for one in found[:SHOWN]),
    )


_Said = tuple[list[Finding], Sequence[str]]


def _wrong(code: str, **values: str) -> Finding:
    return Finding(verdict=Verdict.WRONG, code=code, values=values)


def _missing(code: str, **values: str) -> Finding:
    return Finding(verdict=Verdict.MISSING, code=code, values=values)


def _remark(code: str, **values: str) -> Finding:
    return Finding(verdict=Verdict.REMARK, code=code, values=values)


# --- Where mail comes in --------------------------------------------------------------------------------------


def _mx(record: Wanted, of: Domains, resolver: Resolver) -> _Said:
    servers = resolver.mx(record.name)
    hosts = [host for _, host in servers]
    found = [f"{preference} {host}" for preference, host in servers]
    findings = []
    if record.what == "reply_mx" and record.domain in of.own:
        findings.append(_remark("reply_is_main", domain=record.domain))
    if hosts == ["."]:
        return [*findings, _wrong("null_mx")], found
    findings += [_wrong("no_address", host=host) for host in hosts[:HOSTS] if not _addresses(resolver, host)]
    if of.direct and of.mx not in hosts:
        findings.append(_remark("elsewhere", host=of.mx))
    return findings, found


def _addresses(resolver: Resolver, host: str) -> list[str]:
    """Raises DnsTemporary."""
    found: list[str] = []
    for kind in (resolver.a, resolver.aaaa):
        try:
            found += kind(host)
        except NoAnswer:
            continue
    return found


# --- Who may send ---------------------------------------------------------------------------------------------


def _spf(record: Wanted, of: Domains, resolver: Resolver) -> _Said:
    found = [one for one in resolver.txt(record.name) if f"{one.lower()} ".startswith("v=spf1 ")]
    if not found:
        return [_missing("missing")], ()
    if len(found) > 1:
        return [_wrong("several")], found  # RFC 7208 4.5
    terms = found[0].lower().split()
    findings = []
    if "+all" in terms or "all" in terms:
        findings.append(_wrong("spf_everybody"))
    elif not {"-all", "~all"} & set(terms) and not any(one.startswith("redirect=") for one in terms):
        findings.append(_remark("spf_nobody_refused"))
    addresses = [of.sends] if is_address(of.sends) else _addresses(resolver, of.sends)
    if not addresses:
        findings.append(_remark("spf_unseen", host=of.sends))
    for address in addresses:
        findings += _spf_of(record, of, resolver, address)
    return findings, found


def _spf_of(record: Wanted, of: Domains, resolver: Resolver, address: str) -> Iterator[Finding]:
    """What others make of mail from this address (RFC 7208)."""
    asked = {"policies": [], "keys": [], "exists": "", "helo": of.sends, "peer": address}
    answer = asking.ask(resolver, {**asked, "sender": f"postmaster@{record.name}"})["spf"]
    match answer["result"]:
        case "pass":
            return
        case "temperror":
            raise DnsTemporary(f"SPF of {record.name} for {address}")
        case "permerror":
            yield _wrong(f"spf_{answer['why'] if answer['why'] == 'too_many_lookups' else 'malformed'}")
        case result if of.sends == of.host:
            yield _wrong("spf_refused", address=address, result=str(result))
        case result:  # a provider may send from other addresses than it takes mail at
            yield _remark("spf_relay", host=of.sends, address=address, result=str(result))


# --- What proves that it is ours ------------------------------------------------------------------------------


def _dkim(record: Wanted, _of: Domains, resolver: Resolver) -> _Said:
    found = resolver.txt(record.name)
    if len(found) > 1:
        return [_wrong("several")], found  # RFC 6376 3.6.2.2
    there, ours = tags(found[0]), tags(record.value)
    if there.get("v", "DKIM1") != "DKIM1" or "p" not in there:
        return [_wrong("dkim_no_key")], found
    if not there["p"]:
        return [_wrong("dkim_revoked")], found
    findings = []
    if _packed(there["p"]) != ours["p"] or there.get("k", "rsa") != ours["k"]:
        findings.append(_wrong("dkim_other"))
    if "h" in there and "sha256" not in there["h"].split(":"):
        findings.append(_wrong("dkim_no_key"))
    if "y" in there.get("t", "").split(":"):
        findings.append(_remark("dkim_testing"))
    return findings, found


def _packed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def tags(record: str) -> Mapping[str, str]:
    """What a record of tags says (RFC 6376 3.2); the first of each, without what is none.

    >>> tags("v=DKIM1; p = AB C;; k=rsa")
    {'v': 'DKIM1', 'p': 'AB C', 'k': 'rsa'}
    """
    found: dict[str, str] = {}
    for part in record.split(";"):
        if match := _TAG.fullmatch(part):
            found.setdefault(match[1], match[2])
    return found


def _dmarc(record: Wanted, _of: Domains, resolver: Resolver) -> _Said:
    """Of the domain, or of the nearest one above that has any, as receivers walk up (RFC 9989 4.10)."""
    labels = record.domain.split(".")
    for n in range(max(len(labels) - 1, 1)):
        place = f"_dmarc.{'.'.join(labels[n:])}"
        try:
            found = [one for one in resolver.txt(place) if _packed(one).startswith("v=DMARC1")]
        except NoAnswer:
            continue
        if found:
            return _dmarc_says(found, place, record), found
    return [_missing("missing")], ()


def _dmarc_says(found: Sequence[str], place: str, record: Wanted) -> list[Finding]:
    if len(found) > 1:
        return [_wrong("several")]
    there = tags(found[0])
    above = place != record.name
    policy = there.get("sp", there.get("p", "")) if above else there.get("p", "")
    findings = [_remark("dmarc_above", place=place)] if above else []
    if policy.lower() not in ("none", "quarantine", "reject"):
        findings.append(_wrong("dmarc_no_policy"))
    elif policy.lower() == "none":
        findings.append(_remark("dmarc_none"))
    if there.get("aspf", "r").lower() == "s":
        findings.append(_remark("dmarc_strict"))
    return findings


# --- What our own server is called ----------------------------------------------------------------------------


def _ptr(record: Wanted, of: Domains, resolver: Resolver) -> _Said:
    addresses = [of.host] if is_address(of.host) else _addresses(resolver, of.host)
    if not addresses:
        return [_missing("no_address", host=of.host)], ()
    findings, found = [], []
    for address in addresses:
        try:
            names = resolver.ptr(address)
        except NoAnswer:
            findings.append(_missing("ptr_missing", address=address))
            continue
        found += [f"{address} {name}" for name in names]
        if record.name in names:
            continue
        if not any(address in _addresses(resolver, name) for name in names[:HOSTS]):
            findings.append(_wrong("ptr_unconfirmed", address=address, name=names[0]))
        else:
            findings.append(_remark("ptr_other", address=address, name=names[0]))
    return findings, found


_LOOKS: Mapping[str, Callable[[Wanted, Domains, Resolver], _Said]] = {
    "mx": _mx,
    "reply_mx": _mx,
    "spf": _spf,
    "dkim": _dkim,
    "dmarc": _dmarc,
    "ptr": _ptr,
}

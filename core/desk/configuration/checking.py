"""What is wrong with a desk configuration? Names that lead nowhere and values that cannot be, all at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Container, Iterable, Iterator, Mapping
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core import addresses
from core.alerting import CIPHERS, DIGESTS, KINDS, Severity
from core.desk.alert_sources import OWN
from core.desk.configuration.document import (
    PARTS,
    AgentPart,
    AlertSourcePart,
    CalendarPart,
    ContractPart,
    CustomerPart,
    Document,
    GroupPart,
    IntakeRulePart,
    InterfacePart,
    QuickReplyPart,
    RotaPart,
    RoutingPart,
    SlaPart,
    TrapUserPart,
    VendorPart,
    mean,
    place,
    read_what_can_be,
)
from core.desk.errors import ConfigurationError
from core.desk.people import shared_thing
from core.desk.principal import AGENT_ROLES, CONTACT_ROLES
from core.desk.reference import PROMISES
from core.envelope import CHANNELS
from core.rules import dependence
from core.rules.calendar_definitions import HOLIDAY_YEARS, holiday_dates
from core.rules.durations import parse_duration, parse_target
from core.rules.entitlement import DECISIONS, VERDICTS
from core.rules.ladders import WAYS
from core.rules.quick_replies import PLACES, unknown
from core.rules.returning import HEARS
from core.rules.rotas import DUTIES, SUPERVISOR
from core.rules.routing import Rule, ties
from core.rules.vendor import MAX_PATTERN

ALWAYS = "24x7"  # always there, in the hub's zone
PRIORITIES = ("P1", "P2", "P3", "P4")
CRITICALITY = ("low", "normal", "high", "critical")
MEASURES = ("none", "hours", "tickets", "visits")
SEVERITIES = tuple(str(one) for one in Severity if one is not Severity.OK)
BEATS = (60, 86_400)
"""Seconds between heartbeats, at least and at most."""
FASTEST = {"rate": 100_000, "burst": 1_000_000}
"""Messages a second and at once of a source, at most: more is no bound at all."""
MIN_SECRET = 16
"""Characters of the secret of a source: whoever has it opens tickets."""
MAX_USER = 32
"""Bytes of a user's name (RFC 3414, 2.4)."""
REFERS = "must say where the secret is, env:NAME or file:PATH: this file is kept and exported"
PERIODS = ("contract", "year", "quarter", "month")
RENEWALS = ("none", "tacit")
STATUSES = ("draft", "active", "suspended", "terminated")
LANGUAGES = ("it", "en")  # what templates and catalogues speak
MIN_PIN = 6  # digits
BEGINNINGS = (1900, 2199)
"""Years in which a contract may begin. It may end in any later one: some write 9999 for one without an end."""

Names = Mapping[str, frozenset[str] | None]
"""Section to the names in it; None: not known, so nothing is said about them."""


def read(text: str) -> Document:
    """The parts of a file. Raises ConfigurationError with every mistake that can be seen without the desk.

    Those are mistakes of shape, impossible values, and names that the file's own sections do not have.
    """
    try:
        plain = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError([f"not TOML: {error}"]) from error
    document, mistakes = read_what_can_be(plain)
    # A part that could not be read may have the name that another one looks for.
    whole = {section for section, parts in document.items() if len(parts) == len(plain[section])}
    _refuse([*mistakes, *_mistakes(document, _names(document, whole)), *_channels(document, {})])
    return document


def check(document: Document, stored: Document) -> None:
    """Can the desk be what the file says? `stored` is the desk as it is; the file's sections replace it.

    Raises ConfigurationError with every mistake, also of stored parts that refer to what the file leaves out. A contract
    that stays as it is may name channels that were not checked when it was stored (`remarks`).
    """
    names = _names({**stored, **document}, PARTS)
    rest = {section: parts for section, parts in stored.items() if section not in document}
    orphans = [
        f"{line} (it is on the desk already; the file takes that away)" for line in _mistakes(rest, names)
    ]
    _refuse([*_mistakes(document, names), *_channels(document, stored), *orphans])


def _refuse(mistakes: Iterable[str]) -> None:
    if lines := dict.fromkeys(mistakes):
        raise ConfigurationError(lines)


def remarks(document: Document, stored: Document) -> list[str]:
    """What is allowed and probably not meant, also in those sections of the desk as it is that the file does not have."""
    found = [
        f"calendars[{part.name}]: {warning}"
        for part in document.get("calendars", ())
        for warning in part.definition().warnings()
    ]
    rules = [
        Rule(
            group=part.group,
            technology=part.technology,
            request_type=part.request_type,
            customer=part.customer,
            level=part.level,
            calendar=part.calendar,
        )
        for part in document.get("routing", ())
    ]
    found += _channels({**stored, **document}, {})
    if "routing" in document and not rules:
        found.append(
            "routing: has no rules; requests go to whichever group has their technology and type, and to nobody if none has"
        )
    return found + [
        f"routing[{second}]: asks for the same as routing[{first}], which comes first and always wins"
        for first, second in ties(rules, {part.name: part.level for part in document.get("groups", ())})
    ]


def alarms_to(group: str, groups: Iterable[str]) -> list[str]:
    """What is wrong with the setting `hub.alarms_to`, which names somebody of the desk, if anything is."""
    return [
        f'hub.alarms_to{wrong}: what the hub reports of itself waits under "To qualify" until the setting names a group'
        for wrong in _not_there("", [group], frozenset(groups), "a group")
    ]


def _names(document: Document, whole: Container[str]) -> Names:
    names: dict[str, frozenset[str] | None] = {}
    for section, (_, key) in PARTS.items():
        found = frozenset(getattr(part, key) for part in document.get(section, ()) if key)
        if section == "agents":
            found = frozenset(addresses.key(email) for email in found)
        names[section] = found if section in whole else None
    if names["calendars"] is not None:
        names["calendars"] |= {ALWAYS}
    if names["agents"] is not None:
        names["agents"] = frozenset(addresses.key(email) for email in names["agents"])
    return names


_KINDS = {
    "calendars": "calendar",
    "slas": "service level",
    "request_types": "request type",
    "technologies": "technology",
    "groups": "group",
    "customers": "customer",
    "agents": "member of staff",
}


def _mistakes(document: Document, names: Names) -> Iterator[str]:
    for section, parts in document.items():
        yield from _doubles(section, parts)
        for number, part in enumerate(parts, start=1):
            yield from _WRONG.get(section, _nothing)(part, place(section, part, number), names)
    yield from _doubled_numbers(document.get("customers", ()))
    yield from _net(document.get("customers", ()), names)
    first, *others = [part.name for part in document.get("groups", ()) if part.sales] or [""]
    yield from (f"groups[{name}].sales: {first} is the one that sells already" for name in others)


def _channels(document: Document, stored: Document) -> Iterator[str]:
    """Channels there are not, in lines of contracts that are not stored word for word the same."""
    kept = {
        (customer.code, contract.number): contract
        for customer in stored.get("customers", ())
        for contract in customer.contracts
    }
    for customer in document.get("customers", ()):
        for contract in customer.contracts:
            if contract == kept.get((customer.code, contract.number)):
                continue
            for line in contract.lines:
                where = f"customers[{customer.code}].contracts[{contract.number}].lines[{line.name}].channels"
                for channel in line.channels:
                    yield from _none_of(where, channel, CHANNELS)


def _net(customers: Iterable[CustomerPart], names: Names) -> Iterator[str]:
    """What hangs on what, across customers: things that are not there, and what hangs on itself in the end."""
    on: dict[dependence.Thing, list[dependence.Thing]] = {
        (customer.code, asset.name): [(customer.code, asset.parent)] if asset.parent else []
        for customer in customers
        for asset in customer.assets
    }
    for customer in customers:
        for asset in customer.assets:
            where = f"customers[{customer.code}].assets[{asset.name}].depends_on"
            for text in asset.depends_on:
                thing = shared_thing(text)
                if thing[0] == customer.code:
                    yield f"{where}: '{text}' is this customer's own: say parent"
                elif thing in on:
                    on[customer.code, asset.name].append(thing)
                elif names["customers"] is not None:
                    known = [f"{of}/{name}" for of, name in on if of != customer.code]
                    yield f"{where}: '{text}' is no CUSTOMER/asset there is{mean(text, known)}"
    for circle in dependence.circles(on):
        first = f"customers[{circle[0][0]}].assets[{circle[0][1]}]"
        names_of = ", ".join("/".join(one) for one in circle)
        yield f"{first}: hangs on itself in the end: {names_of}; take one parent or depends_on away"


def _nothing(_part: Any, _at: str, _names: Names) -> Iterator[str]:
    return iter(())


def _calendar(part: CalendarPart, at: str, _names: Names) -> Iterator[str]:
    if part.name == ALWAYS:
        yield f"{at}: is always there; give yours another name"
    try:
        part.definition()
    except ValueError as error:
        yield from (f"{at}.{line}" for line in str(error).split("; "))


def _sla(part: SlaPart, at: str, names: Names) -> Iterator[str]:
    for priority, promise in part.targets.items():
        where = f"{at}.targets.{priority}"
        yield from _none_of(where, priority, PRIORITIES)
        for name, text in promise.items():
            if name == "calendar":
                yield from _unknown(f"{where}.calendar", [text], "calendars", names)
                continue
            yield from _none_of(f"{where}.{name}", name, PROMISES)
            try:
                parse_target(text)
            except ValueError as error:
                yield f"{where}.{name}: {error}"


def _group(part: GroupPart, at: str, names: Names) -> Iterator[str]:
    yield from _unknown(f"{at}.calendar", [part.calendar], "calendars", names)
    yield from _unknown(f"{at}.technologies", part.technologies, "technologies", names)
    yield from _unknown(f"{at}.request_types", part.request_types, "request_types", names)
    yield from _unknown(f"{at}.fallback", [part.fallback], "groups", names)
    if part.level not in (1, 2, 3):
        yield f"{at}.level: {part.level} is not 1, 2 or 3"


def _agent(part: AgentPart, at: str, names: Names) -> Iterator[str]:
    for role in part.roles:
        yield from _none_of(f"{at}.roles", role, AGENT_ROLES)
    yield from _unknown(f"{at}.groups", part.groups, "groups", names)
    yield from _none_of(f"{at}.language", part.language, LANGUAGES)
    yield from _address(f"{at}.email", part.email)
    yield from _unknown(f"{at}.skills", part.skills, "technologies", names)
    if part.capacity < 0:
        yield f"{at}.capacity: must be a number of tickets, or 0 for somebody who is given none"
    for way in part.reach:
        yield from _none_of(f"{at}.reach", way, WAYS)
    if part.calendar:
        yield from _unknown(f"{at}.calendar", [part.calendar], "calendars", names)


def _rota(part: RotaPart, at: str, names: Names) -> Iterator[str]:
    yield from _none_of(f"{at}.duty", part.duty, DUTIES)
    yield from _unknown(f"{at}.groups", part.groups, "groups", names)
    yield from _zone(f"{at}.time_zone", part.time_zone)
    if part.duty == SUPERVISOR and not part.fallback.strip():
        yield (
            f"{at}.fallback: must be a telephone number: it is called when nobody on any rung of the ladder answers"
        )
    if not part.layers:
        yield f"{at}.layers: there is none, so nobody is ever on duty: write [[rotas.layers]]"
    for number, layer in enumerate(part.layers, start=1):
        where = f"{at}.layers[{number}]"
        members = [addresses.key(member) for member in layer.members]
        yield from _unknown(f"{where}.members", members, "agents", names)
        try:
            layer.layer()
        except ValueError as error:
            yield from (f"{where}.{line}" for line in str(error).split("; "))


def _vendor(part: VendorPart, at: str, names: Names) -> Iterator[str]:
    if part.email:
        yield from _address(f"{at}.email", part.email)
    for domain in part.domains:
        if "@" in domain or "." not in domain:
            yield f"{at}.domains: '{domain}' is no domain of mail, such as vendor.example"
    if len(part.reference_pattern) > MAX_PATTERN:
        yield f"{at}.reference_pattern: has more than {MAX_PATTERN} characters"
    try:
        re.compile(part.reference_pattern)
    except re.error as error:
        yield f"{at}.reference_pattern: is no regular expression: {error}"
    yield from _unknown(f"{at}.calendar", [part.calendar], "calendars", names)
    yield from _none_of(f"{at}.language", part.language, ("", "it", "en"))
    for name in ("answer", "update", "fix"):
        if text := getattr(part, name):
            try:
                parse_target(text)
            except ValueError as error:
                yield f"{at}.{name}: {error}"


def _routing(part: RoutingPart, at: str, names: Names) -> Iterator[str]:
    yield from _unknown(f"{at}.group", [part.group], "groups", names)
    yield from _unknown(f"{at}.technology", [part.technology], "technologies", names)
    yield from _unknown(f"{at}.request_type", [part.request_type], "request_types", names)
    yield from _unknown(f"{at}.customer", [part.customer], "customers", names)
    yield from _unknown(f"{at}.calendar", [part.calendar], "calendars", names)
    if part.level not in (None, 1, 2, 3):
        yield f"{at}.level: {part.level} is not 1, 2 or 3"


def _intake_rule(part: IntakeRulePart, at: str, names: Names) -> Iterator[str]:
    if not part.mailbox and not part.words:
        yield f"{at}: names neither a mailbox nor words, so it would be true of everything"
    if part.mailbox:
        yield from _address(f"{at}.mailbox", part.mailbox)
    if any(not word.strip() for word in part.words):
        yield f"{at}.words: an empty word is in every text"
    yield from _unknown(f"{at}.technology", [part.technology], "technologies", names)
    yield from _unknown(f"{at}.request_type", [part.request_type], "request_types", names)
    for name, most in (("impact", 3), ("urgency", 4)):
        value = getattr(part, name)
        if value is not None and not 1 <= value <= most:
            yield f"{at}.{name}: {value} is not 1 to {most}"
    if not (part.technology or part.request_type or part.impact or part.urgency or part.safety):
        yield f"{at}: suggests nothing; name a technology, a request type, impact, urgency or safety"


def _priorities(part: CustomerPart, at: str) -> Iterator[str]:
    """A matrix of their own is whole, so that no request is without a priority."""
    if not part.priorities:
        return
    for impact in ("1", "2", "3"):
        row = part.priorities.get(impact, {})
        for urgency in ("1", "2", "3", "4"):
            if urgency not in row:
                yield f"{at}.{impact}.{urgency}: is missing; a table of priorities of one's own is whole"
            else:
                yield from _none_of(f"{at}.{impact}.{urgency}", row[urgency], PRIORITIES)
        yield from (f"{at}.{impact}.{name}: is no urgency 1 to 4" for name in row if name not in "1234")
    yield from (f"{at}.{name}: is no impact 1 to 3" for name in part.priorities if name not in "123")


def _alert_source(part: AlertSourcePart, at: str, names: Names) -> Iterator[str]:
    if part.name == OWN:
        yield f'{at}.name: "{OWN}" is the hub itself: choose another name'
    yield from _none_of(f"{at}.kind", part.kind, KINDS)
    yield from _unknown(f"{at}.customer", [part.customer], "customers", names)
    yield from _unknown(f"{at}.technology", [part.technology or None], "technologies", names)
    yield from _unknown(f"{at}.request_type", [part.request_type or None], "request_types", names)
    yield from _none_of(f"{at}.severity", part.severity, SEVERITIES)
    for word, severity in part.severities.items():
        yield from _none_of(f"{at}.severities.{word}", severity, SEVERITIES)
    for name in ("hold", "stable", "tell_after", "auto_close", "heartbeat", "heartbeat_grace"):
        if text := getattr(part, name):
            try:
                seconds = parse_duration(text)
            except ValueError as error:
                yield f"{at}.{name}: {error}"
            else:
                if name == "heartbeat" and not BEATS[0] <= seconds <= BEATS[1]:
                    yield f"{at}.heartbeat: must be between 60s and 1d"
    if part.time_zone:
        yield from _zone(f"{at}.time_zone", part.time_zone)
    # A community crosses the network for everybody to read, however long it is: only addresses are worth something there.
    by_address = part.kind == "snmp" and bool(part.peers)
    unless = ", unless peers say where it sends from" if part.kind == "snmp" else ""
    for name in ("secret", "next_secret"):
        secret = getattr(part, name)
        if secret is not None and len(secret) < (1 if by_address else MIN_SECRET):
            yield f"{at}.{name}: must have at least {MIN_SECRET} characters{unless}"
    for name, most in FASTEST.items():
        if not 1 <= getattr(part, name) <= most:
            yield f"{at}.{name}: must be between 1 and {most}"
    for name in ("peers", "reaches"):
        for network in getattr(part, name):
            try:
                ip_network(network)
            except ValueError:
                yield f"{at}.{name}: {network!r} is no address and no network such as 192.0.2.0/24"
    for topic in part.topics:
        if not re.fullmatch(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]+:.+", topic):
            yield f"{at}.topics: {topic!r} is no ARN such as arn:aws:sns:eu-west-1:123456789012:alarms"
    if part.hmac is not None and not part.hmac.secret.startswith(("env:", "file:")):
        yield f"{at}.hmac.secret: {REFERS}"
    if part.api is not None:
        yield from _interface(part.api, part.kind, f"{at}.api")
    if part.users and part.kind != "snmp":
        yield f"{at}.users: a source of kind {part.kind} has none: they are users of SNMP version 3"
    for number, user in enumerate(part.users, start=1):
        yield from trap_user(user, by_address=bool(part.peers), at=place(f"{at}.users", user, number))
    yield from _doubles(f"{at}.users", part.users)
    if part.names_customers and part.customer:
        yield f"{at}.names_customers: the source is {part.customer}'s: it names nobody else"


def trap_user(part: TrapUserPart, *, by_address: bool, at: str) -> Iterator[str]:
    """What is wrong with a user of SNMP version 3. `by_address`: the source says where it sends from."""
    if not 1 <= len(part.name.encode("utf-8", "replace")) <= MAX_USER or not part.name.isprintable():
        yield f"{at}.name: must have 1 to {MAX_USER} bytes, of characters that can be printed"
    yield from _none_of(f"{at}.auth", part.auth, ("", *DIGESTS))
    yield from _none_of(f"{at}.priv", part.priv, ("", *CIPHERS))
    for name in ("auth", "priv"):
        secret = getattr(part, f"{name}_secret")
        if getattr(part, name) and not (secret.startswith(("env:", "file:")) and secret.isprintable()):
            yield f"{at}.{name}_secret: {REFERS}"
        if secret and not getattr(part, name):
            yield f"{at}.{name}: is missing, and {name}_secret is there"
    if part.priv and not part.auth:
        yield f"{at}.priv: who encrypts signs too: give auth and auth_secret"
    if not part.auth and not by_address:
        yield f"{at}.auth: whoever does not sign proves nothing: name in peers of the source where it sends from"


def _interface(part: InterfacePart, kind: str, at: str) -> Iterator[str]:
    if kind not in HEARS:
        yield f"{at}: a source of kind {kind} has none; there are {', '.join(HEARS)}"
    parts = urlsplit(part.url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        yield f"{at}.url: must be an address such as https://zabbix.example.org, without a user and without ?"
    if part.token and not part.token.startswith(("env:", "file:")):
        yield f"{at}.token: {REFERS}"


def _quick_reply(part: QuickReplyPart, at: str, names: Names) -> Iterator[str]:
    yield from _unknown(f"{at}.groups", part.groups, "groups", names)
    if not part.texts:
        yield f"{at}.texts: has no text"
    for language, text in part.texts.items():
        where = f"{at}.texts.{language}"
        yield from _none_of(where, language, LANGUAGES)
        if not text.strip():
            yield f"{where}: is empty"
        for name in unknown(text):
            yield f"{where}: {{{name}}} is no place; there are {', '.join(PLACES)}{mean(name, PLACES)}"


def _customer(part: CustomerPart, at: str, names: Names) -> Iterator[str]:
    yield from _unknown(f"{at}.parent", [part.parent], "customers", names)
    yield from _unknown(f"{at}.groups", part.groups, "groups", names)
    yield from _policy(f"{at}.policy", part.policy)
    if part.account_manager is not None:
        yield from _unknown(f"{at}.account_manager", [addresses.key(part.account_manager)], "agents", names)
    if part.parent == part.code:
        yield f"{at}.parent: is the customer itself"
    if part.keep_recordings < 0:
        yield f"{at}.keep_recordings: must be days, or 0 to record no call"
    if part.phone_code and not part.phone_code.isdecimal():
        yield f"{at}.phone_code: '{part.phone_code}' must be digits; leave it out to have one made"
    yield from _none_of(f"{at}.language", part.language, LANGUAGES)
    yield from _zone(f"{at}.time_zone", part.time_zone)
    yield from _priorities(part, f"{at}.priorities")
    domains = [addresses.domain(domain) for domain in part.domains]
    for domain in sorted({domain for domain in domains if domains.count(domain) > 1}):
        yield f"{at}.domains: '{domain}' stands there twice"
    for name in ("sites", "contacts", "assets", "contracts"):
        yield from _doubles(f"{at}.{name}", getattr(part, name))
    sites = frozenset(site.name for site in part.sites)
    for number, site in enumerate(part.sites, start=1):
        yield from _site(site, place(f"{at}.sites", site, number), names)
    for number, contact in enumerate(part.contacts, start=1):
        yield from _contact(contact, place(f"{at}.contacts", contact, number), sites)
    assets = frozenset(asset.name for asset in part.assets)
    for asset in part.assets:
        where = f"{at}.assets[{asset.name}]"
        yield from _unknown(f"{where}.technology", [asset.technology], "technologies", names)
        yield from _none_of(f"{where}.criticality", asset.criticality, CRITICALITY)
        yield from _not_there(f"{where}.site", [asset.site], sites, "a site of this customer")
        yield from _not_there(f"{where}.parent", [asset.parent], assets, "an asset of this customer")
    for contract in part.contracts:
        yield from _contract(contract, f"{at}.contracts[{contract.number}]", part, names)


def _policy(at: str, policy: Mapping[str, str]) -> Iterator[str]:
    for verdict, decision in policy.items():
        yield from _none_of(at, verdict, VERDICTS)
        yield from _none_of(f"{at}.{verdict}", decision, DECISIONS)


def _site(part: Any, at: str, names: Names) -> Iterator[str]:
    if part.calendar:
        yield from _unknown(f"{at}.calendar", [part.calendar], "calendars", names)
    if part.access_lead < 0:
        yield f"{at}.access_lead: must be minutes, or 0 where nobody need be announced"
    if part.time_zone:
        yield from _zone(f"{at}.time_zone", part.time_zone)
    if part.holidays:
        try:
            holiday_dates(part.holidays, HOLIDAY_YEARS[:1])
        except ValueError as error:
            yield f"{at}.{error}"


def _contact(part: Any, at: str, sites: frozenset[str]) -> Iterator[str]:
    yield from _none_of(f"{at}.role", part.role, CONTACT_ROLES)
    yield from _not_there(f"{at}.sites", part.sites, sites, "a site of this customer")
    yield from _address(f"{at}.email", part.email)
    if part.language is not None:
        yield from _none_of(f"{at}.language", part.language, LANGUAGES)
    if part.pin is not None and not (part.pin.isdecimal() and len(part.pin) >= MIN_PIN):
        yield f"{at}.pin: must be at least {MIN_PIN} digits"


def _contract(part: ContractPart, at: str, customer: CustomerPart, names: Names) -> Iterator[str]:
    yield from _none_of(f"{at}.status", part.status, STATUSES)
    people = frozenset(addresses.key(contact.email) for contact in customer.contacts)
    authorised = [addresses.key(email) for email in part.authorised_contacts]
    yield from _not_there(f"{at}.authorised_contacts", authorised, people, "a contact of this customer")
    if not BEGINNINGS[0] <= part.valid_from.year <= BEGINNINGS[1]:
        yield f"{at}.valid_from: {part.valid_from} must be a day of the years {BEGINNINGS[0]} to {BEGINNINGS[1]}"
    if part.valid_until < part.valid_from:
        yield f"{at}.valid_until: {part.valid_until} is before valid_from, {part.valid_from}"
    if part.notice_date is not None and not part.valid_from <= part.notice_date <= part.valid_until:
        yield f"{at}.notice_date: {part.notice_date} is not between valid_from and valid_until"
    yield from _none_of(f"{at}.renewal", part.renewal, RENEWALS)
    yield from _policy(f"{at}.policy", part.policy)
    if not part.number.strip():
        yield f"{at}.number: is empty"
    if part.grace_days < 0:
        yield f"{at}.grace_days: must not be negative"
    yield from _doubles(f"{at}.lines", part.lines)
    assets = frozenset(asset.name for asset in customer.assets)
    sites = frozenset(site.name for site in customer.sites)
    for line in part.lines:
        where = f"{at}.lines[{line.name}]"
        yield from _unknown(f"{where}.technologies", line.technologies, "technologies", names)
        yield from _unknown(f"{where}.request_types", line.request_types, "request_types", names)
        yield from _unknown(f"{where}.calendar", [line.calendar], "calendars", names)
        yield from _unknown(f"{where}.sla", [line.sla], "slas", names)
        yield from _not_there(f"{where}.assets", line.assets, assets, "an asset of this customer")
        yield from _not_there(f"{where}.sites", line.sites, sites, "a site of this customer")
        yield from _none_of(f"{where}.measure", line.measure, MEASURES)
        yield from _none_of(f"{where}.period", line.period, PERIODS)
        if line.step < 1:
            yield f"{where}.step: must be minutes, 1 or more"
        if not line.name.strip():
            yield f"{where}.name: is empty"
        for name in ("quantity", "used"):
            if (getattr(line, name) or 0) < 0:
                yield f"{where}.{name}: must not be negative"


_WRONG: Mapping[str, Any] = {
    "calendars": _calendar,
    "slas": _sla,
    "groups": _group,
    "agents": _agent,
    "vendors": _vendor,
    "customers": _customer,
    "routing": _routing,
    "intake_rules": _intake_rule,
    "alert_sources": _alert_source,
    "rotas": _rota,
    "quick_replies": _quick_reply,
}


def _doubles(at: str, parts: Iterable[Any]) -> Iterator[str]:
    seen = set()
    for number, part in enumerate(parts, start=1):
        here = place(at, part, number)
        one = addresses.key(
            here.removesuffix("]")
        )  # also of e-mail addresses: one domain written in two ways
        if one in seen:
            yield f"{here}: stands there twice"
        seen.add(one)


def _doubled_numbers(customers: Iterable[CustomerPart]) -> Iterator[str]:
    """What must be the only one among all customers: contract numbers, and codes that are typed on the telephone."""
    seen: dict[str, str] = {}
    for customer in customers:
        told = [(f"contracts[{c.number}]", f"contract {c.number}") for c in customer.contracts]
        told += [("phone_code", f"phone_code {customer.phone_code}")] if customer.phone_code else []
        for where, what in told:
            if seen.setdefault(what, customer.code) != customer.code:
                yield f"customers[{customer.code}].{where}: {what} is that of {seen[what]} already"


def _zone(at: str, name: str) -> Iterator[str]:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a directory of zones
        yield f"{at}: '{name}' is not a time zone such as Europe/Rome"


def _address(at: str, email: str) -> Iterator[str]:
    if not addresses.plausible(email):
        yield f"{at}: '{email}' is no e-mail address"


def _unknown(at: str, wanted: Iterable[str | None], section: str, names: Names) -> Iterator[str]:
    known = names[section]
    if known is not None:
        yield from _not_there(at, wanted, known, f"a {_KINDS[section]}")


def _not_there(at: str, wanted: Iterable[str | None], known: frozenset[str], what: str) -> Iterator[str]:
    for name in wanted:
        if name and name not in known:
            yield f"{at}: '{name}' is not {what}{mean(name, known)}"


def _none_of(at: str, name: str, known: Iterable[str]) -> Iterator[str]:
    if name not in known:
        yield f"{at}: '{name}' is none of {', '.join(known)}{mean(name, known)}"

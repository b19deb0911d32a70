"""Is a signature on a mail genuine? DKIM (RFC 6376, 8301, 8463), with keys that were looked up before: no network here.

Own code over `cryptography`, every step linear in the size of the mail: strangers choose what is canonicalised
(decision 0043). What a domain signs only a part of (`l=`), or with a key that can be broken, is not believed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

SIGNATURES = 5  # of one mail that are looked at
FIELDS = 200  # names in one h=
HEADER = 256 * 1024  # bytes of the header that are looked at
LEAST_BITS, MOST_BITS = 1024, 4096  # RFC 8301, 3.2; what is larger only costs time
NAME = "dkim-signature"

Keys = Mapping[str, Sequence[str] | None]
"""TXT records by name, each character one byte; an empty list: there are none; None, or not there: nobody answered."""

_DOMAIN = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)+")
_BLANKS = re.compile(rb"[ \t]+")
_SELECTOR = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What came of one: pass, fail, neutral (not believed), permerror or temperror, and why in a code."""

    result: str
    domain: str
    selector: str = ""
    why: str = ""


class NotBelieved(Exception):
    """It is not genuine, or cannot be told. `result` and `why` are those of Signature."""

    def __init__(self, result: str, why: str) -> None:
        super().__init__(why)
        self.result, self.why = result, why


@dataclass(slots=True)
class Signed:
    """A mail as signers see it: fields as they were written, with CRLF at every end of a line."""

    fields: list[tuple[str, bytes]]
    """Name in lower case, and the whole field with its name, folds and last CRLF; from the top."""
    body: bytes
    _hashes: dict[str, bytes] = field(default_factory=dict)

    def all(self, name: str) -> list[bytes]:
        """Every field of this (lower case) name, from the top."""
        return [raw for known, raw in self.fields if known == name]

    def body_hash(self, way: str) -> bytes:
        """SHA-256 of the body, `relaxed` or `simple`; worked out once, however many signatures ask."""
        found = self._hashes.get(way)
        if found is None:
            body = relaxed_body(self.body) if way == "relaxed" else _simple_body(self.body)
            found = self._hashes[way] = hashlib.sha256(body).digest()
        return found


def split(raw: bytes) -> Signed:
    """The fields and the body of a mail. Never raises."""
    raw = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    end = 0 if raw.startswith(b"\r\n") else raw.find(b"\r\n\r\n")
    head = (raw if end < 0 else raw[:end])[:HEADER]
    body = b"" if end < 0 else raw[end + 4 if end else 2 :]
    fields: list[tuple[str, list[bytes]]] = []
    for line in head.split(b"\r\n"):
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1][1].append(line)
        elif b":" in line:
            name = line.partition(b":")[0].decode("latin-1").strip().lower()
            fields.append((name, [line]))
    return Signed([(name, b"\r\n".join(lines) + b"\r\n") for name, lines in fields], body)


def tags(text: str) -> dict[str, str]:
    """A list of tags (RFC 6376, 3.2), white space around and between taken off. A tag twice: none of them.

    >>> tags(" v=DKIM1; p=ab\\r\\n cd; ")
    {'v': 'DKIM1', 'p': 'ab cd'}
    """
    found: dict[str, str] = {}
    for piece in text.split(";")[:50]:
        name, equals, value = piece.partition("=")
        if not equals:
            continue
        if name.strip() in found:
            return {}
        found[name.strip()] = " ".join(value.split())
    return found


def written(raw: bytes) -> dict[str, str]:
    """The tags of a field."""
    return tags(raw.partition(b":")[2].decode("latin-1"))


def key_name(tagged: Mapping[str, str]) -> str:
    """Where the key of a signature is published; empty where it names none."""
    domain, selector = tagged.get("d", "").lower(), tagged.get("s", "").lower()
    if len(domain) > 253 or not _DOMAIN.fullmatch(domain) or not _SELECTOR.fullmatch(selector):
        return ""
    return f"{selector}._domainkey.{domain}"


def check(mail: Signed, raw: bytes, keys: Keys, *, at: datetime) -> Signature:
    """What a DKIM-Signature field of this mail is worth. `at`: when the mail came."""
    tagged = written(raw)
    domain, selector = tagged.get("d", "").lower(), tagged.get("s", "").lower()
    try:
        well_formed(tagged, at)
        names = names_of(tagged)
        head_way, body_way = ways(tagged.get("c", "simple/simple"))
        key = public_key(
            keys, tagged, subdomains=tagged.get("i", "").rpartition("@")[2].lower() in ("", domain)
        )
        if base64_of(tagged["bh"]) != mail.body_hash(body_way):
            raise NotBelieved("fail", "body_changed")
        verify(key, tagged, b"".join([*chosen(mail, names, head_way), unsigned(raw, head_way)]))
    except NotBelieved as reason:
        return Signature(result=reason.result, domain=domain[:253], selector=selector[:100], why=reason.why)
    return Signature(result="pass", domain=domain, selector=selector)


def well_formed(tagged: Mapping[str, str], at: datetime) -> None:
    """What can be seen without the key (6.1.1). Raises NotBelieved."""
    if any(not tagged.get(name) for name in ("v", "a", "b", "bh", "d", "h", "s")) or tagged["v"] != "1":
        raise NotBelieved("permerror", "malformed")
    domain, identity = tagged["d"].lower(), tagged.get("i", "").rpartition("@")[2].lower()
    if identity and identity != domain and not identity.endswith(f".{domain}"):
        raise NotBelieved("permerror", "malformed")
    if tagged["a"] == "rsa-sha1":
        raise NotBelieved("neutral", "weak_hash")
    if tagged["a"] not in ("rsa-sha256", "ed25519-sha256"):
        raise NotBelieved("permerror", "unknown_algorithm")
    if "l" in tagged:
        raise NotBelieved("neutral", "partly_signed")
    expires = tagged.get("x", "")
    if expires and not (expires.isascii() and expires.isdigit() and len(expires) < 13):
        raise NotBelieved("permerror", "malformed")
    if expires and int(expires) < at.timestamp():
        raise NotBelieved("fail", "expired")


def names_of(tagged: Mapping[str, str]) -> list[str]:
    """The fields that are signed, From among them. Raises NotBelieved."""
    names = [name.strip().lower() for name in tagged["h"].split(":")]
    if len(names) > FIELDS or "from" not in names:
        raise NotBelieved("permerror", "from_not_signed" if "from" not in names else "malformed")
    return names


def ways(text: str) -> tuple[str, str]:
    """How header and body are made canonical, `simple` or `relaxed` (3.5). Raises NotBelieved."""
    head, _, body = text.replace(" ", "").lower().partition("/")
    body = body or "simple"
    if head not in ("simple", "relaxed") or body not in ("simple", "relaxed"):
        raise NotBelieved("permerror", "malformed")
    return head, body


# --- What was signed -----------------------------------------------------------------------------------------


def chosen(mail: Signed, names: Sequence[str], way: str) -> list[bytes]:
    """The fields that `h=` names, each name from the bottom up; one that is not there is nothing (5.4.2)."""
    by_name: dict[str, list[bytes]] = {}
    for name, raw in mail.fields:
        by_name.setdefault(name, []).append(raw)
    return [canonical(by_name[name].pop(), way) for name in names if by_name.get(name)]


def canonical(raw: bytes, way: str) -> bytes:
    """One field as it is hashed (3.4.1, 3.4.2), with its CRLF."""
    if way == "simple":
        return raw
    name, _, value = raw.partition(b":")
    return name.strip().lower() + b":" + _BLANKS.sub(b" ", value.replace(b"\r\n", b"")).strip(b" ") + b"\r\n"


def unsigned(raw: bytes, way: str) -> bytes:
    """A field that holds a signature as it was when it was signed: with an empty `b=`, and without its last CRLF."""
    name, _, value = raw.removesuffix(b"\r\n").partition(b":")
    pieces = value.split(b";")
    for n, piece in enumerate(pieces):
        tag, equals, _ = piece.partition(b"=")
        if equals and tag.strip() == b"b":
            pieces[n] = tag + equals
    return canonical(name + b":" + b";".join(pieces) + b"\r\n", way).removesuffix(b"\r\n")


def _simple_body(body: bytes) -> bytes:
    """3.4.3: empty lines at the end are one end of a line; so is a body that is empty."""
    kept = body.rstrip(b"\r\n")
    tail = body[len(kept) :]
    # Only whole CRLFs are empty lines; a CR alone is what somebody wrote.
    last = tail.rfind(b"\r\r") + 1
    if tail and not tail.endswith(b"\n"):
        return body + b"\r\n"
    return kept + tail[:last] + b"\r\n"


def relaxed_body(body: bytes) -> bytes:
    """3.4.4: runs of blanks are one, those at the end of a line none. An empty body is empty."""
    body = body.replace(b"\t", b" ")
    for run in (b" " * 64, b"  "):
        while run in body:
            body = body.replace(run, b" ")
    body = _simple_body(body.replace(b" \r\n", b"\r\n").removesuffix(b" "))
    return b"" if body == b"\r\n" else body


# --- Keys ----------------------------------------------------------------------------------------------------


def public_key(
    keys: Keys, tagged: Mapping[str, str], *, subdomains: bool = True
) -> RSAPublicKey | Ed25519PublicKey:
    """The key that is published for a signature (3.6.1). `subdomains`: its `i=` is of the very domain. Raises NotBelieved."""
    name = key_name(tagged)
    if not name:
        raise NotBelieved("permerror", "malformed")
    records = keys.get(name)
    if records is None:
        raise NotBelieved("temperror", "no_answer")
    found = [record for record in map(tags, records) if "p" in record and record.get("v", "DKIM1") == "DKIM1"]
    if len(found) != 1:
        raise NotBelieved("permerror", "no_key" if not found else "several_keys")
    record = found[0]
    flags = [flag.strip() for flag in record.get("t", "").split(":")]
    services = [one.strip() for one in record.get("s", "*").split(":")]
    hashes = [one.strip() for one in record.get("h", "sha256").split(":")]
    kind = record.get("k", "rsa")
    if not record["p"]:
        raise NotBelieved("fail", "key_revoked")
    if "y" in flags:
        raise NotBelieved("neutral", "testing")
    if ("s" in flags and not subdomains) or kind != tagged["a"].partition("-")[0]:
        raise NotBelieved("permerror", "wrong_key")
    if not {"*", "email"} & set(services) or "sha256" not in hashes:
        raise NotBelieved("permerror", "wrong_key")
    return _loaded(base64_of(record["p"]), kind)


def _loaded(der: bytes, kind: str) -> RSAPublicKey | Ed25519PublicKey:
    try:
        if kind == "ed25519":
            return Ed25519PublicKey.from_public_bytes(der)
        key = load_der_public_key(der)
    except (ValueError, TypeError) as error:
        raise NotBelieved("permerror", "wrong_key") from error
    except Exception as error:  # a kind of key that this library does not know
        raise NotBelieved("permerror", "wrong_key") from error
    if not isinstance(key, RSAPublicKey) or key.key_size > MOST_BITS or key.public_numbers().e >= 2**32:
        raise NotBelieved("permerror", "wrong_key")
    if key.key_size < LEAST_BITS:
        raise NotBelieved("neutral", "weak_key")
    return key


def verify(key: RSAPublicKey | Ed25519PublicKey, tagged: Mapping[str, str], text: bytes) -> None:
    """Was this signed with the key? Raises NotBelieved."""
    signature = base64_of(tagged["b"])
    try:
        if isinstance(key, RSAPublicKey):
            key.verify(signature, text, PKCS1v15(), SHA256())
        else:
            key.verify(signature, hashlib.sha256(text).digest())  # RFC 8463, 3
    except (InvalidSignature, ValueError) as error:
        raise NotBelieved("fail", "header_changed") from error


def base64_of(text: str) -> bytes:
    """The bytes; white space in between is nothing. Raises NotBelieved."""
    try:
        return base64.b64decode(text.replace(" ", ""), validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotBelieved("permerror", "malformed") from error

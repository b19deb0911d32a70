"""Does Amazon SNS send this, and may that topic? Its signature, versions 1 and 2, the topics a source lists, and the question it asks first.

Certificates and the address that confirms a subscription are called at exactly `https://sns.REGION.amazonaws.com`, nowhere else.
"""

from __future__ import annotations

import binascii
import json
import re
import time
from base64 import b64decode
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from channels.monitoring.source import Source
from channels.reaching import Fetch, fetch, must_be_taken
from core.channel import DeliveryError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

MOST = 512 * 1024  # bytes: SNS sends at most half of that
KEPT = 20  # certificates
AGAIN = 60.0  # seconds until a certificate is asked for again that could not be had
_HOST = r"https://sns\.[a-z]{2}(?:-[a-z]+)+-[0-9]{1,2}\.amazonaws\.com/"
_CERTIFICATE = re.compile(_HOST + r"[A-Za-z0-9_-]+\.pem")
_CONFIRMS = re.compile(_HOST + r"\?[\x21-\x5b\x5d-\x7e]+")
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        "Message",
        "MessageId",
        "SubscribeURL",
        "Timestamp",
        "Token",
        "TopicArn",
        "Type",
    ),
}
_SIGNED["UnsubscribeConfirmation"] = _SIGNED["SubscriptionConfirmation"]


class Refused(ValueError):
    """It is not believed; says why, and what to do."""


@dataclass(frozen=True, slots=True)
class _Certificate:
    key: RSAPublicKey
    since: datetime
    until: datetime


@dataclass(slots=True)
class Vouching:
    """Looks at messages of SNS, and remembers certificates. `call`: how addresses are called; `clock`: seconds that never go back."""

    call: Fetch = fetch
    clock: Callable[[], float] = time.monotonic
    _known: OrderedDict[str, _Certificate] = field(default_factory=OrderedDict)
    _failed: dict[str, float] = field(default_factory=dict)

    async def vouch(self, raw: bytes, source: Source, *, now: datetime) -> None:
        """Nothing, if it is believed; a subscription is confirmed then. Raises Refused; DeliveryError: ask again later."""
        body = read(raw)
        if body is None:
            raise Refused(
                "it carries no signature of SNS: switch raw message delivery off, and subscribe this address"
            )
        kind = body.get("Type")
        if kind not in _SIGNED:
            raise Refused(f"Type: {str(kind)[:50]!r} is none that SNS sends")
        topic = str(body.get("TopicArn"))
        if topic not in source.topics:
            raise Refused(
                f"{topic[:200]} is not among the `topics` of the source: list it there, if it may send here"
            )
        await self._verify(body, _SIGNED[kind], source, now=now)
        if kind == "SubscriptionConfirmation":
            await self._confirm(body, topic, source)

    async def _verify(
        self, body: Mapping[str, Any], names: tuple[str, ...], source: Source, *, now: datetime
    ) -> None:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - only who hears of SNS waits for it
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415

        digests = {"1": hashes.SHA1, "2": hashes.SHA256}  # noqa: S303 - what version 1 is signed with
        version = str(body.get("SignatureVersion"))
        if version not in digests:
            raise Refused(f"SignatureVersion: {version[:20]!r} is neither 1 nor 2")
        try:
            signature = b64decode(str(body.get("Signature", "")), validate=True)
        except (binascii.Error, ValueError):
            raise Refused("Signature: it is not base64") from None
        certificate = await self._certificate(str(body.get("SigningCertURL")), source)
        if not certificate.since <= now <= certificate.until:
            raise Refused("the certificate of its signature holds at another time")
        try:
            certificate.key.verify(signature, signed(body, names), PKCS1v15(), digests[version]())
        except InvalidSignature:
            raise Refused(
                "the signature is not of these words: somebody else sends, or they were changed"
            ) from None

    async def _certificate(self, url: str, source: Source) -> _Certificate:
        if not _CERTIFICATE.fullmatch(url):
            raise Refused(
                f"SigningCertURL: {url[:200]!r} is no certificate of https://sns.REGION.amazonaws.com"
            )
        if url in self._known:
            self._known.move_to_end(url)
            return self._known[url]
        if self._failed.get(url, 0.0) > self.clock():
            raise DeliveryError("the certificate could not be had a moment ago")
        try:
            answer = must_be_taken(await self.call("GET", url, reaches=source.reaches))
        except DeliveryError:
            if len(self._failed) >= KEPT:
                self._failed.clear()
            self._failed[url] = self.clock() + AGAIN
            raise
        found = self._known[url] = _certificate_of(answer.body)
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
        return found

    async def _confirm(self, body: Mapping[str, Any], topic: str, source: Source) -> None:
        url = str(body.get("SubscribeURL"))
        asked = parse_qs(urlsplit(url).query) if _CONFIRMS.fullmatch(url) else {}
        if asked.get("Action") != ["ConfirmSubscription"] or asked.get("TopicArn") != [topic]:
            raise Refused(
                f"SubscribeURL: {url[:200]!r} confirms no subscription of this topic at SNS: it is not called"
            )
        must_be_taken(await self.call("GET", url, reaches=source.reaches))


def read(raw: bytes) -> Mapping[str, Any] | None:
    """The message as SNS writes it; None: it is none."""
    if len(raw) > MOST or b"SigningCertURL" not in raw:
        return None
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def signed(body: Mapping[str, Any], names: tuple[str, ...]) -> bytes:
    """What the signature is of: names and values, a line each. A subject that is not there is left out."""
    parts = [f"{name}\n{body[name]}\n" for name in names if body.get(name) is not None]
    return "".join(parts).encode()


def _certificate_of(pem: bytes) -> _Certificate:
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415

    try:
        found = x509.load_pem_x509_certificate(pem)
    except ValueError:
        raise Refused("SigningCertURL: what is there is no certificate") from None
    key = found.public_key()
    if not isinstance(key, RSAPublicKey):
        raise Refused("SigningCertURL: its key is none of RSA")
    return _Certificate(key, found.not_valid_before_utc, found.not_valid_after_utc)

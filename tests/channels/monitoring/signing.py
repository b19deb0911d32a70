"""Messages as Amazon SNS signs them, by a key of our own."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from channels.monitoring.sns import _SIGNED, signed
from channels.reaching import Answer
from core.channel import DeliveryError

TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
CERTIFICATE = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-01d088a6f77103d0.pem"
CONFIRM = f"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=abc"


@cache
def key(which: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(*, years: tuple[int, int] = (2020, 2040)) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    begin, end = (datetime(year, 1, 1, tzinfo=UTC) for year in years)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key(1).public_key())
    made = made.serial_number(7).not_valid_before(begin).not_valid_after(end - timedelta(seconds=1))
    return made.sign(key(1), hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def sign(body: dict[str, Any], *, version: str = "2", by: int = 1) -> dict[str, Any]:
    digest = hashes.SHA1() if version == "1" else hashes.SHA256()  # noqa: S303 - as SNS does
    made = key(by).sign(signed(body, _SIGNED[body["Type"]]), padding.PKCS1v15(), digest)
    return (
        {"SigningCertURL": CERTIFICATE}
        | body
        | {"SignatureVersion": version, "Signature": b64encode(made).decode()}
    )


def notification(**about: Any) -> dict[str, Any]:
    alarm = {"AlarmName": "CPU", "NewStateValue": "ALARM", "AWSAccountId": "1", "Region": "EU"}
    return {
        "Type": "Notification",
        "MessageId": "m-1",
        "TopicArn": TOPIC,
        "Subject": "ALARM: CPU",
        "Message": json.dumps(alarm),
        "Timestamp": "2026-11-29T10:00:00.000Z",
    } | about


def confirmation(**about: Any) -> dict[str, Any]:
    return {
        "Type": "SubscriptionConfirmation",
        "MessageId": "m-0",
        "TopicArn": TOPIC,
        "Token": "abc",
        "Message": "You have chosen to subscribe",
        "SubscribeURL": CONFIRM,
        "Timestamp": "2026-11-29T10:00:00.000Z",
    } | about


@dataclass
class Amazon:
    """Answers at the addresses of SNS. `called`: which were."""

    certificate: bytes = field(default_factory=pem)
    fails: Exception | None = None
    called: list[str] = field(default_factory=list)

    async def __call__(self, method: str, url: str, **_how: Any) -> Answer:
        self.called.append(url)
        if self.fails is not None:
            raise self.fails
        return Answer(
            status=200, body=self.certificate if url.endswith(".pem") else b"<ConfirmSubscriptionResponse/>"
        )


def away() -> Amazon:
    return Amazon(fails=DeliveryError("no answer"))

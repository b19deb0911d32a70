"""How does the hub get in where only certificates of an authority are heard? By one of its own, which is made of its key and kept nowhere.

The port trusts a second authority beside the one that is configured, made of the same key: whoever has not that key has no certificate of it.
"""

from __future__ import annotations

import hmac
import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of P-256: a private key is less than that (FIPS 186-4, D.1.2.3)."""
_FROM, _UNTIL = datetime(2000, 1, 1, tzinfo=UTC), datetime(2199, 12, 31, tzinfo=UTC)
_NAME = "centralino-knock"


def trusted(context: ssl.SSLContext, secret: bytes) -> None:
    """Whoever shows a certificate that is made of this key is heard here too."""
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

    context.load_verify_locations(cadata=_authority(_key(secret, "authority")).public_bytes(Encoding.DER))


def shown(context: ssl.SSLContext, secret: bytes) -> None:
    """Connections of this context show it."""
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    key = _key(secret, "hub")
    pem = _certificate(key, _key(secret, "authority")).public_bytes(Encoding.PEM)
    pem += key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with _as_file(pem) as path:  # the library of TLS takes files only
        context.load_cert_chain(path)


@contextmanager
def _as_file(pem: bytes) -> Iterator[str]:
    """Where these bytes can be read: in memory alone, where the system has such files; else in one that only we may read, for as long as it is needed."""
    memory = None
    with suppress(AttributeError, OSError):  # not of every system
        memory = os.memfd_create("knock")
    try:
        if memory is not None and os.path.exists(path := f"/proc/self/fd/{memory}"):  # noqa: PTH110 - a link to nowhere
            os.write(memory, pem)
            yield path
            return
        with tempfile.NamedTemporaryFile(prefix="knock-") as file:
            file.write(pem)
            file.flush()
            yield file.name
    finally:
        if memory is not None:
            os.close(memory)


def _key(secret: bytes, of: str) -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - only who asks for certificates waits for it

    drawn = int.from_bytes(hmac.digest(secret, f"knock-certificate|{of}".encode(), "sha512"), "big")
    return ec.derive_private_key(drawn % (_ORDER - 1) + 1, ec.SECP256R1())


def _authority(key: EllipticCurvePrivateKey) -> x509.Certificate:
    return _signed(key, key, name=f"{_NAME}-authority", authority=True)


def _certificate(key: EllipticCurvePrivateKey, by: EllipticCurvePrivateKey) -> x509.Certificate:
    return _signed(key, by, name=_NAME, authority=False)


def _signed(
    key: EllipticCurvePrivateKey, by: EllipticCurvePrivateKey, *, name: str, authority: bool
) -> x509.Certificate:
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID  # noqa: PLC0415

    def called(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    may = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(called(name))
        .issuer_name(called(f"{_NAME}-authority"))
        .public_key(key.public_key())
        .serial_number(1 if authority else 2)
        .not_valid_before(_FROM)
        .not_valid_after(_UNTIL)
        .add_extension(
            x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True
        )
        .add_extension(
            x509.KeyUsage(digital_signature=not authority, key_cert_sign=authority, **may), critical=True
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
    )
    if not authority:
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    return made.sign(by, SHA256())

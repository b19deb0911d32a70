"""Mails that are signed as others sign them: DKIM and ARC by dkimpy, with keys made once."""

from __future__ import annotations

import base64
import textwrap
from functools import cache

import dkim
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

SIGNED = (b"from", b"to", b"subject", b"date", b"message-id")


def rsa(bits: int = 1024) -> tuple[bytes, str]:
    """A private key as PEM, and the public one as a domain publishes it; always the same of one size."""
    return _rsa(bits)


@cache
def _rsa(bits: int) -> tuple[bytes, str]:
    key = generate_private_key(65537, bits)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return pem, f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"


@cache
def ed25519() -> tuple[Ed25519PrivateKey, str]:
    key = Ed25519PrivateKey.generate()
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return key, f"v=DKIM1; k=ed25519; p={base64.b64encode(raw).decode()}"


def signed(
    raw: bytes,
    domain: str = "cust-a.test",
    *,
    selector: str = "s1",
    bits: int = 1024,
    ways: tuple[bytes, bytes] = (b"relaxed", b"relaxed"),
    length: bool = False,
    key: bytes = b"",
) -> bytes:
    """The mail with a DKIM-Signature on top."""
    header: bytes = dkim.sign(
        raw,
        selector.encode(),
        domain.encode(),
        key or rsa(bits)[0],
        canonicalize=ways,
        include_headers=SIGNED,
        length=length,
    )
    return header + raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def sealed(raw: bytes, results: str, *, server: str = "mx.lists.test", domain: str = "lists.test") -> bytes:
    """The mail with one more ARC set, of a server that saw these results."""
    seen = f"Authentication-Results: {server}; {results}\r\n".encode() + raw.replace(b"\r\n", b"\n").replace(
        b"\n", b"\r\n"
    )
    headers: list[bytes] = dkim.arc_sign(
        seen, b"s1", domain.encode(), rsa()[0], server.encode(), include_headers=list(SIGNED)
    )
    return b"".join(headers) + raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def folded(text: str) -> str:
    return "\r\n ".join(textwrap.wrap(text, 60))

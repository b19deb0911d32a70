"""With which private keys does the hub sign? Files as PEM: made once, or somebody's own."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from core import keys

BITS = 2048  # of a key for RSA: more does not fit into every name server's answer

Private = RSAPrivateKey | Ed25519PrivateKey


@lru_cache(maxsize=16)
def private(path: Path, algorithm: str) -> Private:
    """The private key in a file, made where there is none. Raises OSError, and ValueError: what is there is no such key."""
    try:
        key = load_pem_private_key(keys.kept(path, lambda: _made(algorithm)), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        message = f"{path} holds no private key as PEM without a password"
        raise ValueError(message) from None
    if algorithm == "rsa" and isinstance(key, RSAPrivateKey):
        if key.key_size < BITS:
            message = f"{path} holds a key of {key.key_size} bits: it must have {BITS} at least"
            raise ValueError(message)
        return key
    if algorithm == "ed25519" and isinstance(key, Ed25519PrivateKey):
        return key
    message = f"{path} holds no key for {algorithm}"
    raise ValueError(message)


def _made(algorithm: str) -> bytes:
    key = (
        generate_private_key(public_exponent=65537, key_size=BITS)
        if algorithm == "rsa"
        else Ed25519PrivateKey.generate()
    )
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

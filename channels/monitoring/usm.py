"""With which keys is a message of SNMP version 3 signed and encrypted? Digests, ciphers and keys of the user-based security model.

RFC 3414; the digests of the SHA-2 family are RFC 7860; AES is RFC 3826. Keys longer than a digest are made as Net-SNMP makes them
(draft-blumenthal-aes-usm-04), with -C as Cisco does (draft-reeder-snmpv3-usm-3desede-00, 2.1).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

SALT = 8  # bytes
_SPREAD = 2**20  # bytes that a password is repeated to (RFC 3414, A.2)
_BLOCK = 8  # bytes of DES

DIGESTS: Mapping[str, tuple[str, int]] = {
    "MD5": ("md5", 12),
    "SHA": ("sha1", 12),
    "SHA-224": ("sha224", 16),
    "SHA-256": ("sha256", 24),
    "SHA-384": ("sha384", 32),
    "SHA-512": ("sha512", 48),
}
"""The name that devices know it by: Python's, and how many bytes of it a message carries."""


class CannotBeDecrypted(ValueError):
    """The bytes are not what this cipher makes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """How somebody signs, with the key for one engine."""

    name: str
    key: bytes = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes of it that a message carries."""
        return DIGESTS[self.name][1]

    def of(self, message: bytes) -> bytes:
        """The digest of a message in which its own place holds zeros (RFC 3414, 6.3.1)."""
        return hmac.digest(self.key, message, DIGESTS[self.name][0])[: self.size]


@dataclass(frozen=True, slots=True, kw_only=True)
class Privacy:
    """How somebody encrypts, with the key for one engine."""

    name: str
    key: bytes = field(repr=False)

    def decrypt(self, content: bytes, *, salt: bytes, boots: int, time: int) -> bytes:
        """What is inside; of DES with what fills its last block. Raises CannotBeDecrypted."""
        if len(salt) != SALT or (self.name == "DES" and len(content) % _BLOCK):
            raise CannotBeDecrypted("the salt has not 8 bytes, or a block is not whole")
        cipher = self._cipher(salt, boots, time).decryptor()
        return bytes(cipher.update(content) + cipher.finalize())

    def encrypt(self, content: bytes, *, salt: bytes, boots: int, time: int) -> bytes:
        """The same the other way. `salt`: of `salt_of`."""
        if self.name == "DES":
            content += bytes(-len(content) % _BLOCK)
        cipher = self._cipher(salt, boots, time).encryptor()
        return bytes(cipher.update(content) + cipher.finalize())

    def salt_of(self, boots: int, number: int) -> bytes:
        """A salt that no message had before (RFC 3414, 8.1.1.1; RFC 3826, 3.1.2.1). `number`: counts messages."""
        if self.name == "DES":
            return (boots & 0xFFFFFFFF).to_bytes(4, "big") + (number & 0xFFFFFFFF).to_bytes(4, "big")
        return (number & (2**64 - 1)).to_bytes(8, "big")

    def _cipher(self, salt: bytes, boots: int, time: int) -> Cipher[Any]:
        if self.name == "DES":  # three times the same key is DES once
            start = bytes(a ^ b for a, b in zip(self.key[8:16], salt, strict=True))
            return Cipher(TripleDES(self.key[:8] * 3), CBC(start))
        start = boots.to_bytes(4, "big") + time.to_bytes(4, "big") + salt
        return Cipher(AES(self.key), CFB(start))


def digest(name: str, password: str, engine: bytes) -> Digest:
    """Signing as a user does with an engine. `name`: of DIGESTS."""
    return Digest(name=name, key=localised(DIGESTS[name][0], password.encode(), engine))


def privacy(name: str, password: str, engine: bytes, *, signed_by: str) -> Privacy:
    """Encrypting as a user does with an engine. `name`: of CIPHERS; `signed_by`: the digest makes this key too (RFC 3414, 2.6)."""
    size, longer = CIPHERS[name]
    kind = DIGESTS[signed_by][0]
    key = localised(kind, password.encode(), engine)
    return Privacy(name=name, key=longer(kind, key, engine, size)[:size])


@lru_cache(maxsize=1024)
def spread(kind: str, password: bytes) -> bytes:
    """The key of a password for every engine (RFC 3414, A.2): slow on purpose, some milliseconds."""
    times, rest = divmod(_SPREAD, len(password))
    return hashlib.new(kind, password * times + password[:rest]).digest()


@lru_cache(maxsize=4096)
def localised(kind: str, password: bytes, engine: bytes) -> bytes:
    """The key of a password for one engine: whoever learns it can be this user with no other (RFC 3414, 2.6)."""
    key = spread(kind, password)
    return hashlib.new(kind, key + engine + key).digest()


def first_number() -> int:
    """Where counting messages for salts begins: nobody else can know it (RFC 3826, 3.1.4.1)."""
    return secrets.randbits(63)


def _as_it_is(_kind: str, key: bytes, _engine: bytes, _size: int) -> bytes:
    return key  # every digest has 16 bytes


def _blumenthal(kind: str, key: bytes, _engine: bytes, size: int) -> bytes:
    while len(key) < size:
        key += hashlib.new(kind, key).digest()
    return key


def _reeder(kind: str, key: bytes, engine: bytes, size: int) -> bytes:
    last = key
    while len(key) < size:
        last = localised(kind, last, engine)
        key += last
    return key


CIPHERS: Mapping[str, tuple[int, Callable[[str, bytes, bytes, int], bytes]]] = {
    "DES": (16, _as_it_is),
    "AES": (16, _as_it_is),
    "AES-192": (24, _blumenthal),
    "AES-256": (32, _blumenthal),
    "AES-192-C": (24, _reeder),
    "AES-256-C": (32, _reeder),
}
"""The name that devices know it by: bytes of its key, and how a key that is too short is made longer."""

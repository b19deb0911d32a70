"""How does an application of Google's ask for somebody's mailbox? By a statement that it signs with its own key (RFC 7523, RS256 of RFC 7518).

Google's page: https://developers.google.com/identity/protocols/oauth2/service-account
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

COUNTS = 3600  # seconds; Google takes no longer ones


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccount:
    """The account of an application, with the key that it signs with."""

    email: str
    key_id: str
    key: RSAPrivateKey = field(repr=False)

    def statement(self, *, audience: str, user: str, scope: str, now: Callable[[], float] = time.time) -> str:
        """The application asks `audience` for a token for the mailbox of `user`; good for an hour from now."""
        at = int(now())
        header = {"alg": "RS256", "typ": "JWT"} | ({"kid": self.key_id} if self.key_id else {})
        said = {
            "iss": self.email,
            "sub": user,
            "scope": scope,
            "aud": audience,
            "iat": at,
            "exp": at + COUNTS,
        }
        signed = f"{_part(header)}.{_part(said)}"
        signature = self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_letters(signature)}"


def read(text: str) -> ServiceAccount:
    """The account in the file that Google gives for a key. Raises ValueError that says what is wrong and nothing of the key."""
    try:
        said = json.loads(text)
        found = {name: said[name] for name in ("client_email", "private_key")}
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError(_NONE) from None
    if not all(isinstance(one, str) and one for one in found.values()):
        raise ValueError(_NONE)
    try:
        key = load_pem_private_key(found["private_key"].encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("the private_key in it is no key as PEM") from None
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("the private_key in it is no key for RSA")  # noqa: TRY004 - the text is wrong, not its type
    return ServiceAccount(email=found["client_email"], key_id=str(said.get("private_key_id") or ""), key=key)


_NONE = "it holds no key of a service account: the file as Google gives it (JSON)"


def _part(document: Mapping[str, Any]) -> str:
    return _letters(json.dumps(document, separators=(",", ":")).encode())


def _letters(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

"""Whose account is it, and did Twilio really send this? Signatures over the address that the settings name.

https://www.twilio.com/docs/usage/security: HMAC over the public address and the sorted fields of a form, or, for a
JSON body, over the address alone with the body's hash in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from multidict import MultiDict
from twilio.request_validator import (
    HMAC_SHA1,
    SIGNATURE_HEADER,
    SIGNATURE_SETTINGS_HEADER,
    RequestValidator,
    get_signature_algorithm,
)

from channels.phone.twilio.rest import Rest
from channels.phone.twilio.twiml import Url, base_url

__all__ = ["SIGNATURE_HEADER", "SIGNATURE_SETTINGS_HEADER", "Account", "fields"]

FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 500


@dataclass(slots=True, kw_only=True)
class Account:
    """One account, as every way that uses it knows it."""

    sid: str
    token: str = field(repr=False)
    public_url: str
    number: str = ""
    rest: Rest
    signing_keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Secrets by the id of the key; where there is one, only such signatures count."""

    @property
    def url(self) -> Url:
        """Addresses of our webhooks."""
        return base_url(self.public_url)

    def signed(self, path_qs: str, body: bytes, content_type: str, headers: Mapping[str, str]) -> bool:
        """Is it signed by this account? `path_qs` as it was asked for; the host never counts."""
        signature = headers.get(SIGNATURE_HEADER, "")
        if not signature or not signature.isascii():
            return False
        said = headers.get(SIGNATURE_SETTINGS_HEADER, "")
        algorithm = get_signature_algorithm(said)
        secret = self._secret(said, algorithm)
        if secret is None:
            return False
        params: MultiDict[str] | str
        try:
            params = fields(body) if content_type == FORM or not body else body.decode("utf-8")
            validator = RequestValidator(secret)
            return bool(validator.validate(self.public_url + path_qs, params, signature, algorithm))
        except (TypeError, ValueError):  # a text body without bodySHA256 is more than the library can take
            return False

    def _secret(self, said: str, algorithm: str) -> str | None:
        if not self.signing_keys:
            return self.token if algorithm.upper() == HMAC_SHA1 else None
        if algorithm.upper() == HMAC_SHA1:
            return None
        named = dict(part.strip().partition("=")[::2] for part in said.split(","))
        return self.signing_keys.get(named.get("key", ""))


def fields(body: bytes) -> MultiDict[str]:
    """A form, with its empty fields: they are signed too. Raises ValueError."""
    return MultiDict(
        parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    )

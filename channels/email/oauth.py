"""How do we get the tokens that a mail server takes in place of a password? From its provider (OAuth 2.0, RFC 6749), each good for an hour or so.

Three ways to get one: our own name and secret at the provider (client credentials), a leave that a person gave once (refresh token), or
a statement that an application signs (service account).
Tokens are in memory only, and neither they nor what they are got with is ever in a log or an error.
"""

from __future__ import annotations

import asyncio
import base64
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote_plus, urlsplit

from channels.email.sasl import WITHIN, LogInRefused
from channels.reaching import Answer, fetch
from core.channel import DeliveryError
from core.networks import is_loopback

if TYPE_CHECKING:
    from channels.service_account import ServiceAccount

GRANT_BY_STATEMENT = "urn:ietf:params:oauth:grant-type:jwt-bearer"  # RFC 7523 2.1
LIVES = 600.0  # seconds, where nobody says how long (RFC 6749 4.2.2 only recommends it)
LIVES_AT_MOST = 24 * 3600.0  # seconds that we believe
BEFORE_ITS_END = 300.0  # seconds: it must last for the log-in it is got for
YOUNG = 60.0  # seconds: if one as new as this is refused, another would be
WAIT = 60.0  # seconds until the provider is asked again after it refused
SHORT_WAIT = 5.0  # seconds, after it could not be reached
LONGEST_TOKEN = 16 * 1024  # characters
_TOKEN = re.compile(r"[\x21-\x7e]+")  # RFC 6749 A.12, without blanks: it is part of a header

ADVICE = {
    "invalid_client": "see to client_id and client_secret; the secret may have run out",
    "invalid_grant": "the leave to log in has run out or was taken back: get a new refresh_token",
    "unauthorized_client": "at the provider, allow this application to do so",
    "unsupported_grant_type": "at the provider, allow this application to do so",
    "access_denied": "at the provider, allow this application to do so",
    "invalid_scope": "see to scope",
    "invalid_target": "see to scope",
}
"""What to do about an error of RFC 6749 5.2."""
ADVICE_FOR_ACCOUNTS = {
    "invalid_grant": "see to user and service_account: the mailbox or the key may be gone; the clock of this machine must be right",
    "unauthorized_client": "at the provider, let this service account act for people (domain-wide delegation) with this scope",
}


class Fetch(Protocol):
    """Calls an address; channels.reaching.fetch, or a test's."""

    async def __call__(
        self, method: str, url: str, *, form: dict[str, str], headers: Mapping[str, str]
    ) -> Answer:
        """Raises DeliveryError."""
        ...


@dataclass(slots=True, kw_only=True)
class ProviderTokens:
    """See channels.email.sasl.Tokens."""

    url: str
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    """Empty: client credentials, or a service account."""
    by_header: bool = False
    """Name and secret are shown in a header, not in the form (RFC 6749 2.3.1)."""
    account: ServiceAccount | None = None
    user: str = ""
    """Whose mailbox a service account asks for."""
    scope: str = ""
    reaches: tuple[str, ...] = ()
    place: str = "oauth"
    """The table of the settings, for who must correct it."""
    call: Fetch | None = None
    clock: Callable[[], float] = time.monotonic
    _token: str = field(default="", repr=False)
    _since: float = 0.0
    _until: float = 0.0
    """It is renewed from then on, and serves until `_ends` where no other is to be had."""
    _ends: float = 0.0
    _newer: str = field(default="", repr=False)
    """A refresh token that came instead of the one in the settings; lost with the process."""
    _stated: str = field(default="", repr=False)
    _refused: str = ""
    _quiet_until: float = 0.0
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def current(self, *, but: str = "") -> str:
        """See channels.email.sasl.Tokens."""
        async with self._asking:
            now = self.clock()
            if self._token and now < self._until and (self._token != but or now - self._since < YOUNG):
                return self._token
            serves = bool(self._token) and self._token != but and now < self._ends
            if now < self._quiet_until:
                if serves:
                    return self._token
                raise LogInRefused(self._refused)
            try:
                async with asyncio.timeout(WITHIN):
                    await self._ask(now)
            except (DeliveryError, TimeoutError) as error:
                known = isinstance(error, LogInRefused)
                why = str(error) or f"no answer within {WITHIN:.0f} s"
                self._refused = why if known else f"there is no token to log in with: {why}"
                self._quiet_until = self.clock() + (WAIT if known else SHORT_WAIT)
                if not serves:
                    raise LogInRefused(self._refused) from None
            return self._token

    @property
    def _host(self) -> str:
        return urlsplit(self.url).hostname or ""

    async def _ask(self, now: float) -> None:
        if self._newer:
            try:
                return await self._ask_with(self._newer, now)
            except _LeaveEnded:  # the one in the settings is what an administrator renews
                self._newer = ""
        return await self._ask_with(self.refresh_token, now)

    async def _ask_with(self, refresh_token: str, now: float) -> None:
        form, headers = self._question(refresh_token)
        answer = await (self.call or self._call)("POST", self.url, form=form, headers=headers)
        said = _document(answer)
        token = said.get("access_token")
        if answer.status != 200 or not isinstance(token, str):  # noqa: PLR2004 - RFC 6749 5.1
            raise self._no_token(answer.status, said)
        if not _TOKEN.fullmatch(token) or len(token) > LONGEST_TOKEN:
            raise LogInRefused(f"what {self._host} gives is no token: see to token_url of {self.place}")
        kind = said.get("token_type", "Bearer")
        if str(kind).lower() != "bearer":
            raise LogInRefused(f"{self._host} gives a token that is no bearer token, as mail servers want")
        lives = _seconds(said.get("expires_in"))
        self._token, self._since, self._quiet_until = token, now, 0.0
        self._until, self._ends = now + max(lives - BEFORE_ITS_END, lives / 2), now + lives
        newer = said.get("refresh_token")
        if refresh_token and isinstance(newer, str) and 0 < len(newer) <= LONGEST_TOKEN:
            self._newer = newer

    def _question(self, refresh_token: str) -> tuple[dict[str, str], dict[str, str]]:
        """What we ask for a token with: the fields of a form, and headers."""
        if self.account is not None:
            self._stated = self.account.statement(audience=self.url, user=self.user, scope=self.scope)
            return {"grant_type": GRANT_BY_STATEMENT, "assertion": self._stated}, {}
        form = {"grant_type": "refresh_token" if refresh_token else "client_credentials"}
        more = {"refresh_token": refresh_token, "scope": self.scope}
        headers = {}
        if self.by_header:
            headers["Authorization"] = f"Basic {self._basic()}"
        else:
            more = {"client_id": self.client_id, "client_secret": self.client_secret, **more}
        return form | {name: value for name, value in more.items() if value}, headers

    async def _call(
        self, method: str, url: str, *, form: dict[str, str], headers: Mapping[str, str]
    ) -> Answer:
        own = ("127.0.0.0/8", "::1/128") if is_loopback(self._host) else ()
        listed = f"`reaches` of {self.place}"
        return await fetch(
            method, url, form=form, headers=headers, reaches=(*self.reaches, *own), listed=listed
        )

    def _no_token(self, status: int, said: dict[str, Any]) -> DeliveryError:
        """What an administrator reads of a refusal: the provider's own words, and what to do."""
        code, words = said.get("error"), said.get("error_description")
        if status >= 500 or status == 429 or code == "temporarily_unavailable":  # noqa: PLR2004
            return DeliveryError(f"{self._host} gives no token now: it answers {status}")
        told = ": ".join(self._clean(one) for one in (code, words) if isinstance(one, str) and one)
        if not told:
            return LogInRefused(
                f"{self._host} gives no token: it answers {status} and nothing that is an answer of OAuth 2.0; "
                f"see to token_url of {self.place}"
            )
        known = ADVICE | (ADVICE_FOR_ACCOUNTS if self.account is not None else {})
        advice = known.get(str(code), "see to what is written there")
        kind = _LeaveEnded if code == "invalid_grant" else LogInRefused
        return kind(f"{self._host} gives no token: {told}. In {self.place}: {advice}")

    def _basic(self) -> str:
        """Name and secret as a header shows them."""
        shown = f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret)}"
        return base64.b64encode(shown.encode()).decode()

    def _clean(self, text: str) -> str:
        """On one line, and without what nobody may read, should it be repeated to us."""
        secrets = (self.client_secret, self.refresh_token, self._newer, self._stated, self._basic())
        for secret in filter(None, secrets):
            for form in (secret, quote_plus(secret)):
                text = text.replace(form, "•••")
        return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:300].rstrip(".")


class _LeaveEnded(LogInRefused):
    """A refresh token counts no more."""


def _document(answer: Answer) -> dict[str, Any]:
    try:
        said = answer.json()
    except DeliveryError:
        return {}
    return said if isinstance(said, dict) else {}


def _seconds(lives: Any) -> float:
    """How long it lives. Some write the number as text."""
    try:
        seconds = float(lives)
    except (TypeError, ValueError, OverflowError):
        return LIVES
    return min(seconds, LIVES_AT_MOST) if seconds > 0 else LIVES

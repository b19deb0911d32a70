"""How do we ask Twilio for something? Its own library over the hub's one HTTP client; errors say whether to try again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, cast
from urllib.parse import urlencode, urlsplit

import aiohttp
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from core.channel import DeliveryError

T = TypeVar("T")

WITHIN = 20.0  # seconds for one question
MEDIA_WITHIN = 60.0  # seconds for one file
LARGEST_FILE = 100 * 2**20  # bytes
HOME = "https://api.twilio.com"

NOT_IN_SERVICE_WINDOW = 63016
"""WhatsApp: more than 24 hours since they wrote, and this was no template."""
OPTED_OUT = 21610
NOBODY_THERE = frozenset(
    {
        13224,  # dial: invalid phone number
        21211,  # "To" is no valid number
        21217,  # number looks invalid
        21401,  # number looks invalid
        21408,  # permission to send to this region is off
        21421,  # number is invalid
        21610,  # who owns it asked for no more messages
        21612,  # cannot be reached from this sender
        21614,  # no mobile number
        63003,  # no such address on the channel
    }
)
"""Codes after which trying the same again is useless."""


class Asking(Protocol):
    """Carries one request to Twilio: the network, or its official description in tests."""

    async def __call__(
        self, method: str, url: str, *, params: Any, data: Any, headers: Any, auth: Any
    ) -> tuple[int, str]:
        """Status and body. Raises OSError, TimeoutError or aiohttp.ClientError."""
        ...


@dataclass(slots=True)
class Network:
    """See Asking. `api_url`: another base address that takes every call; empty: Twilio's own."""

    api_url: str = ""
    within: float = WITHIN
    _session: aiohttp.ClientSession | None = None

    async def __call__(
        self, method: str, url: str, *, params: Any, data: Any, headers: Any, auth: Any
    ) -> tuple[int, str]:
        """See Asking."""
        async with asyncio.timeout(self.within):
            async with self.session.request(
                method,
                self.address(url),
                params=_pairs(params),
                data=urlencode(_pairs(data)) if data else None,
                headers={**(headers or {}), **(_login(auth) if auth else {})},
                allow_redirects=False,
            ) as answer:
                return answer.status, await answer.text()

    async def fetch(self, url: str, *, auth: tuple[str, str], largest: int = LARGEST_FILE) -> bytes:
        """A file. Twilio sends on to its storage, where our password must not go. Raises DeliveryError."""
        try:
            async with asyncio.timeout(MEDIA_WITHIN):
                async with self.session.get(
                    self.address(url), headers=_login(auth), allow_redirects=False
                ) as first:
                    if first.status not in (301, 302, 303, 307, 308):
                        return await _body(first, largest)
                    elsewhere = first.headers.get("Location", "")
                if not self.api_url and urlsplit(elsewhere).scheme != "https":
                    raise DeliveryError("the file is not offered by https", permanent=True)
                async with self.session.get(elsewhere) as second:
                    return await _body(second, largest)
        except (OSError, TimeoutError, aiohttp.ClientError, ValueError) as error:
            raise DeliveryError(f"the file could not be fetched: {type(error).__name__}") from error

    def address(self, url: str) -> str:
        """Where it is really asked."""
        if not self.api_url:
            return url
        parts = urlsplit(url)
        return f"{self.api_url.rstrip('/')}{parts.path}" + (f"?{parts.query}" if parts.query else "")

    @property
    def session(self) -> aiohttp.ClientSession:
        """One for the life of a running channel."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self._session

    async def close(self) -> None:
        """Let the connections go."""
        if self._session is not None:
            await self._session.close()


def _login(auth: tuple[str, str]) -> dict[str, str]:
    return {"Authorization": aiohttp.encode_basic_auth(*auth)}


async def _body(answer: aiohttp.ClientResponse, largest: int) -> bytes:
    if answer.status != 200:
        raise DeliveryError(f"the file could not be fetched: {answer.status}", permanent=answer.status == 404)
    content = bytearray()
    async for piece in answer.content.iter_chunked(64 * 1024):
        content += piece
        if len(content) > largest:
            raise DeliveryError(f"the file is larger than {largest} bytes", permanent=True)
    return bytes(content)


def _pairs(values: Any) -> list[tuple[str, str]]:
    """As forms and addresses have them: a list is a field that is named again."""
    return [
        (name, str(one).lower() if isinstance(one, bool) else str(one))
        for name, value in (values or {}).items()
        for one in (value if isinstance(value, list | tuple) else [value])
    ]


class _Http(AsyncHttpClient):
    """What the library calls its HTTP client."""

    def __init__(self, asking: Asking) -> None:
        super().__init__(logging.getLogger("twilio"), is_async=True)
        self._asking = asking

    async def request(  # noqa: PLR0917 - as the library calls it
        self,
        method: str,
        uri: str,
        params: Any = None,
        data: Any = None,
        headers: Any = None,
        auth: Any = None,
        timeout: float | None = None,
        allow_redirects: bool = False,  # noqa: FBT001, FBT002
    ) -> Response:
        status, text = await self._asking(method, uri, params=params, data=data, headers=headers, auth=auth)
        return Response(status, text)


@dataclass(slots=True, kw_only=True)
class Rest:
    """The account's REST interface. `client` is the library's; `ask` carries out one call of it."""

    sid: str
    token: str = field(repr=False)
    region: str = ""
    edge: str = ""
    network: Network = field(default_factory=Network)
    asking: Asking | None = None
    """Instead of the network."""
    _client: Client | None = None

    @property
    def client(self) -> Client:
        """Made once."""
        if self._client is None:
            self._client = Client(
                self.sid,
                self.token,
                region=self.region or None,
                edge=self.edge or None,
                http_client=_Http(self.asking or self.network),
                environment={"": ""},  # nothing that happens to stand there is ours
            )
        return self._client

    async def ask(self, call: Callable[[Client], Awaitable[T]]) -> T:
        """Do it. Raises DeliveryError with Twilio's own code and words."""
        try:
            return await call(self.client)
        except TwilioRestException as error:
            raise refused(error) from error
        except TwilioException as error:  # what the library says of a list that it did not get
            raise DeliveryError("Twilio did not answer what it was asked") from error
        except (OSError, TimeoutError, aiohttp.ClientError) as error:
            raise DeliveryError(f"Twilio could not be asked: {type(error).__name__}") from error

    async def fetch(self, path: str, *, largest: int = LARGEST_FILE) -> bytes:
        """A file of the account, by its path or by its address at Twilio. Raises DeliveryError."""
        url = HOME + path if path.startswith("/") else path
        parts = urlsplit(url)
        if parts.scheme != "https" or not (parts.hostname or "").endswith(
            ".twilio.com"
        ):  # our password goes along
            raise DeliveryError("this file does not lie at Twilio", permanent=True)
        return await self.network.fetch(url, auth=(self.sid, self.token), largest=largest)

    async def close(self) -> None:
        """Let go."""
        await self.network.close()


class Refused(DeliveryError):
    """Twilio's own answer. `code`: see the list of its errors; 0: it gave none."""

    def __init__(
        self, message: str, *, code: int, permanent: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(message, permanent=permanent, retry_after=retry_after)
        self.code = code


def refused(error: TwilioRestException) -> Refused:
    """Its answer as we say it; too many questions at once is a reason to wait."""
    code = int(cast(Any, error.code) or 0)
    words = (
        f"Twilio says {error.status}" + (f" ({code})" if code else "") + f": {' '.join(error.msg.split())}"
    )
    return Refused(
        words[:300],
        code=code,
        permanent=code in NOBODY_THERE
        or (400 <= error.status < 500 and error.status not in (401, 403, 404, 408, 429)),
        retry_after=60.0 if error.status == 429 else None,
    )

"""May we call that address? Every call out of here is to the internet, or to networks that whoever configured it lists; once, and without detours.

A name is looked up once, and what it stands for is what is called: nobody can say another address in between. There are no redirects, ten
seconds at most, and answers are small.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Protocol
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from core.channel import DeliveryError
from core.kept_secrets import BUNDLE, kept_secret

SECONDS = 10.0  # for all of a call
MOST = 1024 * 1024  # bytes of an answer
LISTED = "`reaches` of the source"
_NAT64 = ip_network("64:ff9b::/96")
_REDIRECTS = range(300, 400)
_REFUSED = range(400, 500)
_LATER = (408, 425, 429)
"""Of those, who says them may say something else in a while."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port to IP addresses. Raises OSError."""


class Forbidden(DeliveryError):
    """We do not call there: it would lead into a network that is not listed."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: not a redirect, and not more than MOST."""

    status: int
    body: bytes

    def json(self) -> Any:
        """The document. Raises DeliveryError: it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise DeliveryError(f"the answer ({self.status}) is no JSON") from None


class Fetch(Protocol):
    """Something that calls an address; `fetch` below, or a test's."""

    async def __call__(
        self,
        method: str,
        url: str,
        *,
        reaches: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
        document: Any = None,
        ca: str = "",
    ) -> Answer:
        """See `fetch`."""
        ...


def allowed(address: str, reaches: Sequence[str]) -> bool:
    """May it be called? An IPv4 address within an IPv6 one is looked at for itself.

    >>> allowed("93.184.215.14", ()), allowed("10.0.0.5", ()), allowed("10.0.0.5", ("10.0.0.0/8",)), allowed("::ffff:127.0.0.1", ())
    (True, False, True, False)
    >>> allowed("fec0::1", ()), allowed("fec0::1", ("fec0::/10",))
    (False, True)
    """
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        found = _within(found)
    if any(found in ip_network(network, strict=False) for network in reaches):
        return True
    if (
        isinstance(found, IPv6Address) and found.is_site_local
    ):  # given up (RFC 3879), and used inside networks still
        return False
    return found.is_global and not found.is_multicast and not found.is_reserved


def _within(address: IPv6Address) -> IPv4Address | IPv6Address:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None) or address


async def looked_up(host: str, port: int) -> Sequence[str]:
    """What the name stands for now."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


async def fetch(
    method: str,
    url: str,
    *,
    reaches: Sequence[str] = (),
    headers: Mapping[str, str] | None = None,
    document: Any = None,
    form: Mapping[str, str] | None = None,
    ca: str = "",
    listed: str = LISTED,
    resolve: Resolve = looked_up,
    seconds: float = SECONDS,
) -> Answer:
    """Call an address. `document`: sent as JSON; `form`: as the fields of a form. `ca`: file of the authority of its certificate, where no public one is; of several, up to BUNDLE bytes of PEM.

    `listed`: what the setting is called that `reaches` comes from.

    Raises Forbidden; DeliveryError for whatever else is no answer, redirects included.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host:
        raise Forbidden("only http and https are called")
    try:
        async with asyncio.timeout(seconds):
            port = parts.port or (443 if parts.scheme == "https" else 80)
            addresses = await resolve(host, port)
            closed = [one for one in addresses if not allowed(one, reaches)]
            if closed or not addresses:
                where = closed[0] if closed else "nothing"
                raise Forbidden(
                    f"{host} is {where}, which is not in the internet: list its network in {listed}"
                )
            sent = {"json": document} if form is None else {"data": dict(form)}
            return await _called(method, url, addresses, headers or {}, sent, ca)
    except TimeoutError:
        raise DeliveryError(f"{host} does not answer within {seconds:.0f} s") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise DeliveryError(f"{host} cannot be called: {type(error).__name__}") from None


def _trusting(ca: str) -> ssl.SSLContext:
    """Believes the authorities of this file alone. Waits as core.kept_secrets does: it may lie in a folder that hangs. Raises DeliveryError.

    What tools make for themselves (`icinga2 api setup`) lacks extensions that Python 3.13 and later insist on.
    """
    try:
        found = kept_secret(f"file:{ca}", longest=BUNDLE)
    except ValueError as error:
        raise DeliveryError(f"`ca` of the source {error}") from None
    # Names beside the certificates may be in any language; of no certificate at all the library makes a belief in every public authority.
    if not (certificates := found.encode("ascii", "ignore").decode()):
        raise DeliveryError(f'`ca` of the source asks for "{ca}", which is empty')
    try:
        context = ssl.create_default_context(cadata=certificates)
    except ssl.SSLError:
        raise DeliveryError(
            f'`ca` of the source asks for "{ca}", which holds no certificate in PEM'
        ) from None
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


async def _called(
    method: str,
    url: str,
    addresses: Sequence[str],
    headers: Mapping[str, str],
    sent: Mapping[str, Any],
    ca: str,
) -> Answer:
    context = await asyncio.to_thread(_trusting, ca) if ca else True
    connector = aiohttp.TCPConnector(resolver=_These(addresses), use_dns_cache=False, ssl=context)
    async with (
        aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
        ) as session,
        session.request(
            method,
            url,
            headers={"Accept": "application/json", **headers},
            allow_redirects=False,
            **sent,
        ) as answer,
    ):
        body = bytearray()
        async for part in answer.content.iter_any():
            body += part
            if len(body) > MOST:
                raise DeliveryError(f"the answer has more than {MOST} bytes")
    if answer.status in _REDIRECTS:
        raise DeliveryError(
            f"it answers {answer.status} and sends us elsewhere, where we do not go: correct the address",
            permanent=True,
        )
    return Answer(status=answer.status, body=bytes(body))


def must_be_taken(answer: Answer, *, but: Sequence[int] = ()) -> Answer:
    """The answer, if it is 2xx, or one of `but`. Raises DeliveryError, permanent where another try would hear the same."""
    if 200 <= answer.status < 300 or answer.status in but:  # noqa: PLR2004 - the class of what went well
        return answer
    permanent = answer.status in _REFUSED and answer.status not in _LATER
    hint = ": correct user and token of the source" if answer.status in (401, 403) else ""
    raise DeliveryError(f"it answers {answer.status}{hint}", permanent=permanent)


class _These(AbstractResolver):
    """Knows the addresses that were looked at, and no others."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """See AbstractResolver."""
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        """See AbstractResolver."""

"""What do all handlers share? The database, the settings, the renderer, the live updates; and one way to say the time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aiohttp import web

from core.calling import Switchboard
from core.channel import Linking, Publishing
from core.common import Tally
from core.desk import accounts
from core.settings import Settings
from core.store.database import Database
from web.limits import Limiter
from web.live import Live
from web.pages import Pages

if TYPE_CHECKING:
    from core.hub import Hub


@dataclass(slots=True, kw_only=True)
class Site:
    """Of one application."""

    db: Database
    settings: Settings
    pages: Pages
    live: Live
    limits: accounts.Limits
    clean: Callable[..., str]
    """Makes a stranger's HTML fit for its frame."""
    also_by: str = ""
    """The channel that carries portal answers and letters to people's inboxes, if there is one."""
    people: Limiter
    """Requests of each person who is signed in."""
    strangers: Limiter
    """Requests of each address on pages that need no log-in."""
    providers: Limiter
    devices: Limiter
    """Webhooks from each address."""
    hub: Hub | None = None
    telephone: str | None = None
    """The number customers call; empty: they know it; None: nobody answers calls."""
    switchboard: Switchboard | None = None
    """Where the softphone calls."""
    linking: Mapping[str, Linking] = field(default_factory=dict)
    """Channels on which people connect their accounts, by name."""
    publishing: Sequence[Publishing] = ()
    """Channels whose domains must say something in the DNS."""
    endings: Tally
    """Of sign-ins, in any process of the hub."""
    signed_in: dict[str, tuple[float, int, accounts.SignIn]] = field(default_factory=dict)
    """Cookie to (monotonic time of the look-up, endings by then, sign-in): for two seconds, or until any sign-in ends."""

    @property
    def public_url(self) -> str:
        """Links are made from it alone, never from what a client says."""
        return self.settings.hub.public_url

    @property
    def https(self) -> bool:
        """Cookies are `__Host-` and Secure then; browsers refuse both over plain http."""
        return self.public_url.startswith("https://")


SITE = web.AppKey("site", Site)


def now() -> datetime:
    """This instant; read once for each request."""
    return datetime.now(UTC)

"""Does what devices send get in? The hub sends itself a heartbeat by the way that they take; that none arrives is an alarm.

What misses is not told here: the source `hub` is watched like any other (core.desk.alert_silence).
"""

from __future__ import annotations

import asyncio

from aiohttp import ClientError, ClientSession, ClientTimeout

from core.desk import alert_sources
from core.facts import HubFacts
from core.log import get_logger
from core.places import reached
from core.settings import Settings
from web.app import WebServer

FIRST = 60.0  # seconds after the start, and again while it is not taken
WITHIN = 30.0  # seconds for an answer

log = get_logger("knocking")


class Knocking:
    """Knocks at the door of this process, or of one that shares its port."""

    def __init__(self, server: WebServer, settings: Settings, facts: HubFacts) -> None:
        self._server = server
        self._http = settings.http
        self._secret = alert_sources.own_secret(facts)

    async def run(self) -> None:
        """Until cancelled."""
        await asyncio.sleep(FIRST)
        while True:
            knocked = await self.knock()
            await asyncio.sleep(alert_sources.KNOCKS.total_seconds() if knocked else FIRST)

    async def knock(self) -> bool:
        """Once; False: nobody listens yet, or it was not taken."""
        if self._server.port is None:
            return False
        host = reached(self._http.host)
        scheme = "https" if self._http.tls_certificate else "http"
        place = f"[{host}]" if ":" in host else host
        url = f"{scheme}://{place}:{self._server.port}/in/alerts/{alert_sources.OWN}"
        try:
            async with (
                ClientSession(timeout=ClientTimeout(total=WITHIN)) as session,
                # Its certificate is for the name that others call it by; nothing but our own secret is told.
                session.post(url, headers={"Authorization": f"Bearer {self._secret}"}, ssl=False) as answer,
            ):
                if answer.ok:
                    return True
                log.warning("the hub does not take in what it sends to itself", status=answer.status)
        except (ClientError, OSError, TimeoutError) as error:
            log.warning("the hub does not reach itself", error=f"{type(error).__name__}: {error}")
        return False

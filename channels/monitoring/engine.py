"""May a message of SNMP version 3 be believed, and what is its sender told? Our engine: users, clocks of senders, reports (RFC 3414, 3.2; RFC 3412, 7.1)."""

from __future__ import annotations

import asyncio
import hmac
import time as clocks
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from channels.monitoring import ber, usm, version_3
from channels.monitoring.pace import Pace
from channels.monitoring.senders import WINDOW, Clocks, Seen, Senders
from channels.monitoring.source import NotUnderstood
from channels.monitoring.usm import CannotBeDecrypted, Digest, Privacy
from channels.monitoring.version_3 import AUTH, PRIV, REPORTABLE, Inside, Message
from core.alerting import TRAP_PASSWORD, TrapUser, trap_clock
from core.kept_secrets import kept_secret
from core.log import get_logger
from core.networks import among

LOOK = 60.0  # seconds after which a secret in the environment or a file is looked up again
SIZE = ber.SIZE  # bytes that we take

log = get_logger("monitoring")

Fate = Literal["refused", "asked", "unread"]
"""Not believed; a question that goes before an inform; not understood."""
_STATS = "1.3.6.1.6.3.15.1.1"
_LEVELS, _WINDOWS, _NAMES, _ENGINES, _DIGESTS, _DECRYPTION = range(1, 7)  # RFC 3414, 5: usmStats


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A message that is believed."""

    raw: bytes
    """Opened: see version_3.opened."""
    source: str
    user: str
    engine: str = ""
    """Its sender's, in hexadecimal numbers, whose clock was looked at; empty: nothing proves a time."""
    clock: int = 0
    """See core.alerting.trap_clock."""
    answer: Callable[[], bytes] | None = None
    """Of an inform: what its sender is told once it is stored. Raises NotUnderstood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A message that is not taken."""

    why: str
    fate: Fate = "refused"
    report: bytes | None = None
    """What its sender is told, where it may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """A message of which nobody can say yet: hand it in again once the secret of its user is read, which others need not wait for."""

    until: asyncio.Task[None]


class Engine:
    """Us, as an engine of SNMP. `boots`: more than at any time before; `clock`: seconds that never go back."""

    def __init__(self, identity: bytes, boots: int, *, clock: Callable[[], float] = clocks.monotonic) -> None:
        self.identity = identity
        self.boots = boots
        self._clock = clock
        self._began = clock()
        self._keys = Keys(clock)
        self._senders = Senders(clock)
        self._number = usm.first_number()
        self._counts: Counter[int] = Counter()
        self._pace = Pace(clock=clock)

    @property
    def time(self) -> int:
        """Seconds since we booted."""
        return int(self._clock() - self._began)

    async def take(
        self, raw: bytes, peer: str, users: Iterable[TrapUser], known: Clocks
    ) -> Taken | Left | Waits:
        """Look at one datagram. What is taken once is not taken again: hand in each only once, unless it waits. Raises what `known` raises."""
        try:
            message = version_3.taken_apart(raw)
        except NotUnderstood as error:
            return Left(why=str(error), fate="unread")
        here = [one for one in users if not one.peers or among(peer, one.peers)]
        if not here:  # whoever may not send is told nothing, not even that we are there
            return Left(why="nobody with a user of version 3 sends from there")
        return await self._take(raw, message, here, known, peer)

    async def _take(
        self, raw: bytes, message: Message, here: Sequence[TrapUser], known: Clocks, peer: str
    ) -> Taken | Left | Waits:
        name = shown(message.user)
        ours = message.engine == self.identity

        def left(why: str, stat: int, fate: Fate = "refused", *, by: _Way | None = None) -> Left:
            # Who waits for an answer, and takes us for another, must know who we are before anything else.
            stat = stat if ours else _ENGINES
            self._counts[stat] += 1
            by = by if ours else None
            return Left(why=f"{name}: {why}", fate=fate, report=self._report(message, stat, by, peer))

        if not message.engine:
            return left("asks who we are", _ENGINES, "asked" if message.flags & REPORTABLE else "refused")
        named = [one for one in here if one.name.encode() == message.user]
        if not named:
            return left("is no user of a source that sends from there", _NAMES)
        fitting = [one for one in named if _level(one) == message.level]
        if not fitting:
            return left("signs or encrypts otherwise than its source says", _LEVELS)
        way = self._who(raw, message, fitting)
        if isinstance(way, Waits):
            return way
        if way is None:
            return left("signs with another secret, or another digest", _DIGESTS)
        if message.flags & AUTH:
            if ours and not self._in_time(message):
                early = not message.boots and not message.time  # how an inform begins (RFC 3414, 4)
                return left("is not in time by our clock", _WINDOWS, "asked" if early else "refused", by=way)
            if not ours and not await self._senders.in_time(way.user.source, message, known):
                return left("is older than what it sent before; or two devices have one engine id", _WINDOWS)
        if message.flags & PRIV and (reading := self._keys.look_up(way.user, way.user.priv_secret)):
            return Waits(until=reading)
        try:
            content = self._content(message, way)
        except CannotBeDecrypted as error:
            return left(f"cannot be decrypted: {error}", _DECRYPTION, by=way)
        try:
            found = version_3.inside(content)
            kept = version_3.opened(message, content)
        except NotUnderstood as error:
            return Left(why=f"{name}: {error}", fate="unread")
        if found.tag not in (ber.TRAP, ber.INFORM):
            return Left(why=f"{name}: asks something, and nobody answers here", fate="unread")
        if ours != (found.tag == ber.INFORM):
            return left("a trap names the engine of its sender, an inform ours", _ENGINES)
        if message.flags & AUTH and (before := self._senders.before(way.user.source, message)) is not None:
            again = None
            if before.answered and self._pace.keeps(peer):
                with suppress(NotUnderstood):
                    again = self._answer(message, way, found, before)
            return Left(why=f"{name}: was here before", report=again)
        return self._taken(message, way, found, kept)

    def _taken(self, message: Message, way: _Way, found: Inside, kept: bytes) -> Taken:
        if found.tag == ber.INFORM:
            seen = self._senders.seen(way.user.source, message)
            return Taken(
                raw=kept,
                source=way.user.source,
                user=way.user.name,
                answer=lambda: self._answer(message, way, found, seen),
            )
        if not message.flags & AUTH:
            return Taken(raw=kept, source=way.user.source, user=way.user.name)
        self._senders.move_on(way.user.source, message)
        return Taken(
            raw=kept,
            source=way.user.source,
            user=way.user.name,
            engine=message.engine.hex(),
            clock=trap_clock(message.boots, message.time),
        )

    # --- Who ---

    def _who(self, raw: bytes, message: Message, fitting: Sequence[TrapUser]) -> _Way | Waits | None:
        """The user whose key fits: customers may have called theirs alike."""
        waits = None
        for user in fitting:
            if not message.flags & AUTH:
                return _Way(user=user)
            if reading := self._keys.look_up(user, user.auth_secret):
                waits = Waits(until=reading)
                continue
            sign = self._keys.digest(user, message.engine)
            if sign is None or len(message.mac) != sign.size:
                continue
            end = message.mac_at + sign.size
            unsigned = raw[: message.mac_at] + bytes(sign.size) + raw[end:]
            if hmac.compare_digest(sign.of(unsigned), message.mac):
                return _Way(user=user, sign=sign)
        return waits

    def _content(self, message: Message, way: _Way) -> bytes:
        if not message.flags & PRIV:
            return message.content
        hide = self._keys.privacy(way.user, message.engine)
        if hide is None:
            raise CannotBeDecrypted("the secret is not there")
        return hide.decrypt(message.content, salt=message.salt, boots=message.boots, time=message.time)

    # --- When ---

    def _in_time(self, message: Message) -> bool:
        """By our own clock (RFC 3414, 3.2, 7 a)."""
        return message.boots == self.boots < version_3.MOST and abs(message.time - self.time) <= WINDOW

    # --- What is told ---

    def _answer(self, message: Message, way: _Way, found: Inside, seen: Seen) -> bytes:
        """The same with another type (RFC 3416, 4.2.7), or that it is too long for who sent it. Raises NotUnderstood."""
        request = version_3.told(found).request
        assert request is not None
        raw = self._sealed(message, way, replace(found, tag=ber.RESPONSE))
        if len(raw) > message.max_size:
            too_big = ber.number(request) + ber.number(1) + ber.number(0) + ber.written(0x30, b"")
            raw = self._sealed(message, way, replace(found, tag=ber.RESPONSE, pdu=too_big))
        seen.answered = True
        return raw

    def _report(self, message: Message, stat: int, way: _Way | None, peer: str) -> bytes | None:
        """Only for who waits for an answer (RFC 3412, 7.1, 3), and so slowly that nobody is flooded in the name of another."""
        if not message.flags & REPORTABLE or not self._pace.keeps(peer):
            return None
        count = ber.written(0x30, _oid(f"{_STATS}.{stat}.0") + ber.number(self._counts[stat] % 2**32, 0x41))
        numbers = ber.number(0) * 3
        pdu = numbers + ber.written(0x30, count)
        found = Inside(engine=self.identity, context=b"", tag=ber.REPORT, pdu=pdu)
        return self._sealed(replace(message, flags=message.flags & ~PRIV), way, found)

    def _sealed(self, message: Message, way: _Way | None, found: Inside) -> bytes:
        """What goes back to who sent the message, signed and encrypted as it was, as far as `way` can."""
        sign = way.sign if way is not None else None
        flags = message.level if sign is not None else 0
        content, salt = version_3.scoped(found), b""
        seconds = self.time
        if way is not None and flags & PRIV:
            hide = self._keys.privacy(way.user, self.identity)
            if hide is None:
                raise NotUnderstood("the secret for encrypting is not there any more")
            self._number += 1
            salt = hide.salt_of(self.boots, self._number)
            content = hide.encrypt(content, salt=salt, boots=self.boots, time=seconds)
        back = Message(
            number=message.number,
            max_size=SIZE,
            flags=flags,
            engine=self.identity,
            boots=self.boots,
            time=seconds,
            user=message.user,
            mac=bytes(sign.size) if sign is not None else b"",
            salt=salt,
            content=content,
        )
        raw = version_3.put_together(back)
        if sign is None:
            return raw
        at = version_3.place_of_mac(back)
        return raw[:at] + sign.of(raw) + raw[at + sign.size :]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """Who sent a message, and how they sign."""

    user: TrapUser
    sign: Digest | None = None


class Keys:
    """Keys of users, made of the secrets that the environment and files hold, as they were looked up last."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._secrets: dict[str, tuple[float, str | None]] = {}
        self._reading: dict[str, asyncio.Task[None]] = {}

    def digest(self, user: TrapUser, engine: bytes) -> Digest | None:
        """How a user signs for an engine; None: its secret was not there."""
        secret = self._secret(user.auth_secret)
        return usm.digest(user.auth, secret, engine) if secret else None

    def privacy(self, user: TrapUser, engine: bytes) -> Privacy | None:
        """How it encrypts; None: the same."""
        secret = self._secret(user.priv_secret)
        return usm.privacy(user.priv, secret, engine, signed_by=user.auth) if secret else None

    def look_up(self, user: TrapUser, where: str) -> asyncio.Task[None] | None:
        """Read one of its secrets, unless that was done just now; the log says when it is not there.

        None: it is looked up. A file is read by the task that comes back: a folder of the network may hang, and others send meanwhile.
        """
        at, _ = self._secrets.get(where, (float("-inf"), None))
        if self._clock() - at < LOOK:
            return None
        if not where.startswith("file:"):
            self._keep(user, where)
            return None
        if where not in self._reading:
            self._reading[where] = asyncio.create_task(self._read(user, where), name="trap-secret")
        return self._reading[where]

    async def _read(self, user: TrapUser, where: str) -> None:
        try:
            await asyncio.to_thread(self._keep, user, where)
        finally:
            del self._reading[where]

    def _keep(self, user: TrapUser, where: str) -> None:
        found: str | None = None
        try:
            found = kept_secret(where)
            if len(found) < TRAP_PASSWORD:
                raise ValueError(f"has fewer than {TRAP_PASSWORD} characters, which devices do not take")
        except ValueError as error:
            found = None
            log.error(
                "a user of SNMP cannot be checked", source=user.source, user=user.name, reason=str(error)
            )
        finally:
            self._secrets[where] = (self._clock(), found)

    def _secret(self, where: str) -> str | None:
        _, found = self._secrets.get(where, (0.0, None))
        return found


def shown(user: bytes) -> str:
    """A name that a stranger may have chosen, for the log."""
    text = user.decode("utf-8", "replace")
    return text if text.isprintable() and text else user.hex() or "nobody"


def _level(user: TrapUser) -> int:
    return (AUTH if user.auth else 0) | (PRIV if user.priv else 0)


def _oid(text: str) -> bytes:
    """Of small numbers only."""
    first, second, *rest = map(int, text.split("."))
    return ber.written(0x06, bytes((40 * first + second, *rest)))

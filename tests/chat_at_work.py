"""Somebody in a chat with a desk at work: they write, press and quote, and see what the desk says to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, cast

from core import handlers
from core.desk import books, filing, intake
from core.envelope import Address, Arrival, Attachment, Chat, Inbound, Kind, Outgoing
from core.isolation import Readers
from core.store import tables
from core.store.database import Database
from core.store.tx import Tx
from core.worker import Worker
from tests.desk_at_work import AtWork, at_work
from tests.fakes import NOT_DRAWN, FakeChannel

_numbers = count(1)


@dataclass(slots=True)
class Chatter:
    """One account of a chat service, in a private chat or a room."""

    desk: AtWork
    address: str = "telegram:4242"
    name: str = "Mario"
    room: Address | None = None
    said: dict[str, Inbound] = field(default_factory=dict)
    """By update, what its reader returned: what was held is read again."""

    async def writes(
        self, text: str = "La stampante non va.", *, quotes: str = "", files: int = 0, **chat: Any
    ) -> filing.Understood:
        """Words, with `files` attachments; `chat`: further facts of core.envelope.Chat."""
        return await self.comes(
            text=text,
            in_reply_to=(quotes,) if quotes else (),
            attachments=tuple(
                Attachment(name=f"{n}.jpg", type="image/jpeg", content=f"{next(_numbers)}".encode())
                for n in range(files)
            ),
            chat=Chat(room=self.room, **chat),
        )

    async def does(self, **chat: Any) -> filing.Understood:
        """An act without words."""
        return await self.comes(kind=Kind.ACT, chat=Chat(room=self.room, **chat))

    async def presses(self, label: str) -> filing.Understood:
        """The newest button whose label begins so."""
        found = [row for row in await self.buttons() if row.label.startswith(label)]
        return await self.does(pressed=found[-1].id)

    async def comes(self, **said: Any) -> filing.Understood:
        n = next(_numbers)
        found = Inbound(
            **{
                "channel": self.address.partition(":")[0],
                "author": Address(self.address, self.name),
                "message_id": f"{self.address}/in-{n}",
                "reply_to": self.room,
                **said,
            }
        )
        arrival = Arrival(
            channel=found.channel,
            external_id=f"update {n}",
            raw=f"update {n}".encode(),
            received_at=self.desk.now,
            sender=self.address,
        )
        done = await self.desk.db.write(self._receive, arrival, found)
        await self.work()
        return done

    async def work(self) -> None:
        """The worker does what is due; what it reads again is what came."""
        todo = handlers.handlers(
            self.desk.db, [self.desk.channel], cast("Readers", self), clock=lambda: self.desk.now
        )
        await Worker(self.desk.db, todo, owner="here", clock=lambda: self.desk.now).drain()

    async def read(
        self, _reader: str, _raw: bytes, arrival: Mapping[str, Any], _options: Mapping[str, Any]
    ) -> Inbound:
        """As core.isolation.Readers does."""
        return self.said[arrival["external_id"]]

    async def questions(
        self, _asker: str, _head: bytes, _arrival: Mapping[str, Any], _options: Mapping[str, Any]
    ) -> dict[str, Any]:
        """As core.isolation.Readers does: a chat has none."""
        return {}

    async def draw(self, _writer: str, _paper: bytes, _pictures: Mapping[str, bytes]) -> bytes:
        """As core.isolation.Readers does."""
        return NOT_DRAWN

    def _receive(self, tx: Tx, arrival: Arrival, said: Inbound) -> filing.Understood:
        self.said[arrival.external_id or ""] = said
        return intake.receive(tx, arrival, said, now=self.desk.now)

    # --- What can be seen ---

    @property
    def here(self) -> str:
        """The address where the conversation is held."""
        return self.room.key if self.room else self.address

    async def buttons(self) -> list[Any]:
        """Everything that was ever offered here, oldest first."""
        found = await self.desk.rows(tables.chat_button, address=self.here)
        return sorted(found, key=lambda row: (row.at, row.message_id, row.position))

    async def chat(self) -> Any:
        (row,) = await self.desk.rows(tables.chat, address=self.here)
        return row

    def heard(self) -> list[Outgoing]:
        """What reached the chat so far."""
        return [one for one in self.desk.channel.sent if one.to.key == self.here]

    def last(self) -> Outgoing:
        return self.heard()[-1]

    async def texts(self, number: str) -> list[str]:
        """What came in on a ticket, as it is now, oldest first."""
        found = await self.desk.rows(tables.message, number, direction="in")
        return [row.text for row in sorted(found, key=lambda row: (row.at, row.id))]

    async def linked(self, contact: str, *, proof: str = "link") -> Chatter:
        """The account is a contact's from now on, by the first part of their address."""
        who = await self.desk.who(contact)
        of = {"agent": who.id} if who.is_agent else {"contact": who.id}
        channel = self.address.partition(":")[0]
        await self.desk.db.write(
            lambda tx: tx.insert(
                tables.identity, address=self.address, channel=channel, proof=proof, since=self.desk.now, **of
            )
        )
        return self

    def another(self, address: str = "telegram:666", name: str = "Eve") -> Chatter:
        """Somebody else on the same service."""
        return replace(self, address=address, name=name)


async def chatting(db: Database) -> Chatter:
    """Mario, whom nobody knows, on a desk whose one channel is a chat."""
    desk = await at_work(db)
    desk.channel = FakeChannel(name="telegram")
    return Chatter(desk)


async def two(mario: Chatter) -> tuple[str, str]:
    """Two open requests of Mario's, both from this chat; he was silent since, so that no choice is remembered."""
    first = (await mario.writes("La stampante non va.")).number
    await mario.does(command="new")
    second = (await mario.writes("La rete è lenta.")).number
    mario.desk.passes(minutes=31)
    return first, second


async def balanced(mario: Chatter) -> None:
    """The books are in order."""
    found = await mario.desk.db.read(books.verify, now=mario.desk.now)
    assert not found.faults, found.faults

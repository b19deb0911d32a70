"""How does another process of this hub make a call? By a socket in the data folder: one process alone holds the account."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from core.calling import Dial
from core.channel import DeliveryError
from core.envelope import Outgoing, Sent
from core.log import get_logger

LONGEST = 100  # characters of the path of a socket; systems allow a few more
LARGEST = 2**20  # bytes of a question

log = get_logger("phone")


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One of them."""

    say: Outgoing | None = None
    dial: Dial | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: `sent`, or an error (core.channel.DeliveryError)."""

    sent: Sent = Sent()
    error: str = ""
    permanent: bool = False
    retry_after: float | None = None


Serve = Callable[[Question], Awaitable[Sent]]


@asynccontextmanager
async def opened(path: Path, serve: Serve) -> AsyncIterator[None]:
    """Answer the other processes meanwhile. They have the data folder, and with it the right to."""
    if len(str(path)) > LONGEST:
        log.warning("other processes cannot make calls: the path of the data folder is too long for a socket")
        yield
        return

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            question = msgspec.json.decode(await reader.readuntil(b"\n"), type=Question)
            try:
                reply = Reply(sent=await serve(question))
            except DeliveryError as error:
                reply = Reply(error=str(error), permanent=error.permanent, retry_after=error.retry_after)
            writer.write(msgspec.json.encode(reply) + b"\n")
            await writer.drain()
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            log.warning("a question of another process was not answered", error=str(error))
        finally:
            writer.close()

    await asyncio.to_thread(path.unlink, missing_ok=True)
    former = os.umask(0o177)
    try:
        server = await asyncio.start_unix_server(answer, path, limit=LARGEST)
    finally:
        os.umask(former)
    try:
        yield
    finally:
        server.close()
        await asyncio.to_thread(path.unlink, missing_ok=True)


async def ask(path: Path, question: Question, *, otherwise: DeliveryError) -> Sent:
    """Let the process that holds the account do it. Raises DeliveryError: `otherwise` where there is none."""
    try:
        reader, writer = await asyncio.open_unix_connection(path, limit=LARGEST)
    except OSError:
        raise otherwise from None
    try:
        writer.write(msgspec.json.encode(question) + b"\n")
        await writer.drain()
        reply = msgspec.json.decode(await reader.readuntil(b"\n"), type=Reply)
    except (OSError, asyncio.IncompleteReadError):
        raise otherwise from None
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    if reply.error:
        raise DeliveryError(reply.error, permanent=reply.permanent, retry_after=reply.retry_after)
    return reply.sent

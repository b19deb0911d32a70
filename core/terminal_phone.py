"""How is the call flow tried out in a terminal? Prompts are printed, keys are typed; by the same switchboard as any line.

A line of digits is an entry, an empty line is silence, `!` hangs up. After the tone any line is what was said.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from core.calling import (
    SECRET,
    Answer,
    Audio,
    CallEvent,
    Gather,
    HangUp,
    Hold,
    Record,
    Ringing,
    Switchboard,
    Words,
)
from core.desk import call_queue
from core.ids import new_id

HANG_UP = "!"
SILENT_WAV = b"RIFF$\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00@\x1f\x00\x00\x80>\x00\x00\x02\x00\x10\x00data\x00\x00\x00\x00"
"""A WAV of no length: a terminal has no voice. What was typed stands beside it."""
TYPED = "typed"
"""What wrote the words down."""

Ask = Callable[[str], Awaitable[str]]
"""Shows what is waited for and gives the line that was typed; EOFError at the end of input."""


async def call(
    board: Switchboard,
    *,
    caller: str,
    ask: Ask,
    show: Callable[[str], None],
    path: Callable[[str], Awaitable[list[str]]] | None = None,
    flow: str = "",
    patience: Callable[[float], Awaitable[None]] | None = None,
) -> str:
    """Lead one call until it is over; its id. `path`: the nodes of the last step, printed behind what was said."""
    answer = await board.ring(
        Ringing(
            line=call_queue.SOFTPHONE, external_id=new_id(), caller=caller, at=datetime.now(UTC), flow=flow
        )
    )
    try:
        while True:
            await _tell(answer, show, path)
            if isinstance(answer.then, HangUp):
                break
            following = await _react(board, answer, ask=ask, show=show, patience=patience)
            if following is None:
                break
            answer = following
    except EOFError:
        pass
    await board.hung_up(answer.call)
    return answer.call


async def _tell(
    answer: Answer, show: Callable[[str], None], path: Callable[[str], Awaitable[list[str]]] | None
) -> None:
    if path is not None:
        show(f"  [{' > '.join(await path(answer.call))}]")
    _say(answer.say, show)


def _say(said: tuple[Words, ...], show: Callable[[str], None]) -> None:
    for words in said:
        show(f"  {words.language}  {words.text}")


async def _react(
    board: Switchboard,
    answer: Answer,
    *,
    ask: Ask,
    show: Callable[[str], None],
    patience: Callable[[float], Awaitable[None]] | None,
) -> Answer | None:
    """What the caller does; None: they hang up."""
    match answer.then:
        case Gather() as gather:
            keys = await ask("PIN> " if gather.secret else "keys> ")
            if keys == HANG_UP:
                return None
            entry = keys.rstrip(gather.finish) if gather.finish else keys
            if not entry:
                return await board.advance(answer.call, answer.seq, CallEvent(kind="silence"))
            if gather.secret:
                show(f"  {SECRET * len(entry)}")
            return await board.advance(answer.call, answer.seq, CallEvent(kind="digits", value=entry))
        case Record():
            words = await ask("(tone)> ")
            if words == HANG_UP:
                return None
            if not words:
                return await board.advance(answer.call, answer.seq, CallEvent(kind="done", value="empty"))
            audio = Audio(
                content=SILENT_WAV,
                type="audio/wav",
                seconds=0,
                external_id=f"{answer.call}-{answer.seq}",
                words=words,
                engine=TYPED,
            )
            await board.recorded(answer.call, answer.seq, audio)
            return await board.advance(answer.call, answer.seq, CallEvent(kind="done", value="recorded"))
        case Hold():
            return await _hold(board, answer, ask=ask, show=show, patience=patience)
        case _:
            return None


async def _hold(
    board: Switchboard,
    answer: Answer,
    *,
    ask: Ask,
    show: Callable[[str], None],
    patience: Callable[[float], Awaitable[None]] | None,
) -> Answer | None:
    """On hold a key may mean something; an empty line waits on."""
    while True:
        found = await board.waiting(answer.call, answer.seq)
        _say(found.say, show)
        if found.answer is not None:
            return found.answer
        keys = await ask("(connected)> " if found.bridged else "(music)> ")
        if keys == HANG_UP:
            return None
        if keys:
            return await board.advance(answer.call, answer.seq, CallEvent(kind="digits", value=keys))
        if patience is not None:
            await patience(found.ask_every)

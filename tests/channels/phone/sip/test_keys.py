"""Which keys make an entry? Without a telephone: the clock is as short as the entries."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.phone.sip import keys as pressed
from channels.phone.sip.keys import Keys, Presses
from core.calling import CallEvent, Gather

FAST = {"timeout": 0.05, "pause": 0.05}


def entered(value: str) -> CallEvent:
    return CallEvent(kind="digits", value=value)


def some(keys: str) -> Keys:
    waiting = Keys()
    for key in keys:
        waiting.press(key)
    return waiting


async def test_an_entry_ends_with_its_key_which_is_no_part_of_it() -> None:
    keys = some("4711#9")

    assert await keys.entry(Gather(maximum=8, finish="#", **FAST)) == entered("4711")
    assert keys.take() == "9"


async def test_an_entry_without_a_finishing_key_ends_when_it_is_full() -> None:
    keys = some("47")

    assert await keys.entry(Gather(maximum=1, **FAST)) == entered("4")
    assert await keys.entry(Gather(maximum=1, **FAST)) == entered("7")


@pytest.mark.parametrize(("typed", "left"), [("123456#7", "7"), ("1234567", "7"), ("123456", None)])
async def test_a_full_entry_waits_a_moment_for_the_finishing_key(
    monkeypatch: pytest.MonkeyPatch, typed: str, left: str | None
) -> None:
    monkeypatch.setattr(pressed, "GRACE", 0.05)
    keys = some(typed)

    assert await keys.entry(Gather(maximum=6, finish="#", **FAST)) == entered("123456")
    assert keys.take() == left


async def test_a_pause_ends_an_entry_and_silence_is_none() -> None:
    assert await some("47").entry(Gather(maximum=8, finish="#", **FAST)) == entered("47")
    assert await Keys().entry(Gather(**FAST)) == CallEvent(kind="silence")
    assert await some("#").entry(Gather(maximum=8, finish="#", **FAST)) == CallEvent(kind="silence")


async def test_the_first_key_may_come_later_than_the_next() -> None:
    keys = Keys()
    loop = asyncio.get_running_loop()
    loop.call_later(0.1, keys.press, "1")

    assert await keys.entry(Gather(maximum=2, timeout=1.0, pause=0.05)) == entered("1")


async def test_what_is_no_key_is_none_and_no_more_than_some_are_kept() -> None:
    keys = some("AD" + "1" * 500)

    assert sum(1 for _ in iter(keys.take, None)) == pressed.MOST


TYPED = st.lists(
    st.tuples(st.sampled_from("0159*#"), st.floats(0.05, 0.4), st.floats(0.05, 1.0)), max_size=12
)


@given(TYPED, st.sampled_from(["press", "release"]))
def test_every_press_counts_once_where_a_telephone_reports_each_twice(
    typed: list[tuple[str, float, float]], second: str
) -> None:
    """As an event in the sound (RFC 4733), and by INFO: as the key goes down, or as it goes up."""
    presses, counted, at = Presses(), "", 10.0
    for key, held, pause in typed:
        counted += key if presses.down(key, at=at) else ""
        if second == "press":
            counted += key if presses.down(key, at=at + held / 3) else ""
        presses.up(at=at + held)
        if second == "release":
            counted += key if presses.down(key, at=at + held + 0.01) else ""
            presses.up(at=at + held + 0.02)
        at += held + 0.02 + pause

    assert counted == "".join(key for key, _, _ in typed)


@given(
    st.sampled_from("0159*#"),
    st.lists(st.tuples(st.sampled_from("0159*#"), st.floats(0.0, 0.2)), max_size=12),
)
def test_no_press_is_lost_where_the_network_brings_many_at_once(
    first: str, typed: list[tuple[str, float]]
) -> None:
    presses, at = Presses(), 11.0
    counted = first if presses.down(first, at=10.0) else ""
    presses.up(at=10.2)
    for key, pause in typed:
        counted += key if presses.down(key, at=at) else ""
        presses.up(at=at)
        at += pause

    assert counted == first + "".join(key for key, _ in typed)


def test_a_key_whose_end_was_lost_counts_again_later() -> None:
    presses = Presses()

    assert presses.down("1", at=1.0)
    assert presses.down("2", at=1.3)
    assert presses.down("2", at=1.4 + pressed.HELD)

"""What the processes of one hub count, they count together: neither twice as much is allowed, nor half."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

from core.common import Common
from web.limits import Limiter


def in_a_process(common: Common, number: int, work: Callable[[], None]) -> None:
    """Run it as one of the hub's processes would, and wait for its end."""
    child = os.fork()
    if not child:
        common.number = number
        try:
            work()
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def test_a_caller_has_one_allowance_whichever_process_is_asked() -> None:
    common = Common(2)
    limiter = Limiter("people", common.counts, rate=1, burst=5, clock=lambda: 100.0)

    in_a_process(common, 2, lambda: [limiter.take("ann") for _ in range(3)] and None)

    assert limiter.take("ann").left == 1
    assert limiter.take("ann").granted
    assert not limiter.take("ann").granted
    assert limiter.take("bob").granted


def test_what_is_counted_under_another_name_is_another_count() -> None:
    common = Common()
    one, two = (Limiter(name, common.counts, rate=1, burst=1, clock=lambda: 100.0) for name in "ab")

    assert one.take("ann").granted
    assert two.take("ann").granted
    assert not one.take("ann").granted


def test_an_allowance_comes_back_with_time() -> None:
    common, now = Common(), [100.0]
    limiter = Limiter("people", common.counts, rate=2, burst=2, clock=lambda: now[0])
    assert [limiter.take("ann").granted for _ in range(3)] == [True, True, False]

    now[0] += 0.5

    assert [limiter.take("ann").granted for _ in range(2)] == [True, False]


def test_callers_without_end_push_out_those_who_were_quiet_and_not_one_who_asks() -> None:
    common, now = Common(), [100.0]
    limiter = Limiter("people", common.counts, rate=0.001, burst=1, clock=lambda: now[0])
    limiter.take("ann")

    for n in range(100_000):
        now[0] += 0.001
        limiter.take(f"stranger {n}")
        if n % 1_000 == 0:
            assert not limiter.take("ann").granted


def test_connections_are_counted_over_all_processes_and_free_when_theirs_is_gone() -> None:
    common = Common(2, connections=4)
    in_a_process(common, 2, lambda: [common.connections.enter("a", most=(2,)) for _ in range(2)] and None)

    assert not common.connections.enter("a", most=(2,))
    assert common.connections.enter("b", most=(2,), in_all=3)
    assert not common.connections.enter("b", most=(2,), in_all=3)
    assert (common.connections.taken(1), common.connections.taken(2)) == (1, 2)

    common.ended(2)

    assert common.connections.enter("a", most=(2,))
    assert common.connections.taken() == 2


def test_who_leaves_gives_back_one_place_of_their_own() -> None:
    common = Common(connections=3)
    for names in (("ann", "here"), ("ann", "there"), ("bob", "here")):
        assert common.pages.enter(*names, most=(2, 2))

    common.pages.leave("ann", "there")
    common.pages.leave("nobody", "here")

    assert common.pages.taken() == 2
    assert not common.pages.enter("eve", "here", most=(2, 2))
    assert common.pages.enter("ann", "there", most=(2, 2))


def test_no_count_is_lost_when_processes_count_at_the_same_moment() -> None:
    common = Common(2)

    def count() -> None:
        for _ in range(3_000):
            with common.counts.of("ann") as asked:
                asked.amount += 1

    other = threading.Thread(target=lambda: in_a_process(common, 2, count))
    other.start()
    count()
    other.join()

    with common.counts.of("ann") as asked:
        assert asked.amount == 6_000


def test_a_process_that_stands_still_while_it_counts_holds_nobody_up() -> None:
    common = Common(2)
    frozen = os.fork()
    if not frozen:
        common.number = 2
        with common.counts.of("ann") as asked:
            asked.amount = 7
            os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(0)
    os.waitpid(frozen, os.WUNTRACED)

    began = time.monotonic()
    with common.counts.of("ann") as asked:
        asked.amount += 1
    took = time.monotonic() - began
    os.kill(frozen, signal.SIGKILL)
    os.waitpid(frozen, 0)

    assert took < 2
    with common.counts.of("ann") as asked:
        assert asked.amount == 1


def test_each_process_hears_that_another_is_not_well_or_silent() -> None:
    common = Common(3)
    in_a_process(common, 2, lambda: common.board.post(well=False, jobs=7))
    common.board.post(well=True, jobs=1)

    assert common.board.unwell() == ["process 2 is not well", "process 3 gives no sign of life"]
    assert [one.jobs for one in common.board.posted()] == [1, 7, 0]

"""How good are the figures about mail? Each beside the null server, or beside another hub, of the same rounds."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench import mails
from bench.databases import Kind
from bench.mails import Run
from bench.processes import Hub, Null, null_server
from bench.sizes import Sizes
from bench.table import Figure

ALONE = 0.55
"""Of the null server: accepted while nothing is understood."""
MEANWHILE = 0.5
TO_TICKET = {"sqlite": 0.25, "postgresql": 0.12}
FULL_DESK = 0.92  # of an empty one, with as many tickets as are measured otherwise
LARGE_DESK = 0.85

SEEDS = 1_000
"""Between the hubs of a run: no mail is sent twice."""


@dataclass(slots=True, kw_only=True)
class _Series:
    """What one hub did, round by round."""

    hub: Hub
    seed: int
    runs: list[Run] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)

    def of(self, what: Callable[[Run], float]) -> float:
        """The median."""
        return median(what(run) for run in self.runs)


def mail(kind: Kind, sizes: Sizes, full: Hub, empty: Hub, relay: int, folder: Path) -> list[Figure]:
    """All about mail: on the full desk, the empty one, and where they are asked for, several processes and a large desk."""
    with contextlib.ExitStack() as stack:
        series = {"empty": _Series(hub=empty, seed=1 * SEEDS), "full": _Series(hub=full, seed=2 * SEEDS)}
        if kind.several:
            url = stack.enter_context(kind.copy(0, folder))
            two = Hub(folder / "two", url, relay=relay, processes=2)
            stack.callback(two.kill)
            series["two"] = _Series(hub=two, seed=3 * SEEDS)
        if sizes.large:
            url = stack.enter_context(kind.copy(sizes.large, folder))
            large = Hub(folder / "largest", url, relay=relay)
            stack.callback(large.kill)
            series["large"] = _Series(hub=large, seed=4 * SEEDS)
        with null_server() as server:
            null = _rounds(server, sizes, series)
    return list(_figures(kind, sizes, series, null))


def _rounds(server: Null, sizes: Sizes, series: dict[str, _Series]) -> list[tuple[float, float]]:
    null: list[tuple[float, float]] = []
    mails.null(server, sizes.mails, 1)  # everything is warm
    for name, one in series.items():
        count = sizes.mails if name == "large" else sizes.mails // 4  # its file was copied just now
        mails.to_tickets(one.hub, count, one.seed)
    for n in range(1, sizes.rounds + 1):
        null.append(mails.null(server, sizes.mails, 10 + n))
        for one in series.values():
            one.runs.append(mails.to_tickets(one.hub, sizes.mails, one.seed + n))
        for name in ("empty", "full"):
            one = series[name]
            one.alone.append(mails.alone(one.hub, sizes.mails, one.seed + SEEDS // 2 + n))
    return null


def _figures(
    kind: Kind, sizes: Sizes, series: dict[str, _Series], null: list[tuple[float, float]]
) -> Iterator[Figure]:
    empty, full = series["empty"], series["full"]
    rates = {name: one.of(lambda run: run.tickets) for name, one in series.items()}

    def beside_null(what: str, measured: float, at_least: float) -> Figure:
        return Figure(
            what=what,
            database=kind.name,
            measured=measured,
            unit="mails/s",
            reference=median(rate for rate, _ in null),
            referred="null aiosmtpd",
            at_least=at_least,
        )

    def beside(what: str, name: str, referred: str, at_least: float | None = None) -> Figure:
        return Figure(
            what=what,
            database=kind.name,
            measured=rates[name],
            unit="mails/s",
            reference=rates["empty"],
            referred=referred,
            at_least=at_least,
        )

    yield beside_null("mails accepted with 250, nothing understood, empty desk", median(empty.alone), ALONE)
    yield beside_null(
        f"mails accepted with 250, nothing understood, {sizes.tickets:,} tickets", median(full.alone), ALONE
    )
    accepted = full.of(lambda run: run.accepted)
    yield beside_null("mails accepted with 250, while tickets are made", accepted, MEANWHILE)
    yield beside_null("mails to tickets, empty desk", rates["empty"], TO_TICKET[kind.name])
    yield beside_null(f"mails to tickets, {sizes.tickets:,} tickets", rates["full"], TO_TICKET[kind.name])
    yield beside(f"at {sizes.tickets:,} beside empty", "full", "empty desk", FULL_DESK)
    if "large" in series:
        yield beside(f"at {sizes.large:,} beside empty", "large", "empty desk", LARGE_DESK)
    if "two" in series:
        yield beside("mails to tickets, two processes beside one", "two", "one process")
    yield from _processor_time(kind, series, median(time for _, time in null))


def _processor_time(kind: Kind, series: dict[str, _Series], null: float) -> Iterator[Figure]:
    """Of a mail, by process; others on the machine disturb it least."""
    wanted = {"full": "", "two": ", two processes"}
    for name, said in wanted.items():
        if name not in series:
            continue
        one = series[name]
        parts = {
            "hub": one.of(lambda run: run.cpu),
            "reading": one.of(lambda run: run.cpu_reading),
            "database server": one.of(lambda run: run.cpu_database),
        }
        yield Figure(
            what=f"processor time of a mail{said}",
            database=kind.name,
            measured=sum(parts.values()),
            unit="ms",
            reference=null,
            referred="null aiosmtpd",
            note=", ".join(f"{part} {time:.2f} ms" for part, time in parts.items() if time),
        )

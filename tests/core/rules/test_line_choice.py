"""Which line covers a request, and why did each of the others lose?"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from core.rules.coverage import Contract, Line
from core.rules.line_choice import Choice, Request, choose

MONDAY_NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)
NETWORK = {"technologies": ("Network",)}
# From the narrowest to the widest.
BREADTHS = (
    Line(name="this asset", assets=("sw-1",)),
    Line(name="this site", sites=("Milan",)),
    Line(name="incidents on networks", request_types=("Incident",), **NETWORK),
    Line(name="networks", **NETWORK),
    Line(name="incidents", request_types=("Incident",)),
    Line(name="everything"),
)


def window(calendar: str, at: datetime) -> tuple[bool, datetime | None]:
    return (False, None) if calendar == "Office" else (True, at)


def a_contract(number: str, *lines: Line) -> Contract:
    return Contract(number=number, valid_from=date(2026, 1, 1), valid_until=date(2026, 12, 31), lines=lines)


def chosen(*contracts: Contract, promises: dict[str, datetime] | None = None, **different: object) -> Choice:
    request = Request(
        at=MONDAY_NOON,
        channel="email",
        technology="Network",
        request_type="Incident",
        asset="sw-1",
        asset_known=True,
        site="Milan",
    )

    def resolve_due(_: Contract, line: Line) -> datetime | None:
        return (promises or {}).get(line.name)

    return choose(replace(request, **different), contracts, window=window, resolve_due=resolve_due)


def winner(choice: Choice) -> str:
    assert choice.best is not None
    return choice.best.line.name


@pytest.mark.parametrize("narrowest", range(len(BREADTHS)))
def test_the_line_cut_narrowest_wins_though_it_is_closed_and_last_in_the_file(narrowest: int) -> None:
    closed = replace(BREADTHS[narrowest], calendar="Office", priority=999)

    choice = chosen(a_contract("C-1", *reversed(BREADTHS[narrowest + 1 :])), a_contract("C-2", closed))

    assert winner(choice) == closed.name
    assert [c.why for c in choice.considered if c.why] == [f"cut wider than C-2, {closed.name}"] * (
        len(BREADTHS) - 1 - narrowest
    )


def test_of_equal_lines_the_open_one_wins_then_priority_then_the_earliest_due_then_the_number() -> None:
    hours = timedelta(hours=4)
    promises = {
        "closed": MONDAY_NOON,
        "second": MONDAY_NOON,
        "fast": MONDAY_NOON + hours,
        "slow": MONDAY_NOON + 2 * hours,
    }
    best = Line(name="fast", priority=1, **NETWORK)
    choice = chosen(
        a_contract(
            "C-1",
            Line(name="closed", priority=1, calendar="Office", **NETWORK),
            Line(name="second", priority=2, **NETWORK),
            Line(name="slow", priority=1, **NETWORK),
            Line(name="promises nothing", priority=1, **NETWORK),
            best,
            replace(best, calendar="Extended"),
        ),
        a_contract("C-2", best),
        promises=promises,
    )

    assert winner(choice) == "fast"
    assert [c.why for c in choice.considered] == [
        "closed at that time, unlike C-1, fast",
        "lower priority than C-1, fast",
        "due later than C-1, fast",
        "due later than C-1, fast",
        "",
        "the same as C-1, fast",
        "contract number after that of C-1, fast",
    ]


def test_lines_of_one_contract_that_differ_in_name_only_are_taken_by_name() -> None:
    choice = chosen(a_contract("C-1", Line(name="B"), Line(name="A")))

    assert winner(choice) == "A"
    assert choice.considered[0].why == "name after that of C-1, A"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (Line(name="x", technologies=("Server",)), "technology Network not in the line"),
        (Line(name="x", request_types=("Change",)), "request type Incident not in the line"),
        (Line(name="x", assets=("sw-2",)), "asset sw-1 not in the line"),
        (Line(name="x", sites=("Rome",)), "site Milan not in the line"),
    ],
)
def test_a_line_about_something_else_loses_and_says_what(line: Line, why: str) -> None:
    choice = chosen(a_contract("C-1", line))

    assert choice.best is None
    assert [c.why for c in choice.considered] == [why]


def test_a_line_for_one_machine_does_not_win_a_request_about_none() -> None:
    choice = chosen(a_contract("C-1", *BREADTHS[:2], BREADTHS[5]), asset=None, site=None)

    assert winner(choice) == "everything"
    assert choice.considered[0].why == "the line is for named assets and none is named"


def test_a_narrow_line_not_sold_for_the_channel_gives_way_to_a_wide_one_that_is() -> None:
    by_phone = replace(BREADTHS[0], channels=("phone",))

    choice = chosen(a_contract("C-1", by_phone, BREADTHS[5]))

    assert (winner(choice), choice.channel_allowed) == ("everything", True)
    assert choice.considered[0].why == "not for requests by email"


def test_when_no_line_is_sold_for_the_channel_the_one_that_would_win_is_named() -> None:
    lines = [replace(line, channels=("phone",)) for line in (BREADTHS[3], BREADTHS[0])]

    choice = chosen(a_contract("C-1", *lines))

    assert (winner(choice), choice.channel_allowed) == ("this asset", False)
    assert [c.why for c in choice.considered] == [
        "cut wider than C-1, this asset",
        "not for requests by email",
    ]


def test_nothing_covers_an_asset_of_somebody_else() -> None:
    choice = chosen(a_contract("C-1", *BREADTHS), asset_known=False)

    assert choice.best is None
    assert {c.why for c in choice.considered} == {"asset sw-1 is not the customer's"}


def test_a_customer_without_any_line_has_nothing_to_choose_from() -> None:
    assert chosen(a_contract("C-1")) == Choice(best=None, channel_allowed=False, considered=())

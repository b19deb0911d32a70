"""What does a line of syslog say, which lines are problems, and where does one message end and the next begin?"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.monitoring import lines
from channels.monitoring.frames import LONGEST, Stream, end, frames
from channels.monitoring.source import NotUnderstood
from core.alerting import Severity, Status
from tests.channels.monitoring.messages import NOON, PEER, fact, facts
from tests.spending import quickly

ROME = ZoneInfo("Europe/Rome")
ALL = ({"match": ""},)


def line(text: str, at: datetime = NOON) -> lines.Line:
    return lines.read(text.encode(), received_at=at, zone=ROME)


# One line


@pytest.mark.parametrize(
    ("text", "host", "app", "message"),
    [
        ("<34>1 2003-10-11T22:14:15.003Z host su - ID47 - \ufeffwords", "host", "su", "words"),
        ("<34>1 - - - - - -", "", "", ""),
        ('<34>1 - h a - - [x@1 a="b\\]\\"c"][y@1] words', "h", "a", "words"),
        ("<34>Oct 11 22:14:15 host su: words", "host", "su", "words"),
        ("<34>Oct  1 22:14:15 host su[12]: words", "host", "su", "words"),
        ("<34>Oct 11 22:14:15 10.0.0.9 words", "10.0.0.9", "", "words"),
        ("<34>2026-01-26T03:00:00.123+01:00 host su: words", "host", "su", "words"),
        ("<187>910: sw1: .Jan 26 03:21:58.112: %LINK-3-UPDOWN: words", "sw1", "", "words"),
        ("<187>910: *Jan 26 03:21:58.112 CET: %LINK-3-UPDOWN: words", "", "", "words"),
        ("<187>%ASA-4-411002: words", "", "", "words"),
        ("<187>9: sw1: Jan 26 2026 03:21:58.112 CET: %LINK-3-UPDOWN: words", "sw1", "", "words"),
        ("<187>: 2026 Jan 26 03:21:58 CET: %ETHPORT-5-IF_UP: words", "", "", "words"),
        ("<187>Jan 26 03:21:58 sw1 910: .Jan 26 03:21:58.112: %LINK-3-UPDOWN: words", "sw1", "", "words"),
        ("<166>Jan 26 2026 03:21:58 fw1 : %ASA-6-302013: words", "fw1", "", "words"),
        ("<14>Jan 26 03:21:58 h a: 50% full", "h", "a", "50% full"),
        ("words without anything", "", "", "words without anything"),
        ("<999>words", "", "", "<999>words"),
        ("", "", "", ""),
    ],
)
def test_a_line_is_taken_apart(text: str, host: str, app: str, message: str) -> None:
    told = line(text)
    assert (told.host, told.app, told.message) == (host, app, message)


@pytest.mark.parametrize(
    ("pri", "facility", "severity"),
    [("<0>", 0, 0), ("<34>", 4, 2), ("<165>", 20, 5), ("<191>", 23, 7), ("", 1, 5)],
)
def test_facility_and_severity_are_one_number_and_without_one_it_is_13(
    pri: str, facility: int, severity: int
) -> None:
    told = line(f"{pri}Oct 11 22:14:15 host su: words")
    assert (told.facility, told.severity) == (facility, severity)


@pytest.mark.parametrize(
    ("received", "stamp", "year"),
    [
        (datetime(2026, 1, 1, 0, 5, tzinfo=UTC), "Dec 31 23:59:00", 2025),
        (datetime(2025, 12, 31, 22, 58, tzinfo=UTC), "Jan  1 00:01:00", 2026),
        (datetime(2026, 6, 1, tzinfo=UTC), "May 31 10:00:00", 2026),
        (datetime(2024, 3, 1, tzinfo=UTC), "Feb 29 10:00:00", 2024),
    ],
    ids=["December is last year's", "January is next year's", "this year", "a leap day"],
)
def test_the_year_that_a_line_does_not_say_is_the_nearest(received: datetime, stamp: str, year: int) -> None:
    at = line(f"<34>{stamp} host su: words", received).at
    assert at is not None
    assert at.year == year


def test_the_zone_that_a_line_does_not_say_is_the_sources() -> None:
    at = line("<34>Jan 26 03:21:58.112 host su: words").at
    assert at == datetime(2026, 1, 26, 2, 21, 58, 112000, tzinfo=UTC)


def test_a_day_that_there_is_not_is_no_time() -> None:
    assert line("<34>Feb 31 25:00:00 host su: words").at is None


def test_structured_data_are_labels() -> None:
    told = fact("syslog", '<34>1 - h a - - [x@1 iut="3" s="a\\"b"] words', rules=ALL)
    assert (told.labels["x@1.iut"], told.labels["x@1.s"]) == ("3", 'a"b')


# Which lines are problems


def test_without_rules_only_what_was_logged_as_an_error_is_a_problem() -> None:
    told = [len(facts("syslog", f"<{8 + severity}>Oct 11 22:14:15 h su: x")) for severity in range(8)]
    assert told == [1, 1, 1, 1, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("%LINK-3-UPDOWN: Interface Gi1, changed state to up", "resolved"),
        ("%LINK-3-UPDOWN: Interface Gi1, changed state to down", "firing"),
        ("%BGP-3-ADJCHANGE: neighbor 10.0.0.2 Up", "resolved"),
        ("%BGP-3-ADJCHANGE: neighbor 10.0.0.2 Down BGP Notification sent", "firing"),
        ("app: connection restored", "resolved"),
        ("app: the fan is back", "resolved"),
        ("app: has not recovered", "firing"),
        ("app: could not be restored", "firing"),
        ("app: link up", "resolved"),
        ("app: the backup of the upload failed", "firing"),
        ("app: alimentazione ripristinata", "resolved"),
    ],
)
def test_the_state_decides_not_how_it_was_logged(words: str, status: str) -> None:
    assert (
        fact(
            "syslog",
            f"<187>Jan 26 03:00:00: {words}" if words[0] == "%" else f"<11>Jan 26 03:00:00 h {words}",
        ).status
        == status
    )


def test_two_interfaces_are_two_problems_and_two_devices_too() -> None:
    def key(device: str, port: str) -> str | None:
        text = f"<187>1: {device}Jan 26 03:00:00: %LINK-3-UPDOWN: Interface {port}, changed state to down"
        return fact("syslog", text).dedup_key

    assert len({key("", "Gi1"), key("", "Gi2"), key("sw1: ", "Gi1")}) == 3
    assert key("", "Gi1") == f"syslog:{PEER}:%LINK-UPDOWN:Gi1"


def test_a_rule_says_what_a_line_means() -> None:
    rules = (
        {"match": "^ignored"},
        {
            "match": r"^RAID (?P<unit>\w+) (?P<how>degraded|rebuilt)",
            "severity": "critical",
            "event": "RAID {unit}",
            "key": "raid:{unit}",
        },
        {"match": r"^RAID (?P<resource>\w+) is fine", "key": "raid:{resource}", "state": "resolved"},
    )
    told = facts(
        "syslog", "<14>Jan 26 03:00:00 h a: RAID md0 degraded\n<14>Jan 26 03:00:00 h a: hello\n", rules=rules
    )
    (one,) = told
    assert (one.event, one.severity, one.dedup_key) == ("RAID md0", Severity.CRITICAL, "syslog:raid:md0")
    (other,) = facts("syslog", "<14>Jan 26 03:00:00 h a: RAID md0 is fine", rules=rules)
    assert (other.status, other.dedup_key) == (Status.RESOLVED, one.dedup_key)


@pytest.mark.parametrize(
    ("word", "status"), [("up", "resolved"), ("down", "firing"), ("recovered", "resolved")]
)
def test_a_rule_may_say_where_the_state_stands(word: str, status: str) -> None:
    rules = ({"match": r"tunnel (?P<key>\d+): (?P<state>\w+)"},)
    told = fact("syslog", f"<14>Jan 26 03:00:00 h vpn: tunnel 7: {word}", rules=rules)
    assert (told.status, told.dedup_key) == (status, "syslog:h:7")


def test_an_interface_is_told_with_the_device_that_it_is_of() -> None:
    words = "%LINK-3-UPDOWN: Interface Gi1, changed state to down"
    told = fact("syslog", f"<187>910: sw1: Jan 26 03:21:58: {words}")
    assert (told.resource, told.summary) == ("Gi1", "Interface Gi1, changed state to down (sw1)")
    assert fact("syslog", "<11>Jan 26 03:00:00 h a: h is warm").summary == "h is warm"


def test_what_a_line_says_is_never_a_pattern_for_what_follows() -> None:
    rules = ({"match": r"(?P<a>\S+) (?P<b>\S+)", "event": "{a}"},)
    assert fact("syslog", "<14>Jan 26 03:00:00 h a: {b} secret", rules=rules).event == "{b}"


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"match": "(a+)+b"}, "repeats"),
        ({"match": "(?:a|b*)*"}, "repeats"),
        ({"match": "((a{1,9})x){5}"}, "repeats"),
        ({"match": "(?P<x>a|a)+b"}, "repeats"),
        ({"match": "(?:a?)*b"}, "repeats"),
        ({"match": "x" * 501}, "501 characters"),
        ({"match": "("}, "no regular expression"),
        ({"match": "a", "colour": "red"}, "colour"),
        ({"match": "a", "state": "up"}, "firing or resolved"),
        ({"event": "a"}, "a rule has match"),
    ],
)
def test_a_rule_that_is_wrong_or_may_never_end_says_so(rule: dict[str, str], why: str) -> None:
    with pytest.raises(NotUnderstood, match=why):
        facts("syslog", "<14>x", rules=(rule,))


def test_a_plus_in_brackets_or_behind_a_backslash_repeats_nothing() -> None:
    assert facts("syslog", "<14>Jan 26 03:00:00 h a: +1", rules=({"match": r"([+*])+\+?"},))


def test_a_line_of_20_kib_is_cut_and_says_so() -> None:
    told = fact("syslog", "<11>Jan 26 03:00:00 h a: " + "x" * 20480)
    assert len(told.text) < LONGEST
    assert "cut" in told.notes[0]


@pytest.mark.parametrize("mark", ["*", "."])
def test_a_clock_that_says_that_nobody_set_it_decides_no_time(mark: str) -> None:
    text = f"<187>45: {mark}Jan  1 00:02:31.005: %LINK-3-UPDOWN: Interface Gi0/1, changed state to "
    down, up = (fact("syslog", (text + state).encode()) for state in ("down", "up"))
    assert (down.started_at, up.ended_at) == (None, None)
    assert down.claimed_started_at is not None
    assert down.claimed_started_at == up.claimed_ended_at


def test_a_clock_that_is_not_synchronised_is_told() -> None:
    told = fact("syslog", "<187>9: .Jan 26 03:21:58: %LINK-3-UPDOWN: Interface Gi1, changed state to down")
    assert "not synchronised" in told.notes[0]


@given(text=st.text(max_size=400) | st.from_regex(r"<\d+>1? ?[A-Z][a-z]{2} .{0,60}: .*"))
def test_any_line_is_read(text: str) -> None:
    assert isinstance(line(text), lines.Line)


@pytest.mark.parametrize(
    "text",
    ["<11>" + "a " * 4000, "<11>1 - - - - - [" + 'a="' * 2500, "<11>" + "1: " * 2700, "<11>1 - - - - - [" + "a\\" * 4000, "%" + "A-" * 4000],
    ids=["words", "quotes", "numbers", "backslashes", "mnemonics"],
)  # fmt: skip
def test_no_line_takes_long(text: str) -> None:
    with quickly(0.5):
        facts("syslog", text, rules=ALL)


# Where messages end


def fed(*parts: bytes, stream: Stream | None = None) -> tuple[list[bytes], Stream]:
    found: list[bytes] = []
    state = stream or Stream()
    for part in parts:
        more, state = frames(part, state)
        found += more
    return found, state


def test_two_frames_in_one_segment_and_one_over_two() -> None:
    found, state = fed(b"5 <1>ab6 <2>cde4 <", b"3>x")
    assert found == [b"<1>ab", b"<2>cde", b"<3>x"]
    assert state.rest == b""


def test_lines_end_with_a_line_feed_wherever_segments_do() -> None:
    found, state = fed(b"<1>a\r\n<2>", b"b\n\n<3>c")
    assert (found, end(state)) == ([b"<1>a", b"<2>b"], [b"<3>c"])


def test_the_first_byte_of_a_connection_decides_for_all_of_it() -> None:
    assert fed(b"<1>a\n12 is a number\n")[0] == [b"<1>a", b"12 is a number"]


def test_over_tls_messages_are_always_counted() -> None:
    with pytest.raises(NotUnderstood, match="length"):
        frames(b"<1>a\n", Stream(counted=True))


@pytest.mark.parametrize("wrong", [b"12345678 <1>a", b"5x<1>ab", b"5 <1>abHELLO", b"99999999"])
def test_a_length_that_is_none_puts_the_connection_out_of_step(wrong: bytes) -> None:
    with pytest.raises(NotUnderstood, match="out of step"):
        frames(wrong)


def test_what_is_too_long_is_cut_and_the_next_message_is_whole() -> None:
    big = b"<1>" + b"x" * 20480
    for whole in (b"%d " % len(big) + big + b"4 <2>b", big + b"\n<2>b\n"):
        parts = [whole[at : at + 1000] for at in range(0, len(whole), 1000)]
        found, _ = fed(*parts)
        assert [len(one) for one in found] == [LONGEST + 1, 4]


@given(messages=st.lists(st.binary(min_size=1, max_size=50)), cuts=st.lists(st.integers(1, 20)))
def test_however_a_connection_is_cut_into_segments_its_messages_are_the_same(
    messages: list[bytes], cuts: list[int]
) -> None:
    whole = b"".join(b"%d %s" % (len(one), one) for one in messages)
    parts, at = [], 0
    for size in [*cuts, len(whole)]:
        parts.append(whole[at : at + size])
        at += size
    assert fed(*parts)[0] == messages


def test_never_more_than_one_message_is_kept_of_a_connection() -> None:
    _, state = fed(*[b"x" * 4096] * 100, stream=Stream(counted=False))
    assert len(state.rest) <= LONGEST
    _, state = fed(b"9999999 ", *[b"x" * 4096] * 100)
    assert len(state.rest) <= LONGEST

"""What does a trap mean, from whichever version of SNMP, and what does a datagram that is none do? It is told, and nothing else happens."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.monitoring import ber
from channels.monitoring.source import NotUnderstood
from channels.monitoring.traps import EVENTS
from core.alerting import AlertFact, Severity, Status
from tests.channels.monitoring.messages import PEER, fact, facts

LINK_DOWN, LINK_UP = "1.3.6.1.6.3.1.1.5.3", "1.3.6.1.6.3.1.1.5.4"
IF_INDEX = "1.3.6.1.2.1.2.2.1.1.7"
CISCO = "1.3.6.1.4.1.9.1.1"


def tlv(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 128:
        return bytes([tag, length]) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + content


def number(value: int, tag: int = 0x02) -> bytes:
    return tlv(tag, value.to_bytes(max(1, value.bit_length() // 8 + 1), "big", signed=True))


def oid(text: str) -> bytes:
    first, second, *rest = map(int, text.split("."))
    content = b""
    for arc in (40 * first + second, *rest):
        part = bytes([arc & 0x7F])
        while arc := arc >> 7:
            part = bytes([arc & 0x7F | 0x80]) + part
        content += part
    return tlv(0x06, content)


def varbinds(*pairs: tuple[str, bytes]) -> bytes:
    return tlv(0x30, b"".join(tlv(0x30, oid(name) + value) for name, value in pairs))


def message(version: int, pdu: bytes, who: bytes = b"public") -> bytes:
    return tlv(0x30, number(version) + tlv(0x04, who) + pdu)


def version_2(what: str, *pairs: tuple[str, bytes], tag: int = 0xA7, request: int = 1001) -> bytes:
    first = (("1.3.6.1.2.1.1.3.0", number(123456, 0x43)), ("1.3.6.1.6.3.1.1.4.1.0", oid(what)))
    return message(1, tlv(tag, number(request) + number(0) + number(0) + varbinds(*first, *pairs)))


def version_1(generic: int, specific: int, *pairs: tuple[str, bytes], agent: bytes = b"\0\0\0\0") -> bytes:
    head = oid(CISCO) + tlv(0x40, agent) + number(generic) + number(specific) + number(5, 0x43)
    return message(0, tlv(0xA4, head + varbinds(*pairs)))


def trap(raw: bytes, **more: Any) -> AlertFact:
    return fact("snmp", raw, **more)


@pytest.mark.parametrize(
    ("generic", "event", "severity"),
    [
        (0, "coldStart", "warning"),
        (1, "warmStart", "warning"),
        (2, "linkDown", "major"),
        (3, "linkUp", "ok"),
        (4, "authenticationFailure", "info"),
        (5, "egpNeighborLoss", "warning"),
    ],
)
def test_what_version_1_counts_is_an_event_of_version_2(generic: int, event: str, severity: str) -> None:
    told = trap(version_1(generic, 0, (IF_INDEX, number(7))))
    assert (told.event, told.severity) == (event, severity)


def test_what_is_a_makers_own_in_version_1_is_enterprise_0_specific() -> None:
    told = trap(version_1(6, 42))
    assert (told.event, told.severity, told.status) == (f"{CISCO}.0.42", Severity.UNKNOWN, Status.FIRING)


def test_a_link_of_version_1_comes_up_in_version_2() -> None:
    down = trap(version_1(2, 0, (IF_INDEX, number(7)), agent=bytes([192, 0, 2, 77])))
    up = trap(version_2(LINK_UP, (IF_INDEX, number(7))))
    assert (down.dedup_key, up.status) == (up.dedup_key, Status.RESOLVED)


@pytest.mark.parametrize(
    ("raw", "device"),
    [
        (version_1(0, 0), PEER),
        (version_1(0, 0, agent=bytes([10, 0, 0, 9])), "10.0.0.9"),
        (version_2("1.3.6.1.6.3.1.1.5.1"), PEER),
        (
            version_2("1.3.6.1.6.3.1.1.5.1", ("1.3.6.1.6.3.18.1.3.0", tlv(0x40, bytes([10, 0, 0, 8])))),
            "10.0.0.8",
        ),
        (
            version_1(
                0, 0, ("1.3.6.1.6.3.18.1.3.0", tlv(0x40, bytes([10, 0, 0, 8]))), agent=bytes([10, 0, 0, 9])
            ),
            "10.0.0.8",
        ),
    ],
    ids=[
        "version 1 from 0.0.0.0",
        "version 1 that says",
        "version 2",
        "through a proxy",
        "through a proxy, twice told",
    ],
)
def test_the_device_is_whom_the_trap_names_else_who_sent_it(raw: bytes, device: str) -> None:
    told = trap(raw)
    assert (told.address, told.labels["device"]) == (device, device)
    assert told.dedup_key == f"snmp:{device}:coldStart"


@pytest.mark.parametrize(
    "pairs",
    [
        [(IF_INDEX, number(7))],
        [("1.3.6.1.2.1.2.2.1.2.7", tlv(0x04, b"Gi0/7"))],
        [("1.3.6.1.2.1.31.1.1.1.1.7", tlv(0x04, b"Gi0/7"))],
        [("1.3.6.1.2.1.2.2.1.8.7", number(2))],
    ],
    ids=["ifIndex", "ifDescr", "ifName", "ifOperStatus"],
)
def test_links_pair_by_their_index_whatever_tells_it(pairs: Any) -> None:
    assert trap(version_2(LINK_DOWN, *pairs)).dedup_key == f"snmp:{PEER}:link:7"


def test_an_interface_is_told_with_the_device_that_it_is_of() -> None:
    told = trap(version_2(LINK_DOWN, (IF_INDEX, number(7))))
    assert (told.resource, told.summary) == ("ifIndex 7", f"linkDown ifIndex 7 ({PEER})")


def test_two_links_of_a_device_are_two_problems() -> None:
    other = trap(version_2(LINK_DOWN, ("1.3.6.1.2.1.2.2.1.1.8", number(8))))
    assert other.dedup_key != trap(version_2(LINK_DOWN, (IF_INDEX, number(7)))).dedup_key


@pytest.mark.parametrize(
    ("began", "ended"),
    [
        ("1.3.6.1.4.1.318.0.5", "1.3.6.1.4.1.318.0.9"),
        ("1.3.6.1.4.1.318.0.7", "1.3.6.1.4.1.318.0.11"),
        ("1.3.6.1.2.1.15.7.2", "1.3.6.1.2.1.15.7.1"),
        ("1.3.6.1.2.1.16.0.1", "1.3.6.1.2.1.16.0.2"),
        ("1.3.6.1.2.1.33.2.3", "1.3.6.1.2.1.33.2.4"),
    ],
    ids=["a UPS on battery", "its battery is low", "a neighbour of BGP", "a threshold", "an alarm of a UPS"],
)
def test_what_began_ends_with_another_trap(began: str, ended: str) -> None:
    about = ("1.3.6.1.2.1.33.1.6.2.1.1.5", number(5))
    one, other = trap(version_2(began, about)), trap(version_2(ended, about))
    assert (one.status, other.status) == (Status.FIRING, Status.RESOLVED)
    assert one.dedup_key == other.dedup_key


def test_a_ups_on_battery_is_major() -> None:
    assert trap(version_2("1.3.6.1.2.1.33.2.1")).severity is Severity.MAJOR


def test_a_neighbour_of_ospf_that_is_full_again_has_recovered() -> None:
    def told(state: int) -> AlertFact:
        return trap(
            version_2(
                "1.3.6.1.2.1.14.16.2.2",
                ("1.3.6.1.2.1.14.10.1.1.10.0.0.2.0", tlv(0x40, bytes([10, 0, 0, 2]))),
                ("1.3.6.1.2.1.14.10.1.6.10.0.0.2.0", number(state)),
            )
        )

    assert (told(1).status, told(8).status) == (Status.FIRING, Status.RESOLVED)
    assert told(1).dedup_key == told(8).dedup_key == f"snmp:{PEER}:ospfNbr:10.0.0.2"


def test_an_inform_says_which_number_wants_an_answer() -> None:
    assert ber.trap(version_2(LINK_UP, tag=0xA6, request=77)).request == 77
    assert ber.trap(version_2(LINK_UP, request=77)).request is None


def test_the_answer_to_an_inform_is_the_same_message_of_another_type() -> None:
    inform = version_2(LINK_UP, (IF_INDEX, number(7)), tag=0xA6)
    assert ber.answer(inform) == version_2(LINK_UP, (IF_INDEX, number(7)), tag=0xA2)
    with pytest.raises(NotUnderstood, match="nobody waits"):
        ber.answer(version_2(LINK_UP))


def test_the_community_can_be_read_without_the_trap() -> None:
    assert ber.community(message(1, b"\xa7\x00", who=b"s3cret")) == "s3cret"


def test_values_are_text_whatever_their_type() -> None:
    pairs = [
        ("1.3.6.1.4.1.1.1", number(-5)),
        ("1.3.6.1.4.1.1.2", tlv(0x41, b"\xff\xff\xff\xff")),
        ("1.3.6.1.4.1.1.3", tlv(0x04, b"caff\xe8")),
        ("1.3.6.1.4.1.1.4", tlv(0x04, b"\x00\x01\x02")),
        ("1.3.6.1.4.1.1.5", tlv(0x05, b"")),
        ("1.3.6.1.4.1.1.6", oid("2.999.3")),
    ]
    assert [value for _, value in ber.trap(version_2(LINK_UP, *pairs)).varbinds] == [
        "-5",
        "4294967295",
        "caffè",
        "00:01:02",
        "",
        "2.999.3",
    ]


# What snmptrapd hands on


@pytest.mark.parametrize(
    "text",
    [
        "sw1\nUDP: [10.0.0.9]:48476->[10.0.0.1]:162\nSNMPv2-MIB::snmpTrapOID.0 IF-MIB::linkDown\nIF-MIB::ifIndex.7 7\n",
        "sw1\nUDP: [10.0.0.9]:48476->[10.0.0.1]:162\n.1.3.6.1.6.3.1.1.4.1.0 .1.3.6.1.6.3.1.1.5.3\n.1.3.6.1.2.1.2.2.1.1.7 7\n",
        "sw1\r\nUDP: [10.0.0.9]:48476\r\niso.3.6.1.6.3.1.1.4.1.0 iso.3.6.1.6.3.1.1.5.3\r\niso.3.6.1.2.1.2.2.1.1.7 7\r\n",
        "10.0.0.9\n<UNKNOWN>\n.1.3.6.1.6.3.1.1.4.1.0 IF-MIB::linkDown\nifIndex.7 7\n",
    ],
    ids=["by names", "by numbers", "by half a name", "from whom, nobody knows"],
)
def test_a_traphandle_tells_names_or_numbers(text: str) -> None:
    told = trap(text.encode())
    assert (told.event, told.dedup_key) == ("linkDown", "snmp:10.0.0.9:link:7")


def test_a_traphandle_without_a_trap_is_not_understood() -> None:
    with pytest.raises(NotUnderstood, match="snmpTrapOID"):
        facts("snmp", b"sw1\nUDP: [10.0.0.9]:4->[10.0.0.1]:162\n")


# What is no trap

GOOD = version_2(LINK_DOWN, (IF_INDEX, number(7)))


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "too early"),
        (b"\x30", "too early"),
        (b"\x30\x80\x00\x00", "indefinite"),
        (b"\x30\x84\xff\xff\xff\xff", "longer than what it is in"),
        (b"\x30\x85\x00\x00\x00\x00\x01", "indefinite or too large"),
        (GOOD + b"x", "no message"),
        (GOOD[:-1], "longer than what it is in"),
        (message(3, b""), "version 3 has no community"),
        (message(7, b""), "no version 7"),
        (message(1, tlv(0xA0, b"")), "no trap"),
        (message(0, tlv(0xA7, b"")), "no trap"),
        (version_2(LINK_DOWN, *[("1.3.6.1.4.1.1", number(1))] * 300), "more than 256"),
        (version_2(LINK_DOWN, ("1.3.6.1.4.1.1", tlv(0x02, b"\x01" * 10))), "64 bits"),
        (message(1, tlv(0xA7, number(1) + number(0) + number(0) + varbinds())), "snmpTrapOID.0 is missing"),
        (message(1, tlv(0xA7, number(1) * 3 + tlv(0x30, tlv(0x30, tlv(0x06, b"\x80" * 50) + b"\x05\x00")))), "middle"),
        (message(1, tlv(0xA7, number(1) * 3 + tlv(0x30, tlv(0x30, tlv(0x06, b"\x2b" + b"\xff" * 9 + b"\x01") + b"\x05\x00")))), "too large"),
        (b"\x30" * 70000, "is the limit"),
    ],
)  # fmt: skip
def test_a_datagram_that_is_no_trap_says_why(raw: bytes, why: str) -> None:
    with pytest.raises(NotUnderstood, match=why):
        ber.trap(raw)


@given(raw=st.binary(max_size=300), at=st.integers(0, len(GOOD) - 1), byte=st.integers(0, 255))
def test_any_bytes_are_a_trap_or_say_that_they_are_none(raw: bytes, at: int, byte: int) -> None:
    for one in (raw, GOOD[:at] + bytes([byte]) + GOOD[at + 1 :], b"\x30" + bytes([len(raw) % 128]) + raw):
        with contextlib.suppress(NotUnderstood):
            assert facts("snmp", one)


def test_every_event_of_the_table_that_ends_something_has_one_that_begins_it() -> None:
    begun = {(one.pair, one.by_index) for one in EVENTS.values() if one.status is Status.FIRING}
    ended = {(one.pair, one.by_index) for one in EVENTS.values() if one.status is Status.RESOLVED}
    assert ended
    assert ended <= begun

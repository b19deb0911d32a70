"""A device says the same again: the same mail twice, a second alarm on an open ticket, or a new one?"""

from __future__ import annotations

import pytest

from tests.reports.asking import QUALIFIED, a_mail

DEVICES = {
    "a UPS": ("UPS <ups-4@acme.test>", "UPS: on battery", "Battery 81 %.\n"),
    "a switch": ("sw-core-1@acme.test", "Link down on port 12", "Port 12 is down\n"),
    "an unknown recorder": ("nvr@devices.test", "Kamera 4: kein Bild", "Kanal 4\n"),
}


def trace(n: int) -> str:
    return f"Received: from dev (10.0.0.4) by mx{n}.acme.test; Mon, 23 Nov 2026 0{n}:00:00 +0100"


def alarm(device: str, n: int, words: str) -> bytes:
    sender, subject, text = DEVICES[device]
    mail = a_mail(text, sender=sender, subject=f"{subject}, {words}", id="", date="")
    return f"{trace(n)}\n".encode() + mail


def counted(desk, number: str) -> int:
    return int(desk.ticket(number)["messages"][0]["times"])


@pytest.mark.parametrize("device", DEVICES)
def test_the_same_alarm_by_another_trace_counts_on_the_first_while_that_is_open(desk, device):
    first = desk.write(alarm(device, 1, "open"), sender="dev@acme.test")

    second = desk.write(alarm(device, 2, "open"), sender="dev@acme.test")
    third = desk.write(alarm(device, 3, "open"), sender="dev@acme.test")

    number = first["ticket"]
    assert [one["outcome"] for one in (first, second, third)] == ["ticket", "attached", "attached"]
    assert {second["ticket"], third["ticket"]} == {number}
    assert counted(desk, number) == 3
    assert "Came 3 times" in desk.page(number)
    assert "Arrivato 3 volte" in desk.page(number, "ivo")


@pytest.mark.parametrize("device", DEVICES)
def test_it_is_a_new_ticket_once_the_first_is_closed(desk, device):
    number = desk.write(alarm(device, 1, "closed"), sender="dev@acme.test")["ticket"]
    desk.do(number, "cancel", reason="The lamp is out again.")

    again = desk.write(alarm(device, 2, "closed"), sender="dev@acme.test")

    assert again["outcome"] == "ticket"
    assert again["ticket"] != number
    assert counted(desk, number) == 1


def test_the_same_bytes_with_the_same_trace_are_the_same_mail(desk):
    raw = alarm("a UPS", 1, "twice")
    first = desk.write(raw, sender="dev@acme.test")

    desk.post_again(raw, first, sender="dev@acme.test")

    assert counted(desk, first["ticket"]) == 2
    assert (
        len(desk.ticket(first["ticket"])["messages"])
        == len([one for one in desk.ticket(first["ticket"])["messages"] if one["direction"] == "out"]) + 1
    )
    assert "Came 2 times" in desk.page(first["ticket"])


def test_another_reading_of_the_device_is_another_alarm(desk):
    first = desk.write(alarm("a UPS", 1, "one"), sender="dev@acme.test")
    other = desk.write(alarm("a UPS", 1, "two"), sender="dev@acme.test")

    assert first["ticket"] != other["ticket"]


def test_an_alarm_says_nothing_on_a_ticket_that_waits_for_its_customer(desk):
    number = desk.write(alarm("a UPS", 1, "waits"), sender="dev@acme.test")["ticket"]
    desk.do(number, "qualify", contact="alice@acme.test", **QUALIFIED)
    desk.do(number, "include", address="ups-4@acme.test")
    desk.do(number, "take")
    desk.do(number, "wait", text="When was it?")

    again = desk.write(alarm("a UPS", 2, "waits"), sender="dev@acme.test")

    assert (again["outcome"], again["ticket"]) == ("attached", number)
    assert desk.ticket(number)["state"] == "waiting_customer"


def test_what_is_no_longer_its_senders_does_not_take_its_alarms(desk):
    number = desk.write(alarm("a switch", 1, "moved"), sender="dev@acme.test")["ticket"]
    desk.do(number, "qualify", customer="BETA", contact="bruno@beta.test", **QUALIFIED)

    again = desk.write(alarm("a switch", 2, "moved"), sender="dev@acme.test")

    assert again["ticket"] != number

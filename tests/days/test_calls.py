"""The telephone against a running hub: one script on every line, and a hub that is killed in the middle of calls."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from tests.days.conftest import MakeDay
from tests.days.hubs import until
from tests.days.telephones import ACCOUNT, ALICE, OURS, TOKEN, Softphone, TwilioCall, by_sip

SCRIPT = ("2", "1001#", "471100#", "2", "3")
"""English, customer code, PIN, a new request, for one person: then a voice is recorded."""

TWILIO = {
    "channels__phone__account_sid": ACCOUNT,
    "channels__phone__auth_token": TOKEN,
    "channels__phone__number": OURS,
    "channels__phone__api_url": "http://127.0.0.1:9",
}


def the_ticket(api: Any, how_many: int = 1) -> dict[str, Any]:
    """The newest of so many."""
    found = until(
        lambda: (got := api.get("/tickets", view="all")["items"]) and len(got) == how_many and got,
        f"there are not {how_many} tickets",
    )
    return api.get(f"/tickets/{found[0]['number']}")


def is_the_request(ticket: dict[str, Any]) -> None:
    """What the script asks for, whatever line it came by."""
    assert (ticket["origin"], ticket["trust"]) == ("phone", "verified")
    assert ticket["customer"]["code"] == "ACME"
    assert (ticket["request_type"], ticket["technology"], ticket["group"]) == (
        "Incident",
        "Network",
        "Network L1",
    )
    assert ticket["priority"] == "P3"
    assert ticket["entitlement"]["verdict"] == "covered"


def work_until_closed(day: Any, number: str) -> None:
    day.ann.post(f"/tickets/{number}/take")
    day.ann.post(f"/tickets/{number}/resolve", {"cause": "network", "text": "A new cable.", "minutes": 5})


def test_a_stranger_calls_opens_a_request_and_hears_on_the_telephone_that_it_is_solved(
    a_day: MakeDay,
) -> None:
    day = a_day()
    day.hub.start()
    ann = day.hub.browser("ann@hub.test", "correct horse battery")

    phone = Softphone(ann, caller=ALICE).dial()
    assert "Welcome" in phone.heard[0]
    phone.press("471100#", "1")
    assert "You have no open requests." in phone.heard
    phone.press("2", "3").speak()
    ticket = the_ticket(day.ann)
    is_the_request(ticket)
    assert " ".join(ticket["number"].partition("-")[2]) in " ".join(phone.heard)
    phone.hang_up()

    work_until_closed(day, ticket["number"])
    again = Softphone(ann, caller=ALICE).dial().press("471100#")
    assert "is solved as far as we know" in again.heard[-1]
    again.press("1").hang_up()

    assert day.ann.get(f"/tickets/{ticket['number']}")["state"] == "closed"
    told = until(
        lambda: (
            [
                one
                for one in day.ann.get("/deliveries", ticket=ticket["number"])["items"]
                if one["state"] == "sent"
            ]
        ),
        "nothing reached the telephone",
    )
    assert {(one["channel"], one["address"]) for one in told} == {("phone", ALICE)}
    day.hub.stop()
    day.hub.balances()
    assert day.hub.astonished() == []
    assert "471100" not in day.hub.said()


def test_the_same_script_gives_the_same_ticket_through_twilio(a_day: MakeDay) -> None:
    day = a_day(**TWILIO)
    day.hub.start()

    phone = TwilioCall(day.hub).dial().press(*SCRIPT).speak()

    is_the_request(the_ticket(day.ann))
    assert any("Your request has the number" in words for words in phone.heard)
    phone.hang_up()
    day.hub.stop()
    day.hub.balances()
    assert "471100" not in day.hub.said()


@pytest.mark.skipif(
    not (shutil.which("sipp") and shutil.which("espeak-ng")), reason="needs sipp and espeak-ng"
)
def test_the_same_script_gives_the_same_ticket_by_sip_with_real_keys_and_a_real_voice(a_day: MakeDay) -> None:
    pytest.importorskip("baresip", reason="needs baresip-python")
    from tests.channels.phone.sip.sipp import free_port

    port = free_port()
    day = a_day(channels__sip__enabled="true", channels__sip__port=port)
    day.hub.start()

    by_sip(port, *SCRIPT, "speak")

    ticket = the_ticket(day.ann)
    is_the_request(ticket)
    files = until(
        lambda: day.ann.get(f"/tickets/{ticket['number']}")["messages"][0]["attachments"],
        "the recording never came",
    )
    assert (files[0]["type"], files[0]["size"] > 20_000) == ("audio/wav", True)
    day.hub.stop()
    day.hub.balances()
    assert "471100" not in day.hub.said()


def test_a_hub_killed_in_the_middle_of_calls_loses_none_and_opens_none_twice(a_day: MakeDay) -> None:
    day = a_day(**TWILIO, calls__short="0s")
    hub = day.hub
    hub.start()
    ann = hub.browser("ann@hub.test", "correct horse battery")
    asked, described, silent = (Softphone(ann) for _ in range(3))
    asked.dial().press("2", "1001#", "471100#", "2")
    described.dial().press(*SCRIPT)
    silent.dial()
    carried = TwilioCall(hub).dial().press("2", "1001#", "471100#")

    hub.kill()
    hub.start()

    asked.press("3").speak()
    before = f"{described.call}/{described.last['seq']}/silence"
    described.speak()
    first = described.last
    hub.kill()
    hub.start()
    assert described.again(before) == first, "a step that was answered is answered the same"
    carried.press("2", "3").speak().hang_up()
    for phone in (asked, described, silent):
        phone.hang_up()
        phone.hang_up()

    found = day.ann.get("/tickets", view="all")["items"]
    assert len(found) == 4
    opened = [day.ann.get(f"/tickets/{one['number']}") for one in found]
    assert sorted("missed_call" in one["flags"] for one in opened) == [False, False, False, True]
    hub.stop()
    hub.balances()

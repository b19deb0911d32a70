"""What the desk delivers, with real mail: a vendor is asked and answers, and its words stay between us until we say our own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import Any

from tests.days.conftest import DESK, Day, MakeDay
from tests.days.hubs import until
from tests.days.invitations import answers, calendars, event, invited
from tests.days.posting import Received, Relay, mail, post, understood

SUPPORT = "support@cumulus.test"
SAID = "zanzibar"
VENDORS = """
[[vendors]]
name = "Cumulus"
email = "support@cumulus.test"
reference_pattern = "SR[0-9]{7}"
answer = "2h"
mask = true
"""


# --- Vendors ------------------------------------------------------------------------------------------------


def test_a_vendor_is_asked_by_mail_answers_onto_its_case_and_the_customer_hears_only_our_words(
    a_day: MakeDay, relay: Relay, tmp_path: Path
) -> None:
    day = a_day(channels__email__relay_host="127.0.0.1", channels__email__relay_port=relay.port)
    hub = day.hub
    file = tmp_path / "vendors.toml"
    file.write_text(DESK.read_text() + VENDORS)
    hub.done("apply", str(file), "--yes")
    hub.start()
    number = _in_progress(day, "The fan of sw-1 is loud")

    # Chosen words leave, without the customer's name; the vendor's machine answers with its number.
    cases = f"/tickets/{number}/vendor-cases"
    asked = {
        "vendor": "Cumulus",
        "subject": "Fan",
        "text": "At Acme S.p.A. a fan stands still.",
        "wait": True,
    }
    case = day.ann.post(cases, asked)
    there = _mail_to(relay, SUPPORT)
    assert "At […] a fan stands still." in there.text
    assert "Acme" not in there.mail.as_string()
    answers = parseaddr(there.header("Reply-To"))[1]
    receipt = mail(
        SUPPORT,
        "Case SR1234567 opened",
        to=answers,
        In_Reply_To=there.header("Message-ID"),
        Auto_Submitted="auto-replied",
    )
    assert post(hub.smtp, receipt, sender=SUPPORT, to=answers)[0] == 250
    until(lambda: day.ann.get(f"{cases}/{case['id']}")["reference"], "the receipt is not on the case")

    # A person there writes, to the address of the case, with our number and the customer's mail in it.
    words = mail(
        SUPPORT,
        f"Re: [#{number}] Fan",
        f"{SAID}: a fan is on its way.",
        to=answers,
        References="<1@acme.test>",
    )
    assert post(hub.smtp, words, sender=SUPPORT, to=answers)[0] == 250
    until(
        lambda: day.ann.get(f"{cases}/{case['id']}")["state"] == "waiting_us", "the answer is not on the case"
    )

    # Somebody who got hold of the address, and somebody who says to be the vendor, wait for staff.
    for sender in ("eve@evil.test", SUPPORT):
        to = answers if sender != SUPPORT else "support@desk.test"
        forged = mail(sender, "SR1234567", SAID, to=to)
        assert post(hub.smtp, forged, sender=sender, to=to)[0] == 250
    understood(day.ann)
    assert sorted(one["why"] for one in day.ann.get("/vendor-triage")["items"]) == ["third_party", "unproved"]

    # The customer hears that a vendor is engaged, and our words.
    day.ann.post(f"{cases}/{case['id']}/promote", {"text": "A new fan is on its way to you."})
    promoted = until(
        lambda: [one for one in relay.all if "A new fan is on its way to you." in one.text], "nobody is told"
    )
    assert {one.recipient for one in promoted} == {"alice@acme.test"}
    ours = day.alice.get(f"/tickets/{number}")
    assert ours["engaged"]
    assert SAID not in repr(ours)
    assert day.alice.get("/tickets", q=SAID)["items"] == []
    for one in relay.all:
        assert one.recipient == SUPPORT or SAID not in one.mail.as_string()
    theirs = day.ann.get(f"{cases}/{case['id']}")["messages"]
    assert [one["visible_text"].strip() for one in theirs][-1] == f"{SAID}: a fan is on its way."
    hub.stop()
    assert hub.astonished() == []
    hub.balances()


def _in_progress(day: Day, subject: str) -> str:
    assert post(day.hub.smtp, mail("alice@acme.test", subject, Message_ID="<1@acme.test>"))[0] == 250
    found = until(
        lambda: [one for one in day.ann.get("/tickets?limit=50")["items"] if one["subject"] == subject],
        f"{subject} is no ticket",
    )
    number = str(found[0]["number"])
    fields: dict[str, Any] = {"request_type": "Incident", "technology": "Network", "impact": 3, "urgency": 2}
    day.ann.post(f"/tickets/{number}/qualify", fields)
    day.ann.post(f"/tickets/{number}/take")
    return number


def _mail_to(relay: Relay, recipient: str) -> Received:
    found: list[Received] = until(
        lambda: [one for one in relay.all if one.recipient == recipient], f"{recipient} gets nothing"
    )
    return found[-1]


# --- Calendars ----------------------------------------------------------------------------------------------

GOES = """
[[agents]]
email = "gus@hub.test"
name = "Gus"
roles = ["technician"]
groups = ["Network L1"]
onsite = true
calendar = "24x7"
"""


def test_a_visit_is_in_the_customers_calendar_and_their_answers_come_back_by_mail(
    a_day: MakeDay, relay: Relay, tmp_path: Path
) -> None:
    day = a_day(channels__email__relay_host="127.0.0.1", channels__email__relay_port=relay.port)
    hub = day.hub
    file = tmp_path / "goes.toml"
    lines = DESK.read_text().replace('    name = "Everything"', '    name = "Everything"\n    onsite = true')
    file.write_text(lines + GOES)
    hub.done("apply", str(file), "--yes")
    hub.start()
    number = _in_progress(day, "Change the fan")
    made = day.ann.post(f"/tickets/{number}/visits", {"purpose": "Change it", "offers": False})["id"]
    where = f"/tickets/{number}/visits/{made}"
    start = (datetime.now(UTC) + timedelta(days=2)).replace(microsecond=0, second=0)
    day.ann.post(
        f"{where}/confirm", {"start": start.isoformat(), "technician": "gus@hub.test", "anyway": True}
    )

    # Both get it; the customer's program is asked to answer an address that knows the request.
    first = invited(relay, "alice@acme.test", 0)
    assert (str(first["METHOD"]), event(first)["DTSTART"].dt) == ("REQUEST", start)
    assert str(event(invited(relay, "gus@hub.test", 0))["UID"]) == str(event(first)["UID"])

    # Somebody else answers for them, and nothing changes; then they accept.
    answers(hub.smtp, first, "REPLY", "ACCEPTED", sender="eve@evil.test")
    answers(hub.smtp, first, "REPLY", "ACCEPTED")
    until(lambda: _said(day, where) == "ACCEPTED", "the answer is not at the visit")

    # Another time: staff keep the old one, are asked again, and take it.
    later = start + timedelta(hours=3)
    answers(hub.smtp, first, "COUNTER", "TENTATIVE", start=later)
    asked = until(lambda: day.ann.get(f"{where}/calendar")["asked"], "nobody asks for another time")
    day.ann.post(f"{where}/keep", {"proposal": asked[0]["id"]})
    until(lambda: calendars(relay, "alice@acme.test", "DECLINECOUNTER"), "they are not told that it stays")
    answers(hub.smtp, first, "COUNTER", "TENTATIVE", start=later)
    asked = until(lambda: day.ann.get(f"{where}/calendar")["asked"], "nobody asks for another time")
    day.ann.post(f"{where}/accept", {"proposal": asked[0]["id"], "anyway": True})
    second = invited(relay, "alice@acme.test", 1)
    assert event(second)["DTSTART"].dt == later

    # What answers the invitation of before changes nothing, and stands in the request with a remark.
    answers(hub.smtp, first, "REPLY", "DECLINED")
    understood(day.ann)
    assert _said(day, where) == "NEEDS-ACTION"
    assert "old_sequence" in repr(day.ann.get(f"/tickets/{number}")["messages"])

    day.ann.post(f"{where}/cancel", {"reason": "It works again"})
    (off,) = until(lambda: calendars(relay, "alice@acme.test", "CANCEL"), "it is not called off")
    assert (event(off)["SEQUENCE"], str(event(off)["UID"])) == (2, str(event(first)["UID"]))
    hub.stop()
    assert hub.astonished() == []
    hub.balances()


def _said(day: Day, where: str) -> str:
    invited = day.ann.get(f"{where}/calendar")["invited"]
    return str(next(one["answer"] for one in invited if one["role"] == "customer"))

"""Addresses in any script: one domain however it is written, and a relay is given what it can send to."""

from __future__ import annotations

import pytest

from tests.reports.asking import QUALIFIED, a_mail

DOMAINS = {
    "müller.test": "xn--mller-kva.test",
    "MÜLLER.test": "xn--mller-kva.test",
    "müller.test.": "xn--mller-kva.test",
    "xn--mller-kva.test": "xn--mller-kva.test",
    "XN--MLLER-KVA.TEST.": "xn--mller-kva.test",
    "пример.test": "xn--e1afmkfd.test",
    "例え.test": "xn--r8jz45g.test",
    "straße.test": "xn--strae-oqa.test",
    "δοκιμή.test": "xn--jxalpdlp.test",
    "ACME.TEST.": "acme.test",
}


@pytest.mark.parametrize("written", DOMAINS)
def test_however_a_domain_is_written_it_is_one_and_the_relay_gets_its_a_label(desk, written):
    item = desk.write(a_mail("Help.", sender=f"Info <info@{written}>"), sender="info@acme.test")
    number = item["ticket"]

    assert desk.ticket(number)["customer"]["code"] == "ACME"
    assert desk.ticket(number)["requester"]["email"] == f"info@{DOMAINS[written]}"
    desk.do(number, "qualify", **QUALIFIED)
    desk.do(number, "take")
    answer = desk.answer(number, f"info@{DOMAINS[written]}")
    assert f"<info@{DOMAINS[written]}>" in answer.header("To")
    assert {one["state"] for one in desk.deliveries(number) if one["kind"] == "reply"} == {"sent"}


@pytest.mark.parametrize("sender", ["info@müller.test", "info@xn--mller-kva.test", "Info@MÜLLER.test."])
def test_one_address_written_in_two_ways_joins_its_request(desk, sender):
    number = desk.opened(sender="info@müller.test")
    answer = desk.answer(number, "info@xn--mller-kva.test")
    raw = a_mail("It is worse.", f"In-Reply-To: {answer.header('Message-ID')}", sender=sender)

    item = desk.write(raw, sender=sender.rstrip("."))

    assert (item["outcome"], item["ticket"]) == ("attached", number)
    assert "info@müller.test" in desk.page(number), "people read letters"


@pytest.mark.parametrize("sender", ["jürgen@müller.test", "用户@例え.test", "почта@пример.test"])
def test_a_name_before_the_at_that_the_relay_cannot_send_to_is_a_failure_that_staff_see(desk, sender):
    number = desk.write(a_mail("Help.", sender=f"Somebody <{sender}>"), sender="info@acme.test")["ticket"]
    desk.do(number, "qualify", **QUALIFIED)
    desk.do(number, "take")
    desk.ann.post(f"/tickets/{number}/messages", {"audience": "customer", "text": "Coming."})

    desk.settled(number)

    replies = [one for one in desk.deliveries(number) if one["kind"] == "reply"]
    assert [one["state"] for one in replies] == ["given_up"]
    assert "offers no SMTPUTF8" in replies[0]["error"]
    assert sender.partition("@")[0] in replies[0]["address"]
    for page in (desk.page(number), desk.browser().get("/desk/waiting?view=undelivered").text):
        assert "offers no SMTPUTF8" in page
    assert "undelivered" in desk.ticket(number)["flags"]

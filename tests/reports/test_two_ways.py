"""The same message comes direct and through a list or a group that changed it: it is one ticket, and both are kept."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.reports.asking import a_mail

WRITERS = {
    "a contact": "alice@acme.test",
    "somebody of a customer": "nobody.known@acme.test",
    "a stranger": "stranger@elsewhere.test",
}
FOOTER = "\n\n_______________________________________________\nit-all mailing list\nit-all@lists.acme.test\n"
LISTS = {
    "with a footer": ({}, "[it-all] {}", FOOTER),
    "with another tag": ({}, "(it-all) {}", FOOTER),
    "with its name before": ({}, "it-all: {}", FOOTER),
    "as it was": ({}, "{}", ""),
    "under its own name": ({"From": "'Alice' via IT all <it-all@lists.acme.test>"}, "[it-all] {}", FOOTER),
}


def two(writer: str, how: str) -> tuple[bytes, bytes]:
    """The mail as it was written, and as the list sent it."""
    own, subject = f"Message-ID: <{uuid4().hex}@two.test>", f"The WLAN is down {uuid4().hex[:6]}"
    sender = WRITERS[writer]
    changed, titled, footer = LISTS[how]
    direct = a_mail("The WLAN is down since nine.\n", own, id="", subject=subject, sender=f"Alice <{sender}>")
    more = ["List-Id: <it-all.lists.acme.test>", "Sender: it-all-bounces@lists.acme.test"]
    if changed:
        more += [f"Reply-To: Alice <{sender}>", f"X-Original-From: Alice <{sender}>"]
    listed = a_mail(
        f"The WLAN is down since nine.{footer or chr(10)}",
        own,
        *more,
        id="",
        subject=titled.format(subject),
        sender=changed.get("From", f"Alice <{sender}>"),
    )
    return direct, listed


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize(
    ("how", "first"),
    [(how, "direct") for how in LISTS] + [("with a footer", "listed"), ("under its own name", "listed")],
)
def test_it_is_one_ticket(desk, writer, how, first):
    direct, listed = two(writer, how)
    sent = [(direct, WRITERS[writer]), (listed, "it-all-bounces@lists.acme.test")]
    if first == "listed":
        sent.reverse()

    one, other = (desk.write(raw, sender=sender) for raw, sender in sent)

    assert one["outcome"] == "ticket", one
    said = [one for one in desk.ticket(one["ticket"])["messages"] if one["direction"] == "in"]
    if how == "as it was":
        assert (other["outcome"], len(said), said[0]["times"]) == ("duplicate", 1, 2)
        return
    if how == "under its own name" and first == "direct":  # nothing proves the list, and its footer is new
        assert (other["outcome"], other["ticket"], len(said)) == ("held", one["ticket"], 1)
        return
    assert (other["outcome"], other["ticket"]) == ("attached", one["ticket"]), other["detail"]["considered"]
    assert len(said) == 2
    assert "came by another way before" in desk.page(one["ticket"])


def test_another_mail_under_the_same_id_is_a_ticket_of_its_own(desk):
    direct, _ = two("a contact", "as it was")
    other = direct.replace(b"The WLAN is down", b"The coffee machine leaks")

    one = desk.write(direct, sender="alice@acme.test")
    two_ = desk.write(other, sender="alice@acme.test")

    assert (two_["outcome"], two_["ticket"] != one["ticket"]) == ("ticket", True)


def test_who_knows_an_id_does_not_get_into_anothers_ticket(desk):
    direct, _ = two("a contact", "as it was")
    one = desk.write(direct, sender="alice@acme.test")

    forged = desk.write(
        direct.replace(b"alice@acme.test", b"eve@elsewhere.test"), sender="eve@elsewhere.test"
    )

    assert forged["ticket"] != one["ticket"] or forged["outcome"] == "held"

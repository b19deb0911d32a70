"""A mail becomes a ticket, a person answers it, the customer writes back, and the closing report comes."""

from __future__ import annotations

import io
import re
from email import message_from_bytes, policy
from email.utils import parseaddr
from typing import Any

import pytest
from pypdf import PdfReader

from tests.days.conftest import MakeDay
from tests.days.hubs import STOP_WITHIN, Hub, until
from tests.days.posting import Relay, mail, post

SECRET = "They have not paid since March."


@pytest.mark.parametrize("way_out", ["relay", "folder"])
def test_from_the_first_mail_to_the_closing_report(a_day: MakeDay, request: Any, way_out: str) -> None:
    relay: Relay | None = request.getfixturevalue("relay") if way_out == "relay" else None
    out = (
        {"channels__email__relay_host": "127.0.0.1", "channels__email__relay_port": relay.port}
        if relay
        else {}
    )
    day = a_day(**out)
    hub = day.hub
    hub.start()

    # Alice writes; her request is acknowledged.
    raw = mail(
        "Alice Rossi <alice@acme.test>",
        "The switch is dead",
        "Nothing blinks.",
        Message_ID="<first@acme.test>",
    )
    assert post(hub.smtp, raw)[0] == 250
    out = Out(hub, relay)
    ack = out.next("received")
    (ticket,) = day.ann.all("/tickets")
    number = ticket["number"]
    assert (ticket["customer"]["code"], ticket["origin"], ticket["trust"]) == ("ACME", "email", "weak")
    assert number in ack["Subject"]
    assert ack["In-Reply-To"] == "<first@acme.test>"
    assert ack["Auto-Submitted"] == "auto-replied"

    # Ann takes it in the inbox, leaves a note for colleagues, and answers.
    ann = hub.browser("ann@hub.test", "correct horse battery")
    assert "The switch is dead" in ann.get("/desk/").text
    here = f"/desk/tickets/{number}"
    page = ann.submit(
        ann.get(here), "/do/qualify", request_type="Incident", technology="Network", impact="3", urgency="3"
    )
    assert day.ann.get(f"/tickets/{number}")["group"] == "Network L1"
    page = ann.submit(page, "/do/take")
    page = ann.submit(page, "/do/note", text=SECRET)
    page = ann.submit(page, "/do/reply", text="Is the red lamp on?")
    assert (page.status, page.path) == (200, here)
    answer = out.next("Is the red lamp on?")
    assert "Auto-Submitted" not in answer
    assert "<first@acme.test>" in answer["References"]
    reply_address = parseaddr(answer["Reply-To"])[1]
    assert re.fullmatch(r"support\+r-[a-z2-7]{26}@reply\.desk\.test", reply_address)

    # Alice answers that mail with her mail program: it joins the conversation, whatever its subject.
    back = mail(
        "alice@acme.test",
        "Re: other words",
        "Yes, since nine.",
        to=reply_address,
        Message_ID="<second@acme.test>",
        In_Reply_To=answer["Message-ID"],
        References=f"{answer['References']} {answer['Message-ID']}",
    )
    assert post(hub.smtp, back, to=reply_address)[0] == 250
    until(lambda: "Yes, since nine." in ann.get(here).text, "her answer is not in the inbox")
    assert [item["outcome"] for item in day.ann.all("/inbound")] == ["attached", "ticket"]

    # She sees it in the portal, and not the note.
    alice = hub.browser("alice@acme.test", "a staple for alice")
    hers = alice.get(f"/portal/requests/{number}").text
    for said in ("Nothing blinks.", "Is the red lamp on?", "Yes, since nine."):
        assert said in hers
    assert SECRET not in hers
    assert alice.get(here).status in (403, 404)
    bruno = hub.browser("bruno@beta.test", "a staple for bruno")
    assert bruno.get(f"/portal/requests/{number}").status == 404

    # Ann resolves and closes it; the report leaves by mail, where the request came from, and stands in the portal.
    page = ann.get(here)
    cause = re.search(r'<select id="resolve-cause".*?<option value="([a-z][^"]*)"', page.text, re.DOTALL)
    assert cause is not None
    page = ann.submit(
        page, "/do/resolve", cause=cause[1], minutes="25", text="The power supply was replaced."
    )
    assert out.next("The power supply was replaced.")["Auto-Submitted"]
    ann.submit(ann.get(here), "/do/close")
    report = out.next("closed")
    assert "The power supply was replaced." in _text(report)
    assert report["Auto-Submitted"]
    (paper,) = report.iter_attachments()
    assert (paper.get_content_type(), paper.get_filename()) == (
        "application/pdf",
        f"report-{number}-v2.pdf",
    )
    printed = " ".join(one.extract_text() for one in PdfReader(io.BytesIO(paper.get_content())).pages)
    assert "The power supply was replaced." in printed
    assert day.ann.get(f"/tickets/{number}")["state"] == "closed"
    assert "The power supply was replaced." in alice.get(f"/portal/requests/{number}/report").text
    assert number in alice.get("/portal/history").text

    # Everything that left went to her alone, once, and nothing of it is the note.
    everything = out.all()
    assert len({one["Message-ID"] for one in everything}) == len(everything)
    assert {parseaddr(one["To"])[1] for one in everything} == {"alice@acme.test"}
    assert not any(SECRET in one.as_string() for one in everything)
    assert {one["state"] for one in day.ann.all("/deliveries")} == {"sent"}
    assert hub.stop() < STOP_WITHIN
    hub.balances()


def test_a_request_made_in_the_portal_is_answered_there_and_by_mail_and_ends_with_the_report(
    a_day: MakeDay,
) -> None:
    day = a_day()
    hub = day.hub
    hub.start()
    out = Out(hub, None)
    bruno = hub.browser("bruno@beta.test", "a staple for bruno")
    page = bruno.submit(
        bruno.get("/portal/new"), "/portal/new", subject="La stampante", text="Non stampa più."
    )
    assert day.ann.all("/tickets") == []  # first it is said what the contract answers
    page = bruno.submit(page, "/portal/new", press="send")
    (ticket,) = day.ann.all("/tickets")
    number = ticket["number"]
    assert page.path.startswith(f"/portal/requests/{number}")
    assert (ticket["origin"], ticket["customer"]["code"], ticket["trust"]) == ("portal", "BETA", "verified")
    assert parseaddr(out.next(number)["To"])[1] == "bruno@beta.test"

    ann = hub.browser("ann@hub.test", "correct horse battery")
    here = f"/desk/tickets/{number}"
    page = ann.get(here)
    if any(form.action.endswith("/do/approve") for form in page.forms):  # no contract covers it
        page = ann.submit(page, "/do/approve", reason="A good customer.")
    page = ann.submit(
        page, "/do/qualify", request_type="Incident", technology="Network", impact="3", urgency="3"
    )
    page = ann.submit(ann.submit(page, "/do/take"), "/do/reply", text="Provi a riaccenderla.")
    assert parseaddr(out.next("Provi a riaccenderla.")["To"])[1] == "bruno@beta.test"
    assert "Provi a riaccenderla." in bruno.get(f"/portal/requests/{number}").text
    page = bruno.submit(bruno.get(f"/portal/requests/{number}"), "/reply", text="Ora va, grazie.")
    assert "Ora va, grazie." in page.text

    ann.submit(ann.get(here), "/do/resolve", cause="hardware", minutes="5", text="Riaccesa.")
    page = bruno.submit(bruno.get(f"/portal/requests/{number}"), "/confirm")
    assert day.ann.get(f"/tickets/{number}")["state"] == "closed"
    assert "Riaccesa." in bruno.get(f"/portal/requests/{number}/report").text
    assert {one["address"] for one in day.ann.all("/deliveries") if one["channel"] == "email"} == {
        "bruno@beta.test"
    }
    until(lambda: {one["state"] for one in day.ann.all("/deliveries")} == {"sent"}, "something did not leave")
    hub.stop()
    assert hub.astonished() == []
    hub.balances()


class Out:
    """What left, by the relay or into the folder, in the order it is asked for."""

    def __init__(self, hub: Hub, relay: Relay | None) -> None:
        self._hub = hub
        self._relay = relay
        self._seen: set[str] = set()

    def all(self) -> list[Any]:
        """Everything so far."""
        if self._relay is not None:
            return [one.mail for one in self._relay.all]
        kept = sorted((self._hub.data / "outgoing").glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
        return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in kept]

    def next(self, words: str) -> Any:
        """The first new mail that says this."""

        def found() -> Any:
            for one in self.all():
                if one["Message-ID"] not in self._seen:
                    self._seen.add(one["Message-ID"])
                    if words in _text(one):
                        return one
            return None

        return until(found, f"no mail came that says {words!r}")


def _text(one: Any) -> str:
    return str(one.get_body(("plain",)).get_content())

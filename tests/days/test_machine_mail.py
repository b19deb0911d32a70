"""What machines send: none is answered, each report stands at its one mail, who complained gets nothing, loops end at once."""

from __future__ import annotations

import json
import smtplib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from tests.channels.email.dovecot import PASSWORD, Dovecot, a_dovecot
from tests.days.conftest import Day, Furnished
from tests.days.hubs import PATIENCE, Hub, copied, ended, until
from tests.days.people import Api
from tests.days.posting import SUPPORT, Received, Relay, mail, post

_people = count(1)
BOX = "support"


class Between(Relay):
    """A relay that shows what it takes, and hands on what is for a hub that it knows."""

    def __init__(self) -> None:
        super().__init__()
        self.hubs: dict[str, int] = {}
        """Domain to the port of its hub."""
        self.strips = "nobody"
        """Mail by or for an address with this in it loses every field but who, to whom and what about, and gets a new id."""
        self.passed: list[tuple[str, str]] = []
        """(author, recipient) of what was handed on."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """aiosmtpd's hook."""
        for to in envelope.rcpt_tos:
            port = self.hubs.get(to.rpartition("@")[2].removeprefix("reply."))
            if port is None:
                continue
            raw, sender = bytes(envelope.content), envelope.mail_from
            author = parseaddr(str(message_from_bytes(raw)["From"]))[1]
            if self.strips in author + to:
                raw, sender = _stripped(raw, len(self.passed)), author
            self.passed.append((author, to))
            threading.Thread(target=_post, args=(port, [(sender, to, raw)]), daemon=True).start()
        return await super().handle_DATA(server, session, envelope)


def _stripped(raw: bytes, number: int) -> bytes:
    read: Any = message_from_bytes(raw, policy=policy.default)
    made = EmailMessage(policy=policy.SMTP)
    for name in ("From", "To", "Subject"):
        made[name] = str(read[name])
    made["Message-ID"] = f"<new{number}@other.test>"
    made.set_content(read.get_body(("plain",)).get_content())
    return made.as_bytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """One hub for all of these days, and where its mail goes."""

    day: Day
    relay: Between
    box: Dovecot | None
    """Where the hub watches a mailbox; None: this machine has no such server."""

    def arrived(self, senders: Sequence[str]) -> dict[str, Any]:
        """By envelope sender, once all of them are understood."""

        def settled() -> dict[str, Any] | None:
            found = {one["sender"]: one for one in self.day.ann.all("/inbound") if one["sender"] in senders}
            done = len(found) == len(senders) and all(one["outcome"] for one in found.values())
            return found if done else None

        items: dict[str, Any] = until(settled, "not everything was understood", every=0.3)
        return items

    def told(self, address: str, count: int = 1) -> list[Received]:
        """So many mails as this person got, no more."""
        return until(
            lambda: found if len(found := self.got(address)) >= count else None, f"no mail for {address}"
        )

    def got(self, address: str) -> list[Received]:
        """What this person got by now."""
        return [one for one in self.relay.all if one.recipient == address]

    def acknowledged(self) -> tuple[str, Received]:
        """Somebody new who wrote, and what they were told."""
        who = f"somebody@elsewhere{next(_people)}.test"
        assert post(self.day.hub.smtp, mail(who, f"Request of {who}"), sender=who)[0] == 250
        return who, self.told(who)[0]

    def reported(self, raw: bytes, to: str, *, sender: str) -> Any:
        """A machine's word, and what became of it. `sender`: where it says it comes from; by the envelope from nobody."""
        assert _post(self.day.hub.smtp, [("", to, raw)]) == [250]

        def known() -> Any:
            items = [one for one in self.day.ann.all("/inbound") if one["author"] == sender]
            return items[0] if items and items[0]["outcome"] else None

        return until(known, "the report was not understood")

    def delivery(self, address: str) -> Any:
        """The last that left for this person."""
        return next(one for one in self.day.ann.all("/deliveries") if one["address"] == address)


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory, furnished: Furnished) -> Iterator[Machines]:
    folder = tmp_path_factory.mktemp("machines")
    relay = Between()
    controller = Controller(relay, hostname="127.0.0.1", port=relay.port)
    controller.start()
    hub = _a_hub(folder / "hub", furnished, relay.port)
    with ExitStack() as stack:
        stack.enter_context(ended(hub))
        box = _watched(stack, hub)
        hub.start()
        yield Machines(
            day=Day(hub=hub, ann=hub.api(furnished.ann), alice=hub.api(furnished.alice)),
            relay=relay,
            box=box,
        )
        assert hub.astonished() == []
        hub.stop()
        hub.balances()
    controller.stop()


def _a_hub(folder: Path, furnished: Furnished, relay: int) -> Hub:
    """With the brakes of one address and one sender as they come; that of all is open, or one of these days would stop another."""
    hub = Hub(
        folder,
        channels__email__relay_host="127.0.0.1",
        channels__email__relay_port=relay,
        hub__readers=2,
        brakes__known_per_hour=1,
        brakes__known_per_day=3,
        brakes__unknown_per_day=1,
        brakes__mails_of_sender=20,
        brakes__same_text=3,
    )
    copied(furnished.data, hub.data)
    return hub


def _watched(stack: ExitStack, hub: Hub) -> Dovecot | None:
    """A mailbox that the hub watches beside its port; the days without it do not need the server."""
    try:
        box = stack.enter_context(a_dovecot())
    except pytest.skip.Exception:
        return None
    place = f'host = "127.0.0.1"\nport = {box.port}\nuser = "{BOX}"\ntls = "none"\n'
    hub.also(f'[[channels.email.mailboxes]]\n{place}password = "{PASSWORD}"\n')
    return box


def _post(port: int, mails: Sequence[tuple[str, str, bytes]]) -> list[int]:
    """(sender, recipient, bytes) as they are, on one connection; the last answers."""
    codes = []
    with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as smtp:
        smtp.ehlo("mx.test")
        for sender, to, raw in mails:
            smtp.mail(sender)
            code, _ = smtp.rcpt(to)
            if code == 250:
                smtp.docmd("data")
                smtp.send((b"\r\n" + raw).replace(b"\r\n.", b"\r\n..")[2:] + b"\r\n.\r\n")
                code = smtp.getreply()[0]
            else:
                smtp.rset()
            codes.append(code)
    return codes


def _samples(samples: Path, wanted: Callable[[Any], bool]) -> list[bytes]:
    """Of ordinary mail, those that its list says this of; the same words once, whatever ends their lines."""
    listed = json.loads((samples / "mail" / "manifest.json").read_text("utf-8"))["items"]
    files = [samples / "mail" / one["path"] for one in listed if one["kind"] == "mime" and wanted(one)]
    found = (file.read_bytes().rstrip(b"\r\n") for file in files)
    return list({b"".join(raw.split()): raw for raw in found}.values())


def a_report(
    sender: str, recipient: str, action: str, status: str, said: str, *, about: str = "<x@y.test>"
) -> bytes:
    """As a mail server writes it (RFC 3464)."""
    return (
        f"From: {sender}\r\nTo: x@desk.test\r\nSubject: Delivery report {sender}\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nAbout your mail.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.test\r\n\r\n"
        f"Final-Recipient: rfc822; {recipient}\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: smtp; {said}\r\nRemote-MTA: dns; mx.elsewhere.test\r\n\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {about}\r\nSubject: yours\r\n\r\n--b--\r\n"
    ).encode()


# --- What is answered, and what is not ---


@pytest.mark.samples
def test_no_bounce_of_any_system_is_acknowledged_and_no_person_is_taken_for_a_machine(
    machines: Machines, samples: Path
) -> None:
    bounces = _samples(samples, lambda one: one["expect"].get("is_bounce") is True)
    people = _samples(samples, lambda one: "human" in one["tags"])
    sent = {f"b{n}@probe.test": raw for n, raw in enumerate(bounces)}
    sent |= {f"h{n}@probe.test": raw for n, raw in enumerate(people)}
    hub = machines.day.hub

    assert set(_post(hub.smtp, [(sender, SUPPORT, raw) for sender, raw in sent.items()])) == {250}
    items = machines.arrived(list(sent))

    # Whichever brake would have kept them from being answered: that they are machines' has to be the reason.
    told = {sender: item["detail"].get("acknowledged", "machine") for sender, item in items.items()}
    wrong = [sender for sender in sent if sender[0] == "b" and told[sender] != "machine"]
    assert len(bounces) > 300
    assert len(wrong) <= len(bounces) // 300, wrong
    assert [sender for sender in sent if sender[0] == "h" and items[sender]["outcome"] == "machine"] == []


def test_nobody_who_asks_for_a_receipt_gets_one(machines: Machines) -> None:
    who = "curious@elsewhere.test"
    raw = mail(
        who, "Read it?", Disposition_Notification_To=who, Return_Receipt_To=who, X_Confirm_Reading_To=who
    )

    assert post(machines.day.hub.smtp, raw, sender=who)[0] == 250
    (told,) = machines.told(who)

    assert told.mail.get_content_type() != "multipart/report"
    assert told.header("Auto-Submitted") == "auto-replied"


def test_our_own_address_as_author_waits_for_staff(machines: Machines) -> None:
    raw = mail(SUPPORT, "From the form", Reply_To="buyer@elsewhere.test")

    assert post(machines.day.hub.smtp, raw, sender="form@elsewhere.test")[0] == 250

    item = machines.arrived(["form@elsewhere.test"])["form@elsewhere.test"]
    assert (item["outcome"], item["reason"], item["waiting"]) == ("held", "own_address", True)


def test_what_is_away_changes_nothing_of_a_request_that_waits_for_it(machines: Machines) -> None:
    who, told = machines.acknowledged()
    api, smtp = machines.day.ann, machines.day.hub.smtp
    number = next(one for one in api.all("/tickets") if one["requester"]["email"] == who)["number"]
    before, left = api.get(f"/tickets/{number}"), len(machines.got(who))
    reply = parseaddr(told.header("Reply-To"))[1]
    away = mail(who, "Out of office", "Back on Monday.", to=reply, Auto_Submitted="auto-replied")

    for to in (reply, told.sender):  # servers answer to either
        assert _post(smtp, [("", to, away.replace(b"Back", to.encode()))]) == [250]
    until(lambda: len([one for one in api.all("/inbound") if one["author"] == who]) == 3, "not understood")

    after = api.get(f"/tickets/{number}")
    assert (after["state"], after["updated_at"] is None) == (before["state"], False)
    assert _running(after) == _running(before)
    assert machines.delivery(who)["state"] == "sent"
    assert len(machines.got(who)) == left


def test_what_is_away_when_a_request_is_solved_opens_nothing_again_and_tells_nobody(
    machines: Machines,
) -> None:
    api, alice = machines.day.ann, "alice@acme.test"
    assert post(machines.day.hub.smtp, mail(alice, "Port 4"))[0] == 250
    machines.told(alice)
    number = next(one for one in api.all("/tickets") if one["subject"] == "Port 4")["number"]
    fields = {"request_type": "Incident", "technology": "Network", "impact": 3, "urgency": 3}
    api.post(f"/tickets/{number}/qualify", fields)
    api.post(f"/tickets/{number}/take")
    api.post(f"/tickets/{number}/resolve", {"cause": "network", "text": "A new cable.", "minutes": 5})
    told = until(
        lambda: next((one for one in machines.got(alice) if "A new cable." in one.text), None), "not told"
    )
    left, before = len(machines.got(alice)), api.get(f"/tickets/{number}")
    away = mail(alice, "Out of office", "Until Monday.", Auto_Submitted="auto-replied")

    assert _post(machines.day.hub.smtp, [("", parseaddr(told.header("Reply-To"))[1], away)]) == [250]
    until(lambda: len(_of(api, alice)) == 2, "not understood")

    item, after = _of(api, alice)[0], api.get(f"/tickets/{number}")
    assert (item["outcome"], item["ticket"]) == ("attached", number)
    assert (after["state"], before["state"]) == ("resolved", "resolved")
    assert _running(after) == _running(before)
    assert item["detail"]["kind"] == "ooo"
    assert len(after["messages"]) == len(before["messages"]) + 1
    assert len(api.all("/deliveries", ticket=number)) == left
    assert len(machines.got(alice)) == left


def _of(api: Api, author: str) -> list[Any]:
    """What is understood of this person's, newest first."""
    return [one for one in api.all("/inbound") if one["author"] == author and one["outcome"]]


def _running(ticket: Any) -> list[tuple[Any, ...]]:
    return [(one["name"], one["state"], one["due_at"]) for one in ticket["clocks"]]


# --- The same again ---


def test_one_mail_to_two_addresses_is_one_message_and_other_words_under_its_id_are_kept_apart(
    machines: Machines,
) -> None:
    smtp = machines.day.hub.smtp
    first = mail("twice@elsewhere.test", "Twice", "Once.", Message_ID="<twice@elsewhere.test>")
    other = mail("twice@elsewhere.test", "Twice", "Something else.", Message_ID="<twice@elsewhere.test>")
    without = mail("no-id@elsewhere.test", "No id", "Once.")

    assert _post(smtp, [("t1@probe.test", SUPPORT, first)]) == [250]
    before = machines.arrived(["t1@probe.test"])["t1@probe.test"]
    sent = [("t2@probe.test", "support+web@desk.test", first), ("t3@probe.test", SUPPORT, other)]
    assert _post(smtp, [*sent, *[("t4@probe.test", SUPPORT, without)] * 2]) == [250] * 4
    items = machines.arrived(["t2@probe.test", "t3@probe.test", "t4@probe.test"])

    assert before["outcome"] == "ticket"
    assert items["t2@probe.test"]["outcome"] == "duplicate"
    assert items["t2@probe.test"]["detail"]["first"] == before["id"]
    assert items["t3@probe.test"]["outcome"] in ("ticket", "attached")
    number = items["t3@probe.test"]["ticket"]
    page = machines.day.hub.browser("ann@hub.test", "correct horse battery").get(f"/desk/tickets/{number}")
    assert "Something else." in page.text
    mine = [one for one in machines.day.ann.all("/inbound") if one["sender"] == "t4@probe.test"]
    assert [one["outcome"] for one in mine] == ["ticket"], "byte for byte the same is the same"


def test_one_mail_by_smtp_and_by_imap_is_one_message_with_two_receipts(machines: Machines) -> None:
    if machines.box is None:
        pytest.skip("needs dovecot-imapd")
    who, api = "both@elsewhere.test", machines.day.ann
    raw = mail(who, "Both ways", "Once.", Message_ID="<both@elsewhere.test>")
    by_server = b"Return-Path: <both@elsewhere.test>\r\nDelivered-To: support@desk.test\r\nReceived: by mx.desk.test\r\n"

    assert post(machines.day.hub.smtp, raw, sender=who)[0] == 250
    machines.box.deliver(BOX, by_server + raw)
    until(lambda: len(_of(api, who)) == 2, "it did not come by both ways")

    items = {one["outcome"]: one for one in _of(api, who)}
    assert set(items) == {"ticket", "duplicate"}
    assert items["duplicate"]["detail"]["first"] == items["ticket"]["id"]
    (said,) = api.get(f"/tickets/{items['ticket']['ticket']}")["messages"][:1]
    assert (said["direction"], said["times"]) == ("in", 2)
    until(lambda: machines.box.unseen(BOX) == [], "it was not marked as read")  # nor what others put there
    assert len(machines.told(who)) == 1, "and one acknowledgement"


# --- Reports ---


def test_a_report_stands_at_its_mail_and_a_forged_one_nowhere(machines: Machines) -> None:
    who, told = machines.acknowledged()
    other, _ = machines.acknowledged()
    ann, browser = machines.day.ann, machines.day.hub.browser("ann@hub.test", "correct horse battery")

    def report(sender: str, action: str, status: str, said: str, to: str, **about: str) -> Any:
        return machines.reported(a_report(sender, who, action, status, said, **about), to, sender=sender)

    forged = f"support+b-{'a' * 26}@reply.desk.test"
    item = report("eve@evil.test", "failed", "5.1.1", "550 no", forged, about=f"<m.{'b' * 26}@desk.test>")
    assert (item["outcome"], item["reason"]) == ("machine", "bounce_hard_unknown")
    assert item["id"] in [one["id"] for one in ann.all("/inbound", unknown="true")]
    assert (machines.delivery(who)["state"], machines.delivery(who)["report"]) == ("sent", None)

    item = report("late@mx.test", "delayed", "4.4.1", "421 4.4.1 busy", told.sender)
    assert (item["outcome"], item["reason"], item["ticket"]) == ("machine", "delayed", None)
    assert (machines.delivery(who)["state"], machines.delivery(who)["course"]) == ("sent", "delayed")

    # The id of the mail in what came back is as good as its envelope sender.
    item = report(
        "dead@mx.test", "failed", "5.1.1", "550 5.1.1 nobody here", SUPPORT, about=told.header("Message-ID")
    )
    assert item["reason"] == "bounce_hard"
    left = machines.delivery(who)
    assert (left["state"], left["course"], left["error"]) == (
        "bounced",
        "bounced",
        "5.1.1 nobody here",
    )
    said = left["report"]
    assert (said["recipient"], said["action"], said["status"], said["reply"], said["host"]) == (
        who,
        "failed",
        "5.1.1",
        "550",
        "mx.elsewhere.test",
    )
    page = browser.get(f"/desk/tickets/{left['ticket']}").text
    assert f"non consegnato a {who}: 5.1.1 nobody here" in page
    assert who in browser.get("/desk/stopped").text
    assert any(who in str(one) for one in ann.get("/tasks")["items"])
    assert machines.delivery(other)["state"] == "sent"

    # Nothing automatic goes there any more.
    assert post(machines.day.hub.smtp, mail(who, "Once more"), sender=who)[0] == 250
    until(lambda: len([one for one in ann.all("/inbound") if one["author"] == who]) == 2, "not understood")
    assert len(machines.got(who)) == 1


def test_a_report_that_lies_in_a_mailbox_and_returns_nothing_stands_at_the_mail_it_is_about(
    machines: Machines,
) -> None:
    if machines.box is None:
        pytest.skip("needs dovecot-imapd")
    who, told = machines.acknowledged()
    other, _ = machines.acknowledged()
    raw = mail(
        "Mail Delivery System <MAILER-DAEMON@mx.elsewhere.test>",
        "Undelivered Mail Returned to Sender",
        f"Your message could not be delivered.\n\n<{who}>: 550 5.1.1 User unknown\n",
        to=told.sender,
    )

    machines.box.deliver(BOX, b"Return-Path: <>\r\n" + raw)

    until(lambda: machines.delivery(who)["state"] == "bounced", "the report is at no mail")
    assert machines.delivery(other)["state"] == "sent"
    assert who in machines.day.hub.browser("ann@hub.test", "correct horse battery").get("/desk/stopped").text


@pytest.mark.samples
def test_every_complaint_stops_its_address_until_staff_allow_it(machines: Machines, samples: Path) -> None:
    complaints = _samples(samples, lambda one: one["expect"].get("is_feedback_report") is True)
    ann, hub = machines.day.ann, machines.day.hub
    people = [machines.acknowledged() for _ in complaints]
    before = {one["number"] for one in ann.all("/tickets")}

    posted = [
        (f"fbl{n}@probe.test", told.sender, raw)
        for n, (raw, (_, told)) in enumerate(zip(complaints, people, strict=True))
    ]
    assert set(_post(hub.smtp, posted)) == {250}
    machines.arrived([sender for sender, _, _ in posted])

    assert {one["number"] for one in ann.all("/tickets")} == before, "none opens a ticket"
    stopped = {one["address"] for one in ann.all("/stopped-addresses") if one["reason"] == "complaint"}
    missed = [who for who, _ in people if who not in stopped]
    assert len(complaints) > 9
    assert len(missed) <= len(complaints) // 23, missed

    who = next(one for one, _ in people if one in stopped)
    number = next(one for one in ann.all("/tickets") if one["requester"]["email"] == who)["number"]
    ann.post(f"/tickets/{number}/messages", {"audience": "customer", "text": "Are you there?"})
    until(lambda: machines.delivery(who)["state"] == "given_up", "it left")
    assert len(machines.got(who)) == 1

    ann.post(f"/stopped-addresses/{who}/lift")
    ann.post(f"/tickets/{number}/messages", {"audience": "customer", "text": "And now?"})
    assert "And now?" in machines.told(who, 2)[1].text


# --- Who guesses ---


def test_whoever_guesses_reply_addresses_is_put_off_for_every_one_of_them(machines: Machines) -> None:
    _, told = machines.acknowledged()
    right, hub = parseaddr(told.header("Reply-To"))[1], machines.day.hub
    tries = [
        (
            f"g{n}@guess.test",
            f"support+r-{'abcdefghijklmnopqrst'[n] * 26}@reply.desk.test",
            mail(f"g{n}@guess.test", f"Try {n}"),
        )
        for n in range(20)
    ]

    assert set(_post(hub.smtp, tries)) == {250}, "the answer does not tell which exist"
    machines.arrived([sender for sender, _, _ in tries])

    late = mail("late@guess.test", "Late")
    assert (
        _post(hub.smtp, [("late@guess.test", to, late) for to in (tries[0][1], right, told.sender)])
        == [451] * 3
    )
    assert _post(hub.smtp, [("late@guess.test", SUPPORT, late)]) == [250]
    assert _post(hub.smtp, [("x@honest.test", right, mail("x@honest.test", "Right"))]) == [250]


# --- Two hubs ---


@pytest.fixture(scope="module")
def other(
    machines: Machines, tmp_path_factory: pytest.TempPathFactory, furnished: Furnished
) -> Iterator[Day]:
    """Another help desk, which acknowledges as well."""
    hub = _a_hub(tmp_path_factory.mktemp("other") / "hub", furnished, machines.relay.port)
    hub.also('[channels.email]\ndomain = "two.test"\naddresses = ["support@two.test", "help@two.test"]\n')
    with ended(hub):
        hub.start()
        machines.relay.hubs = {"desk.test": machines.day.hub.smtp, "two.test": hub.smtp}
        yield Day(hub=hub, ann=hub.api(furnished.ann), alice=hub.api(furnished.alice))
        machines.relay.hubs = {}


@pytest.mark.parametrize("box", ["support", "help"])
def test_two_hubs_that_acknowledge_each_other_fall_silent_after_two_mails(
    machines: Machines, other: Day, box: str
) -> None:
    """What `help` says and hears arrives as a person writes: without a single mark, and under a new id."""
    raw = mail(f"{box}@two.test", f"Hello from {box}")
    relay, desks = machines.relay, (machines.day, other)
    relay.strips = "help@"
    before = len(relay.passed)

    assert post(machines.day.hub.smtp, raw, sender=f"{box}@two.test")[0] == 250

    def passed() -> int:
        return len(relay.passed) - before

    def silent() -> bool:
        """Whatever was passed on is understood there, and nothing waits to leave."""
        count = passed()
        came = [item for day in desks for item in day.ann.all("/inbound") if "two.test" in str(item)]
        left = [item for day in desks for item in day.ann.all("/deliveries") if "two.test" in item["address"]]
        left += [item for item in other.ann.all("/deliveries") if item["address"].endswith("@desk.test")]
        settled = all(item["outcome"] for item in came) and all(item["state"] == "sent" for item in left)
        return settled and count > 0 and passed() == count

    until(lambda: silent() and not time.sleep(1.0) and silent(), "they never fall silent", every=0.5)
    assert 1 <= passed() <= 2, relay.passed[before:]

"""A hub whose mail comes from Postfix by LMTP and leaves by it: what goes down comes again, and what cannot be brought is told."""

from __future__ import annotations

import dataclasses
import smtplib
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from core.channel import DeliveryError
from core.envelope import Address
from core.settings_values import Secret
from tests.channels.email.a_provider import Provider
from tests.channels.email.a_relay import an_answer
from tests.channels.email.dovecot import PASSWORD, a_dovecot
from tests.channels.email.running_mail import a_channel
from tests.days.conftest import Day, Furnished
from tests.days.hubs import PATIENCE, Hub, copied, ended, free_port, until
from tests.days.mta import Postfix, a_postfix, swaks
from tests.days.posting import SUPPORT, Relay, mail, post

# As docs/email.md has it, with everything for others going to one server, and one sender whose domain vouched for it.
FRONT = """
mynetworks = 127.0.0.0/8
relay_domains = desk.test, reply.desk.test
transport_maps = inline:{{ desk.test=lmtp:inet:127.0.0.1:{lmtp}, reply.desk.test=lmtp:inet:127.0.0.1:{lmtp} }}
relayhost = [127.0.0.1]:{world}
lmtp_destination_recipient_limit = 200
message_size_limit = 10240000
smtpd_tls_security_level = may
smtpd_tls_chain_files = {{home}}/key.pem, {{home}}/cert.pem
smtpd_sender_restrictions = check_sender_access
  inline:{{ {{ alice@acme.test = PREPEND Authentication-Results: mx.test; dmarc=pass header.from=acme.test }} }}
"""
MAILS = 150


class World(Relay):
    """Everybody else's servers: whoever is called gone@ is."""

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        """aiosmtpd's hook."""
        if address.startswith("gone@"):
            return "550 5.1.1 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    def got(self, address: str) -> list[EmailMessage]:
        """What came for somebody."""
        return [one.mail for one in self.all if one.recipient == address]


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """The hub, the server around it, and the world beyond."""

    day: Day
    postfix: Postfix
    world: World

    def arrived(self, subject: str, count: int = 1) -> list[Any]:
        """So many items, once all of them are understood."""

        def known() -> list[Any] | None:
            items = [one for one in self.day.ann.all("/inbound") if one["subject"] == subject]
            return items if len(items) >= count and all(one["outcome"] for one in items) else None

        found: list[Any] = until(known, f"{subject} did not come: {self.postfix.log()[-2000:]}", every=0.2)
        return found

    def ticket(self, subject: str) -> Any:
        """The one that a mail opened."""
        (item,) = self.arrived(subject)
        assert item["outcome"] == "ticket"
        return self.day.ann.get(f"/tickets/{item['ticket']}")


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory, furnished: Furnished) -> Iterator[Behind]:
    folder = tmp_path_factory.mktemp("behind")
    world = World()
    lmtp = free_port()
    with (
        a_postfix(FRONT.format(lmtp=lmtp, world=world.port)) as postfix,
        pytest.MonkeyPatch.context() as around,
    ):
        around.setenv("SSL_CERT_FILE", str(postfix.home / "cert.pem"))
        controller = Controller(world, hostname="127.0.0.1", port=world.port)
        controller.start()
        hub = _a_hub(folder / "hub", furnished, lmtp, postfix.port)
        with ended(hub):
            hub.start()
            yield Behind(
                day=Day(hub=hub, ann=hub.api(furnished.ann), alice=hub.api(furnished.alice)),
                postfix=postfix,
                world=world,
            )
            assert hub.astonished() == []
            hub.stop()
            hub.balances()
        controller.stop()


def _a_hub(folder: Path, furnished: Furnished, lmtp: int, relay: int) -> Hub:
    hub = Hub(
        folder,
        channels__email__lmtp_port=lmtp,
        channels__email__relay_host="127.0.0.1",
        channels__email__relay_port=relay,
        channels__email__relay_tls="starttls",
        limits__mail_size="1 MiB",
        hub__readers=2,
    )
    hub.also('[channels.email]\nauthserv_ids = ["mx.test"]')
    copied(furnished.data, hub.data)
    return hub


def test_what_the_server_in_front_says_of_a_sender_is_believed_and_what_the_sender_says_is_not(
    behind: Behind,
) -> None:
    sent = swaks(
        behind.postfix.port, "--from", "alice@acme.test", "--to", SUPPORT, "--header", "Subject: By swaks"
    )
    assert sent.returncode == 0, sent.stdout
    assert behind.ticket("By swaks")["trust"] == "aligned"

    forged = mail(
        "bruno@beta.test",
        "Says so itself",
        Authentication_Results="mx.test; dmarc=pass header.from=beta.test",
    )
    assert post(behind.postfix.port, forged, sender="bruno@beta.test")[0] == 250
    assert behind.ticket("Says so itself")["trust"] == "weak"


def test_a_mail_for_more_people_than_the_hub_takes_at_once_comes_in_two_goes_and_is_one_request(
    behind: Behind,
) -> None:
    raw = mail("alice@acme.test", "For many", Message_ID="<many@acme.test>")
    many = [f"support+{n}@desk.test" for n in range(150)]
    # In one group, answered in one (RFC 2920), as Postfix itself does towards the hub.
    with smtplib.SMTP("127.0.0.1", behind.postfix.port, timeout=PATIENCE) as client:
        assert client.sendmail("alice@acme.test", many, raw) == {}

    items = behind.arrived("For many", 2)
    assert Counter(one["outcome"] for one in items) == {"ticket": 1, "duplicate": 1}
    until(lambda: behind.postfix.waiting() == 0, behind.postfix.log()[-2000:])
    assert behind.postfix.says(r"452 4\.5\.3 At most 100 recipients")
    assert behind.postfix.log().count("250 2.0.0 Stored") >= 150


def test_a_mail_that_is_too_large_comes_back_to_its_author(behind: Behind) -> None:
    raw = mail("carla@gamma.test", "Large", "x" * 70 + "\r\n" + ("y" * 70 + "\r\n") * 20_000)
    assert post(behind.postfix.port, raw, sender="carla@gamma.test")[0] == 250

    (back,) = until(lambda: behind.world.got("carla@gamma.test"), behind.postfix.log()[-2000:])
    assert back.get_content_type() == "multipart/report"
    assert "size" in back.as_string()
    assert not [one for one in behind.day.ann.all("/inbound") if one["subject"] == "Large"]


def test_an_address_that_does_not_exist_is_told_by_a_bounce_that_marks_exactly_that_delivery(
    behind: Behind,
) -> None:
    for who in ("gone@delta.test", "here@delta.test"):
        assert post(behind.postfix.port, mail(who, f"From {who}"), sender=who)[0] == 250
        behind.ticket(f"From {who}")
    (ack,) = until(lambda: behind.world.got("here@delta.test"), "no acknowledgement left")
    assert ack["Auto-Submitted"] == "auto-replied"

    def bounced() -> Any:
        found = [one for one in behind.day.ann.all("/deliveries") if one["address"] == "gone@delta.test"]
        return found if found and found[0]["state"] != "sent" and found[0]["state"] != "queued" else None

    (failed,) = until(bounced, "the bounce changed nothing", every=0.2)
    assert failed["state"] == "bounced", failed
    (other,) = [one for one in behind.day.ann.all("/deliveries") if one["address"] == "here@delta.test"]
    assert other["state"] == "sent"
    assert [one["sender"] for one in behind.day.ann.all("/inbound") if one["outcome"] == "machine"] == [""]


async def test_a_relay_that_wants_a_log_in_gets_a_password_or_a_token(behind: Behind, tmp_path: Path) -> None:
    """Postfix, which asks Dovecot; with a token, Dovecot asks who gave it."""
    by_password = {"relay_password": Secret(PASSWORD)}
    with (
        a_dovecot(auth_port=behind.postfix.sasl_port) as judge,
        Provider(user="desk@desk.test").running(judge.judge_port) as provider,
    ):
        by_token = {"relay_oauth": provider.settings()}
        for how, log_in in (("PLAIN", by_password), ("OAUTHBEARER", by_token)):
            channel = a_channel(
                tmp_path,
                relay_host="127.0.0.1",
                relay_port=behind.postfix.submission_port,
                relay_tls="starttls",
                relay_user="desk@desk.test",
                **log_in,
            )
            await channel.send(an_answer(to=Address(f"{how.lower()}@world.test")))
            assert behind.postfix.says(rf"sasl_method={how}, sasl_username=desk@desk.test"), how
        channel.relay = dataclasses.replace(channel.relay, user="other@desk.test")
        with pytest.raises(DeliveryError, match=r"535 5.7.8 .*whether the application may use") as refused:
            await channel.send(an_answer())
    assert not refused.value.permanent
    for name in ("plain", "oauthbearer"):
        until(lambda name=name: behind.world.got(f"{name}@world.test"), f"nothing came for {name}")


def test_where_encryption_is_asked_for_and_not_offered_mail_waits(behind: Behind) -> None:
    behind.postfix.offers_encryption(False)
    try:
        who = "eva@epsilon.test"
        assert post(behind.postfix.port, mail(who, "In the clear"), sender=who)[0] == 250
        behind.ticket("In the clear")

        def tried() -> Any:
            found = [one for one in behind.day.ann.all("/deliveries") if one["address"] == who]
            return found if found and found[0]["error"] else None

        (waiting,) = until(tried, "it was not tried", every=0.2)
        assert (waiting["state"], waiting["attempts"]) == ("queued", 1)
        assert "STARTTLS" in waiting["error"]
        assert behind.world.got(who) == []
    finally:
        behind.postfix.offers_encryption(True)


def test_what_a_dead_hub_did_not_take_waits_in_front_of_it_and_nothing_is_lost_or_doubled(
    behind: Behind,
) -> None:
    hub, postfix = behind.day.hub, behind.postfix
    before = postfix.log().count("status=sent")
    command = f"-c -m {MAILS} -s 20 -f alice@acme.test -t {SUPPORT} -S Burst 127.0.0.1:{postfix.port}"
    with subprocess.Popen(
        [postfix.home / "sbin" / "smtp-source", *command.split()],
        env=postfix.surroundings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as source:
        until(lambda: postfix.log().count("status=sent") > before + 20, "nothing is handed over")
        hub.kill()
        assert source.wait(PATIENCE) == 0
        until(lambda: postfix.says(r"status=deferred \(.*(?:refused|lost connection)"), "it does not wait")
    assert postfix.waiting() > 0
    hub.start()
    until(lambda: postfix.waiting() == 0, postfix.log()[-2000:])

    items = behind.arrived("Burst", MAILS)
    counted = Counter(one["outcome"] for one in items)
    assert counted["ticket"] == MAILS, counted
    assert set(counted) <= {"ticket", "duplicate"}

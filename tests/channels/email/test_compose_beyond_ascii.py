"""A customer whose address has letters beyond ASCII is answered like any other (RFC 6531, 6532)."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_string, policy

import pytest

from channels.email.addressing import Addressing
from channels.email.compose import Identity, compose
from core.envelope import Address, Outgoing

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DESK = Identity(
    addressing=Addressing(domain="hub.test", addresses=("support@hub.test",), reply_domain="reply.hub.test"),
    desk_name="Perché Desk",
    instance="abc",
    loop_key=b"a key of 32 bytes for the tests.",
)


@pytest.mark.parametrize("name", ["", "Jürgen", 'Al "the" Boss, Ltd.'])
def test_a_name_beyond_ascii_stands_as_it_is_before_a_domain_that_every_relay_knows(name: str) -> None:
    outgoing = Outgoing(
        delivery_id="1",
        channel="email",
        ref="x" * 26,
        kind="reply",
        automatic=False,
        to=Address("jürgen@xn--bro-hoa.test", name),
        subject="Perché? " * 20,
        text="Ciao.",
        language="it",
        ticket_number="26-000001",
        reply_token="a" * 26,
        bounce_token="b" * 26,
        references=tuple(f"{n}@acme.test" for n in range(20)),
    )

    raw = compose(outgoing, DESK, now=NOON)

    head = raw.partition(b"\r\n\r\n")[0].decode()
    assert "<jürgen@xn--bro-hoa.test>" in head or "To: jürgen@xn--bro-hoa.test" in head
    assert raw.count(b"\n") == raw.count(b"\r\n")
    read = message_from_string(raw.decode(), policy=policy.SMTPUTF8)
    (to,) = read["To"].addresses
    assert (to.addr_spec, to.display_name) == ("jürgen@xn--bro-hoa.test", name)
    assert read["Subject"].startswith("Perché? Perché?")

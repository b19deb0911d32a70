"""Which addresses are ours, and which do we give away?"""

from __future__ import annotations

import pytest

from channels.email.addressing import Addressing
from channels.settings import LONGEST_NAME, EmailSettings
from tests.channels.email.a_relay import TOKEN

DESK = Addressing(
    domain="hub.test", addresses=("support@hub.test", "help@brand.test"), reply_domain="reply.hub.test"
)


@pytest.mark.parametrize(
    "address",
    ["support@hub.test", "Help@Brand.test", "support+x@hub.test", "postmaster@hub.test", "postmaster"],
)
def test_our_addresses_are_known_in_any_case_and_with_anything_behind_a_plus(address):
    assert DESK.ours(address)


@pytest.mark.parametrize("mailbox", DESK.addresses)
def test_what_we_give_away_we_take(mailbox):
    for address in (DESK.reply(mailbox, TOKEN), DESK.bounce(mailbox, TOKEN)):
        assert DESK.ours(address)
        assert DESK.ours(address.upper())
        assert address.endswith("@reply.hub.test")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "@",
        "support",
        "support@",
        "@hub.test",
        "support@reply.hub.test",
        "postmaster@brand.test",
        "nobody+x@hub.test",
    ],
)
def test_nothing_else_is_ours(address):
    assert not DESK.ours(address)


def test_the_longest_address_of_a_desk_gives_reply_addresses_that_every_server_takes():
    longest = "d" * LONGEST_NAME
    assert list(EmailSettings(addresses=(f"{longest}@desk.test",)).mistakes()) == []
    assert len(DESK.reply(f"{longest}@hub.test", TOKEN).partition("@")[0]) == 64

    wrong = [text for _, text in EmailSettings(addresses=(f"{longest}d@desk.test",)).mistakes()]
    assert wrong
    assert "too long" in wrong[0]

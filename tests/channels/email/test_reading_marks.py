"""Are our own marks found where they count, and nowhere else? Tokens, refs, numbers, loops, keys, results of checks."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from channels.email import addressing, compose
from channels.email.reading import content_key, ours, read
from core.envelope import Kind
from tests.channels.email.reading_mails import DESK, OTHER_TOKEN, TOKEN, a_mail, parts, understood

REPLY = f"support+r-{TOKEN}@reply.hub.test"
OTHER_REPLY = f"support+r-{OTHER_TOKEN}@reply.hub.test"
BOUNCE = f"support+b-{TOKEN}@reply.hub.test"


def test_a_token_among_the_recipients_of_the_envelope_is_found():
    inbound = understood(a_mail(to=OTHER_REPLY), REPLY.upper(), "someone@else.test")

    assert inbound.reply_tokens == (TOKEN,)
    assert inbound.mailbox == "support@hub.test"


@pytest.mark.parametrize(
    "field", ["Delivered-To: {}", "X-Original-To: <{}>", "To: Desk <{}>", "Cc: a@b.test, {}"]
)
def test_where_the_envelope_has_none_a_token_is_taken_from_the_header(field):
    to = "" if field.startswith("To") else "support@hub.test"

    assert understood(a_mail("x", field.format(REPLY), to=to)).reply_tokens == (TOKEN,)


def test_the_first_place_that_holds_a_token_wins():
    inbound = understood(a_mail("x", f"Delivered-To: {REPLY}", to=OTHER_REPLY))

    assert inbound.reply_tokens == (TOKEN,)


def test_of_a_mail_to_several_reply_addresses_in_a_mailbox_none_is_left_out():
    inbound = understood(a_mail("x", f"Cc: {OTHER_REPLY}", to=REPLY))

    assert inbound.reply_tokens == (TOKEN, OTHER_TOKEN)


@pytest.mark.parametrize(
    "address",
    [
        f"support+r-{TOKEN}@evil.test",
        f"support+r-{TOKEN[:-1]}@reply.hub.test",
        f"support+r-{TOKEN}x@reply.hub.test",
        f"support+r-{TOKEN[:-1]}1@reply.hub.test",
        f"support+x-{TOKEN}@reply.hub.test",
        f"r-{TOKEN}@reply.hub.test",
    ],
)
def test_what_only_looks_like_a_reply_address_holds_no_token(address):
    inbound = understood(a_mail(), address)

    assert (inbound.reply_tokens, inbound.bounce_tokens) == ((), ())


def test_a_plus_address_of_a_mailbox_of_ours_may_hold_a_token():
    assert understood(a_mail(), f"support+r-{TOKEN}@hub.test").reply_tokens == (TOKEN,)


def test_bounce_tokens_count_in_the_envelope_only():
    assert understood(a_mail(), BOUNCE, sender="").bounce_tokens == (TOKEN,)
    assert understood(a_mail(to=BOUNCE)).bounce_tokens == ()


def test_where_a_mailbox_got_it_is_what_its_server_wrote_on_top():
    arrival = {"channel": "email", "envelope": {"protocol": "IMAP"}}
    raw = b"Delivered-To: Ups@y.test\nDelivered-To: support@hub.test\n" + a_mail(to="a@x.test")

    assert read.read(raw, arrival, DESK).delivered_to == ("ups@y.test",)
    assert read.read(a_mail(to="a@x.test"), arrival, DESK).delivered_to == ()
    assert understood(a_mail(), "support@hub.test").delivered_to is None
    odd = a_mail(delivered_to="mailing list Nyaan@neko.test")
    assert read.read(odd, arrival, DESK).delivered_to == ("mailing list nyaan@neko.test",)


@pytest.mark.parametrize("named", [{"to": BOUNCE}, {"delivered_to": BOUNCE}, {"x_original_to": BOUNCE}])
def test_in_a_mailbox_without_an_envelope_a_bounce_token_counts_where_its_server_or_the_report_names_it(
    named,
):
    fields = {"from": "MAILER-DAEMON@mx.test", "subject": "Undelivered Mail Returned to Sender"}
    raw = a_mail("<bob@x.test>: 550 5.1.1 User unknown", **{**fields, **named})
    arrival = {"channel": "email", "envelope": {"protocol": "IMAP"}}

    inbound = read.read(raw, arrival, DESK)

    assert (inbound.kind, inbound.bounce_tokens) == (Kind.BOUNCE_HARD, (TOKEN,))
    assert read.read(a_mail(cc=BOUNCE), arrival, DESK).bounce_tokens == ()


@pytest.mark.parametrize(
    ("to", "mailbox"),
    [
        ("undisclosed-recipients:;", "alarms@hub.test"),
        ("everybody@elsewhere.test", "alarms@hub.test"),
        ("support@hub.test", "support@hub.test"),
    ],
)
def test_what_names_no_address_of_ours_came_to_the_mailbox_it_lay_in(to, mailbox):
    arrival = {
        "channel": "email",
        "envelope": {"protocol": "IMAP", "user": "Alarms@hub.test"},
    }

    assert read.read(a_mail(to=to), arrival, DESK).mailbox == mailbox
    assert (
        read.read(a_mail(to="x@elsewhere.test"), {"envelope": {"user": "desk"}}, DESK).mailbox
        == "support@hub.test"
    )


def test_the_text_and_attached_mails_are_not_searched_for_tokens():
    kind, content = parts("\nwrite to " + REPLY, f"Content-Type: message/rfc822\n\nTo: {REPLY}\n\nx")

    assert understood(a_mail(content, kind)).reply_tokens == ()


def test_our_message_ids_are_found_best_first():
    inbound = understood(
        a_mail(
            in_reply_to=f"<m.{TOKEN}@hub.test>",
            references=f"<root@cust-a.test> <m.{OTHER_TOKEN}@hub.test> <m.{TOKEN}@hub.test> <m.{TOKEN}@evil.test> <m.x@hub.test>",
        )
    )

    assert inbound.own_refs == (TOKEN, OTHER_TOKEN)
    assert inbound.references[0] == "root@cust-a.test"
    assert inbound.in_reply_to == (f"m.{TOKEN}@hub.test",)


def test_of_very_many_references_the_first_and_the_last_are_kept():
    inbound = understood(a_mail(references=" ".join(f"<{i}@x.test>" for i in range(200))))

    assert len(inbound.references) == 50
    assert (inbound.references[0], inbound.references[-1]) == ("0@x.test", "199@x.test")


def test_ticket_numbers_in_the_subject_are_found_with_their_check_characters():
    inbound = understood(a_mail(subject="Re: [#26-000123-k7] x [#26-000124] [#1] #26-000125, (26-000126)"))

    assert inbound.ticket_numbers == ("26-000123-k7", "26-000124")
    assert inbound.named_numbers == ("26-000125", "26-000126")


@pytest.mark.parametrize(
    ("recipients", "mailbox"),
    [
        (("ALARMS@hub.test",), "alarms@hub.test"),
        (("x@y.test", "alarms@hub.test"), "alarms@hub.test"),
        ((f"alarms+r-{TOKEN}@reply.hub.test",), "alarms@hub.test"),
        ((BOUNCE,), "support@hub.test"),
    ],
)
def test_the_mailbox_is_our_address_without_its_token(recipients, mailbox):
    assert understood(a_mail(), *recipients).mailbox == mailbox


def test_a_mail_without_our_address_in_the_envelope_came_to_the_one_in_its_header():
    assert (
        understood(a_mail(to="Desk <alarms@hub.test>"), "archive@elsewhere.test").mailbox == "alarms@hub.test"
    )


def identity(key: bytes) -> compose.Identity:
    ours_ = addressing.Addressing(
        domain="hub.test", addresses=("support@hub.test",), reply_domain="reply.hub.test"
    )
    return compose.Identity(addressing=ours_, desk_name="Desk", instance="hub-1", loop_key=key)


def test_our_own_loop_header_is_known_and_no_other():
    mark = compose.loop_header(identity(bytes.fromhex(str(DESK["loop_key"]))), TOKEN)
    forged = compose.loop_header(identity(b"another key"), TOKEN)
    other_hub = mark.replace("hub-1", "hub-2")

    assert understood(a_mail("x", f"X-Centralino-Loop: {mark}")).kind is Kind.OWN_LOOP
    assert understood(a_mail("x", f"X-Centralino-Loop: {forged}")).kind is Kind.HUMAN
    assert understood(a_mail("x", f"X-Centralino-Loop: {other_hub}")).kind is Kind.HUMAN


def test_our_message_id_is_our_own_mail_and_our_address_as_author_is_not():
    by_id = understood(a_mail(message_id=f"<m.{TOKEN}@hub.test>"))
    assert (by_id.kind, by_id.loop_marked) == (Kind.OWN_LOOP, False), "anybody can write it"
    assert understood(a_mail(**{"from": "Desk <SUPPORT@hub.test>"})).kind is Kind.HUMAN


def test_the_same_mail_by_two_ways_has_one_key():
    by_smtp = a_mail().replace(b"\n", b"\r\n")
    by_imap = b"Received: from a by b\nDelivered-To: x@y.test\n" + a_mail() + b"\n"

    assert understood(by_smtp).content_key == understood(by_imap).content_key


def test_the_same_mail_has_one_key_whatever_became_of_the_capitals_of_its_ids_domain():
    ids = ("<Ab.1@AM0PR04.Mail.ACME.test>", "<Ab.1@am0pr04.mail.acme.test>", "<aB.1@am0pr04.mail.acme.test>")
    mixed, lower, other = (understood(a_mail(message_id=one)) for one in ids)

    assert mixed.content_key == lower.content_key != other.content_key
    assert lower.content_key_of_old == ""
    assert mixed.content_key_of_old not in ("", mixed.content_key)
    assert (mixed.message_id, lower.message_id) == (ids[0][1:-1], ids[1][1:-1]), "answers name it as it came"


def test_the_key_of_a_large_mail_does_not_depend_on_its_line_ends(monkeypatch):
    raw = a_mail("".join(f"line {i}\n" for i in range(500)))
    keys = set()
    for chunk in (7, 8, 9, 1_000_000):
        monkeypatch.setattr(content_key, "CHUNK", chunk)
        keys |= {understood(raw).content_key, understood(raw.replace(b"\n", b"\r\n")).content_key}

    assert len(keys) == 1


def test_other_words_or_another_author_make_another_key():
    keys = {
        understood(raw).content_key
        for raw in (
            a_mail(),
            a_mail("Other words."),
            a_mail(date="Tue, 24 Nov 2026 06:00:00 +0100"),
            a_mail(**{"from": "b@x.test"}),
        )
    }

    assert len(keys) == 4


def test_a_mail_without_an_id_gets_one_from_its_content_and_keeps_its_key_on_every_way():
    raw = a_mail(message_id="")
    again = b"Received: from a by b\nX-Spam: no\nReturn-Path: <a@b.test>\n" + raw

    first, second = understood(raw), understood(again)

    assert first.content_key == second.content_key
    assert first.message_id == second.message_id != ""
    assert first.message_id != understood(a_mail("Other words.", message_id="")).message_id


PASSED = "Authentication-Results: mx.hub.test; dmarc=pass (p=reject) header.from=cust-a.test; dkim=pass"


def checked(*lines: str, **envelope: str) -> str:
    raw = "\n".join(lines).encode() + b"\n" + a_mail()
    return understood(raw, **({"protocol": "LMTP"} | envelope)).authentication.verdict


def test_results_of_our_relay_count():
    assert checked(PASSED, "Received: from x by mx.hub.test") == "pass"
    assert checked(PASSED.replace("dmarc=pass", "dmarc=fail"), "Received: from x by mx.hub.test") == "fail"
    assert checked(PASSED, "Received: from x", protocol="SMTP", peer="192.0.2.9") == "pass"


@pytest.mark.parametrize(
    "lines",
    [
        ("Received: from evil by mx.hub.test", PASSED),
        ("Authentication-Results: mx.evil.test; dmarc=pass", PASSED),
        ("Authentication-Results: mx.hub.test; dmarc=fail", PASSED),
        ("ARC-Authentication-Results: i=1; mx.hub.test; dmarc=pass",),
        ("Authentication-Results: mx.hub.test.evil.test; dmarc=pass",),
        ("Authentication-Results: mx.hub.test; spf=pass (dmarc=pass)",),
    ],
)
def test_results_that_a_sender_could_have_written_do_not_count(lines):
    assert checked(*lines) != "pass"


@pytest.mark.parametrize(("above", "verdict"), [(0, "none"), (1, "none"), (2, "pass")])
def test_results_below_hops_of_the_provider_count_only_where_its_keeper_says_how_many(above, verdict):
    raw = f"Received: by 2002:a05::1\nReceived: from x by mx.hub.test\n{PASSED}\n".encode() + a_mail()
    options = {**DESK, "received_above_results": above}

    assert read.read(raw, {"envelope": {"protocol": "IMAP"}}, options).authentication.verdict == verdict


def test_by_plain_smtp_nobody_brings_results_but_a_configured_relay():
    assert checked(PASSED, protocol="SMTP", peer="203.0.113.66") == "none"


def test_the_policy_of_the_domain_is_kept_with_the_verdict():
    raw = f"{PASSED}\nReceived: x".encode() + b"\n" + a_mail()

    authentication = understood(raw, protocol="IMAP").authentication

    assert (authentication.verdict, authentication.policy) == ("pass", "reject")
    assert "dkim=pass" in authentication.evidence


def test_everything_is_read_without_any_option():
    inbound = read.read(a_mail(to=REPLY), {}, {})

    assert (inbound.channel, inbound.reply_tokens, inbound.kind) == ("email", (), Kind.HUMAN)
    assert ours.desk({}).addresses == ()


def test_the_time_of_receipt_stands_in_for_a_missing_date():
    now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

    assert read.read(a_mail(date=""), {"received_at": now}, DESK).sent_at == now


@pytest.mark.parametrize(
    ("subject", "more", "forward"),
    [
        ("Fwd: Printer", (), True),
        ("FW: Printer", (), True),
        ("I: Stampante", (), True),
        ("WG: Drucker", (), True),
        ("[ext] Fwd: Printer", (), True),
        ("Re: Fwd: Printer", (), False),
        ("Printer: broken", (), False),
        ("Re: Printer", (), False),
    ],
)
def test_a_forward_is_known_by_the_first_prefix_of_its_subject(subject, more, forward):
    assert understood(a_mail("x", *more, subject=subject)).forward is forward

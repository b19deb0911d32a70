"""Does our mail carry signatures that others can check? The judge is dkimpy, which is not ours."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import re
import threading
from datetime import UTC, datetime
from email import message_from_bytes

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from channels.email.compose import compose
from channels.email.reading.signatures import relaxed_body
from channels.email.signing import Signer, SigningKey
from core import signature_keys
from core.channel import DeliveryError
from core.envelope import Address, Attachment
from tests.channels.email.a_relay import FakeRelay, an_answer
from tests.channels.email.running_mail import a_channel
from tests.channels.email.test_compose import IDENTITY

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Its keys are made once."""
    return tmp_path_factory.mktemp("keys")


@pytest.fixture
def keys(folder):
    return (
        SigningKey(selector="desk", algorithm="rsa", path=folder / "rsa.pem"),
        SigningKey(selector="desk-ed", algorithm="ed25519", path=folder / "ed.pem"),
    )


def published(*keys):
    """What the DNS of hub.test says."""
    there = {f"{key.selector}._domainkey.hub.test.": key.record().encode() for key in keys}
    return lambda name, timeout=5: there.get(name.decode())


def valid(mail: bytes, *keys) -> list[bool]:
    """What dkimpy says of each signature."""
    judge = dkim.DKIM(mail, minkey=1024)
    count = len(re.findall(rb"(?m)^DKIM-Signature:", mail.partition(b"\r\n\r\n")[0]))
    found = []
    for n in range(count):
        try:
            found.append(judge.verify(n, dnsfunc=published(*keys)))
        except dkim.DKIMException:
            found.append(False)
    return found


def signed(outgoing, *keys) -> bytes:
    mail = compose(outgoing, IDENTITY, now=NOON)
    return Signer(keys=keys).signed(mail, domain="hub.test", now=NOON)


OUTGOING = {
    "an answer": an_answer(),
    "letters beyond ASCII": an_answer(subject="Perché la stampante è ferma? " * 5, text="È ferma.\n\n" * 9),
    "an address beyond ASCII": an_answer(to=Address("jürgen@cust.test", "Jürgen")),
    "files": an_answer(attachments=(Attachment(name="a.bin", type="x/y", content=bytes(range(256)) * 99),)),
    "spaces": an_answer(text="a  b\t c   \n\n\n-- \nx \n\n\n\n"),
    "a letter": an_answer(automatic=True, in_reply_to="", references=(), reply_token=None, ticket_number=""),
    "a long history": an_answer(references=tuple(f"{n}@cust.test" for n in range(20))),
}


@pytest.mark.parametrize("kind", OUTGOING)
def test_every_mail_has_signatures_that_others_find_right(kind, keys):
    mail = signed(OUTGOING[kind], *keys)

    assert valid(mail, *keys) == [True, True]
    assert max(map(len, mail.partition(b"\r\n\r\n")[0].split(b"\r\n"))) <= 998
    assert mail.count(b"\n") == mail.count(b"\r\n")


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (b"restart", b"replace"),
        (b"Subject: Re:", b"Subject: Fw:"),
        (b"To: ", b"To: eve@evil.test, "),
        (b"From: ", b"From: eve@evil.test\r\nFrom: "),
        (b"Subject: ", b"Subject: Pay now\r\nSubject: "),
        (b"In-Reply-To: <1@", b"In-Reply-To: <2@"),
        (b"References: <1@", b"References: <2@"),
        (b"Message-ID: <m.r", b"Message-ID: <m.s"),
        (b"Date: Wed, 25", b"Date: Wed, 26"),
        (b"Reply-To: ", b"Reply-To: eve@evil.test, "),
        (b"MIME-Version: 1.0", b"MIME-Version: 1.1"),
        (b"X-Centralino-Loop: ", b"X-Centralino-Loop: x"),
    ],
)
def test_whoever_changes_a_word_breaks_them(was, becomes, keys):
    mail = signed(an_answer(), *keys)
    assert mail.count(was) >= 1

    assert valid(mail.replace(was, becomes, 1), *keys) == [False, False]


def test_a_relay_may_add_trace_and_fold_anew(keys):
    mail = signed(an_answer(subject="One word after another " * 8), *keys)
    folded = mail.replace(b"Subject: Re: One word ", b"Subject: Re: One\r\n\tword  ")
    passed = b"Received: from us\r\n\tby them\r\n" + folded

    assert folded != mail
    assert valid(passed, *keys) == [True, True]


@given(st.binary(max_size=300).map(lambda body: body.replace(b"\r", b"").replace(b"\n", b"\r\n") + b"\r\n"))
def test_a_body_is_hashed_as_others_hash_it(body):
    assert relaxed_body(body) == dkim.canonicalization.Relaxed.canonicalize_body(body)


async def test_what_leaves_by_the_relay_is_signed_for_the_domain_it_comes_from(tmp_path, folder):
    with FakeRelay().running() as relay:
        channel = a_channel(
            tmp_path,
            relay_host="127.0.0.1",
            relay_port=relay.port,
            addresses=("support@hub.test", "help@other.test"),
            dkim_second_selector="second",
        )
        for mailbox in ("support@hub.test", "help@other.test"):
            await channel.send(an_answer(mailbox=mailbox))
    first, second = (
        [dict(re.findall(r"(\w+)=([^;]*)", re.sub(r"\s", "", one))) for one in fields]
        for fields in (message_from_bytes(one.content).get_all("DKIM-Signature") for one in relay.taken)
    )

    assert [(one["d"], one["s"], one["a"]) for one in first] == [
        ("hub.test", "centralino", "rsa-sha256"),
        ("hub.test", "second", "ed25519-sha256"),
    ]
    assert {one["d"] for one in second} == {"other.test"}
    assert valid(relay.taken[0].content, *channel.signer.keys) == [True, True]
    assert first[0]["h"].split(":")[-2:] == ["from", "subject"]
    assert [path.stat().st_mode & 0o077 for path in (tmp_path / "keys").glob("dkim-*.pem")] == [0, 0]


async def test_a_mail_that_is_kept_as_a_file_is_signed_like_any_other(tmp_path):
    channel = a_channel(tmp_path)
    await channel.send(an_answer())
    (kept,) = (tmp_path / "outgoing").glob("*.eml")

    assert valid(kept.read_bytes(), *channel.signer.keys) == [True]


async def test_without_a_selector_nothing_is_signed_and_no_key_is_made(tmp_path):
    channel = a_channel(tmp_path, dkim_selector="")
    await channel.send(an_answer())
    (kept,) = (tmp_path / "outgoing").glob("*.eml")

    assert b"DKIM-Signature" not in kept.read_bytes()
    assert list((tmp_path / "keys").glob("dkim*")) == []


def pem(bits: int) -> bytes:
    key = generate_private_key(public_exponent=65537, key_size=bits)
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def test_a_key_there_is_already_is_used(tmp_path):
    (tmp_path / "mine.pem").write_bytes(pem(2048))
    key = SigningKey(selector="desk", algorithm="rsa", path=tmp_path / "mine.pem")

    assert valid(signed(an_answer(), key), key) == [True]


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"no key", "holds no private key as PEM"), (pem(1024), "of 1024 bits: it must have 2048 at least")],
)
def test_a_key_that_cannot_be_used_holds_the_mail_back_and_says_why(tmp_path, content, why):
    (tmp_path / "mine.pem").write_bytes(content)
    key = SigningKey(selector="desk", algorithm="rsa", path=tmp_path / "mine.pem")

    with pytest.raises(DeliveryError, match=why) as refused:
        signed(an_answer(), key)
    assert not refused.value.permanent


def test_a_key_of_the_other_kind_is_no_key(keys):
    rsa, ed25519 = keys
    ed25519.record()

    with pytest.raises(DeliveryError, match="holds no key for rsa"):
        signed(an_answer(), dataclasses.replace(rsa, path=ed25519.path))


def test_processes_that_need_the_key_at_once_have_the_same_one(tmp_path):
    key = SigningKey(selector="desk", algorithm="ed25519", path=tmp_path / "keys" / "new.pem")
    records, together = [], threading.Barrier(4)

    def ask():
        together.wait()
        records.append(
            base64.b64encode(
                signature_keys.private.__wrapped__(key.path, "ed25519").public_key().public_bytes_raw()
            )
        )

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(records) == 4
    assert len(set(records)) == 1
    assert [path.name for path in key.path.parent.iterdir()] == ["new.pem"]


async def test_signing_holds_nobody_up(tmp_path):
    channel = a_channel(tmp_path)
    await channel.send(an_answer())
    large = Attachment(name="a.bin", type="x/y", content=b"\x00" * 4_000_000)
    mail = compose(an_answer(attachments=(large,)), IDENTITY, now=NOON)
    where = set()

    class Watched(Signer):
        def signed(self, mail, **more):
            where.add(threading.current_thread())
            return super().signed(mail, **more)

    channel.signer = Watched(keys=channel.signer.keys)
    await channel.send(an_answer(attachments=(large,)))

    assert len(mail) > 5_000_000
    assert threading.current_thread() not in where
    assert asyncio.get_running_loop().is_running()

"""Whoever set a mail server up wrongly is told what is wrong and which setting to see to."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from imapclient.exceptions import LoginError

from channels.email.mailbox import Mailbox
from channels.email.relay import SmtpRelay
from channels.email.troubles import Server
from core.channel import DeliveryError
from tests.channels.email.a_relay import FakeRelay, a_server_that_says
from tests.channels.email.dovecot import PASSWORD, Dovecot, a_dovecot
from web.known_words import found, in_words


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with a_dovecot() as running:
        yield running


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


async def why(of: Mailbox | SmtpRelay) -> str:
    """What is said, in a sentence that both catalogues have."""
    with pytest.raises(DeliveryError) as refused:
        await of.log_in()
    told = str(refused.value)
    assert found(told, "health")[0].startswith("health.server_"), told
    italian = in_words(told, "it", "health")
    assert italian != told
    assert (
        in_words(f"the mailbox desk@h/INBOX: {told}", "it", "health") == f"la casella desk@h/INBOX: {italian}"
    )
    assert in_words(f"email by desk@h/INBOX: {told}", "it", "health") == f"email, desk@h/INBOX: {italian}"
    assert "\n" not in told
    assert PASSWORD not in told
    return told


def box(server: Dovecot, **changed) -> Mailbox:
    known = {"host": "127.0.0.1", "port": server.port, "user": "desk", "password": PASSWORD, "tls": "none"}
    return Mailbox(**known | changed)


def a_relay(port: int, **changed) -> SmtpRelay:
    return SmtpRelay(**{"host": "127.0.0.1", "port": port, "name": "hub.test", "timeout": 2.0} | changed)


# --- A mailbox ---


async def test_a_wrong_password_names_user_and_password(server):
    told = await why(box(server, password="wrong"))
    assert "does not let us in as desk ([AUTHENTICATIONFAILED] Authentication failed)" in told
    assert "see to user and password" in told


async def test_a_folder_that_is_not_there_names_those_that_are(server):
    with server.mailbox("folders") as client:
        client.create_folder("Support.Desk")
    told = await why(box(server, user="folders", folder="Suport"))
    assert "does not open the folder Suport (Mailbox doesn't exist: Suport)" in told
    assert "INBOX" in told.partition("there are ")[2]
    assert "Desk" in told.partition("there are ")[2]


async def test_a_port_where_nobody_listens_names_host_and_port(server, free_port):
    assert await why(box(server, port=free_port)) == (
        f"nobody listens at 127.0.0.1:{free_port}: see to host and port"
    )


async def test_a_host_that_does_not_exist_names_the_host(server, monkeypatch):
    def unknown(*_given, **_also):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert await why(box(server, host="imap.example.invalid")) == (
        "there is no server imap.example.invalid: see to host"
    )


async def test_tls_from_the_first_byte_where_it_comes_later_says_so(server):
    told = await why(box(server, tls="tls"))
    assert told.endswith('does not speak TLS from the first byte: see to port, or tls must be "starttls"')


async def test_a_port_of_another_kind_of_server_says_what_answers(server):
    with FakeRelay().running() as relay:
        told = await why(box(server, port=relay.port))
    assert "is no mail server of this kind (" in told
    assert "220 " in told


async def test_a_server_that_says_nothing_may_want_tls_from_the_first_byte(server, monkeypatch):
    monkeypatch.setattr("channels.email.imap.CONNECT_TIMEOUT", 0.3)
    told = await why(box(server, port=server.tls_port))
    assert 'whether tls must be "tls"' in told


async def test_a_certificate_of_nobody_known_names_the_authority(server):
    told = await why(box(server, port=server.tls_port, tls="tls"))
    assert "self-signed certificate" in told
    assert "SSL_CERT_FILE" in told


# --- A relay ---


async def test_a_relay_is_told_by_the_names_of_its_own_settings(free_port):
    assert await why(a_relay(free_port)) == (
        f"nobody listens at 127.0.0.1:{free_port}: see to relay_host and relay_port"
    )


async def test_a_relay_without_starttls_says_that_nothing_goes_in_the_clear():
    with FakeRelay().running() as relay:
        told = await why(a_relay(relay.port, tls="starttls"))
    assert "offers no STARTTLS, and nothing is said in the clear" in told
    assert 'relay_tls must be "tls"' in told


async def test_a_relay_that_has_no_log_in_says_what_to_leave_out():
    with FakeRelay().running() as relay:
        told = await why(a_relay(relay.port, user="desk", password=PASSWORD))
    assert "leave relay_user and relay_password out" in told


async def test_a_relay_that_says_nothing_may_want_tls_from_the_first_byte():
    with a_server_that_says(b"") as port:
        assert 'whether relay_tls must be "tls"' in await why(a_relay(port, timeout=0.3))


async def test_what_greets_as_no_relay_does_is_quoted():
    with a_server_that_says(b"* OK IMAP4rev1 ready\r\n") as port:
        assert "is no mail server of this kind" in await why(a_relay(port))


@pytest.mark.parametrize(
    ("name", "days", "words"),
    [
        ("DNS:mail.other.test", 2, "is for another name: write a name that it is for into relay_host"),
        ("IP:127.0.0.1", -1, "has run out: whoever runs that server renews it"),
    ],
)
async def test_a_certificate_of_another_name_or_of_yesterday_says_which(
    tmp_path, monkeypatch, name, days, words
):
    file, key = certificate(tmp_path, name, days)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key)
    with FakeRelay().running(starttls=context) as relay:
        told = await why(a_relay(relay.port, tls="starttls"))
    assert words in told


@pytest.mark.parametrize(
    "error",
    [
        smtplib.SMTPAuthenticationError(454, b"4.7.0 Temporary authentication failure"),
        LoginError("b'[UNAVAILABLE] Temporary authentication failure.'"),
    ],
)
def test_a_server_that_cannot_judge_just_now_does_not_send_anybody_after_their_password(error):
    told = Server(host="mx.test", port=587, tls="starttls", user="desk", keys="relay_").told(error)
    assert told.startswith("mx.test:587 could not be used: ")
    assert "emporary authentication failure" in told
    assert "password" not in told


def certificate(folder: Path, name: str, days: int) -> tuple[Path, Path]:
    """One that vouches for itself, for this name (`DNS:…`, `IP:…`), until so many days from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay.test")])
    kind, _, value = name.partition(":")
    names = [x509.DNSName(value) if kind == "DNS" else x509.IPAddress(ip_address(value))]
    until = datetime.now(UTC) + timedelta(days=days)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(until - timedelta(days=30))
        .not_valid_after(until)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    file, key_file = folder / "cert.pem", folder / "key.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return file, key_file

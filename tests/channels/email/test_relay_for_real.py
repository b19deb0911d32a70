"""Does a mail server that is not ours take what we hand over, and find our signature in what it took? Exim, as distributions ship it."""

from __future__ import annotations

import dataclasses
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from core.channel import DeliveryError
from core.envelope import Address, Attachment
from tests.channels.email.a_relay import OTHER, an_answer
from tests.channels.email.running_mail import PATIENCE, a_certificate, a_channel
from tests.channels.email.test_signing import valid

EXIM = shutil.which("exim4", path="/usr/sbin:/usr/bin:/sbin") or shutil.which(
    "exim", path="/usr/sbin:/usr/bin"
)
CONFIGURATION = """
primary_hostname = relay.test
spool_directory = {folder}/spool
log_file_path = {folder}/log/%s
pid_file_path = {folder}/spool/pid
keep_environment =
queue_only
tls_advertise_hosts = *
tls_certificate = {folder}/cert.pem
tls_privatekey = {folder}/key.pem
smtputf8_advertise_hosts = *
dkim_verify_signers =
rfc1413_query_timeout = 0s
acl_smtp_rcpt = rcpt
acl_smtp_data = data
begin acl
rcpt:
  deny
    ! encrypted = *
    message = 5.7.0 in the clear I take nothing
  defer
    local_parts = later
    message = 4.2.0 come again
  deny
    local_parts = nobody
    message = 5.1.1 no such user
  accept
data:
  accept
begin routers
begin transports
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exim:
    """A server on loopback that takes mail and brings it nowhere."""

    folder: Path
    port: int

    def taken(self) -> list[bytes]:
        """What lies in its queue, oldest first, as it would hand it on."""
        names = sorted(
            path.name.removesuffix("-H") for path in (self.folder / "spool" / "input").rglob("*-H")
        )
        return [self._ask("-Mvc", name).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for name in names]

    def _ask(self, *words: str) -> bytes:
        command = [str(EXIM), "-C", str(self.folder / "exim.conf"), *words]
        return subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE).stdout


@pytest.fixture(scope="module")
def exim() -> Iterator[Exim]:
    if EXIM is None:
        pytest.skip("needs exim4")
    folder = Path(tempfile.mkdtemp(prefix="centralino-exim-"))
    try:
        a_certificate(folder)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        (folder / "exim.conf").write_text(CONFIGURATION.format(folder=folder), encoding="ascii")
        for name in ("spool", "log"):
            (folder / name).mkdir()
            (folder / name).chmod(0o777)
        # It works as a user of its own, who must be able to read what is here.
        folder.chmod(0o755)
        (folder / "key.pem").chmod(0o644)
        command = [EXIM, "-C", folder / "exim.conf", "-bdf", "-oX", f"127.0.0.1.{port}"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as running:
            _wait(running, port)
            yield Exim(folder=folder, port=port)
            running.terminate()
    finally:
        shutil.rmtree(folder)


def _wait(running: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if running.poll() is not None:
            assert running.stderr is not None
            pytest.fail(f"exim did not start: {running.stderr.read().decode()}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("exim does not answer")


@pytest.fixture
def channel(exim, tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(exim.folder / "cert.pem"))
    return a_channel(
        tmp_path,
        relay_host="127.0.0.1",
        relay_port=exim.port,
        relay_tls="starttls",
        dkim_second_selector="second",
    )


async def test_what_it_took_is_what_we_wrote_and_our_signatures_are_right(exim, channel):
    before = len(exim.taken())
    file = Attachment(name="Ünï.bin", type="x/y", content=bytes(range(256)) * 50)
    sent = await channel.send(an_answer(text=".\n..\nPerché  no?  \n", attachments=(file,)))

    assert sent.detail.startswith("250 OK id=")
    (mail,) = exim.taken()[before:]
    assert valid(mail, *channel.signer.keys) == [True, True]
    read = message_from_bytes(mail, policy=policy.default)
    assert re.search(r"with esmtps", str(read["Received"]))
    assert read["Message-ID"] == f"<m.{'r' * 26}@hub.test>"
    assert [part.get_content() for part in read.iter_attachments()] == [file.content]


async def test_letters_beyond_ascii_before_the_at_pass_and_stay_signed(exim, channel):
    before = len(exim.taken())
    await channel.send(an_answer(to=Address("jürgen@cust.test", "Jürgen")))

    (mail,) = exim.taken()[before:]
    assert "jürgen@cust.test".encode() in mail
    assert valid(mail, *channel.signer.keys) == [True, True]


async def test_what_it_puts_off_is_tried_again_and_what_it_refuses_is_not(exim, channel):
    before = len(exim.taken())
    for name, permanent, told in (
        ("later", False, "4.2.0 come again"),
        ("nobody", True, "5.1.1 no such user"),
    ):
        with pytest.raises(DeliveryError, match=told) as refused:
            await channel.send(an_answer(to=Address(f"{name}@cust.test"), bounce_token=OTHER))
        assert refused.value.permanent is permanent

    assert len(exim.taken()) == before


async def test_a_certificate_that_nobody_vouches_for_gets_no_mail(exim, channel, monkeypatch):
    before = len(exim.taken())
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(DeliveryError, match="certificate") as refused:
        await channel.send(an_answer())

    assert not refused.value.permanent
    channel.relay = dataclasses.replace(channel.relay, tls="none")
    with pytest.raises(DeliveryError, match="in the clear"):
        await channel.send(an_answer())
    assert len(exim.taken()) == before

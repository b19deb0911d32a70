"""A mail server that is not ours, in front of a hub or behind it: Postfix as distributions ship it, from a folder that is thrown away."""

from __future__ import annotations

import os
import re
import shutil
import signal
import smtplib
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.channels.email.running_mail import a_certificate
from tests.days.hubs import PATIENCE, free_port, until

KEPT = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "centralino-tests" / "postfix"
"""Where .ci/run unpacks it: the package cannot be installed beside another mail server."""

_QUEUES = "active bounce corrupt defer deferred flush hold incoming private saved trace".split()
_OWNER, _GROUP, _POSTED = "daemon", "mail", "nobody"  # three that every system has, none of them root
_MAIN = """
compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/lib
command_directory = {home}/sbin
daemon_directory = {home}/lib-postfix/sbin
shlib_directory = {home}/lib-postfix
meta_directory = {home}/etc
mail_owner = {owner}
setgid_group = {group}
default_privs = {posted}
import_environment = MAIL_CONFIG LD_LIBRARY_PATH={home}/lib-postfix TZ
maillog_file = {home}/log
maillog_file_prefixes = {home}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.test
mydestination =
local_recipient_maps =
alias_maps =
smtputf8_enable = yes
smtp_dns_support_level = disabled
lmtp_dns_support_level = disabled
smtpd_peername_lookup = no
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
transport_retry_time = 1s
lmtp_connect_timeout = 5s
"""
_MASTER = """
{port} inet n - n - - smtpd
{submission_port} inet n - n - - smtpd
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_sasl_type=dovecot
  -o smtpd_sasl_path=inet:127.0.0.1:{sasl_port}
  -o smtpd_tls_auth_only=yes
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
showq unix n - n - - showq
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """One server on a port of its own. `settings`: what it is told beyond how it lives here."""

    def __init__(self, home: Path, settings: str) -> None:
        self.home = home
        self.port, self.submission_port, self.sasl_port = free_port(), free_port(), free_port()
        """For everybody; for who logs in; where it asks whether they may."""
        home.chmod(0o755)  # it works as a user of its own
        kept = _programs()
        shutil.copytree(kept / "usr/lib/postfix", home / "lib-postfix")
        shutil.copytree(kept / "usr/sbin", home / "sbin", ignore=lambda _, names: _others(names))
        for name in ("etc", "queue", "queue/pid"):
            (home / name).mkdir()
        for name in ("lib", *(f"queue/{queue}" for queue in _QUEUES)):
            (home / name).mkdir(mode=0o700)
            shutil.chown(home / name, _OWNER)
        for name, mode in (("maildrop", 0o730), ("public", 0o710)):
            (home / "queue" / name).mkdir()
            shutil.chown(home / "queue" / name, _OWNER, _GROUP)
            (home / "queue" / name).chmod(mode)
        main = _MAIN.format(home=home, owner=_OWNER, group=_GROUP, posted=_POSTED)
        (home / "etc" / "main.cf").write_text(f"{main}\n{settings}\n", encoding="utf-8")
        (home / "etc" / "master.cf").write_text(
            _MASTER.format(port=self.port, submission_port=self.submission_port, sasl_port=self.sasl_port),
            encoding="utf-8",
        )
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def surroundings(self) -> dict[str, str]:
        """What its programs are started with."""
        return {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "MAIL_CONFIG": str(self.home / "etc"),
            "LD_LIBRARY_PATH": str(self.home / "lib-postfix"),
        }

    def start(self) -> None:
        """And wait until it greets."""
        with (self.home / "said").open("wb") as said:
            self._running = subprocess.Popen(
                [self.home / "lib-postfix/sbin/master", "-c", self.home / "etc", "-d"],
                env=self.surroundings,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        until(self._greets, f"postfix does not answer: {self.log()}", seconds=30)

    def _greets(self) -> bool:
        with suppress(OSError, smtplib.SMTPException), smtplib.SMTP("127.0.0.1", self.port, timeout=5):
            return True
        return False

    def offers_encryption(self, offered: bool) -> None:  # noqa: FBT001 - it is what is said
        """From now on, or not any more; returns when it is so."""
        file = self.home / "etc" / "main.cf"
        level = "may" if offered else "none"
        main = re.sub(
            r"(?m)^smtpd_tls_security_level = \w+", f"smtpd_tls_security_level = {level}", file.read_text()
        )
        file.write_text(main)
        assert self._running is not None
        self._running.send_signal(signal.SIGHUP)
        until(
            lambda: self._encrypts() is offered, f"STARTTLS is not {level}: {self.log()[-2000:]}", seconds=30
        )

    def _encrypts(self) -> bool | None:
        with (
            suppress(OSError, smtplib.SMTPException),
            smtplib.SMTP("127.0.0.1", self.port, timeout=5) as smtp,
        ):
            smtp.ehlo("client.test")
            return smtp.has_extn("starttls")
        return None

    def stop(self) -> None:
        """It and all it started."""
        if self._running is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._running.pid, signal.SIGKILL)
            self._running.wait()

    def log(self) -> str:
        """What it says of itself."""
        log = self.home / "log"
        return log.read_text("utf-8", "replace") if log.exists() else ""

    def says(self, words: str) -> bool:
        """Whether a line of its log has this pattern."""
        return re.search(words, self.log()) is not None

    def waiting(self) -> int:
        """Mails it still has."""
        names = ("incoming", "active", "deferred", "maildrop", "hold")
        return sum(
            len([path for path in (self.home / "queue" / name).rglob("*") if path.is_file()])
            for name in names
        )


def _programs() -> Path:
    """The root below which it lies; the test is skipped where it is missing."""
    if os.geteuid() != 0:
        pytest.skip("needs root: Postfix starts as nobody else")
    for root in (KEPT, Path("/")):
        if (root / "usr/lib/postfix/sbin/master").exists() and (root / "usr/sbin/smtp-source").exists():
            return root
    pytest.skip("needs postfix")


def _others(names: list[str]) -> list[str]:
    return [name for name in names if name != "smtp-source"]


@contextmanager
def a_postfix(settings: str) -> Iterator[Postfix]:
    """A server, started; `{home}` in its settings is its folder, which has a certificate."""
    _programs()
    with tempfile.TemporaryDirectory(prefix="pf") as folder:
        home = Path(folder)
        a_certificate(home)
        server = Postfix(home, settings.replace("{home}", folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


def swaks(port: int, *words: str) -> subprocess.CompletedProcess[str]:
    """The administrator's own way to try a mail server."""
    if shutil.which("swaks") is None:
        pytest.skip("needs swaks")
    return subprocess.run(
        ["swaks", "--server", f"127.0.0.1:{port}", "--helo", "client.test", *words],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

"""A real IMAP server of our own: dovecot on a free loopback port, from a folder that is thrown away."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from imapclient import SEEN, IMAPClient

from tests.channels.email.running_mail import a_certificate

PASSWORD = "open-sesame"
PATIENCE = 20.0  # seconds

_CONFIGURATION = """
base_dir = {home}/run
log_path = {home}/log
listen = 127.0.0.1
protocols = imap
disable_plaintext_auth = no
auth_failure_delay = 0
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
mail_location = maildir:{home}/mail/%u
auth_mechanisms = plain xoauth2 oauthbearer
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {home}/oauth2.conf
}}
passdb {{
  driver = static
  mechanisms = plain
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={home}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
service auth {{
  inet_listener {{
    port = {auth_port}
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""

# Whoever sits at this port says whose a token is (RFC 7662); nobody does unless a test puts somebody there.
_TOKENS = """
introspection_mode = post
introspection_url = http://127.0.0.1:{judge_port}/introspect
username_attribute = username
active_attribute = active
active_value = true
timeout_msecs = 2000
"""


def program() -> str:
    """The server; the test is skipped where it is missing."""
    found = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None or not any(
        Path(place, "imap").exists() for place in ("/usr/lib/dovecot", "/usr/libexec/dovecot")
    ):
        pytest.skip("needs dovecot-imapd")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    if not re.match(r"2\.[23]\.", version):
        pytest.skip(f"needs dovecot-imapd 2.2 or 2.3, this is {version.split(' ')[0].strip()}")
    return found


class Dovecot:
    """One server. Every user name is a new, empty mailbox; the password is PASSWORD."""

    def __init__(self, home: Path, *, auth_port: int = 0) -> None:
        self._program = program()
        self.home = home
        self.port, self.tls_port, self.judge_port, free = _free_ports(4)
        self.auth_port = auth_port or free
        """Where a mail server asks it who may log in there."""
        self.certificate, key = a_certificate(home)
        owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        home.joinpath("mail").mkdir()
        if os.geteuid() == 0:  # mail is never read as root
            home.chmod(0o755)
            os.chown(home / "mail", owner.pw_uid, owner.pw_gid)
        self._settings: dict[str, Any] = {
            "home": home,
            "certificate": self.certificate,
            "key": key,
            "user": owner.pw_name,
            "group": _group(owner.pw_gid),
            "uid": owner.pw_uid,
            "gid": owner.pw_gid,
            "password": PASSWORD,
        }
        self._running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        text = _CONFIGURATION.format(
            port=self.port, tls_port=self.tls_port, auth_port=self.auth_port, **self._settings
        )
        configuration = self.home / "dovecot.conf"
        configuration.write_text(text)
        (self.home / "oauth2.conf").write_text(_TOKENS.format(judge_port=self.judge_port))
        self._running = subprocess.Popen(
            [self._program, "-F", "-c", configuration], start_new_session=True, stderr=subprocess.PIPE
        )
        until = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5) as there:
                if there.recv(100).startswith(b"* OK"):
                    return
            if time.monotonic() > until or self._running.poll() is not None:
                pytest.fail(self._said())
            time.sleep(0.05)

    def stop(self, how: int = signal.SIGTERM) -> None:
        """End it and everybody it started, at once."""
        if self._running is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._running.pid, how)
        self._running.communicate()
        with contextlib.suppress(ProcessLookupError):  # what it started may outlive it by a moment
            os.killpg(self._running.pid, signal.SIGKILL)
        self._running = None
        until = time.monotonic() + PATIENCE
        while self._still_answers():  # or the next one says that it is running already
            assert time.monotonic() < until, self.log()[-2000:]
            time.sleep(0.01)

    def _still_answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as there:
            return there.connect_ex(str(self.home / "run" / "login" / "login")) == 0

    def _said(self) -> str:
        self.stop()
        return self.log() or "dovecot did not start"

    def log(self) -> str:
        """What it says of itself."""
        log = self.home / "log"
        return log.read_text() if log.exists() else ""

    def wait_until_logged(self, words: re.Pattern[str]) -> None:
        """Wait until it said this."""
        until = time.monotonic() + PATIENCE
        while not words.search(self.log()):
            assert time.monotonic() < until, self.log()[-2000:]
            time.sleep(0.05)

    @contextlib.contextmanager
    def mailbox(self, user: str) -> Iterator[IMAPClient]:
        """Somebody else's view of the mailbox."""
        with IMAPClient("127.0.0.1", port=self.port, ssl=False, timeout=PATIENCE) as client:
            client.login(user, PASSWORD)
            client.select_folder("INBOX")
            yield client

    def deliver(self, user: str, *mails: bytes) -> None:
        """Put mails into a mailbox."""
        with self.mailbox(user) as client:
            for mail in mails:
                client.append("INBOX", mail)

    def put(self, user: str, name: str, mail: bytes) -> None:
        """Where its own delivery would put a mail: for many at once."""
        place = self.home / "mail" / user / "new" / name
        place.write_bytes(mail)
        if os.geteuid() == 0:
            os.chown(place, self._settings["uid"], self._settings["gid"])

    def seen(self, user: str) -> list[int]:
        """UIDs that are marked as read."""
        with self.mailbox(user) as client:
            return sorted(client.search(["SEEN"]))

    def unseen(self, user: str) -> list[int]:
        """UIDs that are not."""
        with self.mailbox(user) as client:
            return sorted(client.search(["UNSEEN"]))

    def wait_until_seen(self, user: str, *uids: int) -> None:
        """Wait until exactly these are marked."""
        until = time.monotonic() + PATIENCE
        while self.seen(user) != list(uids):
            assert time.monotonic() < until, f"marked are {self.seen(user)}"
            time.sleep(0.05)

    def mark(self, user: str, uid: int) -> None:
        """Mark one as read, as a person would by reading it."""
        with self.mailbox(user) as client:
            client.add_flags([uid], [SEEN])


@contextlib.contextmanager
def a_dovecot(*, auth_port: int = 0) -> Iterator[Dovecot]:
    """A server of one's own, started; its folder has a short name, as its sockets need one."""
    program()
    with tempfile.TemporaryDirectory(prefix="dc") as folder:
        server = Dovecot(Path(folder), auth_port=auth_port)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as all_taken:
        taken = [all_taken.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in taken]


def _group(gid: int) -> str:
    import grp

    return grp.getgrgid(gid).gr_name

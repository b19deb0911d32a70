"""A real XMPP server of our own: prosody on free loopback ports, from a folder that is thrown away."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

DOMAIN = "chat.test"
PASSWORD = "open-sesame"
PEOPLE = ("desk", "mario", "anna")
PATIENCE = 20.0  # seconds

_CONFIGURATION = """
run_as_root = true
daemonize = false
pidfile = "{home}/pid"
data_path = "{home}/data"
certificates = "{home}"
log = {{ debug = "{home}/log" }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
c2s_direct_tls_ports = {{ }}
s2s_ports = {{ }}
http_ports = {{ {files_port} }}
http_interfaces = {{ "127.0.0.1" }}
https_ports = {{ }}
authentication = "internal_hashed"
storage = "internal"
c2s_require_encryption = true
archive_expires_after = "1w"
smacks_hibernation_time = 60
modules_enabled = {{ "roster"; "saslauth"; "tls"; "disco"; "ping"; "smacks"; {modules} }}
modules_disabled = {{ "s2s" }}
VirtualHost "{domain}"
    ssl = {{ certificate = "{home}/cert.pem"; key = "{home}/key.pem" }}
    disco_items = {{ {{ "files.{domain}" }} }}
{files}
"""
_FILES = """
Component "files.{domain}" "http_file_share"
    http_host = "127.0.0.1"
    http_external_url = "http://127.0.0.1:{files_port}/"
    http_file_share_size_limit = 1000
"""
_ACCOUNT = 'return {{ ["password"] = "{password}"; }};\n'


def program() -> str:
    """The server; the test is skipped where it is missing."""
    found = shutil.which("prosody", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None or shutil.which("openssl") is None:
        pytest.skip("needs prosody and openssl")
    return found


class Prosody:
    """One server with an account for each of PEOPLE. `archive`: it keeps one (XEP-0313), and small files (XEP-0363)."""

    def __init__(self, home: Path, *, archive: bool = True) -> None:
        self._program = program()
        self.home = home
        with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
            self.port, self.files_port = int(one.getsockname()[1]), int(two.getsockname()[1])
        self.certificate = _a_certificate(home)
        accounts = home / "data" / DOMAIN.replace(".", "%2e") / "accounts"
        accounts.mkdir(parents=True)
        for name in PEOPLE:  # hashed by the server at the first log-in
            (accounts / f"{name}.dat").write_text(_ACCOUNT.format(password=PASSWORD))
        modules = '"mam"' if archive else '"offline"'
        ports = {"port": self.port, "files_port": self.files_port}
        files = _FILES.format(domain=DOMAIN, files_port=self.files_port) if archive else ""
        text = _CONFIGURATION.format(home=home, domain=DOMAIN, modules=modules, files=files, **ports)
        (home / "prosody.cfg.lua").write_text(text)
        self._running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        self._running = subprocess.Popen(
            [self._program, "--config", self.home / "prosody.cfg.lua", "-F"],
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5):
                return
            if time.monotonic() > until or self._running.poll() is not None:
                self.stop()
                pytest.fail(f"prosody did not start: {self.log()[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it at once."""
        if self._running is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._running.pid, signal.SIGKILL)
            self._running.wait()
            self._running = None

    def log(self) -> str:
        """What it says of itself."""
        log = self.home / "log"
        return log.read_text() if log.exists() else ""


@contextlib.contextmanager
def a_prosody(*, archive: bool = True) -> Iterator[Prosody]:
    """A server of one's own, started."""
    program()
    with tempfile.TemporaryDirectory(prefix="xm") as folder:
        server = Prosody(Path(folder), archive=archive)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _a_certificate(folder: Path) -> Path:
    certificate = folder / "cert.pem"
    subprocess.run(
        [
            *"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split(),
            *("-keyout", folder / "key.pem", "-out", certificate, "-subj", f"/CN={DOMAIN}"),
            *("-addext", f"subjectAltName=DNS:{DOMAIN}"),
        ],
        check=True,
        capture_output=True,
    )
    return certificate

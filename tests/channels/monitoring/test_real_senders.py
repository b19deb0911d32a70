"""Programs that people really run send to a hub that really runs: Net-SNMP, logger, rsyslog, Prometheus Alertmanager."""

from __future__ import annotations

import json
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.channels.monitoring.real import Desk, found, needs, running
from tests.channels.monitoring.test_traps import LINK_DOWN, number, version_2
from tests.days.hubs import free_port, until
from tests.devices_at_work import SECRET

pytestmark = pytest.mark.xdist_group("real-senders")

COMMUNITY = "acme-7"  # as long as "public"
AUTH, PRIV = "signed by switches", "hidden by switches"
IF_INDEX = "1.3.6.1.2.1.2.2.1.1"
SOURCES = f"""
[[alert_sources]]
name = "traps"
kind = "snmp"
secret = "{COMMUNITY}"
peers = ["127.0.0.1"]
customer = "ACME"
technology = "Network"
request_type = "Incident"
hold = "0s"
[[alert_sources]]
name = "version-3"
kind = "snmp"
peers = ["127.0.0.1"]
customer = "ACME"
technology = "Network"
request_type = "Incident"
hold = "0s"
users = [{{ name = "trapuser", auth = "SHA-256", auth_secret = "file:FOLDER/auth", priv = "AES", priv_secret = "file:FOLDER/priv" }}]
[[alert_sources]]
name = "lines"
kind = "syslog"
peers = ["127.0.0.0/8"]
customer = "ACME"
technology = "Network"
request_type = "Incident"
hold = "0s"
"""


class Listening(Desk):
    """With ports for traps and lines."""

    def __init__(self, folder: Path) -> None:
        self.udp, self.tcp, self.snmp = free_port(), free_port(), free_port()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "auth").write_text(AUTH + "\n")
        (folder / "priv").write_text(PRIV + "\n")
        super().__init__(
            folder,
            SOURCES.replace("FOLDER", str(folder)),
            channels__monitoring__syslog_udp_port=self.udp,
            channels__monitoring__syslog_tcp_port=self.tcp,
            channels__monitoring__snmp_port=self.snmp,
        )

    def messages(self, way: str, fate: str) -> int:
        """What /metrics says of messages on a port."""
        with urllib.request.urlopen(f"{self.hub.base}/metrics", timeout=20) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(f'centralino_device_messages_total{{fate="{fate}",way="{way}"}}'):
                    return int(float(line.rpartition(" ")[2]))
        raise AssertionError(f"/metrics does not tell {way} {fate}")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    made = Listening(tmp_path_factory.mktemp("senders"))
    yield made
    made.hub.stop()


def done(*words: Any, code: int = 0) -> None:
    ended = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode == 0) == (code == 0), ended.stderr


# --- Traps ---


@needs("snmptrap")
def test_net_snmp_tells_that_a_link_is_down_and_up_again_in_both_versions(desk: Listening) -> None:
    to = f"127.0.0.1:{desk.snmp}"
    second = ("snmptrap", "-v", "2c", "-c", COMMUNITY, to, "")
    done(*second, LINK_DOWN, f"{IF_INDEX}.7", "i", 7)
    row = desk.alert("traps", "snmp:127.0.0.1:link:7", firing=1)
    assert (row["event"], row["customer"]) == ("linkDown", "ACME")
    assert row["ticket_id"]
    done(*second, "1.3.6.1.6.3.1.1.5.4", f"{IF_INDEX}.7", "i", 7)
    desk.alert("traps", "snmp:127.0.0.1:link:7", firing=0)

    first = ("snmptrap", "-v", "1", "-c", COMMUNITY, to, "1.3.6.1.4.1.9.1.1", "192.0.2.31")
    done(*first, 2, 0, 100, f"{IF_INDEX}.3", "i", 3)
    desk.alert("traps", "snmp:192.0.2.31:link:3", firing=1)
    done(*first, 3, 0, 200, f"{IF_INDEX}.3", "i", 3)
    desk.alert("traps", "snmp:192.0.2.31:link:3", firing=0)


@needs("snmpinform")
def test_an_inform_of_net_snmp_is_answered_and_that_of_a_stranger_is_not(desk: Listening) -> None:
    to = (f"127.0.0.1:{desk.snmp}", "", LINK_DOWN, f"{IF_INDEX}.9", "i", 9)
    done("snmpinform", "-v", "2c", "-c", COMMUNITY, "-t", 10, "-r", 1, *to)
    desk.alert("traps", "snmp:127.0.0.1:link:9", firing=1)
    before = desk.messages("snmp", "unknown")
    done("snmpinform", "-v", "2c", "-c", "public", "-t", 1, "-r", 0, *to, code=1)
    until(lambda: desk.messages("snmp", "unknown") > before, "the stranger was not counted", seconds=20)


@needs("snmpinform")
def test_version_3_is_believed_of_who_has_the_keys_and_of_nobody_else(desk: Listening) -> None:
    to = (f"127.0.0.1:{desk.snmp}", "", LINK_DOWN, f"{IF_INDEX}.11", "i", 11)
    keys = ("-v", "3", "-l", "authPriv", "-a", "SHA-256", "-x", "AES", "-X", PRIV)
    known = (*keys, "-u", "trapuser", "-A", AUTH)
    wrong = (*keys, "-u", "trapuser", "-A", "not the secret"), (*keys, "-u", "nobody", "-A", AUTH)
    for who in wrong:
        done("snmpinform", *who, "-t", 1, "-r", 0, *to, code=1)
    assert desk.messages("snmp", "refused") == len(wrong)
    assert desk.alerts("version-3", "%") == []
    done("snmpinform", *known, "-t", 10, "-r", 1, *to)
    row = desk.alert("version-3", "snmp:127.0.0.1:link:11", firing=1)
    assert (row["event"], row["customer"]) == ("linkDown", "ACME")
    up = ("1.3.6.1.6.3.1.1.5.4", f"{IF_INDEX}.11", "i", 11)
    done("snmptrap", *known, "-e", "0x8000000001020304", to[0], "", *up)
    desk.alert("version-3", "snmp:127.0.0.1:link:11", firing=0)


def test_of_three_hundred_traps_at_once_none_is_lost(desk: Listening) -> None:
    stored, kernel = desk.messages("snmp", "stored"), desk.messages("snmp", "kernel")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for n in range(300):
            trap = version_2(LINK_DOWN, (f"{IF_INDEX}.{1000 + n}", number(1000 + n)))
            out.sendto(trap.replace(b"public", COMMUNITY.encode()), ("127.0.0.1", desk.snmp))
    until(lambda: desk.messages("snmp", "stored") == stored + 300, "traps were lost")
    assert desk.messages("snmp", "kernel") == kernel
    until(lambda: len(desk.alerts("traps", "snmp:127.0.0.1:link:1___")) == 300, "not every trap is an alert")


# --- Lines ---


@needs("logger")
def test_logger_tells_of_an_error_by_udp_and_by_tcp_framed_either_way(desk: Listening) -> None:
    to = ("logger", "--server", "127.0.0.1", "--priority", "user.err")
    done(*to, "--udp", "--port", desk.udp, "--rfc5424", "--tag", "by-udp", "the disk failed")
    done(*to, "--tcp", "--port", desk.tcp, "--rfc3164", "--tag", "by-tcp", "the disk failed")
    done(*to, "--tcp", "--port", desk.tcp, "--octet-count", "--tag", "by-count", "the disk failed")
    for tag in ("by-udp", "by-tcp", "by-count"):
        row = desk.alert("lines", f"syslog:%:{tag}:%", firing=1)
        assert row["summary"] == "the disk failed"


@needs("rsyslogd")
@needs("logger")
def test_rsyslog_hands_its_lines_on(desk: Listening, tmp_path: Path) -> None:
    with rsyslog(desk, tmp_path) as into:
        done("logger", "--socket", into, "--priority", "user.err", "--tag", "by-rsyslog", "the fan stopped")
        done("logger", "--socket", into, "--priority", "user.info", "--tag", "by-rsyslog-2", "all is well")
        row = desk.alert("lines", "syslog:%:by-rsyslog:%", firing=1)
    assert row["summary"] == "the fan stopped"
    assert desk.alerts("lines", "syslog:%:by-rsyslog-2:%") == []


def test_of_five_thousand_lines_at_once_none_is_lost(desk: Listening) -> None:
    stored, kernel = desk.messages("syslog-udp", "stored"), desk.messages("syslog-udp", "kernel")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.connect(("127.0.0.1", desk.udp))
        for _ in range(5000):
            out.send(b"<11>Jan 26 12:00:00 sw-9 flood: the same again and again")
    until(lambda: desk.messages("syslog-udp", "stored") == stored + 5000, "lines were lost")
    assert desk.messages("syslog-udp", "kernel") == kernel
    assert desk.messages("syslog-udp", "overflow") == 0
    row = desk.alert("lines", "syslog:sw-9:flood:%", count=5000)
    assert row["ticket_id"]


# --- Tools ---


@needs("prometheus-alertmanager")
def test_alertmanager_fires_and_resolves(desk: Listening, tmp_path: Path) -> None:
    with alertmanager(desk, tmp_path) as post:
        began = datetime.now(UTC) - timedelta(seconds=5)
        labels = {"alertname": "InstanceDown", "instance": "srv-1", "severity": "critical"}
        post([{"labels": labels, "annotations": {"summary": "srv-1 is down"}, "startsAt": began.isoformat()}])
        row = desk.alert("at-once", "alertmanager:%", firing=1)
        assert (row["summary"], row["asset"]) == ("srv-1 is down", "srv-1")
        assert row["ticket_id"]
        over = datetime.now(UTC).isoformat()
        post([{"labels": labels, "startsAt": began.isoformat(), "endsAt": over}])
        desk.alert("at-once", "alertmanager:%", firing=0)


@contextmanager
def rsyslog(desk: Listening, folder: Path) -> Iterator[Path]:
    """One that takes lines at a socket and hands them on by TCP, counted."""
    into, settings = folder / "log", folder / "rsyslog.conf"
    settings.write_text(
        f"""
global(workDirectory="{folder}")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{into}")
*.* action(type="omfwd" target="127.0.0.1" port="{desk.tcp}" protocol="tcp" TCP_Framing="octet-counted"
    template="RSYSLOG_SyslogProtocol23Format")
""",
        encoding="utf-8",
    )
    with running(found("rsyslogd"), "-n", "-f", settings, "-i", folder / "pid"):
        until(into.exists, "rsyslog does not listen")
        yield into


@contextmanager
def alertmanager(desk: Listening, folder: Path) -> Iterator[Any]:
    """One that posts to the hub at once; what it is given, as Prometheus gives it."""
    settings = folder / "alertmanager.yml"
    settings.write_text(
        f"""
route: {{receiver: hub, group_by: [instance], group_wait: 0s, group_interval: 1s, repeat_interval: 4h}}
receivers:
  - name: hub
    webhook_configs:
      - url: {desk.hub.base}/in/alerts/at-once
        send_resolved: true
        http_config: {{authorization: {{credentials: "{SECRET}"}}}}
""",
        encoding="utf-8",
    )
    at = f"127.0.0.1:{free_port()}"
    words = ("--config.file", settings, "--storage.path", folder / "am", "--cluster.listen-address=")
    with running("prometheus-alertmanager", *words, f"--web.listen-address={at}"):

        def post(alerts: list[Any]) -> None:
            asked = urllib.request.Request(
                f"http://{at}/api/v2/alerts",
                json.dumps(alerts).encode(),
                {"Content-Type": "application/json"},
            )
            with urllib.request.urlopen(asked, timeout=20) as answer:
                assert answer.status == 200

        def ready() -> bool:
            try:
                with urllib.request.urlopen(f"http://{at}/-/ready", timeout=5) as answer:
                    return bool(answer.status == 200)
            except OSError:
                return False

        until(ready, "Alertmanager is not ready")
        yield post

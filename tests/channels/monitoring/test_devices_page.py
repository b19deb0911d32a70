"""Is what docs/devices.md tells people to paste what the hub understands?"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from channels.monitoring.kinds import AUTO, KINDS
from core import alerting
from core.alerting import Severity, Status
from tests.channels.monitoring.messages import FORM, fact, facts, form

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = (DOCS / "devices.md").read_text(encoding="utf-8")
MEDIA_TYPE = DOCS / "devices" / "zabbix-media-type.yaml"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def sources() -> dict[str, dict[str, Any]]:
    found = (one for block in blocks("toml") for one in tomllib.loads(block)["alert_sources"])
    return {one["name"]: one for one in found}


def test_the_page_lists_every_kind_and_each_has_a_chapter() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| \[[^]]+\]\(#([\w-]+)\)", PAGE, re.MULTILINE)
    chapters = {
        re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-")
        for one in re.findall(r"^## (.*)$", PAGE, re.MULTILINE)
    }

    assert [kind for kind, _ in rows] == sorted(KINDS)
    assert sorted(alerting.KINDS) == sorted({*KINDS, AUTO})  # what a desk may say
    assert {anchor for _, anchor in rows} <= chapters
    assert {one["kind"] for one in sources().values()} <= {*KINDS, AUTO}


@pytest.mark.parametrize(
    ("language", "load"), [("yaml", yaml.safe_load), ("json", json.loads), ("toml", tomllib.loads)]
)
def test_what_is_to_be_pasted_is_well_formed(language: str, load: Any) -> None:
    assert blocks(language)
    assert all(load(one) for one in blocks(language))


def media_type() -> dict[str, Any]:
    (one,) = yaml.safe_load(MEDIA_TYPE.read_text())["zabbix_export"]["media_types"]
    return dict(one)


@pytest.mark.parametrize(
    ("macros", "status"),
    [
        ({"EVENT.VALUE": "1", "EVENT.UPDATE.STATUS": "0"}, "firing"),
        ({"EVENT.VALUE": "0", "EVENT.UPDATE.STATUS": "0"}, "resolved"),
        (
            {"EVENT.VALUE": "1", "EVENT.UPDATE.STATUS": "1", "EVENT.UPDATE.ACTION": "acknowledged"},
            "acknowledged",
        ),
    ],
)
def test_the_media_type_for_zabbix_sends_what_is_read(macros: dict[str, str], status: str) -> None:
    known = macros | {
        "EVENT.ID": "7",
        "EVENT.NSEVERITY": "4",
        "EVENT.NAME": "Disk",
        "HOST.HOST": "srv",
        "HOST.IP": "10.0.0.9",
        "EVENT.DATE": "2026.01.26",
        "EVENT.TIME": "04:14:52",
        "EVENT.TAGSJSON": '[{"tag":"site","value":"milano"}]',
    }
    sent = {
        one["name"]: re.sub(r"\{([A-Z.]+)\}", lambda macro: known.get(macro[1], macro[0]), one["value"])
        for one in media_type()["parameters"]
        if not one["name"].startswith("centralino_")
    }
    told = fact("zabbix", sent)
    assert (told.status, told.severity, told.dedup_key) == (status, Severity.MAJOR, "zabbix:event:7")
    assert (told.resource, told.address, told.labels["site"]) == ("srv", "10.0.0.9", "milano")
    assert told.started_at is not None


def test_the_mail_that_the_media_type_words_is_read_as_well() -> None:
    wording = {one["operation_mode"]: one["message"] for one in media_type()["message_templates"]}
    for mode, status in (("PROBLEM", Status.FIRING), ("RECOVERY", Status.RESOLVED)):
        text = wording[mode].replace("{EVENT.ID}", "7").replace("{EVENT.NAME}", "Disk")
        told = fact("email", f"From: z@a.example\nSubject: x\n\n{text}")
        assert (told.status, told.dedup_key) == (status, "zabbix:event:7")


@pytest.mark.parametrize(
    ("tool", "pattern"),
    [("nagios", r'--data-urlencode "(\w+)=\$'), ("icinga2", r'"--data-urlencode", "(\w+)="?')],
)
def test_the_commands_of_nagios_and_icinga2_send_what_is_read(tool: str, pattern: str) -> None:
    chapter = re.search(
        rf"^## {'Nagios' if tool == 'nagios' else 'Icinga 2'}$(.*?)^## ", PAGE, re.MULTILINE | re.DOTALL
    )
    assert chapter
    names = set(re.findall(pattern, chapter[1]))
    values = {"NOTIFICATIONTYPE": "PROBLEM", "HOSTNAME": "srv", "TIMET": "1769421600", "HOSTSTATE": "DOWN"}
    told = fact("auto", form(**{name: values[name] for name in values if name in names} | ({"ICINGA2HOST": "m"} if "ICINGA2HOST" in names else {})), headers=FORM)  # fmt: skip
    assert (told.dedup_key, told.severity) == (f"{tool}:srv", Severity.CRITICAL)
    assert told.started_at is not None


def test_the_fields_for_prtg_librenms_and_aria_are_read() -> None:
    (payload,) = re.findall(r"`(sensorid=%sensorid&[^`]*)`", PAGE)
    sent = payload.replace("%sensorid", "2042").replace("%status", "Down").encode()
    assert fact("prtg", sent, headers=FORM).dedup_key == "prtg:2042"

    (body,) = re.findall(r"^```\n(alert_id=.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    fields = dict(line.split("=", 1) for line in body.split("\n") if line)
    assert (
        fact("librenms", fields | {"alert_id": "26", "state": "1", "severity": "critical"}).severity
        is Severity.CRITICAL
    )

    aria = next(json.loads(one) for one in blocks("json") if "ALERT_ID" in one)
    told = fact("vrealize", aria | {"status": "Active", "criticality": "Immediate"})
    assert (told.status, told.severity) == (Status.FIRING, Severity.MAJOR)


def test_the_mapping_and_the_rules_that_are_shown_work() -> None:
    told = fact(
        "generic",
        {
            "alarms": [
                {"device": "a", "text": "Fan", "level": "high", "state": "ok", "place": {"name": "Milano"}}
            ]
        },
        mapping=sources()["acme-building"]["mapping"],
    )
    assert (told.status, told.labels) == (Status.RESOLVED, {"site": "Milano"})
    rules = tuple(sources()["acme-lines"]["rules"])
    lines = "<14>Jan 26 03:00:00 h vpn: tunnel 7: down\n<14>Jan 26 03:00:00 h vpn: hello\n<189>1: Jan 26 03:00:00: %LINEPROTO-5-UPDOWN: Line protocol on Interface Gi1, changed state to up\n"
    tunnel, link = facts("syslog", lines, rules=rules)
    assert (tunnel.event, tunnel.severity, link.status) == ("VPN tunnel 7", Severity.MAJOR, Status.RESOLVED)


def test_what_dynatrace_and_datadog_send_is_mapped_as_shown() -> None:
    def told(name: str, body: dict[str, str]) -> Any:
        shown = sources()[name]
        own = {word.lower(): severity for word, severity in shown.get("severities", {}).items()}
        return fact("generic", body, mapping=shown["mapping"], severities=own)

    payloads = {frozenset(body): body for body in map(json.loads, blocks("json"))}
    (dynatrace,) = (body for body in payloads.values() if "PID" in body)
    (datadog,) = (body for body in payloads.values() if "transition" in body)
    began = dynatrace | {"PID": "7", "State": "OPEN", "ProblemSeverity": "AVAILABILITY"}
    for state in ("RESOLVED", "MERGED"):
        one, over = told("acme-dynatrace", began), told("acme-dynatrace", began | {"State": state})
        assert (one.status, one.severity, over.status) == (Status.FIRING, Severity.CRITICAL, Status.RESOLVED)
        assert one.dedup_key == over.dedup_key
    for transition, status in (("Triggered", "firing"), ("Re-No Data", "firing"), ("Recovered", "resolved")):
        said = datadog | {"transition": transition, "priority": "P2"}
        assert told("acme-datadog", said).status == status
    assert told("acme-datadog", datadog | {"priority": "P2"}).severity is Severity.MAJOR


def test_the_examples_with_curl_are_read() -> None:
    bodies = re.findall(r"-d '\n(\{.*?\})'$", "\n".join(blocks("sh")), re.MULTILINE | re.DOTALL)
    began, ended, event = (fact(AUTO, one) for one in bodies)
    assert (began.dedup_key, began.severity) == (ended.dedup_key, Severity.WARNING)
    assert (ended.status, event.summary) == (Status.RESOLVED, "UPS on battery")


# Scripts

needs_curl = pytest.mark.skipif(not shutil.which("curl", path="/usr/bin:/bin"), reason="needs curl")


@pytest.fixture
def hub() -> Iterator[Any]:
    """Whatever is posted to it, and what it answers."""

    class Take(BaseHTTPRequestHandler):
        got: list[tuple[str | None, bytes]] = []  # noqa: RUF012
        answer = 202

        def do_POST(self) -> None:
            self.got.append(
                (self.headers["Authorization"], self.rfile.read(int(self.headers["Content-Length"])))
            )
            self.send_response(self.answer)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Take)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Take.url = f"http://127.0.0.1:{server.server_port}/in/alerts/acme"  # type: ignore[attr-defined]
    yield Take
    server.shutdown()
    thread.join()
    server.server_close()


def run(name: str, *arguments: str, given: bytes = b"", **environment: str) -> int:
    return subprocess.run(
        [DOCS / "devices" / name, *arguments],
        input=given,
        env={"PATH": "/usr/bin:/bin"} | environment,
        capture_output=True,
        check=False,
        timeout=30,
    ).returncode


@pytest.mark.parametrize(("answer", "code"), [(202, 0), (503, 1), (401, 2)])
def test_the_script_for_checkmk_sends_its_context_and_says_whether_to_try_again(
    hub: Any, answer: int, code: int
) -> None:
    hub.answer = answer
    told = run(
        "checkmk-centralino",
        NOTIFY_PARAMETER_1=hub.url,
        NOTIFY_PARAMETER_2="s3cret",
        NOTIFY_PARAMETERS="s3cret",
        NOTIFY_WHAT="HOST",
        NOTIFY_NOTIFICATIONTYPE="PROBLEM",
        NOTIFY_HOSTNAME="srv",
        NOTIFY_HOSTSTATE="DOWN",
        OTHER="private",
    )
    ((who, body),) = hub.got
    assert (told, who) == (code, "Bearer s3cret")
    assert b"s3cret" not in body
    assert b"private" not in body
    assert fact(AUTO, body).dedup_key == "checkmk:srv"


def test_the_script_for_checkmk_says_what_it_needs() -> None:
    assert run("checkmk-centralino") == 2


@needs_curl
def test_the_script_for_snmptrapd_hands_the_trap_on_as_it_is(hub: Any, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    trap = b"sw1\nUDP: [10.0.0.9]:4->[10.0.0.1]:162\nSNMPv2-MIB::snmpTrapOID.0 IF-MIB::linkUp\nIF-MIB::ifIndex.7 7\n"
    assert run("snmptrapd-centralino", hub.url, str(tmp_path / "secret"), given=trap) == 0
    assert hub.got == [("Bearer s3cret", trap)]


@needs_curl
def test_the_script_for_wazuh_sends_the_file_that_it_is_given(hub: Any, tmp_path: Path) -> None:
    alert = tmp_path / "alert.json"
    alert.write_text('{"rule": {"id": "5710", "level": 12}, "agent": {"id": "001"}, "manager": {}}')
    assert run("wazuh-custom-centralino", str(alert), "s3cret", hub.url) == 0
    ((who, body),) = hub.got
    assert (who, fact(AUTO, body).dedup_key) == ("Bearer s3cret", "wazuh:001:5710")

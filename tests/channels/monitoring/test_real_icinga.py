"""A real Icinga 2 and a hub that really runs: the command is the one that docs/devices.md tells people to paste."""

from __future__ import annotations

import base64
import json
import os
import pwd
import re
import ssl
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.channels.monitoring.real import Desk, certificates, found, needs, running
from tests.channels.monitoring.test_devices_page import PAGE
from tests.days.hubs import Hub, free_port, until
from tests.days.people import Api
from tests.devices_at_work import SECRET

pytestmark = [
    pytest.mark.xdist_group("real-icinga"),
    needs("icinga2"),
    needs("curl"),
    needs("openssl"),
]

PASSWORD = "what the hub logs in with"
SOURCES = """
[[alert_sources]]
name = "icinga"
kind = "icinga2"
secret = "SECRET"
customer = "ACME"
technology = "Network"
request_type = "Incident"
hold = "0s"
stable = "1s"
reaches = ["127.0.0.0/8", "::1/128"]
api = { url = "https://localhost:PORT", user = "centralino", token = "file:FOLDER/token", ca = "FOLDER/data/certs/ca.crt" }
[[alert_sources]]
name = "icinga-mail"
kind = "icinga2"
address = "support+icinga@desk.test"
customer = "ACME"
technology = "Network"
request_type = "Incident"
hold = "0s"
"""
THINGS = """
template Host "watched" { check_command = "passive"; enable_active_checks = false; max_check_attempts = 1 }
template Service "watched" { check_command = "passive"; enable_active_checks = false; max_check_attempts = 1 }
object Host "db-1" { import "watched"; address = "10.20.0.1" }
object Service "disk /" { import "watched"; host_name = "db-1" }
object Host "db-2" { import "watched" }
object Host "db-3" { import "watched" }
object Service "load" { import "watched"; host_name = "db-3" }
object Service "swap" { import "watched"; host_name = "db-3" }
object Host "db-4" { import "watched" }
object Host "db-5" { import "watched" }
object Service "link" { import "watched"; host_name = "db-5"; enable_flapping = true; flapping_threshold_high = 14; flapping_threshold_low = 8 }
object Host "db-6" { import "watched"; address = "10.20.0.6"; vars.notification["mail"] = { users = [ "by-mail" ] } }
object Service "raid" { import "watched"; host_name = "db-6" }
object User "by-mail" { email = "support+icinga@desk.test" }
"""
STOCK = Path("/etc/icinga2")
BY_MAIL = "\n".join(
    f'include "{STOCK}/conf.d/{name}.conf"'
    for name in ("commands", "templates", "timeperiods", "notifications")
)
"""What the package brings to notify by mail."""
MAIL = """#!PYTHON
# As the `mail` of a machine that hands its mail to the hub: mail -s SUBJECT TO
import smtplib, sys
from email.message import EmailMessage
mail = EmailMessage()
mail["From"], mail["To"], mail["Subject"] = "nagios@monitor.test", sys.argv[3], sys.argv[2]
mail.set_content(sys.stdin.read())
smtplib.SMTP("127.0.0.1", SMTP).send_message(mail)
"""


class Icinga:
    """The program, in a folder of its own, as its administrator drives it: by its interface."""

    def __init__(self, folder: Path, hub: Hub, port: int) -> None:
        self.folder, self.port = folder, port
        certificates(folder / "data" / "certs")
        user = pwd.getpwuid(os.getuid()).pw_name
        pasted = re.search(r"^## Icinga 2\n+```\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
        needed = re.search(r"`(permissions = \[[^]]*\])`", PAGE)
        assert pasted
        assert needed
        commands = pasted[1].replace(
            "https://desk.example.org/in/alerts/SOURCE", f"{hub.base}/in/alerts/icinga"
        )
        (folder / "icinga2.conf").write_text(
            f"""
const NodeName = "localhost"
const ZoneName = NodeName
object Endpoint NodeName {{ }}
object Zone ZoneName {{ endpoints = [ NodeName ] }}
include <itl>
object NotificationComponent "notification" {{ }}
object ApiListener "api" {{ bind_host = "127.0.0.1"; bind_port = {port} }}
object ApiUser "administrator" {{ password = "{PASSWORD}"; permissions = [ "*" ] }}
object ApiUser "centralino" {{ password = "{PASSWORD}"; {needed[1]} }}
{commands.replace("SECRET", SECRET)}
{THINGS}
{BY_MAIL if by_mail() else ""}
""",
            encoding="utf-8",
        )
        (folder / "scripts").symlink_to(STOCK / "scripts")
        mail = folder / "bin" / "mail"
        mail.parent.mkdir()
        mail.write_text(MAIL.replace("PYTHON", sys.executable).replace("SMTP)", f"{hub.smtp})"))
        mail.chmod(0o755)
        self.path = f"{mail.parent}:{os.environ['PATH']}"
        own = {
            "DataDir": "data",
            "CacheDir": "cache",
            "LogDir": "log",
            "InitRunDir": "run",
            "SpoolDir": "spool",
        }
        paths = {"ConfigDir": folder, "PidPath": folder / "pid"} | {k: folder / v for k, v in own.items()}
        for name in own.values():
            (folder / name).mkdir(exist_ok=True)
        values = paths | {"RunAsUser": user, "RunAsGroup": user}
        defined = [f"-DConfiguration.{name}={value}" for name, value in values.items()]
        self.words = [found("icinga2"), "daemon", "-c", str(folder / "icinga2.conf"), *defined]
        self._trusted = ssl.create_default_context(cafile=str(folder / "data" / "certs" / "ca.crt"))

    def asks(self, method: str, path: str, document: Any = None) -> list[Any]:
        """Its interface, asked by the administrator: the results."""
        log_in = base64.b64encode(f"administrator:{PASSWORD}".encode()).decode()
        headers = {"Accept": "application/json", "Authorization": f"Basic {log_in}"}
        body = None if document is None else json.dumps(document).encode()
        asked = urllib.request.Request(
            f"https://localhost:{self.port}/v1{path}", body, headers, method=method
        )
        with urllib.request.urlopen(asked, timeout=20, context=self._trusted) as answer:
            return list(json.load(answer)["results"])

    def ready(self) -> bool:
        try:
            return bool(self.asks("GET", "/status/IcingaApplication"))
        except OSError:
            return False

    def does(self, action: str, name: str, **more: Any) -> None:
        """An action on a host, or on a service (`host!service`)."""
        of = "Service" if "!" in name else "Host"
        document = {"type": of, of.lower(): name, **more}
        (done,) = self.asks("POST", f"/actions/{action}", document)
        assert done["code"] == 200, done

    def checked(self, name: str, state: int, output: str = "as it was checked") -> None:
        """A check says so: of services 0 to 3, of hosts 0 or 1."""
        self.does("process-check-result", name, exit_status=state, plugin_output=output)

    def acknowledgement(self, name: str) -> int:
        """0: none, 1: until it changes, 2: until it is over."""
        of = "services" if "!" in name else "hosts"
        (one,) = self.asks("GET", f"/objects/{of}/{urllib.parse.quote(name, safe='')}")
        return int(one["attrs"]["acknowledgement"])

    def flaps(self, name: str) -> bool:
        (one,) = self.asks("GET", f"/objects/services/{urllib.parse.quote(name, safe='')}")
        return bool(one["attrs"]["flapping"])

    def comments(self, name: str) -> list[tuple[str, str]]:
        """Who wrote what on it."""
        host, _, service = name.partition("!")
        return [
            (one["attrs"]["author"], one["attrs"]["text"])
            for one in self.asks("GET", "/objects/comments")
            if (one["attrs"]["host_name"], one["attrs"]["service_name"]) == (host, service)
        ]


def by_mail() -> bool:
    """May we read what the package brings?"""
    return os.access(STOCK / "conf.d" / "commands.conf", os.R_OK)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, Icinga]]:
    folder = tmp_path_factory.mktemp("icinga")
    port = free_port()
    (folder / "token").write_text(PASSWORD + "\n")
    wanted = SOURCES.replace("SECRET", SECRET).replace("PORT", str(port)).replace("FOLDER", str(folder))
    desk = Desk(folder / "hub", wanted)
    try:
        tool = Icinga(folder, desk.hub, port)
        with running(*tool.words, into=folder / "icinga.log", env={**os.environ, "PATH": tool.path}):
            until(tool.ready, "Icinga 2 is not ready")
            yield desk, tool
    finally:
        desk.hub.stop()


@pytest.fixture
def desk(both: tuple[Desk, Icinga]) -> Desk:
    return both[0]


@pytest.fixture
def icinga(both: tuple[Desk, Icinga]) -> Icinga:
    return both[1]


@pytest.fixture(scope="module")
def ann(both: tuple[Desk, Icinga]) -> Api:
    hub = both[0].hub
    return hub.api(hub.token("--agent", "ann@hub.test"))


def ticket(desk: Desk, key: str, **state: Any) -> str:
    """The number of the request that an alarm belongs to, once that is so."""

    def number() -> str:
        row = desk.ticket(key)
        return str(row["number"]) if row and all(row[k] == v for k, v in state.items()) else ""

    return str(until(number, f"no request of {key} is {state}"))


def test_a_problem_is_a_request_whose_number_stands_there_and_what_gets_worse_is_no_second_one(
    desk: Desk, icinga: Icinga
) -> None:
    icinga.checked("db-1!disk /", 1, '90% used; $HOME "full" è `date`')
    row = desk.alert("icinga", "icinga2:db-1/disk /", firing=1)
    assert row["summary"] == 'disk / WARNING: 90% used; $HOME "full" è `date`'
    assert (row["resource"], row["event"], row["address"]) == ("db-1", "disk /", "10.20.0.1")
    number = ticket(desk, "icinga2:db-1/disk /")
    until(lambda: icinga.comments("db-1!disk /"), "Icinga does not know the number")
    ((author, words),) = icinga.comments("db-1!disk /")
    assert author == "Centralino"
    assert f"[Centralino {number}]" in words

    icinga.checked("db-1!disk /", 2, "99% used")
    row = desk.alert("icinga", "icinga2:db-1/disk /", count=2)
    assert (row["severity"], row["episode"]) == ("critical", 1)
    assert ticket(desk, "icinga2:db-1/disk /") == number

    icinga.checked("db-1!disk /", 0, "40% used")
    desk.alert("icinga", "icinga2:db-1/disk /", firing=0)
    assert ticket(desk, "icinga2:db-1/disk /", state="resolved") == number  # nobody touched it


def test_who_acknowledges_there_is_seen_here_with_their_words(desk: Desk, icinga: Icinga, ann: Api) -> None:
    icinga.checked("db-2", 1, "no answer")
    desk.alert("icinga", "icinga2:db-2", firing=1)
    icinga.does("acknowledge-problem", "db-2", author="bea", comment="the fan: I go there", notify=True)
    row = desk.alert("icinga", "icinga2:db-2", status="acknowledged")
    (alarm,) = [one for one in ann.get("/alerts", source="icinga")["items"] if one["resource"] == "db-2"]
    told = json.dumps(ann.get(f"/alerts/{alarm['id']}"))
    assert "the fan: I go there" in told
    assert "bea" in told
    assert row["firing"]


def test_what_staff_do_is_done_there_and_does_not_come_back(desk: Desk, icinga: Icinga, ann: Api) -> None:
    things = {f"db-3!{name}": f"icinga2:db-3/{name}" for name in ("load", "swap")}
    for name in things:
        icinga.checked(name, 2, "too much")
    numbers = {name: ticket(desk, key) for name, key in things.items()}
    for number in numbers.values():
        ann.post(f"/tickets/{number}/take")
    for name, number in numbers.items():
        until(lambda name=name: icinga.acknowledgement(name) == 1, "it is not acknowledged there")
        assert all(
            who == "Centralino" and f"[Centralino {number}]" in said for who, said in icinga.comments(name)
        )

    ann.post(f"/tickets/{numbers['db-3!swap']}/assign")  # she gives it back
    left = {"alert_firing": "a big job of the month"}
    solved = {"cause": "network", "text": "As it should be.", "minutes": 5, "overrides": left}
    ann.post(f"/tickets/{numbers['db-3!load']}/resolve", solved)
    until(lambda: icinga.acknowledgement("db-3!swap") == 0, "it is still acknowledged there")
    until(lambda: icinga.acknowledgement("db-3!load") == 2, "it is not acknowledged until it is over")

    icinga.checked(
        "db-3!load", 1, "less"
    )  # another state, which would end an acknowledgement of the other kind
    for name, key in things.items():
        icinga.checked(name, 0, "well")
        desk.alert("icinga", key, firing=0, count=1, episode=1)
        told = {"return_opened", "return_taken", "return_released", "return_accepted"}
        assert set(desk.decisions(key)) - told == {"begun", "opened", "ended"}


def test_while_there_is_maintenance_there_nobody_is_called_and_after_it_what_fires_is_a_request(
    desk: Desk, icinga: Icinga
) -> None:
    now = int(time.time())
    span = {"start_time": now - 1, "end_time": now + 3600, "fixed": True}
    icinga.does("schedule-downtime", "db-4", author="bea", comment="new disks", **span)
    until(lambda: desk.decisions("icinga2:db-4"), "the work is not known here")
    icinga.checked("db-4", 1, "no answer")
    icinga.does("remove-downtime", "db-4")
    desk.alert("icinga", "icinga2:db-4", firing=1)  # Icinga tells of it within seconds
    ticket(desk, "icinga2:db-4")


def test_what_was_coming_and_going_there_is_known_here_as_it_is_when_it_is_calm(
    desk: Desk, icinga: Icinga
) -> None:
    name, key = "db-5!link", "icinga2:db-5/link"

    def flaps(*states: int) -> int:
        """Until it does, or no more; the last state. Each that Icinga tells of is awaited, as it does not wait for what it told."""
        flapped = icinga.flaps(name)
        for n in range(40):
            state = states[n % len(states)]
            icinga.checked(name, state)
            if icinga.flaps(name) is not flapped:
                return state
            if not flapped:
                desk.alert("icinga", key, firing=1 if state else 0)
        raise AssertionError("Icinga sees no difference")

    assert flaps(2, 0) == 2
    assert flaps(2) == 2  # calm again, and down
    icinga.does("delay-notification", name, timestamp=int(time.time()))  # so long for its `interval`
    desk.alert("icinga", key, firing=1)

    assert flaps(0, 2) == 0
    assert desk.alert("icinga", key)["firing"]  # that it is well is not told either
    assert flaps(0) == 0
    desk.alert("icinga", key, firing=0)  # but by the calm


@pytest.mark.skipif(not by_mail(), reason=f"needs {STOCK} to be readable")
def test_the_mail_of_the_scripts_that_the_package_brings_is_read(desk: Desk, icinga: Icinga) -> None:
    icinga.checked("db-6!raid", 2, "a disk is missing")
    icinga.checked("db-6", 1, "no answer")
    row = desk.alert("icinga-mail", "icinga2:db-6", firing=1)
    assert (row["severity"], row["address"], row["customer"]) == ("critical", "10.20.0.6", "ACME")
    icinga.checked("db-6", 0, "here again")
    desk.alert("icinga-mail", "icinga2:db-6", firing=0)
    row = desk.alert("icinga-mail", "icinga2:db-6/raid", firing=1)
    assert (row["event"], row["summary"]) == ("raid", "raid CRITICAL: a disk is missing")

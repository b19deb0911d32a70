"""A real Zabbix 6.0 and a hub that really runs: the media type is the one that docs/devices.md tells people to import."""

from __future__ import annotations

import gzip
import json
import os
import socket
import struct
import subprocess
import urllib.request
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.channels.monitoring.real import Desk, found, needs, running
from tests.channels.monitoring.test_devices_page import MEDIA_TYPE
from tests.databases import name_of_database
from tests.days.hubs import free_port, until
from tests.days.people import Api
from tests.devices_at_work import SECRET

SCHEMA = Path("/usr/share/zabbix-server-pgsql")
PAGES = Path("/usr/share/zabbix")


def version() -> str:
    """Of the server; empty: there is none."""
    if not found("zabbix_server"):
        return ""
    said = subprocess.run(
        [found("zabbix_server"), "-V"], capture_output=True, text=True, check=False, timeout=60
    )
    return said.stdout.partition("(Zabbix)")[2].strip()


pytestmark = [
    pytest.mark.xdist_group("real-zabbix"),
    pytest.mark.skipif(not version().startswith("6.0."), reason="needs zabbix_server 6.0"),
    needs("php"),
    pytest.mark.skipif(not (PAGES / "api_jsonrpc.php").exists(), reason="needs zabbix-frontend-php"),
]

SOURCES = """
[[alert_sources]]
name = "zabbix"
kind = "zabbix"
secret = "SECRET"
customer = "ACME"
technology = "Network"
request_type = "Incident"
time_zone = "UTC"
hold = "0s"
stable = "1s"
reaches = ["127.0.0.0/8"]
api = { url = "http://127.0.0.1:PORT", token = "file:FOLDER/token" }
"""
BEGINNING = {"role", "role_rule", "users", "usrgrp", "users_groups", "hstgrp", "config", "config_autoreg_tls"}
"""Tables of a new Zabbix that are filled: what it brings beside them, mostly templates, takes a quarter of a minute."""
THINGS = ("disk", "fan", "link", "psu", "ups")
SERVER = """
LogType=file
LogFile={folder}/server.log
PidFile={folder}/server.pid
SocketDir={folder}
DBHost={host}
DBPort={port}
DBName={name}
DBUser=postgres
ListenIP=127.0.0.1
ListenPort={trapper}
AllowRoot=1
CacheUpdateFrequency=1
HousekeepingFrequency=0
CacheSize=8M
HistoryCacheSize=1M
HistoryIndexCacheSize=1M
TrendCacheSize=1M
ValueCacheSize=1M
StartPollers=1
StartTrappers=1
StartDBSyncers=1
StartPreprocessors=1
StartPollersUnreachable=1
StartPingers=0
StartDiscoverers=0
StartHTTPPollers=0
StartHistoryPollers=0
StartODBCPollers=0
StartLLDProcessors=1
StartAlerters=1
StartEscalators=1
StartTimers=1
"""
PAGES_KNOW = """<?php
$DB['TYPE'] = 'POSTGRESQL';
$DB['SERVER'] = '{host}';
$DB['PORT'] = '{port}';
$DB['DATABASE'] = '{name}';
$DB['USER'] = 'postgres';
$DB['PASSWORD'] = '';
$DB['SCHEMA'] = '';
$DB['ENCRYPTION'] = false;
$DB['DOUBLE_IEEE754'] = true;
$ZBX_SERVER = '127.0.0.1';
$ZBX_SERVER_PORT = '{trapper}';
$ZBX_SERVER_NAME = '';
$IMAGE_FORMAT_DEFAULT = IMAGE_FORMAT_PNG;
"""
ELSEWHERE = """<?php
// Debian's package has one place for the settings of the pages, for all of the machine.
$class = file_get_contents('{pages}/include/classes/core/CConfigFile.php');
eval(str_replace('/etc/zabbix/zabbix.conf.php', '{folder}/pages.php', substr($class, 5)));
"""


class Zabbix:
    """Server and pages, in a folder and a database of their own, as their administrator drives them: by JSON-RPC."""

    def __init__(self, folder: Path, database: str, port: int) -> None:
        self.folder, self.port, self.trapper = folder, port, free_port()
        with psycopg.connect(database, autocommit=True) as connection:
            where = connection.info
            for words in (_script("schema"), _beginning()):
                connection.execute(words.encode())
            about = {"host": where.host, "port": where.port, "name": where.dbname, "trapper": self.trapper}
        (folder / "server.conf").write_text(SERVER.format(folder=folder, **about))
        (folder / "pages.php").write_text(PAGES_KNOW.format(**about))
        (folder / "elsewhere.php").write_text(ELSEWHERE.format(folder=folder, pages=PAGES))
        self._token: str | None = None

    def start(self, stack: ExitStack) -> None:
        settings = ["-d", f"auto_prepend_file={self.folder}/elsewhere.php", "-d", "memory_limit=256M"]
        php = [found("php"), *settings, "-S", f"127.0.0.1:{self.port}", "-t", PAGES]
        stack.enter_context(running(*php, into=self.folder / "pages.log"))
        server = [found("zabbix_server"), "-f", "-c", self.folder / "server.conf"]
        stack.enter_context(
            running(*server, into=self.folder / "server.out", env={**os.environ, "TZ": "UTC"})
        )
        until(self.ready, "Zabbix does not answer")

    def ready(self) -> bool:
        try:
            return bool(self.call("apiinfo.version", []))
        except OSError:
            return False

    def call(self, method: str, params: Any, *, token: str | None = None) -> Any:
        """The result of a method that must do."""
        body = {"jsonrpc": "2.0", "method": method, "params": params, "id": 1}
        if token or self._token:
            body["auth"] = token or self._token
        headers = {"Content-Type": "application/json-rpc"}
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api_jsonrpc.php", json.dumps(body).encode(), headers
        )
        with urllib.request.urlopen(asked, timeout=60) as answer:
            told = json.load(answer)
        assert "result" in told, (method, told)
        return told["result"]

    def log_in(self) -> None:
        self._token = self.call("user.login", {"username": "Admin", "password": "zabbix"})

    def sends(self, thing: str, value: int) -> bool:
        """A value of an item, as zabbix_sender sends it. False: the server does not know the item yet."""
        data = [{"host": "srv-7", "key": thing, "value": str(value)}]
        body = json.dumps({"request": "sender data", "data": data}).encode()
        with socket.create_connection(("127.0.0.1", self.trapper), timeout=20) as to:
            to.sendall(b"ZBXD\1" + struct.pack("<Q", len(body)) + body)
            answer = b"".join(iter(lambda: to.recv(4096), b""))
        return "processed: 1" in json.loads(answer[13:])["info"]

    def measures(self, thing: str, value: int) -> None:
        until(lambda: self.sends(thing, value), f"the server does not take {thing}")

    def breaks(self, thing: str) -> bool:
        """Is it a problem? Measured again until it is: at first the server may know the item and not yet its trigger."""
        if self.problem(thing):
            return True
        with suppress(OSError):  # it does not listen yet
            self.sends(thing, 1)
        return False

    def problem(self, thing: str) -> dict[str, Any]:
        """The event that began the problem of a thing; empty: there is none yet."""
        wanted = {"filter": {"name": f"{thing} is bad", "value": 1}}
        found = self.call("event.get", wanted | {"select_acknowledges": "extend", "selectTags": "extend"})
        return dict(found[0]) if found else {}

    def said(self, thing: str) -> list[str]:
        """What was written to it, oldest first."""
        return [
            one["message"]
            for one in sorted(self.problem(thing)["acknowledges"], key=lambda one: int(one["acknowledgeid"]))
        ]

    def acknowledged(self, thing: str) -> bool:
        return bool(self.problem(thing)["acknowledged"] == "1")

    def closed(self, thing: str) -> bool:
        """By somebody, and not by itself."""
        return any(int(one["action"]) & 1 for one in self.problem(thing)["acknowledges"])


def _script(name: str) -> str:
    return gzip.decompress((SCHEMA / f"{name}.sql.gz").read_bytes()).decode()


def _beginning() -> str:
    wanted = tuple(f"INSERT INTO {table} " for table in BEGINNING)
    with gzip.open(SCHEMA / "data.sql.gz", "rt", encoding="utf-8") as lines:
        return "".join(line for line in lines if line.startswith(wanted))


def as_the_page_says(zabbix: Zabbix, hub: str) -> None:
    """Import the media type, give it to a user, and make an action: what an administrator clicks."""
    rules = {"mediaTypes": {"createMissing": True, "updateExisting": True}}
    zabbix.call("configuration.import", {"format": "yaml", "source": MEDIA_TYPE.read_text(), "rules": rules})
    (media,) = zabbix.call("mediatype.get", {"filter": {"name": "Centralino"}, "selectParameters": "extend"})
    own = {"centralino_url": f"{hub}/in/alerts/zabbix", "centralino_secret": SECRET}
    parameters = [one | {"value": own.get(one["name"], one["value"])} for one in media["parameters"]]
    zabbix.call("mediatype.update", {"mediatypeid": media["mediatypeid"], "parameters": parameters})

    group = zabbix.call("hostgroup.create", {"name": "Customers"})["groupids"][0]
    allowed = {
        "api.access": 1,
        "api.mode": 1,
        "api": ["event.acknowledge"],
        "actions": [
            {"name": name, "status": 1}
            for name in ("acknowledge_problems", "close_problems", "add_problem_comments")
        ],
    }
    role = zabbix.call("role.create", {"name": "Centralino", "type": 1, "rules": allowed})["roleids"][0]
    may = {"name": "Centralino", "rights": [{"permission": 3, "id": group}], "users": [{"userid": "1"}]}
    (people,) = zabbix.call("usergroup.create", may)["usrgrpids"]
    who = {"usrgrps": [{"usrgrpid": people}], "passwd": "Not-used-at-all-7"}
    hears = {
        "username": "centralino-alarms",
        "roleid": 1,
        "medias": [{"mediatypeid": media["mediatypeid"], "sendto": "hub"}],
    }
    user = zabbix.call("user.create", who | hears)["userids"][0]
    answers = zabbix.call("user.create", who | {"username": "centralino", "roleid": role})["userids"][0]
    by = {"default_msg": 1, "mediatypeid": media["mediatypeid"]}
    zabbix.call(
        "action.create",
        {
            "name": "Centralino",
            "eventsource": 0,
            "operations": [{"operationtype": 0, "opmessage": by, "opmessage_usr": [{"userid": user}]}],
            "recovery_operations": [{"operationtype": 11, "opmessage": {"default_msg": 1}}],
            "update_operations": [{"operationtype": 0, "opmessage": by, "opmessage_usr": [{"userid": user}]}],
        },
    )
    made = zabbix.call("token.create", {"name": "hub", "userid": answers})["tokenids"]
    (token,) = zabbix.call("token.generate", made)
    (zabbix.folder / "token").write_text(token["token"] + "\n")

    interface = {"type": 1, "main": 1, "useip": 1, "ip": "10.20.0.7", "dns": "", "port": "10050"}
    host = zabbix.call(
        "host.create", {"host": "srv-7", "groups": [{"groupid": group}], "interfaces": [interface]}
    )
    for thing in THINGS:
        item = {"hostid": host["hostids"][0], "name": thing, "key_": thing, "type": 2, "value_type": 3}
        zabbix.call("item.create", item)
        about = {"description": f"{thing} is bad", "expression": f"last(/srv-7/{thing})>0", "priority": 4}
        zabbix.call("trigger.create", about | {"manual_close": 0 if thing == "link" else 1})


def stopped(hub: Future[Desk]) -> None:
    hub.result().hub.stop()


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, postgres_server: str) -> Iterator[tuple[Desk, Zabbix]]:
    folder = tmp_path_factory.mktemp("zabbix")
    folder.chmod(0o755)
    port, name = free_port(), name_of_database("zabbix")
    with ExitStack() as stack:
        server = stack.enter_context(psycopg.connect(f"{postgres_server}/postgres", autocommit=True))
        server.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        stack.callback(server.execute, f"DROP DATABASE {name} WITH (FORCE)")
        server.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
        wanted = SOURCES.replace("SECRET", SECRET).replace("PORT", str(port)).replace("FOLDER", str(folder))
        meanwhile = stack.enter_context(ThreadPoolExecutor(1))
        hub = meanwhile.submit(Desk, folder / "hub", wanted)
        stack.callback(stopped, hub)
        zabbix = Zabbix(folder, f"{postgres_server}/{name}", port)
        zabbix.start(stack)
        zabbix.log_in()
        desk = hub.result()
        as_the_page_says(zabbix, desk.hub.base)
        until(
            lambda: len([1 for thing in THINGS if zabbix.breaks(thing)]) == len(THINGS),
            "Zabbix sees no problem",
        )
        yield desk, zabbix


@pytest.fixture
def desk(both: tuple[Desk, Zabbix]) -> Desk:
    return both[0]


@pytest.fixture
def zabbix(both: tuple[Desk, Zabbix]) -> Zabbix:
    return both[1]


@pytest.fixture(scope="module")
def ann(both: tuple[Desk, Zabbix]) -> Api:
    hub = both[0].hub
    return hub.api(hub.token("--agent", "ann@hub.test"))


def begun(desk: Desk, zabbix: Zabbix, thing: str) -> tuple[str, str]:
    """The key of the alarm of a thing, and the number of its request."""
    key = f"zabbix:event:{zabbix.problem(thing)['eventid']}"
    until(lambda: desk.ticket(key), f"{key} is no request")
    return key, str(desk.ticket(key)["number"])


def test_a_problem_is_a_request_whose_number_stands_there_and_that_is_solved_when_it_is_over(
    desk: Desk, zabbix: Zabbix
) -> None:
    key, number = begun(desk, zabbix, "disk")
    row = desk.alert("zabbix", key, firing=1)
    assert (row["resource"], row["event"], row["address"]) == ("srv-7", "disk is bad", "10.20.0.7")
    assert row["severity"] == "major"
    assert abs(row["started_at"] / 1e6 - int(zabbix.problem("disk")["clock"])) < 1
    until(lambda: zabbix.said("disk"), "Zabbix does not know the number")
    assert f"[Centralino {number}]" in zabbix.said("disk")[0]
    ticket = {"tag": "__ticket", "value": number}
    until(lambda: ticket in zabbix.problem("disk")["tags"], "the problem has no tag with the number")

    zabbix.measures("disk", 0)
    desk.alert("zabbix", key, firing=0, count=1)  # the update that our own words are counts for nothing
    until(lambda: desk.ticket(key)["state"] == "resolved", "it is not solved, though nobody touched it")
    assert len(zabbix.said("disk")) == 1


def test_who_acknowledges_there_is_seen_here_with_their_words(desk: Desk, zabbix: Zabbix, ann: Api) -> None:
    key, _ = begun(desk, zabbix, "fan")
    event = zabbix.problem("fan")["eventid"]
    worse = {"eventids": [event], "action": 2 | 4 | 8, "message": "the fan: I go there", "severity": 5}
    zabbix.call("event.acknowledge", worse)
    desk.alert("zabbix", key, status="acknowledged", firing=1, severity="critical", count=1)
    (alarm,) = [one for one in ann.get("/alerts", source="zabbix")["items"] if one["event"] == "fan is bad"]
    told = json.dumps(ann.get(f"/alerts/{alarm['id']}"))
    assert "the fan: I go there" in told
    assert "Zabbix Administrator (Admin)" in told


def test_what_staff_do_is_done_there_and_does_not_come_back(desk: Desk, zabbix: Zabbix, ann: Api) -> None:
    things = {thing: begun(desk, zabbix, thing) for thing in ("psu", "link", "ups")}
    for _, number in things.values():
        ann.post(f"/tickets/{number}/take")
    until(lambda: all(zabbix.acknowledged(thing) for thing in things), "they are not acknowledged there")

    ann.post(f"/tickets/{things['ups'][1]}/assign")  # she gives it back
    left = {"alert_firing": "it is replaced next week"}
    solved = {"cause": "network", "text": "As it should be.", "minutes": 5, "overrides": left}
    for thing in ("psu", "link"):
        ann.post(f"/tickets/{things[thing][1]}/resolve", solved)
    until(lambda: not zabbix.acknowledged("ups"), "it is still acknowledged there")
    until(lambda: all(len(set(zabbix.said(one))) == 3 for one in ("psu", "link")), "no end is said there")
    assert (zabbix.closed("psu"), zabbix.closed("link")) == (True, False)  # nobody may close that one

    zabbix.measures("link", 0)
    zabbix.measures("ups", 0)
    for thing, (key, number) in things.items():
        assert all(f"[Centralino {number}]" in one for one in zabbix.said(thing))
        desk.alert("zabbix", key, firing=0, count=1, episode=1)
        returned = {"return_opened", "return_taken", "return_released", "return_accepted"}
        assert set(desk.decisions(key)) - returned - {"stored"} == {"begun", "opened", "ended"}
        words = "SELECT state FROM alert_return r JOIN alert a ON a.id = r.alert_id WHERE dedup_key = ?"
        assert {one["state"] for one in desk.rows(words, key)} <= {"told", "overtaken"}

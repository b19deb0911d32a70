"""The command line does what the README says, and ends with the right exit code and one clear line."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import main
from ivr import rules
from tests.channels.email import a_name_server
from tests.channels.email.a_name_server import running
from tests.desk_files import SMALL, changed

ROOT = Path(main.__file__).parent
MAIL = b"""From: Alice <alice@acme.test>\r
To: support@desk.test\r
Subject: The switch is dead\r
Message-ID: <1@acme.test>\r
\r
Nothing blinks any more.\r
"""


class Line:
    """The command line, with a data folder of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"

    def __call__(self, *words: object, answer: str = "") -> Result:
        settings = [] if words[:2] == ("flow", "validate") else ["--set", f"hub.data_dir={self.data}"]
        return CliRunner().invoke(main.app, [*map(str, words), *settings], input=answer)

    def done(self, *words: object, answer: str = "") -> str:
        """What it printed, when it ended well."""
        result = self(*words, answer=answer)
        assert result.exit_code == 0, result.output
        return result.stdout

    def file(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path


@pytest.fixture
def line(tmp_path: Path, sqlite_template: Path) -> Line:
    made = Line(tmp_path)
    made.data.mkdir()
    shutil.copyfile(sqlite_template, made.data / "centralino.db")
    return made


@pytest.fixture
def desk(line: Line) -> Line:
    """With the small desk applied; nobody has a password."""
    line.done("apply", line.file("desk.toml", re.sub(r"\n *(password|pin) = .*", "", SMALL)), "--yes")
    return line


def refused(result: Result, told: str, *, code: int = 2) -> None:
    assert result.exit_code == code, result.output
    assert told in result.stderr
    assert "Traceback" not in result.output


# Settings


def test_wrong_settings_stop_every_command_with_each_mistake(line: Line) -> None:
    wrong = line.file("my.toml", "[http]\nprot = 1\n[hub]\ntime_zone = 'Mars'\n")

    result = line("verify", "--settings", wrong)

    refused(result, "http.prot")
    assert "hub.time_zone" in result.stderr


def test_an_unknown_command_is_wrong_use(line: Line) -> None:
    assert line("fly").exit_code == 2


@pytest.mark.parametrize(
    "url", ["sqlite:///{folder}/text.db", "sqlite:///{folder}", "postgresql://desk:secret@127.0.0.1:1/desk"]
)
def test_a_database_that_cannot_be_used_is_one_clear_line(line: Line, url: str) -> None:
    line.file("text.db", "this is no database " * 100)

    result = line("verify", "--set", "database.url=" + url.format(folder=line.folder))

    refused(result, "cannot be used: ")
    assert len(result.stderr.splitlines()) == 1
    assert "secret" not in result.stderr


def test_a_database_of_a_later_release_is_refused_and_left_alone(line: Line) -> None:
    with closing(sqlite3.connect(line.data / "centralino.db")) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
        raw.commit()

    refused(line("verify"), "the database stands at 9999, this program at")


# First steps


def test_init_prints_a_link_for_the_first_administrator_alone_on_a_line(line: Line) -> None:
    told = line.done("init")

    assert re.fullmatch(r"http://127\.0\.0\.1:8080/setup\?token=[\w-]{22,}\n", told)


def test_a_desk_that_waits_for_its_first_administrator_gets_no_demo(line: Line) -> None:
    line.done("init")

    refused(line("demo"), "not empty", code=1)
    refused(line("demo", "play"), "name a new folder with --into", code=1)


def test_init_is_refused_once_there_are_agents(desk: Line) -> None:
    refused(desk("init"), "this desk has agents already", code=1)


def test_the_demo_desk_is_loaded_once_and_its_log_ins_are_for_its_owner_only(line: Line) -> None:
    told = line.done("demo")
    kept = line.data / "demo-logins.txt"

    assert "lucia.ferrari@nordest.test" in told
    assert told.strip() == kept.read_text().strip()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert "the books balance" in line.done("verify")
    assert "no mistakes found" in line.done("check")
    refused(line("demo"), "not empty", code=1)


def test_with_the_demo_desk_the_hub_listens_on_loopback_only(line: Line) -> None:
    line.done("demo")

    refused(
        line("run", "--set", "http.host=0.0.0.0"),
        "the demo desk is loaded, and 0.0.0.0 is no loopback address",
    )
    refused(line("run", "--set", "channels.email.smtp_host=192.0.2.1"), "192.0.2.1 is no loopback address")


# The desk as a file


def test_apply_shows_the_difference_and_asks(line: Line) -> None:
    file = line.file("desk.toml", changed('password = "correct horse"\n', ""))

    no = line("apply", file, answer="n\n")
    yes = line("apply", file, answer="y\n")
    again = line("apply", file)

    assert no.exit_code == 1
    assert "+ customers ACME" in no.stdout
    assert yes.exit_code == 0
    assert (again.exit_code, again.stdout) == (0, "nothing to change\n")


def test_a_wrong_file_is_refused_with_every_mistake(line: Line) -> None:
    text = changed('sla = "Gold"', 'sla = "Glod"', changed("grace_days = 30", "grace_day = 30"))

    result = line("apply", line.file("desk.toml", text), "--yes")

    refused(result, "lines[Network].sla: 'Glod' is not a service level; did you mean 'Gold'?")
    assert "grace_day: is not a field here" in result.stderr
    assert "agents" not in line.done("export", "-")


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_one_clear_line(line: Line, content: bytes | None) -> None:
    path = line.folder / "desk.toml" if content is None else line.file("desk.toml", content)

    refused(line("apply", path), f"{path} cannot be read")


def test_what_is_exported_can_be_applied(desk: Line) -> None:
    desk.done("export", desk.folder / "out.toml")

    assert desk.done("apply", desk.folder / "out.toml") == "nothing to change\n"
    assert desk.done("export", "-") == (desk.folder / "out.toml").read_text()


def test_check_finds_mistakes_in_a_file_and_changes_nothing(desk: Line) -> None:
    before = desk.done("export", "-")
    rules = '[[routing]]\ngroup = "Systems"\n[[routing]]\ngroup = "Network L1"\n'

    good = desk("check", desk.file("rules.toml", rules))
    refused(
        desk("check", desk.file("rules.toml", '[[routing]]\ngroup = "System"\n')), "mean 'Systems'", code=1
    )
    refused(desk("check", desk.file("rules.toml", '[[routing]]\ngrup = "System"\n')), "mean 'group'", code=1)

    assert (good.exit_code, good.stdout) == (0, "no mistakes found\n")
    assert "note: routing[2]: asks for the same as routing[1]" in good.stderr
    assert desk.done("export", "-") == before


def test_a_setting_that_names_no_group_of_the_desk_is_a_mistake_and_is_said_at_the_start(desk: Line) -> None:
    wrong = ("--set", "hub.alarms_to=Network")
    right = ("--set", "hub.alarms_to=Network L1")
    said = (
        "hub.alarms_to: 'Network' is not a group; did you mean 'Network L1'?: what the hub reports of itself"
    )

    refused(desk("check", *wrong), said, code=1)
    desk.done("check", *right)
    renamed = desk.file("groups.toml", SMALL.replace("Network L1", "Network"))
    desk.done("check", renamed, *wrong)
    refused(desk("check", renamed, *right), "hub.alarms_to: 'Network L1' is not a group", code=1)
    told = desk("apply", renamed, *right, answer="y\n")
    assert (told.exit_code, "note: hub.alarms_to: 'Network L1'" in told.stderr) == (0, True)


# Tokens


def test_a_call_flow_goes_out_and_comes_in_as_the_same_file(desk: Line) -> None:
    shipped = rules.DEFAULT.read_text(encoding="utf-8")
    ours = json.dumps(json.loads(shipped) | {"title": "Ours"}, ensure_ascii=False)
    refused(desk("flow", "export", "-"), "no version of the call flow default is published", code=1)

    assert desk.done("flow", "import", desk.file("flow.json", shipped), "--publish", "First").strip() == "1"
    assert desk.done("flow", "import", desk.file("ours.json", ours)).strip() == "2"

    assert desk.done("flow", "export", "-") == shipped
    desk.done("flow", "export", desk.folder / "out.json", "--version", "2")
    assert (desk.folder / "out.json").read_text(encoding="utf-8") == ours
    refused(desk("flow", "export", "-", "--version", "3"), "has no version 3", code=1)
    refused(desk("flow", "export", desk.folder), "cannot be written")
    desk.done("check")


def test_a_call_flow_with_mistakes_is_kept_as_a_draft_and_they_are_listed(desk: Line) -> None:
    broken = json.loads(rules.DEFAULT.read_text(encoding="utf-8")) | {"start": "nowhere"}
    file = desk.file("flow.json", json.dumps(broken))

    refused(desk("flow", "validate", file), "start: unknown_node: nowhere", code=1)
    refused(desk("flow", "import", file, "--publish", "x"), "start: unknown_node: nowhere", code=1)
    assert json.loads(desk.done("flow", "export", "-", "--version", "1"))["start"] == "nowhere"
    refused(desk("flow", "validate", desk.file("no.json", "{")), "no JSON", code=1)
    refused(desk("flow", "import", desk.file("no.json", "{")), "no JSON")
    refused(desk("flow", "import", desk.file("no.json", b"\xff")), "not UTF-8")
    refused(
        desk("flow", "import", desk.file("other.json", json.dumps(broken | {"id": "x"}))), "must be default"
    )
    refused(desk("flow", "validate", desk.folder / "none.json"), "cannot be read")


def test_check_says_what_the_domains_of_mail_must_publish(line: Line) -> None:
    with a_name_server.running({"_dmarc.desk.test TXT": ["v=DMARC1; p=reject"]}) as server:
        told = line("check", "--dns", "--set", f'channels.email.dns_servers=["{server.place}"]')

    assert told.exit_code == 1
    assert "Good: What becomes of forgeries (DMARC), _dmarc.desk.test" in told.stdout
    assert "Missing: The key of our signatures (DKIM), centralino._domainkey.desk.test" in told.stdout
    assert '  Publish: centralino._domainkey.desk.test. IN TXT "v=DKIM1; k=rsa; p=' in told.stdout
    assert (line.data / "keys" / "dkim-rsa.pem").is_file()


def test_a_relay_that_lets_nobody_in_is_told_by_check_and_none_is_no_trouble(line: Line) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = taken.getsockname()
    there = ("--set", "channels.email.relay_host=127.0.0.1", "--set", f"channels.email.relay_port={place[1]}")

    told, none = line("check", "--mail", *there), line("check", "--mail")

    assert told.exit_code == 1
    assert told.stdout.startswith(f"the relay 127.0.0.1:{place[1]}: ")
    assert "nobody listens at" in told.stdout
    assert none.exit_code == 0
    assert none.stdout == "there is no mailbox to read and no relay: nobody has to let us in\n"


def test_check_looks_at_the_call_flow_in_force(desk: Line) -> None:
    desk.done("flow", "import", rules.DEFAULT, "--publish", "First")
    with closing(sqlite3.connect(desk.data / "centralino.db")) as database, database:
        broken = rules.DEFAULT.read_text(encoding="utf-8").replace(
            '"start": "who_calls"', '"start": "nowhere"'
        )
        database.execute("UPDATE flow_version SET body = ?", [broken])

    refused(desk("check"), "call flow, version 1: start: unknown_node: nowhere", code=1)


def test_a_call_flow_is_drawn_as_text(desk: Line) -> None:
    drawn = CliRunner().invoke(main.app, ["flow", "picture", str(rules.DEFAULT)]).stdout
    valid = CliRunner().invoke(main.app, ["flow", "validate", str(rules.DEFAULT)])

    assert drawn.startswith("flowchart LR")
    assert "who_calls" in drawn
    assert (valid.exit_code, valid.stdout.strip()) == (0, "no mistakes found")


def test_a_token_is_printed_once_alone_on_a_line(desk: Line) -> None:
    assert re.fullmatch(r"cnt_[\w-]{40,}\n", desk.done("token", "create", "--agent", "ann@hub.test"))
    assert re.fullmatch(r"cnt_[\w-]{40,}\n", desk.done("token", "create", "--contact", "alice@acme.test"))


def test_a_token_may_be_for_reading_alone_and_for_some_days(desk: Line) -> None:
    assert desk.done("token", "create", "--agent", "ann@hub.test", "--scope", "read", "--days", "30")
    told = desk("token", "create", "--agent", "ann@hub.test", "--scope", "rule")
    refused(told, "/scopes: 'rule' is not one of read, write", code=1)


def test_a_token_needs_one_person_who_exists(desk: Line) -> None:
    refused(desk("token", "create"), "name one of --agent EMAIL and --contact EMAIL")
    refused(desk("token", "create", "--agent", "eve@evil.test"), "there is no agent eve@evil.test", code=1)


# Questions


def test_explain_says_what_would_become_of_a_mail_and_changes_nothing(desk: Line) -> None:
    mail = desk.file("a.eml", MAIL)

    told = json.loads(desk.done("explain", mail, "--json"))
    words = desk.done("explain", mail)

    assert (told["outcome"], told["ticket"]["customer"], told["trust"]["level"]) == ("ticket", "ACME", "weak")
    assert told["entitlement"]["contract"] == "C-1"
    assert told["entitlement"]["because"]
    assert told["answers"] == [{"to": "alice@acme.test", "kind": "received"}]
    assert "Customer: ACME" in words
    assert "Known address, not proved: the address is known, and anybody can write it." in words
    assert "Apre una richiesta: nulla la lega a una richiesta" in desk.done(
        "explain", mail, "--language", "it"
    )
    refused(desk("explain", mail, "--language", "de"), "choose it or en")
    assert desk.done("verify").startswith("received 0 = waiting 0")


def test_explain_checks_the_origin_of_a_mail_as_if_it_had_been_handed_in(desk: Line) -> None:
    mail = desk.file("a.eml", MAIL)
    with running(
        {"_dmarc.acme.test TXT": ["v=DMARC1; p=reject"], "acme.test TXT": ["v=spf1 ip4:192.0.2.3 -all"]}
    ) as names:
        also = ("--set", f'channels.email.dns_servers=["{names.place}"]', "--json")
        theirs = json.loads(desk.done("explain", mail, "--peer", "192.0.2.3", *also))["trust"]
        others = json.loads(
            desk.done("explain", mail, "--peer", "192.0.2.4", "--mail-from", "eve@evil.test", *also)
        )["trust"]

    assert theirs["level"] == "aligned"
    assert theirs["checked"][0] == "spf=pass smtp.mailfrom=acme.test"
    assert (others["level"], others["because"]) == ("none", ["dmarc_fail"])
    assert others["checked"][-1] == "dmarc=fail header.from=acme.test p=reject"


def test_explain_refuses_half_of_an_envelope(desk: Line) -> None:
    mail = desk.file("a.eml", MAIL)

    refused(desk("explain", mail, "--helo", "mx.acme.test"), "name its --peer too")
    refused(desk("explain", mail, "--peer", "mx.acme.test"), "is no IP address")


def test_explain_says_why_a_mail_cannot_be_read(desk: Line) -> None:
    refused(desk("explain", desk.folder / "none.eml"), "cannot be read")


def test_facts_answers_each_line_in_order_and_never_ends_early(line: Line) -> None:
    path = line.file("a.eml", MAIL)
    asked = [
        {"path": str(path), "kind": "mail"},
        {"path": "nowhere"},
        [],
        {"path": str(path), "kind": "mail"},
    ]
    lines = "\n".join([json.dumps(asked[0]), "not json", *(json.dumps(one) for one in asked[1:])])

    result = CliRunner().invoke(main.app, ["facts", "mail"], input=lines + "\n")

    told = [json.loads(answer) for answer in result.stdout.splitlines()]
    assert result.exit_code == 0
    assert [set(answer) == {"error"} for answer in told] == [False, True, True, True, False]
    assert told[0] == told[4]


def test_facts_of_an_unknown_kind_are_wrong_use() -> None:
    refused(
        CliRunner().invoke(main.app, ["facts", "weather"]),
        "'weather' is not one of mail, alerts, working-time",
    )


def test_verify_says_no_when_a_word_of_the_past_was_changed(desk: Line) -> None:
    with closing(sqlite3.connect(desk.data / "centralino.db")) as raw:
        raw.execute("UPDATE event SET actor = 'nobody'")
        raw.commit()

    result = desk("verify")

    assert result.exit_code == 1
    assert "FAULT" in result.stdout


# Copies


def test_a_copy_is_put_back_and_the_old_database_is_kept(desk: Line) -> None:
    copy = desk.folder / "copy.db"
    before = desk.done("export", "-")
    desk.done("backup", copy)
    desk.done("apply", desk.file("less.toml", '[[vendors]]\nname = "Other"\n'), "--yes")

    told = desk.done("restore", copy)

    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert desk.done("export", "-") == before
    (kept,) = desk.data.glob("centralino.db.before-*")
    assert str(kept) in told
    with closing(sqlite3.connect(kept)) as old:
        assert old.execute("SELECT name FROM vendor").fetchall() == [("Other",)]


def test_a_copy_never_overwrites_a_file(desk: Line) -> None:
    refused(desk("backup", desk.file("copy.db", b"precious")), "exists already")
    assert (desk.folder / "copy.db").read_bytes() == b"precious"


def test_what_is_no_sound_copy_is_not_put_back(desk: Line) -> None:
    before = desk.done("export", "-")
    other = desk.folder / "other.db"
    with closing(sqlite3.connect(other)) as raw:
        raw.execute("CREATE TABLE t (x)")
        raw.commit()

    refused(desk("restore", desk.folder / "none.db"), "there is no file")
    refused(desk("restore", desk.file("text.db", "hello " * 500)), "is no copy of a database")
    refused(desk("restore", other), "none of this program's")
    assert desk.done("export", "-") == before


def test_postgresql_is_copied_by_its_own_tools(desk: Line) -> None:
    url = ("--set", "database.url=postgresql://127.0.0.1/x")

    refused(desk("backup", desk.folder / "copy.db", *url), "use its own tool, pg_dump")
    refused(desk("restore", desk.folder / "copy.db", *url), "use its own tool, pg_restore")


def test_nothing_is_put_back_under_a_running_hub(desk: Line) -> None:
    from core.hub import alone

    desk.done("backup", desk.folder / "copy.db")
    with alone(desk.data):
        refused(desk("restore", desk.folder / "copy.db"), "a hub is running", code=1)


# The hub


@pytest.fixture
def hub(line: Line) -> Iterator[tuple[subprocess.Popen[str], str, Line]]:
    """A running hub with the demo desk, in a process of its own."""
    line.done("demo")
    http, smtp = _free_port(), _free_port()
    words = ["--set", f"hub.data_dir={line.data}", "--set", f"http.port={http}"]
    words += ["--set", f"channels.email.smtp_port={smtp}", "--set", "hub.alarms_to=Nobody"]
    process = subprocess.Popen(
        [sys.executable, "main.py", "run", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    yield process, f"http://127.0.0.1:{http}", line
    process.kill()
    process.communicate()


def test_the_hub_starts_at_once_prints_where_it_is_and_stops_when_told(hub) -> None:
    process, address, line = hub
    started = time.monotonic()

    while not _ready(address) and time.monotonic() - started < 30:
        time.sleep(0.05)
    took = time.monotonic() - started
    process.send_signal(signal.SIGTERM)
    stopping = time.monotonic()
    told, _ = process.communicate(timeout=20)

    assert took < 25  # 3 s alone, 10 s where pages are compiled first; tests share the machine
    assert time.monotonic() - stopping < 10
    assert process.returncode == 0
    assert f"{address}/portal/" in told
    assert f"{address}/desk/" in told
    assert "note: hub.alarms_to: 'Nobody' is not a group" in told
    assert "lucia.ferrari@nordest.test" in told
    assert "the books balance" in line.done("verify")


def _ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health/ready", timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_an_edited_desk_is_played_on_what_was_and_only_told(desk):
    same = desk.file("same.toml", desk.done("export", "-").partition("[[customers]]")[0])
    wrong = desk.file("wrong.toml", "[[routing]]\ngroup = 'Nobody'\n")

    refused(desk("replay", "--with", wrong), "'Nobody' is not a group")
    routing = desk.file("routing.toml", "[[routing]]\ngroup = 'Network L1'\n")
    assert "0 tickets looked at, 0 of them otherwise" in desk.done("replay", "--with", routing)
    told = json.loads(desk.done("replay", "--with", routing, "--json", "--from", "2026-01-01"))
    assert (told["looked_at"], told["differences"]) == (0, [])
    refused(desk("replay", "--with", same), "and nothing else")

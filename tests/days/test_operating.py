"""The command line as an operator uses it: set up, configure, ask, prove, copy and put back."""

from __future__ import annotations

import json
import re
import socket
import stat
from pathlib import Path

import pytest

from tests.days.conftest import DESK, MakeDay
from tests.days.hubs import Hub, command, ended, until
from tests.days.people import Browser
from tests.days.posting import mail, post


def test_an_operator_sets_up_a_desk_of_their_own_and_is_its_first_administrator(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    link = hub.done("init").strip()
    assert re.fullmatch(rf"{hub.base}/setup\?token=[\w-]{{22,}}", link)
    with ended(hub):
        hub.start()
        browser = Browser(hub.base)
        assert browser.get("/setup").status == 404
        assert browser.get("/setup?token=guessed").status in (200, 404)
        me = {"name": "Olga Operi", "email": "olga@hub.test"}

        wrong = browser.get("/setup?token=guessed")
        if wrong.status == 200:
            assert browser.submit(wrong, "/setup", **me, password="a long pass phrase").status == 404
        short = browser.submit(browser.get(link.removeprefix(hub.base)), "/setup", **me, password="short")
        assert short.status == 422
        made = browser.submit(
            browser.get(link.removeprefix(hub.base)), "/setup", **me, password="a long pass phrase"
        )
        assert (made.status, made.path) == (200, "/login")
        inbox = browser.submit(made, "/login", email="olga@hub.test", password="a long pass phrase")
        assert (inbox.status, inbox.path) == (200, "/desk/")

        # The link is worth nothing afterwards, and no second one is made.
        assert Browser(hub.base).get(link.removeprefix(hub.base)).status == 404
        again = hub.line("init")
        assert (again.returncode, again.stdout) == (1, "")

        # The desk comes from a file while the hub runs, and is at once what customers meet.
        told = hub.done("apply", str(DESK), answer="y\n")
        assert "+ customers ACME" in told
        assert hub.line("apply", str(DESK), answer="n\n").stdout == "nothing to change\n"
        assert post(hub.smtp, mail("alice@acme.test", "Hello"))[0] == 250
        api = hub.api(hub.token("--agent", "ann@hub.test"))
        (ticket,) = until(lambda: api.all("/tickets"), "no ticket")
        assert ticket["customer"]["code"] == "ACME"
        assert hub.api(hub.token("--contact", "alice@acme.test")).get("/me")["customer"] == "ACME"
        assert hub.done("check") == "no mistakes found\n"
        hub.stop()
    hub.balances()


def test_the_demo_desk_is_ready_soon_lets_its_people_in_and_stays_on_loopback(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    logins = hub.done("demo")
    kept = hub.data / "demo-logins.txt"
    assert logins.strip() == kept.read_text().strip()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(hub.data.stat().st_mode) == 0o700
    people = re.findall(r"^ +(desk|portal) +(\S+) +(\S+)", logins, re.MULTILINE)

    public = hub.line("run", "--set", "http.host=0.0.0.0")
    assert public.returncode == 2
    assert "0.0.0.0 is no loopback address" in public.stderr
    with ended(hub):
        took = hub.start()
        print(f"the demo desk is ready after {took:.1f} s")
        for place in ("desk", "portal"):
            email, password = next((email, word) for where, email, word in people if where == place)
            assert hub.browser(email, password).get(f"/{place}/").status == 200
        assert hub.line("demo").returncode == 1
        hub.stop()
    hub.balances()


@pytest.mark.parametrize("what", ["settings", "desk", "port"])
def test_what_is_wrong_stops_the_start_with_every_mistake_listed(tmp_path: Path, what: str) -> None:
    hub = Hub(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        if what == "settings":
            wrong = tmp_path / "wrong.toml"
            wrong.write_text(
                "[http]\nprot = 1\n[hub]\ntime_zone = 'Mars'\n[channels.email]\nrelay_tls = 'yes'\n"
            )
            ended_with = command("run", "--settings", str(wrong))
            mistakes = ["http.prot", 'did you mean "port"', "hub.time_zone", "channels.email.relay_tls"]
        elif what == "desk":
            wrong = tmp_path / "wrong.toml"
            text = DESK.read_text().replace('sla = "Gold"', 'sla = "Glod"')
            wrong.write_text(text.replace('calendar = "24x7"\ntech', 'calender = "24x7"\ntech'))
            ended_with = hub.line("apply", str(wrong), "--yes")
            mistakes = ["did you mean 'Gold'?", "calender: is not a field here"]
        else:
            hub = Hub(tmp_path, http__port=port, channels__email__smtp_port=port)
            ended_with = hub.line("run")
            mistakes = [
                f"{name}: 127.0.0.1:{port} is in use" for name in ("http.port", "channels.email.smtp_port")
            ]

    assert ended_with.returncode == (1 if what == "port" else 2), ended_with.stdout
    assert [one for one in mistakes if one not in ended_with.stderr] == [], ended_with.stderr
    assert "Traceback" not in ended_with.stderr


def test_a_copy_made_while_mail_comes_in_is_put_back_with_all_that_was_taken_before(a_day: MakeDay) -> None:
    from tests.days.posting import Customers, each_once, understood

    day = a_day()
    hub = day.hub
    hub.start()
    with Customers([hub.smtp]) as customers:
        customers.wait_for(30)
        before = list(customers.ledger)
        said = hub.done("backup", str(hub.folder / "copy.db"))
        customers.wait_for(10)
    assert "keys" in said
    assert hub.line("restore", str(hub.folder / "copy.db")).returncode == 1  # it runs
    each_once(day.ann, customers.ledger)
    hub.stop()

    told = hub.done("restore", str(hub.folder / "copy.db"))
    assert "the old one is kept: " in told
    hub.start()
    items = understood(day.ann)
    assert set(before) <= {item["subject"] for item in items}
    hub.stop()
    hub.balances()


def test_questions_about_a_mail_and_about_rules_change_nothing(a_day: MakeDay) -> None:
    hub = a_day().hub
    file = hub.folder / "a.eml"
    file.write_bytes(mail("Alice Rossi <alice@acme.test>", "The switch is dead", Message_ID="<1@acme.test>"))

    told = json.loads(hub.done("explain", str(file), "--json"))
    asked = [{"path": str(file), "kind": "mail"}, {"nonsense": 1}]
    facts = command("facts", "mail", answer="\n".join(map(json.dumps, asked)) + "\n")

    assert (told["outcome"], told["ticket"]["customer"]) == ("ticket", "ACME")
    assert told["entitlement"]["verdict"] == "covered"
    one, two = map(json.loads, facts.stdout.splitlines())
    assert one["error"] is None
    assert set(two) == {"error"}
    out = hub.folder / "out.toml"
    hub.done("export", str(out))
    assert hub.done("apply", str(out)) == "nothing to change\n"
    assert "received 0 = waiting 0" in hub.done("verify")

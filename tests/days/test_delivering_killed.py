"""A day of vendors, visits and papers, killed wherever it hurts: what was acknowledged is there, once, and nothing hangs about."""

from __future__ import annotations

import os
import re
import signal
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from PIL import Image

from tests.days.conftest import DESK, Day, Desks
from tests.days.hubs import Hub, until
from tests.days.invitations import answers, calendars, event, invited
from tests.days.people import Api, Browser, Page
from tests.days.posting import Received, Relay, mail, post, understood

VENDOR = "support@cumulus.test"
ALICE, GUS = "alice@acme.test", "gus@hub.test"
THIS_YEAR = datetime.now(ZoneInfo("Europe/Rome")).year
PERIODS = [f"{THIS_YEAR - 1}-Q{quarter}" for quarter in range(1, 5)]
MORE = f"""
[[vendors]]
name = "Cumulus"
email = "{VENDOR}"
reference_pattern = "SR[0-9]{{7}}"
answer = "2h"

[[agents]]
email = "{GUS}"
name = "Gus"
roles = ["technician"]
groups = ["Network L1"]
onsite = true
calendar = "24x7"
password = "a ladder and a lamp"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lives:
    """A hub that dies again and again, who works there, and what its relay had when it died."""

    hub: Hub
    relay: Relay
    ann: Api
    had: list[int] = field(default_factory=list)

    def again(self) -> None:
        """Killed, and started."""
        self.hub.kill()
        self.relay.silent = False
        until(lambda: not self.relay.talks, "the relay still listens to the dead")
        self.had.append(len(self.relay.all))
        self.hub.start()

    def mails_to(self, recipient: str, *, having: str) -> list[Received]:
        """Those with these words, once there are any."""
        found: list[Received] = until(
            lambda: [one for one in self.relay.all if one.recipient == recipient and having in one.text],
            f"{recipient} reads nowhere: {having}",
        )
        return found

    def link(self, kind: str, *, having: str) -> str:
        """The path of the link in a mail to Alice."""
        (token, *_) = re.findall(rf"/{kind}/(\S+)", self.mails_to(ALICE, having=having)[-1].text)
        return f"/{kind}/{token}"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def lives(request: pytest.FixtureRequest, relay: Relay, tmp_path: Path) -> Lives:
    """On each of the databases."""
    out = {"channels__email__relay_host": "127.0.0.1", "channels__email__relay_port": relay.port}
    if request.param == "sqlite":
        day: Day = request.getfixturevalue("a_day")(**out)
        hub, ann = day.hub, day.ann
    else:
        desks: Desks = request.getfixturevalue("desks")
        hub = desks.hub("hub", hub__lease="5s", **out)
        ann = hub.api(desks.ann_token)
    text = DESK.read_text().replace('    name = "Everything"', '    name = "Everything"\n    onsite = true')
    file = tmp_path / "delivers.toml"
    file.write_text(text.replace('resolve = "24h"\n', 'resolve = "24h"\nonsite = "8h"\n') + MORE)
    hub.done("apply", str(file), "--yes")
    return Lives(hub=hub, relay=relay, ann=ann)


def test_a_day_that_is_killed_at_every_corner_delivers_each_thing_once(lives: Lives) -> None:
    hub, ann = lives.hub, lives.ann
    hub.start()
    fan, line = _requests(lives, "The fan of sw-1 is loud", "The line is slow")
    _vendor(lives, fan)
    visit = _visits(lives, fan, line)
    _on_site(lives, fan, visit)
    _end(lives, fan)
    _reports(lives, fan, line)

    _left_once(lives)
    understood(ann)
    assert [one for one in _entries(ann) if one["kind"] == "hold"] == []
    hub.stop()
    assert hub.astonished() == []
    hub.balances()


def _requests(lives: Lives, *subjects: str) -> list[str]:
    """Two requests of Alice's that Ann has."""
    for subject in subjects:
        assert post(lives.hub.smtp, mail(ALICE, subject))[0] == 250
    understood(lives.ann)
    numbers = {one["subject"]: str(one["number"]) for one in lives.ann.all("/tickets")}
    assert sorted(numbers) == sorted(subjects)
    fields = {"request_type": "Incident", "technology": "Network", "impact": 3, "urgency": 2}
    for number in numbers.values():
        lives.ann.post(f"/tickets/{number}/qualify", fields)
        lives.ann.post(f"/tickets/{number}/take")
    return [numbers[subject] for subject in subjects]


def _vendor(lives: Lives, number: str) -> None:
    """Killed while the mail to the vendor is in the hands of a relay that has not said so, and right after the vendor's answers."""
    hub, ann, relay = lives.hub, lives.ann, lives.relay
    relay.silent = True
    asked = {"vendor": "Cumulus", "subject": "Fan", "text": "A fan stands still.", "wait": True}
    case = ann.post(f"/tickets/{number}/vendor-cases", asked)["id"]
    where = f"/tickets/{number}/vendor-cases/{case}"
    lives.mails_to(VENDOR, having="A fan stands still.")
    lives.again()
    first, again = until(
        lambda: (
            lives.mails_to(VENDOR, having="stands still")[1:]
            and lives.mails_to(VENDOR, having="stands still")
        ),
        "what was not acknowledged is not sent again",
    )
    assert first.header("Message-ID") == again.header("Message-ID")

    to = parseaddr(first.header("Reply-To"))[1]
    receipt = mail(VENDOR, "Case SR1234567 opened", to=to, Auto_Submitted="auto-replied")
    words = mail(VENDOR, f"Re: [#{number}] Fan", "A fan is on its way.", to=to)
    for one in (receipt, words):
        assert post(hub.smtp, one, sender=VENDOR, to=to)[0] == 250
    lives.again()
    understood(ann)
    found = ann.get(where)
    assert (found["reference"], found["state"]) == ("SR1234567", "waiting_us")
    came = [one["visible_text"].strip() for one in found["messages"] if one["direction"] == "in"]
    assert sorted(came) == ["A fan is on its way.", "It does not work."]
    ann.post(f"{where}/promote", {"text": "A new fan is on its way to you."})
    ann.post(f"{where}/mark", {"state": "closed"})


def _visits(lives: Lives, fan: str, line: str) -> str:
    """Killed between offer and answer, and right after the answers; the first is moved, the other called off. Its id."""
    hub, ann, relay = lives.hub, lives.ann, lives.relay
    plan = {"purpose": "Change it"}
    first, second = (ann.post(f"/tickets/{number}/visits", plan)["id"] for number in (fan, line))
    ann.post(f"/tickets/{line}/workaround", {"text": "Use the other line."})
    lives.again()
    for number, visit in ((fan, first), (line, second)):
        found = ann.get(f"/tickets/{number}/visits/{visit}")
        assert (found["state"], len(found["slots"])) == ("proposed", 3)
    held = [one for one in _entries(ann, days=31) if one["kind"] == "hold"]
    assert len(held) == 6

    # One time is chosen in the portal, one by the link of a mail; so is the word that the workaround works.
    alice = hub.browser(ALICE, "a staple for alice")
    place = f"/portal/requests/{fan}"
    _choose(alice, alice.get(place), f"{place}/visits/{first}/choose")
    nobody = Browser(hub.base)
    link = lives.link("visit", having=f"request {line} needs a visit")
    page = nobody.get(link)
    _choose(nobody, page, f"{link}/choose")
    works = lives.link("workaround", having="Use the other line.")
    page = nobody.get(works)
    page.forms = page.forms[:1]  # the other one says that it does not
    assert nobody.submit(page, works, press="says").status == 200
    lives.again()
    for number, visit in ((fan, first), (line, second)):
        assert ann.get(f"/tickets/{number}/visits/{visit}")["state"] == "confirmed"
        assert len([one for one in _entries(ann, days=31) if one["visit"] == visit]) == 1
    assert ann.get(f"/tickets/{line}")["workarounds"][0]["state"] == "accepted"
    assert [form.action for form in nobody.get(link).forms] == [], "the link works once"

    for recipient in (ALICE, GUS):
        until(lambda who=recipient: len(calendars(relay, who, "REQUEST")) >= 2, f"{recipient} is not invited")
    soon = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=5)
    ann.post(
        f"/tickets/{fan}/visits/{first}/confirm",
        {"start": soon.isoformat(), "technician": GUS, "anyway": True},
    )
    moved = invited(relay, ALICE, 1)
    answers(hub.smtp, moved, "REPLY", "ACCEPTED")
    ann.post(f"/tickets/{line}/visits/{second}/cancel", {"reason": "The other line does"})
    assert event(moved)["DTSTART"].dt == soon
    return str(first)


def _choose(browser: Browser, page: Page, action: str) -> None:
    slot = page.form(action).choices["slot"][0]
    assert browser.submit(page, action, slot=slot).status == 200


def _entries(ann: Api, days: int = 7) -> list[Any]:
    board = ann.get("/visits", days=days)
    return [entry for one in board["engineers"] for entry in one["entries"]]


def _on_site(lives: Lives, number: str, visit: str) -> None:
    """Killed when the hub has taken the answer of a calendar and a step, and the phone was not told."""
    hub, ann = lives.hub, lives.ann
    gus = hub.browser(GUS, "a ladder and a lamp")
    where = f"/desk/me/visits/{visit}/steps"
    csrf = re.findall(r'"csrf": ?"([^"]+)"', gus.get("/desk/me/visits/token").text)[0]
    came = datetime.now(UTC).replace(microsecond=0)

    def step(kind: str, picture: bytes = b"", **given: str) -> dict[str, str]:
        kept = {"id": str(uuid4()), "kind": kind, "at": datetime.now(UTC).isoformat(), **given}
        sent = gus.send(where, kept | {"csrf": csrf}, picture)
        assert sent["new"]
        return kept

    step("en_route")
    arrived = step("check_in", at=came.isoformat())
    lives.again()
    understood(ann)
    who = ann.get(f"/tickets/{number}/visits/{visit}/calendar")["invited"]
    assert {one["role"]: one["answer"] for one in who}["customer"] == "ACCEPTED"
    for _ in range(2):
        assert not gus.send(where, arrived | {"csrf": csrf})["new"]
    step("photo", _picture(), text="The cabinet")
    step("sign", _picture(), name="Anna Verdi")
    step("check_out", text="A new fan", minutes="30")
    noted = Counter(one["kind"] for one in ann.get(f"/tickets/{number}/visits/{visit}/steps")["items"])
    assert noted == Counter(["en_route", "check_in", "photo", "sign", "check_out"])
    done = ann.get(f"/tickets/{number}/visits/{visit}")
    assert (done["state"], datetime.fromisoformat(done["arrived_at"])) == ("done", came)
    until(lambda: _papers(ann, number)[-1]["drawn"], "the report of the visit is not drawn")


def _picture() -> bytes:
    to = BytesIO()
    Image.new("RGB", (40, 20), "white").save(to, "PNG")
    return to.getvalue()


def _papers(api: Api, number: str) -> list[Any]:
    found: list[Any] = api.get(f"/tickets/{number}/papers")["items"]
    return found


def _end(lives: Lives, number: str) -> None:
    """Killed while the closing report is drawn and its mail waits for that."""
    hub, ann = lives.hub, lives.ann
    for process in hub.parts():  # one of them draws, and does not get on
        os.kill(process, signal.SIGSTOP)
    ann.post(f"/tickets/{number}/resolve", {"text": "A new fan is in.", "cause": "hardware", "minutes": 30})
    assert [(one["kind"], one["drawn"]) for one in _papers(ann, number)] == [
        ("visit", True),
        ("closure", False),
    ]
    lives.again()
    lives.mails_to(ALICE, having="A new fan is in.")
    alice = hub.browser(ALICE, "a staple for alice")
    page = alice.get(f"/portal/requests/{number}")
    assert alice.submit(page, f"{page.path}/confirm").status == 200
    lives.link("survey", having="How did it go?")
    found = until(
        lambda: all(one["drawn"] for one in _papers(ann, number)) and _papers(ann, number), "undrawn"
    )
    assert [(one["kind"], one["version"]) for one in found] == [("visit", 1), ("closure", 1), ("closure", 2)]
    assert len({one["hash"] for one in found}) == 3
    handed = {
        part.get_content()
        for one in lives.relay.all
        if one.recipient == ALICE
        for part in one.mail.iter_attachments()
        if part.get_content_type() == "application/pdf"
    }
    assert handed == {ann.bytes(f"/tickets/{number}/papers/{one['id']}/pdf") for one in found[1:]}
    ticket = ann.get(f"/tickets/{number}")
    assert ticket["state"] == "closed"
    explained = {one["name"]: one for one in ann.get(f"/tickets/{number}/clocks")["clocks"]}
    came = ann.get(f"/tickets/{number}/visits")["items"][0]["arrived_at"]
    assert explained["onsite"]["stopped_at"] == came, "by the engineer's phone"
    names = ("onsite", "resolve", "response", "triage", "vendor")
    assert {one["name"]: one["state"] for one in ticket["clocks"]} == dict.fromkeys(names, "met")


def _reports(lives: Lives, *numbers: str) -> None:
    """Killed right after the customer said how it went and while reports are made, and while one is in the hands of a silent relay."""
    hub, ann, relay = lives.hub, lives.ann, lives.relay
    survey = lives.link("survey", having="How did it go?")
    for period in PERIODS:
        ann.call("POST", "/contracts/C-1/reports", body={"period": period})
    ann.call("POST", "/contracts/C-1/reports", body={"period": str(THIS_YEAR), "draft": True})
    nobody = Browser(hub.base)
    assert nobody.submit(nobody.get(survey), survey, score="5", comment="Quick").status == 200
    lives.again()
    assert 'value="5" required checked' in nobody.get(survey).text
    made = until(lambda: _all_made(ann), "reports are not made")
    assert sorted((one["period"], one["version"], one["state"]) for one in made) == [
        (period, 1, "made") for period in [*PERIODS, str(THIS_YEAR)]
    ]
    figures = ann.get(f"/contracts/C-1/reports/{THIS_YEAR}/1")["figures"]
    counted = {one["name"]: one["tickets"] for one in figures if not one["about"]}
    assert counted["received"] == sorted(numbers)
    assert counted["resolved"] == [numbers[0]]

    relay.silent = True
    one = f"/contracts/C-1/reports/{PERIODS[-1]}/1"
    ann.post(f"{one}/approve")
    lives.mails_to(ALICE, having=PERIODS[-1])
    lives.again()
    sent = until(lambda: (found := ann.get(one))["state"] == "sent" and found, "the report is not sent")
    assert [(to["address"], to["state"]) for to in sent["sent_to"]] == [(ALICE, "sent")]


def _all_made(api: Api) -> list[Any] | None:
    found = api.get("/reports")
    done = not found["making"] and all(one["drawn"] for one in found["items"])
    return found["items"] if done else None


def _left_once(lives: Lives) -> None:
    """Each delivery and each letter is one mail; a relay that was not heard has the same mail from the life after once more."""

    def mails() -> Counter[str]:
        return Counter(one for one, _ in {(it.recipient, it.header("Message-ID")) for it in relay.all})

    ann, relay = lives.ann, lives.relay
    until(lambda: _all_left(ann) == mails(), "what left and what came are not the same")
    lived: dict[tuple[str, str], list[int]] = {}
    for n, one in enumerate(relay.all):
        life = sum(n >= had for had in lives.had)
        lived.setdefault((one.recipient, one.header("Message-ID")), []).append(life)
    assert {one: of for one, of in lived.items() if of not in ([of[0]], [of[0], of[0] + 1])} == {}


def _all_left(api: Api) -> Counter[str] | None:
    """How many mails each was sent, once nothing is about to leave but what waits a minute for more to be told with it."""
    rows = api.all("/deliveries")
    others = {(one["kind"], one["state"]) for one in rows if one["state"] != "sent"}
    if not others <= {("progress", "queued"), ("visit_engineer", "withdrawn")}:
        return None
    letters = [ALICE]  # the report of a period
    return Counter([*letters, *(one["address"] for one in rows if one["state"] == "sent")])

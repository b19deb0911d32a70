"""What the desk decided outlives a kill in the middle of it: the ladder, the promise, a merge, and its undoing."""

from __future__ import annotations

import smtplib
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.days.conftest import DESK, Day, MakeDay
from tests.days.hubs import until
from tests.days.posting import Relay, mail, post, understood

NIGHTS = """
[[rotas]]
name = "Network on call"
duty = "on-call"
groups = ["Network L1"]
  [[rotas.layers]]
  members = ["ann@hub.test"]
  starts = 2026-01-01

[[rotas]]
name = "Supervisors"
duty = "supervisor"
fallback = "+390455550199"
  [[rotas.layers]]
  members = ["sara@hub.test"]
  starts = 2026-01-01
"""
SARA = """
[[agents]]
email = "sara@hub.test"
name = "Sara Costa"
roles = ["supervisor"]
phone = "+393331230002"
"""
MORE = 24
"""Mails about the request that was merged, in the middle of which the hub is killed."""


def test_a_kill_in_the_middle_takes_no_promise_no_call_and_no_merge_along(
    a_day: MakeDay, relay: Relay, tmp_path: Path
) -> None:
    day = a_day(channels__email__relay_host="127.0.0.1", channels__email__relay_port=relay.port)
    hub = day.hub
    hub.done("apply", str(_desk(tmp_path)), "--yes")
    hub.start()

    # A P1 calls whoever is on duty; the other request is about something else.
    down = _request(day, "The line is down", impact=1, urgency=1)
    called = until(lambda: day.ann.get(f"/tickets/{down}/pages")["items"], "nobody is called")
    assert called[0]["name"] == "Ann Neri"
    other = _request(day, "A new mailbox", impact=3, urgency=4)
    day.ann.post(f"/tickets/{down}/take")
    by = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
    day.ann.post(
        f"/tickets/{down}/messages",
        {"audience": "customer", "text": "We are on it.", "promise_by": by.isoformat()},
    )
    promised = {one["name"]: one for one in day.ann.get(f"/tickets/{down}")["clocks"]}["promise"]
    assert datetime.fromisoformat(promised["due_at"]) == by

    # They are merged, which is wrong; the customer goes on writing about both, and the hub is killed.
    before = _state(day, other)
    day.ann.post(f"/tickets/{other}/merge", {"into": down})
    said = [f"About the mailbox {n}" for n in range(MORE)]
    for n, words in enumerate(said):
        if n == MORE // 3:
            hub.kill()
            hub.start()
        _post_until_taken(hub.smtp, mail("alice@acme.test", f"[#{other}] Mailbox", text=words))
    until(lambda: not [one for one in understood(day.ann) if one["waiting"]], "mails are left over")
    until(lambda: set(said) <= set(_words(day, down)), "mails about the merged request are missing")
    assert Counter(_words(day, down)) & Counter(said) == Counter(said), "each of them once"

    # The merge is undone, across another kill: each has again what is theirs, and what came since stays in its conversation.
    hub.kill()
    hub.start()
    day.ann.post(f"/tickets/{other}/undo")
    assert _state(day, other) == before
    theirs = Counter(_words(day, other))
    assert theirs & Counter(said) == Counter(said)
    assert not set(said) & set(_words(day, down))
    for number in (down, other):
        explained = day.ann.get(f"/tickets/{number}/clocks")
        assert explained["clocks"], "every clock says where its minutes went"
    hub.stop()
    assert hub.astonished() == []
    hub.balances()


def _desk(folder: Path) -> Path:
    """The desk of the whole days, with somebody on duty and a promise for what is urgent."""
    text = DESK.read_text()
    text = text.replace('name = "Ann Neri"\n', 'name = "Ann Neri"\nphone = "+393331230001"\n')
    text = text.replace(
        "[slas.targets.P3]", '[slas.targets.P1]\nresponse = "15m"\nresolve = "8h"\n[slas.targets.P3]'
    )
    text = text.replace("[[customers]]", SARA + "\n[[customers]]", 1)
    file = folder / "nights.toml"
    file.write_text(text + NIGHTS)
    return file


def _request(day: Day, subject: str, *, impact: int, urgency: int) -> str:
    assert post(day.hub.smtp, mail("alice@acme.test", subject))[0] == 250
    found = until(
        lambda: [one for one in day.ann.get("/tickets?limit=50")["items"] if one["subject"] == subject],
        f"{subject} is no ticket",
    )
    number = str(found[0]["number"])
    asked = {"request_type": "Incident", "technology": "Network", "impact": impact, "urgency": urgency}
    day.ann.post(f"/tickets/{number}/qualify", asked)
    return number


def _post_until_taken(port: int, one: Any) -> None:
    """As a mail server does: what was not acknowledged is sent again. It may have been stored, then it comes twice."""

    def taken() -> bool:
        try:
            return post(port, one)[0] == 250
        except (OSError, smtplib.SMTPException):
            return False

    until(taken, "the hub takes no mail")


def _words(day: Day, number: str) -> list[str]:
    ticket = day.ann.get(f"/tickets/{number}")
    return [one["visible_text"].strip() for one in ticket["messages"] if one["direction"] == "in"]


def _state(day: Day, number: str) -> dict[str, Any]:
    ticket = day.ann.get(f"/tickets/{number}")
    wanted = ("state", "priority", "group", "received_at", "subject")
    clocks = {one["name"]: (one["state"], one["due_at"]) for one in ticket["clocks"]}
    return {name: ticket[name] for name in wanted} | {"clocks": clocks}

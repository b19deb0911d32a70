"""A day of programs that speak to the API of a running hub, on both databases."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest

from tests.days.conftest import Desks, MakeDay
from tests.days.hubs import Hub, until
from tests.days.people import Api
from tests.days.posting import mail, post


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def running(request: pytest.FixtureRequest) -> tuple[Hub, Api, Api]:
    """A hub that runs, Ann's program and Alice's."""
    if request.param == "sqlite":
        make: MakeDay = request.getfixturevalue("a_day")
        day = make()
        day.hub.start()
        return day.hub, day.ann, day.alice
    desks: Desks = request.getfixturevalue("desks")
    hub = desks.hub("hub")
    hub.start()
    return hub, hub.api(desks.ann_token), hub.api(hub.token("--contact", "alice@acme.test"))


def test_a_customers_program_asks_and_an_agents_program_works(running: tuple[Hub, Api, Api]) -> None:
    hub, ann, alice = running
    bruno = hub.api(hub.token("--contact", "bruno@beta.test"))
    asked = {
        "subject": "No network",
        "text": "Since nine.",
        "request_type": "Incident",
        "technology": "Network",
    }

    # A request that is repeated because the answer got lost is one request.
    ticket = alice.post("/tickets", asked, key="k1")
    number = ticket["number"]
    assert alice.post("/tickets", asked, key="k1")["number"] == number
    assert alice.call("POST", "/tickets", body={**asked, "text": "Other"}, key="k1")[0] in (409, 422)
    assert [one["number"] for one in ann.all("/tickets")] == [number]
    assert ticket["entitlement"] is None or ticket["entitlement"]["verdict"] == "covered"

    # An agent takes it and answers; who writes without having seen the newest is told what it is.
    status, problem = ann.call("POST", f"/tickets/{number}/take", body={})
    assert status == 409
    assert "qualify" in problem["allowed"]
    ann.post(f"/tickets/{number}/qualify", {"impact": 3, "urgency": 3})
    ann.post(f"/tickets/{number}/take")
    assert ann.get(f"/tickets/{number}")["state"] == "in_progress"
    seen = ann.get(f"/tickets/{number}")["last_event"]
    alice.post(f"/tickets/{number}/messages", {"audience": "customer", "text": "It is back."})
    stale = {"audience": "customer", "text": "Any news?", "seen": seen}
    status, problem = ann.call("POST", f"/tickets/{number}/messages", body=stale)
    assert status == 409
    assert "It is back." in json.dumps(problem)
    ann.post(f"/tickets/{number}/messages", {"audience": "internal", "text": "Odd."})
    ann.post(f"/tickets/{number}/resolve", {"cause": "hardware", "text": "A cable.", "minutes": 5})
    ann.post(f"/tickets/{number}/close")

    # Alice reads how it went, with the report, and never the note; to Bruno there is no such ticket.
    hers = alice.get(f"/tickets/{number}")
    assert hers["state"] == "closed"
    assert any("A cable." in one["text"] for one in hers["messages"])
    everything = json.dumps([hers, alice.all(f"/tickets/{number}/events")])
    assert "Odd." not in everything
    assert "It is back." in everything
    assert bruno.all("/tickets") == []
    assert bruno.call("GET", f"/tickets/{number}") == bruno.call("GET", "/tickets/26-999999")
    assert alice.call("GET", "/inbound")[0] == 403

    # Mistakes get a problem that says what to do.
    for path, body, told in (
        ("/tickets", {"subject": "x"}, "text"),
        ("/tickets", {**asked, "colour": "red"}, "colour"),
        ("/tickets", {**asked, "technology": "Telepathy"}, "technology"),
    ):
        status, problem = alice.call("POST", path, body=body)
        assert (status, problem["status"]) == (422, 422)
        assert told in json.dumps(problem)
    assert hub.api("cnt_guessed").call("GET", "/me")[0] == 401

    # Lists go page by page, and hold all that came by mail meanwhile.
    for n in range(5):
        assert post(hub.smtp, mail(f"p{n}@acme.test", f"Mail {n}"))[0] == 250
    until(lambda: len(ann.all("/tickets")) == 6, "mails did not become tickets")
    assert len(ann.get("/tickets", limit=4)["items"]) == 4
    with urllib.request.urlopen(f"{hub.base}/api/v1/openapi.json", timeout=30) as answer:
        document: dict[str, Any] = json.load(answer)
    assert document["openapi"].startswith("3.1")
    hub.stop()
    assert hub.astonished() == []
    hub.balances()

"""A tool hears of its alarm what changes, once."""

from __future__ import annotations

import pytest

from core.rules.returning import Act, Heard, Standing, due


def stands(**about) -> Standing:
    facts = {
        "firing": True,
        "open": True,
        "at_work": False,
        "accepted": False,
        "number": "26-1",
        "episode": 1,
    }
    return Standing(**{**facts, **about})


def heard(act: Act, **about) -> Heard:
    return Heard(**{"act": act, "number": "26-1", "episode": 1, **about})


@pytest.mark.parametrize(
    ("now", "last", "wanted"),
    [
        pytest.param(stands(), None, Act.OPENED, id="a ticket opens"),
        pytest.param(stands(), heard(Act.OPENED), None, id="and is told once"),
        pytest.param(stands(at_work=True), heard(Act.OPENED), Act.TAKEN, id="somebody takes it"),
        pytest.param(stands(at_work=True), heard(Act.TAKEN), None, id="and works on"),
        pytest.param(stands(), heard(Act.TAKEN), Act.RELEASED, id="they give it back"),
        pytest.param(stands(), heard(Act.RELEASED), None, id="it lies there"),
        pytest.param(stands(at_work=True), heard(Act.RELEASED), Act.TAKEN, id="somebody takes it again"),
        pytest.param(
            stands(open=False, accepted=True), heard(Act.TAKEN), Act.ACCEPTED, id="a person ends it as it is"
        ),
        pytest.param(stands(open=False, accepted=True), heard(Act.ACCEPTED), None, id="which stays as it is"),
        pytest.param(
            stands(at_work=True, accepted=True),
            heard(Act.ACCEPTED),
            Act.TAKEN,
            id="they take it up after all",
        ),
        pytest.param(stands(firing=False), heard(Act.TAKEN), Act.OVER, id="it is over in somebody's hands"),
        pytest.param(stands(firing=False), heard(Act.ACCEPTED), Act.OVER, id="what was accepted is over"),
        pytest.param(stands(firing=False), heard(Act.OPENED), None, id="nothing was silenced"),
        pytest.param(stands(firing=False), None, None, id="nothing was ever said"),
        pytest.param(stands(episode=2), heard(Act.OVER), Act.OPENED, id="it fires again"),
        pytest.param(stands(number="26-2"), heard(Act.OPENED), Act.OPENED, id="it went into another ticket"),
        pytest.param(stands(open=False), heard(Act.OPENED), None, id="the ticket ended by itself"),
    ],
)
def test_a_tool_hears_what_changed(now, last, wanted):
    assert due(now, last) is wanted

"""What do the samples of every tool say? Each entry of the shared manifest, and no other tool's parser takes it for its own."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from channels.monitoring.read import alert_facts

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "alerts"
PEER = "192.0.2.77"
RECEIVED = "2026-01-26T06:00:00+00:00"

if not SHARED.is_dir():
    pytest.skip("needs ../shared", allow_module_level=True)

MANIFEST = json.loads((SHARED / "manifest.json").read_text())
ENTRIES = [one for one in MANIFEST["entries"] if "alerts" in one]
BY_FILE = {one["file"]: one for one in ENTRIES}


def _facts(entry: dict[str, Any]) -> list[Any]:
    return list(
        alert_facts(
            {
                "source": entry["source"],
                "path": str(SHARED / entry["file"]),
                "headers": entry.get("headers"),
                "peer": PEER,
                "received_at": RECEIVED,
            }
        )
    )


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda one: one["file"])
def test_a_message_of_a_tool_is_read_as_its_sample_says(entry: dict[str, Any]) -> None:
    found = _facts(entry)
    assert len(found) >= len(entry["alerts"])
    for fact, wanted in zip(found, entry["alerts"], strict=False):
        for name in ("resource", "event", "severity", "status"):
            assert fact[name] == wanted.get(name), name
        assert (fact["dedup_key"] is None) == (wanted["dedup_key"] is None)
        for name in ("started_at", "ended_at"):
            if name in wanted:
                assert datetime.fromisoformat(fact[name]) == datetime.fromisoformat(wanted[name]).astimezone(
                    UTC
                )


@pytest.mark.parametrize(
    "entry", [one for one in ENTRIES if one.get("pairs_with") in BY_FILE], ids=lambda one: one["file"]
)
def test_what_ends_has_the_key_of_what_began(entry: dict[str, Any]) -> None:
    began = {fact["dedup_key"] for fact in _facts(BY_FILE[entry["pairs_with"]])}
    ended = {fact["dedup_key"] for fact in _facts(entry)}
    assert ended & began


def test_different_problems_have_different_keys() -> None:
    wanted: dict[str, str] = {}
    for entry in ENTRIES:
        for fact, told in zip(_facts(entry), entry["alerts"], strict=False):
            if told["dedup_key"] is not None:
                assert wanted.setdefault(told["dedup_key"], fact["dedup_key"]) == fact["dedup_key"]
    assert len(set(wanted.values())) == len(wanted)


POSTED = [
    one
    for one in ENTRIES
    if one["source"] not in ("email", "snmp", "syslog") and "watchdog" not in one["file"]
]


@pytest.mark.parametrize("entry", POSTED, ids=lambda one: one["file"])
def test_what_is_posted_is_known_by_its_shape(entry: dict[str, Any]) -> None:
    assert [one["dedup_key"] for one in _facts(entry | {"source": "auto"})] == [
        one["dedup_key"] for one in _facts(entry)
    ]


@pytest.mark.parametrize(("name", "different"), [("storm-switch-500", 500), ("flapping-link-20", 1)])
def test_a_storm_is_many_problems_and_a_link_that_flaps_is_one(
    tmp_path: Path, name: str, different: int
) -> None:
    keys = set()
    for line in (SHARED / f"{name}.ndjson").read_text().splitlines():
        body = json.loads(line)
        (tmp_path / "body.json").write_text(json.dumps(body.get("body", body)))
        (fact,) = _facts({"source": "alertmanager", "file": tmp_path / "body.json"})
        keys.add(fact["dedup_key"])
    assert len(keys) == different

"""How does a contract stand in a form? Fields to the plain values of its file and back; nothing that was typed is lost."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from multidict import MultiDictProxy

from core.desk.errors import Fault, Invalid
from web import numbers

Fields = MultiDictProxy[Any]

TEXTS = ("number", "customer", "status", "valid_from", "valid_until", "notice_date", "renewal", "why", "seen")
LINE_TEXTS = ("name", "calendar", "sla", "measure", "period")
LINE_LISTS = ("technologies", "request_types", "channels", "assets", "sites")
LINE_SWITCHES = ("onsite", "vendor_pauses", "overdraft", "rollover", "emergency", "no_access_billable")
LINE_NUMBERS = {"quantity": None, "used": 0.0, "priority": 100, "step": 15}
"""Field to what an empty one means."""
_LINE = re.compile(r"lines-(\d{1,3})-name")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def empty() -> dict[str, Any]:
    """A contract of which nothing is known, with one line."""
    return {
        "number": "",
        "customer": "",
        "status": "active",
        "valid_from": "",
        "valid_until": "",
        "renewal": "none",
        "grace_days": 0,
        "policy": {},
        "authorised_contacts": (),
        "lines": [empty_line()],
    }


def empty_line() -> dict[str, Any]:
    """A line of which nothing is known."""
    return {
        "name": "",
        "calendar": "24x7",
        "measure": "none",
        "period": "contract",
        "priority": 100,
        "step": 15,
    }


def shown(plain: Mapping[str, Any]) -> dict[str, Any]:
    """The contract with its quantities as people write them: 10, not 10.0."""
    return {
        **plain,
        "lines": [
            line | {name: _short(line[name]) for name in ("quantity", "used") if line.get(name) is not None}
            for line in plain["lines"]
        ],
    }


def _short(value: float) -> float | int:
    return int(value) if float(value).is_integer() else value


def read(form: Fields) -> dict[str, Any]:
    """The plain values of a contract's file, and `customer`, `why`, `seen`. What cannot be a number stays text."""
    plain: dict[str, Any] = {name: str(form.get(name, "")).strip() for name in TEXTS}
    if not plain["notice_date"]:
        del plain["notice_date"]
    plain["grace_days"] = _whole(form, "grace_days", 0)
    for name in ("covers_children", "tell_breach"):
        plain[name] = name in form
    plain["authorised_contacts"] = [str(one) for one in form.getall("authorised_contacts", [])]
    plain["policy"] = {
        name.removeprefix("policy-"): str(value)
        for name, value in form.items()
        if name.startswith("policy-") and value
    }
    places = sorted(int(found[1]) for name in form if (found := _LINE.fullmatch(name)))
    plain["lines"] = [_line(form, f"lines-{n}-") for n in places]
    return plain


def check(form: Fields) -> None:
    """Raise Invalid for dates and numbers that are none: what the file's own checks would say in other words."""
    faults = [
        Fault(f"/{name}", "must be a date")
        for name in ("valid_from", "valid_until")
        if not _DAY.fullmatch(str(form.get(name, "")).strip())
    ]
    places = sorted(int(found[1]) for name in form if (found := _LINE.fullmatch(name)))
    for place, n in enumerate(places):
        for name in LINE_NUMBERS:
            text = str(form.get(f"lines-{n}-{name}", "")).strip()
            if text and _number(text) is None:
                faults.append(Fault(f"/lines/{place}/{name}", "must be a number"))
    if faults:
        raise Invalid(faults)


def changes_lines(form: Fields) -> bool:
    """Was one of the buttons pressed that add and remove lines?"""
    return "add" in form or "remove" in form or "offer" in form


def with_lines(plain: Mapping[str, Any], form: Fields) -> dict[str, Any]:
    """The contract with one line more or less."""
    lines = list(plain["lines"])
    gone = numbers.whole(form.get("remove", ""))
    if gone is not None and gone < len(lines):
        del lines[gone]
    if "add" in form:
        lines.append(empty_line())
    return {**plain, "lines": lines}


def a_number(form: Fields, name: str) -> float:
    """A quantity, with a point or a comma. Raises Invalid."""
    found = _number(str(form.get(name, "")).strip())
    if found is None:
        raise Invalid([Fault(f"/{name}", "must be a number")])
    return found


def _line(form: Fields, at: str) -> dict[str, Any]:
    line: dict[str, Any] = {name: str(form.get(at + name, "")).strip() for name in LINE_TEXTS}
    line["sla"] = line["sla"] or None
    line |= {name: [str(one) for one in form.getall(at + name, [])] for name in LINE_LISTS}
    line |= {name: at + name in form for name in LINE_SWITCHES}
    for name, usual in LINE_NUMBERS.items():
        text = str(form.get(at + name, "")).strip()
        found = usual if not text else _number(text)
        whole = name in ("priority", "step")
        line[name] = text if found is None and text else int(found) if whole and found is not None else found
    return line


def _number(text: str) -> float | None:
    try:
        found = float(text.replace(",", "."))
    except ValueError:
        return None
    return found if abs(found) < 1_000_000 else None  # noqa: PLR2004 - also what is no number


def _whole(form: Fields, name: str, usual: int) -> Any:
    text = str(form.get(name, "")).strip()
    return int(text) if re.fullmatch(r"-?\d{1,6}", text) else text or usual

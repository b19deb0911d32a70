"""Why is an alarm where it is? Decisions about it as sentences, in the language of whoever reads."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from core.desk.alert_looking import Decision
from web.pages import spell
from web.words import Say

Short = Callable[[datetime], str]


def decision(one: Decision, t: Say, short: Short | None = None) -> str:
    """The sentence. `short`: how an instant is written; None: as it is kept."""
    values: dict[str, Any] = {"ticket": "", "by": "", "text": "", "asset": ""} | dict(one.values)
    values.setdefault("customer_name", values.get("customer", ""))
    values["thing"] = values.pop("name", "")
    at = str(values.get("until", ""))
    if at and short is not None:
        values["until"] = short(datetime.fromisoformat(at))
    if "seconds" in values:
        values["seconds"] = spell(int(values["seconds"]), t("alarms.language"))
    if values.get("act"):
        values["act"] = t.maybe("alarms.told", values["act"])  # type: ignore[attr-defined]
    for name in ("severity", "was"):
        if values.get(name):
            values[name] = t.maybe("alarms.severity", values[name]).lower()  # type: ignore[attr-defined]
    key = f"alarms.why.{one.kind}"
    if one.kind == "stored" and "status" in values:
        key = "alarms.why.stored_again"  # said of a message, not of the contract
    if not values["ticket"] and t.has(f"{key}_elsewhere"):  # type: ignore[attr-defined]
        key = f"{key}_elsewhere"
    if not t.has(key):  # type: ignore[attr-defined]
        return one.kind.replace("_", " ")
    sentence = t(key, **values)
    return f"{sentence}: {values['text']}" if values["text"] else sentence

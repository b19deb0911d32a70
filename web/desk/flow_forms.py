"""What does a form say of a node or a prompt? Fields become JSON's own types; what they leave out stays as it was.

Lists are fields of the same name, and blank ones are left out: each form offers one more than there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from core.desk.errors import Fault, Invalid
from ivr.actions import ACTIONS
from ivr.editing import Plain
from ivr.flow import QUEUE_OUTCOMES

Form = Mapping[str, Sequence[str]]
"""Every value of each field."""

KINDS: Mapping[str, tuple[str, ...]] = {
    "say": ("say*", "goto"),
    "menu": ("say*", "choices", "timeout.", "no_input", "invalid"),
    "collect": (
        "say*",
        "minimum#",
        "maximum#",
        "finish",
        "secret?",
        "timeout.",
        "check",
        "branches",
        "given",
        "choices",
        "no_input",
        "invalid",
    ),
    "action": ("call", "branches", "given"),
    "record": (
        "consent*",
        "say*",
        "max_seconds#",
        "silence_seconds#",
        "finish",
        "voicemail?",
        "recorded",
        "empty",
    ),
    "queue": ("consent*", "say*", "waiting*", "max_wait#", "outcomes", "choices", "offer*", "offer_after#"),
    "hangup": ("say*",),
}
"""The fields of each kind of node: `*` a list, `#` a whole number, `.` a number, `?` yes or no."""
USUAL: Mapping[str, float | str] = {
    "timeout": 6.0,
    "minimum": "",
    "maximum": "",
    "max_seconds": 120,
    "silence_seconds": 5,
    "max_wait": 900,
    "offer_after": 60,
}
"""What a number is where nobody says so."""
WIDER = 100
"""Characters of a short field."""


def node_of(form: Form, kind: str) -> Plain:
    """The node that a form says. Raises Invalid with every field that is none."""
    faults: list[Fault] = []
    made: Plain = {"type": kind}
    for field in KINDS[kind]:
        name, mark = (field[:-1], field[-1]) if field[-1] in "*#.?" else (field, "")
        match mark, name:
            case "*", _:
                made[name] = _list(form, name)
            case "#", _:
                _number(form, name, int, made, faults)
            case ".", _:
                _number(form, name, float, made, faults)
            case "?", _:
                made[name] = name in form
            case _, "choices":
                made["choices"] = _choices(form, faults)
            case _, "branches":
                called = _one(form, "call") or _one(form, "check")
                known = ACTIONS[called].branches if called in ACTIONS else {}
                made["branches"] = {one: goto for one in known if (goto := _one(form, f"branch.{one}"))}
            case _, "outcomes":
                made["outcomes"] = {
                    one: goto for one in QUEUE_OUTCOMES if (goto := _one(form, f"outcome.{one}"))
                }
            case _, "given":
                made["given"] = _pairs(form, "given")
            case _, "no_input" | "invalid":
                made[name] = _again(form, name, faults)
            case _:
                made[name] = _one(form, name)
    if faults:
        raise Invalid(faults)
    return made


def prompts_of(form: Form, kept: Mapping[str, Plain], recordings: Mapping[str, str]) -> Mapping[str, Plain]:
    """The prompts whose texts a form has (`text.NAME.LANGUAGE`), as they are then.

    `recordings`: of those that came with it, by `NAME.LANGUAGE`, the names they are kept by.
    """
    made: dict[str, Plain] = {}
    for field, values in form.items():
        part, _, rest = field.partition(".")
        name, _, language = rest.rpartition(".")
        if part != "text" or name not in kept:
            continue
        prompt = {"text": " ".join(values[0].split())}
        recording = recordings.get(rest) or kept[name].get(language, {}).get("recording", "")
        if recording and (rest in recordings or f"silent.{rest}" not in form):
            prompt["recording"] = recording
        made.setdefault(name, dict(kept[name]))[language] = prompt
    return made


def settings_of(form: Form, plain: Plain) -> Plain:
    """Title, start and limits. Raises Invalid."""
    faults: list[Fault] = []
    limits = dict(plain["limits"]) | {"then": _one(form, "then")}
    for name in ("max_turns", "max_seconds", "max_prompt_chars"):
        _number(form, name, int, limits, faults)
    if faults:
        raise Invalid(faults)
    return plain | {"title": _one(form, "title"), "start": _one(form, "start"), "limits": limits}


def _one(form: Form, name: str) -> str:
    return form[name][0].strip() if form.get(name) else ""


def _list(form: Form, name: str) -> list[str]:
    return [value.strip() for value in form.get(name, ()) if value.strip()]


def _number(
    form: Form, name: str, kind: Callable[[str], float], made: Plain, faults: list[Fault], field: str = ""
) -> None:
    text = _one(form, field or name).replace(",", ".")
    if not text:
        return  # as by default
    try:
        made[name] = kind(text)
        if not abs(made[name]) < 10**9:  # no number, or more than anybody waits
            raise ValueError(text)
    except ValueError:
        faults.append(Fault(field or name, text[:WIDER]))


def _choices(form: Form, faults: list[Fault]) -> Plain:
    made: Plain = {}
    rows = zip(
        form.get("choice.key", ()), form.get("choice.goto", ()), form.get("choice.set", ()), strict=False
    )
    for key, goto, set_ in rows:
        pressed = key.strip()
        if not pressed:
            continue
        if pressed in made:
            faults.append(Fault("choices", pressed))
        made[pressed] = {"goto": goto}
        pairs = [one.partition("=") for one in set_.split(",") if one.strip()]
        if pairs:
            made[pressed]["set"] = {name.strip(): value.strip() for name, _, value in pairs}
        if any(not sign or not name.strip() for name, sign, _ in pairs):
            faults.append(Fault("choices", set_))
    return made


def _again(form: Form, name: str, faults: list[Fault]) -> Plain:
    made: Plain = {
        "goto": _one(form, f"{name}.goto"),
        "say": _list(form, f"{name}.say"),
        "last": _list(form, f"{name}.last"),
    }
    _number(form, "tries", int, made, faults, f"{name}.tries")
    return made


def _pairs(form: Form, name: str) -> Plain:
    rows = zip(form.get(f"{name}.name", ()), form.get(f"{name}.value", ()), strict=False)
    return {key.strip(): value.strip() for key, value in rows if key.strip()}

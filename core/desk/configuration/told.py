"""What changed, in words? Two plain values, and a line for each place where they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from core.desk.configuration.document import place

LONGEST = 60  # characters of a value that are shown


def difference(before: Any, after: Any, at: str = "") -> Iterator[str]:
    """A line for each place that differs: "lines[Network].calendar: Office → 24x7".

    >>> list(difference({"level": 1, "tags": ["a"]}, {"level": 2, "tags": ["a", "b"]}))
    ['level: 1 → 2', 'tags: a → a, b']
    """
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys((*before, *after)):
            yield from difference(before.get(name), after.get(name), f"{at}.{name}" if at else str(name))
    elif _parts(before) and _parts(after):
        old = {place(at, part, n): part for n, part in enumerate(before, start=1)}
        new = {place(at, part, n): part for n, part in enumerate(after, start=1)}
        yield from (f"{where} removed" for where in old if where not in new)
        yield from (f"{where} added" for where in new if where not in old)
        for where, part in new.items():
            if where in old:
                yield from difference(old[where], part, where)
        if set(old) == set(new) and list(old) != list(new):
            yield f"{at}: in another order"
    else:
        yield f"{at}: {_short(before)} → {_short(after)}"


def _parts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, Mapping) for item in value)


def _short(value: Any) -> str:
    if value is None or value in ("", [], (), {}):
        return "nothing"
    if isinstance(value, Mapping):
        text = ", ".join(f"{name} = {item}" for name, item in value.items())
    else:
        text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"

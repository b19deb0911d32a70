"""May this flow be published? Every rule that a caller would suffer from, each finding with its place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from ivr import flow as shapes
from ivr.actions import ACTIONS, ALWAYS
from ivr.flow import KEYS, QUEUE_OUTCOMES, Flow, prompt_name
from ivr.speech import loose, places, speaks, unknown_filters
from ivr.stepping import LANGUAGE, MAX_HOPS

WAITING = frozenset({"place", "eta"})
"""What is known besides where a caller waits."""
NEAR = 2
"""Menus between any waiting point and a person, a recorder or a goodbye."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong."""

    rule: str
    """Code: unknown_node, unreachable, missing_prompt …"""
    place: str
    """nodes/main/choices/1, prompts/welcome/en …"""
    detail: str
    """What it is about, as it stands in the flow; `web` says the rule in the reader's language."""


def validate(flow: Flow, *, recordings: Collection[str] = ()) -> tuple[Finding, ...]:
    """Everything that keeps the flow from being published; empty: nothing. `recordings`: blobs that are there."""
    found = [*_names(flow)]
    if found:
        return tuple(found)  # what refers to nothing cannot be walked
    found += _limits(flow)
    found += _prompts(flow, recordings)
    found += _calls(flow)
    found += _asking(flow)
    found += _reachable(flow)
    found += _circles(flow)
    found += _ends(flow)
    found += _known(flow)
    found += _near(flow)
    return tuple(found)


def _names(flow: Flow) -> Iterator[Finding]:
    """Every name of a node names one."""
    for place, name in (("start", flow.start), ("limits/then", flow.limits.then)):
        if name not in flow.nodes:
            yield Finding(rule="unknown_node", place=place, detail=name)
    for name, node in flow.nodes.items():
        for what, goto, _ in node.leads():
            if goto not in flow.nodes:
                yield Finding(rule="unknown_node", place=f"nodes/{name}/{what}".rstrip("/"), detail=goto)
    if flow.default_language not in flow.languages:
        yield Finding(rule="unknown_language", place="default_language", detail=flow.default_language)
    for language in flow.languages:
        if not speaks(language):
            yield Finding(rule="unknown_language", place="languages", detail=language)
    for name, node in flow.nodes.items():
        for key, choice in getattr(node, "choices", {}).items():
            language = choice.set.get(LANGUAGE)
            if language is not None and language not in flow.languages:
                yield Finding(rule="unknown_language", place=f"nodes/{name}/choices/{key}", detail=language)


def _prompts(flow: Flow, recordings: Collection[str]) -> Iterator[Finding]:
    """Every prompt is there in every language it may be spoken in, not too long, its recording at hand."""
    for name, node in flow.nodes.items():
        for said in node.speaks():
            prompt, fixed = prompt_name(said)
            for language in (fixed,) if fixed else flow.languages:
                if language not in flow.prompts.get(prompt, {}):
                    yield Finding(
                        rule="missing_prompt", place=f"nodes/{name}", detail=f"{prompt} ({language})"
                    )
    for name, languages in flow.prompts.items():
        for language, prompt_in in languages.items():
            place = f"prompts/{name}/{language}"
            if not prompt_in.text.strip():
                yield Finding(rule="empty_prompt", place=place, detail=name)
            if len(prompt_in.text) > flow.limits.max_prompt_chars:
                yield Finding(rule="long_prompt", place=place, detail=str(len(prompt_in.text)))
            if prompt_in.recording and prompt_in.recording not in recordings:
                yield Finding(rule="missing_recording", place=place, detail=prompt_in.recording)
            for one in sorted(unknown_filters(prompt_in.text, language)):
                yield Finding(rule="unknown_filter", place=place, detail=one)
            if loose(prompt_in.text):
                yield Finding(rule="loose_brace", place=place, detail=loose(prompt_in.text))


def _calls(flow: Flow) -> Iterator[Finding]:
    """Every call is one of the table, has what it needs, and each of its answers leads somewhere."""
    for name, node in flow.nodes.items():
        place = f"nodes/{name}"
        if isinstance(node, shapes.Action):
            called = node.call
        elif isinstance(node, shapes.Collect):
            called = node.check
        else:
            continue
        call = ACTIONS.get(called)
        if call is None:
            yield Finding(rule="unknown_call", place=place, detail=called)
            continue
        if call.takes != isinstance(node, shapes.Collect):
            yield Finding(rule="call_elsewhere", place=place, detail=called)
        for branch in sorted(call.branches.keys() - node.branches.keys()):
            yield Finding(rule="missing_branch", place=place, detail=branch)
        for branch in sorted(node.branches.keys() - call.branches.keys()):
            yield Finding(rule="unknown_branch", place=place, detail=branch)
        for given in sorted(call.given - node.given.keys()):
            yield Finding(rule="missing_constant", place=place, detail=given)


def _asking(flow: Flow) -> Iterator[Finding]:
    """Keys are keys, entries can be made, tries are counted, secrets are looked at, and outcomes are complete."""
    for name, node in flow.nodes.items():
        place = f"nodes/{name}"
        if isinstance(node, shapes.Menu | shapes.Queue):
            for key in sorted(node.choices.keys() - KEYS):
                yield Finding(rule="no_key", place=f"{place}/choices", detail=key)
        if isinstance(node, shapes.Menu) and not node.choices:
            yield Finding(rule="no_choice", place=place, detail=name)
        if isinstance(node, shapes.Menu | shapes.Collect):
            for what in ("no_input", "invalid"):
                if getattr(node, what).tries < 1:
                    yield Finding(
                        rule="no_tries", place=f"{place}/{what}", detail=str(getattr(node, what).tries)
                    )
        yield from _times(node, place)
        if isinstance(node, shapes.Collect):
            for entry in node.choices:
                if not entry or not set(entry) <= KEYS - {node.finish}:
                    yield Finding(rule="no_key", place=f"{place}/choices", detail=entry)
            if not 1 <= node.minimum <= node.maximum:
                yield Finding(rule="no_length", place=place, detail=f"{node.minimum}-{node.maximum}")
            if node.secret and (taken := [c for c in node.choices if len(c) >= node.minimum]):
                yield Finding(rule="secret_choice", place=place, detail=", ".join(taken))
        if isinstance(node, shapes.Queue):
            for outcome in QUEUE_OUTCOMES:
                if outcome not in node.outcomes:
                    yield Finding(rule="missing_branch", place=place, detail=outcome)
            for outcome in sorted(node.outcomes.keys() - set(QUEUE_OUTCOMES)):
                yield Finding(rule="unknown_branch", place=place, detail=outcome)
            if node.choices and not node.offer:
                yield Finding(rule="unsaid_choice", place=place, detail=", ".join(node.choices))


def _times(node: shapes.Node, place: str) -> Iterator[Finding]:
    """Whoever is waited for has time, and what ends an entry is one key."""
    for what in ("timeout", "max_seconds", "silence_seconds", "max_wait"):
        if getattr(node, what, 1) <= 0:
            yield Finding(rule="no_time", place=f"{place}/{what}", detail=str(getattr(node, what)))
    finish = getattr(node, "finish", "")
    if finish and finish not in KEYS:
        yield Finding(rule="no_key", place=f"{place}/finish", detail=finish)


def _limits(flow: Flow) -> Iterator[Finding]:
    """A call may be led for a while."""
    for what in ("max_turns", "max_seconds", "max_prompt_chars"):
        if getattr(flow.limits, what) < 1:
            yield Finding(rule="no_time", place=f"limits/{what}", detail=str(getattr(flow.limits, what)))


def _reachable(flow: Flow) -> Iterator[Finding]:
    seen, todo = set(), [flow.start, flow.limits.then]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += [goto for _, goto, _ in flow.nodes[name].leads()]
    for name in flow.nodes:
        if name not in seen:
            yield Finding(rule="unreachable", place=f"nodes/{name}", detail=name)


def _circles(flow: Flow) -> Iterator[Finding]:
    """No way round without waiting, and no way between two waits that is longer than the step function goes."""
    longest: dict[str, int] = {}
    on_the_way: set[str] = set()

    def length(name: str) -> int:
        if name in longest:
            return longest[name]
        if name in on_the_way:
            raise _Circle(name)
        node = flow.nodes[name]
        if shapes.waits(node) or isinstance(node, shapes.HangUp):
            longest[name] = 1
            return 1
        on_the_way.add(name)
        longest[name] = 1 + max((length(goto) for _, goto, _ in node.leads()), default=0)
        on_the_way.discard(name)
        return longest[name]

    for name in flow.nodes:
        try:
            if length(name) > MAX_HOPS:
                yield Finding(rule="too_long", place=f"nodes/{name}", detail=str(longest[name]))
        except _Circle as circle:
            yield Finding(rule="circle", place=f"nodes/{circle}", detail=str(circle))
            return
        except RecursionError:
            yield Finding(rule="too_long", place=f"nodes/{name}", detail=f">{MAX_HOPS}")
            return


class _Circle(Exception):
    pass


def _served(node: shapes.Node) -> bool:
    return isinstance(node, shapes.HangUp | shapes.Queue | shapes.Record)


def _ends(flow: Flow) -> Iterator[Finding]:
    """From everywhere a goodbye, a queue or a recorder can be reached."""
    reach = _distance(
        flow, {name for name, node in flow.nodes.items() if _served(node)}, steps_of=lambda _: 0
    )
    for name in flow.nodes:
        if name not in reach:
            yield Finding(rule="dead_end", place=f"nodes/{name}", detail=name)
    if not isinstance(
        flow.nodes[flow.limits.then], shapes.Queue | shapes.Record | shapes.Action | shapes.Say
    ):
        yield Finding(rule="no_person", place="limits/then", detail=flow.limits.then)


def _near(flow: Flow) -> Iterator[Finding]:
    """A person or a recorder is never further than two menus away, and the caller can choose it."""
    goal = {name for name, node in flow.nodes.items() if isinstance(node, shapes.Queue | shapes.Record)}
    reach = _distance(
        flow, goal, steps_of=lambda node: 1 if isinstance(node, shapes.Menu | shapes.Collect) else 0
    )
    for name, node in flow.nodes.items():
        if isinstance(node, shapes.Menu) and reach.get(name, NEAR + 1) > NEAR:
            yield Finding(rule="far_from_people", place=f"nodes/{name}", detail=name)


def _distance(flow: Flow, goal: set[str], *, steps_of: Callable[[shapes.Node], int]) -> Mapping[str, int]:
    """From how far each node reaches the goal; what does not is left out."""
    far = dict.fromkeys(goal, 0)
    changed = True
    while changed:
        changed = False
        for name, node in flow.nodes.items():
            ways = [far[goto] for _, goto, _ in node.leads() if goto in far]
            if not ways or name in goal:
                continue
            best = min(ways) + steps_of(node)
            if best < far.get(name, best + 1):
                far[name] = best
                changed = True
    return far


def _known(flow: Flow) -> Iterator[Finding]:
    """What a prompt names is known on every way that leads to it."""
    known = _known_at(flow)
    for name, node in flow.nodes.items():
        here = known.get(name)
        if here is None:
            continue  # unreachable, and said so
        for said, there in _sayings(node, here):
            for language, prompt in _in_languages(flow, said):
                for one in sorted(places(prompt.text) - there):
                    yield Finding(
                        rule="unknown_place", place=f"nodes/{name}", detail=f"{{{one}}} ({said}, {language})"
                    )


def _sayings(node: shapes.Node, here: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    if isinstance(node, shapes.Queue):
        yield from ((said, here) for said in (*node.say, *node.offer))
        yield from ((said, here | WAITING) for said in node.waiting)
    else:
        yield from ((said, here) for said in node.speaks())


def _in_languages(flow: Flow, said: str) -> Iterator[tuple[str, shapes.Prompt]]:
    name, fixed = prompt_name(said)
    for language, prompt in flow.prompts.get(name, {}).items():
        if not fixed or fixed == language:
            yield language, prompt


def _known_at(flow: Flow) -> Mapping[str, frozenset[str]]:
    """For each node that can be reached, the names that are known on every way to it."""
    known = {flow.start: ALWAYS, flow.limits.then: ALWAYS}
    todo = list(known)
    while todo:
        name = todo.pop()
        for _, goto, new in flow.nodes[name].leads():
            out = known[name] | (new - {LANGUAGE})
            before = known.get(goto)
            now = out if before is None else before & out
            if now != before:
                known[goto] = now
                todo.append(goto)
    return known

"""Has an open request somebody who has it, something that happens next, and an instant by which it does? (desk.md 15)"""

from __future__ import annotations

from core.rules.workflow import State

OWNER, ACTION, DUE = "owner", "action", "due"
_EXAMINED = (State.RECEIVED, State.TRIAGE)
_TIMED = (State.MONITORING, State.WAITING_CUSTOMER)
"""States in which a timer says what comes next: whether it holds, whether they were reminded."""


def lacks(*, state: str, owner: bool, group: bool, due: bool, timer: bool) -> tuple[str, ...]:
    """What an open request lacks; none: it is looked after.

    `owner`, `group`: somebody has it. `due`: a clock or a promise of it runs. `timer`: something will wake for it.

    >>> lacks(state="in_progress", owner=True, group=True, due=False, timer=False)
    ('due',)
    >>> lacks(state="monitoring", owner=True, group=True, due=False, timer=False)
    ('action', 'due')
    >>> lacks(state="triage", owner=False, group=False, due=True, timer=False)
    ()
    """
    found = []
    if not owner and not group and state not in _EXAMINED:  # what is not examined yet is the contact centre's
        found.append(OWNER)
    if state in _TIMED and not timer:
        found.append(ACTION)
    if not due and not timer:
        found.append(DUE)
    return tuple(found)

"""What does a move of a ticket do to its clocks? One table, read by people and by the desk."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class ClockName(StrEnum):
    """A measured promise on a ticket."""

    __hash__ = str.__hash__  # that of any enumeration is made in Python each time: clocks are looked up by it

    RESPONSE = "response"
    UPDATE = "update"  # cyclic: one cycle from each public update to the next
    RESTORE = "restore"
    RESOLVE = "resolve"
    ONSITE = "onsite"
    VENDOR = "vendor"  # cyclic: first the vendor's answer, then its fix
    TRIAGE = "triage"
    PROMISE = "promise"  # cyclic: what a person said they would write by; its due is an instant


class ClockAction(StrEnum):
    """What can happen to a clock: the kinds of clock events, without the word `clock.`."""

    __hash__ = str.__hash__

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    CANCEL = "cancel"
    RETARGET = "retarget"


class Effect(NamedTuple):
    """One action on some clocks. It concerns those that are there: nothing pauses that does not run."""

    action: ClockAction
    clocks: tuple[ClockName, ...]
    reason: str


# Why a clock may be paused: the design's list, and `resolved` for clocks of a ticket nobody works on: that of updates, that of an answer that is not needed.
PAUSE_REASONS = frozenset(
    {
        "customer",
        "appointment",
        "vendor",
        "unreachable_contact",
        "missing_access",
        "reopen",
        "re-armed",
        "resolved",
    }
)


def clock_effects(event_kind: str, *, vendor_pauses: bool) -> tuple[Effect, ...]:
    """What a ticket event does to the clocks, in order; () when it does nothing to them.

    `vendor_pauses` is the contract line's: waiting for the vendor then pauses restore and resolve. Raises ValueError
    for an event the table does not have, so that a misspelt one cannot leave a clock running.

    >>> clock_effects("take", vendor_pauses=False)[0]
    Effect(action=<ClockAction.STOP: 'stop'>, clocks=(<ClockName.RESPONSE: 'response'>,), reason='take')
    """
    if event_kind not in EFFECTS:
        raise ValueError(f'"{event_kind}" is no event that clocks know: {", ".join(EFFECTS)}')
    effects = EFFECTS[event_kind]
    if event_kind == "wait_vendor" and vendor_pauses:
        return (*effects, Effect(ClockAction.PAUSE, (ClockName.RESTORE, ClockName.RESOLVE), "vendor"))
    return effects


_RESPONSE, _UPDATE, _TRIAGE = (ClockName.RESPONSE,), (ClockName.UPDATE,), (ClockName.TRIAGE,)
_ONSITE, _VENDOR, _PROMISE = (ClockName.ONSITE,), (ClockName.VENDOR,), (ClockName.PROMISE,)
_RESTORE, _RESOLVE = (ClockName.RESTORE,), (ClockName.RESOLVE,)
_FIX = (*_RESTORE, *_RESOLVE)
_SLA = (*_RESPONSE, *_FIX)
_WAITING = (*_FIX, *_ONSITE, *_UPDATE)
_ALL = tuple(ClockName)

_START, _PAUSE, _RESUME = ClockAction.START, ClockAction.PAUSE, ClockAction.RESUME
_STOP, _CANCEL, _RETARGET = ClockAction.STOP, ClockAction.CANCEL, ClockAction.RETARGET

EFFECTS: Mapping[str, tuple[Effect, ...]] = {
    # Intake. A start counts from received_at; one without a policy for its clock starts nothing.
    "received": (Effect(_START, _RESPONSE, "received"),),
    "triage": (Effect(_START, _TRIAGE, "triage"),),
    "hold": (),  # blocks the work, not the promise: response goes on, and triage until somebody decides
    "approve": (),
    "qualified": (Effect(_STOP, _TRIAGE, "qualified"), Effect(_START, _SLA, "qualified")),
    # Work. The first answer of a person meets response and makes the first promise of an update.
    "assign": (),
    "take": (Effect(_STOP, _RESPONSE, "take"), Effect(_START, _UPDATE, "take")),
    "escalate": (),
    "public_answer": (
        Effect(_STOP, _RESPONSE, "public_answer"),
        Effect(_STOP, _UPDATE, "public_answer"),
        Effect(_START, _UPDATE, "public_answer"),
        Effect(_STOP, _PROMISE, "public_answer"),
    ),
    # "Next update by 16:00": kept by any public words of a person, dropped with the ticket.
    "promise": (Effect(_START, _PROMISE, "promise"),),
    "promise_kept": (Effect(_STOP, _PROMISE, "promise_kept"),),
    "promise_dropped": (Effect(_CANCEL, _PROMISE, "promise_dropped"),),
    "observe": (),
    "retarget": (Effect(_RETARGET, (*_SLA, *_UPDATE), "retarget"),),  # another priority, line or policy
    # Waiting
    "wait_customer": (Effect(_PAUSE, _WAITING, "customer"),),
    "customer_message": (Effect(_RESUME, _WAITING, "customer"),),
    "vendor_opened": (Effect(_START, _VENDOR, "vendor_opened"),),
    "wait_vendor": (Effect(_START, _VENDOR, "wait_vendor"),),  # and pauses, see clock_effects
    "vendor_answer": (  # its first
        Effect(_STOP, _VENDOR, "vendor_answer"),
        Effect(_START, _VENDOR, "vendor_answer"),
        Effect(_RESUME, _FIX, "vendor"),
    ),
    "vendor_message": (Effect(_RESUME, _FIX, "vendor"),),
    "vendor_closed": (Effect(_STOP, _VENDOR, "vendor_closed"), Effect(_RESUME, _FIX, "vendor")),
    "resume": (Effect(_RESUME, _WAITING, "customer"), Effect(_RESUME, _FIX, "vendor")),
    # On site
    "dispatch": (Effect(_START, _ONSITE, "dispatch"),),
    "appointment": (Effect(_PAUSE, (*_RESOLVE, *_ONSITE), "appointment"),),  # asked for by the customer
    "appointment_reached": (Effect(_RESUME, (*_RESOLVE, *_ONSITE), "appointment"),),
    "appointment_agreed": (Effect(_START, _ONSITE, "appointment"),),  # by when we come is an instant now
    "no_access": (Effect(_PAUSE, (*_FIX, *_ONSITE), "missing_access"),),  # until another time is agreed
    "access_agreed": (Effect(_RESUME, (*_FIX, *_ONSITE), "missing_access"),),
    "check_in": (Effect(_STOP, _ONSITE, "check_in"),),
    "visit_off": (  # nobody goes there any more
        Effect(_RESUME, (*_RESOLVE, *_ONSITE), "appointment"),
        Effect(_CANCEL, _ONSITE, "visit_off"),
    ),
    # The end, and back. A workaround keeps restore met through a reopening; its refusal takes that back.
    "workaround": (Effect(_STOP, _RESTORE, "workaround"), Effect(_RETARGET, _RESOLVE, "workaround")),
    "workaround_refused": (
        Effect(_RESUME, _RESTORE, "re-armed"),
        Effect(_RETARGET, _RESOLVE, "workaround_refused"),
    ),
    "workaround_overdue": (Effect(_RESUME, _RESTORE, "re-armed"),),  # nobody looked at it by its date
    "resolve": (Effect(_STOP, (*_FIX, *_PROMISE), "resolve"), Effect(_PAUSE, _UPDATE, "resolved")),
    # By itself, before anybody had it in hand: nobody is late with an answer that is not needed any more.
    "recover": (
        Effect(_STOP, (*_FIX, *_PROMISE), "resolve"),
        Effect(_PAUSE, (*_RESPONSE, *_UPDATE), "resolved"),
        Effect(_CANCEL, _TRIAGE, "recover"),  # what is reopened is worked on, not qualified again
    ),
    "reopen": (
        Effect(_RESUME, _FIX, "reopen"),
        Effect(_RESUME, (*_RESPONSE, *_UPDATE), "resolved"),
        Effect(_START, _UPDATE, "reopen"),  # the old promise ended when the ticket was closed
    ),
    "close": (Effect(_CANCEL, _ALL, "close"),),
    "cancel": (Effect(_CANCEL, _ALL, "cancel"),),
    "reject": (Effect(_CANCEL, _ALL, "reject"),),
    "merge": (Effect(_CANCEL, _ALL, "merge"),),
    "merge_undone": (Effect(_RESUME, _ALL, "merge"),),
}

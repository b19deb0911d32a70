"""Tasks and alarms over the API: what is open for you, and that it is done."""

from __future__ import annotations

from core.desk import tasks
from core.store.tx import Tx
from web.api import task_shapes
from web.api.endpoint import Body, Call, api
from web.task_words import line


class Nothing(Body):
    """No fields."""


@api("GET", "/tasks", answer=task_shapes.Tasks)
def list_tasks(tx: Tx, call: Call) -> task_shapes.Tasks:
    """What you have to do besides your tickets: alarms first, then what is due. Contacts have none."""
    return task_shapes.Tasks(items=[_shown(tx, one, call) for one in tasks.mine(tx, call.who)])


@api("POST", "/tasks/{id}/done", body=Nothing, answer=task_shapes.Task)
def finish_task(tx: Tx, call: Call) -> task_shapes.Task:
    """It is done. For whom it is only; again, it stays done."""
    tasks.done(tx, call.who, call.path["id"], now=call.now)
    return _shown(tx, tasks.one(tx, call.who, call.path["id"]), call)


def _shown(tx: Tx, one: tasks.Task, call: Call) -> task_shapes.Task:
    told = line(one, call.who, at=call.now, zone=tx.facts.zone)
    return task_shapes.Task(
        id=one.id,
        kind=one.kind,
        text=told.words,
        alarm=one.alarm,
        agent=one.agent,
        group=one.group,
        role=one.role,
        ticket=one.number,
        url=told.url,
        about=dict(one.about),
        at=one.at,
        due=one.due,
        done_at=one.done_at,
    )


ENDPOINTS = (list_tasks, finish_task)

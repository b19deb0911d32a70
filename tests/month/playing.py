"""A whole month of the demo desk, played once as `demo play` plays it, for all who look at what it left behind.

The vendor's mails have words of their own: one that nobody passes on, and one that staff promote.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import msgspec

import running
from channels.email.build import build
from channels.settings import ChannelSettings
from core import month, settings
from core.desk import demo, month_plan
from core.desk.configuration import rows
from core.desk.month_plan import Script, Step
from core.desk.principal import HUB
from core.envelope import Outgoing, Sent
from core.isolation import Readers
from core.papers import model
from core.store.database import Database
from tests.fakes import DrawnHere, ReadersHere

ROME = ZoneInfo("Europe/Rome")
FIRST = date(2026, 10, 1)
BEGINS = datetime(2026, 10, 1, tzinfo=ROME).astimezone(UTC)
ENDS = datetime(2026, 11, 1, 12, tzinfo=ROME).astimezone(UTC)
WORKING = [day for n in range(31) if (day := FIRST + timedelta(days=n)).weekday() < 5]
REQUESTS = 24
"""Ordinary ones, beside those of the stories."""
SEED = 1

VENDOR = "@cumulus-vendor.test"
KEPT, PASSED_ON = "quarzblende", "Zündspule"
"""Words of the vendor: nobody passes the first on; staff promote the second, in words of theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """A month that is over. Who looks at it changes nothing of what it was."""

    db: Database
    play: month.Play
    script: Script
    sent: tuple[Outgoing, ...]
    """Everything that left, on every channel."""


class SomeDrawn(ReadersHere):
    """Reports of a period are drawn, of which somebody looks at the PDF; half a second of each other paper is not spent."""

    async def draw(self, writer: str, paper: bytes, pictures: dict[str, bytes]) -> bytes:
        """See core.isolation.Readers."""
        of_period = model.unpack(paper).name.startswith("C-")
        return await (DrawnHere.draw if of_period else ReadersHere.draw)(self, writer, paper, pictures)


def script() -> Script:
    """The month that is shipped, with the vendor's words marked, and a report more: of a month and its weeks."""
    plain = month_plan.read()
    reports = (*plain.reports, month_plan.Report(contract="C-2026-003", every="month"))
    return msgspec.structs.replace(plain, stories=tuple(_marked(plain)), reports=reports)


def _marked(plain: Script) -> Iterator[month_plan.Story]:
    for story in plain.stories:
        yield msgspec.structs.replace(story, steps=tuple(_said(step) for step in story.steps))


def _said(step: Step) -> Step:
    if VENDOR in step.mail:
        return msgspec.structs.replace(
            step,
            mail=step.mail.replace("Support <", f"Support {KEPT} <"),
            subject=f"{step.subject} ({KEPT})",
            text=f"{step.text}\n\nThe {KEPT} is worn, and so is the {PASSED_ON}.\n\n-- \n{KEPT} GmbH",
        )
    if step.verb == "promote":
        return msgspec.structs.replace(step, text=f"{step.text} They also name the {PASSED_ON}.")
    return step


def mail(folder: Path, keep: Callable[[Outgoing], Sent]) -> month.Mail:
    """Mail as a hub with the shipped settings has it; what leaves is kept and goes nowhere."""
    config = settings.load(None, [f"hub.data_dir={folder}"], channels=ChannelSettings)
    real = build(config.channels.email, running._surroundings(config))
    at = real.addressing
    return month.Mail(
        channel=_caught(real.name, keep, reader=real.reader, reader_options=real.reader_options),
        to=at.addresses[0],
        answer_to=lambda outgoing: at.reply(at.mailbox(outgoing.mailbox), outgoing.reply_token or ""),
        message_id=at.message_id,
    )


def _caught(name: str, keep: Callable[[Outgoing], Sent], **more: object) -> month.Caught:
    async def kept(outgoing: Outgoing) -> Sent:
        return keep(outgoing)

    return month.Caught(name=name, keep=kept, **more)


async def lived(db: Database, folder: Path) -> Lived:
    """Let it happen."""
    sent: list[Outgoing] = []

    def keep(outgoing: Outgoing) -> Sent:
        sent.append(outgoing)
        return Sent(remote_id=outgoing.ref, detail="played")

    told = script()
    await db.write(rows.apply, HUB, demo.desk({}, now=ENDS), {}, now=BEGINS - timedelta(days=1))
    play = month.Play(
        db,
        told,
        mail(folder, keep),
        also=[
            _caught("sms", keep),
            _caught("portal", keep),
            _caught("monitoring", keep, reader="channels.monitoring.read:read"),
        ],
        readers=cast("Readers", SomeDrawn()),
        periodic=running.periodic(),
        begins=BEGINS,
    )
    plan = month_plan.plan(told, WORKING, zone=ROME, seed=SEED, requests=REQUESTS)
    await play.run(plan, until=ENDS)
    return Lived(db=db, play=play, script=told, sent=tuple(sent))

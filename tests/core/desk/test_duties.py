"""Rotas come with the configuration, and whoever needs somebody is told who is on duty."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.desk import duties
from core.desk.configuration import export
from core.desk.configuration.checking import read
from core.desk.errors import ConfigurationError
from core.store import tables
from core.store.database import Database
from tests.desk_at_work import CONFIGURED, MONDAY, at_work
from tests.desk_files import put

WITH_PHONES = CONFIGURED
for name in ("ann", "tom", "lea"):
    WITH_PHONES = WITH_PHONES.replace(
        f'email = "{name}@hub.test"\n', f'email = "{name}@hub.test"\nphone = "+39340555{ord(name[0]):04}"\n'
    )

ROTA = """
[[rotas]]
name = "Network nights"
groups = ["Network L1"]
  [[rotas.layers]]
  members = ["Ann@hub.test", "tom@hub.test"]
  starts = 2026-03-02
  length = "12h"
"""


async def test_who_is_on_duty_is_asked_by_duty_group_and_instant(db: Database):
    desk = await at_work(db, WITH_PHONES + ROTA)
    ann, tom = (await desk.who("ann")).id, (await desk.who("tom")).id
    tonight = MONDAY.replace(hour=22)

    assert await db.read(duties.on_duty, "on-call", "Network L1", MONDAY) == (ann,)
    assert await db.read(duties.on_duty, "on-call", "Network L1", tonight) == (tom,)
    assert await db.read(duties.on_duty, "on-call", "Systems", MONDAY) == ()
    assert await db.read(duties.on_duty, "supervisor", None, MONDAY) == ()
    spans = await db.read(
        duties.on_duty_intervals, "on-call", "Network L1", datetime(2026, 3, 1, tzinfo=UTC), tonight
    )
    assert spans == ((datetime(2026, 3, 2, 7, tzinfo=UTC), tonight),)

    await db.write(
        lambda tx: tx.insert(
            tables.rota_override,
            rota="Network nights",
            id="00000000-0000-7000-8000-000000000001",
            agent=ann,
            since=tonight - timedelta(hours=1),
            until=tonight + timedelta(hours=1),
            by="system",
            reason="ill",
            at=MONDAY,
        )
    )
    assert await db.read(duties.on_duty, "on-call", "Network L1", tonight) == (ann,)


async def test_the_rotas_go_out_as_they_came_in(db: Database):
    await at_work(db, WITH_PHONES + ROTA)
    text = await db.read(export.export)

    assert "[[rotas.layers]]\n" in text
    assert await db.write(put, text, now=MONDAY) == ()


async def test_a_member_who_could_not_be_called_is_refused_with_the_place(db: Database):
    with pytest.raises(ConfigurationError) as refused:
        await at_work(db, CONFIGURED + ROTA)

    assert len(refused.value.mistakes) == 2  # noqa: PLR2004 - Ann and Tom
    assert refused.value.mistakes[0].startswith(
        "rotas[Network nights].layers[1].members: Ann@hub.test could not"
    )


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("tom@", "tim@", "rotas[Network nights].layers[1].members: 'tim@hub.test' is not a member of staff"),
        ("Network L1", "Netwrk L1", "rotas[Network nights].groups: 'Netwrk L1' is not a group; did you mean"),
        ('["Ann@hub.test", "tom@hub.test"]', "[]", "rotas[Network nights].layers[1].members: nobody is in"),
        ('"12h"', '"12 hours"', "rotas[Network nights].layers[1].length: "),
        ("groups =", 'duty = "supervisor"\ngroups =', "rotas[Network nights].fallback: must be a telephone"),
    ],
)
def test_a_rota_that_cannot_be_is_refused_with_the_place(was: str, now: str, said: str):
    with pytest.raises(ConfigurationError) as refused:
        read(WITH_PHONES + ROTA.replace(was, now))

    assert any(line.startswith(said) for line in refused.value.mistakes), refused.value.mistakes

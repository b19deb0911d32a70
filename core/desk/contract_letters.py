"""How are the letters about contracts put into words? Consumption for both sides, ends for who looks after the customer."""

from __future__ import annotations

from datetime import date, datetime
from urllib.parse import quote

from babel.dates import format_date

from core.desk import accounts, consumption_notices, contract_round, letters, sending
from core.desk.letters import Kind, Letter
from core.store.tx import Tx
from core.store.work import Job


def _consumption(tx: Tx, job: Job, *, now: datetime) -> Letter | None:
    who = accounts.principal(tx, job.payload["kind"], job.payload["person"])
    if who is None:
        return None
    said = {
        name: job.payload[name] for name in ("contract", "line", "measure", "what", "left", "granted", "used")
    }
    place = "/portal/contract" if who.kind == "contact" else _page(said["contract"])
    if who.language == "it":
        said |= {name: said[name].replace(".", ",") for name in ("left", "granted", "used")}
    return letters.phrased(tx, job, who, link=f"{tx.facts.public_url}{place}", **said)


def _ends(tx: Tx, job: Job, *, now: datetime) -> Letter | None:
    who = accounts.principal(tx, job.payload["kind"], job.payload["person"])
    if who is None:
        return None
    number = job.payload["contract"]
    return letters.phrased(
        tx,
        job,
        who,
        contract=number,
        what=job.payload["what"],
        days=int(job.payload["days"]),
        on=format_date(date.fromisoformat(job.payload["on"]), "d MMMM y", locale=who.language),
        renewal=job.payload["renewal"],
        link=f"{tx.facts.public_url}{_page(number)}",
    )


def _page(number: str) -> str:
    return f"/desk/contracts/{quote(number, safe='')}"


LETTERS = {
    name: Kind(write=write, waits=sending.WAITS, patience=sending.GIVE_UP_AFTER)
    for name, write in (
        (consumption_notices.TO_CUSTOMER, _consumption),
        (consumption_notices.TO_STAFF, _consumption),
        (contract_round.ENDS, _ends),
    )
}
"""By name, which is also that of their words in templates/notices."""

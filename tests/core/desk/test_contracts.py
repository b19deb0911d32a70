"""A contract is found by its number, by those who may see it."""

from __future__ import annotations

import pytest

from core.desk import contracts
from core.desk.errors import NotFound
from core.desk.principal import HUB, Principal
from tests.desk_files import SMALL, put

AGENT = Principal(kind="agent", id="ann")
ALICE = Principal(kind="contact", id="alice", customer="ACME")
BOB = Principal(kind="contact", id="bob", customer="FIGLIA")


@pytest.mark.parametrize("who", [AGENT, HUB, ALICE])
async def test_staff_and_the_customers_own_people_see_a_contract(db, who: Principal) -> None:
    await db.write(put, SMALL)

    found = await db.read(contracts.of_number, who, "C-1")

    assert (found.number, found.customer) == ("C-1", "ACME")


@pytest.mark.parametrize(("who", "number"), [(BOB, "C-1"), (ALICE, "C-2"), (AGENT, "C-2")])
async def test_anothers_contract_looks_like_none(db, who: Principal, number: str) -> None:
    await db.write(put, SMALL)

    with pytest.raises(NotFound, match=f"there is no contract {number} that you may see"):
        await db.read(contracts.of_number, who, number)

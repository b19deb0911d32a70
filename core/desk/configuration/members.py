"""Who of a rota could not be called at night? Members without a telephone and without a chat that is proved theirs."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from core import addresses
from core.desk.configuration.document import AgentPart, Document
from core.desk.identities import PROVED
from core.rules.ladders import CALL, CHAT, SMS, WAYS
from core.store import tables
from core.store.tx import Tx


def unreachable(tx: Tx, document: Document) -> Iterator[str]:
    """A line for each of them, with its place. `document`: the whole desk as it is going to be."""
    staff = {addresses.key(agent.email): agent for agent in document.get("agents", ())}
    chatting: set[str] | None = None
    for rota in document.get("rotas", ()):
        for number, layer in enumerate(rota.layers, start=1):
            for email in layer.members:
                agent = staff.get(addresses.key(email))
                if agent is None or _by_telephone(agent):
                    continue
                if chatting is None:
                    chatting = _chatting(tx)
                if CHAT not in (agent.reach or WAYS) or addresses.key(email) not in chatting:
                    yield (
                        f"rotas[{rota.name}].layers[{number}].members: {email} could not be called: give them a "
                        f"telephone (agents[{email}].phone), or let them link a chat first"
                    )


def _by_telephone(agent: AgentPart) -> bool:
    return bool(agent.phone.strip()) and bool({SMS, CALL} & set(agent.reach or WAYS))


def _chatting(tx: Tx) -> set[str]:
    """Addresses of staff whose chat is proved theirs."""
    identity, agent = tables.identity, tables.agent
    known = select(agent.c.email, identity.c.proof).select_from(
        agent.join(identity, identity.c.agent == agent.c.id)
    )
    return {row.email for row in tx.all(known) if row.proof in PROVED}

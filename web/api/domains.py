"""What the domains of the desk's mail must say in the DNS, over the API."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.channel import DeliveryError
from core.desk.errors import NotFound, Refused
from core.desk.principal import Principal
from core.domain_records import Looked
from core.store.tx import Tx
from web import domain_words
from web.api import mail_shapes
from web.api.endpoint import Call, Outside, Query, api
from web.words import say


class DomainQuery(Query):
    """Whether to look."""

    look: Annotated[bool, Field(description="Ask the DNS what is there now, which may take seconds.")] = False


async def _records(outside: Outside, _who: Principal, query: DomainQuery) -> list[Looked]:
    try:
        return await domain_words.all_of(outside.publishing, look=query.look)
    except DeliveryError as error:
        raise Refused(str(error)) from error


@api(
    "GET",
    "/domain-records",
    query=DomainQuery,
    answer=mail_shapes.DomainRecords,
    errors=(409,),
    beforehand=_records,
)
def list_domain_records(_tx: Tx, call: Call) -> mail_shapes.DomainRecords:
    """What the domains of the desk's mail must publish. For staff.

    With `look` each says how it stands, and in words what is missing or wrong.
    """
    if not call.who.is_agent:
        message = "only staff are told what domains must publish"
        raise NotFound(message)
    t = say(call.who.language)
    return mail_shapes.DomainRecords(
        items=[
            mail_shapes.DomainRecord(
                what=one.wanted.what,
                name=one.wanted.name,
                type=one.wanted.type,
                value=one.wanted.value,
                line=one.wanted.line,
                verdict=one.verdict,
                findings=[
                    mail_shapes.RecordFinding(
                        verdict=found.verdict, code=found.code, text=domain_words.words(t, found)
                    )
                    for found in one.findings
                ],
                found=list(one.found),
            )
            for one in call.asked
        ]
    )


ENDPOINTS = (list_domain_records,)

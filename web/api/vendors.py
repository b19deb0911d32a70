"""Cases at vendors over the API: opened, written on, kept up to date, told to the customer; the triage and the score."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from core.desk import search, vendor_cases, vendor_score, vendor_views, waiting
from core.desk.views import VendorCaseView
from core.rules.vendor import Share
from core.store.tx import Tx
from web.api import shapes, shown, vendor_shapes
from web.api.endpoint import Body, Call, Query, api
from web.api.tickets import Name, Seen, Words

Short = Annotated[str, Field(max_length=100)]
FileIds = Annotated[
    list[Name],
    Field(max_length=50, description="Ids of files of the ticket that go along; nothing else of it does."),
]
Wait = Annotated[bool, Field(description="The ticket waits for the vendor from now on.")]
MARKS = {
    "working": vendor_cases.working,
    "solved": vendor_cases.solved,
    "reopened": vendor_cases.reopen,
    "closed": vendor_cases.close,
    "waiting": vendor_cases.wait_for,
}


class NewCase(Body):
    """What is asked of which vendor."""

    vendor: Name
    subject: Annotated[str, Field(min_length=1, max_length=300, pattern=r"\S")]
    text: Words
    severity: Short = ""
    reference: Short = ""
    serial: Short = ""
    rma: Short = ""
    files: FileIds = Field(default_factory=list)
    wait: Wait = False
    send: Annotated[bool, Field(description="False: a draft, whose text only its author sees.")] = True


class Said(Body):
    """Words for the vendor."""

    text: Words
    files: FileIds = Field(default_factory=list)
    wait: Wait = False


class Details(Body):
    """What changes; a field that is left out keeps its value."""

    reference: Short | None = None
    severity: Short | None = None
    serial: Short | None = None
    rma: Short | None = None
    reference_shown: bool | None = None
    next_update_due: Annotated[
        AwareDatetime | Literal["none"] | None, Field(description="Ahead of now; `none`: nothing is awaited.")
    ] = None


class Mark(Body):
    """What is true of the case now."""

    state: Annotated[
        Literal["working", "solved", "reopened", "closed", "waiting"],
        Field(description="waiting: the ticket waits for them."),
    ]


class Promote(Body):
    """What the customer is told, in words of yours."""

    text: Words
    message: Annotated[Name | None, Field(description="Id of the vendor's message that it tells of.")] = None
    seen: Seen = None


class HandOver(Body):
    """Which case the mail belongs to."""

    ticket: Annotated[str, Field(min_length=1, max_length=20, description="Number.")]
    case: Name


class MonthQuery(Query):
    """Which month."""

    month: Annotated[str, Field(max_length=7, description="Such as 2026-03; empty: the present one.")] = ""


@api("GET", "/vendors", answer=vendor_shapes.Vendors, errors=(403,))
def list_vendors(tx: Tx, call: Call) -> vendor_shapes.Vendors:
    """Vendors of the desk's file. For staff."""
    return vendor_shapes.Vendors(items=list(vendor_views.names(tx, call.who)))


@api("GET", "/vendor-cases", answer=vendor_shapes.VendorCases, errors=(403,))
def list_vendor_cases(tx: Tx, call: Call) -> vendor_shapes.VendorCases:
    """Cases that are not closed: those that wait for us first, then what is due first. For staff."""
    return _cases(vendor_views.listing(tx, call.who))


@api("GET", "/vendor-triage", answer=vendor_shapes.VendorTriage)
def list_vendor_triage(tx: Tx, call: Call) -> vendor_shapes.VendorTriage:
    """Mail of vendors that belongs to no case for sure. For those who see every ticket; others get none."""
    return vendor_shapes.VendorTriage(
        items=[
            vendor_shapes.VendorMail(
                id=one.id,
                received_at=one.received_at,
                sender=one.sender,
                subject=one.subject,
                text=one.text,
                why=one.why,
                vendor=one.vendor,
                named=_summary(one.named) if one.named else None,
            )
            for one in vendor_views.triage(tx, call.who)
        ]
    )


@api("POST", "/vendor-triage/{id}/hand", body=HandOver, answer=shapes.InboundItem)
def hand_vendor_mail(tx: Tx, call: Call) -> shapes.InboundItem:
    """This mail of the triage belongs to that case: it is read again for it."""
    asked: HandOver = call.body
    given = {"number": asked.ticket, "vendor_case": asked.case}
    search.inbound_item(tx, call.who, call.path["id"])  # raises NotFound for what is out of scope
    waiting.hand_to_vendor_case(tx, call.who, call.path["id"], **given, now=call.now)
    return shown.inbound_item(search.inbound_item(tx, call.who, call.path["id"]))


@api("GET", "/vendor-score", query=MonthQuery, answer=vendor_shapes.VendorScores, errors=(403,))
def get_vendor_score(tx: Tx, call: Call) -> vendor_shapes.VendorScores:
    """How good each vendor was, of the cases opened in a month. For who leads."""
    asked: MonthQuery = call.query
    found = vendor_score.of_month(tx, call.who, now=call.now, month=asked.month)
    return vendor_shapes.VendorScores(
        month=found.month,
        items=[
            vendor_shapes.VendorScore(
                vendor=one.vendor,
                cases=one.score.cases,
                answered=_share(one.score.answered),
                promises=_share(one.score.promises),
                reopened=one.score.reopened,
                leg=_share(one.score.leg),
            )
            for one in found.vendors
        ],
    )


@api("GET", "/tickets/{number}/vendor-cases", answer=vendor_shapes.VendorCases, errors=(403,))
def list_ticket_vendor_cases(tx: Tx, call: Call) -> vendor_shapes.VendorCases:
    """The cases of a ticket, oldest first. For staff; a contact finds in the ticket that a vendor is engaged."""
    return _cases(vendor_views.of_ticket(tx, call.who, call.number))


@api("GET", "/tickets/{number}/vendor-cases/{id}", answer=vendor_shapes.VendorCase, errors=(403,))
def get_vendor_case(tx: Tx, call: Call) -> vendor_shapes.VendorCase:
    """A case with its conversation. For staff."""
    return _case(tx, call, call.path["id"])


@api("POST", "/tickets/{number}/vendor-cases", body=NewCase, answer=vendor_shapes.VendorCase, status=201)
def open_vendor_case(tx: Tx, call: Call) -> vendor_shapes.VendorCase:
    """Open a case: the vendor gets the text and the named files, and nothing else.

    409 while the ticket waits for an approval, before anybody knows what it is about, and after its end.
    """
    asked: NewCase = call.body
    case = vendor_cases.open_case(
        tx,
        call.who,
        call.number,
        vendor=asked.vendor,
        subject=asked.subject,
        text=asked.text,
        severity=asked.severity,
        reference=asked.reference,
        serial=asked.serial,
        rma=asked.rma,
        of_ticket=asked.files,
        wait=asked.wait,
        send=asked.send,
        idem=call.key,
        now=call.now,
    )
    return _case(tx, call, case)


@api("POST", "/tickets/{number}/vendor-cases/{id}/write", body=Said, answer=vendor_shapes.VendorCase)
def write_to_vendor(tx: Tx, call: Call) -> vendor_shapes.VendorCase:
    """Write to the vendor; a draft is opened by it."""
    asked: Said = call.body
    given = {"of_ticket": asked.files, "wait": asked.wait, "idem": call.key}
    vendor_cases.write(
        tx,
        call.who,
        call.number,
        call.path["id"],
        asked.text,
        now=call.now,
        **given,  # type: ignore[arg-type]
    )
    return _case(tx, call, call.path["id"])


@api("POST", "/tickets/{number}/vendor-cases/{id}/describe", body=Details, answer=vendor_shapes.VendorCase)
def describe_vendor_case(tx: Tx, call: Call) -> vendor_shapes.VendorCase:
    """What the vendor calls it, how grave it is there, and by when they are to write again."""
    asked: Details = call.body
    due = asked.next_update_due
    vendor_cases.describe(
        tx,
        call.who,
        call.number,
        call.path["id"],
        reference=asked.reference,
        severity=asked.severity,
        serial=asked.serial,
        rma=asked.rma,
        reference_shown=asked.reference_shown,
        next_update_due=None if due == "none" else due,
        no_update_due=due == "none",
        now=call.now,
    )
    return _case(tx, call, call.path["id"])


@api("POST", "/tickets/{number}/vendor-cases/{id}/mark", body=Mark, answer=vendor_shapes.VendorCase)
def mark_vendor_case(tx: Tx, call: Call) -> vendor_shapes.VendorCase:
    """They work on it, it is solved, it is not solved, it is closed, or the ticket waits for them."""
    asked: Mark = call.body
    MARKS[asked.state](tx, call.who, call.number, call.path["id"], now=call.now)
    return _case(tx, call, call.path["id"])


@api("POST", "/tickets/{number}/vendor-cases/{id}/promote", body=Promote, answer=vendor_shapes.VendorCase)
def promote_vendor_words(tx: Tx, call: Call) -> vendor_shapes.VendorCase:
    """Tell the customer, in words of yours and in your name. Nothing of what the vendor wrote is copied."""
    asked: Promote = call.body
    given = {"message": asked.message, "seen": asked.seen, "idem": call.key}
    vendor_cases.promote(
        tx,
        call.who,
        call.number,
        call.path["id"],
        asked.text,
        now=call.now,
        **given,  # type: ignore[arg-type]
    )
    return _case(tx, call, call.path["id"])


# --- Shown --------------------------------------------------------------------------------------------------


def _case(tx: Tx, call: Call, case_id: str) -> vendor_shapes.VendorCase:
    found = vendor_views.one(tx, call.who, call.number, case_id)
    return vendor_shapes.VendorCase(
        **_summary(found.case).model_dump(),
        messages=[shown.message(one) for one in found.messages],
        to=list(found.to),
        masks=found.masks,
    )


def _cases(found: tuple[VendorCaseView, ...]) -> vendor_shapes.VendorCases:
    return vendor_shapes.VendorCases(items=[_summary(one) for one in found])


def _summary(one: VendorCaseView) -> vendor_shapes.VendorCaseSummary:
    return vendor_shapes.VendorCaseSummary(
        id=one.id,
        ticket=one.number,
        vendor=one.vendor,
        contract=one.contract,
        reference=one.reference,
        subject=one.subject,
        state=one.state,  # type: ignore[arg-type]
        severity=one.severity,
        rma=one.rma,
        serial=one.serial,
        reference_shown=one.reference_shown,
        made_at=one.made_at,
        opened_at=one.opened_at,
        first_answer_at=one.first_answer_at,
        next_update_due=one.next_update_due,
        solved_at=one.solved_at,
        closed_at=one.closed_at,
        reopened=one.reopened,
        kept=one.kept,
        late=one.late,
        allowed=list(one.allowed),
    )


def _share(one: Share) -> vendor_shapes.Share:
    return vendor_shapes.Share(met=one.met, of=one.of, percent=one.percent)


ENDPOINTS = (
    list_vendors,
    list_vendor_cases,
    list_vendor_triage,
    hand_vendor_mail,
    get_vendor_score,
    list_ticket_vendor_cases,
    get_vendor_case,
    open_vendor_case,
    write_to_vendor,
    describe_vendor_case,
    mark_vendor_case,
    promote_vendor_words,
)

"""What does a mail say? Bytes and envelope in, one `Inbound` out; never raises, whatever the bytes are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from channels.email import threadindex
from channels.email.reading import (
    addresses,
    authentication,
    body,
    certified,
    charsets,
    content_key,
    embedded,
    footers,
    forwarded,
    headers,
    hops,
    machine,
    origin,
    ours,
    packed,
    structure,
    subjects,
    until_when,
    visible,
)
from core.addresses import key as address_key
from core.envelope import Address, Inbound, Kind

SUBJECT_CHARACTERS = 1_000


def read(raw: bytes, arrival: Mapping[str, Any], options: Mapping[str, Any]) -> Inbound:
    """Understand one mail as far as its own bytes go.

    `arrival` holds channel, external_id, sender, recipients (of the envelope), received_at and envelope, in which
    a mail that came to us directly has the `answers` of `origin`; `options` what `ours.desk` reads. The result says nothing about who may do what. Limits that were reached, and what could
    not be read, stand in `notes`; the raw mail is stored elsewhere, so nothing is lost.
    """
    desk = ours.desk(options)
    tree = structure.parse(raw)
    carried = certified.opened(tree.root)
    # `root` is what somebody wrote, `header` how it came: for all but certified mail the same.
    root, header = carried.root if carried else tree.root, tree.root.header
    charset = body.charset_of_header(root)

    subject = headers.decoded(root.header.first("subject"), charset)[:SUBJECT_CHARACTERS]
    author = carried.author if carried else addresses.author(header.all("from"), charset)
    to = _listed(header, "to", charset, addresses.ADDRESSES)
    cc = _listed(header, "cc", charset, max(addresses.ADDRESSES - len(to.addresses), 1))
    reply_to = _listed(header, "reply-to", charset, 10).addresses
    envelope_to = [str(a) for a in arrival.get("recipients") or ()]
    known_id = headers.message_id(root.header.first("message-id"))
    in_reply_to = headers.ids(" ".join(root.header.all("in-reply-to")[:5]), headers.IDS)
    every_reference = headers.ids(" ".join(root.header.all("references")[:5]))
    references = _references(every_reference)

    delivered_to = _delivered(header)
    written_to, copied_to = ([a.address for a in field.addresses] for field in (to, cc))
    reply_tokens = _tokens("r", desk, envelope_to, delivered_to, [*written_to, *copied_to])

    content = body.read(root)
    if carried:
        subject = subject or certified.subject(headers.decoded(header.first("subject")))[:SUBJECT_CHARACTERS]
        content = certified.beside(content, body.read(tree.root), carried.notes)
    forward = _is_forward(subject, attached=content.attached_message, answers=bool(in_reply_to))
    writer = f"{author.address.name} {author.address.address}" if author.address is not None else ""
    spans = visible.spans(
        content.text,
        forward=forward,
        first=_is_first(
            header,
            subject,
            content,
            answers=bool(
                in_reply_to or every_reference or reply_tokens or ours.is_marked(content.text, desk)
            ),
        ),
        author=writer,
        cuts=content.cuts,
        signatures=content.signatures,
    )
    forward = forward or (
        not subjects.answers(subject) and not in_reply_to and forwarded.whole(content, spans)
    )
    passed_on = forwarded.author(root, content, spans) if forward else None
    # A mailbox knows no envelope (IMAP): its server wrote down where it delivered, and who reports wrote where to.
    bounce_tokens = (
        ours.tokens(envelope_to, desk, "b") if envelope_to else _tokens("b", desk, delivered_to, written_to)
    )
    shown = visible.shown(content.text, spans)
    verdict = machine.judge(
        root,
        subject=subject,
        null_sender=_is_null_sender(arrival),
        author=author.address.address if author.address is not None else "",
        message_id=known_id,
        text=content.text,
        shown=shown,
        bounce_tokens=bounce_tokens,
        desk=desk,
    )
    own_id = headers.message_id(header.first("message-id")) if carried else known_id
    dated = headers.date(header.first("date"))
    day = int(dated.timestamp() // 86_400) if dated is not None else 0
    key, *key_of_old = content_key.of(tree, own_id, day=day, own_hops=_own_hops(arrival, desk))
    answers = (arrival.get("envelope") or {}).get("answers")
    if answers is not None:
        proof = origin.judge(raw, tree.root, answers, arrival, desk)
    else:
        proof = authentication.read(header, _believed(arrival, desk), below=desk.received_above_results)
    servers, own_servers = hops.counted(header, desk)
    notes = [*tree.notes, *content.notes, *_address_notes(to, cc)]
    if charsets.UNREADABLE in subject or charsets.UNREADABLE in author.text:
        notes.append(charsets.UNREADABLE_NOTE)
    came = _instant(arrival.get("received_at")) or dated
    if verdict.kind is Kind.OUT_OF_OFFICE and came is not None:
        back = until_when.told(subject, shown, came=came.date())
        notes.extend([back] if back else [])
    return Inbound(
        channel=str(arrival.get("channel") or "email"),
        kind=verdict.kind,
        kind_evidence=verdict.evidence,
        by_words=verdict.by_words,
        may_auto_reply=verdict.may_auto_reply and author.address is not None,
        author=author.address,
        author_text=author.text,
        author_defects=author.defects,
        servers=servers,
        own_servers=own_servers,
        under_our_name=verdict.under_our_name,
        reply_to=reply_to[0] if len(reply_to) == 1 else None,
        original_sender=_original_sender(header, charset),
        to=to.addresses,
        cc=cc.addresses,
        own_addresses=ours.own(
            (*to.addresses, *cc.addresses, *reply_to, *(a for a in (author.address, passed_on) if a)), desk
        ),
        mailbox=_mailbox(arrival, desk, envelope_to, delivered_to, [*written_to, *copied_to]),
        delivered_to=None if envelope_to else _put_there(header),
        reply_tokens=reply_tokens,
        bounce_tokens=bounce_tokens,
        subject=subject,
        text=content.text,
        spans=spans,
        footers=footers.offered(content.text, spans, writer) if verdict.kind is Kind.HUMAN else (),
        html=content.html,
        attachments=content.files,
        message_id=known_id or f"{key[:40]}@no-message-id.invalid",
        in_reply_to=tuple(in_reply_to),
        references=tuple(references),
        thread_index=threadindex.read(header.first("thread-index")),
        own_refs=ours.refs([*in_reply_to, *reversed(every_reference)], desk),
        body_refs=() if forward else ours.body_refs(content.text, spans, desk),
        loop_ref=ours.loop_ref(header.all("x-centralino-loop")[:5], known_id, desk)
        if verdict.kind is Kind.OWN_LOOP
        else "",
        loop_marked=bool(desk.loop_key)
        and any(ours.is_own_loop(one, desk) for one in header.all("x-centralino-loop")[:5]),
        ticket_numbers=ours.ticket_numbers(subject),
        named_numbers=ours.named_numbers(subject),
        forward=forward,
        forwarded_from=passed_on,
        forwarded_signer=_signer(root, content, answers, arrival) if forward else "",
        sent_at=(headers.date(root.header.first("date")) if carried else dated)
        or _instant(arrival.get("received_at")),
        content_key=key,
        content_key_of_old=next(iter(key_of_old), ""),
        identified=bool(own_id),
        words_key="" if own_id else content_key.words(tree),
        authentication=certified.proof(proof, carried) if carried else proof,
        report=verdict.report,
        calendar=packed.calendar_word(root),
        notes=tuple(dict.fromkeys(notes)),
    )


def _signer(
    root: structure.Part, content: body.Body, answers: Mapping[str, Any] | None, arrival: Mapping[str, Any]
) -> str:
    original = forwarded.original(root) if content.attached_message and answers else None
    return origin.signer_of_original(original, answers, arrival) if original and answers else ""


def _listed(header: structure.Header, name: str, charset: str, limit: int) -> addresses.Listed:
    values = header.by_name.get(name)
    if not values:
        return _NOBODY
    if len(values) == 1:
        return addresses.parse(values[0], charset, limit)
    found: list[Address] = []
    for value in values[:20]:
        found.extend(addresses.parse(value, charset, limit).addresses)
    return addresses.Listed(tuple(found[:limit]))


_NOBODY = addresses.Listed(())


def _original_sender(header: structure.Header, charset: str) -> Address | None:
    """Whom a group names that writes in its own name for others, as Google's do."""
    for name in ("x-original-from", "x-original-sender"):
        if name not in header.by_name:
            continue
        found = _listed(header, name, charset, 2).addresses
        if len(found) == 1:
            return found[0]
    return None


def _address_notes(*fields: addresses.Listed) -> list[str]:
    return [
        f"more than {addresses.ADDRESSES} addresses: the others are in the original mail"
        for field in fields
        if any(defect.startswith("more than") for defect in field.defects)
    ]


def _references(found: list[str]) -> list[str]:
    """Of very many the oldest and the last are kept: the root, and what is answered."""
    return found if len(found) <= headers.IDS else [found[0], *found[1 - headers.IDS :]]


def _mailbox(arrival: Mapping[str, Any], desk: ours.Desk, *sources: list[str]) -> str:
    """Which address of ours it came to: by the first of these that names one, else by whose mailbox it lay in (IMAP)."""
    lay_in = str((arrival.get("envelope") or {}).get("user") or "")
    for source in (*sources, [lay_in] if lay_in else []):
        named = ours.mailbox(source, desk)
        if named in desk.addresses:
            return named
    first, *others = (ours.mailbox(source, desk) for source in sources)
    return first or (desk.addresses[0] if desk.addresses else next(filter(None, others), ""))


def _tokens(mark: str, desk: ours.Desk, *sources: list[str]) -> tuple[str, ...]:
    """From the first of these that holds one: the envelope, else a field (email.md 13)."""
    for source in sources:
        found = ours.tokens(source, desk, mark) if source else ()
        if found:
            return found
    return ()


def _delivered(header: structure.Header) -> list[str]:
    values = [*header.all("delivered-to")[:20], *header.all("x-original-to")[:20]]
    return [value.strip().strip("<>") for value in values]


def _put_there(header: structure.Header) -> tuple[str, ...]:
    """Where the server of a mailbox says on top that it delivered; what stands below anybody may have written."""
    on_top = [value for name in ("delivered-to", "x-original-to") for value in header.all(name)[:1]]
    return tuple(dict.fromkeys(address_key(value.strip().strip("<>")) for value in on_top))


def _is_forward(subject: str, *, attached: bool, answers: bool) -> bool:
    """The subject says so; or a mail is attached to one that answers nothing."""
    word = subjects.word(subject)
    if answers or word not in subjects.EITHER:
        return word in subjects.FORWARDS or (attached and not answers and word not in subjects.ANSWERS)
    return True


def _is_first(header: structure.Header, subject: str, content: body.Body, *, answers: bool) -> bool:
    """Nothing says that the mail answers one: no field, no word before the subject, no line of ours.

    Devices and web forms write neither an id nor a day. So do gateways that take away all such fields, the answered
    one among them: then what Outlook writes above the history still says that there is one.
    """
    if answers or subjects.answers(subject):
        return False
    if header.first("message-id") or header.first("date") or "MsoNormal" not in content.html:
        return True
    lines = [line.strip() for line in content.text.split("\n", visible.LINES)]
    return not any(embedded.header(lines, at) for at, line in enumerate(lines) if at and line)


def _is_null_sender(arrival: Mapping[str, Any]) -> bool:
    """By SMTP and LMTP an empty sender means a report (RFC 5321, 4.5.5); an IMAP mailbox knows none at all."""
    protocol = str((arrival.get("envelope") or {}).get("protocol", "")).upper()
    return protocol in ("SMTP", "ESMTP", "LMTP") and str(arrival.get("sender") or "") in ("", "<>")


def _believed(arrival: Mapping[str, Any], desk: ours.Desk) -> frozenset[str]:
    """Whose Authentication-Results count: nobody's where the sender itself may have handed the mail in.

    Behind LMTP and IMAP stands the server that took the mail. By SMTP anybody may come; only a configured relay
    takes mail for us and puts its own results on top.
    """
    envelope = arrival.get("envelope") or {}
    if (
        str(envelope.get("protocol", "")).upper() in ("SMTP", "ESMTP")
        and envelope.get("peer") not in desk.trusted_peers
    ):
        return frozenset()
    return desk.authserv_ids


def _own_hops(arrival: Mapping[str, Any], desk: ours.Desk) -> int:
    """How many Received fields on top are of servers of ours: by SMTP from anybody none is, we add none ourselves."""
    envelope = arrival.get("envelope") or {}
    by_smtp = str(envelope.get("protocol", "")).upper() in ("SMTP", "ESMTP")
    return 0 if by_smtp and envelope.get("peer") not in desk.trusted_peers else 1


def _instant(value: object) -> datetime | None:
    return value if isinstance(value, datetime) else None

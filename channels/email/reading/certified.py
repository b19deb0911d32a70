"""What does Italian certified mail (PEC) say? The envelope a provider puts around a mail, and the receipts it sends.

After the technical rules of 2 November 2005: `X-Trasporto` on envelopes, `X-Ricevuta` on receipts, the mail itself as
postacert.eml, the data as daticert.xml. The provider's signature is not checked here, so nothing of it is proof.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import unescape

from channels.email.reading import addresses, attachments, bounce_reasons, charsets, headers, structure
from channels.email.reading.body import Body
from core.envelope import Attachment, Authentication, Kind, ReportedRecipient

DATA_BYTES = 256 * 1024
VALUE_CHARACTERS = 1_000
UNCHECKED = "certified mail: the signature of its provider is not checked"
_PREFIXES = ("posta certificata:", "anomalia messaggio:")


# --- The envelope ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Envelope:
    """A mail as its writer wrote it, and what the provider says of it."""

    root: structure.Part
    """postacert.eml, opened."""
    author: addresses.Author
    foreign: bool
    """The provider's domain is not the writer's: what proves the one proves nothing of the other."""
    notes: tuple[str, ...]


def opened(root: structure.Part) -> Envelope | None:
    """The mail inside an envelope of certified mail; None for every other mail."""
    sort = root.header.first("x-trasporto").strip().lower()
    if sort not in ("posta-certificata", "errore"):
        return None
    carried = _part(root, "postacert.eml") or _part(root, "", kind="message/rfc822")
    if carried is None:
        return None
    tree = structure.parse(attachments.content(carried))
    note = (
        "certified mail (PEC): read from postacert.eml, the provider's own words are beside it"
        if sort == "posta-certificata"
        else "an envelope of anomaly (PEC): the mail inside came by ordinary mail and is not certified"
    )
    author, doubts = _writer(root, tree.root)
    carrier = addresses.author(root.header.all("from")).address
    foreign = carrier is None or author.address is None or carrier.domain != author.address.domain
    if foreign:
        author = replace(author, defects=(*author.defects, UNCHECKED))
    return Envelope(tree.root, author, foreign, (note, *tree.notes, *doubts))


def _writer(root: structure.Part, inside: structure.Part) -> tuple[addresses.Author, tuple[str, ...]]:
    """Whom the provider names as the sender; by the name the mail inside gives, where it is the same address."""
    header = root.header
    told = addresses.author(inside.header.all("from"), inside.parameters.get("charset", ""))
    reply_to = addresses.parse(header.first("reply-to"), "", 2).addresses
    for written in (
        _element(_data(root), "mittente"),
        headers.decoded(header.first("from")).partition("Per conto di:")[2].partition("<")[0],
        reply_to[0].address if len(reply_to) == 1 else "",
    ):
        found = addresses.parse(written.strip().strip('"').strip(), "", 2).addresses
        if len(found) == 1 and found[0].domain:
            break
    else:
        return told, ()
    if told.address is not None and told.address.address.lower() == found[0].address.lower():
        return told, ()
    named = told.address.address if told.address is not None else told.text or "nobody"
    doubt = f"the mail inside names another writer than its provider: {named}"
    return addresses.Author(found[0], headers.decoded(header.first("from")), (doubt,)), (doubt,)


def subject(outer: str) -> str:
    """The subject of an envelope whose mail has none.

    >>> subject("POSTA CERTIFICATA: Guasto")
    'Guasto'
    """
    for prefix in _PREFIXES:
        if outer.lower().startswith(prefix):
            return outer[len(prefix) :].strip()
    return outer


def proof(found: Authentication, envelope: Envelope) -> Authentication:
    """What the checks of the provider's mail say of the writer: nothing good of another domain."""
    if envelope.foreign and found.verdict == "pass":
        return Authentication(
            evidence=(*found.evidence, "of the provider that carried it, not of the writer")
        )
    return found


def beside(inside: Body, outside: Body, notes: Sequence[str]) -> Body:
    """What the writer wrote, with the provider's words, data and signature as files."""
    wrapper = Attachment(
        name="busta-di-trasporto.txt", type="text/plain", content=outside.text.encode("utf-8", "replace")
    )
    inside.files = (*inside.files, wrapper, *outside.files)
    inside.notes = list(dict.fromkeys((*notes, *inside.notes, *outside.notes)))
    return inside


# --- Receipts --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a provider tells about a mail of ours."""

    kind: Kind
    sort: str
    """As the provider calls it: accettazione, avvenuta-consegna, errore-consegna …"""
    recipients: tuple[ReportedRecipient, ...]
    about: tuple[str, ...]
    """Message-IDs of the mail it is about."""


def receipt(root: structure.Part, text: str) -> Receipt | None:
    """A receipt of certified mail; None for every other mail."""
    header = root.header
    if "x-trasporto" in header.by_name:
        return None
    sort = " ".join(header.first("x-ricevuta").lower().split())[:60]
    data = _data(root)
    if not sort and data and header.first("from").lower().find("posta-certificata@") >= 0:
        sort = _attribute(data, "postacert", "tipo").lower()  # somebody's gateway took the fields off
    if not sort or sort in ("posta-certificata", "errore"):
        return None
    about = (
        *headers.ids(header.first("x-riferimento-message-id"), 5),
        *headers.ids(_element(data, "msgid"), 5),
    )
    words = " ".join(text[: bounce_reasons.REASON_CHARACTERS].split())
    said = " ".join(_element(data, "errore-esteso").split()) or words
    who = _element(data, "consegna") or _element(data, "destinatari") or _addressee(words)
    failed = any(word in sort for word in _FAILED)
    action = "failed" if failed else "delivered" if sort.startswith("avvenuta") else "relayed"
    status = _status(sort, data, f"{said} {words}") if failed else ""
    hard = failed and bounce_reasons.is_hard(status, said if said is words else f"{said} {words}")
    one = ReportedRecipient(recipient=who[:320], action=action, status=status, hard=hard, text=said[:500])
    kind = Kind.BOUNCE_HARD if hard else Kind.BOUNCE_SOFT if failed else Kind.RELAYED_OK
    return Receipt(kind, sort, (one,), tuple(dict.fromkeys(about)))


def _addressee(words: str) -> str:
    """Whom the text names as the recipient: it names the sender before."""
    for label in ("destinato all'utente", "indirizzato a", "destinatario"):
        for word in words.partition(label)[2][:400].split()[:4]:
            if "@" in word:
                return word.strip("\"'<>(),;:.")
    return ""


_FAILED = ("errore", "mancata", "non-accettazione", "virus")
_BY_ERROR = {"no-dest": "5.1.1", "no-dominio": "5.1.2"}
EXPIRED = "4.4.7"  # RFC 3463: the delivery time is over


def _status(sort: str, data: str, words: str) -> str:
    """The code that is written, else what the kind of error means."""
    written = bounce_reasons.best_status("", words)
    if written:
        return written
    known = _BY_ERROR.get(_attribute(data, "postacert", "errore").lower(), "")
    return known or (EXPIRED if sort.startswith("preavviso") or "tempi massimi" in words.lower() else "")


# --- The provider's data ---------------------------------------------------------------------------------------


def _data(root: structure.Part) -> str:
    part = _part(root, "daticert.xml")
    if part is None:
        return ""
    return charsets.text(attachments.content(part)[:DATA_BYTES], part.parameters.get("charset", ""))


def _part(root: structure.Part, name: str, *, kind: str = "") -> structure.Part | None:
    """The first part of this name, or of this type; not inside attached mails."""
    for part in structure.parts(root):
        if part.children:
            continue
        if (kind and part.type == kind) or (
            name and attachments.disposition(part)[1].strip().lower() == name
        ):
            return part
    return None


def _element(data: str, name: str) -> str:
    """The text of the first element of this name."""
    start = data.find(f"<{name}")
    start = data.find(">", start) + 1 if start >= 0 else 0
    end = data.find(f"</{name}>", start) if start else -1
    return unescape(data[start:end][:VALUE_CHARACTERS]).strip() if end >= 0 else ""


def _attribute(data: str, element: str, name: str) -> str:
    start = data.find(f"<{element}")
    inside = data[start : data.find(">", start)][:VALUE_CHARACTERS] if start >= 0 else ""
    for quote in "\"'":
        _, found, after = inside.partition(f" {name}={quote}")
        if found:
            return unescape(after.partition(quote)[0]).strip()
    return ""

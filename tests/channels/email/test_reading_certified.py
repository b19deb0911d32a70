"""Italian certified mail: the mail inside the envelope is what was written, and a receipt is about a delivery."""

from __future__ import annotations

import pytest

from core.envelope import Kind
from tests.channels.email.reading_mails import TOKEN, a_mail, parts, understood

DATA = """<?xml version="1.0" encoding="UTF-8"?>
<postacert tipo="{sort}" errore="{error}"><intestazione><mittente>{sender}</mittente>
<destinatari tipo="certificato">{to}</destinatari><oggetto>Guasto</oggetto></intestazione>
<dati><gestore-emittente>Gestore</gestore-emittente><msgid>&lt;m.{ref}@hub.test&gt;</msgid>{more}</dati></postacert>
"""
INSIDE = (
    "From: Mario Rossi <mario@pec.acme.test>\nTo: support@hub.test\nSubject: Guasto\nMessage-ID: <inner@pec.acme.test>\n"
    "In-Reply-To: <m.{ref}@hub.test>\nContent-Type: text/plain; charset=utf-8\n\nLa linea è ferma.\n"
)


def data(
    sort: str, *, error: str = "nessuno", to: str = "mario@pec.acme.test", more: str = "", ref: str = TOKEN
) -> str:
    sender = "mario@pec.acme.test" if sort == "posta-certificata" else "support@hub.test"
    return DATA.format(sort=sort, error=error, sender=sender, to=to, more=more, ref=ref)


def an_envelope(
    *lines: str, sort: str = "posta-certificata", inside: str = INSIDE, encoding: str = "8bit", **fields: str
) -> bytes:
    """A mail in its provider's envelope, as providers write them."""
    carried = inside.replace("{ref}", TOKEN)
    inner, content = parts(
        "Content-Type: text/plain; charset=utf-8\n\nMessaggio di posta certificata\n\nIl giorno 23/11/2026 …",
        f'Content-Type: message/rfc822; name="postacert.eml"\nContent-Transfer-Encoding: {encoding}\n\n{carried}',
        f'Content-Type: application/xml; name="daticert.xml"\n\n{data("posta-certificata")}',
        boundary="m",
    )
    kind, signed = parts(
        f"{inner}\n\n{content}",
        'Content-Type: application/pkcs7-signature; name="smime.p7s"\n\nx',
        kind="signed",
        boundary="s",
    )
    known = {
        "from": '"Per conto di: mario@pec.acme.test" <posta-certificata@gestore.test>',
        "subject": "POSTA CERTIFICATA: Guasto",
        "message_id": "<outer@gestore.test>",
        "reply_to": "mario@pec.acme.test",
    }
    return a_mail(signed, f"X-Trasporto: {sort}", kind, *lines, **known | fields)


def test_what_was_written_is_read_from_inside_and_the_providers_words_stand_beside_it():
    inbound = understood(an_envelope())

    assert inbound.kind is Kind.HUMAN
    assert inbound.text.strip() == "La linea è ferma."
    assert inbound.subject == "Guasto"
    assert (inbound.author.address, inbound.author.name) == ("mario@pec.acme.test", "Mario Rossi")
    assert inbound.reply_to.address == "mario@pec.acme.test"
    assert inbound.message_id == "inner@pec.acme.test", "the id that the writer's program knows"
    assert inbound.own_refs == (TOKEN,)
    names = [file.name for file in inbound.attachments]
    assert names == ["busta-di-trasporto.txt", "postacert.eml", "daticert.xml", "smime.p7s"]
    assert "Messaggio di posta certificata" in inbound.attachments[0].content.decode()
    assert any("certified" in note for note in inbound.notes)
    assert inbound.mailbox == "support@hub.test"


def test_files_inside_are_files_of_the_mail():
    kind, content = parts(
        "Content-Type: text/plain\n\nEcco.",
        'Content-Type: application/pdf; name="guasto.pdf"\n\nx',
        boundary="i",
    )
    inside = f"From: mario@pec.acme.test\nSubject: Guasto\n{kind}\n\n{content}"

    inbound = understood(an_envelope(inside=inside))

    assert inbound.text.strip() == "Ecco."
    assert inbound.attachments[0].name == "guasto.pdf"


@pytest.mark.parametrize(
    "domain", [("gestore.test", "none"), ("pec.acme.test", "pass")], ids=["another domain", "the same domain"]
)
def test_the_providers_proof_is_not_the_writers(domain):
    provider, verdict = domain
    envelope = an_envelope(
        f"Authentication-Results: mx.hub.test; dmarc=pass header.from={provider}",
        **{"from": f'"Per conto di: mario@pec.acme.test" <posta-certificata@{provider}>'},
    )

    inbound = understood(envelope, protocol="LMTP")

    assert inbound.authentication.verdict == verdict
    assert bool(inbound.author_defects) is (verdict == "none")


def test_a_writer_that_the_provider_does_not_name_is_not_believed():
    inside = "From: Alice <alice@cust-a.test>\nSubject: x\n\nLa linea è ferma.\n"

    inbound = understood(an_envelope(inside=inside))

    assert inbound.author.address == "mario@pec.acme.test"
    assert any("alice@cust-a.test" in note for note in inbound.notes)


def test_an_envelope_of_anomaly_shows_the_mail_inside_and_says_that_it_is_not_certified():
    inbound = understood(an_envelope(sort="errore", subject="ANOMALIA MESSAGGIO: Guasto"))

    assert (inbound.kind, inbound.text.strip()) == (Kind.HUMAN, "La linea è ferma.")
    assert any("not certified" in note for note in inbound.notes)


@pytest.mark.parametrize(
    "lines", [["X-Trasporto: posta-certificata"], ["X-Trasporto: errore"], ["X-Trasporto: altro"]]
)
def test_an_envelope_without_a_mail_inside_is_an_ordinary_mail(lines):
    inbound = understood(a_mail("Non c'è altro.", *lines))

    assert (inbound.kind, inbound.text.strip()) == (Kind.HUMAN, "Non c'è altro.")
    assert inbound.author.address == "alice@cust-a.test"


def test_an_absence_that_is_sent_as_certified_mail_is_an_automatic_answer():
    inside = INSIDE.replace("Subject:", "Auto-Submitted: auto-replied\nSubject:").replace(
        "è ferma", "sono in ferie"
    )

    assert understood(an_envelope(inside=inside)).kind is Kind.OUT_OF_OFFICE


def a_receipt(
    sort: str, *, error: str = "nessuno", more: str = "", text: str = "Ricevuta", lines: tuple[str, ...] = ()
) -> bytes:
    kind, content = parts(
        f"Content-Type: text/plain; charset=utf-8\n\n{text}",
        f'Content-Type: application/xml; name="daticert.xml"\n\n{data(sort, error=error, more=more)}',
    )
    return a_mail(
        content, kind, f"X-Ricevuta: {sort}", *lines,
        **{"from": "posta-certificata@gestore.test", "subject": f"{sort.upper()}: Guasto"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sort", "error", "more", "kind", "action", "status"),
    [
        ("accettazione", "nessuno", "", Kind.RELAYED_OK, "relayed", ""),
        ("presa-in-carico", "nessuno", "", Kind.RELAYED_OK, "relayed", ""),
        ("avvenuta-consegna", "nessuno", "<consegna>mario@pec.acme.test</consegna>", Kind.RELAYED_OK, "delivered", ""),
        ("errore-consegna", "no-dest", "<errore-esteso>5.1.1 - indirizzo non valido</errore-esteso>", Kind.BOUNCE_HARD, "failed", "5.1.1"),
        ("errore-consegna", "no-dominio", "", Kind.BOUNCE_HARD, "failed", "5.1.2"),
        ("errore-consegna", "altro", "<errore-esteso>5.2.2 - casella piena</errore-esteso>", Kind.BOUNCE_SOFT, "failed", "5.2.2"),
        ("mancata-consegna", "altro", "", Kind.BOUNCE_SOFT, "failed", ""),
        ("non-accettazione", "altro", "", Kind.BOUNCE_SOFT, "failed", ""),
        ("preavviso-errore-consegna", "altro", "", Kind.BOUNCE_SOFT, "failed", "4.4.7"),
        ("rilevazione-virus", "virus", "", Kind.BOUNCE_SOFT, "failed", ""),
    ],
)  # fmt: skip
def test_a_receipt_says_what_became_of_the_mail_it_is_about(sort, error, more, kind, action, status):
    inbound = understood(a_receipt(sort, error=error, more=more))

    assert inbound.kind is kind
    assert not inbound.may_auto_reply
    assert inbound.report.certified
    assert inbound.report.own_refs == (TOKEN,)
    (one,) = inbound.report.recipients
    assert (one.recipient, one.action, one.status) == ("mario@pec.acme.test", action, status)
    assert one.hard is (kind is Kind.BOUNCE_HARD)


def test_a_receipt_is_known_by_its_field_or_by_the_providers_data_alone():
    by_field = a_mail(
        'Il messaggio "x" proveniente da support@hub.test ed indirizzato a mario@pec.acme.test e\' stato consegnato.',
        "X-Ricevuta: avvenuta-consegna",
        f"X-Riferimento-Message-ID: <m.{TOKEN}@hub.test>",
    )
    by_data = a_receipt("avvenuta-consegna").replace(b"X-Ricevuta: avvenuta-consegna\n", b"")

    for raw in (by_field, by_data):
        inbound = understood(raw)
        assert (inbound.kind, inbound.report.own_refs) == (Kind.RELAYED_OK, (TOKEN,))
        assert inbound.report.recipients[0].recipient == "mario@pec.acme.test"


def test_a_person_who_sends_the_providers_data_on_is_a_person():
    raw = a_receipt("avvenuta-consegna").replace(b"X-Ricevuta: avvenuta-consegna\n", b"")

    assert understood(raw.replace(b"posta-certificata@gestore.test", b"alice@cust-a.test")).kind is Kind.HUMAN


@pytest.mark.parametrize("cut", range(0, 2_400, 97))
def test_half_an_envelope_is_read_as_far_as_it_goes(cut):
    understood(an_envelope()[:cut])
    understood(a_receipt("errore-consegna", error="no-dest")[:cut])

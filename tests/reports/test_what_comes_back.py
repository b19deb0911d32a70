"""What comes back to an envelope sender: is it a failure, an automatic answer, or a person? Where it arrives proves nothing."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.reports.asking import a_mail, answering

AWAY = {
    "en": ("Automatic reply: Printer", "I am out of the office until 7 December."),
    "it": ("Risposta automatica: Stampante", "Sono fuori ufficio fino al 7 dicembre."),
    "de": ("Automatische Antwort: Drucker", "Ich bin bis 7. Dezember nicht im Büro."),
    "fr": ("Réponse automatique : Imprimante", "Je suis absent du bureau jusqu'au 7 décembre."),
    "es": ("Respuesta automática: Impresora", "Estoy fuera de la oficina hasta el 7 de diciembre."),
    "pl": ("Automatyczna odpowiedź: Drukarka", "Jestem poza biurem do 7 grudnia."),
    "cs": ("Automatická odpověď: Tiskárna", "Jsem mimo kancelář do 7. prosince."),
    "hu": ("Automatikus válasz: Nyomtató", "December 7-ig szabadságon vagyok."),
    "tr": ("Otomatik yanıt: Yazıcı", "7 Aralık'a kadar ofis dışındayım."),
    "ru": ("Автоматический ответ: Принтер", "Я в отпуске до 7 декабря."),
    "ja": ("自動応答: プリンター", "本日は不在です。12月7日に戻ります。"),
    "zh": ("自动答复: 打印机", "我正在休假，12月7日回来。"),
    "ar": ("رد تلقائي: الطابعة", "أنا خارج المكتب حتى 7 ديسمبر."),
}


def undelivered(desk, number: str) -> list[str]:
    return [one["state"] for one in desk.deliveries(number) if one["state"] in ("bounced", "given_up")]


def returned(desk):
    """A ticket, and the envelope sender of an answer that has left for it."""
    number = desk.opened()
    answer = desk.answer(number, "alice@acme.test")
    return number, answer


# --- Automatic answers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", AWAY)
def test_an_automatic_answer_at_the_envelope_sender_is_no_failure(desk, language):
    number, answer = returned(desk)
    subject, text = AWAY[language]
    raw = answering(answer, text, "Auto-Submitted: auto-replied", subject=subject, sender="alice@acme.test")

    item = desk.write(raw, sender="", to=answer.sender)

    assert (item["outcome"], item["ticket"]) == ("attached", number)
    assert undelivered(desk, number) == []
    assert text in desk.page(number)
    assert desk.answer(number, "alice@acme.test"), "nothing counts against the address"


def test_an_automatic_answer_as_exchange_writes_it_is_one_though_it_speaks_of_full_mailboxes(desk):
    number, answer = returned(desk)
    raw = answering(
        answer,
        "I am on leave. My mailbox is full, mail will be deleted: user unknown from January.",
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: All",
        subject="Automatic reply: Printer",
        sender="alice@acme.test",
    )

    item = desk.write(raw, sender="", to=answer.sender)

    assert (item["outcome"], item["ticket"]) == ("attached", number)
    assert undelivered(desk, number) == []


@pytest.mark.parametrize("language", ["en", "it", "de", "ru", "ja"])
@pytest.mark.parametrize("reference", [True, False])
def test_an_unmarked_automatic_answer_there_is_seen_and_no_failure(desk, language, reference):
    number, answer = returned(desk)
    subject, text = AWAY[language]
    given = {"subject": subject, "sender": "alice@acme.test"}
    raw = answering(answer, text, **given) if reference else a_mail(text, **given)

    item = desk.write(raw, sender="alice@acme.test", to=answer.sender)

    assert (item["outcome"], item["ticket"]) == ("attached", number)
    assert undelivered(desk, number) == []
    assert text in desk.page(number)


@pytest.mark.parametrize("sender", ["dirk@elsewhere.test", "bruno@beta.test"])
@pytest.mark.parametrize("text", ["I am out of the office until Monday.", "Dirk has left the company."])
def test_an_unmarked_automatic_answer_of_somebody_else_is_seen_by_staff(desk, sender, text):
    number, answer = returned(desk)

    raw = a_mail(text, subject="Out of office", sender=sender)
    item = desk.write(raw, sender=sender, to=answer.sender)

    assert (item["outcome"], item["waiting"]) == ("held", True)
    assert text in desk.held()
    assert undelivered(desk, number) == []


# --- People --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["Can you call me back today?", "Thanks, it works.", "La stampante è rotta di nuovo."]
)
def test_a_person_who_writes_there_is_seen(desk, text):
    number, answer = returned(desk)

    item = desk.write(
        answering(answer, text, sender="alice@acme.test"), sender="alice@acme.test", to=answer.sender
    )

    assert (item["outcome"], item["ticket"]) == ("attached", number)
    assert text in desk.page(number)


@pytest.mark.parametrize("sender", ["eve@elsewhere.test", "bruno@beta.test"])
def test_a_stranger_who_writes_there_is_held(desk, sender):
    _, answer = returned(desk)

    item = desk.write(a_mail("What is this about?", sender=sender), sender=sender, to=answer.sender)

    assert item["outcome"] in ("held", "ticket")
    assert item["outcome"] == "ticket" or item["subject"] in desk.held()


# --- Failures ------------------------------------------------------------------------------------------------

REPORT = """--b
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

<alice@acme.test>: {words}
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.acme.test

Final-Recipient: rfc822; alice@acme.test
Action: failed
Status: {status}
Diagnostic-Code: smtp; {words}
--b--
"""


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("5.1.1", "550 5.1.1 <alice@acme.test>: Recipient address rejected: User unknown"),
        ("5.2.2", "552 5.2.2 Mailbox full"),
        ("5.7.1", "550 5.7.1 Message rejected as spam by policy"),
    ],
)
def test_a_report_that_it_failed_marks_the_delivery(desk, status, words):
    number, answer = returned(desk)
    raw = a_mail(
        REPORT.format(status=status, words=words),
        subject="Undelivered Mail Returned to Sender",
        sender="Mail Delivery System <mailer-daemon@mx.acme.test>",
        kind="multipart/report; report-type=delivery-status; boundary=b",
    )

    item = desk.write(raw, sender="", to=answer.sender)

    assert item["outcome"] == "machine"
    assert undelivered(desk, number) == ["bounced"]
    seen = words.partition(" ")[2]  # the status says what the reply code before it says
    assert f": {seen[:40]}" in desk.page(number).replace("&lt;", "<").replace("&gt;", ">")


# --- Certified mail ------------------------------------------------------------------------------------------


def receipt(answer, sort: str, text: str) -> bytes:
    return a_mail(
        text,
        f"X-Ricevuta: {sort}",
        f"X-Riferimento-Message-ID: {answer.header('Message-ID')}",
        subject=f"{sort.upper()}: Re: Diffida",
        sender="posta-certificata@gestore-pec.test",
    )


@pytest.mark.parametrize(
    ("there", "sort", "state"),
    [
        ("desk", "accettazione", "sent"),
        ("desk", "avvenuta-consegna", "sent"),
        ("envelope sender", "avvenuta-consegna", "sent"),
        ("desk", "errore-consegna", "bounced"),
        ("envelope sender", "errore-consegna", "bounced"),
        ("desk", "mancata-consegna", "bounced"),
        ("envelope sender", "preavviso-errore-consegna", "bounced"),
        ("desk", "non-accettazione", "bounced"),
    ],
)
def test_a_receipt_of_certified_mail_is_noted_where_it_belongs_and_never_answered(desk, there, sort, state):
    number = desk.opened(sender="mario.rossi@pec.acme.test")
    answer = desk.answer(number, "mario.rossi@pec.acme.test")
    before = len(desk.deliveries(number))
    raw = receipt(answer, sort, "Il messaggio indirizzato a mario.rossi@pec.acme.test: vedi sopra.")

    to = answer.sender if there == "envelope sender" else "support@desk.test"
    item = desk.write(raw, sender="posta-certificata@gestore-pec.test", to=to)

    assert item["outcome"] == "machine"
    found = {one["id"]: one for one in desk.deliveries(number)}
    assert len(found) == before, "nothing answers it"
    assert found[item["detail"]["delivery"]]["state"] == state
    kinds = [one["kind"] for one in desk.ann.all(f"/tickets/{number}/events")]
    assert ("delivery.proved" in kinds) == (sort == "avvenuta-consegna")


def test_the_receipt_of_the_report_about_a_mail_of_nobody_opens_nothing(desk, reports):
    raw = (reports / "17-pec-delivery-receipt.eml").read_bytes()

    item = desk.write(raw, sender="posta-certificata@gestore-pec.test")

    assert (item["outcome"], item["ticket"]) == ("machine", None)


# --- By words alone ------------------------------------------------------------------------------------------

PASTED = {
    "a failure": (
        "Undelivered Mail Returned to Sender",
        (
            "This is the mail system at host mx.acme.test.\n\nI'm sorry to have to inform you that your message could not "
            "be delivered to one or more recipients.\n\n<x@y.test>: host y.test said: 550 5.1.1 User unknown\n"
        ),
    ),
    "a reaction": ("Re: Printer", "Liked “We come on Friday”\n"),
}


@pytest.mark.parametrize("what", PASTED)
def test_what_is_a_machines_by_its_words_alone_is_never_closed_unseen(desk, what):
    subject, text = PASTED[what]
    answers = f"In-Reply-To: <{uuid4().hex}@knows.test>"  # two that answer one mail belong together, whoever knows it
    raw = a_mail(text, answers, subject=subject, sender="aldo@acme.test")

    item = desk.write(raw, sender="aldo@acme.test")

    assert item["outcome"] in ("ticket", "held"), item
    assert item["outcome"] == "ticket" or item["id"] in desk.held()

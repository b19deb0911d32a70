"""Is another desk's word that it received our mail known in every language, and never answered?"""

from __future__ import annotations

import pytest

from channels.email.reading import automatic, received_tables
from core.envelope import Kind
from tests.channels.email.reading_mails import a_mail, understood

SUBJECTS = {
    "cs": "Obdrželi jsme váš požadavek",
    "da": "Vi har modtaget din henvendelse",
    "de": "Wir haben Ihre Anfrage erhalten [#4711]",
    "el": "Λάβαμε το μήνυμά σας",
    "en": "We’ve received your request (4711)",
    "es": "Hemos recibido su solicitud",
    "fi": "Olemme vastaanottaneet viestisi",
    "fr": "Nous avons bien reçu votre demande",
    "hu": "Megkaptuk az üzenetét",
    "it": "Abbiamo ricevuto la Sua richiesta 4711",
    "ja": "お問い合わせを受け付けました",
    "ko": "문의가 접수되었습니다",
    "nb": "Vi har mottatt din henvendelse",
    "nl": "Wij hebben uw aanvraag ontvangen",
    "pl": "Otrzymaliśmy Twoje zgłoszenie",
    "pt": "Recebemos a sua mensagem",
    "ro": "Am primit solicitarea dumneavoastră",
    "ru": "Ваша заявка принята",
    "sk": "Dostali sme vašu požiadavku",
    "sv": "Vi har tagit emot ditt ärende",
    "tr": "Talebiniz alındı",
    "uk": "Ми отримали ваш запит",
    "zh": "已收到您的邮件",
}


def test_every_language_of_the_table_has_a_subject_here():
    assert SUBJECTS.keys() == received_tables.RECEIVED.keys()


@pytest.mark.parametrize("language", SUBJECTS)
def test_another_desks_acknowledgement_is_shown_and_not_answered(language):
    inbound = understood(a_mail("4711\n", subject=SUBJECTS[language]))

    assert (inbound.kind, inbound.may_auto_reply) == (Kind.HUMAN, False)
    assert "subject: acknowledgement" in inbound.kind_evidence


@pytest.mark.parametrize("language", SUBJECTS)
def test_with_an_empty_envelope_sender_it_is_an_automatic_answer_where_it_answers_a_mail(language):
    fields = ("Return-Path: <>", "In-Reply-To: <m.1@hub.test>")

    answer = understood(a_mail("4711\n", *fields, subject=SUBJECTS[language]))
    form = understood(a_mail("4711\n", "Return-Path: <>", subject=SUBJECTS[language]))

    assert (answer.kind, form.kind, form.may_auto_reply) == (Kind.AUTO_REPLY, Kind.HUMAN, False)


@pytest.mark.parametrize(
    "subject",
    [
        "Printer received the wrong paper",
        "Ricevuta fiscale mancante",
        "Ho ricevuto il messaggio di errore 12",
        "Wareneingang gesperrt",
        "Paket erhalten, aber kaputt",
        "J'ai reçu un colis cassé",
        "Ontvangen factuur klopt niet",
        "Nie otrzymaliśmy towaru",
        "Заявка на ремонт",
        "受付のプリンター",
        "Re: We have received your request",
    ],
)
def test_who_received_something_else_is_answered(subject):
    assert automatic.automatic_subject(subject) == ""
    assert understood(a_mail("It is broken.\n", subject=subject)).may_auto_reply

"""Why did a mail come back, in the words of many mail systems: is the address dead, or the mailbox full, or the mail unwanted?"""

from __future__ import annotations

import pytest

from tests.reports.asking import a_mail

DEAD = [
    "host mx.y.test[192.0.2.1] said: 550 5.1.1 <x@y.test>: Recipient address rejected: User unknown in virtual mailbox table",
    "SMTP error from remote mail server after RCPT TO:<x@y.test>: 550 No Such User Here",
    "Sorry, no mailbox here by that name. (#5.1.1)",
    "I couldn't find any host named y.test. (#5.1.2)",
    "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
    "550-5.1.1 The email account that you tried to reach does not exist. Please try double-checking the address.",
    "554 delivery error: dd This user doesn't have a y.test account (x@y.test) [-5]",
    "550 Requested action not taken: mailbox unavailable (invalid recipient)",
    "550 5.4.4 Host or domain name not found. Name service error for name=y.test type=A: Host not found",
    "The recipient name is not recognized",
    "User x (x@y.test) not listed in Domino Directory",
    "Utente sconosciuto",
    "La casella del destinatario è inesistente",
    "Empfänger unbekannt",
    "Utilisateur inconnu",
    "Usuario desconocido",
    "Destinatário inexistente",
    "Пользователь не найден",
    "Nieznany użytkownik",
    "Gebruiker onbekend",
]
NOT_DEAD = [
    "552 5.2.2 Mailbox full",
    "452 4.2.2 The email account that you tried to reach is over quota.",
    "552-5.2.2 The recipient's inbox is out of storage space and inactive.",
    "554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException",
    "retry timeout exceeded",
    "451 4.7.1 Greylisting in action, please come back later",
    "550 5.7.1 Message rejected as spam by Content Filtering.",
    "550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP.",
    "550-5.7.26 This mail has been blocked because the sender is unauthenticated.",
    "554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.spamhaus.org",
    "552 5.3.4 Message size exceeds fixed limit",
    "554 5.7.1 <x@y.test>: Relay access denied",
    "4.4.7 delivery time expired",
    "La casella di posta è piena",
    "Das Postfach ist voll",
    "Boîte de réception pleine",
    "El buzón está lleno",
    "Caixa de correio cheia",
    "Почтовый ящик переполнен",
    "Skrzynka odbiorcza jest pełna",
    "De postbus is vol",
]


def returned(text: str) -> bytes:
    return a_mail(
        text,
        "Return-Path: <>",
        subject="Undelivered Mail Returned to Sender",
        sender="Mail Delivery System <mailer-daemon@mx.y.test>",
    )


@pytest.mark.parametrize("form", [
    "Your message could not be delivered.\n\n<x@y.test>: {words}\n",
    "Your message could not be delivered.\n\n{words}\n\nFailed recipient:\n\nx@y.test\n",
    "The following address failed:\n\n  x@y.test\n\nThe reason:\n\n{words}\n",
])  # fmt: skip
@pytest.mark.parametrize(
    ("words", "dead"), [(words, True) for words in DEAD] + [(words, False) for words in NOT_DEAD]
)
def test_an_address_is_dead_by_the_words_of_any_mail_system(read, form, words, dead):
    said = read(returned(form.format(words=words)))

    assert said["is_bounce"]
    assert [(one["recipient"], one["hard"]) for one in said["bounce"]] == [("x@y.test", dead)]

"""Whoever reads an out-of-office note sees when its author is back; of what is not one day beyond doubt nothing is said."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from channels.email.reading import read, until_when
from tests.channels.email.reading_mails import DESK, a_mail
from tests.spending import quickly

CAME = date(2026, 11, 30)
AWAY, BACK = "away until: 2026-12-07", "back on: 2026-12-08"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Sono in ferie fino al 7 dicembre.", AWAY),
        ("Sarò assente dal 30 novembre al 7 dicembre compresi.", AWAY),
        ("Sono fuori ufficio fino a lunedì 07/12/2026.", AWAY),
        ("Rientrerò martedì, anzi rientro in ufficio il 8.12.", BACK),
        ("I am out of the office until Monday, December 7th, 2026.", AWAY),
        ("I am away from 28 November to 7 December.", AWAY),
        ("I will be back in the office on 8 Dec.", BACK),
        ("Returning on Dec 8.", BACK),
        ("Ich bin bis einschließlich 07.12.2026 nicht im Büro.", AWAY),
        ("Ich bin vom 30.11. bis 7.12. im Urlaub.", AWAY),
        ("Ab dem 8.12. bin ich wieder für Sie da.", BACK),
        ("Je suis absente du 30 novembre au 7 décembre.", AWAY),
        ("De retour le mardi 8 décembre.", BACK),
        ("Estaré fuera hasta el 7 de diciembre de 2026.", AWAY),
        ("Estou ausente até 7 de dezembro.", AWAY),
        ("Afwezig t/m 7 december.", AWAY),
        ("Jestem nieobecny do 7 grudnia.", AWAY),
        ("Jag är ledig till och med 7 december.", AWAY),
        ("Jeg er bortreist til og med 7. desember.", AWAY),
        ("Fuori fino al 3 gennaio.", "away until: 2027-01-03"),
        ("Away until 12/20.", "away until: 2026-12-20"),
        ("Away until 2026-12-07, back on 8 December.", AWAY),
        ("Away until 12/7.", ""),
        ("Fino alle 15:00 in riunione.", ""),
        ("Bis 12.10 Uhr in einer Besprechung.", ""),
        ("Away until further notice, since 7 December 2019.", ""),
        ("Away until 7 December 2019.", ""),
        ("Fino al 31 febbraio.", ""),
        ("Your invoice of 7 December is here.", ""),
        ("Away until May.", ""),
        ("In meetings until 10.05 today.", ""),
        ("In a workshop from 8.30 to 12.10 today.", ""),
        ("In calls until 5-7 pm.", ""),
        ("Sono assente fino al 5/12/2027 oggi.", ""),
        ("Away until 7 December, or until 9 December.", ""),
        ("Orders are taken until 3 December. I am back on 28 December.", "back on: 2026-12-28"),
    ],
)
def test_the_day_is_read_in_the_writers_language(text, found):
    assert until_when.told("", text, came=CAME) == found


def test_a_text_made_to_be_slow_is_read_at_once():
    with quickly(1.0):
        for piece in ("until ", "from 1 ", "dal 1 al ", "ab dem ", "back on a b c ", "bis 1.1"):
            assert len(until_when.told(piece * 300, piece * 5_000, came=CAME)) < 40


@pytest.mark.parametrize(
    ("mark", "noted"), [("Auto-Submitted: auto-replied", (AWAY,)), ("X-Mailer: Outlook", ())]
)
def test_a_note_stands_at_what_a_program_answers_and_at_nothing_else(mark, noted):
    mail = a_mail("Sono in ferie fino al 7 dicembre.\n", mark, subject="Re: Stampante")
    arrival = {"channel": "email", "received_at": datetime(2026, 11, 30, 9, tzinfo=UTC)}

    assert read.read(mail, arrival, DESK).notes == noted

"""Whom does the product address, and how? In Italian everybody is "Lei", staff and customers alike; only what a button does is an order."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from web.words import catalogue

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
IMPERSONAL = ("flows.call.", "flows.kind_is.")
"""What a step of a call does, in the third person, which looks like an order to a friend."""

ALWAYS = re.compile(r"\b(?:tu|te|ti|tuo|tua|tuoi|tue|hai|puoi|devi|vuoi|sai)\b", re.IGNORECASE)
"""Nobody but a friend is meant by these."""
CLITIC = r"(?:lo|la|li|le|ne)?"
ORDERS = re.compile(
    rf"\b(?:scrivi|scegli|apri|riapri|chiedi|richiedi|prendi|metti|aggiungi|togli|rispondi|decidi|leggi|rileggi|unisci|di'){CLITIC}(?!\w)",
    re.IGNORECASE,
)
"""In a sentence these are said to a friend; alone they are what a button does."""
BEGINNINGS = re.compile(
    rf"(?:^|[.:;,] (?:poi |prima |oppure |o )?)(?:guarda|ricarica|controlla|spunta|cerca|riprova|annulla|salva|firma|indica|manda){CLITIC}\b",
    re.IGNORECASE,
)
"""The same of verbs whose form somebody else's doing shares: where a sentence begins, or goes on with what to do."""
QUOTED = re.compile(r"«[^»]*»|\{[^}]*\}|[A-Z]{2}(?:,[A-Z]{2})+|BYDAY=\w+")
"""Names of buttons, places for values, days of a rule."""


def is_sentence(text: str) -> bool:
    """Not the word on a button: it ends, or goes on behind a stop."""
    return bool(re.search(r"[.?:;](?:\s|$)", text))


def familiar(text: str) -> list[str]:
    """What of a text is said to a friend."""
    text = QUOTED.sub(" ", text)
    found = ALWAYS.findall(text)
    if is_sentence(text):
        found += ORDERS.findall(text) + BEGINNINGS.findall(text)
    return [one.strip(" .:;,") for one in found]


def texts() -> Iterator[tuple[str, str]]:
    """Everything that somebody reads or hears in Italian, by where it stands."""
    for name, text in catalogue("it").items():
        if not name.startswith(IMPERSONAL):
            yield name, text
    for path in sorted((*TEMPLATES.glob("notices/it/**/*.txt"), *TEMPLATES.glob("email/it.*"))):
        told = re.sub(r"\{%.*?%\}|\{\{.*?\}\}", " ", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        yield from ((f"{path.name}: {n}", line) for n, line in enumerate(told.split("\n"), 1))
    for path in sorted(TEMPLATES.glob("*/it.toml")):
        yield from _leaves(path.parent.name, tomllib.loads(path.read_text(encoding="utf-8")))


def _leaves(place: str, tree: object) -> Iterator[tuple[str, str]]:
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from _leaves(f"{place}.{name}", value)
    elif isinstance(tree, str):
        yield place, tree


def test_nobody_is_addressed_as_a_friend():
    found = {place: said for place, text in texts() if (said := familiar(text))}

    assert found == {}, "say Lei, or what is to be done without anybody: CONTRIBUTING.md"


@pytest.mark.parametrize(
    "text",
    [
        "Scegli un cliente dell'elenco.",
        "Non è un'ora: scrivila come 09:00.",
        "Il riepilogo è cambiato: rileggilo, poi firma.",
        "Per te",
        "Così non si può: ricarica la pagina.",
        "Hai firmato per l'altro turno.",
    ],
)
def test_what_is_said_to_a_friend_is_found(text):
    assert familiar(text)


@pytest.mark.parametrize(
    "text",
    [
        "Scegli",
        "Apri una richiesta a sé",
        "Scelga un cliente dell'elenco.",
        "La ricerca guarda numeri, oggetti e note.",
        "Apra una di loro e vada a «Collega, unisci, dividi».",
        "Il contratto indica altre persone: serve un'approvazione.",
        "FREQ=WEEKLY;BYDAY=TU,TH. Sopra scelga “con una regola”.",
    ],
)
def test_buttons_and_the_doings_of_others_are_not(text):
    assert familiar(text) == []


# --- To whom something is sent ---

STAFF = re.compile(
    r"notices/it/(?:own_|source_silent|page|ladder|vendor_reminder|mail_test|consumption_staff|alert_return)"
)
"""Who reads these is a colleague, told of things."""
OF_OTHERS = (
    "i suoi dati sono cambiati",  # of the request
    "prosegue di nuovo da sola, con il suo numero",
    "questa conversazione è di nuovo sua",
    "Il suo titolare viene avvisato",
    "segua il suo collegamento",  # of a request in a list
    "ogni numero porta alle sue richieste",
    "si sapeva alla sua fine",
    "restava alla sua fine",
    "uno più nuovo prende il suo posto",
    "mai il suo testo",
    "Il fornitore ha fatto la sua parte",
    "suo riferimento",  # of a vendor
    "a voi",  # a firm, in a report of whose turn it was
    "in attesa di voi",
)
"""What belongs to a third person or a thing."""
SMALL = re.compile(
    r"\b(?:su[oaei]|suoi)\b"
    r"|(?<![-’'\w])(?:le|la) (?=(?:rispond|ricord|dic|contatt|ricontatt|tern|terr|richiam|avvis|ringrazi|preg|mand|scriv)\w*(?:iamo|emo|erà|irà|anno)\b)"
    r"|\blei\b"
    r"|\b(?:voi|[vl][ai] riguard(?:a|ano|ava|avano)|vostr[oaie])\b"
)
"""The reader written small, or as several: possession, and who is told, called or thanked."""


def letters() -> Iterator[tuple[str, str]]:
    """What customers read that left the hub: mails, notices, papers, texts of the telephone, and pages behind their links."""
    paths = [
        *TEMPLATES.glob("notices/it/**/*.txt"),
        *TEMPLATES.glob("email/it.*"),
        *TEMPLATES.glob("p*/it.toml"),
    ]
    for path in sorted(paths):
        if not STAFF.search(path.as_posix()):
            for n, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
                yield f"{path.relative_to(TEMPLATES)}: {n}", line
    for name, text in catalogue("it").items():
        if name.startswith(("portal.", "survey.", "visit.", "workaround.", "unsubscribe.")):
            yield name, text


def small(text: str) -> list[str]:
    """Where the reader of a letter is written small."""
    for others in OF_OTHERS:
        text = text.replace(others, " ")
    return [one.strip() for one in SMALL.findall(text)]


def test_in_letters_the_reader_is_written_with_a_capital_and_nobody_else():
    found = {place: said for place, text in letters() if (said := small(text))}

    assert found == {}, "Sua, Le, La, Lei of who reads it; what belongs to others is listed in OF_OTHERS"


def test_what_belongs_to_others_in_letters_is_still_written_somewhere():
    written = "\n".join(text for _, text in (*letters(), *texts()))
    comments = (TEMPLATES / "voice" / "it.toml").read_text(encoding="utf-8")

    assert [one for one in OF_OTHERS if one not in written + comments] == []


@pytest.mark.parametrize(
    "text",
    [
        "la sua richiesta",
        "Per Lei e per i suoi colleghi",
        "le rispondiamo presto",
        "la terremo informata",
        "da lei",
    ],
)
def test_a_reader_written_small_is_found(text):
    assert small(text)


@pytest.mark.parametrize(
    "text", ["la Sua richiesta", "la chiudiamo", "la riapriamo subito", "Le rispondiamo", "lo dica"]
)
def test_a_reader_written_large_and_things_are_not(text):
    assert small(text) == []

"""Does a subject begin with the word that mail programs put before what they answer or pass on?"""

from __future__ import annotations

import re

FORWARDS = frozenset(
    "fwd fw wg tr rv i vb doorst enc tov továbbítás pd fs vl ilt prosl videresend redir. 转发 轉寄 轉發 転送 пересл inoltro inoltrato weitergeleitet".split()
)
EITHER = frozenset(("vs",))
"""A forward in Danish and Norwegian, an answer in Finnish."""
ANSWERS = frozenset(
    (
        "re aw antw antwort sv svar svr rif r res resp rsp odp odpověď odpoveď отв ответ відп відповідь yan ynt yt cevap "
        "回复 回覆 答复 答覆 回信 返信 atb vá ha válasz vast απ σχετ رد תגובה השב נ 답장 회신 tl trả bls balas ats atsakymas odg odgovor "
        "отг на vs rép réf réponse rta respuesta risposta odpowiedź"
    ).split()
)
"""In the mail programs' languages. `Ref:` is none: people begin with it what they write of an order or an invoice."""

_WORD = re.compile(
    r"\s*(?:\[[^\]]{1,60}\]\s*){0,3}([^\W\d_]{1,12}|[Rr]edir\.)\s*(?:\[\d{1,3}\]|\(\d{1,3}\)|\^?\d{1,3})?\s*[:：]"
)


def word(subject: str) -> str:
    """The first word before a colon, in lower case; behind what gateways and desks put in brackets.

    >>> word("[EXT] Re[2]: Printer"), word("Printer: broken"), word("Out of paper")
    ('re', 'printer', '')
    """
    if ":" not in subject and "：" not in subject:
        return ""
    match = _WORD.match(subject)
    return match.group(1).replace("İ", "i").lower() if match is not None else ""


def answers(subject: str) -> bool:
    """Does it answer a mail?"""
    return word(subject) in ANSWERS


def forwards(subject: str) -> bool:
    """Does it pass a mail on?"""
    return word(subject) in FORWARDS


def by_hand(subject: str) -> bool:
    """Is it one of both? Only people's mail programs write such a word."""
    first = word(subject)
    return first in ANSWERS or first in FORWARDS

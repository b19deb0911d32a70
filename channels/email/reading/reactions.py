"""Is this a sign instead of a message? Reactions of mail programs, and answers to invitations that calendars send."""

from __future__ import annotations

import re

from channels.email.reading import attachments, away, structure

REACTION_PARTS = frozenset(("text/vnd.google.email-reaction+json",))
CALENDARS = frozenset(("text/calendar", "application/ics"))
CALENDAR_BYTES = 4_096
"""Of a calendar in which its METHOD is looked for."""
ANSWERING_METHODS = frozenset(("REPLY", "COUNTER", "DECLINECOUNTER", "REFRESH"))
"""RFC 5546, 1.4: what attendees and organisers say about an invitation. REQUEST and CANCEL are for people to see."""
LINES, LINE_CHARACTERS = 4, 300
"""Of a reaction that came as text: the sign, the sentence, hardly more."""


def reaction(root: structure.Part, *, shown: str, answers: bool) -> str:
    """What shows that this is a reaction, or nothing.

    `shown` is what the writer wrote now, `answers` whether it answers another mail.

    >>> reaction(structure.parse(b"A: b\\n\\nx").root, shown="Liked “See you at nine”", answers=True)
    'liked “'
    """
    if _has_part(root) or (_is_marked(root) and _LETTERS.search(shown) is None):
        return "a reaction part"
    if not answers or len(shown) > LINES * LINE_CHARACTERS:
        return ""
    lines = [away.plain(line) for line in shown.split("\n") if line.strip()]
    if not 0 < len(lines) <= LINES:
        return ""
    if len(lines) == 1:
        quoting = _TAPBACK.match(lines[0])
        if quoting is not None and lines[0][-1] in _CLOSING:
            return quoting.group()
    # Somebody "reacted to your message": that sentence and the sign, and no word beside them.
    signs = [line for line in lines if _LETTERS.search(line) is None]
    words = [line for line in lines if _LETTERS.search(line) is not None]
    if len(words) != 1 or len(words[0].split()) > SENTENCE:
        return ""
    said = words[0]
    if signs:
        found = any(phrase in said for phrase in (*_TO_YOU, *_BY_PROGRAM))
    else:  # the sentence ends there: who goes on says more
        found = any(phrase in said and not _LETTERS.search(said.rpartition(phrase)[2]) for phrase in _TO_YOU)
    return said[:60] if found else ""


def of_machines(root: structure.Part) -> bool:
    """Does it have a part that only programs write?"""
    return _has_part(root) or _is_marked(root) or calendar_answer(root) != ""


def _has_part(root: structure.Part) -> bool:
    """Gmail's, whose text beside it says the same: https://developers.google.com/workspace/gmail/reactions/format."""
    return any(
        part.type in REACTION_PARTS and attachments.disposition(part)[0] != "attachment"
        for part in structure.parts(root)
    )


def _is_marked(root: structure.Part) -> bool:
    """RFC 9078, 3: a text whose disposition is `reaction`. Words may stand beside it: then it is a message."""
    if "reaction" not in root.header.first("content-disposition").lower() and not root.children:
        return False
    return any(attachments.disposition(part)[0] == "reaction" for part in structure.parts(root))


def calendar_answer(root: structure.Part) -> str:
    """The method of a calendar that answers an invitation, or nothing."""
    for part in structure.parts(root):
        if part.type in CALENDARS:
            method = part.parameters.get("method", "").strip().upper() or _method(part)
            if method in ANSWERING_METHODS:
                return method
    return ""


def _method(part: structure.Part) -> str:
    for line in attachments.content(part)[:CALENDAR_BYTES].split(b"\n"):
        name, _, value = line.strip().partition(b":")
        if name.upper() == b"METHOD":
            return value.strip().decode("ascii", "replace").upper()[:40]
    return ""


SENTENCE = 14
"""Words of a sentence that only says who reacted."""
_LETTERS = re.compile(r"[^\W\d_]{2}")
_CLOSING = "\"”“»'’"
# What telephones write when somebody taps a sign on a message, before the words they tapped on.
_TAPBACK = re.compile(
    r"(?:liked|loved|disliked|laughed at|emphasi[sz]ed|questioned|reacted .{1,12} to|removed an? .{1,20} from|"
    r"ha messo “?mi piace”? a|ha messo un cuore a|ha riso a|ha reagito con .{1,12} a|"
    r"gefällt|hat mit .{1,12} reagiert auf|lacht über|findet toll:?|"
    r"a aimé|a adoré|a réagi .{1,20} à|le ha gustado|le gustó|le encantó|reaccionó con .{1,12} a|"
    r"gostou de|adorou|reagiu com .{1,12} a|vond .{1,12} leuk:?) [\"“„«]"
)
# The sentence of mail programs; the name of whoever reacted stands before it.
_TO_YOU = ("reacted to your message", "reacted to your email", "reacted to your e-mail", "reacted to this message",
           "ha reagito al tuo messaggio", "ha reagito alla tua email", "hat auf ihre nachricht reagiert",
           "hat auf deine nachricht reagiert", "a réagi à votre message", "a réagi à ton message",
           "ha reaccionado a tu mensaje", "reaccionó a tu mensaje", "reagiu à sua mensagem", "reagerade på ditt meddelande",
           "reagerede på din besked", "reagerte på meldingen din", "reagoi viestiisi", "zareagował na twoją wiadomość",
           "zareagowała na twoją wiadomość", "reagoval na vaši zprávu", "heeft op je bericht gereageerd met")  # fmt: skip
# The same with the program's name: only beside a sign that stands alone.
_BY_PROGRAM = ("reacted via", "reacted with", "ha reagito tramite", "ha reagito con", "hat über", "a réagi via", "a réagi avec",
               "ha reaccionado a través de", "ha reaccionado mediante", "reaccionó con", "reagiu por meio do", "reagiu através do",
               "reagiu com", "heeft gereageerd via", "zareagował", "reagerade via", "reagerede via", "reagerte via", "reagoi",
               "reagoval", "reagált", "a reacționat", "отреагировал", "відреагував", "реагира")  # fmt: skip

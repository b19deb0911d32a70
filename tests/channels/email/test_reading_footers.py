"""Are the paragraphs found that a firm may put below all its mails, and never what somebody wrote?"""

from __future__ import annotations

import textwrap

import pytest

from channels.email.reading import footers
from core.envelope import SpanKind
from tests.channels.email.reading_mails import a_mail, understood, visible
from tests.spending import quickly

FIRM = (
    "Acme Industrie treats what it learns of you as its policy on the web says, keeps it for as long as the law wants, and "
    "gives it to nobody but those who work for it; who wants to know more writes to the address on the first page."
)
FAIR = (
    "Meet us in Verona from the ninth to the twelfth of May, hall 7, stand 12, where all of the new pumps can be seen and tried, "
    "and where our engineers answer your questions on every day of the fair."
)
NOTICE = (
    "Wir weisen darauf hin, dass der Inhalt vertraulich ist und nur für den Empfänger bestimmt; wer ihn irrtümlich erhält, "
    "möge ihn löschen und uns davon verständigen, wofür wir uns bedanken."
)


def below(text: str, **fields: str) -> list[str]:
    """The footers that a mail of Alice Verdi with this text may have, without the white space around them."""
    said = understood(a_mail(text, **({"from": "Alice Verdi <alice@cust-a.test>"} | fields)))
    return [said.text[one.start : one.end].strip() for one in said.footers]


@pytest.mark.parametrize(
    "signed",
    [
        "Regards,\nAlice",
        "Alice Verdi",
        "Cordiali saluti\n\nAlice Verdi\nCust A srl",
        "Sent from my iPhone",
        "Mit freundlichen Grüßen\ni.A. Grün",
    ],
)
def test_a_long_paragraph_below_where_somebody_signed_may_be_a_footer(signed):
    assert below(f"The pump is broken.\n\n{signed}\n\n{FIRM}\n") == [FIRM]


def test_each_paragraph_is_one_and_a_line_that_nobody_wraps_is_too():
    assert below(f"It is broken.\n\nRegards\nAlice\n{FIRM}\n{FAIR}\n\n{NOTICE}\n") == [FIRM, FAIR, NOTICE]


def test_wrapped_or_not_with_or_without_signs_it_has_the_same_words():
    wrapped = textwrap.fill(FIRM.replace("treats", "*treats*"), 72)
    one, other = (
        understood(a_mail(f"It is broken.\n\nRegards\nAlice\n\n{text}\n")).footers for text in (FIRM, wrapped)
    )

    assert len(one) == 1
    assert [footer.key for footer in one] == [footer.key for footer in other]


@pytest.mark.parametrize(
    "text",
    [
        f"The pump is broken.\n\n{FIRM}\n\nRegards\nAlice\n",
        f"The pump is broken.\n\n{FIRM}\n",
        f"The pump is broken.\n\n{FIRM}\n\nThanks!\n",
        "It is broken.\n\nRegards\nAlice\n\nOn Mondays I am not in: please call the porter.\n",
        f"Hello,\n\nRegards\nAlice\n\n{FIRM}\n",
        f"{FIRM}\n",
        f"Alice Verdi\n\n{FIRM}\n",
        f"{FIRM}\n\n{NOTICE}\n",
    ],
    ids=[
        "above the name",
        "without a name",
        "above thanks",
        "a short line",
        "below a greeting",
        "all there is",
        "below a name alone",
        "all but a notice",
    ],
)
def test_what_somebody_may_have_written_is_none(text):
    assert FIRM not in below(text)


def test_what_speaks_as_a_notice_is_one_wherever_nobody_signed():
    said = understood(a_mail(f"Ja, morgen um neun.\n\n{NOTICE}\n"))

    assert [said.text[one.start : one.end].strip() for one in said.footers] == [NOTICE]
    assert visible(said) == f"Ja, morgen um neun.\n\n{NOTICE}"  # by itself it is still shown


def test_above_a_quotation_it_is_found_and_inside_one_it_is_not():
    answer = f"Yes.\n\nRegards\nAlice\n\n{FIRM}\n\nOn 23 Nov 2026 at 06:00 Bob <b@x.test> wrote:\n> Is it on?\n>\n> {FAIR}\n"

    assert below(answer, in_reply_to="<1@x.test>") == [FIRM]


def test_machines_have_none():
    text = f"The disk is full.\n\nRegards\nAlice\n\n{FIRM}\n"

    assert below(text) == [FIRM]
    assert below(text, auto_submitted="auto-generated") == []
    assert below(text, list_id="<users.x.test>") == []


def test_what_makes_a_signature_unsure_is_said_with_the_first():
    said = understood(
        a_mail(
            f"It is broken.\n\nKind regards\nAlice Verdi\nPurchasing manager\nTel. 045 1234567\n\n{FIRM}\n\n{FAIR}\n"
        )
    )

    first, second = said.footers
    assert said.text[first.signature : first.start].startswith("Kind regards\nAlice")
    assert second.signature is None
    assert all(span.kind is SpanKind.VISIBLE for span in said.spans)


def test_the_longest_mail_is_looked_through_in_no_time():
    text = "It is broken.\n\nRegards\nAlice\n\n" + f"{FIRM}\n\n" * 2_000

    spans = understood(a_mail(text)).spans
    with quickly(0.05):
        found = footers.offered(text, spans, "Alice")
    assert len(found) <= footers.MOST

"""When are two telephone numbers the same? In E.164, as far as the number says what it is (ITU-T E.164, by `phonenumbers`)."""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumberType, number_type

_E164 = re.compile(r"\+[1-9]\d{5,14}")
_WITHHELD = frozenset(
    {"anonymous", "restricted", "unavailable", "unknown", "private", "+266696687", "+86282452253"}
)
"""What lines say of a caller who does not show their number; two are how keys spell ANONYMOUS and UNAVAILABLE."""


def is_number(address: str) -> bool:
    """Is this address of a conversation a telephone number?

    >>> is_number("+390455550101"), is_number("+39@acme.test"), is_number("mario@acme.test")
    (True, False, False)
    """
    return _E164.fullmatch(address) is not None


@lru_cache(maxsize=4096)
def normal(written: str, country: str) -> str:
    """The number as E.164; empty for what is none. `country`: where a number without its country is (ISO 3166).

    >>> normal("045 555 0101", "IT"), normal("0039 045 5550101", "IT"), normal("sip:200@pbx", "IT"), normal("113", "IT")
    ('+390455550101', '+390455550101', '', '')
    """
    text = written.strip()
    if text.lower() in _WITHHELD or "@" in text:
        return ""
    if text.startswith("00"):
        text = "+" + text[2:]
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number):
        return ""
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def takes_texts(number: str) -> bool:
    """May a text message arrive there? A landline's number says no.

    >>> takes_texts("+393471234567"), takes_texts("+390455550101")
    (True, False)
    """
    try:
        kind = number_type(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False
    return kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)


def masked(number: str) -> str:
    """What is shown to who need not call it: country and last two digits.

    >>> masked("+390455550101"), masked("")
    ('+39 ••• 01', '')
    """
    if not is_number(number):
        return number
    try:
        code = phonenumbers.parse(number).country_code
    except phonenumbers.NumberParseException:
        return "••• " + number[-2:]
    return f"+{code} ••• {number[-2:]}"

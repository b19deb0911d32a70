"""Why was a request judged so? The codes of entitlement, each with its sentence for staff.

The codes are what catalogues translate and policies name; the sentences are the English ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why: a code for machines with its values, and a sentence for staff."""

    code: str
    sentence: str
    values: Mapping[str, Any] = field(default_factory=dict)
    """JSON's own types: they are stored as evidence."""


SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "spam": "Taken for spam: kept, listed, and not checked.",
        "unknown_customer": "Nobody knows this sender: no customer has the address or its domain.",
        "ambiguous_identity": "The sender may belong to more than one customer: {candidates}.",
        "dmarc_failed": "The mail failed the checks that its domain asks for.",
        "trust_below_weak": "Nothing proves who wrote this (trust: {trust}).",
        "known_by_domain_only": "The address is nobody's we know; only its domain belongs to {customer}.",
        "unauthorised_caller": "Contract {contract} names who may ask, and this person is not among them.",
        "no_contract": "Customer {customer} has no contract.",
        "suspended": "Contract {contract} is suspended.",
        "not_started": "Contract {contract} begins on {valid_from}.",
        "expired": "Contract {contract} ended on {valid_until}.",
        "channel_not_allowed": "Line {line} fits, but not for requests by {channel}.",
        "out_of_scope": "No line covers {asked}.",
        "unknown_asset": "{asset} is no asset of customer {customer}.",
        "exhausted": "Line {line} has nothing left of its {quantity} {measure}.",
        "overdraft": "Line {line} may go below zero.",
        "grace": "Contract {contract} ended on {valid_until} and is within its grace period.",
        "outside_window": "Line {line} covers it, but calendar {calendar} is closed at that time.",
        "covered": "Covered by contract {contract}, line {line}.",
        "always_page": "Asset {asset} is always paged, whatever the contract says.",
        "safety": "Words of danger or a declared P1: the duty phone rings although it is not covered.",
        "page_anyway": "The alert source asks to be paged although there is no contract.",
    }
)


def because(code: str, **values: Any) -> Reason:
    """The reason with this code; `values` fill the sentence and are kept beside it.

    >>> because("suspended", contract="C-1").sentence
    'Contract C-1 is suspended.'
    """
    said = {
        name: ", ".join(value) if isinstance(value, list) else "?" if value is None else value
        for name, value in values.items()
    }
    return Reason(code=code, sentence=SENTENCES[code].format(**said), values=values)

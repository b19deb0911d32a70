"""What is said of the records that the desk's domains must publish? One way for pages, API and command line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.channel import Publishing
from core.domain_records import Finding, Looked, Verdict
from web.known_words import in_words
from web.words import Say

FAILS = (Verdict.WRONG, Verdict.MISSING)
"""What others trip over."""


async def all_of(publishing: Sequence[Publishing], *, look: bool) -> list[Looked]:
    """Every record of every channel. Raises DeliveryError."""
    return [one for channel in publishing for one in await channel.records(look=look)]


def words(t: Say, found: Finding) -> str:
    """One finding as a sentence."""
    values = dict(found.values)
    if "why" in values:  # a sentence of ours; the others are names and addresses, which are nobody's words
        values["why"] = in_words(values["why"], t.language, "dns_trouble")  # type: ignore[attr-defined]
    return t(f"dns.say.{found.code}", **values)


def lines(t: Say, records: Sequence[Looked]) -> Iterator[str]:
    """Everything for a terminal."""
    for one in records:
        yield f"{t(f'dns.verdict.{one.verdict}')}: {t(f'dns.what.{one.wanted.what}')}, {one.wanted.name}"
        yield from (f"  {words(t, found)}" for found in one.findings)
        if one.verdict in FAILS:
            yield f"  {t(f'dns.why.{one.wanted.what}')}"
        if one.verdict is not Verdict.GOOD:
            if one.wanted.value not in one.found:
                yield f"  {t('dns.publish')} {one.wanted.line or one.wanted.value}"
            yield from (f"  {t('dns.found')} {text}" for text in one.found)

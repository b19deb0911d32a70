"""What becomes of a mail that was bent on its way? It is read, in bounded time, and what its writer said is still there."""

from __future__ import annotations

import itertools
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.email.cleaning import clean_html
from core.envelope import SpanKind
from tests.channels.email.reading_mails import a_mail, parts, understood
from tests.spending import quickly, spending

SAID = "The blue pump in room 17 has been leaking since this morning."
HTML = f"Content-Type: text/html; charset=utf-8\n\n<p>Hello,</p><p>{SAID}</p>"
TEXT = f"Content-Type: text/plain; charset=utf-8\n\nHello,\n{SAID}\n"
FILE = "Content-Type: application/pdf; name=a.pdf\nContent-Transfer-Encoding: base64\n\nJVBERi0="
BODIES = {
    "plain": a_mail(f"Hello,\n{SAID}\n"),
    "html": a_mail(f"<p>Hello,</p><p>{SAID}</p>", "Content-Type: text/html; charset=utf-8"),
    **{
        f"{kind} {number}": a_mail(content, line)
        for kind in ("mixed", "alternative", "related", "signed", "unheard-of")
        for number, bodies in enumerate(((TEXT,), (TEXT, HTML), (HTML, FILE), (TEXT, FILE, TEXT)))
        for line, content in (parts(*bodies, kind=kind),)
    },
}
ENDS = (b"\n", b"\r\n", b"\r", b"\r\r\n")


def doubled(raw: bytes, random: Random) -> bytes:
    """A gateway that writes one part twice."""
    pieces = raw.split(b"--b0\n")
    at = random.randrange(1, len(pieces)) if len(pieces) > 1 else 0
    return b"--b0\n".join([*pieces[: at + 1], *pieces[at:]]) if at else raw


def cut_behind(raw: bytes, random: Random) -> bytes:
    """A connection that broke somewhere behind what was said."""
    least = raw.rindex(SAID.encode()) + len(SAID)
    return raw[: random.randrange(least, len(raw) + 1)]


def noise_in_header(raw: bytes, random: Random) -> bytes:
    """Bytes that are no signs, inside the values of the fields that a person reads."""
    head, gap, body = raw.partition(b"\n\n")
    lines = [
        line[: len(line) // 2] + bytes([random.choice((0, 7, 11, 12, 0x80, 0xFF))]) + line[len(line) // 2 :]
        if line.startswith((b"Subject", b"Date", b"Message-Id"))
        else line
        for line in head.split(b"\n")
    ]
    return b"\n".join(lines) + gap + body


@given(
    st.sampled_from(sorted(BODIES)),
    st.lists(st.sampled_from((doubled, cut_behind, noise_in_header)), max_size=3),
    st.sampled_from(ENDS),
    st.randoms(use_true_random=False),
)
def test_what_somebody_said_survives_what_gateways_do_to_a_mail(what, ways, end, random):
    raw = BODIES[what]
    for bend in ways:
        raw = bend(raw, random)
    raw = raw.replace(b"\n", end)

    inbound = understood(raw)

    shown = "".join(inbound.text[s.start : s.end] for s in inbound.spans if s.kind is SpanKind.VISIBLE)
    assert SAID in shown


@given(st.sampled_from(sorted(BODIES)), st.randoms(use_true_random=False))
def test_line_ends_of_every_kind_in_one_body_lose_no_word(what, random):
    head, _, body = BODIES[what].partition(b"\n\n")
    raw = head + b"\n\n" + b"".join(line + random.choice(ENDS[:2]) for line in body.split(b"\n"))

    assert SAID in understood(raw).text


def bent(raw: bytes, random: Random) -> bytes:
    """Bits turned, pieces missing, doubled and repeated, NULs, line ends of another system."""
    raw = raw[:20_000]
    at = random.randrange(len(raw) + 1)
    length = random.randrange(1, 400)
    way = random.randrange(7)
    if way == 0:
        turned = bytearray(raw)
        for _ in range(random.randrange(1, 30)):
            turned[random.randrange(len(turned))] ^= 1 << random.randrange(8)
        return bytes(turned)
    if way == 1:
        return raw[:at]
    if way == 2:
        return raw[:at] + raw[at + length :]
    if way == 3:
        return raw[: at + length] + raw[at : at + length] * random.choice((1, 20)) + raw[at + length :]
    if way == 4:
        return (
            raw[:at]
            + random.choice((b"\0", b"\x0b", b"\x0c", b"\x1b$B", b"\x85", b"\xff\xfe", b"=?")) * 3
            + raw[at:]
        )
    if way == 5:
        return raw.replace(b"\r\n", b"\n").replace(b"\n", random.choice(ENDS))
    lines = raw.split(b"\n")
    random.shuffle(lines)
    return b"\n".join(lines)


@pytest.mark.samples
def test_no_sample_bent_in_any_way_breaks_the_reader(samples):
    """A few hundred of them; each with numbers of its own, so that what is found can be found again."""
    paths = [
        path
        for folder in ("mail", "attacks", "reports")
        for path in (samples / folder).rglob("*")
        if path.suffix in (".eml", ".raw", "")
    ]
    slow = []
    for number, path in itertools.islice(enumerate(sorted(filter(Path.is_file, paths))), 0, None, 3):
        random = Random(number)
        raw = bent(bent(path.read_bytes() or b"x", random) or b"x", random)

        with spending() as spent:
            inbound = understood(raw)
            shown = clean_html(inbound.html, cid_url=lambda _: None) if inbound.html else ""

        if spent.seconds > 1.0:
            slow.append(path.name)
        assert "".join(inbound.text[s.start : s.end] for s in inbound.spans) == inbound.text, path.name
        told = (
            [(one.recipient, one.text, one.remote_host) for one in inbound.report.recipients]
            if inbound.report
            else []
        )
        for text in (
            inbound.subject,
            inbound.text,
            inbound.author_text,
            shown,
            inbound.message_id,
            *inbound.references,
            *itertools.chain(*told),
        ):
            assert "\0" not in text.encode().decode(), path.name

    assert len(paths) > 500
    assert slow == []


UNITS = ['"', "(", "<", "@", ",", ";", ":", "=", "\\", " ", "*", "=?", "[", "&", "a", "é", "\x1b$B", ", ;", ";a=", "<>,", "@:", '",', "(,"]  # fmt: skip


@pytest.mark.parametrize(
    "field",
    ["From", "To", "Subject", "References", "Date", "Content-Type", "Content-Disposition", "Received"],
)
def test_no_field_of_one_sign_over_and_over_takes_long(field):
    with quickly(0.6 * len(UNITS) / 4):
        for unit in UNITS:
            understood(f"{field}: {unit * (60_000 // len(unit))}\nX: y\n\nhello\n".encode())

"""Does the reader stand what the world really sends? Every sample, and the judge that scores them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from channels.email.reading import facts
from tests.channels.email.reading_mails import understood
from tests.spending import spending

pytestmark = pytest.mark.samples

ROOT = Path(__file__).resolve().parents[3]
SECONDS = 1.0  # of CPU, for any one mail

FLOORS = {
    "parses": 100,
    "human_not_suppressed": 100,
    "no_wanted_text_lost": 99,
    "may_auto_reply": 99.5,
    "may_open_ticket": 100,
    "is_bounce": 99.5,
    "is_feedback_report": 100,
    "is_mdn": 100,
    "is_auto": 88,
    "visible_text": 90,
    "visible_contains": 100,
    "visible_not_contains": 62,
    "signature_text": 33,
    "subject": 100,
    "message_id": 100,
    "from_email": 100,
    "to_emails": 90,
    "text_contains": 90,
    "attachment_names": 90,
    "tnef_names": 80,
    "bounce.recipients": 99,
    "bounce.status": 97,
    "bounce.hard": 90,
}
"""Per cent, as reached; never lowered. The targets of the design are met or passed by all of them that it names."""


def bytes_of(folder: Path) -> list[Path]:
    return [
        path for path in sorted(folder.rglob("*")) if path.suffix not in (".json", ".md") and path.is_file()
    ]


@pytest.mark.parametrize("folder", ["mail", "attacks"])
def test_every_sample_is_read_within_a_second_of_cpu_and_nothing_is_raised(samples, folder):
    slow = []
    paths = bytes_of(samples / folder)
    for path in paths:
        raw = path.read_bytes()
        with spending() as spent:
            inbound = understood(raw)
        if spent.seconds > SECONDS:
            slow.append((path.name, spent.seconds))
        covered = "".join(inbound.text[span.start : span.end] for span in inbound.spans)
        assert covered == inbound.text, path.name
        assert inbound.content_key, path.name
        assert inbound.message_id, path.name

    assert len(paths) > 90
    assert slow == []


def test_no_attack_on_the_author_is_read_as_the_customer_without_a_defect(samples):
    """What remains is grammatically the customer: only authentication can tell (and finds nothing here)."""
    for path in sorted((samples / "attacks").glob("id1[45]*.eml")):
        inbound = understood(path.read_bytes(), sender="eve@evil.test")
        claimed = inbound.author is not None and inbound.author.address == "alice@cust-a.test"

        assert not claimed or inbound.author_defects, path.name
        assert inbound.authentication.verdict == "none", path.name


def test_results_that_an_attacker_wrote_into_a_mail_count_for_nothing(samples):
    raw = (samples / "attacks" / "id12-forged-authentication-results.eml").read_bytes()

    inbound = understood(raw, sender="eve@evil.test", protocol="SMTP", peer="203.0.113.66")

    assert inbound.authentication.verdict == "none"


def test_automatic_mail_among_the_attacks_is_never_answered(samples):
    for path in sorted((samples / "attacks").glob("loop*.eml")):
        if path.name.startswith(("loop16", "loop17", "loop18")):
            continue  # these are made to look like anybody's mail; the brakes are for them
        assert not understood(path.read_bytes()).may_auto_reply, path.name


def test_the_judge_finds_what_was_reached_before(samples):
    """The adapter is a process of its own, as `main.py facts mail` is."""
    goals = ",".join(f"{fact}={floor}" for fact, floor in FLOORS.items())
    judged = subprocess.run(
        [
            sys.executable,
            samples.parent / "tools" / "mail_judge.py",
            samples / "mail" / "manifest.json",
            "--adapter",
            f"{sys.executable} -m channels.email.reading.facts",
            "--check",
            f"{goals},slowest_ms=2000",
            "--show",
            "5",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert judged.returncode == 0, judged.stdout[-6_000:]


def test_facts_say_why_a_file_cannot_be_read(tmp_path):
    assert "cannot read" in facts.mail_fact({"path": str(tmp_path / "missing"), "kind": "mime"})["error"]
    assert facts.mail_fact({})["error"]


def test_facts_of_a_bare_text_and_a_bare_page_are_their_visible_part(tmp_path):
    text, page = tmp_path / "a.txt", tmp_path / "a.html"
    text.write_text("Yes.\n\n-- \nAnn\n")
    page.write_text("<p>Yes.</p><blockquote type=cite>Well?</blockquote>")

    of_text = facts.mail_fact({"path": str(text), "kind": "plaintext"})
    of_page = facts.mail_fact({"path": str(page), "kind": "html"})

    assert (of_text["visible_text"].strip(), of_text["signature_text"].strip()) == ("Yes.", "-- \nAnn")
    assert of_page["visible_text"].strip() == "Yes."


@pytest.mark.parametrize(
    ("file", "text", "files", "note"),
    [
        ("06-only-part-has-a-name.eml", "Please send somebody.", [], ""),
        ("07-related-root-with-cid-behind-banner.eml", "Serial number LT-7788.", ["screen.png"], ""),
        ("09-jis-without-charset.eml", "プリンターが動きません。", [], ""),
        ("10-iso-2022-jp-ms.eml", "手順①②が失敗します。㈱アクメ", [], ""),
        (
            "12-calendar-only.eml",
            "2026-11-30 09:00 – 10:00 (UTC)\nVia Larga 1, server room",
            ["part-1.ics"],
            "",
        ),
        ("13-smime-opaque-signed.eml", "The firewall drops our VPN", [], "signature not checked"),
        ("15-emoji-image-only.eml", "👍", [], ""),
        ("23-blank-line-of-spaces.eml", "Room: B12\nAlarm: door open\n\nPlease check.", [], ""),
        ("27-html-meta-differs.eml", "Žádost: tiskárna „nefunguje“ – prosím opravte", [], ""),
        ("30-data-uri-image.eml", "Then it closes.", ["picture-1.png"], ""),
    ],
)
def test_mails_that_were_read_wrongly_elsewhere_are_read(samples, file, text, files, note):
    fact = facts.mail_fact({"path": str(samples / "reports" / file), "kind": "mime"})

    assert text in fact["text"]
    assert [one["name"] for one in fact["attachments"]] == files
    assert fact["notes"] == ([note] if note else [])

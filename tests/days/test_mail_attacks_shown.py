"""What does a hostile mail do to whoever looks at it, to whoever carries it, and to the files and logs of the hub? Nothing."""

from __future__ import annotations

import re
import socket
import ssl
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path

import pytest

from tests.days.attacking import AGENT, ALICE, BOB, EVE, ONE_DESK, SUPPORT, Attacked
from tests.days.hubs import PATIENCE, until
from tests.days.posting import mail
from tests.days.rendering import active, dangers

pytestmark = [pytest.mark.samples, ONE_DESK]
FRAME = re.compile(r'<iframe[^>]*src="([^"]+)"')
FILE = re.compile(r'href="(/[^"]*/files/[^"]+)"')


def by_alice(raw: bytes) -> bytes:
    """The same as if Alice had written it: what she sees in the portal."""
    return re.sub(rb"(?m)^From: .*$", b"From: Alice <alice@cust-a.test>\r", raw, count=1)


def fetched(desk: Attacked, who: str, path: str, method: str = "GET") -> tuple[int, Message, bytes]:
    """Status, header fields as they came, body."""
    request = urllib.request.Request(
        desk.hub.base + path, headers={"Cookie": desk.people[who].cookies}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


# --- Pages ---


def test_no_html_of_a_mail_runs_fetches_or_leaves_its_frame_for_staff_or_customer(desk: Attacked) -> None:
    """A021 A022 A028 A035: each sample as listed, and as if by Alice; nobody ever knocks at the canary."""
    frames = 0
    for name in sorted(name for name in desk.listed if name.startswith(("xss", "att2"))):
        seen = [(AGENT, "/desk/tickets", desk.attack(name))]
        raw = by_alice(desk.sample(name)).replace(b"<atk-", b"<alice-")
        mine = desk.became(raw, sender=ALICE)
        seen += [(AGENT, "/desk/tickets", mine), (ALICE, "/portal/requests", mine)]
        for who, base, (item,) in seen:
            page = desk.seen_by(who, f"{base}/{item['ticket']}")
            assert active(page) == [], (name, who)
            for frame in FRAME.findall(page):
                status, fields, body = fetched(desk, who, frame)
                assert status == 200
                policy = fields["Content-Security-Policy"]
                assert policy.startswith("sandbox")
                assert "default-src 'none'" in policy
                assert "allow-scripts" not in policy
                assert dangers(body.decode()) == [], (name, who)
                frames += 1
    assert frames > 30


def test_subjects_and_names_are_text_in_lists_titles_and_in_what_leaves(desk: Attacked) -> None:
    """A023."""
    (marked,) = desk.attack("xss23-subject.eml")
    (turned,) = desk.attack("xss39-bidi-zero-width.eml")
    for item in (marked, turned):
        for path in ("/desk/?view=all&sort=newest", f"/desk/tickets/{item['ticket']}", "/desk/outgoing"):
            page = desk.seen_by(AGENT, path)
            assert "<img src=x" not in page
            assert "<script>1" not in page
            assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b]", page), path
        desk.agent.post(
            f"/tickets/{item['ticket']}/messages", {"audience": "customer", "text": f"About {item['id']}."}
        )
        sent = until(
            lambda item=item: next(
                (one for one in desk.relay.all if f"About {item['id']}." in one.text), None
            ),
            "no answer left",
        )
        html = str(sent.mail.get_body(("html",)).get_content())
        assert "<img src=x" not in html
        assert "<script" not in html


# --- Files ---


def stored(desk: Attacked) -> set[Path]:
    """Every file below the hub's folder, and beside it."""
    return {path for path in desk.hub.folder.parent.rglob("*") if path.is_file()}


def test_files_are_kept_under_names_of_ours_and_come_down_harmless(desk: Attacked) -> None:
    """A025 A030 A032; A034: nobody else gets them, in part or by HEAD."""
    before, names = stored(desk), []
    for name in sorted(
        name for name in desk.listed if name.startswith(("att0", "att1", "xss26", "xss27", "xss35", "inj05"))
    ):
        (item,) = desk.attack(name)
        files = FILE.findall(desk.seen_by(AGENT, f"/desk/tickets/{item['ticket']}"))
        assert files, name
        for path in dict.fromkeys(files):
            status, fields, _ = fetched(desk, AGENT, path)
            assert status == 200, (name, path)
            (disposition,) = fields.get_all("Content-Disposition", [])
            assert disposition.startswith("attachment;"), disposition
            assert fields["X-Content-Type-Options"] == "nosniff"
            assert fields["Content-Security-Policy"].startswith("sandbox")
            assert fields["Content-Type"] not in ("text/html", "image/svg+xml")
            assert fields.get_all("Set-Cookie") is None
            names.append(fields.get_filename() or "")
            for who in (ALICE, BOB):
                theirs = path.replace("/desk/tickets/", "/portal/requests/")
                for method in ("GET", "HEAD"):
                    assert fetched(desk, who, path, method)[0] in (403, 404)
                    assert fetched(desk, who, theirs, method)[0] == 404
    assert len(names) >= 12
    for one in names:
        assert one
        assert not set(one) & set('/\\:"<>|\r\n\0'), one
        assert not one.startswith("."), one
    new = {path.relative_to(desk.hub.data) for path in stored(desk) - before}
    # The hub makes its own key when the first mail leaves, which may be now.
    assert {path.parts[0] for path in new - {Path("keys/dkim-rsa.pem")}} <= {"blobs", "outgoing"}, new
    assert all(
        re.fullmatch(r"[0-9a-f./-]+", str(path.relative_to("blobs")))
        for path in new
        if path.parts[0] == "blobs"
    ), new


# --- The port ---


def test_no_transcript_smuggles_relays_or_floods(desk: Attacked) -> None:
    """A040 A056 A058: one mail of each, none in an agent's name, none for anybody else."""
    victims = len([one for one in desk.relay.all if one.recipient.startswith("victim")])
    for name in sorted(name for name in desk.listed if name.startswith("smtp0")):
        before = {one["id"] for one in desk.newest()}
        answers = desk.played(name)
        assert sum(answer.startswith("250 2.0.0 Stored") for answer in answers) <= 1, answers
        desk.became(mail("sentinel@evil.test", f"After {name}", to=SUPPORT), sender="sentinel@evil.test")
        came = [one for one in desk.newest() if one["id"] not in before]
        assert {one["sender"] for one in came} == {EVE, "sentinel@evil.test"}
        assert len(came) == 2, came
    assert not [one for one in desk.newest() if one["sender"] == AGENT or one["subject"] == "SMUGGLED"]
    assert [answer[0] for answer in desk.played("smtp12-open-relay.smtp")[3:-1]] == ["5"] * 6
    assert len([one for one in desk.relay.all if one.recipient.startswith("victim")]) == victims
    for name, last in (("smtp15-long-command.smtp", "500"), ("smtp16-junk-commands.smtp", "421")):
        heard = desk.played_at_once(name)
        assert heard[-1].startswith(last), heard
    assert desk.send(mail(EVE, "Still there", to=SUPPORT)) == 250


def test_commands_before_the_encryption_are_gone_behind_it(desk: Attacked) -> None:
    """A042."""
    trust = ssl.create_default_context(cafile=str(desk.certificate))
    with socket.create_connection(("127.0.0.1", desk.hub.smtp), timeout=PATIENCE) as peer:
        peer.sendall((desk.samples / "smtp10-starttls-injection.smtp").read_bytes())
        heard = b""
        while b"220 Ready" not in heard:
            heard += peer.recv(1000)
        with trust.wrap_socket(peer, server_hostname="127.0.0.1") as inside:
            inside.sendall(b"NOOP\r\n")
            assert inside.recv(1000).startswith(b"250")
            inside.sendall(b"EHLO a.test\r\nDATA\r\n")
            heard = b""
            while b"503" not in heard:
                heard += inside.recv(1000)


def test_a_mail_that_lies_about_its_size_costs_no_memory(desk: Attacked) -> None:
    """A058: 40 MB announced as ten bytes."""

    def resident() -> int:
        return int(Path(f"/proc/{desk.hub.process.pid}/statm").read_text().split()[1]) * 4096  # type: ignore[union-attr]

    before = resident()
    assert desk.flooded(announced=99_999_999_999, megabytes=0).startswith("552")
    assert desk.flooded(announced=10, megabytes=40).startswith("552")
    assert resident() - before < 64 * 2**20


def test_nothing_that_a_client_says_paints_the_log(desk: Attacked) -> None:
    """A074: what stands in the log is looked at when the desk is closed."""
    desk.played("smtp17-ehlo-injection.smtp")
    (item,) = desk.attack("inj09-log-injection.eml")
    page = desk.seen_by(AGENT, f"/desk/tickets/{item['ticket']}")
    assert "\x1b" not in page
    assert "<script>1</script>" not in desk.seen_by(AGENT, "/desk/?view=all&sort=newest")

"""What does the mail of a tool say? Templates that are known, words that are not, any charset, and answers of nobody."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from channels.monitoring.source import NotUnderstood
from core.alerting import AlertFact, Severity, Status
from tests.channels.monitoring.messages import fact, facts

DATE = "Mon, 26 Jan 2026 03:15:16 +0100"


def a_mail(subject: str, text: str = "", **headers: str) -> bytes:
    head = {"From": "Watcher <noreply@watch.example>", "Date": DATE} | headers
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in head.items()]
    return "\r\n".join([*lines, f"Subject: {subject}", "", text]).encode()


def mail(subject: str, text: str = "", **headers: str) -> AlertFact:
    return fact("email", a_mail(subject, text, **headers))


NAGIOS = "***** Nagios *****\n\nNotification Type: {}\n\nService: a/b: c\nHost: h/1\nAddress: 10.0.0.9\nState: {}\n\nDate/Time: Mon Jan 26 03:15:15 MSK 2026\n\nAdditional Info:\n\nrefused\n"  # fmt: skip


def test_nagios_the_body_goes_before_the_subject_and_the_date_before_an_abbreviation() -> None:
    told = mail("** PROBLEM Service Alert: h/1/a/b: c is CRITICAL **", NAGIOS.format("PROBLEM", "CRITICAL"))
    assert (told.resource, told.event, told.dedup_key) == ("h/1", "a/b: c", "nagios:h/1/a/b: c")
    assert told.started_at == datetime(2026, 1, 26, 2, 15, 16, tzinfo=UTC)
    assert told.started_at.tzinfo is UTC
    assert told.address == "10.0.0.9"


@pytest.mark.parametrize(
    ("kind", "state", "status"),
    [
        ("RECOVERY", "OK", "resolved"),
        ("ACKNOWLEDGEMENT", "CRITICAL", "acknowledged"),
        ("FLAPPINGSTOP", "OK", "resolved"),
        ("DOWNTIMESTART", "OK", "maintenance"),
        ("CUSTOM", "OK", "ignored"),
    ],
)
def test_nagios_types_by_mail(kind: str, state: str, status: str) -> None:
    assert mail("x", NAGIOS.format(kind, state)).status == status


def test_nagios_by_mail_and_by_its_macros_is_one_problem() -> None:
    by_mail = fact("nagios", a_mail("x", NAGIOS.format("PROBLEM", "CRITICAL")))
    by_macros = fact(
        "nagios",
        {"NOTIFICATIONTYPE": "RECOVERY", "HOSTNAME": "h/1", "SERVICEDESC": "a/b: c", "SERVICESTATE": "OK"},
    )
    assert by_mail.dedup_key == by_macros.dedup_key


ICINGA = "***** Service Monitoring on mon *****\n\nDisk on srv is {}!\n\nInfo:    free 3%\n\nWhen:    2026-01-26 03:15:15 +0100\nService: disk /\nHost:    srv\nIPv4:    10.0.0.9\n"  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "state", "status"),
    [
        ("PROBLEM", "CRITICAL", "firing"),
        ("RECOVERY", "OK", "resolved"),
        ("FLAPPINGEND", "OK", "resolved"),
        ("FLAPPINGEND", "WARNING", "ignored"),
        ("DOWNTIMEREMOVED", "CRITICAL", "maintenance"),
        ("DOWNTIMEREMOVED", "OK", "resolved"),
    ],
)
def test_icinga2_its_type_stands_in_the_subject_alone(kind: str, state: str, status: str) -> None:
    told = mail(f"[{kind}] Disk on srv is {state}!", ICINGA.format(state))
    assert (told.status, told.resource, told.event) == (status, "srv", "disk /")


def test_icinga2_a_host() -> None:
    text = "***** Host Monitoring on mon *****\n\nsrv is DOWN!\n\nInfo:    timeout\n\nHost:    srv\n"
    told = mail("[PROBLEM] Host srv is DOWN!", text)
    assert (told.dedup_key, told.severity) == ("icinga2:srv", Severity.CRITICAL)


def test_zabbix_an_update_that_acknowledges_is_no_new_problem() -> None:
    text = (
        "Admin acknowledged problem at 2026.01.26 04:40:00.\n\nCurrent problem status is PROBLEM, age is 10m, acknowledged: Yes.\n"
        "Problem name: Disk\nHost: srv\nSeverity: High\nOriginal problem ID: 7\n"
    )
    told = mail("Updated problem in 10m: Disk", text)
    assert (told.status, told.dedup_key) == (Status.ACKNOWLEDGED, "zabbix:event:7")


def test_zabbix_an_update_as_it_ships_names_no_problem_and_opens_none() -> None:
    told = mail(
        "Updated problem in 10m: Disk",
        "Admin commented.\n\nCurrent problem status is PROBLEM, age is 10m, acknowledged: No.\n",
    )
    assert (told.status, told.notes) == (Status.IGNORED, ("an update that names no problem",))


def test_zabbix_its_html_is_read_too() -> None:
    letter = EmailMessage()
    letter["From"], letter["Subject"] = "z@a.example", "Problem: Disk"
    letter.set_content(
        "<b>Problem name:</b> Disk<br><b>Host:</b> srv<br><b>Severity:</b> High<br><b>Original problem ID:</b> 7",
        "html",
    )
    told = fact("email", letter.as_bytes())
    assert (told.dedup_key, told.resource, told.severity) == ("zabbix:event:7", "srv", Severity.MAJOR)


@pytest.mark.parametrize(
    ("event", "status", "severity"),
    [
        ("OK -> CRIT", "firing", "critical"),
        ("WARN -> OK", "resolved", "ok"),
        ("Acknowledged (was CRIT)", "acknowledged", "unknown"),
        ("Flapping Started", "suppressed", "unknown"),
        ("Downtime Ended", "maintenance", "unknown"),
    ],
)
def test_checkmk_by_mail(event: str, status: str, severity: str) -> None:
    text = f"Host:     srv\nAlias:    srv\nAddress:  10.0.0.9\nService:  Disk /\nEvent:    {event}\nOutput:   full\n"
    for kind in ("email", "checkmk"):
        told = fact(kind, a_mail("Checkmk: srv/Disk / " + event, text))
        assert (told.status, told.severity) == (status, severity)
        assert status == "ignored" or told.dedup_key == "checkmk:srv/Disk /"


def test_zabbix_times_are_local_to_the_source() -> None:
    text = (
        "Problem started at 04:27:58 on 2026.01.26\nProblem name: Disk\nHost: srv\nOriginal problem ID: 7\n"
    )
    told = fact("email", a_mail("Problem: Disk", text), zone="Europe/Rome")
    assert told.started_at == datetime(2026, 1, 26, 3, 27, 58, tzinfo=UTC)


@pytest.mark.parametrize(
    ("subject", "status", "severity"),
    [
        ("[Failed] Nightly backup (3 objects) 1 failed", "firing", "major"),
        ("[Warning] Nightly backup (3 objects)", "firing", "warning"),
        ("[Success] Nightly backup (3 objects)", "resolved", "ok"),
        ("[Success] Nightly backup", "resolved", "ok"),
    ],
)
def test_a_backup_job_is_known_by_its_name_whatever_its_result(
    subject: str, status: str, severity: str
) -> None:
    told = mail(subject)
    assert (told.event, told.status, told.severity) == ("Nightly backup", status, severity)
    assert told.dedup_key == "job:noreply@watch.example:nightly backup"


# What matches nothing


def test_words_that_are_not_known_are_a_problem_for_people_to_look_at() -> None:
    told = mail("ALARM: door open - Site 4", "see camera 10.0.0.300 and 10.4.0.9.")
    assert (told.status, told.severity, told.event) == (Status.FIRING, Severity.UNKNOWN, "door open")
    assert told.dedup_key == "email:noreply@watch.example:door open - Site 4"
    assert told.resource == "10.4.0.9"


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("x", "Host: gate\nEvent: door open\n"),
        ("x", "Notification Type: HELLO\nHost: gate\nState: DOWN\n"),
        ("[NOTICE] gate is DOWN", "Host: gate\n"),
        ("x", "Problem name: Disk\n"),
        ("[Urgent] gate", ""),
    ],
)
def test_what_only_looks_like_a_template_is_no_less_a_problem(subject: str, text: str) -> None:
    told = mail(subject, text)
    assert (told.status, told.severity) == (Status.FIRING, Severity.UNKNOWN)


def test_one_sender_with_two_subjects_has_two_problems() -> None:
    assert mail("a - x").dedup_key != mail("a - y").dedup_key


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        ("ALLARME: UPS in batteria - Sede Milano", "RIENTRO: UPS in batteria - Sede Milano"),
        ("UPS in batteria", "Fine allarme: UPS in batteria"),
        ("Allarme: UPS in batteria", "Ripristinato allarme: UPS in batteria"),
        ("Problem: Free disk space is low", "Resolved in 1d 3h 2m 5s: Free disk space is low"),
        ("Problem: Free disk space is low", "Resolved: Free disk space is low"),
        ("[FIRING:2] InstanceDown (srv-1)", "[RESOLVED] InstanceDown (srv-1)"),
        ("[Alerting] CPU", "[OK] CPU"),
        ("Alert: door open", "OK: door open"),
        ("door open", "Alarm: RECOVERED: door open"),
        ("ALARM: Sensor: too hot", "RIENTRO: Sensor: too hot"),
        ("Sensor alarm: too hot", "OK: Sensor alarm: too hot"),
        ("Problem: Power supply failure", "Resolved: Power supply failure"),
        ("[FIRING:1, RESOLVED:1] DiskFull (srv-9)", "[RESOLVED] DiskFull (srv-9)"),
    ],
)
def test_words_in_front_that_say_that_it_is_over_end_what_they_are_about(begins: str, ends: str) -> None:
    bad, well = mail(begins), mail(ends)
    assert (bad.status, well.status, well.severity) == (Status.FIRING, Status.RESOLVED, Severity.OK)
    assert bad.dedup_key == well.dedup_key
    assert (well.started_at, well.ended_at) == (None, datetime(2026, 1, 26, 2, 15, 16, tzinfo=UTC))


@pytest.mark.parametrize(
    "subject",
    ["OK: 3, FAILED: 2 - nightly backup", "Ripristino: fallito su SRV01", "Restored: no, still down", "OK: 12 Warning: 3 Critical: 4", "Ok", "OK:", "[RESOLVED]", "Okay: look at it", "Resolved to fail: disk", "Fine: it is not", "Is it OK: no", "Recovery failed", "risolto nulla", "Resolved in " + "1h " * 40 + ": x", "[OK " + " " * 5000],
)  # fmt: skip
def test_a_word_that_does_not_say_that_it_is_over_is_a_problem_to_look_at(subject: str) -> None:
    assert mail(subject, "text").status is Status.FIRING


def test_a_mail_without_a_subject_is_known_by_its_first_line() -> None:
    assert mail("", "UPS on battery\nmore").event == "UPS on battery"


@pytest.mark.parametrize(
    "headers",
    [{"Auto_Submitted": "auto-generated"}, {"Precedence": "bulk"}, {"Precedence": "list"}, {"List_Id": "x"}],
)
def test_that_a_mail_is_automatic_or_sent_in_bulk_is_usual_here(headers: dict[str, str]) -> None:
    assert mail("UPS on battery", **headers).status is Status.FIRING


@pytest.mark.parametrize(
    "headers",
    [{"Auto_Submitted": "auto-replied (vacation)"}, {"X_Autoreply": "yes"}, {"Precedence": "auto_reply"}],
)
def test_an_answer_of_somebodys_absence_is_no_problem(headers: dict[str, str]) -> None:
    assert mail("Out of office", **headers).status is Status.IGNORED


@pytest.mark.parametrize(
    ("charset", "content"),
    [
        ("iso-8859-1", "città è".encode("latin-1")),
        ("utf-8", "città è".encode()),
        ("windows-1252", "città è".encode("cp1252")),
        ("no-such-charset", "città è".encode("latin-1")),
        ("us-ascii", "città è".encode("latin-1")),
    ],
)
def test_a_text_is_read_in_whatever_charset(charset: str, content: bytes) -> None:
    raw = f"From: a@b.example\nSubject: x\nContent-Type: text/plain; charset={charset}\n\n".encode() + content
    assert fact("email", raw).text == "città è"


@pytest.mark.parametrize(
    "subject",
    [b"=?iso-8859-1?Q?citt=E0?=", "città".encode("latin-1"), "città".encode(), b"=?utf-8?B?Y2l0dMOg?="],
)
def test_a_subject_is_read_in_whatever_charset(subject: bytes) -> None:
    assert fact("email", b"From: a@b.example\nSubject: " + subject + b"\n\nx").event == "città"


@pytest.mark.parametrize("subject", [b"=?x?B?!!!?=", b"=?utf-8?Q?=ZZ?=", b"\x00\xff", b"=?utf-8?B?A?="])
def test_a_subject_that_is_broken_hides_nothing(subject: bytes) -> None:
    told = fact("email", b"From: a@b.example\nSubject: " + subject + b"\n\nUPS on battery")
    assert told.status is Status.FIRING
    assert "UPS on battery" in told.text


def test_html_alone_is_read_without_its_tags() -> None:
    letter = EmailMessage()
    letter["From"], letter["Subject"] = "a@b.example", "x"
    letter.set_content(
        "<style>p{}</style><p>Notification Type: PROBLEM</p><p>Host: h</p><p>State: DOWN</p>", "html"
    )
    told = fact("email", letter.as_bytes())
    assert told.dedup_key == "nagios:h"


def test_a_mail_that_went_through_many_hands_is_a_mail_still() -> None:
    hand = f"Received: from mx.example.net by mx2.example.net;\r\n {DATE}\r\nARC-Seal: i=1; b={'A' * 700}\r\nX_Scan: clean\r\n"
    told = fact("email", hand.encode() * 30 + a_mail("[Success] Nightly (3 objects)"))
    assert (told.status, told.event) == (Status.RESOLVED, "Nightly")


def test_a_date_that_is_none_is_left_out() -> None:
    for date in ("yesterday", "Fri, 31 Dec 9999 23:59:59 -1200", "Mon, 99 Jan 2026 99:00:00 +9999", ""):
        assert mail("x", Date=date).started_at is None


def test_a_mail_that_is_nested_beyond_reading_says_so_and_a_little_is_usual() -> None:
    def nested(depth: int) -> bytes:
        raw = b"From: a@b.example\nSubject: x\n"
        for number in range(depth):
            raw += b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (number, number)
        return raw + b"\nUPS on battery\n"

    assert "UPS on battery" in fact("email", nested(3)).text
    with pytest.raises(NotUnderstood, match="nested"):
        facts("email", nested(3000))

"""Whatever is sent, it is facts within their limits or it is not understood; it stops nothing, takes no time and hides nothing."""

from __future__ import annotations

import contextlib
import gzip
import json
import zlib
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels.monitoring.decoding import SIZE, decode
from channels.monitoring.kinds import KINDS, recognised
from channels.monitoring.read import facts_of
from channels.monitoring.source import NotUnderstood, Source
from core.alerting import WITHOUT_KEY, AlertFact, Severity, Status
from tests.channels.monitoring.messages import FORM, NOON, fact, facts, form
from tests.spending import quickly


def a_group(**alert: Any) -> dict[str, Any]:
    labels = {"alertname": "A", "instance": "a"} | alert.pop("labels", {})
    return {"groupLabels": {}, "alerts": [{"status": "firing", "fingerprint": "f", "labels": labels} | alert]}


GZIP = {"content-encoding": "gzip"}


# Bodies


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"heartbeat", "syslog"}))
@pytest.mark.parametrize("body", [b"", b"   ", b"null", b"{}", b"7", b"\x00", b"{", b"[[]]"], ids=repr)
def test_a_body_that_says_nothing_is_not_understood(kind: str, body: bytes) -> None:
    if kind == "email" and body.strip():
        assert fact(kind, body).severity is Severity.UNKNOWN  # people look at it
        return
    with pytest.raises(NotUnderstood):
        facts(kind, body)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"heartbeat", "syslog", "email", "cloudevents"}))
def test_an_empty_list_is_not_understood_but_by_whom_it_is_a_valid_batch(kind: str) -> None:
    with pytest.raises(NotUnderstood):
        facts(kind, b"[]")
    assert facts("cloudevents", b"[]") == []


KNOWN_BY = {
    "stackdriver": ({"incident": {"state": "open", "incident_id": "7"}}, ("incident", "incident_id")),
    "newrelic": ({"current_state": "open", "condition_id": 7}, ("condition_id",)),
    "pingdom": ({"current_state": "DOWN", "check_id": 7}, ("check_id",)),
    "vrealize": ({"status": "ACTIVE", "alertId": "7"}, ("alertId",)),
    "thousandeyes": (
        {"eventType": "ALERT_NOTIFICATION_TRIGGER", "alert": {"alertId": 7, "ruleName": "A"}},
        ("alert", "alertId"),
    ),
    "grafana": ({"state": "alerting", "ruleId": 7, "ruleName": "A"}, ("ruleId",)),
    "heartbeat": ({"is_oncall_heartbeat": True, "alert_uid": "7"}, ("alert_uid",)),
    "librenms": ({"alert_id": 7, "state": 1}, ("alert_id",)),
    "graylog": ({"event_definition_id": "7", "event": {}}, ("event_definition_id",)),
    "riemann": ({"host": "a", "service": "b", "state": "critical"}, ("service",)),
}


@pytest.mark.parametrize("kind", KNOWN_BY)
@pytest.mark.parametrize("nothing", [None, "", " ", {}, [], [None], True, float("nan"), ...], ids=repr)
def test_problems_of_which_their_tool_does_not_say_what_they_are_called_are_not_one(
    kind: str, nothing: Any
) -> None:
    """The second would be the repetition of the first, and nobody would hear of it."""
    body, path = KNOWN_BY[kind]
    assert fact(kind, body).dedup_key
    without = json.loads(json.dumps(body))
    *way, name = path
    inside = without
    for step in way:
        inside = inside[step]
    if nothing is ...:
        del inside[name]
    else:
        inside[name] = nothing
    with pytest.raises(NotUnderstood, match=f"{name} is missing|no list of alerts"):
        facts(kind, without)


def test_a_kind_that_nobody_knows_says_which_there_are() -> None:
    with pytest.raises(NotUnderstood, match="alertmanager"):
        facts("telepathy", b"{}")


@pytest.mark.parametrize(
    "unit",
    [b"[", b'{"a":', b"x", b"\x30\x82", b"<", b"1 ", b"\n", b"a:\n", b" ", b'"', b'{"\\', b"Host:  "],
    ids=repr,
)
def test_five_megabytes_of_anything_take_no_time(unit: bytes) -> None:
    with quickly(10), contextlib.suppress(NotUnderstood):
        told = decode(unit * (SIZE // len(unit)), {}, received_at=NOON)
        for kind in KINDS:
            with contextlib.suppress(NotUnderstood):
                facts_of(told, Source(name="acme", kind=kind))


def test_a_body_that_is_too_large_is_not_read() -> None:
    with pytest.raises(NotUnderstood, match="is the limit"):
        facts("alertmanager", b" " * (SIZE + 1))


@pytest.mark.parametrize("nowhere", [{"host": None}, {"host": ""}, {}])
def test_what_riemann_says_of_a_service_of_no_one_host_is_a_problem_of_that_service(nowhere: Any) -> None:
    said = {"service": "api latency, all hosts", "state": "critical"}
    told = fact("riemann", said | nowhere)
    assert (told.status, told.event, told.resource) == (Status.FIRING, "api latency, all hosts", None)
    assert told.dedup_key == fact("riemann", said | nowhere | {"state": "ok"}).dedup_key
    assert told.dedup_key != fact("riemann", said | {"host": "a"}).dedup_key


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [("ISO-8859-1", "latin-1"), ("windows-1252", "cp1252"), ("utf-16", "utf-16"), ('"UTF-8"', "utf-8")],
)
def test_a_charset_that_is_said_is_believed(charset: str, encoding: str) -> None:
    body = json.dumps(a_group(labels={"alertname": "Città"}), ensure_ascii=False).encode(encoding)
    told = fact("alertmanager", body, headers={"content-type": f"application/json; charset={charset}"})
    assert told.event == "Città"
    said = {"content-type": f"{FORM['content-type']}; charset={charset}"}
    form_body = "NOTIFICATIONTYPE=PROBLEM&HOSTNAME=sw-1&HOSTSTATE=DOWN&HOSTOUTPUT=Città".encode(encoding)
    assert "Città" in fact("nagios", form_body, headers=said).summary


@pytest.mark.parametrize(
    "charset", ["punycode", "idna", "hex", "utf-7", "unicode_escape", "x" * 5000, "", "\0"]
)
def test_a_charset_that_nobody_sends_is_read_as_utf_8(charset: str) -> None:
    head = {"content-type": f"application/json; charset={charset}"}
    assert fact("alertmanager", a_group(labels={"alertname": "Città"}), headers=head).event == "Città"


@pytest.mark.parametrize("pack", [gzip, zlib], ids=["gzip", "deflate"])
def test_a_bomb_is_not_unpacked(pack: Any) -> None:
    with pytest.raises(NotUnderstood, match="not read further"):
        facts("alertmanager", pack.compress(b"0" * 10**8), headers={"content-encoding": "deflate"})


def test_a_body_that_the_server_unpacked_is_read_though_its_header_is_still_there() -> None:
    for encoding in ("gzip", "deflate"):
        assert fact("alertmanager", a_group(), headers={"content-encoding": encoding}).event == "A"
    packed = zlib.compress(json.dumps(a_group()).encode())
    assert fact("alertmanager", packed, headers={"content-encoding": "deflate"}).event == "A"


@pytest.mark.parametrize("text", ["UPS on battery", "", "P", "K" * 300, "<a>b</a>", "a=1&b=2", " {}"])
def test_deflate_without_its_frame_is_unpacked_and_what_is_not_packed_stays_as_it_came(text: str) -> None:
    for body in (text.encode(), json.dumps(a_group()).encode()):
        pack = zlib.compressobj(wbits=-15)
        for raw in (pack.compress(body) + pack.flush(), body):
            told = decode(raw, {"content-encoding": "Deflate"}, received_at=NOON)
            assert told.raw == body
    pack = zlib.compressobj(wbits=-15)
    bomb = pack.compress(b"0" * 10**8) + pack.flush()
    with pytest.raises(NotUnderstood, match="not read further"):
        decode(bomb, {"content-encoding": "deflate"}, received_at=NOON)


def test_a_body_may_be_packed_and_a_broken_pack_is_not_understood() -> None:
    packed = gzip.compress(json.dumps(a_group()).encode())
    assert fact("alertmanager", packed).event == "A"
    for broken in (packed[:-9], b"\x1f\x8b" + b"x" * 30):
        with pytest.raises(NotUnderstood, match="pack"):
            facts("alertmanager", broken, headers=GZIP)


@pytest.mark.parametrize("depth", [65, 1000, 100_000])
def test_a_document_that_is_nested_too_deeply_is_not_read(depth: int) -> None:
    for deep in (b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth):
        with pytest.raises(NotUnderstood, match="64 levels"):
            facts("alertmanager", deep)


def test_what_is_nested_inside_a_text_is_not_read_too_deeply_either() -> None:
    body = {"Type": "Notification", "TopicArn": "t", "Message": "[" * 5000}
    with pytest.raises(NotUnderstood, match="64 levels"):
        facts("aws-sns", body)


@pytest.mark.parametrize(
    "kind",
    [
        "application/octet-stream",
        "text/plain",
        "image/png",
        "",
        "application/json; charset=latin-1",
        "application/x-www-form-urlencoded",  # so says curl -d of whatever it sends
    ],
)
def test_json_is_read_whatever_the_content_type_says(kind: str) -> None:
    assert fact("alertmanager", a_group(), headers={"content-type": kind}).event == "A"


@pytest.mark.parametrize("name", ["payload", "data"])
def test_a_document_may_lie_in_a_form_or_a_part(name: str) -> None:
    document = json.dumps(a_group())
    parts = f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{document}\r\n--x--\r\n'
    headers = {"content-type": "multipart/form-data; boundary=x"}
    assert fact("alertmanager", form(**{name: document}), headers=FORM).event == "A"
    assert fact("alertmanager", parts, headers=headers).event == "A"


@pytest.mark.parametrize("kind", ["alertmanager", "riemann", "cloudevents", "thousandeyes", "wazuh"])
def test_more_than_ten_thousand_alerts_are_not_read(kind: str) -> None:
    many: Any = [{}] * 10_001
    with pytest.raises(NotUnderstood, match="10000 is the limit"):
        facts(kind, {"alerts": many} if kind == "alertmanager" else many)


def test_more_than_ten_thousand_lines_are_not_read() -> None:
    with pytest.raises(NotUnderstood, match="10000 is the limit"):
        facts("syslog", b"<11>x\n" * 10_001)


def test_an_alert_that_cannot_be_read_does_not_stop_its_neighbours() -> None:
    good = a_group()["alerts"][0]
    told = facts("alertmanager", {"alerts": [good, None, "x", good]})
    assert [one.status for one in told] == ["firing", "ignored", "ignored", "firing"]
    assert told[1].dedup_key is None
    assert "alert 2 of 4 cannot be read" in told[1].notes[0]


# Values


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ("2026-01-26T10:00:00.123456789Z", datetime(2026, 1, 26, 10, 0, 0, 123456, tzinfo=UTC)),
        ("2026-01-26T10:00:00+0000", datetime(2026, 1, 26, 10, 0, tzinfo=UTC)),
        ("2026-01-26T11:00:00+01.00", datetime(2026, 1, 26, 10, 0, tzinfo=UTC)),
        ("2026-01-26 11:00:00", datetime(2026, 1, 26, 10, 0, tzinfo=UTC)),
        (1769421600123, datetime(2026, 1, 26, 10, 0, 0, 123000, tzinfo=UTC)),
        ("1769421600", datetime(2026, 1, 26, 10, 0, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("1970-01-01T00:00:00Z", None),
        (0, None),
        ("9999-99-99T99:99:99Z", None),
        ("2026-01-26T10:00:00+99:99", None),
        (1e400, None),
        (float("nan"), None),
        (10**30, None),
        (True, None),
        ([], None),
        ("yesterday", None),
    ],
)
def test_a_start_is_an_instant_or_none(said: Any, at: datetime | None) -> None:
    assert fact("alertmanager", a_group(startsAt=said), zone="Europe/Rome").started_at == at


def test_a_start_in_the_future_is_a_claim() -> None:
    told = fact("alertmanager", a_group(startsAt="2026-01-26T12:03:00Z"))
    assert (told.started_at, told.claimed_started_at) == (None, datetime(2026, 1, 26, 12, 3, tzinfo=UTC))
    assert fact("alertmanager", a_group(startsAt="2026-01-26T12:01:00Z")).claimed_started_at is None


@pytest.mark.parametrize(
    "link",
    ["javascript:alert(1)", "/graph?g0", "//evil.example/x", "data:text/html,x", "ftp://a.example/", "https://", "http://[", "HTTP ://a", " ", 7, None, ["https://a.example"]],
)  # fmt: skip
def test_what_is_no_web_address_is_no_link(link: Any) -> None:
    assert fact("alertmanager", a_group(generatorURL=link)).links == ()


def test_nul_and_halves_of_characters_never_reach_the_store() -> None:
    told = fact(
        "alertmanager",
        b'{"groupLabels":{},"alerts":[{"labels":{"alertname":"a\\u0000b\\ud800"},"fingerprint":"\\ud800"}]}',
    )
    assert told.event == "ab?"
    assert told.dedup_key == "alertmanager:?"


def test_values_are_cut_never_refused() -> None:
    long = "é" * 40_000
    labels = {f"l{number}": "é" * 1000 for number in range(100)} | {"alertname": long}
    told = fact("alertmanager", a_group(labels=labels, fingerprint=long, annotations={"description": long}))
    within_limits(told)


def within_limits(told: AlertFact) -> None:
    assert len(told.event or "") <= 255
    assert len(told.resource or "") <= 255
    assert told.dedup_key is None or 0 < len(told.dedup_key) <= 255
    assert (told.dedup_key is None) == (told.status in WITHOUT_KEY)
    assert len(told.text.encode()) <= 64 * 1024
    assert len(told.labels) <= 64
    assert all(len(value.encode()) <= 1024 for value in told.labels.values())
    assert all(link.startswith(("http://", "https://")) for link in told.links)
    words = [
        told.event,
        told.resource,
        told.dedup_key,
        told.text,
        told.summary,
        told.address,
        *told.labels,
        *told.labels.values(),
    ]
    assert not any("\0" in (word or "") for word in words)
    assert all(at is None or at.tzinfo is UTC for at in (told.started_at, told.ended_at))
    assert told.severity is not Severity.OK or told.status is Status.RESOLVED


# Anything

TEXTS = st.text(max_size=20) | st.sampled_from(
    "firing resolved alerting open closed UP DOWN ALARM OK PROBLEM RECOVERY trigger 1 0 2026-01-26T10:00:00Z https://a.example/ \0 {} []".split()
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(TEXTS, inside, max_size=3),
    max_leaves=6,
)
FIELDS = (
    "alerts status labels annotations fingerprint startsAt orgId ruleId ruleName state evalMatches event_id event_value event_tags "
    "notification_type host_name service_desc what host event site sensorid device heartbeat monitor msg monitorID alert_id severity "
    "timestamp event_definition_id Type TopicArn Message AlarmName NewStateValue Trigger schemaId data essentials alertId context name "
    "monitorCondition check_id current_state check_params incident incident_id condition_id targets issueUrl id eventType alert agentAlert "
    "rule agent manager service time tags criticality startDate routing_key event_action payload links custom_details dedup_key "
    "specversion type source subject data_base64 is_oncall_heartbeat alert_uid timeout origin"
).split()
DOCUMENTS = st.recursive(
    VALUES,
    lambda inside: (
        st.dictionaries(st.sampled_from(FIELDS), inside, max_size=8) | st.lists(inside, max_size=3)
    ),
    max_leaves=12,
)


MAPPING = {"event": "status", "items": "alerts", "severity": "labels.severity", "started_at": "startsAt"}


@pytest.mark.parametrize("kind", [*sorted(KINDS), "auto"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    raw=st.binary(max_size=400) | DOCUMENTS.map(lambda one: json.dumps(one).encode()) | TEXTS.map(str.encode)
)
def test_any_bytes_are_facts_or_not_understood(kind: str, raw: bytes) -> None:
    for headers in (
        {},
        FORM,
        {"content-type": "multipart/form-data; boundary=x"},
        {"ce-specversion": "1.0", "ce-type": "a.b", "ce-source": "s", "ce-id": "1"},
    ):
        with contextlib.suppress(NotUnderstood):
            for one in facts(kind, raw, headers=headers, mapping=MAPPING):
                within_limits(one)


# Which tool


def of(kind: str) -> Any:
    return next((one for one in KINDS[kind].marks if ":" not in one), "")


@pytest.mark.parametrize("kind", [one for one in sorted(KINDS) if of(one)])
def test_a_tool_is_known_by_the_shape_of_its_messages(kind: str) -> None:
    body = {name: "x" for name in of(kind).split() if name[0] != "-"}
    assert recognised(decode(json.dumps(body).encode(), {}, received_at=NOON)) == kind


def test_what_no_tool_sends_is_not_guessed() -> None:
    with pytest.raises(NotUnderstood, match="no tool"):
        facts("auto", {"hello": "world"})

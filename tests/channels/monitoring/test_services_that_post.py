"""What do services, and senders of common formats, mean by what they post? Each row is a trap that one of them sets."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from channels.monitoring.source import NotUnderstood
from channels.monitoring.sources.pagerduty_events import dedup_key
from core.alerting import Severity, Status
from tests.channels.monitoring.messages import fact, facts

# Amazon, Microsoft, Google


def of_sns(message: Any, **more: Any) -> bytes:
    text = message if isinstance(message, str) else json.dumps(message)
    return json.dumps({"Type": "Notification", "TopicArn": "arn:t", "Message": text} | more).encode()


ALARM = {"AlarmName": "cpu", "AWSAccountId": "1", "Region": "EU", "NewStateValue": "ALARM"}
AS_TEXT = {"content-type": "text/plain; charset=UTF-8"}


def test_cloudwatch_the_arn_of_an_alarm_goes_before_its_name() -> None:
    with_arn = fact("aws-sns", of_sns(ALARM | {"AlarmArn": "arn:a"}), headers=AS_TEXT)
    without = fact("aws-sns", of_sns(ALARM), headers=AS_TEXT)
    assert (with_arn.dedup_key, without.dedup_key) == ("cloudwatch:arn:a", "cloudwatch:1:EU:cpu")


@pytest.mark.parametrize(
    ("state", "status"), [("ALARM", "firing"), ("OK", "resolved"), ("INSUFFICIENT_DATA", "no-data")]
)
def test_cloudwatch_what_has_no_data_has_not_recovered(state: str, status: str) -> None:
    told = fact(
        "aws-sns", of_sns(ALARM | {"NewStateValue": state, "StateChangeTime": "2026-01-26T10:00:00.5+0000"})
    )
    assert told.status == status
    assert (told.ended_at or told.started_at) == datetime(2026, 1, 26, 10, 0, 0, 500000, tzinfo=UTC)


def test_cloudwatch_of_a_sum_of_metrics_the_first_thing_is_the_resource() -> None:
    trigger = {
        "Metrics": [{"MetricStat": {"Metric": {"Dimensions": [{"name": "InstanceId", "value": "i-1"}]}}}]
    }
    assert fact("aws-sns", of_sns(ALARM | {"Trigger": trigger})).resource == "i-1"


def test_sns_free_text_is_a_problem_known_by_its_subject() -> None:
    told = fact("aws-sns", of_sns("Disk of db-1 is full\nsee wiki", Subject="Disk full"))
    assert (told.event, told.status, told.severity) == ("Disk full", Status.FIRING, Severity.UNKNOWN)
    assert "see wiki" in told.text


@pytest.mark.parametrize(
    ("kind", "status"), [("SubscriptionConfirmation", "confirmation"), ("UnsubscribeConfirmation", "ignored")]
)
def test_sns_a_question_is_no_problem_and_its_address_is_no_link(kind: str, status: str) -> None:
    body = {
        "Type": kind,
        "TopicArn": "arn:t",
        "SubscribeURL": "https://evil.example/?Action=x",
        "Message": "?",
    }
    told = fact("aws-sns", body)
    assert (told.status, told.dedup_key, told.links) == (status, None, ())


def of_azure(**essentials: Any) -> dict[str, Any]:
    return {
        "schemaId": "azureMonitorCommonAlertSchema",
        "data": {
            "essentials": {"alertId": "/s/alerts/1", "alertRule": "R", "monitorCondition": "Fired"}
            | essentials
        },
    }


@pytest.mark.parametrize(
    ("word", "severity"),
    [("Sev0", "critical"), ("Sev1", "major"), ("Sev2", "warning"), ("Sev3", "info"), ("Sev4", "info")],
)
def test_azure_five_severities(word: str, severity: str) -> None:
    assert fact("azure-monitor", of_azure(severity=word)).severity == severity


def test_azure_a_rule_at_a_target_stays_one_problem_from_episode_to_episode() -> None:
    def key(alert: str, target: str) -> str | None:
        return fact(
            "azure-monitor", of_azure(alertId=alert, originAlertId="o1", alertTargetIDs=[target])
        ).dedup_key

    assert key("/s/1", "/VM/a") == key("/s/2", "/vm/A") != key("/s/1", "/vm/b")


@pytest.mark.parametrize(
    ("before", "after", "body"),
    [
        ("Activated", "Deactivated", lambda s: {"schemaId": "AzureMonitorMetricAlert", "data": {"status": s, "context": {"id": "/r/1", "name": "cpu", "severity": "0", "resourceName": "vm"}}}),
        ("Activated", "Resolved", lambda s: {"status": s, "context": {"id": "/r/1", "name": "cpu", "resourceName": "vm"}}),
        ("Fired", "Resolved", lambda s: {"schemaId": "Microsoft.Insights/LogAlert", "data": {"AlertRuleName": "cpu", "MonitorCondition": s, "AffectedConfigurationItems": ["vm"]}}),
    ],
    ids=["metrics", "the classic one", "logs"],
)  # fmt: skip
def test_azure_its_older_schemas_pair_too(before: str, after: str, body: Any) -> None:
    began, ended = fact("azure-monitor", body(before)), fact("azure-monitor", body(after))
    assert (began.status, ended.status) == (Status.FIRING, Status.RESOLVED)
    assert (began.dedup_key, began.event, began.resource) == (ended.dedup_key, "cpu", "vm")


def test_azure_the_test_of_an_action_group_is_no_problem() -> None:
    alert = "/subscriptions/11111111-1111-1111-1111-111111111111/providers/x/alerts/1"
    assert fact("azure-monitor", of_azure(alertId=alert)).status is Status.TEST


def test_azure_a_service_that_is_disturbed_recovers_under_the_same_number() -> None:
    def told(stage: str) -> Any:
        activity = {
            "operationName": "Incident",
            "properties": {"stage": stage, "trackingId": "T1", "title": "VMs"},
        }
        data = {"status": "Activated", "context": {"activityLog": activity}}
        return fact("azure-monitor", {"schemaId": "Microsoft.Insights/activityLogs", "data": data})

    assert (told("Active").status, told("Resolved").status) == (Status.FIRING, Status.RESOLVED)
    assert told("Active").dedup_key == told("Resolved").dedup_key


@pytest.mark.parametrize(
    ("service", "began", "ended"),
    [
        ("Resource Health", {"currentHealthStatus": "Unavailable"}, {"currentHealthStatus": "Available"}),
        (
            "ServiceHealth",
            {"stage": "Active", "trackingId": "T1"},
            {"stage": "Resolved", "trackingId": "T1"},
        ),
    ],
)
def test_azure_health_in_the_common_schema_is_fired_again_when_it_is_over(
    service: str, began: Any, ended: Any
) -> None:
    def told(event: str, properties: Any) -> Any:
        body = of_azure(
            originAlertId=event,
            alertId=f"/subscriptions/s/alerts/{event}",
            alertTargetIDs=["/vm/a"],
            severity="Sev4",
            signalType="Activity Log",
            monitoringService=service,
            monitorCondition="Fired",
            firedDateTime="2026-01-20T05:00:00Z",
        )
        body["data"]["alertContext"] = {"level": "Critical", "status": "Active", "properties": properties}
        return fact("azure-monitor", body)

    down, well = told("1", began), told("2", ended)
    assert (down.status, well.status) == (Status.FIRING, Status.RESOLVED)
    assert (down.severity, well.severity) == (Severity.CRITICAL, Severity.OK)
    assert down.dedup_key == well.dedup_key
    assert well.ended_at is not None


def test_eventbridge_tells_an_alarm_in_other_words() -> None:
    event = {
        "detail-type": "CloudWatch Alarm State Change",
        "resources": ["arn:a"],
        "detail": {
            "alarmName": "cpu",
            "state": {"value": "ALARM", "timestamp": "2026-01-26T10:00:00.000+0000"},
        },
    }
    told = fact("aws-sns", of_sns(event))
    assert (told.dedup_key, told.event, told.severity) == ("cloudwatch:arn:a", "cpu", Severity.CRITICAL)
    assert told.dedup_key == fact("aws-sns", of_sns(ALARM | {"AlarmArn": "arn:a"})).dedup_key


def test_google_a_test_is_told_by_its_version_and_a_severity_by_its_word() -> None:
    incident = {"incident_id": "1", "state": "open", "condition_name": "CPU", "severity": "Critical"}
    assert fact("stackdriver", {"incident": incident, "version": "1.2"}).severity is Severity.CRITICAL
    assert fact("stackdriver", {"incident": incident, "version": "test"}).status is Status.TEST


# Other services


@pytest.mark.parametrize(
    ("state", "status"),
    [("DOWN", "firing"), ("UP", "resolved"), ("FAILING", "firing"), ("SUCCESS", "resolved")],
)
def test_pingdom_checks_of_pages_and_of_transactions(state: str, status: str) -> None:
    told = fact("pingdom", {"check_id": 8, "current_state": state, "check_name": "Shop"})
    assert (told.status, told.dedup_key) == (status, "pingdom:8")


def test_newrelic_an_incident_is_known_by_its_condition_and_an_issue_by_its_number() -> None:
    incident = {"account_id": 1, "condition_id": 5, "current_state": "open", "timestamp": 1769421600123}
    told = fact("newrelic", incident)
    assert told.dedup_key == fact("newrelic", incident | {"current_state": "closed"}).dedup_key
    assert told.started_at == datetime(2026, 1, 26, 10, 0, 0, 123000, tzinfo=UTC)
    issue = {
        "id": "i1",
        "issueUrl": "https://a.example/i1",
        "title": "CPU",
        "priority": "CRITICAL",
        "state": "ACTIVATED",
        "alertConditionNames": ["High CPU"],
    }
    assert (fact("newrelic", issue).severity, fact("newrelic", issue).event) == (
        Severity.CRITICAL,
        "High CPU",
    )
    assert fact("newrelic", issue | {"state": "CLOSED"}).status is Status.RESOLVED


def test_thousandeyes_one_bad_event_does_not_stop_its_neighbours() -> None:
    good = {
        "eventType": "ALERT_NOTIFICATION_TRIGGER",
        "eventId": "1",
        "alert": {"alertId": 5, "ruleName": "R"},
    }
    told = facts("thousandeyes", [good, {"eventType": "?", "eventId": "2"}, 7, good])
    assert [one.status for one in told] == ["firing", "ignored", "ignored", "firing"]
    assert "alert 2 of 4 cannot be read" in told[1].notes[0]


@pytest.mark.parametrize(
    ("level", "severity"), [(3, "info"), (7, "warning"), (12, "major"), (15, "critical"), ("10", "warning")]
)
def test_wazuh_an_alert_is_known_by_agent_and_rule(level: Any, severity: str) -> None:
    body = {
        "timestamp": "2026-01-26T10:00:00.123+0000",
        "rule": {"id": "5710", "level": level, "description": "sshd"},
        "agent": {"id": "001", "name": "srv"},
        "manager": {},
    }
    told = fact("wazuh", body)
    assert (told.dedup_key, told.severity, told.resource) == ("wazuh:001:5710", severity, "srv")


def test_riemann_a_list_holds_events_of_different_states() -> None:
    told = facts(
        "riemann",
        [
            {"host": "a", "service": "cpu", "state": "critical", "time": 1769421600},
            {"host": "a", "service": "cpu", "state": "ok", "time": 1769421660.5},
            {"host": "a", "service": "cpu", "state": "expired"},
        ],
    )
    assert [one.status for one in told] == ["firing", "resolved", "no-data"]
    assert len({one.dedup_key for one in told}) == 1


@pytest.mark.parametrize(
    ("level", "severity"),
    [("CRITICAL", "critical"), ("IMMEDIATE", "major"), ("WARNING", "warning"), ("INFORMATION", "info")],
)
def test_vrealize_an_alert_is_known_by_its_id(level: str, severity: str) -> None:
    body = {
        "alertId": "u1",
        "status": "ACTIVE",
        "criticality": f"ALERT_CRITICALITY_LEVEL_{level}",
        "startDate": 1769421600000,
    }
    told = fact("vrealize", body)
    assert (told.dedup_key, told.severity) == ("vrealize:u1", severity)
    assert fact("vrealize", body | {"status": "CANCELED"}).dedup_key == "vrealize:u1"


# PagerDuty's Events API


def test_pagerduty_who_gives_no_key_is_given_one_and_the_same_event_the_same_one() -> None:
    body = {"routing_key": "r", "event_action": "trigger", "payload": {"summary": "x", "severity": "error"}}
    told = fact("pagerduty-events", body)
    assert str(told.dedup_key).endswith(f":{dedup_key(body)}")
    assert told.dedup_key == fact("pagerduty-events", body).dedup_key
    assert told.severity is Severity.MAJOR
    assert dedup_key(body | {"payload": {"summary": "y"}}) != dedup_key(body)


def test_pagerduty_a_key_is_one_within_its_routing_key() -> None:
    body = {"event_action": "resolve", "dedup_key": "d"}
    keys = [fact("pagerduty-events", body | {"routing_key": one}).dedup_key for one in "ab"]
    assert keys[0] != keys[1]


def test_pagerduty_its_routing_key_is_a_secret_that_no_alarm_shows() -> None:
    body = {
        "routing_key": "R0UT1NGK3Y",
        "event_action": "trigger",
        "dedup_key": "d",
        "payload": {"summary": "A"},
    }
    assert "R0UT1NGK3Y" not in repr(fact("pagerduty-events", body))
    assert fact("pagerduty-events", body | {"routing_key": ""}).dedup_key == "pagerduty::d"


def test_pagerduty_to_resolve_without_a_key_is_about_nothing() -> None:
    with pytest.raises(NotUnderstood, match="dedup_key"):
        facts("pagerduty-events", {"routing_key": "r", "event_action": "resolve"})


def test_pagerduty_a_link_that_may_not_be_pressed_can_still_be_read() -> None:
    body = {
        "routing_key": "r",
        "event_action": "trigger",
        "payload": {"summary": "x"},
        "links": [{"href": "javascript:alert(1)", "text": "a"}, {"href": "https://ok.example/", "text": "b"}],
    }
    told = fact("pagerduty-events", body)
    assert told.links == ("https://ok.example/",)
    assert "javascript:alert(1)" in told.text


# CloudEvents


def an_event(**more: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "1",
        "source": "/ups",
        "type": "it.example.alert.firing",
        "subject": "ups-1",
        "severity": "critical",
    } | more


def test_cloudevents_an_empty_batch_is_a_valid_one() -> None:
    headers = {"content-type": "application/cloudevents-batch+json"}
    assert facts("cloudevents", b"[]", headers=headers) == []
    assert facts("auto", b"[]", headers=headers) == []


def test_cloudevents_attributes_may_be_headers() -> None:
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "1",
        "ce-source": "/ups",
        "ce-type": "it.example.alert.firing",
        "ce-subject": "ups%20%E2%82%AC",
        "content-type": "application/json",
    }
    told = fact("cloudevents", {"alarm": "on-battery", "severity": "major"}, headers=headers)
    assert (told.resource, told.severity, told.labels["alarm"]) == ("ups €", Severity.MAJOR, "on-battery")
    assert told.dedup_key == "cloudevents:/ups:ups €:it.example.alert"


def test_cloudevents_data_may_be_packed() -> None:
    packed = base64.b64encode(b'{"summary": "On battery"}').decode()
    assert fact("cloudevents", an_event(data_base64=packed)).summary == "On battery"


def test_cloudevents_a_type_without_a_state_has_it_in_its_data() -> None:
    began = fact("cloudevents", an_event(type="it.example.ups"))
    ended = fact("cloudevents", an_event(type="it.example.ups", data={"status": "resolved"}, severity=None))
    assert (began.status, ended.status) == (Status.FIRING, Status.RESOLVED)
    assert began.dedup_key == ended.dedup_key


def test_cloudevents_what_names_no_source_is_no_event() -> None:
    with pytest.raises(NotUnderstood, match="source"):
        facts("cloudevents", {"specversion": "1.0", "type": "a", "id": "1"})


# Heartbeats


@pytest.mark.parametrize("body", [b"", b"ok", b"{}", b'{"type": "heartbeat"}', b"\xff\x00"])
def test_a_heartbeat_is_whatever_comes(body: bytes) -> None:
    told = fact("heartbeat", body)
    assert (told.status, told.dedup_key) == (Status.HEARTBEAT, "heartbeat:acme")


@pytest.mark.parametrize(
    ("said", "every"),
    [(300, 300.0), ("600", 600.0), (1, 60.0), (1e9, 86400.0), (-5, None), ("NaN", None), ([], None)],
)
def test_a_heartbeat_says_when_the_next_one_must_come_within_bounds(said: Any, every: float | None) -> None:
    assert fact("heartbeat", {"type": "Heartbeat", "timeout": said}).every == every


# Whatever


def test_a_tool_that_is_not_known_is_described_by_paths() -> None:
    body = {
        "alarms": [
            {"dev": "a", "msg": "Fan", "lvl": "high", "st": "ALARM", "n": {"id": 5}},
            {"dev": "b", "msg": "Fan", "st": "OK"},
        ]
    }
    mapping = {
        "items": "alarms",
        "resource": "dev",
        "event": "msg",
        "severity": "lvl",
        "status": "st",
        "label.number": "n.id",
        "link": "=https://a.example/",
    }
    one, other = facts("generic", body, mapping=mapping)
    assert (one.status, one.severity, one.labels["number"]) == (Status.FIRING, Severity.MAJOR, "5")
    assert (other.status, other.dedup_key) == (Status.RESOLVED, "generic:b:Fan")
    assert one.links == ("https://a.example/",)


def test_a_tool_that_is_not_known_nor_described_is_left_to_people() -> None:
    with pytest.raises(NotUnderstood, match="mapping"):
        facts("generic", {"a": 1})
    with pytest.raises(NotUnderstood, match="colour"):
        facts("generic", {"a": 1}, mapping={"colour": "a"})


def test_without_anything_that_names_the_problem_the_body_is_its_name() -> None:
    mapping = {"summary": "text"}
    keys = [fact("generic", {"text": t}, mapping=mapping).dedup_key for t in ("a", "a", "b")]
    assert keys[0] == keys[1] != keys[2]

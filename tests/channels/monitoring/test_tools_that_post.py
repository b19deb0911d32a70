"""What do tools mean by what they post? Each row is a trap that one of them sets."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from channels.monitoring.source import NotUnderstood
from channels.monitoring.sources.pagerduty_events import dedup_key
from core.alerting import Severity, Status
from tests.channels.monitoring.messages import FORM, fact, facts, form


def an_alert(**more: Any) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {"alertname": "HostDown", "instance": "srv-1"},
        "annotations": {},
        "startsAt": "2026-01-26T10:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": "aa",
    } | more


def a_group(*alerts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"version": "4", "status": "firing", "groupLabels": {}, "alerts": list(alerts)} | more


# Prometheus Alertmanager


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("Warning", "warning"),
        ("none", "info"),
        ("RESOLVED", "unknown"),
        ("purple", "unknown"),
        ("P1", "critical"),
    ],
)
def test_alertmanager_a_severity_is_a_word_whatever_its_case(word: str, severity: str) -> None:
    told = fact("alertmanager", a_group(an_alert(labels={"alertname": "A", "severity": word})))
    assert told.severity == severity


def test_alertmanager_each_alert_has_a_state_of_its_own_whatever_the_group_says() -> None:
    told = facts(
        "alertmanager", a_group(an_alert(status="resolved"), an_alert(fingerprint="bb"), status="resolved")
    )
    assert [one.status for one in told] == [Status.RESOLVED, Status.FIRING]


def test_alertmanager_without_a_fingerprint_the_labels_but_for_the_severity_are_the_identity() -> None:
    bad = an_alert(fingerprint=None, labels={"b": "2", "alertname": "A", "severity": "critical"})
    worse = an_alert(fingerprint=None, labels={"alertname": "A", "severity": "warning", "b": "2"})
    other = an_alert(fingerprint=None, labels={"alertname": "A", "b": "3"})
    keys = [
        one.dedup_key for one in facts("alertmanager", a_group(bad, worse, other, version="3", groupKey=7))
    ]
    assert keys[0] == keys[1] != keys[2]


def test_alertmanager_what_was_resolved_without_an_end_has_none() -> None:
    told = fact("alertmanager", a_group(an_alert(status="resolved")))
    assert (told.status, told.ended_at, told.severity) == (Status.RESOLVED, None, Severity.OK)


def test_alertmanager_how_many_alerts_were_not_transmitted_is_told() -> None:
    assert fact("alertmanager", a_group(an_alert(), truncatedAlerts=498)).left_out == 498


# Grafana


def test_grafana_the_same_fingerprint_in_two_organisations_is_two_problems() -> None:
    one, other = (fact("grafana", a_group(an_alert(), orgId=number)).dedup_key for number in (1, 2))
    assert one != other


def test_grafana_its_test_button_is_no_problem() -> None:
    told = fact(
        "grafana", a_group(an_alert(labels={"alertname": "TestAlert", "instance": "Grafana"}), orgId=1)
    )
    assert (told.status, told.dedup_key) == (Status.TEST, None)


def test_grafana_where_there_is_no_data_nothing_has_recovered_and_the_rule_is_named() -> None:
    told = fact(
        "grafana", a_group(an_alert(labels={"alertname": "DatasourceNoData", "rulename": "CPU"}), orgId=1)
    )
    assert (told.status, told.event) == (Status.NO_DATA, "CPU")


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("alerting", "firing"),
        ("ok", "resolved"),
        ("no_data", "no-data"),
        ("paused", "suppressed"),
        ("pending", "ignored"),
    ],
)
def test_grafana_before_version_9_a_rule_is_one_problem(state: str, status: str) -> None:
    body = {"ruleId": 7, "ruleName": "CPU", "state": state, "evalMatches": []}
    told = fact("grafana", body)
    assert told.status == status
    assert status == "ignored" or told.dedup_key == fact("grafana", body | {"state": "ok"}).dedup_key


# Zabbix


def a_zabbix_event(**more: str) -> dict[str, str]:
    return {
        "event_id": "880412",
        "event_value": "1",
        "event_nseverity": "3",
        "event_update_status": "0",
        "event_source": "0",
        "event_name": "HTTP down",
        "host_name": "srv-web02",
        "event_date": "2026.01.26",
        "event_time": "04:14:52",
    } | more


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"event_value": "0"}, "resolved"),
        ({"event_update_status": "1", "event_update_action": "acknowledged"}, "acknowledged"),
        ({"event_update_status": "1", "event_update_action": "unacknowledged"}, "firing"),
        ({"event_update_status": "1", "event_update_action": "suppressed"}, "suppressed"),
        ({"event_update_status": "1", "event_update_action": "unsuppressed"}, "firing"),
        (
            {"event_update_status": "1", "event_update_action": "changed severity from Average to High"},
            "firing",
        ),
        ({"event_update_status": "0", "event_update_action": "{EVENT.UPDATE.ACTION}"}, "firing"),
        ({"event_source": "1", "event_value": "0"}, "ignored"),
        ({"event_id": "{EVENT.ID}", "event_value": "{EVENT.VALUE}"}, "test"),
    ],
    ids=[
        "a recovery",
        "somebody acknowledged it",
        "somebody took that back",
        "somebody silenced it",
        "it speaks again",
        "its severity changed",
        "a macro that was not resolved says nothing",
        "discovery of hosts",
        "the test of the media type",
    ],
)
def test_zabbix_what_an_event_is(fields: dict[str, str], status: str) -> None:
    told = fact("zabbix", a_zabbix_event(**fields))
    assert told.status == status
    assert status in ("ignored", "test") or told.dedup_key == "zabbix:event:880412"


@pytest.mark.parametrize(
    ("number", "severity"),
    [("0", "info"), ("1", "info"), ("2", "warning"), ("3", "minor"), ("4", "major"), ("5", "critical")],
)
def test_zabbix_six_severities(number: str, severity: str) -> None:
    assert fact("zabbix", a_zabbix_event(event_nseverity=number)).severity == severity


def test_zabbix_its_dates_are_local_to_the_source() -> None:
    told = fact("zabbix", a_zabbix_event(), zone="Europe/Rome")
    assert told.started_at == datetime(2026, 1, 26, 3, 14, 52, tzinfo=UTC)


def test_zabbix_macros_that_are_missing_never_reach_people() -> None:
    told = fact(
        "zabbix",
        a_zabbix_event(
            host_ip="*UNKNOWN*", event_update_message="{EVENT.UPDATE.MESSAGE}", alert_message="Disk {x}"
        ),
    )
    assert (told.address, told.text) == ("", "Disk {x}")


def test_zabbix_tags_are_labels() -> None:
    told = fact("zabbix", a_zabbix_event(event_tags='[{"tag":"site","value":"milano"}]'))
    assert told.labels["site"] == "milano"


# Nagios, Icinga 2, Checkmk


@pytest.mark.parametrize("tool", ["nagios", "icinga2"])
@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("PROBLEM", "firing"),
        ("RECOVERY", "resolved"),
        ("ACKNOWLEDGEMENT", "acknowledged"),
        ("FLAPPINGSTART", "suppressed"),
        ("FLAPPINGSTOP", "ignored"),
        ("DOWNTIMESTART", "maintenance"),
        ("DOWNTIMEEND", "ignored"),
        ("DOWNTIMECANCELLED", "ignored"),
        ("CUSTOM", "ignored"),
    ],
)
def test_nagios_and_icinga2_only_problem_and_recovery_open_and_close(
    tool: str, kind: str, status: str
) -> None:
    macros = form(
        NOTIFICATIONTYPE=kind,
        HOSTNAME="srv/1",
        HOSTADDRESS="10.4.0.31",
        SERVICEDESC="PostgreSQL: connection to 5432",
        SERVICESTATE="CRITICAL",
        SERVICEOUTPUT="refused",
        TIMET="1769421600",
    )
    told = fact(tool, macros, headers=FORM)
    assert told.status == status
    assert status == "ignored" or told.dedup_key == f"{tool}:srv/1/PostgreSQL: connection to 5432"


@pytest.mark.parametrize(
    ("state", "severity"),
    [
        ("DOWN", "critical"),
        ("UNREACHABLE", "critical"),
        ("CRITICAL", "critical"),
        ("WARNING", "warning"),
        ("UNKNOWN", "unknown"),
    ],
)
def test_nagios_states_are_severities(state: str, severity: str) -> None:
    told = fact("nagios", {"notification_type": "PROBLEM", "host_name": "a", "host_state": state})
    assert (told.severity, told.event) == (severity, "HOST")


def test_nagios_a_macro_that_stands_for_nothing_is_missing() -> None:
    macros = form(NOTIFICATIONTYPE="PROBLEM", HOSTNAME="a", HOSTSTATE="DOWN", SERVICEDESC="$SERVICEDESC$")
    assert fact("nagios", macros, headers=FORM).event == "HOST"


def test_checkmk_a_service_and_its_host_are_two_problems_and_a_link_that_is_a_path_is_none() -> None:
    host = {"what": "HOST", "notification_type": "PROBLEM", "host": "a", "event": "UP -> DOWN", "site": "cmk"}
    service = host | {"what": "SERVICE", "service": "Disk /", "event": "OK -> CRIT", "url": "/check_mk/x"}
    one, other = fact("checkmk", host), fact("checkmk", service)
    assert (one.dedup_key, other.dedup_key) == ("checkmk:cmk/a", "checkmk:cmk/a/Disk /")
    assert (one.severity, other.severity, other.links) == (Severity.CRITICAL, Severity.CRITICAL, ())


def test_checkmk_its_whole_context_is_read_too() -> None:
    told = fact(
        "checkmk",
        {
            "NOTIFY_WHAT": "SERVICE",
            "NOTIFY_NOTIFICATIONTYPE": "PROBLEM",
            "NOTIFY_HOSTNAME": "a",
            "NOTIFY_SERVICEDESC": "CPU",
            "NOTIFY_SERVICESTATE": "WARNING",
            "NOTIFY_OMD_SITE": "cmk",
            "NOTIFY_MICROTIME": "1769421600123456",
        },
    )
    assert (told.dedup_key, told.severity) == ("checkmk:cmk/a/CPU", Severity.WARNING)
    assert told.started_at == datetime(2026, 1, 26, 10, 0, 0, 123456, tzinfo=UTC)


# PRTG


@pytest.mark.parametrize(
    ("words", "status", "severity"),
    [
        ("Down", "firing", "critical"),
        ("Up (was: Down)", "resolved", "ok"),
        ("Down ended (now: Up)", "resolved", "ok"),
        ("Down ended (now: Warning)", "firing", "warning"),
        ("Warning ended (now: Down)", "firing", "critical"),
        ("Down ESCALATION", "firing", "critical"),
        ("Down (Acknowledged)", "acknowledged", "critical"),
        ("Paused", "suppressed", "unknown"),
        ("Paused (was: Down)", "suppressed", "unknown"),
        ("Unknown", "no-data", "unknown"),
        ("Unusual", "firing", "warning"),
        ("Fehler", "firing", "critical"),
        ("Fehler beendet (jetzt: OK)", "resolved", "ok"),
        ("OK (vorher: Fehler)", "resolved", "ok"),
        ("Fehler (Bestätigt)", "acknowledged", "critical"),
        ("Inattivo terminato (ora: Attivo)", "resolved", "ok"),
        ("Non disponibile", "firing", "critical"),
        ("Sospeso", "suppressed", "unknown"),
        ("Erreur terminée (maintenant : OK)", "resolved", "ok"),
        ("Avertissement", "firing", "warning"),
        ("Caído (ahora: Activo)", "resolved", "ok"),
        ("Advertencia", "firing", "warning"),
    ],
)
def test_prtg_words_for_states_are_of_its_language_and_put_together(
    words: str, status: str, severity: str
) -> None:
    told = fact("prtg", form(sensorid="2042", device="FW", sensor="Ping", status=words), headers=FORM)
    assert (told.status, told.severity, told.dedup_key) == (status, severity, "prtg:2042")


def test_prtg_a_word_that_nobody_knows_is_not_guessed() -> None:
    with pytest.raises(NotUnderstood, match="Kaputt"):
        facts("prtg", form(sensorid="2042", status="Kaputt"), headers=FORM)


@pytest.mark.parametrize(
    ("written", "day", "hour"),
    [
        ("26.01.2026 03:12:00 (W. Europe Standard Time)", 26, 2),
        ("1/26/2026 3:12:00 AM (Eastern Standard Time)", 26, 2),
        ("26/01/2026 03:12:00", 26, 2),
        ("1/26/2026 12:12:00 AM", 25, 23),
    ],
)
def test_prtg_dates_are_local_and_day_first_but_for_america(written: str, day: int, hour: int) -> None:
    told = fact("prtg", form(sensorid="1", status="Down", datetime=written), headers=FORM, zone="Europe/Rome")
    assert told.started_at == datetime(2026, 1, day, hour, 12, tzinfo=UTC)


def test_prtg_its_test_has_no_sensor_and_placeholders_that_stand_for_nothing_are_missing() -> None:
    told = fact("prtg", form(sensorid="%sensorid", status="%status"), headers=FORM)
    assert told.status is Status.TEST


# Uptime Kuma


@pytest.mark.parametrize(
    ("number", "status"), [(0, "firing"), (1, "resolved"), (2, "ignored"), (3, "maintenance")]
)
def test_uptime_kuma_four_states(number: int, status: str) -> None:
    body = {
        "heartbeat": {"monitorID": 37, "status": number},
        "monitor": {"name": "A", "url": "https://"},
        "msg": "",
    }
    told = fact("uptime-kuma", body)
    assert (told.status, told.resource) == (status, "A")


def test_uptime_kuma_a_certificate_that_will_expire_is_one_warning_however_the_days_run() -> None:
    def told(days: int) -> Any:
        words = f"[Shop][https://a.example] Server certificate a.example will expire in {days} days"
        return fact("uptime-kuma", {"heartbeat": None, "monitor": None, "msg": words})

    assert (told(14).severity, told(14).status) == (Severity.WARNING, Status.FIRING)
    assert told(14).dedup_key == told(7).dedup_key


# LibreNMS, Graylog


@pytest.mark.parametrize(
    ("state", "status"),
    [(0, "resolved"), ("1", "firing"), ("2", "acknowledged"), ("3", "firing"), ("4", "firing")],
)
def test_librenms_its_state_counts_not_the_devices(state: Any, status: str) -> None:
    body = {
        "alert_id": "26",
        "uid": "41",
        "state": state,
        "status": "1",
        "severity": "critical",
        "name": "Down",
    }
    told = fact("librenms", body)
    assert (told.status, told.dedup_key) == (status, "librenms:alert:26")


def test_librenms_its_test_button_is_no_problem() -> None:
    assert fact("librenms", {"alert_id": "000", "state": 1, "severity": "critical"}).status is Status.TEST


def test_graylog_an_event_is_known_by_its_definition_and_key() -> None:
    def told(**event: Any) -> Any:
        return fact("graylog", {"event_definition_id": "e1", "event": {"priority": 4} | event})

    assert told(key="a", id="1").dedup_key == told(key="a", id="2").dedup_key
    assert told(key="a").dedup_key != told(key_tuple=["b"]).dedup_key
    assert told().severity is Severity.CRITICAL


def test_graylog_what_a_priority_means_is_the_sources_to_say() -> None:
    told = fact("graylog", {"event_definition_id": "e1", "event": {"priority": 3}}, severities={"3": "major"})
    assert told.severity is Severity.MAJOR


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
    assert told.dedup_key == f"pagerduty:r:{dedup_key(body)}" == fact("pagerduty-events", body).dedup_key
    assert told.severity is Severity.MAJOR
    assert dedup_key(body | {"payload": {"summary": "y"}}) != dedup_key(body)


def test_pagerduty_a_key_is_one_within_its_routing_key() -> None:
    body = {"event_action": "resolve", "dedup_key": "d"}
    keys = [fact("pagerduty-events", body | {"routing_key": one}).dedup_key for one in "ab"]
    assert keys[0] != keys[1]


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

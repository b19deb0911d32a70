"""What do tools mean by what they post? Each row is a trap that one of them sets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from channels.monitoring.source import NotUnderstood
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


def test_grafana_the_thing_is_named_by_whichever_label_a_query_has_for_it() -> None:
    told = fact("grafana", a_group(an_alert(labels={"alertname": "CPU", "host": "web-1"}), orgId=1))
    assert told.resource == "web-1"


def test_grafana_its_test_button_is_no_problem() -> None:
    told = fact(
        "grafana", a_group(an_alert(labels={"alertname": "TestAlert", "instance": "Grafana"}), orgId=1)
    )
    assert (told.status, told.dedup_key) == (Status.TEST, None)


def test_grafana_a_rule_without_data_is_an_alert_of_its_own_until_there_are_some() -> None:
    labels = {"alertname": "DatasourceNoData", "rulename": "CPU"}
    told = fact("grafana", a_group(an_alert(labels=labels), orgId=1))
    assert (told.status, told.event) == (Status.FIRING, "CPU (DatasourceNoData)")
    over = fact("grafana", a_group(an_alert(labels=labels, status="resolved"), orgId=1))
    assert (over.status, over.dedup_key) == (Status.RESOLVED, told.dedup_key)


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


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("Ann wrote:\nI go there", "Ann wrote:\nI go there"),
        ("Updated", "Updated\nI go there"),
        ("", "I go there"),
    ],
)
def test_zabbix_what_somebody_wrote_to_a_problem_stands_once_in_its_text(message: str, text: str) -> None:
    told = fact("zabbix", a_zabbix_event(alert_message=message, event_update_message="I go there"))
    assert told.text == text


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
        ("DOWNTIMEEND", "maintenance"),
        ("DOWNTIMECANCELLED", "maintenance"),
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
    over = kind in ("RECOVERY", "DOWNTIMEEND", "DOWNTIMECANCELLED")
    assert told.ended_at == (datetime(2026, 1, 26, 10, tzinfo=UTC) if over else None)


@pytest.mark.parametrize("kind", ["FLAPPINGSTOP", "FLAPPINGEND", "DOWNTIMEEND", "DOWNTIMECANCELLED"])
def test_nagios_and_icinga2_what_is_well_when_they_speak_again_is_over(kind: str) -> None:
    told = fact("nagios", form(NOTIFICATIONTYPE=kind, HOSTNAME="srv", HOSTSTATE="UP"), headers=FORM)
    assert told.status == "resolved"


def test_nagios_and_icinga2_who_wrote_what_to_a_problem_stands_in_its_text() -> None:
    macros = {"NOTIFICATIONTYPE": "ACKNOWLEDGEMENT", "HOSTNAME": "srv", "HOSTSTATE": "DOWN"}
    words = {"NOTIFICATIONAUTHOR": "bea", "NOTIFICATIONCOMMENT": "I go there"}
    assert fact("icinga2", form(**macros, **words), headers=FORM).text == "bea: I go there"
    assert fact("nagios", form(**macros, NOTIFICATIONCOMMENT="x"), headers=FORM).text == "x"


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


@pytest.mark.parametrize(
    ("state", "kind", "status"),
    [
        ("CRITICAL", "SOFT", "ignored"),
        ("CRITICAL", "HARD", "firing"),
        ("OK", "SOFT", "resolved"),
        ("OK", "HARD", "resolved"),
    ],
)
def test_nagios_an_event_handler_tells_hard_states_under_the_key_of_notifications(
    state: str, kind: str, status: str
) -> None:
    told = {"HOSTNAME": "web-1", "SERVICEDESC": "HTTP", "SERVICESTATE": state, "SERVICESTATETYPE": kind}
    found = fact("nagios", told)
    assert found.status == status
    notified = {"NOTIFICATIONTYPE": "PROBLEM", "HOSTNAME": "web-1", "SERVICEDESC": "HTTP"}
    assert status == "ignored" or found.dedup_key == fact("nagios", notified).dedup_key


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
        ("Down (Partial)", "firing", "critical"),
        ("En panne (Confirmé)", "acknowledged", "critical"),
        ("Inativo (Reconhecido)", "acknowledged", "critical"),
        ("Inativo terminou (agora: Ativo)", "resolved", "ok"),
        ("Incomum", "firing", "warning"),
        ("Inactief beëindigd (nu: Actief)", "resolved", "ok"),
        ("Gepauzeerd", "suppressed", "unknown"),
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


def test_graylog_the_thing_is_what_the_fields_of_an_event_name_and_not_the_node_of_graylog() -> None:
    event = {"source": "graylog-1", "message": "m", "priority": 2}
    for more in ({"group_by_fields": {"source": "fw-1"}}, {"fields": {"hostname": "fw-1"}}):
        assert fact("graylog", {"event_definition_id": "e1", "event": event | more}).resource == "fw-1"
    assert fact("graylog", {"event_definition_id": "e1", "event": event}).resource == "graylog-1"


@pytest.mark.parametrize("definition", ["NotificationTestId", "this-is-a-test-notification", "other"])
def test_graylog_its_test_button_is_no_problem(definition: str) -> None:
    event = {"id": "NotificationTestId", "message": "Notification test message triggered from user <admin>"}
    assert fact("graylog", {"event_definition_id": definition, "event": event}).status is Status.TEST


def test_graylog_what_a_priority_means_is_the_sources_to_say() -> None:
    told = fact("graylog", {"event_definition_id": "e1", "event": {"priority": 3}}, severities={"3": "major"})
    assert told.severity is Severity.MAJOR

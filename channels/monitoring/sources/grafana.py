"""Grafana: unified alerting has Alertmanager's skeleton; before version 9 there was one message for each rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from channels.monitoring.fields import document, dug, each, fact, known_by, texts
from channels.monitoring.source import NotUnderstood, Source, Told
from channels.monitoring.sources.alertmanager import identity, thing
from core.alerting import AlertFact, Status

_LEGACY: Mapping[str, Status] = {
    "alerting": Status.FIRING,
    "ok": Status.RESOLVED,
    "no_data": Status.NO_DATA,
    "paused": Status.SUPPRESSED,
    "pending": Status.IGNORED,
    "unknown": Status.IGNORED,
}


def parse(told: Told, source: Source) -> Sequence[AlertFact]:
    """A fact for each alert, known by the organisation and its fingerprint; of the older format one, known by its rule."""
    body = document(told)
    if "ruleId" in body:
        return [_legacy(told, source, body)]
    left_out = body.get("truncatedAlerts")
    missing = left_out if isinstance(left_out, int) and left_out > 0 else 0

    def one(alert: Mapping[str, Any]) -> AlertFact:
        labels = texts(alert.get("labels"))
        said = texts(alert.get("annotations"))
        name = labels.get("alertname", "")
        return fact(
            told,
            source,
            status=_status(alert.get("status"), name, labels),
            event=_named(name, labels) or said.get("summary"),
            key=f"grafana:{body.get('orgId')}:{identity(alert, labels)}",
            resource=thing(labels),
            severity=labels.get("severity") or said.get("severity"),
            started=alert.get("startsAt"),
            ended=alert.get("endsAt"),
            summary=said.get("summary") or _named(name, labels),
            text=said.get("description") or said.get("message") or alert.get("valueString"),
            labels=labels,
            links=[
                alert.get(n) for n in ("panelURL", "dashboardURL", "generatorURL", "silenceURL", "imageURL")
            ]
            + [said.get("runbook_url")],
            left_out=missing,
        )

    return each(told, source, body.get("alerts"), one)


def _named(name: str, labels: Mapping[str, str]) -> str:
    """Of what has no data the alert is named after that, and the rule stands in a label."""
    rule = labels.get("rulename") if name in ("DatasourceNoData", "DatasourceError") else None
    return f"{rule} ({name})" if rule else name


def _status(said: Any, name: str, labels: Mapping[str, str]) -> Status:
    if name == "TestAlert" and labels.get("instance") == "Grafana":
        return Status.TEST
    # DatasourceNoData and DatasourceError are alerts like others: the rule's own is told to be over when one of them begins.
    return Status.RESOLVED if said == "resolved" else Status.FIRING


def _legacy(told: Told, source: Source, body: Mapping[str, Any]) -> AlertFact:
    """evalMatches is empty in the message that ends it: the rule alone pairs."""
    state = str(body.get("state", "")).lower()
    if state not in _LEGACY:
        raise NotUnderstood(f"state: {state!r} is none of {', '.join(_LEGACY)}")
    status = Status.TEST if body.get("ruleName") == "Test notification" else _LEGACY[state]
    organisation = f"{body['orgId']}:" if body.get("orgId") is not None else ""
    return fact(
        told,
        source,
        status=status,
        event=body.get("ruleName"),
        key=f"grafana-legacy:{organisation}{known_by(body, 'ruleId')}",
        resource=dug(body, "evalMatches", 0, "metric"),
        severity="alerting" if status is Status.FIRING else None,
        summary=body.get("title"),
        text=body.get("message"),
        labels=texts(dug(body, "evalMatches", 0, "tags")) | texts(body.get("tags")),
        links=[body.get("ruleUrl"), body.get("imageUrl")],
    )

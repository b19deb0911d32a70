"""PRTG: a form of placeholders that its administrator chose; the words for states are those of its language."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from channels.monitoring.fields import document, fact
from channels.monitoring.source import NotUnderstood, Source, Told
from core.alerting import AlertFact, Severity, Status

_DOWN = "down error offline alarm allarme fehler störung gestört ausfall ausgefallen inaktiv fuori caído caido inactivo inattivo guasto errore erreur panne indisponible inactif fallo abajo inativo inactief"
_UP = "up ok aktiv attivo activo arriba disponibile verfügbar disponible actif online ativo actief"
_WARNING = "warning warnung avviso avvertenza avertissement advertencia aviso alerte unusual ungewöhnlich insolito anomalo inhabituel inusual incomum waarschuwing ongebruikelijk ongewoon"
_PAUSED = "paused pause pausiert angehalten sospeso pausa pausado suspendu interrompu detenido gepauzeerd"
_UNKNOWN = "unknown unbekannt sconosciuto inconnu desconocido desconhecido onbekend collecting"
_WORDS: Mapping[str, tuple[Status, Severity]] = {
    word: told
    for words, told in (
        (_DOWN, (Status.FIRING, Severity.CRITICAL)),
        (_UP, (Status.RESOLVED, Severity.OK)),
        (_WARNING, (Status.FIRING, Severity.WARNING)),
        (_PAUSED, (Status.SUPPRESSED, Severity.UNKNOWN)),
        (_UNKNOWN, (Status.NO_DATA, Severity.UNKNOWN)),
    )
    for word in words.split()
}
_NOT = frozenset("not no non nicht niet pas".split())
_NOW = re.compile(r"\(\s*(?:now|jetzt|ora|adesso|maintenant|ahora|agora|nu)\s*:\s*([^)]*)\)", re.IGNORECASE)
_WAS = re.compile(r"\([^():]*:[^)]*\)")
_ENDED = re.compile(
    r"\b(?:ended|beendet|terminat[oa]|finit[oa]|terminée?|finalizad[oa]|terminad[oa]|terminou|beëindigd)\b",
    re.IGNORECASE,
)
_ACKNOWLEDGED = re.compile(
    r"acknowledg|bestätigt|quittiert|riconosciut|confermat|acquitté|reconnu|confirmé|confirmad|reconocid|reconhecid|bevestigd|erkend",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"(\d{1,2})([./-])(\d{1,2})[./-](\d{4}) (\d{1,2}):(\d{2})(?::(\d{2}))?(?: ([AP])M)?", re.IGNORECASE
)


def parse(told: Told, source: Source) -> Sequence[AlertFact]:
    """One fact, known by the sensor. Raises NotUnderstood for a word for a state that nobody knows."""
    body = {
        name: text
        for name, value in document(told).items()
        if (text := "" if value is None else str(value).strip()) and text != f"%{name}"
    }
    if body.get("sensorid", "0") == "0":  # its test button has no sensor
        if "sensorid" in document(told):
            return [fact(told, source, status=Status.TEST, event=None, key=None, severity=Severity.INFO)]
        raise NotUnderstood("sensorid: it is missing; the action must send sensorid=%sensorid")
    status, severity = state(body.get("status", ""))
    at = _when(body.get("datetime", ""), source)
    return [
        fact(
            told,
            source,
            status=status,
            event=body.get("sensor") or body.get("name"),
            key=f"prtg:{body['sensorid']}",
            resource=body.get("device"),
            severity=severity,
            started=None if status is Status.RESOLVED else at,
            ended=at,
            summary=f"{body.get('sensor') or body.get('name') or ''} {body.get('status', '')}: {body.get('message', '')}",
            text="\n".join(body[n] for n in ("message", "lastvalue", "comments") if n in body),
            labels={
                n: body[n]
                for n in ("deviceid", "group", "probe", "priority", "laststatus", "status")
                if n in body
            },
            links=[body.get("linksensor"), body.get("linkdevice")],
            address=body.get("host", ""),
        )
    ]


def state(words: str) -> tuple[Status, Severity]:
    """What a state says, whatever the language: what is now counts, not what was. Raises NotUnderstood.

    >>> state("Down ended (now: Up)")[0].value, state("Up (was: Down)")[0].value, state("Non attivo (confermato)")[0].value
    ('resolved', 'resolved', 'acknowledged')
    """
    now = _NOW.search(words)
    told = now[1] if now else _WAS.sub("", words)
    spoken = re.findall(r"\w+", told.lower())
    found = [_WORDS[word] for word in spoken if word in _WORDS]
    if now is None and _ENDED.search(told) and found:
        return Status.RESOLVED, Severity.OK
    if not found:
        raise NotUnderstood(f"status: {words!r} is no state of a sensor that is known")
    status, severity = found[0]
    if status is Status.RESOLVED and _NOT.intersection(spoken):
        status, severity = _WORDS["down"]
    if status is Status.FIRING and _ACKNOWLEDGED.search(told):
        return Status.ACKNOWLEDGED, severity
    return status, severity


def _when(text: str, source: Source) -> datetime | None:
    """Day first, but for the American form, which has AM or PM. The zone it names is Windows', so the source's counts."""
    match = _DATE.match(text)
    if match is None:
        return None
    first, _, second, year, hour, minute, seconds, half = match.groups()
    day, month = (second, first) if half and match[2] == "/" else (first, second)
    hours = int(hour) % 12 + (12 if half.upper() == "P" else 0) if half else int(hour)
    try:
        return datetime(
            int(year), int(month), int(day), hours, int(minute), int(seconds or 0), tzinfo=source.time_zone
        )
    except ValueError:
        return None

"""Only what Amazon SNS signed, of a topic that may send, is believed; and only it is answered."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from channels.monitoring.channel import MonitoringChannel
from channels.monitoring.read import read
from channels.monitoring.sns import Refused, Vouching
from channels.monitoring.source import Source
from core.channel import DeliveryError
from tests.channels.monitoring.signing import (
    CERTIFICATE,
    CONFIRM,
    TOPIC,
    Amazon,
    away,
    confirmation,
    notification,
    pem,
    sign,
)

NOW = datetime(2026, 11, 29, 10, tzinfo=UTC)
SOURCE = Source(name="aws", kind="aws-sns", topics=(TOPIC,))


async def vouched(body, amazon: Amazon, *, source: Source = SOURCE) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    await Vouching(call=amazon).vouch(raw, source, now=NOW)


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", ["ALARM: CPU", None])
async def test_a_notification_that_sns_signed_is_believed(version, subject):
    body = notification(Subject=subject, Message="riga à\nund zwei")
    amazon = Amazon()
    await vouched(sign({k: v for k, v in body.items() if v is not None}, version=version), amazon)
    assert amazon.called == [CERTIFICATE]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"Message": "another"}, "not of these words"),
        ({"TopicArn": "arn:aws:sns:eu-west-1:999999999999:alarms"}, "not among the `topics`"),
        ({"SignatureVersion": "3"}, "neither 1 nor 2"),
        ({"SignatureVersion": "1"}, "not of these words"),
        ({"Signature": "???"}, "not base64"),
        ({"Type": "Surprise"}, "none that SNS sends"),
        ({"SigningCertURL": "https://sns.eu-west-1.amazonaws.com.evil.example/x.pem"}, "no certificate of"),
        ({"SigningCertURL": "https://evil.example/sns.eu-west-1.amazonaws.com/x.pem"}, "no certificate of"),
        ({"SigningCertURL": "http://sns.eu-west-1.amazonaws.com/x.pem"}, "no certificate of"),
        ({"SigningCertURL": "https://sns.eu-west-1.amazonaws.com@evil.example/x.pem"}, "no certificate of"),
        ({"SigningCertURL": "https://sns.eu-west-1.amazonaws.com:444/x.pem"}, "no certificate of"),
        ({"SigningCertURL": "https://sns.eu-west-1.amazonaws.com/x.pem?y=1"}, "no certificate of"),
        ({"SigningCertURL": "https://bucket.s3.amazonaws.com/x.pem"}, "no certificate of"),
        ({"SigningCertURL": None}, "no certificate of"),
    ],
)
async def test_what_was_changed_or_comes_from_elsewhere_is_refused_and_nobody_else_is_called(change, says):
    amazon = Amazon()
    with pytest.raises(Refused, match=says):
        await vouched(sign(notification()) | change, amazon)
    assert set(amazon.called) <= {CERTIFICATE}


async def test_who_signs_with_another_key_is_refused():
    with pytest.raises(Refused, match="somebody else sends"):
        await vouched(sign(notification(), by=2), Amazon())


async def test_a_certificate_that_is_over_or_none_proves_nothing():
    with pytest.raises(Refused, match="at another time"):
        await vouched(sign(notification()), Amazon(certificate=pem(years=(2010, 2020))))
    with pytest.raises(Refused, match="no certificate"):
        await vouched(sign(notification()), Amazon(certificate=b"<html>"))


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b"[" * 5000 + b'"SigningCertURL"', b'{"AlarmName": "raw delivery"}']
)
async def test_what_carries_no_signature_is_refused(raw):
    with pytest.raises(Refused, match="no signature of SNS"):
        await vouched(raw, Amazon())


async def test_the_certificate_is_fetched_once_and_one_that_cannot_be_had_delays_nobody_for_a_minute():
    amazon, clock = Amazon(), [100.0]
    vouching = Vouching(call=amazon, clock=lambda: clock[0])
    for _ in range(3):
        await vouching.vouch(json.dumps(sign(notification())).encode(), SOURCE, now=NOW)
    assert amazon.called == [CERTIFICATE]

    lost = away()
    vouching = Vouching(call=lost, clock=lambda: clock[0])
    for _ in range(3):
        with pytest.raises(DeliveryError):
            await vouching.vouch(json.dumps(sign(notification())).encode(), SOURCE, now=NOW)
    assert len(lost.called) == 1
    clock[0] += 61
    lost.fails = None
    await vouching.vouch(json.dumps(sign(notification())).encode(), SOURCE, now=NOW)


# --- The question ---


async def test_a_topic_that_may_send_is_answered_when_it_asks():
    amazon = Amazon()
    await vouched(sign(confirmation()), amazon)
    assert amazon.called == [CERTIFICATE, CONFIRM]


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/?Action=ConfirmSubscription",
        "http://169.254.169.254/latest/meta-data",
        CONFIRM.replace("amazonaws.com", "amazonaws.com.evil.example"),
        CONFIRM.replace("https", "http"),
        CONFIRM.replace("ConfirmSubscription", "DeleteTopic"),
        CONFIRM.replace("alarms", "others"),
        CONFIRM.replace("https://", "https://user@"),
        "javascript:alert(1)",
    ],
)
async def test_an_address_that_confirms_nothing_is_not_called_even_when_it_is_signed(url):
    amazon = Amazon()
    with pytest.raises(Refused, match="is not called"):
        await vouched(sign(confirmation(SubscribeURL=url)), amazon)
    assert amazon.called == [CERTIFICATE]


async def test_a_topic_that_is_not_listed_is_not_answered():
    amazon = Amazon()
    with pytest.raises(Refused, match="list it there"):
        await vouched(sign(confirmation()), amazon, source=Source(name="aws", kind="aws-sns"))
    assert amazon.called == []


async def test_the_end_of_a_subscription_is_believed_and_never_taken_back():
    amazon = Amazon()
    await vouched(sign(confirmation(Type="UnsubscribeConfirmation")), amazon)
    assert amazon.called == [CERTIFICATE]


# --- What the reader is told ---


def arrived() -> dict:
    return {"channel": "monitoring", "received_at": NOW, "envelope": {"headers": {}, "query": {}, "peer": ""}}


@pytest.mark.parametrize("kind", ["aws-sns", "auto"])
async def test_facts_are_read_only_of_what_was_believed(kind):
    channel = MonitoringChannel(sns=Vouching(call=Amazon()))
    options = {"source": {"name": "aws", "kind": kind, "topics": (TOPIC,)}}
    raw = json.dumps(sign(notification())).encode()
    proved = await channel.vouch(raw, arrived(), options)
    (fact,) = read(raw, arrived(), {**options, **proved}).alerts
    assert fact.event == "CPU"

    forged = json.dumps(sign(notification()) | {"Message": "x"}).encode()
    proved = await channel.vouch(forged, arrived(), options)
    with pytest.raises(ValueError, match="not of these words"):
        read(forged, arrived(), {**options, **proved})
    with pytest.raises(ValueError, match="nobody looked"):
        read(forged, arrived(), options)


async def test_other_tools_need_no_signature():
    channel = MonitoringChannel(sns=Vouching(call=away()))
    for kind in ("auto", "alertmanager"):
        options = {"source": {"name": "am", "kind": kind}}
        assert await channel.vouch(b'{"alerts": [], "groupLabels": {}}', arrived(), options) == {}

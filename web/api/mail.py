"""Guided tests of the desk's addresses for mail, over the API."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from core.desk import mail_tests
from core.store.tx import Tx
from web.api.endpoint import Body, Call, api
from web.api.shapes import Shape


class TestAddress(Body):
    """Which address is tested."""

    __test__ = False
    address: Annotated[str, Field(min_length=3, max_length=320, description="One of the desk's own.")]


class MailStep(Shape):
    """One thing that was tried."""

    name: str = Field(
        description="read (mailboxes), send, receive, prove, send_answers or receive_answers (the address for answers)."
    )
    state: str = Field(description="good, bad, waiting, or unknown: it could not be tried, or nobody says.")
    code: str = Field(description="What was found.")
    why: str = Field(description="What the other side said.")
    seconds: int | None = Field(description="Until it came.")
    by: str = Field(description="SMTP, LMTP or IMAP.")


class MailTest(Shape):
    """A test of an address, and how far it is."""

    id: str
    address: str
    began_at: datetime
    state: str = Field(description="waiting: still under way; good, or bad.")
    steps: list[MailStep]


class MailTests(Shape):
    """The last tests, and what can be tested."""

    addresses: list[str]
    items: list[MailTest]


@api("GET", "/mail-tests", answer=MailTests, errors=(403,))
def list_mail_tests(tx: Tx, call: Call) -> MailTests:
    """The desk's addresses and their last tests, newest first. For whoever leads."""
    found = mail_tests.latest(tx, call.who, now=call.now)
    return MailTests(
        addresses=list(mail_tests.own_addresses(tx, call.who)), items=[_shown(one) for one in found]
    )


@api("POST", "/mail-tests", body=TestAddress, answer=MailTest, status=201, errors=(403,))
def test_mail_address(tx: Tx, call: Call) -> MailTest:
    """Send a marked mail to an address of the desk and to its address for answers; ask for the test until it is not waiting."""
    asked: TestAddress = call.body
    identity = mail_tests.begin(tx, call.who, asked.address, now=call.now)
    return _shown(mail_tests.one(tx, call.who, identity, now=call.now))


@api("GET", "/mail-tests/{id}", answer=MailTest)
def get_mail_test(tx: Tx, call: Call) -> MailTest:
    """How far a test is. It is given up when nothing has come for five minutes."""
    return _shown(mail_tests.one(tx, call.who, call.path["id"], now=call.now))


def _shown(test: mail_tests.MailTest) -> MailTest:
    steps = [
        MailStep(name=one.name, state=one.state, code=one.code, why=one.why, seconds=one.seconds, by=one.by)
        for one in test.steps
    ]
    return MailTest(id=test.id, address=test.address, began_at=test.began_at, state=test.state, steps=steps)


ENDPOINTS = (list_mail_tests, test_mail_address, get_mail_test)

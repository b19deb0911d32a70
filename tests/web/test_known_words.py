"""What the program says of itself in English is told in the language of whoever reads, whatever it is."""

from __future__ import annotations

import ast
import asyncio
import copy
import errno
import json
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from telegram.error import (
    BadRequest,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from channels.email import oauth, sasl
from channels.email.oauth import ProviderTokens
from channels.monitoring.listening import Ports
from channels.monitoring.listening_udp import UdpListener
from channels.telegram import polling, webhook
from channels.telegram.refusals import WRONG_TOKEN, refused
from core import places
from core.common import Common
from core.desk import chats, stopped
from core.domain_records import Finding, Verdict
from ivr.flow import FlowError, of_plain, parse
from tests.channels.monitoring.test_listening import until
from tests.fakes import FakeDoor
from web import domain_words
from web.known_words import found, in_words
from web.words import catalogue, say

SAY_HEALTH = {
    "core/hub.py": ("_reasons",),
    "core/common.py": ("unwell",),
    "core/disk.py": ("_look",),
    "core/store/sqlite.py": ("health",),
}
"""Functions whose sentences say what keeps the hub from working."""


def sentences() -> Iterator[str]:
    """Each with an X for each value."""
    for name, functions in SAY_HEALTH.items():
        for function in ast.walk(ast.parse(Path(name).read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and function.name in functions:
                inside = ast.walk(ast.Module(body=function.body[1:], type_ignores=[]))
                yield from filter(None, map(_sentence, inside))


def _sentence(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(one.value) if isinstance(one, ast.Constant) else "X" for one in node.values)
    return ""


HEALTH = [
    *sorted(
        {
            one.replace("the disk X:", "the disk is full:")
            for one in sentences()
            if " " in one and one != "X: X"
        }
    ),
    "the hub is stopping",
    "nobody works on what is waiting",
    "PostgreSQL does not answer: X",
    "X is down: X",
]


def test_there_are_reasons_for_ill_health():
    assert len(HEALTH) > 10


@pytest.mark.parametrize("reason", HEALTH)
def test_what_keeps_the_hub_from_working_has_italian_words(reason):
    said = in_words(reason, "it", "health")
    assert said != reason
    assert said.count("X") == reason.count("X")
    assert in_words(reason, "en", "health") == reason


@pytest.mark.parametrize("reason", [*stopped.WORDS.values(), chats.LEFT])
def test_why_nothing_leaves_for_somebody_has_italian_words(reason):
    assert in_words(reason, "it", "health") != reason
    assert found(reason, "health") == (found(reason, "health")[0], {}), "no other sentence takes it apart"


def said_by_channels() -> Iterator[str]:
    """Why something of theirs is down, as each of them says it."""
    for number in (errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL, errno.ECONNREFUSED):
        yield f"syslog-udp: [::]:514 {places.why(OSError(number, os.strerror(number)))}"
    yield from (WRONG_TOKEN, polling.WEBHOOK_SET, polling.TWO_ASK, webhook.ELSEWHERE)
    forbidden = [Forbidden(f"Forbidden: {words}") for words in ("blocked", "kicked", "initiate", "other")]
    for error in (RetryAfter(3), InvalidToken(), BadRequest("no"), Conflict("no"), TimedOut(), *forbidden):
        yield str(refused(error))
    yield from (str(refused(error)) for error in (NetworkError("no"), TelegramError("no")))
    for offered in ((), ("PLAIN", "LOGIN")):
        with pytest.raises(sasl.LogInRefused) as no:
            sasl.mechanism(offered, "imap.example.org")
        yield str(no.value)
    yield str(sasl.refused("imap.example.org", "u@example.org", "no"))
    tokens = ProviderTokens(url="https://login.example.org/token", place="channels.email.mailboxes.0.oauth")
    for status, said in (
        (503, {}),
        (400, {}),
        *((400, {"error": code}) for code in (*oauth.ADVICE, "other")),
    ):
        yield str(tokens._no_token(status, said))
    for advice in oauth.ADVICE_FOR_ACCOUNTS.values():
        yield f"login.example.org gives no token: no. In there: {advice}"
    for number in (errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTUNREACH, errno.ENETUNREACH):
        yield str(OSError(number, os.strerror(number)))
    yield from (str(TimeoutError("timed out")), "there is no token to log in with: no answer within 5 s")


@pytest.mark.parametrize("reason", sorted(set(said_by_channels())))
def test_why_a_channel_is_down_has_italian_words_also_within_what_the_hub_says(reason):
    why = reason.removeprefix("syslog-udp: ")
    said = in_words(f"email by u@example.org: {why}", "it", "health")
    assert said.startswith("email, u@example.org: ")
    assert said == f"email, u@example.org: {in_words(why, 'it', 'health')}"
    assert not re.search(r"\b(the|is|not|to|for|says|has|answers?)\b", said.replace(" a token", "")), said
    assert found(why, "health")[0], "it stands in our catalogue"


async def test_a_reader_is_told_in_their_language_why_a_port_of_devices_is_not_had():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        ports = Ports([UdpListener("snmp", "127.0.0.1", port)], Common())
        running = asyncio.create_task(ports.run(FakeDoor()))
        await until(lambda: bool(ports.down))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    said = in_words(f"monitoring by snmp: {ports.down['snmp']}", "it", "health")
    assert said == (
        f"monitoring, snmp: 127.0.0.1:{port} è usata da un altro programma: lo fermi, o scelga un'altra porta"
    )


def test_what_stands_in_a_sentence_is_told_too_and_what_nobody_knows_stays():
    assert in_words("email is down: it ended by itself", "it", "health") == "email è fermo: è finito da solo"
    assert in_words("email is down: OSError: {x}", "it", "health") == "email è fermo: OSError: {x}"
    assert in_words("something else", "it", "health") == "something else"


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[1",
        "nul",
        '{"a":1,"a":2}',
        '{"a":NaN}',
        '{"a":1} x',
        '{"a" 1}',
        '"\\ud800"',
        '{"a":"x',
        '["\\q"]',
        '{"a":"\n"}',
    ],
)
def test_what_is_wrong_with_the_text_of_a_flow_is_told_in_italian(text):
    with pytest.raises(FlowError) as wrong:
        parse(text)
    said = in_words(str(wrong.value), "it", "flow_fault")
    assert said != str(wrong.value)
    assert not any(word in said for word in ("Expecting", "Invalid", "line ", "name ", "no number"))


def test_what_is_wrong_with_the_parts_of_a_flow_is_told_in_italian():
    flow = json.loads(Path("ivr/flows/default.json").read_text(encoding="utf-8"))
    name = next(iter(flow["nodes"]))
    for change in (
        lambda it: it.pop("id"),
        lambda it: it.update(id=5),
        lambda it: it["nodes"][name].update(type="nope"),
        lambda it: it["nodes"][name].update(strange=1),
        lambda it: it["limits"].update(max_turns="x"),
        lambda it: it.update(schema="x"),
        lambda it: it.update(nodes=[]),
        lambda it: it["nodes"].update(bad={}),
    ):
        broken = copy.deepcopy(flow)
        change(broken)
        with pytest.raises(FlowError) as wrong:
            of_plain(broken)
        name_of, _ = found(str(wrong.value), "flow_fault")
        assert name_of, str(wrong.value)
        assert "Expected" not in in_words(str(wrong.value), "it", "flow_fault")
    assert in_words("limits/max_turns: Expected `int`, got `str`", "it", "flow_fault") == (
        "limits/max_turns: serve un numero intero, e c'è un testo"
    )


def test_that_no_name_server_answers_is_told_in_italian():
    why = (
        "nobody answers for desk.test MX: LifetimeTimeout: The resolution lifetime expired after 5.4 seconds"
    )
    silent = Finding(verdict=Verdict.UNKNOWN, code="no_answer", values={"why": why})
    said = domain_words.words(say("it"), silent)
    assert "nessuno risponde su desk.test MX: nessun server dei nomi ha risposto in tempo" in said
    assert why in domain_words.words(say("en"), silent)


def test_what_a_record_names_is_nobodys_words():
    why = (
        "nobody answers for desk.test MX: LifetimeTimeout: The resolution lifetime expired after 5.4 seconds"
    )
    odd = Finding(verdict=Verdict.WRONG, code="no_address", values={"host": why})
    assert why in domain_words.words(say("it"), odd)


def test_both_languages_have_these_sentences():
    for of in ("health", "flow_fault", "dns_trouble"):
        names = [
            {one for one in catalogue(language) if one.startswith(f"{of}.")} for language in ("it", "en")
        ]
        assert names[0] == names[1]

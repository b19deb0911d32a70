"""Tools hear what becomes of their alarms, and nobody is called whom the source does not list."""

from __future__ import annotations

import asyncio
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from channels import reaching
from channels.monitoring import back as returning
from channels.reaching import Forbidden, allowed, fetch
from core import kept_secrets
from core.alerting import GoingBack, Interface
from core.channel import DeliveryError
from tests.channels.monitoring.real import certificates, needs
from tests.channels.monitoring.tools import HERE, TOKEN, Alertmanager, Icinga2, Tool, Zabbix
from tests.hanging import PATIENCE, hanging

LABELS = {"alertname": "Down", "instance": 'sw "1"\\a'}


@pytest.fixture(autouse=True)
def secret(monkeypatch):
    monkeypatch.setenv("TOOL_TOKEN", TOKEN)


def saying(tool: Tool, act: str, *, key: str, number: str = "26-000123", **about) -> GoingBack:
    kind = type(tool).__name__.lower()
    mark = f"[Centralino {number}]"
    return GoingBack(
        kind=kind,
        at=Interface(url=tool.url, user="centralino" if kind == "icinga2" else "", token="env:TOOL_TOKEN"),
        reaches=HERE,
        act=act,
        mark=mark,
        text=f"{mark} Somebody works on it.",
        dedup_key=key,
        **{
            "resource": "sw-1",
            "event": "HOST",
            "labels": LABELS,
            "now": datetime(2026, 11, 29, tzinfo=UTC),
            **about,
        },
    )


# --- Each tool ---


async def test_alertmanager_is_silent_with_our_number_while_somebody_has_it_and_speaks_again_after():
    tool = Alertmanager()
    async with tool.running():
        taken = saying(tool, "taken", key="alertmanager:f1")
        await returning.give_back(taken)
        await returning.give_back(taken)  # once more, as after an answer that was lost
        assert tool.held() == ["[Centralino 26-000123] Somebody works on it."]
        (silence,) = tool.silences.values()
        assert {m["name"]: m["value"] for m in silence["matchers"]} == LABELS
        assert not any(m["isRegex"] for m in silence["matchers"])

        await returning.give_back(saying(tool, "taken", key="alertmanager:f1", number="26-000200"))
        assert [one[:24] for one in tool.held()] == ["[Centralino 26-000200] S"]

        await returning.give_back(saying(tool, "over", key="alertmanager:f1"))
        assert tool.held() == []


async def test_a_silence_of_somebody_else_is_left_alone():
    tool = Alertmanager()
    async with tool.running():
        await returning.give_back(saying(tool, "taken", key="alertmanager:f1"))
        (one,) = tool.silences.values()
        one["createdBy"] = "ann"
        await returning.give_back(saying(tool, "over", key="alertmanager:f1"))
        assert len(tool.held()) == 1


async def test_nothing_is_silenced_for_an_alarm_without_labels():
    tool = Alertmanager()
    async with tool.running():
        with pytest.raises(DeliveryError, match="silence would be one of everything"):
            await returning.give_back(saying(tool, "taken", key="alertmanager:f1", labels={}))
        assert tool.asked == []


async def test_alertmanager_says_whether_what_it_silences_still_fires():
    tool = Alertmanager(alerts=[{"fingerprint": "f1", "labels": LABELS}])
    async with tool.running():
        assert await returning.still_fires(saying(tool, "taken", key="alertmanager:f1"))
        tool.alerts.clear()
        assert not await returning.still_fires(saying(tool, "taken", key="alertmanager:f1"))


async def test_zabbix_has_the_number_the_acknowledgement_and_the_end():
    tool = Zabbix()
    tool.event("7")
    async with tool.running():
        await returning.give_back(saying(tool, "opened", key="zabbix:event:7"))
        assert tool.events["7"]["messages"][0].startswith("[Centralino 26-000123]")
        await returning.give_back(saying(tool, "taken", key="zabbix:event:7"))
        assert tool.events["7"]["acknowledged"]
        await returning.give_back(saying(tool, "released", key="zabbix:event:7"))
        assert not tool.events["7"]["acknowledged"]
        await returning.give_back(saying(tool, "accepted", key="zabbix:event:7"))
        assert tool.events["7"]["closed"]


@pytest.mark.parametrize(
    "version",
    [
        "5.4.12",
        "6.0.14",
        "6.2.9",
        "6.4.0",
        "7.0.1",
        "10.0",
        None,
        7,
        "no number",
        b"<p>Who are you?</p>",
        b"",
    ],
)
async def test_the_token_goes_where_that_version_of_zabbix_reads_it_and_nowhere_else(version):
    tool = Zabbix(version=version)
    tool.event("7")
    async with tool.running():
        await returning.give_back(saying(tool, "taken", key="zabbix:event:7"))
        assert tool.events["7"]["acknowledged"]


async def test_where_zabbix_lets_nobody_close_a_problem_it_is_told_in_words():
    tool = Zabbix()
    tool.event("7", may_be_closed=False)
    async with tool.running():
        await returning.give_back(saying(tool, "accepted", key="zabbix:event:7"))
        assert not tool.events["7"]["closed"]
        assert len(tool.events["7"]["messages"]) == 1
        with pytest.raises(DeliveryError, match="Zabbix refuses it"):
            await returning.give_back(saying(tool, "taken", key="zabbix:event:8"))


@pytest.mark.parametrize(("event", "name"), [("HOST", "sw-1"), ("disk /", "sw-1!disk /")])
async def test_icinga2_has_the_comment_and_the_acknowledgement(event, name):
    tool = Icinga2(problems={name: False})
    async with tool.running():
        await returning.give_back(saying(tool, "opened", key="icinga2:sw-1", event=event))
        assert tool.comments[0].startswith("[Centralino 26-000123]")
        await returning.give_back(saying(tool, "taken", key="icinga2:sw-1", event=event))
        await returning.give_back(saying(tool, "taken", key="icinga2:sw-1", event=event))  # already: fine
        assert tool.problems[name]
        await returning.give_back(saying(tool, "released", key="icinga2:sw-1", event=event))
        assert not tool.problems[name]
        with pytest.raises(DeliveryError) as refused:
            await returning.give_back(saying(tool, "taken", key="icinga2:x", resource="elsewhere"))
        assert refused.value.permanent


async def test_icinga2_keeps_an_acknowledgement_until_it_is_over_though_there_was_one_that_ends_before():
    tool = Icinga2(problems={"sw-1": False})
    async with tool.running():
        await returning.give_back(saying(tool, "taken", key="icinga2:sw-1"))
        assert not tool.sticky
        for _ in range(2):  # and said again, as after an answer that was lost
            await returning.give_back(saying(tool, "accepted", key="icinga2:sw-1"))
            assert tool.sticky == {"sw-1"}


# --- What goes wrong ---


@pytest.mark.parametrize(
    ("status", "permanent"), [(500, False), (503, False), (429, False), (401, True), (404, True)]
)
async def test_an_answer_that_is_a_refusal_is_tried_again_where_that_helps(status, permanent):
    tool = Zabbix(fails=status)
    async with tool.running():
        with pytest.raises(DeliveryError) as refused:
            await returning.give_back(saying(tool, "taken", key="zabbix:event:7"))
    assert refused.value.permanent is permanent


async def test_a_tool_that_is_down_or_slow_is_tried_again():
    tool = Zabbix(slow=5)
    async with tool.running() as url:
        with pytest.raises(DeliveryError, match="does not answer within 0 s") as slow:
            await fetch("GET", url, reaches=HERE, seconds=0.1)
    with pytest.raises(DeliveryError, match="cannot be called") as down:
        await fetch("GET", tool.url, reaches=HERE)
    assert not slow.value.permanent
    assert not down.value.permanent


async def test_a_token_that_is_not_there_is_said_without_any_secret():
    tool = Zabbix()
    async with tool.running():
        lost = saying(tool, "taken", key="zabbix:event:7")
        lost = replace(lost, at=replace(lost.at, token="env:NOT_SET_ANYWHERE"))
        with pytest.raises(DeliveryError, match="NOT_SET_ANYWHERE, which is not set"):
            await returning.give_back(lost)
    assert "env:" not in repr(lost.at)


async def test_while_a_token_lies_in_a_folder_that_hangs_the_hub_does_other_things(tmp_path):
    (tmp_path / "token").write_text(TOKEN)
    tool = Zabbix()
    tool.event("7")
    async with tool.running():
        taken = saying(tool, "taken", key="zabbix:event:7")
        taken = replace(taken, at=replace(taken.at, token=f"file:{tmp_path}/token"))
        with hanging() as folder:
            telling = asyncio.create_task(returning.give_back(taken))
            await folder.is_asked()
            assert not telling.done()
            folder.answers()
            await telling
    assert tool.events["7"]["acknowledged"]


async def test_authorities_in_a_folder_that_hangs_keep_nothing_else_from_being_done(tmp_path, monkeypatch):
    """Each that is waited for in vain used to keep one of the few threads that all of the hub shares."""
    (tmp_path / "ca.crt").write_text("none")
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
    with hanging():
        monkeypatch.setattr(kept_secrets, "WITHIN", 0.05)
        for _ in range(6):
            with pytest.raises(DeliveryError, match="gets no answer") as slow:
                await fetch("GET", "https://127.0.0.1:1/", reaches=HERE, ca=f"{tmp_path}/ca.crt")
            assert not slow.value.permanent
        assert await asyncio.wait_for(asyncio.to_thread(str, 7), PATIENCE) == "7"


@pytest.mark.parametrize(
    ("holds", "told"),
    [
        (None, "cannot be read: No such file"),
        ("", "which is empty"),
        ("è", "which is empty"),
        ("a key", "holds no certificate"),
        ("x" * (kept_secrets.BUNDLE + 1), "no file of at most"),
    ],
)
async def test_an_authority_that_is_none_is_said_and_nobody_is_called(tmp_path, holds, told):
    if holds is not None:
        (tmp_path / "ca.crt").write_text(holds)
    tool = Zabbix()
    async with tool.running():
        with pytest.raises(DeliveryError, match=told):
            await fetch("GET", tool.url, reaches=HERE, ca=f"{tmp_path}/ca.crt")
    assert tool.asked == []


@needs("openssl")
@pytest.mark.parametrize("beside", ["", "# Főtanúsítvány\n", "bundle"])
async def test_an_authority_that_a_tool_made_for_itself_is_believed_by_newer_libraries_too(
    monkeypatch, tmp_path, beside
):
    certificates(tmp_path / "pki")
    believed = tmp_path / "pki" / "ca.crt"
    one = believed.read_text()
    if beside == "bundle":  # of several certificates, and longer than any secret
        certificates(tmp_path / "other")
        beside = (tmp_path / "other" / "ca.crt").read_text() + "# more\n" * 20_000
        assert len(beside) > kept_secrets.LONGEST
    believed.write_text(f"{beside}{one}{beside}")
    usual = ssl.create_default_context

    def strict(**said):  # as Python 3.13 and later make it
        context = usual(**said)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)
    shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.load_cert_chain(tmp_path / "pki" / "localhost.crt", tmp_path / "pki" / "localhost.key")
    server = TestServer(web.Application(), scheme="https")
    await server.start_server(ssl=shown)
    try:
        at = f"https://localhost:{server.port}/"
        answer = await fetch("GET", at, reaches=(*HERE, "::1/128"), ca=str(believed))
        assert answer.status == 404  # it is spoken to
        with pytest.raises(DeliveryError, match="cannot be called"):
            await fetch("GET", at, reaches=(*HERE, "::1/128"))  # nobody else vouches for it
    finally:
        await server.close()


# --- Where we call ---


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:10.0.0.1",
        "2002:7f00:1::",
        "64:ff9b::7f00:1",
    ],
)
def test_what_is_not_in_the_internet_is_called_only_where_the_source_lists_it(address):
    assert not allowed(address, ())
    assert not allowed(address, ("198.51.100.0/24",))


def test_what_the_source_lists_may_be_called():
    assert allowed("10.1.2.3", ("10.0.0.0/8",))
    assert allowed("fd00::1", ("10.0.0.0/8", "fd00::/8"))
    assert allowed("93.184.215.14", ())
    assert allowed("2606:2800:21f::1", ())


async def test_a_closed_address_is_not_called_at_all():
    tool = Zabbix()
    async with tool.running() as url:
        with pytest.raises(Forbidden, match="list its network in `reaches`"):
            await fetch("GET", url)
        with pytest.raises(Forbidden):
            await fetch("GET", url.replace("127.0.0.1", "localhost"))
    assert tool.asked == []


async def test_a_name_is_looked_up_once_and_what_it_stood_for_is_called():
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    looked = []

    async def resolve(host: str, port: int) -> list[str]:
        looked.append((host, port))
        return next(answers)

    tool = Zabbix()
    async with tool.running() as url:
        port = int(url.rpartition(":")[2])
        answer = await fetch("GET", f"http://tool.example:{port}/x", reaches=HERE, resolve=resolve)
    assert answer.status == 401  # it was there, and wants a token
    assert looked == [("tool.example", port)]


async def test_one_closed_address_among_those_of_a_name_is_enough_to_refuse_it():
    async def resolve(host: str, port: int) -> list[str]:
        return ["93.184.215.14", "169.254.169.254"]

    with pytest.raises(Forbidden, match=r"169\.254\.169\.254"):
        await fetch("GET", "http://tool.example/", resolve=resolve)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://tool.example/", "//tool.example/", "http://"])
async def test_only_the_web_is_called(url):
    with pytest.raises(Forbidden):
        await fetch("GET", url, reaches=HERE)


async def test_nobody_sends_us_elsewhere_and_nobody_sends_too_much(monkeypatch):
    async def elsewhere(_request: web.Request) -> web.Response:
        raise web.HTTPFound("http://169.254.169.254/latest/meta-data")

    async def much(_request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 5000)

    monkeypatch.setattr(reaching, "MOST", 4000)
    app = web.Application()
    app.router.add_get("/elsewhere", elsewhere)
    app.router.add_get("/much", much)
    async with TestServer(app) as server:
        with pytest.raises(DeliveryError, match="sends us elsewhere"):
            await fetch("GET", str(server.make_url("/elsewhere")), reaches=HERE)
        with pytest.raises(DeliveryError, match="more than 4000 bytes"):
            await fetch("GET", str(server.make_url("/much")), reaches=HERE)

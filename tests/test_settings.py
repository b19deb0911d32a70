"""Settings are read once, checked whole, and every mistake is told with its place and advice."""

from __future__ import annotations

import contextlib
import os
import tempfile
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import pytest

from channels.settings import ChannelSettings, EmailSettings, MailboxSettings, MonitoringSettings
from core.settings import (
    SHIPPED,
    Database,
    Http,
    Limits,
    Secret,
    Settings,
    SettingsError,
    load,
    out_of_reach,
    remarks,
)
from core.settings_values import unreadable
from tests.channels.email.running_mail import a_certificate


@pytest.fixture
def written(tmp_path: Path) -> Any:
    """Writes a file of differences and returns its path."""

    def write(text: str) -> Path:
        path = tmp_path / "my.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def loaded(path: Path | None = None, *overrides: str) -> Settings:
    return load(path, overrides, channels=ChannelSettings)


def mistakes(path: Path | None = None, *overrides: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        loaded(path, *overrides)
    assert str(caught.value) == "\n".join(caught.value.mistakes)
    return [line.removeprefix(f"{path}: ") for line in caught.value.mistakes]


def fields(kind: type[msgspec.Struct], path: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting there is, with its default."""
    for field in msgspec.structs.fields(kind):
        here = f"{path}.{field.encode_name}".lstrip(".")
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from fields(field.type, here)
        else:
            yield here, field.default


ALL = {
    **{
        f"{section.name}.{key}": default
        for section in msgspec.structs.fields(Settings)
        if section.name != "channels"
        for key, default in fields(section.type)
    },
    **{f"channels.{key}": default for key, default in fields(ChannelSettings)},
}


def keys_of(document: dict[str, Any], path: str = "") -> Iterator[str]:
    for key, value in document.items():
        here = f"{path}.{key}".lstrip(".")
        yield from keys_of(value, here) if isinstance(value, dict) else (here,)


# What is shipped


def test_the_shipped_file_names_every_setting_and_no_other() -> None:
    assert set(keys_of(tomllib.loads(SHIPPED.read_text(encoding="utf-8")))) == set(ALL)


def test_the_shipped_file_says_the_defaults_of_the_program(tmp_path: Path) -> None:
    empty = tmp_path / "empty.toml"
    empty.write_text("")

    assert load(None, [], channels=ChannelSettings) == load(None, [], channels=ChannelSettings, shipped=empty)


def test_every_setting_has_a_comment_above_it_or_above_its_group() -> None:
    commented = False
    bare = []
    for line in SHIPPED.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            commented = True
        elif not line.strip() or line.startswith("["):
            commented = False
        elif not commented and line != "enabled = true":  # of a channel: its name says it
            bare.append(line)
    assert bare == []


def test_the_example_of_a_mailbox_has_every_key_of_one() -> None:
    lines = SHIPPED.read_text(encoding="utf-8").splitlines()
    start = lines.index("# [[channels.email.mailboxes]]") + 1
    example = tomllib.loads("\n".join(line.removeprefix("# ") for line in lines[start : start + 7]))

    assert set(example) == set(MailboxSettings.__struct_fields__)


def test_the_hub_starts_with_the_file_as_shipped() -> None:
    settings = loaded()

    assert settings.hub.public_url == "http://127.0.0.1:8080"
    assert settings.hub.data_dir == Path("data").absolute()
    assert settings.database.url == f"sqlite:///{Path('data').absolute()}/centralino.db"
    assert settings.channels.email.smtp_port == 2525
    assert list(settings.channels.enabled()) == ["email", "phone", "webchat", "monitoring"]
    assert remarks(settings) == []


# What differs


def test_a_file_changes_what_it_names_and_leaves_the_rest(written: Any) -> None:
    settings = loaded(
        written('[hub]\nname = "Acme Desk"\n[limits]\nmail_size = "1 MiB"\nstaff_idle = "30m"\n')
    )

    assert settings.hub.name == "Acme Desk"
    assert settings.hub.time_zone == "Europe/Rome"
    assert (settings.limits.mail_size, settings.limits.staff_idle) == (1024 * 1024, 1800)
    assert settings.limits.mail_recipients == Limits().mail_recipients


@pytest.mark.parametrize(
    ("override", "read", "expected"),
    [
        ("http.port=9000", lambda s: s.http.port, 9000),
        ("hub.name=42", lambda s: s.hub.name, "42"),
        ("hub.name=A = B", lambda s: s.hub.name, "A = B"),
        ("hub.demo_in_public=true", lambda s: s.hub.demo_in_public, True),
        ("hub.languages=en,it", lambda s: s.hub.languages, ("en", "it")),
        ('hub.languages=["en"]', lambda s: s.hub.languages, ("en",)),
        ("limits.mail_size=2 MiB", lambda s: s.limits.mail_size, 2097152),
        ("limits.mail_size=4096", lambda s: s.limits.mail_size, 4096),
        (
            "channels.email.enabled=false",
            lambda s: list(s.channels.enabled()),
            ["phone", "webchat", "monitoring"],
        ),
        ("channels.email.relay_tls=starttls", lambda s: s.channels.email.relay_tls, "starttls"),
        ("channels.email.addresses=a@x.test", lambda s: s.channels.email.addresses, ("a@x.test",)),
    ],
)
def test_one_value_is_overridden_in_the_type_of_its_setting(override: str, read: Any, expected: Any) -> None:
    assert read(loaded(None, override)) == expected


def test_an_override_wins_over_the_file_and_the_last_one_over_the_others(written: Any) -> None:
    assert loaded(written("[http]\nport = 1\n"), "http.port=2", "http.port=3").http.port == 3


def test_the_public_address_follows_the_listener_until_it_is_set(written: Any) -> None:
    assert loaded(None, "http.port=9000", "http.host=0.0.0.0").hub.public_url == "http://127.0.0.1:9000"
    assert loaded(None, "http.host=::1").hub.public_url == "http://[::1]:8080"
    assert loaded(None, "hub.public_url=https://desk.acme.test/").hub.public_url == "https://desk.acme.test"


def test_the_database_lies_in_the_data_folder_until_it_is_set(tmp_path: Path) -> None:
    assert loaded(None, f"hub.data_dir={tmp_path}").database.url == f"sqlite:///{tmp_path}/centralino.db"
    assert loaded(None, "database.url=postgresql://u@db/desk").database.url == "postgresql://u@db/desk"


def test_mailboxes_are_tables_with_defaults_of_their_own(written: Any) -> None:
    path = written(
        '[[channels.email.mailboxes]]\nhost = "imap.test"\nuser = "noc"\npassword = "pw"\ntls = false\n'
        '[[channels.email.mailboxes]]\nhost = "imap.test"\nuser = "desk"\npassword = "pw"\nport = 143\n'
    )
    first, second = loaded(path).channels.email.mailboxes

    assert (first.user, first.port, first.folder, first.tls) == ("noc", 993, "INBOX", "none")
    assert (second.user, second.port, second.tls) == ("desk", 143, "tls")


# What is wrong


def test_all_mistakes_of_all_places_are_told_together(written: Any) -> None:
    told = mistakes(
        written(
            '[hub]\nnam = "x"\nreaders = "3"\ntime_zone = "Europe/Room"\n'
            "[htp]\nport = 1\n[http]\nport = 99999\n[channels.icq]\nenabled = true\n"
        ),
        "channels.email.smtp_prt=1",
        "limits.mail_size=5 MB",
        "nonsense",
    )

    assert told == [
        'hub.nam is not a setting; did you mean "name"?',
        "hub.readers must be a whole number, not text",
        'htp is not a setting; did you mean "http"?',
        "channels.icq is not a channel of this hub; known: email, phone, sip, sms, whatsapp, telegram, webchat, xmpp, monitoring, console",
        '--set: channels.email.smtp_prt is not a setting; did you mean "smtp_port"?',
        '--set: limits.mail_size "5 MB" is not a size: write it like 512 KiB, 50 MiB or 1 GiB',
        '--set: "nonsense" must look like section.key=value',
        'hub.time_zone "Europe/Room" is no time zone; did you mean "Europe/Rome"?',
        "http.port 99999 is no port: 1 to 65535, or 0 for any free one",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[hub]\nlanguages = ["it", "de"]', 'hub.languages "de" is not spoken here: choose from it, en'),
        (
            "[hub]\nprocesses = 2",
            "hub.processes is 2, and SQLite is for one process: name a PostgreSQL in database.url, or set it to 1",
        ),
        ("[hub]\nprocesses = 0", "hub.processes must be at least 1"),
        ("[database]\nconnections = 2", "database.connections must be at least 3"),
        ("[hub]\nlanguages = []", "hub.languages is empty: name at least one of it, en"),
        ('[hub]\nname = " "', "hub.name is empty: it is what customers see in every mail"),
        ('[hub]\nlog_level = "loud"', 'hub.log_level "loud" is none of debug, info, warning, error'),
        (
            '[hub]\npublic_url = "desk.test"',
            'hub.public_url "desk.test" must be absolute, such as https://desk.example.org',
        ),
        (
            '[hub]\npublic_url = "https://desk.test/help"',
            'hub.public_url "https://desk.test/help" must be scheme, host and port alone',
        ),
        ("hub = 3", "hub must be a table [hub]"),
        ("[http]\nport = true", "http.port must be a whole number, not true or false"),
        ('[http]\ntrusted_proxies = "10.0.0.1"', "http.trusted_proxies must be a list, not text"),
        (
            '[http]\ntrusted_proxies = ["10.0.0.1"]',
            "http.proxy_secret is missing: forwarded headers count only with the secret that the proxy adds",
        ),
        (
            '[http]\ntls_key = "/no/such/key.pem"',
            'http.tls_key names the file "/no/such/key.pem", which is not there',
        ),
        (
            '[database]\nurl = "mysql://db"',
            'database.url "mysql://db" must begin with sqlite:/// or postgresql://',
        ),
        (
            '[limits]\nstaff_idle = "5 years"',
            'limits.staff_idle "5 years" is not a duration: write it like 15m, 4h, 2d or 1h30m',
        ),
        ("[limits]\nmail_recipients = 0", "limits.mail_recipients must be at least 1"),
        (
            '[channels.email]\naddresses = ["desk"]',
            'channels.email.addresses "desk" is no address such as support@desk.example.org',
        ),
        (
            '[channels.email]\naddresses = ["a+b@desk.test"]',
            'channels.email.addresses "a+b@desk.test" holds a "+": what follows it is how the hub knows its reply addresses',
        ),
        (
            '[channels.email]\ndomain = "desk_test"',
            'channels.email.domain "desk_test" is no domain such as desk.example.org',
        ),
        (
            '[channels.email]\nsmtp_host = ""',
            "channels.email.smtp_host is empty, and there is neither lmtp_port nor a mailbox: no mail could come in",
        ),
        (
            '[channels.email]\nrelay_tls = "ssl"',
            'channels.email.relay_tls is "ssl": choose "none", "starttls" or "tls" (encrypted from the first byte)',
        ),
        (
            '[channels.email]\ndkim_selector = "a desk"',
            'channels.email.dkim_selector "a desk" is no name such as centralino: small letters, digits and -',
        ),
        (
            '[channels.email]\ndkim_second_selector = "centralino"',
            "channels.email.dkim_second_selector is that of the other key: each is published under its own name",
        ),
        (
            f'[channels.email]\ndkim_selector = ""\ndkim_key = "{SHIPPED}"',
            "channels.email.dkim_selector is empty, but there is a dkim_key: nothing would be signed with it",
        ),
        (
            f'[channels.email]\ndkim_key = "{SHIPPED}"',
            f"channels.email.dkim_key cannot be used: {SHIPPED} holds no private key as PEM without a password",
        ),
        (
            '[channels.email]\ndkim_key = "/no/such/key.pem"',
            'channels.email.dkim_key names the file "/no/such/key.pem", which is not there',
        ),
        (
            '[channels.email]\nrelay_user = "desk"',
            "channels.email.relay_password is empty: relay_user and relay_password go together",
        ),
        (
            '[[channels.email.mailboxes]]\nhost = "h"\nuser = "u"\nprt = 1',
            'channels.email.mailboxes[1].prt is not a setting; did you mean "port"?',
        ),
        (
            "[channels.monitoring]\nsnmp_port = 70000",
            "channels.monitoring.snmp_port 70000 is no port: 1 to 65535, or 0 to listen on none",
        ),
        (
            "[channels.monitoring]\nsyslog_udp_port = 5514\nsnmp_port = 5514",
            "channels.monitoring.snmp_port is syslog_udp_port too: each needs a port of its own",
        ),
        (
            "[channels.email]\nlmtp_port = 2525",
            "channels.email.lmtp_port is smtp_port too, at the same address: each needs a port of its own",
        ),
        (
            "[channels.monitoring]\nsyslog_tls_port = 6514",
            "channels.monitoring.tls_certificate is empty: syslog_tls_port needs one, and its tls_key",
        ),
        (
            '[channels.monitoring]\nhost = "desk.test"',
            'channels.monitoring.host "desk.test" is no IP address of this machine, and neither 0.0.0.0 nor ::',
        ),
        (
            '[channels.sip]\nhost = "pbx.test"',
            'channels.sip.host "pbx.test" is no single IP address of this machine: it stands in every offer of a call',
        ),
        (
            '[channels.sip]\nhost = "0.0.0.0"',
            'channels.sip.host "0.0.0.0" is no single IP address of this machine: it stands in every offer of a call',
        ),
        ('[channels.sip]\ntransport = "tls"', 'channels.sip.transport "tls" is none of udp, tcp'),
        ('[channels.sip]\nspeech = "festival"', 'channels.sip.speech "festival" is none of espeak-ng, piper'),
        (
            '[channels.sip]\nregistrar = "sip:pbx.test"',
            'channels.sip.registrar "sip:pbx.test" is no host such as pbx.example.org or 192.0.2.7:5060',
        ),
        (
            '[channels.sip]\nregistrar = "pbx.test"\ntrunk = "192.0.2.7:5060"',
            "channels.sip.trunk cannot be used beside registrar: the hub is an extension, or the end of a trunk",
        ),
        (
            "[channels.sip]\nmax_calls = 1000",
            "channels.sip.rtp_last leaves too few ports: 1000 callers and who is rung for them need four each",
        ),
        ("[channels.sip]\ncalls_per_second = 0", "channels.sip.calls_per_second must be at least 1"),
        ('[channels.sip]\nuser = "a b"', 'channels.sip.user "a b" is no extension or user name'),
        (
            '[channels.sip]\nplus = "plus"',
            'channels.sip.plus "plus" cannot be dialled: write "+", "00" or what your switch wants',
        ),
        (
            '[channels.sip]\nmusic = "/no.wav"',
            'channels.sip.music names the file "/no.wav", which is not there',
        ),
        (
            '[channels.sip]\nspeech = "piper"',
            "channels.sip.speech_voices is empty: piper needs a voice file for each language",
        ),
        (
            '[channels.sip]\nspeech = "piper"\nspeech_voices = ["it=/no.onnx"]',
            'channels.sip.speech_voices names the file "/no.onnx", which is not there',
        ),
        (
            '[channels.sip]\nspeech_voices = ["paola"]',
            'channels.sip.speech_voices "paola" must look like it=VOICE',
        ),
        (
            "[channels.email]\nmailboxes = 3",
            "channels.email.mailboxes must be tables [[channels.email.mailboxes]]",
        ),
    ],
)
def test_a_mistake_says_where_what_and_what_to_do(written: Any, text: str, told: str) -> None:
    assert told in mistakes(written(text))


def test_a_missing_password_of_a_mailbox_is_told_by_its_number(written: Any) -> None:
    box = '[[channels.email.mailboxes]]\nhost = "h"\nuser = "u"\n'

    assert mistakes(written(box + 'password = "p"\n' + box)) == [
        "channels.email.mailboxes[2].password is empty, and there is no table oauth: nobody would let us in"
    ]


def test_a_mailbox_that_takes_no_password_has_a_table_of_its_own_for_tokens(
    written: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENTRA", "s3cret")
    path = written(
        '[[channels.email.mailboxes]]\nhost = "imap.test"\nuser = "desk@x.test"\n'
        '[channels.email.mailboxes.oauth]\ntoken_url = "https://login.test/token"\nclient_id = "desk"\n'
        'client_secret = "env:ENTRA"\nscope = "mail"\n'
        '[channels.email.relay_oauth]\ntoken_url = "http://127.0.0.1/token"\nclient_id = "desk"\n'
        'refresh_token = "env:ENTRA"\n[channels.email]\nrelay_user = "desk@x.test"\nrelay_tls = "starttls"\n'
    )
    mail = loaded(path).channels.email

    assert mail.mailboxes[0].oauth.client_secret.reveal() == "s3cret"
    assert mail.relay_oauth.refresh_token.reveal() == "s3cret"
    assert remarks(loaded(path)) == []


OAUTH = 'client_id = "c"\nclient_secret = "env:HOME"\n'
BOX = '[[channels.email.mailboxes]]\nhost = "imap.test"\nuser = "desk"\n'
INSIDE = "channels.email.mailboxes[1]."


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"[oauth]\n{OAUTH}", "oauth.token_url is empty: it is where the provider gives tokens"),
        (
            f'[oauth]\ntoken_url = "http://login.test/token"\n{OAUTH}',
            'oauth.token_url "http://login.test/token" is not encrypted: the secret would cross the network for everybody to read',
        ),
        (
            f'[oauth]\ntoken_url = "login.test"\n{OAUTH}',
            'oauth.token_url "login.test" is no URL such as https://login.example.org/token',
        ),
        (
            f'[oauth]\ntoken_url = "https://me:pw@login.test/"\n{OAUTH}',
            "oauth.token_url holds a user or a password: those are client_id and client_secret",
        ),
        (
            '[oauth]\ntoken_url = "https://login.test/token"\nclient_id = "c"\n',
            "oauth.client_secret is empty, and so is refresh_token: one of them proves who asks",
        ),
        (
            '[oauth]\ntoken_url = "https://login.test/token"\nscope = "s"\nservice_account = "env:HOME"\n',
            "oauth.service_account cannot be used: it holds no key of a service account: the file as Google gives it (JSON)",
        ),
        (
            f'[oauth]\ntoken_url = "https://login.test/token"\nreaches = ["here"]\n{OAUTH}',
            'oauth.reaches "here" is no network such as 10.0.0.0/8',
        ),
        (
            f'password = "env:HOME"\n[oauth]\ntoken_url = "https://login.test/token"\n{OAUTH}',
            "password is written beside oauth: only one of them can be shown",
        ),
        (
            f'tls = false\n[oauth]\ntoken_url = "https://login.test/token"\n{OAUTH}',
            'tls is "none": a token is shown over an encrypted connection only (RFC 7628, 4)',
        ),
    ],
)
def test_what_is_wrong_with_a_log_in_by_token_is_told_where_it_stands(
    written: Any, text: str, told: str
) -> None:
    assert mistakes(written(BOX + text.replace("[oauth]", "[channels.email.mailboxes.oauth]"))) == [
        f"{INSIDE}{told}"
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[hub\n", "is not TOML"),
        (b'[hub]\nname = "\xff"\n', "is not UTF-8 text"),
    ],
)
def test_a_file_that_cannot_be_understood_is_named(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "my.toml"
    path.write_bytes(content)

    assert mistakes(path)[0].startswith(told)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    assert mistakes(tmp_path / "none.toml") == ["there is no such file"]
    assert mistakes(tmp_path)[0].startswith("cannot be read")


def test_a_table_beside_the_sections_may_not_be_set_by_hand() -> None:
    assert mistakes(None, "hub=3") == ['--set: "hub=3" must look like section.key=value']
    assert mistakes(None, "channels.email=3") == ["--set: channels.email is a table: set one of its keys"]


# Secrets


def test_a_secret_comes_from_the_environment_or_a_file(
    written: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "password").write_text("from the file\n")
    monkeypatch.setenv("DESK_SECRET", "from the environment")
    settings = loaded(
        written(
            f'[http]\nproxy_secret = "env:DESK_SECRET"\n'
            f'[channels.email]\nrelay_tls = "tls"\nrelay_user = "u"\nrelay_password = "file:{tmp_path}/password"\n'
        )
    )

    assert settings.http.proxy_secret.reveal() == "from the environment"
    assert settings.channels.email.relay_password.reveal() == "from the file"
    assert remarks(settings) == []


def test_a_secret_that_is_not_there_is_told(written: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DESK_SECRET", raising=False)

    assert mistakes(written('[http]\nproxy_secret = "env:DESK_SECRET"\n')) == [
        "http.proxy_secret asks for the environment variable DESK_SECRET, which is not set"
    ]
    assert mistakes(written('[http]\nproxy_secret = "file:/no/such"\n')) == [
        'http.proxy_secret asks for the file "/no/such", which cannot be read: No such file or directory'
    ]


def test_no_secret_is_ever_printed(written: Any) -> None:
    settings = loaded(
        written(
            '[database]\nurl = "postgresql://desk:hunter2@db/desk"\n[http]\nproxy_secret = "hunter2"\n'
            '[[channels.email.mailboxes]]\nhost = "h"\nuser = "u"\npassword = "hunter2"\n'
        )
    )

    assert "hunter2" not in f"{settings} {settings!r} {settings.http.proxy_secret}"
    assert "hunter2" not in " ".join(mistakes(None, "database.url=mysql://desk:hunter2@db/desk"))
    assert settings.database.url == "postgresql://desk:hunter2@db/desk"


def test_a_secret_written_in_the_file_itself_is_allowed_and_remarked(written: Any) -> None:
    path = written('[[channels.email.mailboxes]]\nhost = "h"\nuser = "u"\npassword = "hunter2"\n')

    assert [line.split(" ")[0] for line in remarks(loaded(path))] == ["channels.email.mailboxes[1].password"]


@pytest.mark.parametrize("where", ["desk.test", "Desk.Test"])
def test_answers_in_the_domain_of_people_are_remarked_on(written, where):
    (said,) = remarks(loaded(written(f'[channels.email]\nreply_domain = "{where}"\n')))

    assert said.startswith(
        f"channels.email.reply_domain is {where}, where people have addresses: better a domain"
    )


def test_a_password_that_leaves_unencrypted_is_remarked(
    written: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELAY", "hunter2")
    relay = '[channels.email]\nrelay_host = "relay.test"\nrelay_user = "desk"\nrelay_password = "env:RELAY"\n'

    open_ = remarks(loaded(written(relay)))
    sealed = remarks(loaded(written(relay + 'relay_tls = "starttls"\n')))

    assert [line.split(" ")[0] for line in open_] == ["channels.email.relay_tls"]
    assert sealed == []


@pytest.mark.skipif(find_spec("baresip") is None, reason="needs baresip-python")
def test_a_public_address_for_calls_and_a_missing_voice_are_remarked(written: Any) -> None:
    calls = '[channels.sip]\nenabled = true\nspeech_program = "/no/program"\nhost = '

    open_ = remarks(loaded(written(calls + '"8.8.8.8"')))
    inside = remarks(loaded(written(calls + '"192.168.1.7"')))

    assert [line.split(" ")[0] for line in open_] == ["channels.sip.host", "channels.sip.speech"]
    assert [line.split(" ")[0] for line in inside] == ["channels.sip.speech"]


def test_secrets_are_equal_by_their_text() -> None:
    assert Secret("a") == Secret("a", literal=True)
    assert Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a")}) == 1


def test_reply_addresses_live_below_the_domain_until_set() -> None:
    assert EmailSettings(domain="acme.test").answers_domain == "reply.acme.test"
    assert EmailSettings(reply_domain="r.acme.test").answers_domain == "r.acme.test"


def test_the_password_in_a_database_address_is_hidden_when_shown() -> None:
    assert "pw" not in repr(Database(url="postgresql://u:pw@h/d"))


# The telephone


ACCOUNT = "AC" + "0" * 32


def test_the_telephone_is_on_without_a_line_and_asks_for_nothing() -> None:
    settings = loaded()

    assert settings.channels.phone.enabled
    assert not settings.channels.phone.account_sid
    assert not settings.channels.sms.enabled
    assert not settings.channels.whatsapp.enabled


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        (
            [f"phone.account_sid={ACCOUNT}", "phone.number=+390699999999"],
            "channels.phone.auth_token is empty: account_sid and auth_token go together",
        ),
        (
            ["phone.auth_token=x"],
            "channels.phone.account_sid is empty: account_sid and auth_token go together",
        ),
        (
            ["phone.account_sid=AC1", "phone.auth_token=x", "phone.number=+390699999999"],
            'channels.phone.account_sid "AC1" is no account: AC and 32 digits from 0 to f',
        ),
        (
            [f"phone.account_sid={ACCOUNT}", "phone.auth_token=x"],
            "channels.phone.number is empty: it is what people called by the desk see, such as +390612345678",
        ),
        (
            ["phone.number=0699999"],
            'channels.phone.number "0699999" is no telephone number in full, such as +390612345678',
        ),
        (
            ["phone.on_answering_machine=mail"],
            'channels.phone.on_answering_machine is "mail": choose "message" or "sms"',
        ),
        (
            ["phone.api_url=localhost"],
            'channels.phone.api_url "localhost" must be absolute, such as https://desk.example.org',
        ),
        (
            ["sms.enabled=true", "sms.number=+390699999999"],
            "channels.sms.enabled is true, and channels.phone.account_sid is empty: it is sent by that account",
        ),
        (
            ["sms.messaging_service=x"],
            'channels.sms.messaging_service "x" is none: MG and 32 digits from 0 to f',
        ),
        (
            ["whatsapp.content_sid=x"],
            'channels.whatsapp.content_sid "x" is no template: HX and 32 digits from 0 to f',
        ),
    ],
)
def test_what_is_missing_or_wrong_for_calls_and_texts_is_told(said: list[str], wrong: str) -> None:
    told = mistakes(None, *(f"channels.{one}" for one in said))

    assert [line for line in told if line.endswith(wrong)], told


def test_a_signing_key_is_a_table_with_an_id_and_a_secret(written: Any) -> None:
    path = written('[[channels.phone.signing_keys]]\nid = "key_1"\nsecret = "s"\n')

    (key,) = loaded(path).channels.phone.signing_keys

    assert (key.id, key.secret.reveal()) == ("key_1", "s")
    assert "channels.phone.signing_keys[1].secret is written in the settings themselves" in " ".join(
        remarks(loaded(path))
    )


def test_no_secret_of_the_account_is_shown(tmp_path: Path) -> None:
    import channels
    from tests.channels.phone.twilio_side import around

    settings = loaded(
        None,
        f"channels.phone.account_sid={ACCOUNT}",
        "channels.phone.auth_token=the-token",
        "channels.phone.number=+390699999999",
        "channels.sms.enabled=true",
    )

    made = channels.enabled(settings.channels, around(tmp_path))

    assert "the-token" not in repr(settings) + repr(made)


def test_two_ways_in_may_have_one_port_at_two_addresses(written: Any) -> None:
    loaded(written('[channels.email]\nsmtp_host = "192.0.2.5"\nlmtp_port = 2525\n'))
    for everywhere in ("0.0.0.0", "localhost"):
        said = mistakes(written(f'[channels.email]\nsmtp_host = "{everywhere}"\nlmtp_port = 2525\n'))
        assert [line for line in said if "lmtp_port is smtp_port too" in line], everywhere


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """As a user whom permissions bind: the tests may run as root."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.parametrize("hidden", ["the key", "its folder"])
def test_a_key_that_this_user_may_not_read_is_no_mistake_of_the_settings(hidden: str) -> None:
    """Whoever exports the desk need not read the key of the web server; whoever runs the hub must."""
    with tempfile.TemporaryDirectory() as made:
        (open_ := Path(made)).chmod(0o755)
        (closed := open_ / "private").mkdir()
        certificate, key = a_certificate(closed)
        certificate = certificate.rename(open_ / certificate.name)
        named = {"tls_certificate": str(certificate), "tls_key": str(key)}
        told = [f'tls_key names the file "{key}", which this user may not read: the user of the hub must']
        (closed if hidden == "its folder" else key).chmod(0)
        if hidden == "the key":
            closed.chmod(0o755)
        try:
            with as_nobody():
                for table in (Http(**named), MonitoringSettings(**named)):
                    assert list(table.mistakes()) == []
                email = EmailSettings(**named, dkim_key=str(key))
                assert list(email.mistakes()) == []
                found = msgspec.structs.replace(loaded(), http=Http(**named))
                assert out_of_reach(found) == [f"http.{line}" for line in told]
                assert remarks(found)[-1:] == out_of_reach(found), "`check` says it, `run` ends with it"
                assert [name for name, _ in unreadable(email)] == ["tls_key", "dkim_key"]
        finally:
            closed.chmod(0o700)


def test_a_certificate_that_no_server_could_show_stops_the_start_with_what_is_wrong(tmp_path):
    certificate, key = a_certificate(tmp_path)
    (other := tmp_path / "other").mkdir()
    _, other_key = a_certificate(other)
    (words := tmp_path / "words.pem").write_text("no certificate", encoding="utf-8")
    for table in (
        Http(tls_certificate=str(certificate), tls_key=str(key)),
        EmailSettings(tls_certificate=str(certificate), tls_key=str(key)),
    ):
        assert list(table.mistakes()) == []

    for tables in (Http, EmailSettings, MonitoringSettings):
        (of_other,) = tables(tls_certificate=str(certificate), tls_key=str(other_key)).mistakes()
        (no_pem,) = tables(tls_certificate=str(words), tls_key=str(key)).mistakes()
        assert of_other == ("tls_key", f'"{other_key}" is not the key of tls_certificate')
        assert no_pem[0] == "tls_certificate"
        assert "must be PEM" in no_pem[1]

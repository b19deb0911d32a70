"""What can be set about each channel? One table for each; its `enabled` decides whether the hub starts it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from core import addresses
from core.networks import is_address, is_loopback, overlap
from core.settings_values import (
    Encryption,
    Secret,
    Size,
    Span,
    Table,
    below,
    incomplete,
    is_network,
    is_place,
    wrong_certificate,
    wrong_files,
    wrong_ports,
    wrong_url,
)

_DOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_ACCOUNT, _SERVICE, _TEMPLATE = (re.compile(f"{kind}[0-9a-f]{{32}}") for kind in ("AC", "MG", "HX"))
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")  # E.164
LONGEST_NAME = 35  # characters before the @: with `+r-` and a token it is 64, the limit of RFC 5321 4.5.3.1.1
Checks = Literal["auto", "always", "never"]
TRANSPORTS = ("udp", "tcp")
SPEAKERS = ("espeak-ng", "piper")
_BOT_TOKEN = re.compile(r"[0-9]{3,20}:[A-Za-z0-9_-]{20,100}")
_WEBHOOK_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")
_SITE_NAME = re.compile(r"[a-z0-9-]{1,40}")
SHORTEST_SECRET = 32  # characters of the key that a website signs with
_SIP_USER = re.compile(r"[A-Za-z0-9_.+-]{1,64}")
_SIP_PEER = re.compile(r"(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?")
_NOWHERE = '"{}" is no URL such as https://login.example.org/token'
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*/=?^_`{|}~.-]{1,64}")  # no +: what follows it is ours


class OAuthSettings(Table, frozen=True, kw_only=True):
    """[channels.email.relay_oauth], and `oauth` of a mailbox: where a token is got that is shown in place of a password."""

    token_url: str = ""
    client_id: str = ""
    client_secret: Secret = Secret("")
    client_auth: Literal["form", "header"] = "form"
    refresh_token: Secret = Secret("")
    service_account: Secret = Secret("")
    scope: str = ""
    reaches: tuple[str, ...] = ()

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """See Table."""
        if not self.token_url:
            if self != OAuthSettings():
                yield "token_url", "is empty: it is where the provider gives tokens"
            return
        if wrong := _wrong_token_url(self.token_url):
            yield "token_url", wrong
        if self.service_account:
            yield from self._wrong_account()
        elif not self.client_id:
            yield _empty("client_id")
        elif not (self.client_secret or self.refresh_token):
            yield "client_secret", "is empty, and so is refresh_token: one of them proves who asks"
        for network in self.reaches:
            if not is_network(network):
                yield "reaches", f'"{network}" is no network such as 10.0.0.0/8'

    def _wrong_account(self) -> Iterator[tuple[str, str]]:
        from channels import service_account  # noqa: PLC0415 - loads what few settings need

        for name in ("client_id", "client_secret", "refresh_token"):
            if getattr(self, name):
                yield name, "is written beside service_account: only one of them can ask"
        if not self.scope:
            yield (
                "scope",
                "is empty: a service account names what it asks for, such as https://mail.google.com/",
            )
        try:
            service_account.read(self.service_account.reveal())
        except ValueError as error:
            yield "service_account", f"cannot be used: {error}"


class MailboxSettings(Table, frozen=True, kw_only=True):
    """[[channels.email.mailboxes]]: one folder that is watched by IMAP."""

    host: str
    user: str
    password: Secret = Secret("")
    oauth: OAuthSettings = OAuthSettings()
    port: int = 993
    folder: str = "INBOX"
    tls: Encryption = "tls"

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """See Table."""
        yield from wrong_ports(self, "port")
        yield from (_empty(name) for name in ("host", "user", "folder") if not getattr(self, name).strip())
        if not self.password and self.oauth == OAuthSettings():
            yield "password", "is empty, and there is no table oauth: nobody would let us in"
        yield from _wrong_log_in(
            self.oauth, self.user, self.password, tls=self.tls, host=self.host, prefix=""
        )


class EmailSettings(Table, frozen=True, kw_only=True):
    """[channels.email]: mail in by SMTP, LMTP and IMAP, out by a relay."""

    enabled: bool = True
    domain: str = "desk.test"
    addresses: tuple[str, ...] = ("support@desk.test",)
    reply_domain: str = ""
    smtp_host: str = "127.0.0.1"
    smtp_port: int = 2525
    lmtp_host: str = "127.0.0.1"
    lmtp_port: int = 0
    tls_certificate: str = ""
    tls_key: str = ""
    max_connections: int = 200
    max_connections_per_peer: int = 20
    trusted_relays: tuple[str, ...] = ()
    authserv_ids: tuple[str, ...] = ()
    received_above_results: int = 0
    check_senders: Checks = "auto"
    arc_sealers: tuple[str, ...] = ()
    dns_servers: tuple[str, ...] = ()
    agents_comment: bool = False
    visible_cc: bool = False
    relay_host: str = ""
    relay_port: int = 25
    relay_user: str = ""
    relay_password: Secret = Secret("")
    relay_oauth: OAuthSettings = OAuthSettings()
    relay_tls: Encryption = "none"
    dkim_selector: str = "centralino"
    dkim_key: str = ""
    dkim_second_selector: str = ""
    mailboxes: tuple[MailboxSettings, ...] = ()

    @property
    def answers_domain(self) -> str:
        """Where the reply addresses live: a domain in which nobody has an identity."""
        return self.reply_domain or f"reply.{self.domain}"

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """See Table."""
        for name in ("domain", "reply_domain"):
            domain = getattr(self, name)
            if (domain or name == "domain") and not _DOMAIN.fullmatch(addresses.domain(domain)):
                yield name, f'"{domain}" is no domain such as desk.example.org'
        if not self.addresses:
            yield "addresses", f'is empty: name at least one, such as "support@{self.domain}"'
        for address in self.addresses:
            if wrong := _wrong_address(address):
                yield "addresses", wrong
        yield from wrong_ports(self, "smtp_port", "lmtp_port", "relay_port")
        if (
            self.smtp_host
            and self.lmtp_port == self.smtp_port != 0
            and overlap(self.smtp_host, self.lmtp_host)
        ):
            yield "lmtp_port", "is smtp_port too, at the same address: each needs a port of its own"
        yield from below(self, 1, "max_connections", "max_connections_per_peer")
        yield from below(self, 0, "received_above_results")
        for peer in self.trusted_relays:
            if "/" in peer or not is_network(peer):
                yield "trusted_relays", f'"{peer}" is no IP address'
        for sealer in self.arc_sealers:
            if not _DOMAIN.fullmatch(addresses.domain(sealer)):
                yield "arc_sealers", f'"{sealer}" is no domain such as lists.example.org'
        for server in self.dns_servers:
            if not is_place(server):
                yield (
                    "dns_servers",
                    f'"{server}" is no IP address, with or without a port, such as 192.0.2.1 or [::1]:5353',
                )
        yield from wrong_certificate(self)
        if self.relay_oauth == OAuthSettings():
            yield from incomplete(self, "relay_user", "relay_password")
        elif not self.relay_user:
            yield "relay_user", "is empty: it is the mailbox that the token of relay_oauth is for"
        yield from _wrong_log_in(
            self.relay_oauth,
            self.relay_user,
            self.relay_password,
            tls=self.relay_tls,
            host=self.relay_host,
            prefix="relay_",
        )
        yield from self._wrong_signatures()
        if self.enabled and not (self.smtp_host or self.lmtp_port or self.mailboxes):
            yield "smtp_host", "is empty, and there is neither lmtp_port nor a mailbox: no mail could come in"

    def remarks(self) -> Iterator[tuple[str, str]]:
        """See Table."""
        people = {addresses.domain(one.rpartition("@")[2]) for one in (*self.addresses, f"@{self.domain}")}
        if addresses.domain(self.answers_domain) in people:
            yield (
                "reply_domain",
                f"is {self.answers_domain}, where people have addresses: better a domain in which nobody has one",
            )
        if self.relay_password and self.relay_tls == "none":
            yield (
                "relay_tls",
                'is "none": the password crosses the network for everybody to read. Better starttls or tls',
            )

    def _wrong_signatures(self) -> Iterator[tuple[str, str]]:
        for name in ("dkim_selector", "dkim_second_selector"):
            if (selector := getattr(self, name)) and not _DOMAIN.fullmatch(selector):
                yield name, f'"{selector}" is no name such as centralino: small letters, digits and -'
        if self.dkim_selector and self.dkim_selector == self.dkim_second_selector:
            yield "dkim_second_selector", "is that of the other key: each is published under its own name"
        if self.dkim_key and not self.dkim_selector:
            yield "dkim_selector", "is empty, but there is a dkim_key: nothing would be signed with it"
        wrong = list(wrong_files(self, "dkim_key"))
        if self.dkim_key and not wrong:
            from core import signature_keys  # noqa: PLC0415 - loads what few settings need

            try:
                signature_keys.private(Path(self.dkim_key), "rsa")
            except PermissionError:
                pass  # core.settings.unreadable says so
            except (OSError, ValueError) as error:
                wrong.append(("dkim_key", f"cannot be used: {error}"))
        yield from wrong


class SigningKeySettings(Table, frozen=True, kw_only=True):
    """[[channels.phone.signing_keys]]: a key of ours that Twilio signs its requests with."""

    id: str
    secret: Secret

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """See Table."""
        yield from (_empty(name) for name in ("id", "secret") if not getattr(self, name))


class PhoneSettings(Table, frozen=True, kw_only=True):
    """[channels.phone]: calls, and the account at Twilio that carries them and the texts."""

    enabled: bool = True
    account_sid: str = ""
    auth_token: Secret = Secret("")
    number: str = ""
    signing_keys: tuple[SigningKeySettings, ...] = ()
    on_answering_machine: str = "message"
    api_url: str = ""
    region: str = ""
    edge: str = ""

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """See Table."""
        yield from incomplete(self, "account_sid", "auth_token")
        if self.account_sid and not _ACCOUNT.fullmatch(self.account_sid):
            yield "account_sid", f'"{self.account_sid}" is no account: AC and 32 digits from 0 to f'
        yield from _wrong_numbers(self, "number")
        if self.enabled and self.account_sid and not self.number:
            yield "number", "is empty: it is what people called by the desk see, such as +390612345678"
        if self.on_answering_machine not in ("message", "sms"):
            yield "on_answering_machine", f'is "{self.on_answering_machine}": choose "message" or "sms"'
        if self.api_url and (wrong := wrong_url(self.api_url)):
            yield "api_url", wrong

    def remarks(self) -> Iterator[tuple[str, str]]:
        """See Table."""
        if self.api_url:
            yield "api_url", f"sends every request, with the account's password, to {self.api_url}"


class TextSettings(Table, frozen=True, kw_only=True):
    """[channels.sms]: text messages by the account of [channels.phone]."""

    enabled: bool = False
    number: str = ""
    messaging_service: str = ""

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """See Table."""
        yield from _wrong_numbers(self, "number")
        if self.messaging_service and not _SERVICE.fullmatch(self.messaging_service):
            yield "messaging_service", f'"{self.messaging_service}" is none: MG and 32 digits from 0 to f'


class WhatsAppSettings(Table, frozen=True, kw_only=True):
    """[channels.whatsapp]: WhatsApp by the account of [channels.phone]."""

    enabled: bool = False
    number: str = ""
    content_sid: str = ""

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """See Table."""
        yield from _wrong_numbers(self, "number")
        if self.enabled and not self.number:
            yield "number", "is empty: it is the sender that Twilio registered for WhatsApp"
        if self.content_sid and not _TEMPLATE.fullmatch(self.content_sid):
            yield "content_sid", f'"{self.content_sid}" is no template: HX and 32 digits from 0 to f'

    def remarks(self) -> Iterator[tuple[str, str]]:
        """See Table."""
        if self.enabled and not self.content_sid:
            yield "content_sid", "is empty: who wrote more than 24 hours ago gets a text message instead"


class SipSettings(Table, frozen=True, kw_only=True):
    """[channels.sip]: calls that the hub answers itself, as an extension of a switch or at the end of a trunk."""

    enabled: bool = False
    host: str = "127.0.0.1"
    port: int = 5060
    transport: str = "udp"
    registrar: str = ""
    trunk: str = ""
    user: str = "centralino"
    auth_user: str = ""
    password: Secret = Secret("")
    plus: str = "+"
    max_calls: int = 20
    calls_per_second: int = 5
    rtp_first: int = 10000
    rtp_last: int = 10999
    rtp_timeout: Span = 30
    music: str = ""
    speech: str = "espeak-ng"
    speech_program: str = ""
    speech_voices: tuple[str, ...] = ()
    speech_cache: Size = 200 * 2**20

    @property
    def voices(self) -> dict[str, str]:
        """By language."""
        return {language: voice for language, _, voice in map(_parted, self.speech_voices)}

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """See Table."""
        if self.enabled and find_spec("baresip") is None:
            yield "enabled", "needs the telephone stack: install it with `make sip`"
        for name, choices in (("transport", TRANSPORTS), ("speech", SPEAKERS)):
            if (chosen := getattr(self, name)) not in choices:
                yield name, f'"{chosen}" is none of {", ".join(choices)}'
        if not _is_one_address(self.host):
            yield (
                "host",
                f'"{self.host}" is no single IP address of this machine: it stands in every offer of a call',
            )
        yield from wrong_ports(self, "port", "rtp_first", "rtp_last")
        if (
            self.rtp_last - self.rtp_first < 4 * self.max_calls + 8
        ):  # two for each leg, and a few legs to spare
            yield (
                "rtp_last",
                f"leaves too few ports: {self.max_calls} callers and who is rung for them need four each",
            )
        yield from below(self, 1, "max_calls", "calls_per_second", "rtp_timeout")
        for name in ("user", "auth_user"):
            if not _SIP_USER.fullmatch(getattr(self, name) or self.user):
                yield name, f'"{getattr(self, name)}" is no extension or user name'
        for name in ("registrar", "trunk"):
            if (peer := getattr(self, name)) and not _SIP_PEER.fullmatch(peer):
                yield name, f'"{peer}" is no host such as pbx.example.org or 192.0.2.7:5060'
        if self.registrar and self.trunk:
            yield "trunk", "cannot be used beside registrar: the hub is an extension, or the end of a trunk"
        if '"' in self.password.reveal() or "\\" in self.password.reveal():
            yield "password", 'holds a " or a backslash, which the telephone stack cannot send'
        if self.plus not in ("+", "") and not self.plus.isdigit():
            yield "plus", f'"{self.plus}" cannot be dialled: write "+", "00" or what your switch wants'
        yield from wrong_files(self, "music")
        for voice in self.speech_voices:
            language, is_, name = _parted(voice)
            if not is_ or not language or not name:
                yield "speech_voices", f'"{voice}" must look like it=VOICE'
            elif self.speech == "piper" and not Path(name).is_file():
                yield "speech_voices", f'names the file "{name}", which is not there'
        if self.speech == "piper" and not self.speech_voices:
            yield "speech_voices", "is empty: piper needs a voice file for each language"

    def remarks(self) -> Iterator[tuple[str, str]]:
        """See Table."""
        if self.enabled and not ip_address(self.host).is_private:
            yield "host", "is a public address: whoever finds it can call. Better one of a private network"
        if self.enabled and shutil.which(self.speech_program or self.speech) is None:
            yield (
                "speech",
                f"{self.speech_program or self.speech} is not installed: no call is answered until it is",
            )


class TelegramSettings(Table, frozen=True, kw_only=True):
    """[channels.telegram]: a bot of the desk's own."""

    enabled: bool = False
    token: Secret = Secret("")
    mode: str = "polling"
    webhook_secret: Secret = Secret("")
    api_url: str = ""

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """See Table."""
        if self.enabled and not self.token:
            yield "token", "is empty: it is what @BotFather gave you for the bot"
        if self.token and not _BOT_TOKEN.fullmatch(self.token.reveal()):
            yield "token", "is none of a bot: digits, a colon, and some 35 letters"
        if self.mode not in ("polling", "webhook"):
            yield "mode", f'is "{self.mode}": choose "polling" or "webhook"'
        if self.enabled and self.mode == "webhook" and not self.webhook_secret:
            yield "webhook_secret", "is empty: without it anybody could pretend to be Telegram"
        if self.webhook_secret and not _WEBHOOK_SECRET.fullmatch(self.webhook_secret.reveal()):
            yield "webhook_secret", "may hold 1 to 256 letters, digits, _ and -, and nothing else"
        if self.api_url and (wrong := wrong_url(self.api_url)):
            yield "api_url", wrong

    def remarks(self) -> Iterator[tuple[str, str]]:
        """See Table."""
        if self.api_url:
            yield "api_url", f"sends every request, with the bot's token, to {self.api_url}"


class WebChatSiteSettings(Table, frozen=True, kw_only=True):
    """[[channels.webchat.sites]]: a website that carries the chat, and what it may say of its visitors."""

    name: str
    origins: tuple[str, ...] = ()
    secret: Secret = Secret("")
    customer: str = ""

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """See Table."""
        if not _SITE_NAME.fullmatch(self.name):
            yield "name", f'"{self.name}" may hold lower-case letters, digits and -, at most 40'
        yield from _wrong_origins(self)
        if self.secret and len(self.secret.reveal()) < SHORTEST_SECRET:
            yield "secret", f"must have at least {SHORTEST_SECRET} characters: who guesses it is anybody"


class WebChatSettings(Table, frozen=True, kw_only=True):
    """[channels.webchat]: the chat on web pages."""

    enabled: bool = True
    origins: tuple[str, ...] = ()
    sites: tuple[WebChatSiteSettings, ...] = ()

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """See Table."""
        yield from _wrong_origins(self)
        names = [site.name for site in self.sites]
        for name in sorted({*names} & {"portal", "default"}):
            yield "sites", f'has "{name}", which is a name of our own'
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield "sites", f'has "{name}" twice'


class XmppSettings(Table, frozen=True, kw_only=True):
    """[channels.xmpp]: an account on an XMPP server."""

    enabled: bool = False
    address: str = ""
    password: Secret = Secret("")
    host: str = ""
    port: int = 5222
    tls_authority: str = ""

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """See Table."""
        if self.enabled and not self.address:
            yield "address", "is empty: it is the account, such as desk@chat.example.org"
        if self.address and (wrong := _wrong_address(self.address)):
            yield "address", wrong
        if self.enabled and not self.password:
            yield "password", "is empty"
        yield from wrong_ports(self, "port")
        yield from wrong_files(self, "tls_authority")


class MonitoringSettings(Table, frozen=True, kw_only=True):
    """[channels.monitoring]: devices report by HTTP at /in/alerts/SOURCE, and by syslog and SNMP on ports of their own. Port 0: off."""

    enabled: bool = True
    host: str = "127.0.0.1"
    syslog_udp_port: int = 0
    syslog_tcp_port: int = 0
    syslog_tls_port: int = 0
    tls_certificate: str = ""
    tls_key: str = ""
    tls_authority: str = ""
    snmp_port: int = 0
    keep_lines: Span = 30 * 86_400

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """See Table."""
        for name in ("syslog_udp_port", "syslog_tcp_port", "syslog_tls_port", "snmp_port"):
            if not 0 <= getattr(self, name) <= 65535:
                yield name, f"{getattr(self, name)} is no port: 1 to 65535, or 0 to listen on none"
        if self.syslog_udp_port and self.syslog_udp_port == self.snmp_port:
            yield "snmp_port", "is syslog_udp_port too: each needs a port of its own"
        if self.syslog_tls_port and self.syslog_tls_port == self.syslog_tcp_port:
            yield "syslog_tls_port", "is syslog_tcp_port too: each needs a port of its own"
        if not is_address(self.host):
            yield "host", f'"{self.host}" is no IP address of this machine, and neither 0.0.0.0 nor ::'
        yield from wrong_certificate(self)
        yield from wrong_files(self, "tls_authority")
        if self.syslog_tls_port and not self.tls_certificate:
            yield "tls_certificate", "is empty: syslog_tls_port needs one, and its tls_key"
        yield from below(self, 86_400, "keep_lines")


class ConsoleSettings(Table, frozen=True, kw_only=True):
    """[channels.console]: a line typed at the terminal becomes a request."""

    enabled: bool = False


class ChannelSettings(Table, frozen=True, kw_only=True):
    """[channels]: every channel this hub has."""

    email: EmailSettings = EmailSettings()
    phone: PhoneSettings = PhoneSettings()
    sip: SipSettings = SipSettings()
    sms: TextSettings = TextSettings()
    whatsapp: WhatsAppSettings = WhatsAppSettings()
    telegram: TelegramSettings = TelegramSettings()
    webchat: WebChatSettings = WebChatSettings()
    xmpp: XmppSettings = XmppSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    console: ConsoleSettings = ConsoleSettings()

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """See Table."""
        for name in ("sms", "whatsapp"):
            if getattr(self, name).enabled and not self.phone.account_sid:
                yield (
                    f"{name}.enabled",
                    "is true, and channels.phone.account_sid is empty: it is sent by that account",
                )
        if self.sms.enabled and not (self.sms.number or self.sms.messaging_service or self.phone.number):
            yield "sms.number", "is empty, and so is channels.phone.number: texts need a sender"

    def enabled(self) -> dict[str, Any]:
        """The tables of the channels that are switched on, by name."""
        tables = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: table for name, table in tables.items() if table.enabled}


def _is_one_address(text: str) -> bool:
    try:
        return not ip_address(text).is_unspecified
    except ValueError:
        return False


def _parted(voice: str) -> tuple[str, str, str]:
    language, is_, name = voice.partition("=")
    return language.strip(), is_, name.strip()


def _wrong_numbers(table: Table, *names: str) -> Iterator[tuple[str, str]]:
    for name in names:
        if (number := getattr(table, name)) and not _NUMBER.fullmatch(number):
            yield name, f'"{number}" is no telephone number in full, such as +390612345678'


def _wrong_origins(table: WebChatSettings | WebChatSiteSettings) -> Iterator[tuple[str, str]]:
    for origin in table.origins:
        if not _ORIGIN.fullmatch(origin):
            yield "origins", f'"{origin}" is no origin such as https://www.example.org, without a path'


def _empty(name: str) -> tuple[str, str]:
    return name, "is empty"


def _wrong_log_in(
    oauth: OAuthSettings, user: str, password: Secret, *, tls: str, host: str, prefix: str
) -> Iterator[tuple[str, str]]:
    """What is wrong with a log-in by a token that no table of its own can say."""
    if not oauth.token_url:
        return
    if password:
        yield f"{prefix}password", f"is written beside {prefix}oauth: only one of them can be shown"
    if not (user.isascii() and user.isprintable()):
        yield f"{prefix}user", "may hold letters of ASCII only where a token is shown"
    if tls == "none" and not is_loopback(host):
        yield (
            f"{prefix}tls",
            'is "none": a token is shown over an encrypted connection only (RFC 7628, 4)',
        )


def _wrong_token_url(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        there = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return _NOWHERE.format(url)
    if not there or parts.scheme not in ("http", "https"):
        return _NOWHERE.format(url)
    if parts.username or parts.password is not None:
        return "holds a user or a password: those are client_id and client_secret"
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        return f'"{url}" is not encrypted: the secret would cross the network for everybody to read'
    return None


def _wrong_address(address: str) -> str | None:
    local, at, domain = address.rpartition("@")
    if "+" in local:
        return f'"{address}" holds a "+": what follows it is how the hub knows its reply addresses'
    if at and len(local) > LONGEST_NAME:
        return f'"{address}" is too long: at most {LONGEST_NAME} characters may stand before the @, as reply addresses add 29'
    if not at or not _LOCAL_PART.fullmatch(local) or not _DOMAIN.fullmatch(addresses.domain(domain)):
        return f'"{address}" is no address such as support@desk.example.org'
    return None

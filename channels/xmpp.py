"""How do people chat with us by XMPP? One account of the desk on a server; each process of the hub connects with it.

All of them send; one holds the lease, is the only one that others see, and takes in. What came while nobody was there is in the
server's archive (XEP-0313): at each start the last days are asked for, and the door knows what it has already.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ssl
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4
from xml.etree import ElementTree as ET

import aiohttp
from slixmpp import JID, ClientXMPP, Message
from slixmpp.exceptions import IqError, IqTimeout, XMPPError
from slixmpp.plugins.xep_0198.stanza import Ack, RequestAck
from slixmpp.xmlstream import StanzaBase
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from channels import chatting
from channels.settings import XmppSettings
from channels.surroundings import Surroundings
from core import chat_addresses, texts
from core.channel import DeliveryError, Door, Unavailable
from core.envelope import (
    Address,
    Arrival,
    Attachment,
    BadAddress,
    Chat,
    Inbound,
    Kind,
    Outgoing,
    Report,
    ReportedRecipient,
    Sent,
)
from core.log import get_logger

WHERE = "xmpp"
LONGEST = 15_000  # UTF-16 units of one message: servers refuse stanzas of 64 KiB, some smaller ones
DIGITS = 9  # of a place in a text that somebody names
LOOK_BACK = timedelta(days=7)  # what is asked of the archive at a start
PAGE = 100  # messages of the archive at once
CONNECT_WITHIN = 30.0  # seconds
ANSWER_WITHIN = (
    20.0  # seconds for the server's word on something, and for a connection when something is to be sent
)
STORE_AGAIN = 2.0  # seconds, when nothing can be stored just now
CLOSE_WITHIN = 0.3  # seconds: the hub gives its parts one to end
UPLOAD_WITHIN = 60.0  # seconds for a file
PING_EVERY = 60.0  # seconds: a connection that was cut without a word is noticed

UPLOAD_HEADERS = frozenset({"authorization", "cookie", "expires"})  # XEP-0363, 5
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

GONE = frozenset("gone item-not-found jid-malformed remote-server-not-found".split())
"""Conditions (RFC 6120, 8.3.3) after which nothing automatic goes to an address any more."""

CLIENT, STANZA_ERRORS = "jabber:client", "urn:ietf:params:xml:ns:xmpp-stanzas"
CORRECT, RETRACT, REPLY = "urn:xmpp:message-correct:0", "urn:xmpp:message-retract:1", "urn:xmpp:reply:0"
RECEIPTS, MARKERS, FALLBACK = "urn:xmpp:receipts", "urn:xmpp:chat-markers:0", "urn:xmpp:fallback:0"
SAID, DELAY, OOB, STATES = (
    "urn:xmpp:sid:0",
    "urn:xmpp:delay",
    "jabber:x:oob",
    "http://jabber.org/protocol/chatstates",
)
HINTS, ENCRYPTION, OMEMO = "urn:xmpp:hints", "urn:xmpp:eme:0", "eu.siacs.conversations.axolotl"
ARCHIVE = "urn:xmpp:mam:2"

log = get_logger(WHERE)


# --- What a stanza says -------------------------------------------------------------------------------------------


def read(raw: bytes, arrival: Mapping[str, Any], options: Mapping[str, Any]) -> Inbound:
    """One message stanza. Raises ValueError for what is none, or is from nobody."""
    try:
        stanza = ET.fromstring(raw)  # noqa: S314 - our own serialisation, in a process that may be killed
    except ET.ParseError as error:
        message = f"no stanza: {error}"
        raise ValueError(message) from error
    peer = _bare(stanza.get("from", ""))
    if stanza.get("type") == "error":
        return _came_back(stanza, peer)
    try:
        author = Address(chat_addresses.address(WHERE, peer), peer.partition("@")[0])
    except BadAddress:
        author = None
    ids = stanza.get("id") or str(arrival["external_id"])
    text, changes = _text(stanza), _id(stanza, CORRECT, "replace")
    withdraws = _id(stanza, RETRACT, "retract")
    seen = _id(stanza, MARKERS, "displayed")
    command, argument = chatting.command(text) if not (changes or withdraws or seen) else ("", "")
    answers = _id(stanza, REPLY, "reply")
    encrypted = _has(stanza, ENCRYPTION, "encryption") or _has(stanza, OMEMO, "encrypted")
    acts = bool(command or changes or withdraws or seen)
    return Inbound(
        channel=WHERE,
        kind=Kind.ACT if acts else Kind.HUMAN,
        author=author,
        author_text=peer,
        mailbox=str(options["address"]),
        subject="" if acts else " ".join(text.split())[:80],
        text="" if withdraws or seen else text,
        message_id=named(peer, ids),
        in_reply_to=(named(peer, answers),) if answers else (),
        content_key=hashlib.sha256(f"{WHERE}|{arrival['external_id']}".encode()).hexdigest(),
        chat=Chat(
            command=command,
            argument=argument,
            changes=named(peer, changes),
            withdraws=named(peer, withdraws),
            seen=(seen.partition("-")[0],) if seen else (),  # of a message in parts any is all of it
        ),
        notes=("it is encrypted for the programs of two people, which the desk cannot read",)
        if encrypted
        else (),
    )


def named(peer: str, stanza_id: str) -> str:
    """What a message of a conversation is called everywhere, theirs and ours; empty where there is none.

    >>> named("mario@acme.test", "a1")
    'xmpp:mario@acme.test/a1'
    """
    return f"{WHERE}:{peer}/{stanza_id}" if stanza_id else ""


def _came_back(stanza: ET.Element, peer: str) -> Inbound:
    """A server's word that one of ours did not arrive."""
    condition, text = _error(stanza)
    ref, hard = stanza.get("id", "").partition("-")[0], condition in GONE
    said = ReportedRecipient(
        recipient=chat_addresses.address(WHERE, peer),
        action="failed",
        status=condition,
        hard=hard,
        text=text or f"the server says {condition}",
    )
    return Inbound(
        channel=WHERE,
        kind=Kind.BOUNCE_HARD if hard else Kind.BOUNCE_SOFT,
        kind_evidence=(f"an error: {condition}",),
        may_auto_reply=False,
        author=None,
        text=said.text,
        message_id=named(peer, f"{ref}/failed"),
        bounce_tokens=(ref,),
        report=Report(recipients=(said,)),
        content_key=hashlib.sha256(f"{WHERE}|{peer}|{ref}|failed".encode()).hexdigest(),
    )


def _error(stanza: ET.Element) -> tuple[str, str]:
    """Condition and words of an error."""
    error = stanza.find(f"{{{CLIENT}}}error")
    inside = list(error) if error is not None else []
    names = [one.tag.partition("}")[2] for one in inside if one.tag.startswith(f"{{{STANZA_ERRORS}}}")]
    text = error.findtext(f"{{{STANZA_ERRORS}}}text") if error is not None else None
    return next((name for name in names if name != "text"), "undefined-condition"), (text or "").strip()


def _text(stanza: ET.Element) -> str:
    """What they wrote, without the quotation that is there for programs that know no replies; links of files with it."""
    body = stanza.findtext(f"{{{CLIENT}}}body") or ""
    for fallback in stanza.iterfind(f"{{{FALLBACK}}}fallback"):
        part = fallback.find(f"{{{FALLBACK}}}body")
        if fallback.get("for") == REPLY and part is not None:
            start, end = part.get("start", ""), part.get("end", "")
            sane = start.isdecimal() and end.isdecimal() and max(len(start), len(end)) <= DIGITS
            if sane and int(start) < int(end) <= len(body):
                body = body[: int(start)] + body[int(end) :]
    links = [one.text for one in stanza.iterfind(f"{{{OOB}}}x/{{{OOB}}}url") if one.text]
    return "\n".join([body.strip(), *(link for link in links if link not in body)]).strip()


def _id(stanza: ET.Element, namespace: str, name: str) -> str:
    found = stanza.find(f"{{{namespace}}}{name}")
    return found.get("id", "") if found is not None else ""


def _has(stanza: ET.Element, namespace: str, name: str) -> bool:
    return stanza.find(f"{{{namespace}}}{name}") is not None


def _bare(jid: str) -> str:
    return jid.partition("/")[0].lower()


def _says_something(stanza: ET.Element) -> bool:
    """Is there anything for the core? Who is typing is not, nor what is said in rooms or to all, nor copies."""
    if stanza.get("type") in ("groupchat", "headline") or _has(stanza, ARCHIVE, "result"):
        return False
    told = (
        (CLIENT, "body"),
        (OOB, "x"),
        (OMEMO, "encrypted"),
        (RETRACT, "retract"),
        (MARKERS, "displayed"),
    )
    return stanza.get("type") == "error" or any(_has(stanza, *one) for one in told)


# --- One connection -----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Marker:
    """The server asked how much is stored: answered when all that came before is."""

    handled: int


@dataclass(slots=True)
class _Came:
    """A stanza that is to be stored, and since when the server has it."""

    stanza: ET.Element
    at: datetime
    archived: str = ""


class _Line:
    """A connection from log-in to end. What comes waits in one queue, so that it is stored in order."""

    def __init__(self, settings: XmppSettings) -> None:
        self._settings = settings
        self.client = ClientXMPP(f"{settings.address}/{uuid4().hex[:8]}", settings.password.reveal())
        self.own = self.client.boundjid.bare
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.came: asyncio.Queue[_Came | _Marker] = asyncio.Queue()
        self.refused: dict[str, tuple[str, str]] = {}
        """By id, what the server answered to what is just being sent: type and condition."""
        self._session = asyncio.Event()
        self._uploads: str | None = None
        """Who takes files on this server; empty: nobody."""
        self._why = ""
        self._configure()

    def _configure(self) -> None:
        client, settings = self.client, self._settings
        client.auto_authorize, client.auto_subscribe = True, False  # people may add the desk
        client.ssl_context = ssl.create_default_context(cafile=settings.tls_authority or None)
        client.enable_direct_tls = not settings.host or settings.port in (443, 5223)
        client.enable_starttls = not (settings.host and client.enable_direct_tls)
        for plugin in ("xep_0030", "xep_0199", "xep_0313", "xep_0363"):
            client.register_plugin(plugin)
        client.register_plugin("xep_0198", {"allow_resume": False, "window": 2**31})
        said = {
            "failed_all_auth": f"the server does not take the password of {settings.address}",
            "no_auth": "the server offers no way to log in that keeps the password secret: TLS is needed",
        }
        for event, why in said.items():
            client.add_event_handler(event, lambda _, why=why: self._ends(why))
        client.add_event_handler("connection_failed", self._failed)
        client.add_event_handler("session_start", lambda _: self._session.set())
        client.add_event_handler("ssl_invalid_chain", self._over)
        client.add_event_handler("disconnected", self._over)
        client.register_handler(Callback("all messages", MatchXPath(f"{{{CLIENT}}}message"), self._take))

    def _failed(self, error: object) -> None:
        self._why = str(error)

    def _over(self, why: object) -> None:
        if isinstance(why, ssl.SSLError):
            why = (
                f"the certificate of the server is not to be trusted for {self.client.boundjid.domain}: {why}"
            )
        self._ends(f"the connection ended: {why or 'closed by the other side'}")

    def _ends(self, why: str) -> None:
        if not self.ended.done():
            self.ended.set_result(why)

    async def open(self) -> None:
        """Log in. Raises ConnectionError that says why not."""
        settings = self._settings
        attempt = self.client.connect(settings.host or None, settings.port if settings.host else None)
        # Acknowledged (XEP-0198) is what is stored, and not what was heard:
        self.client.remove_handler("Stream Management Request Ack")
        self.client.register_handler(
            Callback("asked what is stored", MatchXPath(RequestAck.tag_name()), self._asked)
        )
        started = asyncio.ensure_future(self._session.wait())
        try:
            async with asyncio.timeout(CONNECT_WITHIN):
                if await attempt is not None:
                    raise ConnectionError(f"the server cannot be reached: {self._why or 'no answer'}")
                await asyncio.wait((started, self.ended), return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            raise ConnectionError(f"no session within {CONNECT_WITHIN:.0f} s {self._why}".strip()) from None
        finally:
            started.cancel()
        if self.ended.done():
            raise ConnectionError(self.ended.result())

    async def close(self) -> None:
        """Say goodbye and let go."""
        self.client.cancel_connection_attempt()
        with contextlib.suppress(Exception):
            await self.client.disconnect(CLOSE_WITHIN)
        self.client.abort()
        if self.client._run_out_filters is not None:
            self.client._run_out_filters.cancel()

    # --- In

    def _take(self, stanza: StanzaBase) -> None:
        xml = stanza.xml
        if xml.get("type") == "error" and (sent := xml.get("id", "")) in self.refused:
            error = xml.find(f"{{{CLIENT}}}error")
            self.refused[sent] = (error.get("type", "") if error is not None else "", _error(xml)[0])
        elif _says_something(xml) and _bare(xml.get("from", "")) not in (
            "",
            self.own,
            self.client.boundjid.domain,
        ):
            self.came.put_nowait(_Came(xml, self._since(xml)))

    def _since(self, xml: ET.Element) -> datetime:
        """When our own server got it, by its own stamp (XEP-0203) if it kept it for us."""
        ours = {self.own, self.client.boundjid.domain}
        stamps = [d.get("stamp", "") for d in xml.iterfind(f"{{{DELAY}}}delay") if d.get("from") in ours]
        now = datetime.now(UTC)
        for stamp in stamps:
            with contextlib.suppress(ValueError):
                if (at := datetime.fromisoformat(stamp)).tzinfo is not None:
                    return min(at.astimezone(UTC), now)
        return now

    def _asked(self, _: object) -> None:
        self.came.put_nowait(_Marker(self.client.plugin["xep_0198"].handled))

    async def store(self, door: Door) -> None:
        """Hand in what comes, one after another; acknowledge what is stored. Until cancelled."""
        while True:
            one = await self.came.get()
            if isinstance(one, _Marker):
                ack = Ack(self.client)
                ack["h"] = one.handled
                self.client.send_raw(str(ack))
                continue
            while True:
                try:
                    await door.accept(self._arrival(one))
                    break
                except Unavailable as error:
                    log.warning("a message waits to be stored", reason=str(error))
                    await asyncio.sleep(STORE_AGAIN)
            self._received(one)

    def _arrival(self, one: _Came) -> Arrival:
        xml = one.stanza
        peer, own_id = _bare(xml.get("from", "")), xml.get("id", "")
        kept = one.archived or next(
            (s.get("id", "") for s in xml.iterfind(f"{{{SAID}}}stanza-id") if s.get("by") == self.own), ""
        )
        if xml.get("type") == "error":
            own_id = f"{own_id}/failed"
        return Arrival(
            channel=WHERE,
            raw=ET.tostring(xml, encoding="utf-8"),
            received_at=one.at,
            external_id=f"{self.own}/{kept}" if kept else named(peer, own_id or uuid4().hex),
            sender=peer,
            recipients=(self.own,),
            envelope={"resource": xml.get("from", "").partition("/")[2]},
        )

    def _received(self, one: _Came) -> None:
        """Tell them that it arrived, if they asked (XEP-0184): it lies on our disk now."""
        xml = one.stanza
        if _has(xml, RECEIPTS, "request") and xml.get("id") and not one.archived:
            receipt = self.client.make_message(mto=xml.get("from", ""), mtype="chat")
            _put(receipt, RECEIPTS, "received", id=xml.get("id", ""))
            receipt.send()

    async def catch_up(self) -> None:
        """What the archive has of the last days; a server without one has kept what it could and brings it by itself."""
        archive, count = self.client.plugin["xep_0313"], 0
        try:
            async for result in archive.iterate(start=datetime.now(UTC) - LOOK_BACK, rsm={"max": PAGE}):
                kept = result["mam_result"]["forwarded"]
                xml = kept["stanza"].xml
                if _says_something(xml) and _bare(xml.get("from", "")) != self.own:
                    at = min(kept["delay"]["stamp"].astimezone(UTC), datetime.now(UTC))
                    self.came.put_nowait(_Came(xml, at, result["mam_result"]["id"]))
                    count += 1
        except (IqError, IqTimeout) as error:
            log.warning(
                "no archive to catch up with (XEP-0313)", server=self._settings.address, reason=str(error)
            )
        else:
            log.info("the archive was looked through", messages=count)

    # --- Out

    async def upload(self, file: Attachment) -> str:
        """Put a file where the server keeps them for its people (XEP-0363); its URL. Raises DeliveryError: it does not."""
        plugin = self.client.plugin["xep_0363"]
        try:
            if self._uploads is None:
                found = await plugin.find_upload_service(timeout=ANSWER_WITHIN)
                self._uploads = str(found["from"]) if found is not None else ""
            if not self._uploads:
                raise DeliveryError("the server takes no files (XEP-0363)")
            name = file.name.replace("/", "_")
            asked = await plugin.request_slot(
                JID(self._uploads), name, len(file.content), file.type, timeout=ANSWER_WITHIN
            )
            slot = asked["http_upload_slot"]
            given = {one["name"]: one["value"] for one in slot["put"]["headers"]}
            await self._put(str(slot["put"]["url"]), file, given)
            return str(slot["get"]["url"])
        except (XMPPError, aiohttp.ClientError, TimeoutError) as error:
            raise DeliveryError(f"the server did not take {file.name}: {error}") from error

    async def _put(self, url: str, file: Attachment, headers: Mapping[str, str]) -> None:
        where = urlsplit(url)
        if where.scheme != "https" and where.hostname not in LOOPBACK:
            raise DeliveryError("the server would take the file unencrypted")
        allowed = {name: value for name, value in headers.items() if name.lower() in UPLOAD_HEADERS}
        async with (
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(UPLOAD_WITHIN), cookie_jar=aiohttp.DummyCookieJar()
            ) as session,
            session.put(
                url,
                data=file.content,
                headers={**allowed, "Content-Type": file.type},
                ssl=self.client.ssl_context,
                allow_redirects=False,
            ) as answer,
        ):
            if answer.status not in (200, 201):
                raise DeliveryError(f"the server answered {answer.status} to {file.name}")

    async def hand_over(self, *messages: Message) -> None:
        """Send these; return when the server has dealt with them. Raises DeliveryError."""
        ids = [str(message["id"]) for message in messages]
        self.refused.update(dict.fromkeys(ids, ("", "")))
        try:
            for message in messages:
                message.send()
            await self._dealt_with()
            for kind, condition in (self.refused[one] for one in ids):
                if condition:
                    raise DeliveryError(f"the server says {condition}", permanent=kind != "wait")
        finally:
            for one in ids:
                self.refused.pop(one, None)

    async def _dealt_with(self) -> None:
        """A server answers in order (RFC 6120, 10.1): what follows a message is answered when that was dealt with."""
        ping = asyncio.ensure_future(self.ping())
        await asyncio.wait((ping, self.ended), return_when=asyncio.FIRST_COMPLETED)
        if not ping.done():
            ping.cancel()
            raise DeliveryError(self.ended.result())
        try:
            ping.result()
        except ConnectionError as error:
            raise DeliveryError(str(error)) from error

    async def ping(self) -> None:
        """Ask the server for any word (XEP-0199). Raises ConnectionError: there is none."""
        try:
            await self.client.plugin["xep_0199"].send_ping(
                JID(self.client.boundjid.domain), timeout=ANSWER_WITHIN
            )
        except IqError:
            return  # that it knows no pings is a word as well
        except (IqTimeout, XMPPError) as error:
            raise ConnectionError("the server does not answer") from error

    async def watch(self) -> None:
        """Until the connection is gone, with words or without. Raises ConnectionError."""
        while not self.ended.done():
            await asyncio.wait((self.ended,), timeout=PING_EVERY)
            if not self.ended.done():
                await self.ping()
        raise ConnectionError(self.ended.result())


def _put(message: Message, namespace: str, name: str, **attributes: str) -> ET.Element:
    return ET.SubElement(message.xml, f"{{{namespace}}}{name}", attributes)


# --- The channel --------------------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class XmppChannel:
    """See core.channel.Channel, Typing, Retracting and Linking."""

    settings: XmppSettings
    around: Surroundings
    name: str = WHERE
    reader: str = "channels.xmpp:read"
    _line: _Line | None = None
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def reader_options(self) -> Mapping[str, Any]:
        """Which address is ours."""
        return {"address": self.settings.address}

    async def run(self, door: Door) -> None:
        """One connection, until it ends; the hub makes the next, later each time."""
        line = _Line(self.settings)
        try:
            await line.open()
            await self._now(line)
            log.info("connected", address=self.settings.address)
            await _until_one_ends(line.watch(), line.store(door), self._take_in(line, door))
        finally:
            await self._now(None)
            await line.close()

    async def _take_in(self, line: _Line, door: Door) -> None:
        """Be there for others, on one hub only: the others have no presence, and get nothing but what is meant for them."""
        async with door.lease(f"{WHERE}:{self.settings.address}"):
            line.client.send_presence()
            await line.catch_up()
            await asyncio.Event().wait()

    async def _now(self, line: _Line | None) -> None:
        async with self._changed:
            self._line = line
            self._changed.notify_all()

    async def _connected(self) -> _Line:
        try:
            async with asyncio.timeout(ANSWER_WITHIN), self._changed:
                await self._changed.wait_for(lambda: self._line is not None)
        except TimeoutError:
            pass
        if self._line is None:
            raise DeliveryError(f"there is no connection to the server of {self.settings.address}")
        return self._line

    async def send(self, outgoing: Outgoing) -> Sent:
        """One message, in parts where it is long. The ids stay the same, so that programs know a repetition."""
        line, peer = await self._connected(), chat_addresses.name_of(outgoing.to.address)
        links, left_over = await self._uploaded(line, outgoing.attachments)
        text = chatting.numbered(self._text(outgoing, left_over), outgoing.buttons)
        said = [*((part, "") for part in chatting.parts(text, LONGEST)), *((link, link) for link in links)]
        ids = _parts_of(f"{outgoing.ref}*{len(said)}")
        messages = []
        for n, ((one, link), stanza_id) in enumerate(zip(said, ids, strict=True)):
            message = line.client.make_message(mto=_jid(peer), mbody=one, mtype="chat")
            message["id"] = stanza_id
            if link:
                ET.SubElement(_put(message, OOB, "x"), f"{{{OOB}}}url").text = link
            _put(message, MARKERS, "markable")
            _put(message, STATES, "active")
            if n == 0 and (replaced := _within(outgoing.replaces, peer)):
                _put(message, CORRECT, "replace", id=_parts_of(replaced)[0])
            elif n == 0 and (answered := _within(outgoing.in_reply_to, peer)):
                _put(message, REPLY, "reply", id=answered, to=_jid(peer))
            messages.append(message)
        await line.hand_over(*messages)
        # What corrects a message is called what that was called (XEP-0308): it can be corrected again.
        whole = outgoing.replaces or named(peer, f"{outgoing.ref}*{len(ids)}" if ids[1:] else outgoing.ref)
        parts = tuple(named(peer, one) for one in ids) if ids[1:] else ()
        return Sent(remote_id=whole, more_ids=parts, detail="taken by the server")

    async def _uploaded(self, line: _Line, files: Sequence[Attachment]) -> tuple[list[str], list[Attachment]]:
        """Links of the files that the server took, and those that it did not."""
        links, left_over = [], []
        for file in files:
            try:
                links.append(await line.upload(file))
            except DeliveryError as error:
                log.info("a file is named and not sent", reason=str(error))
                left_over.append(file)
        return links, left_over

    def _text(self, outgoing: Outgoing, left_over: Sequence[Attachment]) -> str:
        text = outgoing.text.strip()
        if outgoing.ticket_number and outgoing.ticket_number not in text:
            text = f"[{outgoing.ticket_number}] {text}"
        if not left_over:
            return text
        link = f"{self.around.public_url}/portal/requests/{outgoing.ticket_number}"
        names = ", ".join(file.name for file in left_over)
        return f"{text}\n\n{texts.chat_words('files', outgoing.language, names=names, link=link)}"

    async def typing(self, to: Address) -> None:
        """See core.channel.Typing (XEP-0085)."""
        if self._line is not None:
            message = self._line.client.make_message(
                mto=_jid(chat_addresses.name_of(to.address)), mtype="chat"
            )
            _put(message, STATES, "composing")
            _put(message, HINTS, "no-store")
            message.send()

    async def retract(self, to: Address, remote_id: str) -> None:
        """See core.channel.Retracting (XEP-0424): their program is asked to take it away. An old one shows what we say."""
        line, peer = await self._connected(), chat_addresses.name_of(to.address)
        if not (taken := _within(remote_id, peer)):
            raise DeliveryError("it is no message of this chat", permanent=True)
        words = texts.chat_words("taken_back", self.around.language)
        messages = []
        for one in _parts_of(taken):
            message = line.client.make_message(mto=_jid(peer), mbody=words, mtype="chat")
            message["id"] = uuid4().hex
            _put(message, RETRACT, "retract", id=one)
            _put(message, FALLBACK, "fallback", **{"for": RETRACT})
            _put(message, HINTS, "store")
            messages.append(message)
        await line.hand_over(*messages)

    def link(self, code: str) -> str:
        """See core.channel.Linking: a chat with us in which the code is typed already (XEP-0147)."""
        return f"xmpp:{self.settings.address}?message;body={quote(f'/start {code}', safe='')}"


async def _until_one_ends(*parts: Awaitable[None]) -> None:
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
    raise ConnectionError("another hub takes in now")  # the lease was lost


def _within(remote_id: str, peer: str) -> str:
    """The service's own id of a message of this conversation; empty where it is none."""
    before = named(peer, "/").removesuffix("/")
    return remote_id.removeprefix(before) if remote_id.startswith(before) else ""


def _parts_of(stanza_id: str) -> list[str]:
    """The ids of a message of ours in several parts, `REF*3`; of any other its own.

    >>> _parts_of("abc*3"), _parts_of("abc")
    (['abc', 'abc-2', 'abc-3'], ['abc'])
    """
    ref, times, count = stanza_id.rpartition("*")
    if not times or not count.isdecimal():
        return [stanza_id]
    return [ref, *(f"{ref}-{n}" for n in range(2, int(count) + 1))]


def _jid(peer: str) -> str:
    """As XMPP writes it: domains in their own letters (RFC 7622)."""
    local, at, domain = peer.rpartition("@")
    with contextlib.suppress(UnicodeError):
        domain = domain.encode("ascii").decode("idna")
    return f"{local}{at}{domain}"

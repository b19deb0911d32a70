"""How do text messages come in and go out? SMS and WhatsApp as two ordinary channels on the account of the telephone.

Who asks for no more messages (STOP) is told to the core like anything else that comes in; it decides what that means.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from channels.phone import phrases
from channels.phone.twilio.account import Account
from channels.phone.twilio.rest import NOBODY_THERE, NOT_IN_SERVICE_WINDOW, Refused
from channels.phone.twilio.texts import LONGEST, send_template, send_text, send_whatsapp
from channels.phone.twilio.twiml import text_answer
from channels.phone.twilio.webhooks import Asked, Webhooks
from core.channel import DeliveryError, Door
from core.envelope import (
    Address,
    Arrival,
    Attachment,
    Inbound,
    Kind,
    Outgoing,
    Report,
    ReportedRecipient,
    Sent,
)
from core.log import get_logger

FAILED = frozenset({"failed", "undelivered"})
DEAD = NOBODY_THERE | {30004, 30005, 30006}  # blocked by its owner, unknown, a landline
"""Codes after which nothing automatic goes there any more."""
MOST_FILES = 10
LARGEST_FILE = 16 * 2**20  # bytes
FILES_WITHIN = 10.0  # seconds for all of a message; Twilio waits 15

STOP = frozenset("STOP STOPALL UNSUBSCRIBE CANCEL END QUIT OPTOUT REVOKE".split())
START = frozenset("START UNSTOP".split())
HELP = frozenset("HELP INFO AIUTO".split())

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_SENTENCE = re.compile(r"[.!?…](?=\s|$)")
log = get_logger("texting")


def read(raw: bytes, arrival: Mapping[str, Any], options: Mapping[str, Any]) -> Inbound:
    """A message, or Twilio's word that one of ours did not arrive. Raises ValueError for what is neither."""
    stored = json.loads(raw)
    form, channel = stored["form"], str(arrival["channel"])
    if "status" in stored:
        return _came_back(channel, form, stored)
    number = _bare(str(form.get("From", "")))
    text, sid = str(form.get("Body", "")).strip(), str(form["MessageSid"])
    files = tuple(
        Attachment(name=one["name"], type=one["type"], content=base64.b64decode(one["content"]))
        for one in stored.get("files", ())
    )
    answered = str(form.get("OriginalRepliedMessageSid", ""))
    return Inbound(
        channel=channel,
        kind=_wish(form, text),
        author=Address(number, str(form.get("ProfileName", ""))) if _NUMBER.fullmatch(number) else None,
        author_text=number,
        mailbox=_bare(str(form.get("To", ""))),
        subject=" ".join(text.split())[:80],
        text=text,
        attachments=files,
        message_id=sid,
        in_reply_to=(answered,) if answered else (),
        content_key=hashlib.sha256(f"{channel}|{sid}".encode()).hexdigest(),
        notes=tuple(f"an attachment could not be fetched: {url}" for url in stored.get("missing", ())),
    )


def _wish(form: Mapping[str, str], text: str) -> Kind:
    said = str(form.get("OptOutType", "")).upper() or text.upper().strip(" .!")
    return Kind.OPT_OUT if said in STOP else Kind.OPT_IN if said in START else Kind.HUMAN


def _came_back(channel: str, form: Mapping[str, str], stored: Mapping[str, Any]) -> Inbound:
    code = str(form.get("ErrorCode", ""))
    hard = code.isdecimal() and int(code) in DEAD
    to, state = _bare(str(form.get("To", ""))), str(stored["status"])
    said = ReportedRecipient(
        recipient=to,
        action="failed",
        status=code,
        hard=hard,
        text=str(form.get("ErrorMessage", "")) or f"Twilio says {state}",
    )
    return Inbound(
        channel=channel,
        kind=Kind.BOUNCE_HARD if hard else Kind.BOUNCE_SOFT,
        kind_evidence=(f"status {state}",),
        may_auto_reply=False,
        author=None,
        text=said.text,
        message_id=f"{form['MessageSid']}/{state}",
        bounce_tokens=(str(stored["ref"]),),
        report=Report(recipients=(said,)),
        content_key=hashlib.sha256(f"{channel}|{form['MessageSid']}|failed".encode()).hexdigest(),
    )


def _bare(address: str) -> str:
    return address.removeprefix("whatsapp:").strip()


def fitted(text: str, more: str, *, longest: int = LONGEST, always: bool = False) -> str:
    """The text as one message can hold it; what is longer ends with a sentence and `more`.

    >>> fitted("It works again. Please try it and tell us.", "… Read on at desk.test", longest=40)
    'It works again.\\n… Read on at desk.test'
    """
    text = text.strip()
    if len(text) <= longest and not always:
        return text
    room = longest - len(more) - 1
    if len(text) > room:
        ends = [match.end() for match in _SENTENCE.finditer(text[:room])]
        text = text[: ends[-1]] if ends else text[:room].rpartition(" ")[0] or text[:room]
    return f"{text}\n{more}"


@dataclass(slots=True, kw_only=True)
class TextChannel:
    """See core.channel.Channel. `name`: sms or whatsapp."""

    name: str
    account: Account
    hooks: Webhooks
    sender: str
    """A number, or the messaging service of the account."""
    desk_name: str
    content_sid: str = ""
    """WhatsApp: the template for who wrote too long ago."""
    texts_from: str = ""
    """WhatsApp: who sends a text message instead where there is no template."""
    reader: str = "channels.phone.texting:read"
    reader_options: Mapping[str, Any] = field(default_factory=dict)

    async def run(self, door: Door) -> None:
        """Messages come by webhook while this runs."""
        self.hooks.door = door
        try:
            await asyncio.Event().wait()
        finally:
            self.hooks.close()
            await self.account.rest.close()

    def webhooks(self) -> Sequence[web.RouteDef]:
        """What Twilio asks."""
        return [self.hooks.route(self.name, self.came), self.hooks.route(f"{self.name}/status", self.status)]

    # --- In ---------------------------------------------------------------------------------------------------

    async def came(self, asked: Asked) -> str:
        """A message: stored with its files, then acknowledged."""
        form = dict(asked.form.items())
        files, missing = await self._files(form)
        await self._store(asked, {"form": form, "files": files, "missing": missing}, form["MessageSid"])
        wants_help = str(form.get("Body", "")).strip(" .!?").upper() in HELP
        if wants_help and not form.get("OptOutType"):  # else Twilio has answered already
            return text_answer(phrases.phrase("help", self.hooks.language, desk=self.desk_name))
        return text_answer()

    async def status(self, asked: Asked) -> str:
        """What became of one of ours; only that it did not arrive is news."""
        state, ref = asked.text("MessageStatus"), asked.ours("ref")
        if state in FAILED and ref:
            form = dict(asked.form.items())
            await self._store(
                asked, {"form": form, "status": state, "ref": ref}, f"{form['MessageSid']}/failed"
            )
        return ""

    async def _store(self, asked: Asked, what: Mapping[str, Any], external_id: str) -> None:
        arrival = Arrival(
            channel=self.name,
            raw=json.dumps(what, ensure_ascii=False).encode(),
            received_at=datetime.now(UTC),
            external_id=external_id,
            sender=_bare(asked.text("From")) if "status" not in what else "",
            recipients=(_bare(asked.text("To")),),
        )
        await asked.door.accept(arrival)

    async def _files(self, form: Mapping[str, str]) -> tuple[list[dict[str, str]], list[str]]:
        count = form.get("NumMedia", "0")
        files: list[dict[str, str]] = []
        missing: list[str] = []
        urls = [
            form.get(f"MediaUrl{n}", "")
            for n in range(min(int(count), MOST_FILES) if count.isdecimal() else 0)
        ]
        try:
            async with asyncio.timeout(FILES_WITHIN):
                for n, url in enumerate(urls):
                    try:
                        content = await self.account.rest.fetch(url, largest=LARGEST_FILE)
                    except DeliveryError as error:
                        log.warning("a file of a message could not be fetched", reason=str(error))
                        missing.append(url)
                        continue
                    kind = form.get(f"MediaContentType{n}", "application/octet-stream")
                    ending = kind.rpartition("/")[2].partition(";")[0].replace("jpeg", "jpg")
                    encoded = base64.b64encode(content).decode()
                    files.append({"name": f"file-{n + 1}.{ending}", "type": kind, "content": encoded})
        except TimeoutError:
            missing += urls[len(files) + len(missing) :]
        return files, missing

    # --- Out --------------------------------------------------------------------------------------------------

    async def send(self, outgoing: Outgoing) -> Sent:
        """One message to one number; see texts for what each way can. Raises DeliveryError."""
        number = outgoing.to.address
        if not _NUMBER.fullmatch(number):
            raise DeliveryError("this is no telephone number in full", permanent=True)
        text, ref = self._text(outgoing), outgoing.bounce_token
        if self.name == "sms":
            return await send_text(self.account, number, text, ref=ref, sender=self.sender)
        try:
            return await send_whatsapp(self.account, number, text, ref=ref, sender=self.sender)
        except Refused as error:
            if error.code != NOT_IN_SERVICE_WINDOW:
                raise
            log.info("the service window is closed", ticket=outgoing.ticket_number)
        if self.content_sid:
            variables = {
                "1": outgoing.ticket_number,
                "2": _one_line(outgoing.text),
                "3": self._link(outgoing),
            }
            return await send_template(
                self.account, number, variables, ref=ref, sender=self.sender, content_sid=self.content_sid
            )
        if not self.texts_from:
            raise DeliveryError("they wrote more than 24 hours ago, and there is no template", permanent=True)
        return await send_text(self.account, number, text, ref=ref, sender=self.texts_from)

    def _text(self, outgoing: Outgoing) -> str:
        text = outgoing.text.strip()
        if outgoing.ticket_number and outgoing.ticket_number not in text:
            text = f"[{outgoing.ticket_number}] {text}"
        more = phrases.phrase("more", outgoing.language, link=self._link(outgoing))
        return fitted(text, more, always=bool(outgoing.attachments))

    def _link(self, outgoing: Outgoing) -> str:
        number = outgoing.ticket_number
        return f"{self.account.public_url}/portal/" + (f"requests/{number}" if number else "")


def _one_line(text: str) -> str:
    """WhatsApp's templates take no line breaks, and no more than this."""
    return " ".join(text.split())[:1000]

"""How is a text sent by Twilio's Messages? As SMS, by WhatsApp, or as a template where nothing else is allowed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from channels.phone.twilio.account import Account
from channels.phone.twilio.rest import NOT_IN_SERVICE_WINDOW, Refused
from core.channel import DeliveryError
from core.envelope import Sent
from core.log import get_logger

LONGEST = 1600  # characters that Twilio takes and cuts into parts by itself
LOOKS = (
    1.0,
    2.0,
    3.0,
)  # seconds between looks at a WhatsApp message: whether the window was open comes afterwards
UNDECIDED = frozenset({"accepted", "scheduled", "queued", "sending"})

log = get_logger("texting")


async def send_text(account: Account, number: str, text: str, *, ref: str, sender: str = "") -> Sent:
    """By SMS, from a number or a messaging service; empty: the account's number. Raises DeliveryError."""
    sender = sender or account.number
    made = await _create(
        account,
        to=number,
        body=text[:LONGEST],
        status_callback=account.url("sms/status", ref=ref),
        **({"messaging_service_sid": sender} if sender.startswith("MG") else {"from_": sender}),
    )
    return Sent(remote_id=str(made.sid), detail="as a text message")


async def send_whatsapp(account: Account, number: str, text: str, *, ref: str, sender: str) -> Sent:
    """By WhatsApp in free words. Raises Refused with NOT_IN_SERVICE_WINDOW when they wrote too long ago."""
    made = await _create(
        account,
        to=f"whatsapp:{number}",
        from_=f"whatsapp:{sender}",
        body=text[:LONGEST],
        status_callback=account.url("whatsapp/status", ref=ref),
    )
    sid = str(made.sid)
    for wait in LOOKS:
        if str(made.status) not in UNDECIDED:
            break
        await asyncio.sleep(wait)
        try:
            made = await account.rest.ask(lambda twilio: twilio.messages(sid).fetch_async())
        except DeliveryError as error:  # it is on its way; what becomes of it is told later
            log.info("a message could not be looked at", reason=str(error))
            break
    if str(made.status) in ("failed", "undelivered") and int(made.error_code or 0) == NOT_IN_SERVICE_WINDOW:
        raise Refused("they wrote too long ago for free words", code=NOT_IN_SERVICE_WINDOW, permanent=True)
    return Sent(remote_id=sid, detail="by WhatsApp")


async def send_template(
    account: Account, number: str, variables: Mapping[str, str], *, ref: str, sender: str, content_sid: str
) -> Sent:
    """By WhatsApp as an approved template. Raises DeliveryError."""
    made = await _create(
        account,
        to=f"whatsapp:{number}",
        from_=f"whatsapp:{sender}",
        content_sid=content_sid,
        content_variables=json.dumps(variables, ensure_ascii=False),
        status_callback=account.url("whatsapp/status", ref=ref),
    )
    return Sent(remote_id=str(made.sid), detail="by WhatsApp, as a template")


async def _create(account: Account, **what: Any) -> Any:
    return await account.rest.ask(lambda twilio: twilio.messages.create_async(**what))

"""How are the telephone and its messages made from their settings? One carrier for each way that is set up."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from channels.phone.channel import Carrier, PhoneChannel

if TYPE_CHECKING:
    from channels.phone.texting import TextChannel
    from channels.phone.twilio.account import Account
    from channels.phone.twilio.carrier import TwilioCarrier
    from channels.settings import ChannelSettings, PhoneSettings
    from channels.surroundings import Surroundings


def build(settings: ChannelSettings, around: Surroundings) -> PhoneChannel:
    """The channel of voice with its carriers; without any it keeps what it would have said."""
    carriers: list[Carrier] = []
    if settings.phone.account_sid:
        carriers.append(twilio(settings.phone, around))
    if settings.sip.enabled:
        from channels.phone.sip.build import build as sip  # noqa: PLC0415 - its engine is not everybody's

        carriers.append(sip(settings.sip, around))
    return PhoneChannel(carriers=carriers)


def twilio(settings: PhoneSettings, around: Surroundings) -> TwilioCarrier:
    """The carrier that is Twilio."""
    from channels.phone.twilio.calling_out import Calling  # noqa: PLC0415 - who has no account does not load it
    from channels.phone.twilio.carrier import TwilioCarrier  # noqa: PLC0415
    from channels.phone.twilio.incoming import Incoming  # noqa: PLC0415
    from channels.phone.twilio.notes import Notes  # noqa: PLC0415
    from channels.phone.twilio.operators import Operators  # noqa: PLC0415
    from channels.phone.twilio.recordings import Recordings  # noqa: PLC0415
    from channels.phone.twilio.sounds import Sounds  # noqa: PLC0415
    from channels.phone.twilio.webhooks import Webhooks  # noqa: PLC0415

    account = _account(settings, around, number=settings.number)
    hooks = Webhooks(account=account, language=around.language)
    notes = Notes(around.data_dir / "twilio")
    key = hmac.new(around.keys.token, b"sounds of the telephone", hashlib.sha256).digest()
    sounds = Sounds(key=key, url=account.url)
    operators = Operators(account=account, hooks=hooks, notes=notes)
    recordings = Recordings(account=account, hooks=hooks, notes=notes, language=around.language)
    return TwilioCarrier(
        account=account,
        hooks=hooks,
        notes=notes,
        sounds=sounds,
        operators=operators,
        recordings=recordings,
        incoming=Incoming(
            account=account, hooks=hooks, sounds=sounds, operators=operators, recordings=recordings
        ),
        calling=Calling(
            account=account,
            hooks=hooks,
            operators=operators,
            notes=notes,
            zone=ZoneInfo(around.time_zone),
            on_machine=settings.on_answering_machine,
        ),
    )


def texting(name: str, settings: ChannelSettings, around: Surroundings) -> TextChannel:
    """The channel sms or whatsapp."""
    from channels.phone.texting import TextChannel  # noqa: PLC0415
    from channels.phone.twilio.webhooks import Webhooks  # noqa: PLC0415

    texts_from = settings.sms.messaging_service or settings.sms.number or settings.phone.number
    account = _account(settings.phone, around, number=texts_from)
    return TextChannel(
        name=name,
        account=account,
        hooks=Webhooks(account=account, language=around.language),
        sender=texts_from if name == "sms" else settings.whatsapp.number,
        desk_name=around.desk_name,
        content_sid=settings.whatsapp.content_sid,
        texts_from=texts_from if settings.sms.enabled else "",
    )


def _account(settings: PhoneSettings, around: Surroundings, *, number: str) -> Account:
    from channels.phone.twilio.account import Account  # noqa: PLC0415
    from channels.phone.twilio.rest import Network, Rest  # noqa: PLC0415

    return Account(
        sid=settings.account_sid,
        token=settings.auth_token.reveal(),
        public_url=around.public_url,
        number=number,
        signing_keys={key.id: key.secret.reveal() for key in settings.signing_keys},
        rest=Rest(
            sid=settings.account_sid,
            token=settings.auth_token.reveal(),
            region=settings.region,
            edge=settings.edge,
            network=Network(settings.api_url),
        ),
    )

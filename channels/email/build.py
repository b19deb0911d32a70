"""How is the e-mail channel made from its settings?"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from channels.email.addressing import Addressing
from channels.email.channel import EmailChannel
from channels.email.compose import Identity
from channels.email.gate import Gate
from channels.email.mailbox import Mailbox
from channels.email.relay import Folder, Relay, SmtpRelay
from core import addresses

if TYPE_CHECKING:
    from channels.settings import EmailSettings
    from channels.surroundings import Surroundings


def build(settings: EmailSettings, around: Surroundings) -> EmailChannel:
    """The channel. Raises OSError or ssl.SSLError for a certificate that cannot be used."""
    addressing = Addressing(
        domain=addresses.domain(settings.domain),
        addresses=tuple(addresses.key(address) for address in settings.addresses),
        reply_domain=addresses.domain(settings.answers_domain),
    )
    relay: Relay = Folder(path=around.data_dir / "outgoing")
    if settings.relay_host:
        relay = SmtpRelay(
            host=settings.relay_host,
            port=settings.relay_port,
            name=addresses.domain(settings.domain),
            user=settings.relay_user,
            password=settings.relay_password.reveal(),
            tls=settings.relay_tls,
        )
    tls = None
    if settings.tls_certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(settings.tls_certificate, settings.tls_key)
    return EmailChannel(
        identity=Identity(
            addressing=addressing,
            desk_name=around.desk_name,
            instance=around.keys.instance,
            loop_key=around.keys.loop,
        ),
        gate=Gate(
            addressing=addressing,
            max_size=around.max_mail_size,
            max_recipients=around.max_recipients,
            max_connections=settings.max_connections,
            max_per_peer=settings.max_connections_per_peer,
            trusted_peers=settings.trusted_relays,
            common=around.common,
        ),
        relay=relay,
        smtp=(settings.smtp_host, settings.smtp_port) if settings.smtp_host else None,
        lmtp=(settings.lmtp_host, settings.lmtp_port) if settings.lmtp_port else None,
        mailboxes=[
            Mailbox(
                host=box.host,
                port=box.port,
                user=box.user,
                password=box.password.reveal(),
                folder=box.folder,
                tls=box.tls,
                max_size=around.max_mail_size,
            )
            for box in settings.mailboxes
        ],
        authserv_ids=settings.authserv_ids,
        tls=tls,
    )

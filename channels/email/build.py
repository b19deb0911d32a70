"""How is the e-mail channel made from its settings?"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from channels.email.addressing import Addressing
from channels.email.channel import EmailChannel
from channels.email.compose import Identity
from channels.email.gate import Gate
from channels.email.mailbox import Mailbox
from channels.email.relay import Folder, Relay, SmtpRelay
from channels.email.sasl import Tokens
from channels.email.signing import Signer, SigningKey
from core import addresses
from core.networks import is_address

if TYPE_CHECKING:
    from channels.email.oauth import ProviderTokens
    from channels.settings import EmailSettings, OAuthSettings
    from channels.surroundings import Surroundings


def addressing_of(settings: EmailSettings) -> Addressing:
    """Which addresses are the desk's."""
    return Addressing(
        domain=addresses.domain(settings.domain),
        addresses=tuple(addresses.key(address) for address in settings.addresses),
        reply_domain=addresses.domain(settings.answers_domain),
    )


def build(settings: EmailSettings, around: Surroundings) -> EmailChannel:
    """The channel. Raises OSError or ssl.SSLError for a certificate that cannot be used."""
    addressing = addressing_of(settings)
    shared: Shared = {}
    relay: Relay = Folder(path=around.data_dir / "outgoing")
    if settings.relay_host:
        relay = SmtpRelay(
            host=settings.relay_host,
            port=settings.relay_port,
            name=addresses.domain(settings.domain),
            user=settings.relay_user,
            password=settings.relay_password.reveal(),
            tokens=tokens_of(
                settings.relay_oauth, "channels.email.relay_oauth", user=settings.relay_user, shared=shared
            ),
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
        host=_host(around.public_url, otherwise=addresses.domain(settings.domain)),
        signer=_signer(settings, around.data_dir / "keys"),
        smtp=(settings.smtp_host, settings.smtp_port) if settings.smtp_host else None,
        lmtp=(settings.lmtp_host, settings.lmtp_port) if settings.lmtp_port else None,
        mailboxes=[
            Mailbox(
                host=box.host,
                port=box.port,
                user=box.user,
                password=box.password.reveal(),
                tokens=tokens_of(box.oauth, f"oauth of the mailbox {box.user}", user=box.user, shared=shared),
                folder=box.folder,
                tls=box.tls,
                max_size=around.max_mail_size,
            )
            for box in settings.mailboxes
        ],
        authserv_ids=settings.authserv_ids,
        received_above_results=settings.received_above_results,
        arc_sealers=settings.arc_sealers,
        checks=settings.check_senders,
        dns_servers=settings.dns_servers,
        tls=tls,
    )


Shared = dict[tuple["OAuthSettings", str], "ProviderTokens"]
"""Tokens by what they are got with, and whose mailbox they are for where they are for one only."""
_TOO = ", and wherever else the same is written"


def tokens_of(
    settings: OAuthSettings, place: str, *, user: str = "", shared: Shared | None = None
) -> Tokens | None:
    """Where an account's tokens come from; None: it has a password. `place`: the table of the settings, for who must correct it.

    `shared`: who writes the same as another is given the same: the provider is asked once for both.
    """
    if not settings.token_url:
        return None
    from channels import service_account  # noqa: PLC0415 - loads what few desks need
    from channels.email.oauth import ProviderTokens  # noqa: PLC0415 - the same

    text = settings.service_account.reveal()
    known = shared if shared is not None else {}
    of = (settings, user if text else "")
    if of in known:
        known[of].place = f"{known[of].place.removesuffix(_TOO)}{_TOO}"
        return known[of]
    known[of] = ProviderTokens(
        url=settings.token_url,
        client_id=settings.client_id,
        client_secret=settings.client_secret.reveal(),
        refresh_token=settings.refresh_token.reveal(),
        by_header=settings.client_auth == "header",
        account=service_account.read(text) if text else None,
        user=user,
        scope=settings.scope,
        reaches=settings.reaches,
        place=place,
    )
    return known[of]


def _signer(settings: EmailSettings, folder: Path) -> Signer:
    given = Path(settings.dkim_key) if settings.dkim_key else folder / "dkim-rsa.pem"
    wanted = (
        (settings.dkim_selector, "rsa", given),
        (settings.dkim_second_selector, "ed25519", folder / "dkim-ed25519.pem"),
    )
    return Signer(
        keys=tuple(
            SigningKey(selector=selector, algorithm=algorithm, path=path)
            for selector, algorithm, path in wanted
            if selector
        )
    )


def _host(url: str, *, otherwise: str) -> str:
    """The name in our address; where that is none, as on one's own machine, the domain's."""
    host = urlsplit(url).hostname or ""
    return addresses.domain(host) if "." in host and not is_address(host) else otherwise

"""How is the channel of devices made from its settings?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from channels.monitoring.channel import MonitoringChannel
from channels.monitoring.listening import Ports
from channels.monitoring.listening_tcp import TcpListener, context
from channels.monitoring.listening_udp import UdpListener

if TYPE_CHECKING:
    from channels.settings import MonitoringSettings
    from channels.surroundings import Surroundings


def build(settings: MonitoringSettings, around: Surroundings) -> MonitoringChannel:
    """The channel. Raises OSError or ssl.SSLError for a certificate that cannot be used."""
    host = settings.host
    listeners: list[UdpListener | TcpListener] = [
        UdpListener(way, host, port)
        for way, port in (("syslog-udp", settings.syslog_udp_port), ("snmp", settings.snmp_port))
        if port
    ]
    if settings.syslog_tcp_port:
        listeners.append(TcpListener("syslog-tcp", host, settings.syslog_tcp_port))
    if settings.syslog_tls_port:
        tls = context(
            settings.tls_certificate, settings.tls_key, settings.tls_authority, own=around.keys.token
        )
        listeners.append(TcpListener("syslog-tls", host, settings.syslog_tls_port, tls=tls))
    return MonitoringChannel(
        ports=Ports(listeners, around.common, engine=around.keys.snmp_engine, own=around.keys.token)
        if listeners
        else None
    )

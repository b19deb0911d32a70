"""Why does a mail server not serve us, and what is to be done? What Python and the server say, as a sentence that names the setting.

The sentences stand in our catalogues too (`health`), so that pages say them in the reader's language.
"""

from __future__ import annotations

import imaplib
import re
import smtplib
import socket
import ssl
from dataclasses import dataclass

from imapclient.exceptions import CapabilityError, LoginError

from channels.email.imap import NoFolder, NoServer

SAID = 200  # characters of what a server says
FOLDERS = 20  # that are named
_NO_SUCH_NAME = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
_OTHER_NAME = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_NOISE = re.compile(r"\A(?:select|examine|login|starttls) failed: | \([0-9.+ ]{1,60}secs?\)\.?\Z")
"""What imapclient writes before, and Dovecot behind: how long it took."""
_RUN_OUT = 10  # X509_V_ERR_CERT_HAS_EXPIRED


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A mail server as it stands in the settings."""

    host: str
    port: int
    tls: str
    user: str = ""
    folder: str = ""
    keys: str = ""
    """What its keys begin with: `relay_`, or nothing, as in the table of a mailbox."""

    def told(self, error: BaseException) -> str:
        """What is wrong and what to do, in one line. `error`: any of imapclient, smtplib, ssl or socket."""
        of = self.keys
        if isinstance(error, smtplib.SMTPServerDisconnected) and isinstance(error.__context__, OSError):
            error = error.__context__  # what smtplib makes of any failure to read
        if isinstance(error, ssl.SSLError):
            return self._encryption(error)
        if isinstance(error, socket.gaierror):
            if error.errno in _NO_SUCH_NAME:
                return f"there is no server {self.host}: see to {of}host"
            return f"the name servers do not say where {self.host} is"
        if isinstance(error, ConnectionRefusedError):
            return f"nobody listens at {self.host}:{self.port}: see to {of}host and {of}port"
        if isinstance(error, TimeoutError):
            return self._silent()
        if isinstance(error, NoFolder):
            there = ", ".join(error.there[:FOLDERS]) or "none that we see"
            return f"{self.host} does not open the folder {self.folder} ({_said(error)}): see to {of}folder; there are {there}"
        if isinstance(error, LoginError | smtplib.SMTPAuthenticationError):
            return self._log_in(error)
        if isinstance(error, CapabilityError | smtplib.SMTPNotSupportedError):
            return self._not_offered(_said(error))
        if _is_no_greeting(error):
            return f"what answers at {self.host}:{self.port} is no mail server of this kind ({_said(error)}): see to {of}host and {of}port"
        return self._unusable(_said(error))

    def _unusable(self, said: str) -> str:
        return f"{self.host}:{self.port} could not be used: {said}"

    def _silent(self) -> str:
        of = self.keys
        if self.tls == "tls":
            return f"{self.host}:{self.port} does not answer: see to {of}host and {of}port, and whether a firewall is between"
        return (
            f"{self.host}:{self.port} does not answer, or only in TLS from the first byte: see to {of}host and {of}port, "
            f'whether a firewall is between, and whether {of}tls must be "tls"'
        )

    def _encryption(self, error: ssl.SSLError) -> str:
        of = self.keys
        if isinstance(error, ssl.SSLCertVerificationError):
            if error.verify_code in _OTHER_NAME:
                return f"the certificate at {self.host}:{self.port} is for another name: write a name that it is for into {of}host"
            if error.verify_code == _RUN_OUT:
                return f"the certificate at {self.host}:{self.port} has run out: whoever runs that server renews it"
            return (
                f"nobody whom this machine knows vouches for the certificate at {self.host}:{self.port} ({error.verify_message}): "
                "add its authority to the system's, or name the file of that authority in the environment as SSL_CERT_FILE"
            )
        if self.tls == "tls":
            return (
                f"{self.host}:{self.port} does not speak TLS from the first byte: see to {of}port, "
                f'or {of}tls must be "starttls"'
            )
        return self._unusable(_said(error))

    def _log_in(self, error: LoginError | smtplib.SMTPAuthenticationError) -> str:
        of, said = self.keys, _said(error)
        if isinstance(error.__context__, imaplib.IMAP4.abort) or _passes(error, said):
            return self._unusable(said)  # the connection ended, or nobody can judge just now
        if self.tls == "none" and ("PRIVACYREQUIRED" in said or "plaintext" in said.lower()):
            return (
                f'{self.host}:{self.port} takes no password in the clear: {of}tls must be "starttls" or "tls"'
            )
        return (
            f"{self.host} does not let us in as {self.user} ({said}): see to {of}user and {of}password; some providers take a "
            f"password for apps only, or a token ({'relay_oauth' if of else 'oauth'})"
        )

    def _not_offered(self, said: str) -> str:
        of = self.keys
        if "STARTTLS" in said:
            return (
                f"{self.host}:{self.port} offers no STARTTLS, and nothing is said in the clear: see to {of}port, "
                f'or {of}tls must be "tls"'
            )
        if "AUTH" in said:
            return (
                f"{self.host}:{self.port} offers no log-in: see to {of}port and {of}tls, "
                f"or leave {of}user and {of}password out"
            )
        return self._unusable(said)


def _passes(error: LoginError | smtplib.SMTPAuthenticationError, said: str) -> bool:
    """RFC 4954 4 and RFC 5530 3: it is not the log-in that is wrong."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return error.smtp_code < 500  # noqa: PLR2004 - 4yz
    return "[UNAVAILABLE]" in said or "[INUSE]" in said


def _is_no_greeting(error: BaseException) -> bool:
    """Did something greet us that no mail server says?"""
    if isinstance(error, smtplib.SMTPConnectError):
        return error.smtp_code < 200  # noqa: PLR2004 - no reply of RFC 5321 4.2 is
    return isinstance(error, NoServer)


def _said(error: BaseException) -> str:
    """What the server said, or what Python says, on one line."""
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        words = f"{error.smtp_code} {words}"
    else:
        words = str(error) or type(error).__name__
    if words.startswith(("b'", 'b"')) and words.endswith(words[1]):  # imaplib's way to show what was said
        words = words[2:-1]
    words = _NOISE.sub("", words)
    return " ".join("".join(c if c.isprintable() else " " for c in words).split())[:SAID].rstrip(".")

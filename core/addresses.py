"""When are two mail addresses one? The normal form in which every address and domain is stored and compared.

A domain is kept as its A-label (RFC 5890), in lower case, without a final dot: `info@müller.test`,
`info@xn--mller-kva.test` and `info@XN--MLLER-KVA.TEST.` are one address, and every relay can send to it.
"""

from __future__ import annotations

from functools import lru_cache

import idna

LONGEST = 254  # characters: RFC 5321 4.5.3.1.3 less its angle brackets


def domain(text: str) -> str:
    """The normal form. What is no domain stays as it is, in lower case: it is shown, and equals only itself.

    >>> domain("ACME.TEST."), domain("Müller.test"), domain("xn--mller-kva.test")
    ('acme.test', 'xn--mller-kva.test', 'xn--mller-kva.test')
    """
    if text.isascii():
        return text.lower().rstrip(".")
    return _a_label(text.rstrip(".。．｡"))


def normal(address: str) -> str:
    """The address with its domain in normal form; the local part is as it was (RFC 5321, 2.4).

    >>> normal("Info@MÜLLER.test")
    'Info@xn--mller-kva.test'
    """
    local, at, host = address.rpartition("@")
    return f"{local}@{domain(host)}" if at else address


def key(address: str) -> str:
    """What addresses are stored and compared by: two that differ in capitals only are one to every mail server.

    >>> key(" Info@ACME.TEST. ") == key("info@acme.test")
    True
    """
    return normal(address.strip()).lower()


def plausible(address: str) -> bool:
    """Can it be somebody's mail address, as people write one? What is nobody's may look right all the same.

    >>> plausible("anna@acme.test"), plausible("anna@acme"), plausible("anna@acme,test"), plausible("anna acme.test")
    (True, False, False, False)
    """
    local, _, host = address.rpartition("@")
    return (
        bool(local)
        and "." in host
        and len(address) <= LONGEST
        and address.isprintable()
        and not any(c in address for c in " <>,;")
    )


def shown(address: str) -> str:
    """As people write it: the domain's A-labels as letters, where they are letters that a domain may have.

    >>> shown("info@xn--mller-kva.test"), shown("info@acme.test")
    ('info@müller.test', 'info@acme.test')
    """
    local, at, host = address.rpartition("@")
    return f"{local}{at}{_u_label(host)}" if "xn--" in host else address


@lru_cache(maxsize=1024)
def _a_label(text: str) -> str:
    try:
        return idna.encode(text, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        return text.lower()


@lru_cache(maxsize=1024)
def _u_label(text: str) -> str:
    try:
        return idna.decode(text)
    except (idna.IDNAError, UnicodeError):
        return text

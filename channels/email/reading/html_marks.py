"""What does a mail program say with an element of its HTML: a quote, a signature, the beginning of the history?"""

from __future__ import annotations

import re
from collections.abc import Mapping

QUOTE, SIGNATURE, HISTORY = "quote", "signature", "history"

_HISTORY_IDS = frozenset(
    (
        "divrplyfwdmsg",
        "appendonsend",
        "stopspelling",
        "mail-editor-reference-message-container",
        "replysplit",
        "olk_src_body_section",
        "ms-outlook-mobile-reference-message",
        "reply-intro",
        "messagereplysection",
        "zwchr",
        "canaryblockquote",
        "blockquote_zmail",
    )
)
_HISTORY_CLASSES = frozenset(
    (
        "outlookmessageheader",
        "yahoo_quoted",
        "yqt",
        "ymail_quoted",
        "zmail_extra",
        "protonmail_quote",
        "ms-outlook-mobile-reference-message",
        "sh-quoted-content",
        "replyheader",
        "yahoo-quoted-begin",
        "freshdesk_quote",
        "outreach-quote",
        "notion-mail-quote",
        "alimail-quote",
    )
)
_QUOTE_CLASSES = frozenset(
    "gmail_quote cite quote mail_quote tmail_quote freemail_quote protonmail_quote tutanota_quote ik_mail_quote "
    "front-blockquote bloop_quote zmail_extra missive_quote quotedreply".split()
)
_QUOTE_NAMES = frozenset(("isreplycontent",))
"""Ids and names. These elements, and those of Yahoo's page, end where the quote does: people write below and between."""
_SIGNATURE_CLASSES = frozenset(
    (
        "gmail_signature",
        "gmail_signature_prefix",
        "composer_signature",
        "mail_signature",
        "sh-signature",
        "moz-signature",
        "protonmail_signature_block",
        "ms-outlook-mobile-signature",
        "yahoo-signature",
        "ymail_signature",
        "ymail_android_signature",
        "applemailsignature",
        "messagesignaturesection",
    )
)
_YAHOO = re.compile(r"^ydp[0-9a-f]{1,12}(?=y(?:ahoo|mail)[_-])")
_BORDERED = re.compile(
    r"border-left(?:-width|-style)?:\s*(?!none|0(?:px)?[\s;])|border:\s*none;\s*border-left", re.IGNORECASE
)
_OUTLOOK_RULE = re.compile(
    r"border:none;border-top:solid#(?:b5c4df|e1e1e1|[0-9a-f]{6})1\.0pt;padding:3\.0pt", re.IGNORECASE
)


def said(name: str, attributes: Mapping[str, str], style: str) -> str:
    """`QUOTE`, `SIGNATURE`, `HISTORY` or nothing. `style` is the attribute in lower case without spaces.

    >>> said("blockquote", {"type": "cite"}, ""), said("div", {"class": "gmail_signature"}, ""), said("p", {}, "")
    ('quote', 'signature', '')
    """
    classes = set(attributes.get("class", "").lower().split())
    identity = attributes.get("id", "").lower()
    of_yahoo = identity.startswith("ydp") or any(one.startswith("ydp") for one in classes)
    if of_yahoo:
        # Yahoo puts this and a few signs before its own names: ydp9b1f0a55yahoo_quoted.
        classes = {_YAHOO.sub("", one) for one in classes}
        identity = _YAHOO.sub("", identity)
    called = attributes.get("name", "").lower()
    if (
        identity in _QUOTE_NAMES
        or called in _QUOTE_NAMES
        or "quotedreply" in classes
        or (of_yahoo and (identity.startswith("yahoo_quoted") or "yahoo_quoted" in classes))
    ):
        return QUOTE
    if name == "blockquote" and (
        attributes.get("type", "").lower() == "cite" or classes & _QUOTE_CLASSES or _BORDERED.search(style)
    ):
        return QUOTE
    if name == "div" and (called == "quote" or "ik_mail_quote" in classes):
        return QUOTE
    if (
        classes & _SIGNATURE_CLASSES
        or identity in _SIGNATURE_CLASSES
        or called in _SIGNATURE_CLASSES
        or identity == "signature"
    ):
        return SIGNATURE
    if (
        identity.removeprefix("x_") in _HISTORY_IDS
        or called in _HISTORY_IDS
        or identity.startswith("yahoo_quoted")
        or classes & _HISTORY_CLASSES
        or (name == "div" and "border-top:solid" in style and _OUTLOOK_RULE.search(style))
    ):
        return HISTORY
    return ""


def begins_history(attributes: Mapping[str, str]) -> bool:
    """Is this the rule that a program draws above the history?"""
    return attributes.get("id", "").lower() in _HISTORY_IDS

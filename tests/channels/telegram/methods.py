"""Which methods of the Bot API does the desk use, and with which parameters? As the public description has them (7.x to 9.x).

The real one passes over parameters that it does not know. This one refuses them: a mistake in writing is found here or nowhere.
"""

from __future__ import annotations

import json
from typing import Any

_SEND = frozenset(
    {
        "business_connection_id",
        "message_thread_id",
        "disable_notification",
        "protect_content",
        "allow_paid_broadcast",
        "message_effect_id",
        "reply_parameters",
        "reply_markup",
        "parse_mode",
    }
)

METHODS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "getMe": (frozenset(), frozenset()),
    "getUpdates": (frozenset(), frozenset({"offset", "limit", "timeout", "allowed_updates"})),
    "setWebhook": (
        frozenset({"url"}),
        frozenset(
            {
                "certificate",
                "ip_address",
                "max_connections",
                "allowed_updates",
                "drop_pending_updates",
                "secret_token",
            }
        ),
    ),
    "deleteWebhook": (frozenset(), frozenset({"drop_pending_updates"})),
    "getWebhookInfo": (frozenset(), frozenset()),
    "sendMessage": (frozenset({"chat_id", "text"}), _SEND | {"entities", "link_preview_options"}),
    "sendDocument": (
        frozenset({"chat_id", "document"}),
        _SEND | {"thumbnail", "caption", "caption_entities", "disable_content_type_detection"},
    ),
    "editMessageText": (
        frozenset({"text"}),
        frozenset(
            {
                "business_connection_id",
                "chat_id",
                "message_id",
                "inline_message_id",
                "parse_mode",
                "entities",
                "link_preview_options",
                "reply_markup",
            }
        ),
    ),
    "deleteMessage": (frozenset({"chat_id", "message_id"}), frozenset()),
    "sendChatAction": (
        frozenset({"chat_id", "action"}),
        frozenset({"business_connection_id", "message_thread_id"}),
    ),
    "answerCallbackQuery": (
        frozenset({"callback_query_id"}),
        frozenset({"text", "show_alert", "url", "cache_time"}),
    ),
    "getFile": (frozenset({"file_id"}), frozenset()),
    "setMyCommands": (frozenset({"commands"}), frozenset({"scope", "language_code"})),
}
"""Method to what it must be given and what it may be given."""

_JSON = frozenset(
    {"reply_markup", "reply_parameters", "link_preview_options", "allowed_updates", "commands", "entities"}
)
_NUMBERS = frozenset({"message_id", "offset", "limit", "timeout", "max_connections"})
_FLAGS = frozenset({"drop_pending_updates", "disable_content_type_detection", "show_alert"})


class Wrong(Exception):
    """The request is not as the description wants it: 400, with these words."""


def parsed(method: str, given: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a request with their types. Raises KeyError for a method that is not there, and Wrong."""
    needed, allowed = METHODS[method]
    if unknown := sorted(set(given) - needed - allowed):
        raise Wrong(f"{method} has no parameter {', '.join(unknown)}")
    for name in sorted(needed):
        if given.get(name) in (None, ""):
            raise Wrong("message text is empty" if name == "text" else f"parameter {name} is empty")
    return {name: _typed(name, value) for name, value in given.items()}


def _typed(name: str, value: Any) -> Any:
    try:
        if name in _JSON and isinstance(value, str):
            return json.loads(value)
        if name in _NUMBERS or (name == "chat_id" and not str(value).startswith("@")):
            return int(value)
        if name in _FLAGS:
            return str(value).lower() == "true"
    except ValueError:
        raise Wrong(f"can't parse {name}") from None
    return value

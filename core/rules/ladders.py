"""How is somebody of the staff called, and who is called when they do not answer? Acknowledge, or the next rung."""

from __future__ import annotations

CHAT, SMS, CALL, MAIL = "chat", "sms", "call", "mail"
WAYS = (CHAT, SMS, CALL, MAIL)
"""How staff are called, in this order unless they chose another."""

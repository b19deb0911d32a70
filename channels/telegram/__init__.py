"""How does Telegram reach the desk? By a bot of its own: polling or a webhook in, the Bot API out."""

from __future__ import annotations

import os

os.environ.setdefault("PTB_TIMEDELTA", "true")  # else the library warns of each length of time that it reads

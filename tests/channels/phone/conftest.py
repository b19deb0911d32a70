"""What do the tests of the telephone share? A hub with a carrier that runs, and Twilio at the other end."""

from __future__ import annotations

import pytest

from tests.channels.phone.twilio_side import running


@pytest.fixture
async def hub(tmp_path):
    async with running(tmp_path) as hub:
        yield hub

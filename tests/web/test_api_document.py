"""Is the document true? schemathesis calls a running API as an agent and as a contact, and compares."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from core.store.opening import open_database
from tests.web.api_desk import furnish, serving

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)
CONFIG = """
[parameters]
"path.number" = "26-000001"
"path.id" = "{held}"
"""
NOT_BLANK = json.dumps(r"\S")
THE_SAME = json.dumps(r"^\S|\s\S")
"""Means what NOT_BLANK does. Of that one schemathesis makes `\\S{1,100000}` and compiles it again and again, a second each."""


@pytest.fixture
def sqlite_db(sqlite_url, facts):
    database = open_database(sqlite_url, facts)
    yield database
    database.close()


@pytest.mark.parametrize(
    ("who", "phases"), [("Lea", "coverage,fuzzing"), ("Alice", "fuzzing")], ids=["agent", "contact"]
)
async def test_no_answer_differs_from_the_document(sqlite_db, tmp_path, who, phases):
    desk = await sqlite_db.write(furnish)
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG.format(**desk.ids))
    document = tmp_path / "openapi.json"
    async with serving(sqlite_db, per_person=100_000) as client:
        written = await (await client.get("/api/v1/openapi.json")).text()
        assert NOT_BLANK in written
        document.write_text(written.replace(NOT_BLANK, THE_SAME))
        process = await asyncio.create_subprocess_exec(
            Path(sys.executable).parent / "schemathesis",
            "--config-file",
            config,
            "run",
            document,
            "--url",
            str(client.make_url("/api/v1")),
            "--header",
            f"Authorization: Bearer {desk.tokens[who]}",
            "--checks",
            ",".join(CHECKS),
            "--phases",
            phases,
            "--max-examples",
            "3",
            "--seed",
            "7",
            "--continue-on-failure",
            "--no-color",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=tmp_path,
        )
        told, _ = await asyncio.wait_for(process.communicate(), timeout=600)
    assert process.returncode == 0, told.decode()[-20_000:]

"""A secret that a source refers to is missed before anybody sends with it, and never said."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from core import kept_secrets
from core.channel import NotAdmitted
from core.desk.alert_sources import AlertSource, Signature, admitted, key_at
from core.desk.hub_troubles import Trouble
from core.desk.source_secrets import Lacking, Wanted, by_source, lacking, troubles
from core.envelope import Claims
from core.kept_secrets import LONGEST, kept_secret

AT = datetime(2026, 11, 30, tzinfo=UTC)


def a_secret(where: str, **more) -> Wanted:
    return Wanted(source="switches", what="users.a b.auth_secret", where=where, **more)


def test_what_is_not_there_is_told_with_its_reason(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAP_SHORT", "short")
    monkeypatch.setenv("TRAP_EMPTY", "")
    monkeypatch.setenv("TRAP_GOOD", "long enough")
    wanted = {
        "env:NOBODY_SET_IT": "unset",
        f"file:{tmp_path}/none": "unreadable",
        f"file:{tmp_path}": "unreadable",
        "env:TRAP_SHORT": "short",
        "env:TRAP_EMPTY": "empty",
    }
    found = lacking([*(a_secret(one, least=8) for one in wanted), a_secret("env:TRAP_GOOD", least=8)])
    assert {one.where: one.reason for one in found} == wanted
    assert "short" not in repr([one.where for one in found])


def test_what_was_reported_is_read_again_by_source():
    found = Lacking(source='odd: ["name"]', what="api.token", where="file:/with a space", reason="unreadable")
    ((name, (kind, why)),) = troubles([found]).items()
    said = Trouble(kind=kind, name=name, why=why, since=AT, at=AT)
    other = Trouble(kind="disk", name="disk", why="full", since=AT, at=AT)
    assert by_source([other, said]) == {found.source: (found,)}


def test_what_the_desk_refers_to_is_a_plain_file_that_ends(tmp_path):
    pipe, long = tmp_path / "pipe", tmp_path / "long"
    os.mkfifo(pipe)
    long.write_bytes(b"x" * (LONGEST + 1))
    for path in (pipe, long, "/dev/zero"):
        with pytest.raises(ValueError, match="no file of at most"):
            kept_secret(f"file:{path}")
    long.write_text("a secret\n")
    assert kept_secret(f"file:{long}") == "a secret"


@pytest.fixture
def hangs(monkeypatch):
    """Files below /net give no answer while the test goes on, and any other is waited for as long as it takes; the list has what was read."""
    goes_on, asked, reads = threading.Event(), list[str](), kept_secrets.of_file

    def of_file(text: str, longest: int) -> str:
        if text.startswith("file:/net/"):
            goes_on.wait(60)
        return reads(text, longest)

    class Reading(kept_secrets._Reading):
        def start(self) -> None:
            asked.append(self.text)
            super().start()

        def join(self, timeout: float | None = None) -> None:
            super().join(timeout if self.text.startswith("file:/net/") else 60)

    monkeypatch.setattr(kept_secrets, "of_file", of_file)
    monkeypatch.setattr(kept_secrets, "_Reading", Reading)
    monkeypatch.setattr(kept_secrets, "WITHIN", 0.05)
    yield asked
    goes_on.set()
    for reading in list(kept_secrets._readings.values()):
        reading.join()


def test_a_folder_that_hangs_is_told_and_hides_nothing_else(tmp_path, hangs):
    (tmp_path / "there").write_text("long enough")
    wanted = [
        a_secret("file:/net/hangs"),
        a_secret(f"file:{tmp_path}/none"),
        a_secret(f"file:{tmp_path}/there"),
        a_secret("env:NOBODY_SET_IT"),
    ]
    for _ in range(2):
        assert {one.where: one.reason for one in lacking(wanted)} == {
            "file:/net/hangs": "slow",
            f"file:{tmp_path}/none": "unreadable",
            "env:NOBODY_SET_IT": "unset",
        }
    assert hangs.count("file:/net/hangs") == 1, "nobody goes there again while one waits there"


def test_however_many_files_of_a_folder_that_hangs_are_asked_for_those_of_others_are_read(
    tmp_path, hangs, monkeypatch
):
    monkeypatch.setattr(kept_secrets, "MOST", 3)
    (tmp_path / "there").write_text("long enough")
    of_the_folder = [f"file:/net/{number}" for number in range(20)]
    found = lacking(map(a_secret, [*of_the_folder, f"file:{tmp_path}/there"]))
    assert [(one.where, one.reason) for one in found] == [(one, "slow") for one in of_the_folder]
    assert hangs == ["file:/net/0", f"file:{tmp_path}/there"]


def test_of_many_folders_that_hang_no_more_threads_wait_than_they_may(hangs, monkeypatch):
    monkeypatch.setattr(kept_secrets, "MOST", 3)
    found = lacking([a_secret(f"file:/net/{number}/key") for number in range(9)])
    assert [one.reason for one in found] == ["slow"] * 9
    assert len(hangs) == 3


def test_whoever_asks_for_files_of_a_folder_at_once_gets_them_one_after_the_other(
    tmp_path, hangs, monkeypatch
):
    inside, reads = Counter[str](), kept_secrets.of_file

    def of_file(text: str, longest: int) -> str:
        inside["now"] += 1
        inside["most"] = max(inside["most"], inside["now"])
        time.sleep(0.01)
        inside["now"] -= 1
        return reads(text, longest)

    monkeypatch.setattr(kept_secrets, "of_file", of_file)
    monkeypatch.setattr(kept_secrets, "WITHIN", 60.0)
    for number in range(4):
        (tmp_path / f"{number}").write_text(f"secret {number}")
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(kept_secret, [f"file:{tmp_path}/{number}" for number in range(4)]))
    assert found == [f"secret {number}" for number in range(4)]
    assert inside["most"] == 1


def test_who_signs_with_a_key_in_a_folder_that_hangs_is_not_believed_and_keeps_nobody(hangs):
    about = Signature(header="X-Signature", secret="file:/net/key")
    source = AlertSource(name="signs", kind="generic", signature=about)
    for _ in range(2):
        claims = Claims(
            source="signs",
            kind="generic",
            peer="192.0.2.1",
            headers={"x-signature": "00"},
            keys={about.secret: key_at(about.secret)},
        )
        with pytest.raises(NotAdmitted):
            admitted({"signs": source}, claims, signed=b"x", now=AT)
    assert hangs == ["file:/net/key"]

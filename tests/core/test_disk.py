"""Below the reserve the disk counts as full, with what is left and which setting says so."""

from __future__ import annotations

import shutil
from pathlib import Path

from core.disk import Disk


def test_there_is_room_above_the_reserve(tmp_path: Path) -> None:
    assert Disk([tmp_path], 1).full() == ""


def test_below_the_reserve_it_says_how_much_is_left_and_why_that_is_too_little(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free

    told = Disk([tmp_path], free * 2).full()

    assert told.startswith("the disk is full: ")
    assert "limits.disk_reserve keeps" in told


def test_one_full_disk_is_enough_and_one_that_is_gone_counts_as_full(tmp_path: Path) -> None:
    assert "gone cannot be looked at" in Disk([tmp_path, tmp_path / "gone"], 1).full()


def test_it_says_that_the_disk_is_nearly_full_while_there_is_still_room_to_work(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    disk = Disk([tmp_path], free * 2 // 3)
    assert disk.full() == ""
    assert disk.low().startswith("the disk is nearly full: ")
    assert Disk([tmp_path], free // 4).low() == ""

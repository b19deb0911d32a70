"""What can be taken away from a hub? A PostgreSQL server of the test's own, and a disk of a few megabytes."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.days.hubs import free_port


class Postgres:
    """A server on a port of its own that can be stopped in the middle of everything."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        # PostgreSQL refuses to run as root; Debian's package brings the user.
        self._who = "postgres" if os.geteuid() == 0 else None
        if self._who:
            shutil.chown(folder, self._who)
        port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        self._run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        with (folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write(
                f"port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{folder}'\n"
            )

    def start(self) -> None:
        """And wait until it answers."""
        self._run("pg_ctl", "-w", "-l", str(self._folder / "log"), "start")

    def crash(self) -> None:
        """No check point, no farewell: what a power cut leaves."""
        self._run("pg_ctl", "-m", "immediate", "stop")

    def _run(self, program: str, *words: str) -> None:
        subprocess.run(
            [self._programs / program, "-D", self._folder / "data", *words],
            check=True,
            user=self._who,
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
        )


@contextmanager
def own_postgres() -> Iterator[Postgres]:
    """A running server, gone afterwards; the test is skipped where the programs are missing."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("needs PostgreSQL's server programs")
    folder = Path(tempfile.mkdtemp(prefix="centralino-pg-"))
    try:
        server = Postgres(found[-1].parent, folder)
        server.start()
        try:
            yield server
        finally:
            if (folder / "data" / "postmaster.pid").exists():
                server.crash()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class SmallDisk:
    """A disk of a few megabytes over a folder, seen by those who are started `inside` alone."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        folder.mkdir(parents=True)
        script = f'mount -t tmpfs -o size={megabytes}m centralino-test "$0" && echo mounted && exec sleep 600'
        self._holder = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", script, str(folder)], stdout=subprocess.PIPE, text=True
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline().strip() != "mounted":
            self._holder.wait()
            pytest.skip("needs leave to mount a disk")
        self.inside = ("nsenter", f"--mount=/proc/{self._holder.pid}/ns/mnt", f"--wd={Path.cwd()}")
        self.path = Path(f"/proc/{self._holder.pid}/root{folder}")
        """The same folder as seen from outside."""

    def fill(self, leave: int) -> None:
        """Leave so many bytes free."""
        with (self.path / "filler").open("wb") as filler:
            while (free := self._free()) > leave:
                try:
                    filler.write(bytes(min(65536, free - leave)))
                    filler.flush()
                except OSError:
                    break

    def clear(self) -> None:
        """Somebody makes room."""
        (self.path / "filler").unlink()

    def close(self) -> None:
        """The disk goes with the last process that sees it."""
        self._holder.kill()
        self._holder.communicate()

    def _free(self) -> int:
        return shutil.disk_usage(self.path).free


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Mounted at `folder`; the test is skipped where that is not allowed."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    if shutil.which("unshare") is None or shutil.which("nsenter") is None:
        pytest.skip("needs unshare and nsenter")
    disk = SmallDisk(folder, megabytes)
    try:
        yield disk
    finally:
        disk.close()

"""Where do compiled templates stay, so that no other start compiles them? Beside the compiled modules, and as they do.

What is fixed is written into templates when they are read (`web.settled`): words, icons, names of static files, other
templates. So all of that together says whether what was kept still holds.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import marshal
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

from jinja2.bccache import Bucket, BytecodeCache

from core.texts import TEMPLATES

FOLDER = Path(importlib.util.cache_from_source(__file__)).parent
"""Where Python keeps this module compiled. Whoever may write there may change the program anyhow."""

DIGEST = 32  # bytes before what is kept: of that, and of what it was made of


class Compiled(BytecodeCache):
    """The templates of one language. What is not whole, or was made of something else, is compiled anew.

    Nothing is kept where Python may not keep modules either.
    """

    def __init__(self, language: str, folder: Path = FOLDER) -> None:
        self._language = language
        self._folder = folder

    def get_source_checksum(self, source: str) -> str:
        """The source is one of those all of which are in it."""
        del source
        return _made_of()

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give the template what was kept of it."""
        with contextlib.suppress(OSError):
            kept = self._path(bucket).read_bytes()
            if kept[:DIGEST] == _digest(bucket, kept[DIGEST:]):
                bucket.code = marshal.loads(kept[DIGEST:])  # noqa: S302 - written by a hub, see FOLDER

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it: all of it or nothing, others may read."""
        if sys.dont_write_bytecode:
            return
        code = marshal.dumps(bucket.code)
        path = self._path(bucket)
        new = path.with_suffix(f".{uuid4().hex}")
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                new.write_bytes(_digest(bucket, code) + code)
                new.replace(path)
            finally:
                new.unlink(missing_ok=True)

    def _path(self, bucket: Bucket) -> Path:
        return self._folder / f"page-{self._language}-{bucket.key}.{sys.implementation.cache_tag}"


def _digest(bucket: Bucket, code: bytes) -> bytes:
    return hashlib.sha256(bucket.checksum.encode() + code).digest()


@cache
def _made_of() -> str:
    """Of every template, word and static file, of what puts them together, and of those whose work it is."""
    found = hashlib.sha256(sys.version.encode())
    for name in ("Jinja2", "MarkupSafe", "heroicons"):
        found.update(f"{name} {version(name)}".encode())
    for folder in (TEMPLATES, Path(__file__).parent):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                found.update(f"{path} {path.stat().st_size}\n".encode())
                found.update(path.read_bytes())
    return found.hexdigest()

"""In which words do papers speak? `templates/papers/<language>.toml`, complete in every language."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent.parent / "templates" / "papers"


@cache
def words(language: str) -> Mapping[str, Any]:
    """All of one language, in parts."""
    found: Mapping[str, Any] = tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    return found

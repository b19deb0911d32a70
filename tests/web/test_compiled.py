"""Compiled templates stay for the next start, and nothing else is ever taken for them."""

from __future__ import annotations

import sys

import pytest
from jinja2 import DictLoader, Environment

from web import compiled
from web.compiled import Compiled


class Compiling(Environment):
    """Counts what it compiles."""

    compilings = 0

    def compile(self, *args, **options):
        self.compilings += 1
        return super().compile(*args, **options)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    return tmp_path / "__pycache__"


def a_start(folder, language="en"):
    """(what the page says, how many templates were compiled for it)"""
    made = Compiling(
        loader=DictLoader({"page.html": "Good {{ day }}."}), bytecode_cache=Compiled(language, folder)
    )
    return made.get_template("page.html").render(day="day"), made.compilings


def test_what_one_start_compiled_the_next_has(folder):
    assert a_start(folder) == ("Good day.", 1)
    assert a_start(folder) == ("Good day.", 0)
    assert len(list(folder.iterdir())) == 1


def test_each_language_has_its_own(folder):
    a_start(folder)

    assert a_start(folder, "it") == ("Good day.", 1)


@pytest.mark.parametrize("length", [0, 10, 32, 60])
def test_what_was_cut_off_is_compiled_anew(folder, length):
    a_start(folder)
    [kept] = folder.iterdir()
    kept.write_bytes(kept.read_bytes()[:length])

    assert a_start(folder) == ("Good day.", 1)
    assert a_start(folder) == ("Good day.", 0)


def test_what_was_made_of_other_templates_is_compiled_anew(folder, monkeypatch):
    a_start(folder)
    monkeypatch.setattr(compiled, "_made_of", lambda: "those of the next release")

    assert a_start(folder) == ("Good day.", 1)
    assert len(list(folder.iterdir())) == 1


def test_a_template_or_a_word_that_changed_is_another_making(tmp_path, monkeypatch):
    monkeypatch.setattr(compiled, "TEMPLATES", tmp_path)
    found = set()
    for words in ("Guten Tag", "Guten Abend"):
        (tmp_path / "words.toml").write_text(words, "utf-8")
        found.add(compiled._made_of.__wrapped__())

    assert len(found) == 2


def test_where_nothing_may_be_kept_pages_come_all_the_same(folder, monkeypatch):
    folder.write_text("no folder", "utf-8")
    assert a_start(folder) == ("Good day.", 1)
    folder.unlink()

    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert a_start(folder) == ("Good day.", 1)
    assert not folder.exists()

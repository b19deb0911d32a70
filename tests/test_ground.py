"""Does the ground hold: one command list, locked requirements, walls between the rooms, true documents?"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("core", "channels", "ivr", "web")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]


def tracked() -> list[Path]:
    """The files of the project as git knows them, else as they lie there."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        names = subprocess.run(
            ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout
        return [path for name in names.splitlines() if (path := ROOT / name).is_file()]
    skipped = {".venv", ".git", "data", "__pycache__"}
    return [
        path for path in ROOT.rglob("*") if path.is_file() and not skipped & set(path.relative_to(ROOT).parts)
    ]


def make(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


# Commands


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
def test_make_help_lists_every_command_with_its_comment() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony
    listed = dict(re.findall(r"^  make (\S+) +(.+)$", make("help").stdout, re.MULTILINE))

    assert set(phony[1].split()) <= set(listed)
    assert {"run", "test", "check", "bench", "clean", ".venv"} <= set(listed)


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
def test_an_old_python_is_refused_in_one_clear_line(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("requirements.txt", "requirements-dev.txt"):
        (tmp_path / name).touch()
    old = tmp_path / "python3.9"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2"\n[ "$1" = --version ]\n')
    old.chmod(0o755)

    refused = make("run", f"PYTHON={old}", folder=tmp_path)

    assert refused.returncode != 0
    assert "Centralino needs Python 3.11 or later" in refused.stderr
    assert "Python 3.9.2" in refused.stderr
    assert not (tmp_path / ".venv").exists()


def test_the_script_for_checking_machines_is_sound_and_runs_make_test() -> None:
    script = ROOT / ".ci" / "run"

    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
    assert script.stat().st_mode & 0o111
    assert "make test" in script.read_text()


# Requirements


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_with_hashes_and_names_no_address(name: str) -> None:
    text = (ROOT / name).read_text()
    entries = re.split(r"\n(?=[a-z0-9])", text)

    assert len(entries) > 20
    assert [
        e.splitlines()[0] for e in entries if "==" not in e.splitlines()[0] or "--hash=sha256:" not in e
    ] == []
    assert "://" not in text
    assert "--index" not in text


def test_what_the_hub_runs_on_is_the_same_where_it_is_tested() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[a-z0-9][^ ;\\]*==[^ ;\\]+", (ROOT / name).read_text(), re.MULTILINE))

    assert pins("requirements.txt") <= pins("requirements-dev.txt")


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_everything_asked_for_is_locked(name: str) -> None:
    asked = re.findall(r"^([a-z0-9][a-z0-9-]*)", (ROOT / f"{name}.in").read_text(), re.MULTILINE)
    locked = set(
        re.findall(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==", (ROOT / f"{name}.txt").read_text(), re.MULTILINE)
    )

    assert set(asked) - locked == set()


# Walls

TREE = {
    "core/__init__.py": "",
    "core/alerting.py": "",
    "core/envelope.py": "",
    "core/channel.py": "",
    "core/calling.py": "",
    "core/settings.py": "",
    "core/hub.py": "",
    "core/desk/__init__.py": "",
    "core/papers/__init__.py": "",
    "core/store/__init__.py": "",
    "core/rules/__init__.py": "",
    "channels/__init__.py": "",
    "channels/email/__init__.py": "",
    "channels/email/asking.py": "",
    "channels/email/resolving.py": "",
    "channels/email/reading/__init__.py": "",
    "channels/monitoring/__init__.py": "",
    "channels/phone/__init__.py": "",
    "channels/telegram/__init__.py": "",
    "channels/console.py": "",
    "channels/xmpp.py": "",
    "ivr/__init__.py": "",
    "ivr/stepping.py": "import core.calling\n",
    "web/__init__.py": "",
    "web/pages.py": "",
    "web/site.py": "import web.pages",
}


def contracts_kept(folder: Path, **changed: str) -> subprocess.CompletedProcess[str]:
    for name, text in {
        **TREE,
        **{key.replace("__", "/") + ".py": value for key, value in changed.items()},
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    shutil.copy(ROOT / "pyproject.toml", folder)
    program = Path(sys.executable).parent / "lint-imports"
    return subprocess.run(
        [program, "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_tree_that_keeps_the_walls_passes(tmp_path: Path) -> None:
    passed = contracts_kept(
        tmp_path,
        core__desk__intake="import sqlalchemy\nfrom core.rules import trust\n",
        core__rules__trust="",
    )

    assert passed.returncode == 0, passed.stdout


@pytest.mark.parametrize(
    ("module", "text", "wall"),
    [
        ("web__page", "import channels.email", "Channels and web never meet; the core knows neither"),
        (
            "core__desk__intake",
            "import channels.email",
            "Channels and web never meet; the core knows neither",
        ),
        ("core__desk__calls", "import ivr.stepping", "Channels and web never meet; the core knows neither"),
        ("ivr__picture", "import core.desk", "The call flow is data and pure functions"),
        ("ivr__stepping", "import time", "The call flow is data and pure functions"),
        ("core__store__rows", "import core.desk", "The hub starts the desk"),
        ("core__rules__trust", "import core.store", "Decisions are pure"),
        ("core__rules__clocks", "import time", "Decisions are pure"),
        ("core__rules__routing", "import sqlalchemy", "Decisions are pure"),
        ("core__papers__page", "import core.store", "A paper knows words and pictures"),
        ("core__papers__pdf", "import asyncio", "A paper knows words and pictures"),
        ("core__alerting", "import time", "Decisions are pure"),
        ("channels__monitoring__both", "import channels.email", "Channels do not know each other"),
        ("core__desk__notices", "import smtplib", "The core speaks to no network"),
        ("core__hub", "import aiohttp", "The core speaks to no network"),
        ("web__list", "import sqlalchemy", "SQL lives in the core"),
        ("channels__email__inbox", "import sqlite3", "SQL lives in the core"),
        ("channels__email__both", "import channels.console", "Channels do not know each other"),
        ("channels__phone__both", "import channels.email", "Channels do not know each other"),
        ("channels__xmpp", "import channels.phone", "Channels do not know each other"),
        ("channels__phone__chat", "import slixmpp", "Only the channel of XMPP knows its library"),
        ("core__calling", "import twilio", "The core speaks to no network"),
        ("core__desk__origin", "import dns", "The core speaks to no network"),
        ("channels__email__reading__origin", "import dns.resolver", "Mail is read without asking anybody"),
        ("web__calls", "import twilio", "What a provider's library can do is the channels' business"),
        ("core__calls", "import baresip", "Only the carrier of calls by SIP knows the telephone stack"),
        (
            "channels__phone__voice",
            "import baresip",
            "Only the carrier of calls by SIP knows the telephone stack",
        ),
        ("channels__phone__chat", "import telegram", "Only the channel of Telegram knows its library"),
        ("channels__telegram__both", "import channels.phone", "Channels do not know each other"),
        ("web__pages", "import web.site", "What imports another is not imported by it"),
    ],
)
def test_each_wall_is_seen_when_it_is_broken(tmp_path: Path, module: str, text: str, wall: str) -> None:
    broken = contracts_kept(tmp_path, **{module: text + "\n"})

    assert broken.returncode == 1, broken.stdout
    assert re.search(rf"^{re.escape(wall)}.* BROKEN$", broken.stdout, re.MULTILINE)


# How the code reads


def modules() -> list[Path]:
    return [
        p
        for p in tracked()
        if p.suffix == ".py" and p.relative_to(ROOT).parts[0] in {*ROOMS, "main.py", "running.py", "demo"}
    ]


def test_the_first_line_of_a_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in modules()
        if not ast.get_docstring(ast.parse(path.read_text()))
    ]

    assert silent == []


def test_no_module_has_grown_beyond_reading() -> None:
    long = {
        str(p.relative_to(ROOT)): lines for p in modules() if (lines := len(p.read_text().splitlines())) > 700
    }

    assert long == {}


def test_what_somebody_typed_is_made_a_number_in_one_place() -> None:
    """Elsewhere one of more than 4,300 digits would not be a mistake of theirs but an error of ours."""
    found = [
        path.name
        for path in (ROOT / "web").rglob("*.py")
        if re.search(r"is(decimal|digit)", path.read_text())
    ]

    assert found == ["numbers.py"]


def test_no_file_names_a_machine_or_a_registry() -> None:
    # Put together here so that this file does not name them either.
    words = ("/ro+t/", "/ho+me/\\w+/", "py+pi\\.org", "pythonho+sted", "/wo+rk/(main|shared)")
    forbidden = [re.compile(word.replace("+", "", 1)) for word in words]
    named = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture or a compiled catalogue
        named += [f"{path.relative_to(ROOT)}: {word.pattern}" for word in forbidden if word.search(text)]

    assert named == []


# Documents


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_a_link_in_a_document_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))

    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_a_file_named_in_a_document_is_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    named = re.findall(
        r"`((?:core|channels|ivr|web|docs|tests|bench|migrations|demo|templates)/[\w./-]+)`", text
    )

    assert [name for name in named if "NAME" not in name and not (ROOT / name).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_a_command_named_in_a_document_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z.]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    used = re.findall(r"(?:`|^ {4}|^)make ([a-z.]+)", document.read_text(encoding="utf-8"), re.MULTILINE)

    assert set(used) - targets == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_a_setting_named_in_a_document_exists(document: Path) -> None:
    shipped = tomllib.loads((ROOT / "settings.toml").read_text(encoding="utf-8"))
    wrong = []
    for path in re.findall(
        r"`((?:hub|database|http|limits|channels)\.[a-z_.]+)`", document.read_text(encoding="utf-8")
    ):
        inside = shipped
        for key in path.split("."):
            if not isinstance(inside, dict) or key not in inside:
                wrong.append(path)
                break
            inside = inside[key]

    assert wrong == []


def test_a_command_of_the_hub_named_in_a_document_is_one() -> None:
    text = "\n".join(document.read_text(encoding="utf-8") for document in DOCUMENTS)
    named = set(re.findall(r"main\.py ([a-z]+)", text))
    offered = subprocess.run(
        [sys.executable, "main.py", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    ).stdout

    assert {"run", "init", "apply", "export", "verify"} <= named
    assert {name for name in named if not re.search(rf"^\W*{name}\b", offered, re.MULTILINE)} == set()


def test_every_setting_changes_something() -> None:
    told = {"core/settings.py", "core/settings_file.py", "core/settings_values.py"}
    code = "\n".join(p.read_text() for p in modules() if str(p.relative_to(ROOT)) not in told)
    read = set(re.findall(r"\.([a-z_]+)\b", code))
    shipped = tomllib.loads((ROOT / "settings.toml").read_text(encoding="utf-8"))
    keys = {key for name in ("hub", "database", "http", "limits") for key in shipped[name]}
    keys |= {key for table in shipped["channels"].values() for key in table}

    assert keys - read == set()


def test_every_decision_is_listed_with_its_number() -> None:
    folder = ROOT / "docs" / "decisions"
    decisions = sorted(path.name for path in folder.glob("[0-9]*.md"))
    listed = re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", (folder / "README.md").read_text(encoding="utf-8"))

    assert listed == decisions
    assert [int(name[:4]) for name in decisions] == list(range(1, len(decisions) + 1))

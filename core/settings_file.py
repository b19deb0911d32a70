"""How does a file become settings, or a list of everything that is wrong with it?"""

from __future__ import annotations

import os
import re
import tomllib
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec

from core.settings_values import Secret, Table, did_you_mean


class SettingsError(Exception):
    """The hub cannot start with these settings. `mistakes` has one line for each, with file, key and advice."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


class Reading:
    """The documents as they are read: values so far, where each came from, and all that is wrong."""

    def __init__(self, shipped: str = "") -> None:
        self.shipped = shipped
        self.values: dict[str, Any] = {}
        self.sources: dict[str, str] = {}
        self.touched: dict[str, str] = {}
        """By table: the last file that said something in it."""
        self.wrong: list[str] = []

    def fault(self, source: str, path: str, what: str) -> None:
        line = f"{source}: {path} {what}".rstrip() if path else f"{source}: {what}"
        if line not in self.wrong:
            self.wrong.append(line)

    def document(self, source: Path) -> dict[str, Any] | None:
        try:
            return tomllib.loads(source.read_text(encoding="utf-8"))
        except FileNotFoundError:
            self.fault(shown(source), "", "there is no such file")
        except OSError as error:
            self.fault(shown(source), "", f"cannot be read: {error.strerror}")
        except UnicodeDecodeError as error:
            self.fault(shown(source), "", f"is not UTF-8 text: byte {error.start}")
        except tomllib.TOMLDecodeError as error:
            self.fault(shown(source), "", f"is not TOML: {error}")
        return None

    def table(
        self, fields: Mapping[str, Any], document: Mapping[str, Any], *, source: str, path: str
    ) -> None:
        """Take over what the document says, key by key; what is wrong is noted and left out."""
        for key, value in document.items():
            here = f"{path}.{key}" if path else key
            if key not in fields:
                what = "is not a channel of this hub" if path == "channels" else "is not a setting"
                self.fault(source, here, what + did_you_mean(key, fields))
            elif _is_table(fields[key]):
                if isinstance(value, Mapping):
                    self.table(_fields(fields[key]), value, source=source, path=here)
                else:
                    self.fault(source, here, f"must be a table [{here}]")
            else:
                self.value(fields[key], value, source=source, path=here)

    def value(self, kind: Any, value: Any, *, source: str, path: str) -> None:
        read = self.converted(kind, value, source=source, path=path)
        if read is not _WRONG:
            *parents, key = path.split(".")
            table = self.values
            for parent in parents:
                table = table.setdefault(parent, {})
            table[key] = read
            self.sources[path] = self.touched[".".join(parents)] = source

    def converted(self, kind: Any, value: Any, *, source: str, path: str) -> Any:
        item = _item_table(kind)
        if item is not None:
            return self.items(item, value, source=source, path=path)
        try:
            return _convert(kind, value)
        except ValueError as error:  # msgspec.ValidationError is one
            self.fault(source, path, _in_words(error))
            return _WRONG

    def items(self, item: type[Table], value: Any, *, source: str, path: str) -> Any:
        """An array of tables: `[[path]]`."""
        if not isinstance(value, list) or not all(isinstance(entry, Mapping) for entry in value):
            self.fault(source, path, f"must be tables [[{path}]]")
            return _WRONG
        result = []
        for number, entry in enumerate(value, start=1):
            inner = Reading()
            inner.table(_fields(item), entry, source=source, path="")
            built = inner.build(item, inner.values, path="", source=source)
            for line in inner.wrong:
                self.fault(source, f"{path}[{number}].{line.removeprefix(source + ': ')}", "")
            result.append(built)
        return tuple(result)

    def override(self, root: Mapping[str, Any], text: str) -> None:
        """`section.key=value`; the value is text, a number, true or false, or TOML such as ["a", "b"]."""
        source = "--set"
        path, equals, value = text.partition("=")
        *parents, key = path.strip().split(".")
        if not equals or not parents:
            self.fault(source, f'"{text}"', "must look like section.key=value")
            return
        fields: Mapping[str, Any] = root
        for depth, parent in enumerate(parents):
            if parent not in fields or not _is_table(fields[parent]):
                here = ".".join(parents[: depth + 1])
                self.fault(source, here, "is not a section" + did_you_mean(parent, fields))
                return
            fields = _fields(fields[parent])
        if key not in fields or _is_table(fields[key]):
            is_table = key in fields
            what = (
                "is a table: set one of its keys"
                if is_table
                else "is not a setting" + did_you_mean(key, fields)
            )
            self.fault(source, path.strip(), what)
            return
        self.value(fields[key], _typed(fields[key], value.strip()), source=source, path=path.strip())

    def build(self, kind: Any, values: Mapping[str, Any], *, path: str, source: str = "") -> Any:
        """The struct, its own mistakes noted with the file their value came from."""
        named: dict[str, Any] = {}
        for key, inner in _fields(kind).items():
            if _is_table(inner):
                named[key] = self.build(inner, values.get(key, {}), path=f"{path}.{key}", source=source)
            elif key in values:
                named[key] = values[key]
        required = [f.name for f in msgspec.structs.fields(kind) if f.required and f.name not in named]
        for name in required:
            self.fault(source, f"{path}.{name}".lstrip("."), "is missing")
        if required:
            return None
        built = kind(**named)
        if isinstance(built, Table):
            for key, what in built.mistakes():
                here = f"{path}.{key}".lstrip(".")
                # A value nobody changed is wrong only beside one that somebody did.
                own = self.sources.get(here, self.shipped)
                self.fault(
                    source or (self.touched.get(path, own) if own == self.shipped else own), here, what
                )
        return built


_WRONG = object()


def _fields(kind: Any) -> dict[str, Any]:
    return {
        key: hint for key, hint in typing.get_type_hints(kind, include_extras=True).items() if key[0] != "_"
    }


def _is_table(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _item_table(kind: Any) -> type[Table] | None:
    """The table of an array of tables."""
    arguments = typing.get_args(kind)
    return arguments[0] if typing.get_origin(kind) is tuple and _is_table(arguments[0]) else None


def _convert(kind: Any, value: Any) -> Any:
    """One value of the file as the program holds it. Raises ValueError."""
    if kind is Secret:
        text = msgspec.convert(value, str)
        return Secret(resolved(text), literal=bool(text) and not text.startswith(("env:", "file:")))
    if kind is Path:
        return Path(msgspec.convert(value, str))
    if typing.get_origin(kind) is Annotated:
        return typing.get_args(kind)[1](value)
    if isinstance(value, str) and value.startswith(("env:", "file:")):
        value = resolved(value)
    return msgspec.convert(value, kind)


def resolved(text: str) -> str:
    """The secret behind "env:NAME" or "file:PATH". Raises ValueError that never holds the secret."""
    if name := text.removeprefix("env:") if text.startswith("env:") else "":
        if name not in os.environ:
            raise ValueError(f"asks for the environment variable {name}, which is not set")
        return os.environ[name]
    if path := text.removeprefix("file:") if text.startswith("file:") else "":
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ValueError(f'asks for the file "{path}", which cannot be read: {error.strerror}') from error
        except UnicodeDecodeError as error:
            raise ValueError(f'asks for the file "{path}", which is not UTF-8 text') from error
    return text


def _typed(kind: Any, text: str) -> Any:
    """What a word on the command line means for a field of this kind."""
    if kind in (str, Secret, Path) or (typing.get_origin(kind) is Annotated and not text.isdigit()):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        plain_list = typing.get_origin(kind) is tuple and not text.startswith("[")
        return [part.strip() for part in text.split(",")] if plain_list else text


_PYTHON_WORDS = {
    "int": "a whole number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "float": "a number",
}


def _in_words(error: ValueError) -> str:
    """msgspec's "Expected `int`, got `str`" for people who write TOML."""
    if match := re.match(r"Expected `(\w+)[^`]*`, got `(\w+)`", str(error)):
        wanted, got = (_PYTHON_WORDS.get(word, word) for word in match.groups())
        return f"must be {wanted}, not {got}"
    return str(error)


def shown(path: Path) -> str:
    """A path as short as it can be said from here."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)

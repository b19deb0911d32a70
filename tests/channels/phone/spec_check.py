"""Is what we ask of Twilio allowed by its own description? The official OpenAPI files, from the npm package that has them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator

NAMES = ("api_v2010", "messaging_v1", "lookups_v2", "taskrouter_v1")
PACKAGE = "node_modules/@twilio/cli-core/src/services/twilio-api"


@cache
def descriptions() -> tuple[Path, ...]:
    """The files, where `.ci/run` or somebody else installed the package; else none."""
    cache_home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache_home / "centralino-tests" / PACKAGE
    files = tuple(folder / f"twilio_{name}.json" for name in NAMES)
    return files if all(file.is_file() for file in files) else ()


@cache
def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


class SpecCheck:
    """Answers outgoing calls from the official description; AssertionError for what it forbids."""

    def __init__(self, *paths: Path) -> None:
        self.calls: list[tuple[str, str, dict]] = []
        self.operations = []
        for path in paths:
            document = _read(path)
            for template, entry in document["paths"].items():
                host = urlsplit((entry.get("servers") or document["servers"])[0]["url"]).netloc
                pattern = re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(template)))
                self.operations += [
                    (host, verb.upper(), pattern, entry, entry[verb], document)
                    for verb in ("get", "post", "delete")
                    if verb in entry
                ]

    def request(self, method: str, url: str, *, query=None, form=None) -> tuple[int, str]:
        """Check one call; return status and body built from the description's own example."""
        address = urlsplit(url)
        candidates = [
            (pattern.fullmatch(address.path), entry, operation, document)
            for host, verb, pattern, entry, operation, document in self.operations
            if (host, verb) == (address.netloc, method) and pattern.fullmatch(address.path)
        ]
        assert candidates, f"no such operation: {method} {address.netloc}{address.path}"
        # `Calls.json` and `Calls/{Sid}.json` may both match: the one without a place wins.
        match, entry, operation, document = min(candidates, key=lambda found: len(found[0].groupdict()))
        faults = [
            *_path_faults(match.groupdict(), entry, operation, document),
            *_query_faults(query or {}, entry, operation, document),
            *_form_faults(form or {}, operation, document),
        ]
        assert not faults, f"{method} {address.path}: " + "; ".join(faults)
        self.calls.append((method, address.path, dict(form or {})))
        return _example(operation)


def _resolved(schema: Any, document: dict) -> Any:
    """Without references, and without words that JSON Schema does not have."""
    if isinstance(schema, list):
        return [_resolved(one, document) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        target: Any = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        return _resolved(target, document)
    return {
        name: _resolved(value, document)
        for name, value in schema.items()
        if name not in ("nullable", "x-twilio") and not (name == "format" and value == "uri")
    }


def _faults(name: str, value: Any, schema: Any, document: dict) -> Iterator[str]:
    schema = _resolved(schema, document)
    for fault in Draft202012Validator(schema).iter_errors(_typed(value, schema)):
        yield f"{name}: {fault.message}"


def _typed(value: Any, schema: dict) -> Any:
    """What a form has as text, in the type that is described."""
    kind = schema.get("type")
    if kind == "array":
        many = value if isinstance(value, list) else [value]
        return [_typed(one, schema.get("items", {})) for one in many]
    if kind == "integer" and re.fullmatch(r"-?\d+", str(value)):
        return int(value)
    if kind == "number" and re.fullmatch(r"-?\d+(\.\d+)?", str(value)):
        return float(value)
    if kind == "boolean" and value in ("true", "false"):
        return value == "true"
    return value


def _parameters(entry: dict, operation: dict, document: dict, place: str) -> dict[str, dict]:
    listed = [*entry.get("parameters", []), *operation.get("parameters", [])]
    return {one["name"]: one for one in (_resolved(p, document) for p in listed) if one.get("in") == place}


def _path_faults(values: dict[str, str], entry: dict, operation: dict, document: dict) -> Iterator[str]:
    known = _parameters(entry, operation, document, "path")
    for name, value in values.items():
        yield from _faults(name, value, known[name]["schema"], document)


def _query_faults(values: dict[str, str], entry: dict, operation: dict, document: dict) -> Iterator[str]:
    known = _parameters(entry, operation, document, "query")
    for name, value in values.items():
        if name not in known:
            yield f"{name} is no parameter"
        else:
            yield from _faults(name, value, known[name]["schema"], document)


def _form_faults(values: dict[str, Any], operation: dict, document: dict) -> Iterator[str]:
    content = operation.get("requestBody", {}).get("content", {})
    schema = _resolved(next(iter(content.values()), {}).get("schema", {}), document)
    known: dict[str, Any] = schema.get("properties", {})
    patterns = [re.compile(re.escape(name).replace(r"\*", ".*")) for name in known if "*" in name]
    for name in schema.get("required", []):
        if name not in values:
            yield f"{name} is missing"
    for name, value in values.items():
        if name in known:
            yield from _faults(name, value, known[name], document)
        elif not any(pattern.fullmatch(name) for pattern in patterns):
            yield f"{name} is no field"


def _example(operation: dict) -> tuple[int, str]:
    for status, answer in operation["responses"].items():
        for media in answer.get("content", {}).values():
            for example in media.get("examples", {}).values():
                return int(status), json.dumps(example["value"])
        if status == "204":
            return 204, ""
    return 200, "{}"

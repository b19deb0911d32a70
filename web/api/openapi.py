"""What does the API say of itself? An OpenAPI 3.1 document made from the endpoints, so that it cannot be wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from web.api import problems
from web.api.endpoint import Endpoint
from web.api.serve import MAX_KEY
from web.files import DOWNLOADED

BASE = "/api/v1"
VERSION = "1.0.0"

Shape = tuple[type[BaseModel], Literal["validation", "serialization"]]

_INTRODUCTION = """Everything that the pages do goes through the same verbs and is here. What is out of your scope is 404,
the same as what is not there. Times are RFC 3339 in UTC, durations whole seconds. Changes carry `seen`, the ticket's
`last_event` as you know it. POSTs and PUTs take an `Idempotency-Key`, kept for 24 hours: the same call gives the same answer
again. Lists answer `items` and `next`, the cursor of the following page."""

_WORDS = {
    400: "The body is not JSON.",
    401: "No valid token.",
    403: "The thing is there for you, the act is not.",
    404: "It does not exist, or it is not for you.",
    408: "The body did not arrive in time.",
    409: "It does not fit the state, somebody was quicker, or the key is in use.",
    413: "The body is too large.",
    415: "The body is not application/json.",
    422: "What was sent cannot be used; `faults` lists every mistake.",
    429: "Too many calls.",
    503: "The store takes nothing just now.",
}


def make(endpoints: Sequence[Endpoint], *, public_url: str, name: str) -> dict[str, Any]:
    """The document."""
    outputs: list[type[BaseModel]] = [one.answer for one in endpoints if issubclass(one.answer, BaseModel)]
    outputs += [problems.Problem, problems.Conflict]
    wanted: dict[Shape, None] = {(one.body, "validation"): None for one in endpoints if one.body}
    wanted |= {(model, "serialization"): None for model in outputs}
    refs, definitions = models_json_schema(
        list(wanted),
        ref_template="#/components/schemas/{model}",
    )
    paths: dict[str, dict[str, Any]] = {}
    for one in endpoints:
        operation = _operation(one, refs)
        paths.setdefault(one.path, {})[one.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": f"{name} API", "version": VERSION, "description": " ".join(_INTRODUCTION.split())},
        "servers": [{"url": f"{public_url}{BASE}"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": definitions.get("$defs", {}),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(one: Endpoint, refs: Any) -> dict[str, Any]:
    if issubclass(one.answer, BaseModel):
        content = {"application/json": {"schema": refs[one.answer, "serialization"]}}
    else:
        content = {media: {} for media in DOWNLOADED}
    headers = {name: {"schema": {"type": "string"}, "description": words} for name, words in _HEADERS.items()}
    if one.method != "GET" and not one.fleeting:
        headers["Idempotent-Replay"] = {
            "schema": {"const": "true"},
            "description": "This is the answer that the first call with the key was given.",
        }
    responses: dict[str, Any] = {
        str(one.status): {
            "description": "Here it is." if one.method == "GET" else "Done.",
            "headers": headers,
            "content": content,
        }
    }
    for status in one.errors:
        shape = refs[problems.Conflict if status == 409 else problems.Problem, "serialization"]  # noqa: PLR2004
        responses[str(status)] = {
            "description": _WORDS[status],
            "content": {problems.MEDIA_TYPE: {"schema": shape}},
        }
    found: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.summary,
        "tags": [one.path.split("/")[1]],
        "parameters": _parameters(one),
        "responses": responses,
    }
    if one.description:
        found["description"] = one.description
    if one.body is not None:
        found["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": refs[one.body, "validation"]}},
        }
    return found


_HEADERS = {
    "RateLimit": "Calls left, and seconds until there are more.",
    "RateLimit-Policy": "Calls in a window of seconds.",
}


def _parameters(one: Endpoint) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": part, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for part in one.parts
    ]
    if one.query is not None:
        schema = one.query.model_json_schema()
        for name, of in schema["properties"].items():
            plain = _without_null({key: value for key, value in of.items() if key != "title"})
            found.append({"name": name, "in": "query", "required": False, "schema": plain})
    if one.method != "GET" and not one.fleeting:
        found.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "A new one for each call; the same when a call is repeated.",
                "schema": {"type": "string", "pattern": rf"^[\x21-\x7e]{{1,{MAX_KEY}}}$"},
            }
        )
    return found


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that is left out is not null: null cannot be written in an address."""
    choices = schema.pop("anyOf", None)
    if choices is None:
        return schema
    (kept,) = [choice for choice in choices if choice != {"type": "null"}]
    return {**kept, **{key: value for key, value in schema.items() if (key, value) != ("default", None)}}

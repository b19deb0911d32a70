"""What can the API do, for a person who reads? One page made from the endpoints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from web.api.endpoint import Endpoint
from web.api.openapi import BASE
from web.api.problems import KINDS

_TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "api"
_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'"

_environment = Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined)


def page(endpoints: Sequence[Endpoint], *, name: str) -> web.Response:
    """The page at /api."""
    template = _environment.get_template("index.html")
    text = template.render(endpoints=endpoints, kinds=KINDS, base=BASE, name=name)
    headers = {"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff"}
    return web.Response(text=text, content_type="text/html", headers=headers)

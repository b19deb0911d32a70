"""Tools with an interface, small and real: each answers by HTTP as its documentation says, as far as the hub asks."""

from __future__ import annotations

import asyncio
import itertools
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

HERE = ("127.0.0.0/8",)
TOKEN = "a token of a tool"


@dataclass
class Tool:
    """What all have in common: it can be made to fail. `asked`: method and path of each request."""

    fails: int = 0
    """Each answer has this status, until it is 0."""
    slow: float = 0.0
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def proof(self) -> str:
        return f"Bearer {TOKEN}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path}")
        await asyncio.sleep(self.slow)
        if self.fails:
            return web.Response(status=self.fails, text="no")
        body = await request.json() if request.can_read_body else None
        if not self.proves(request, body):
            return web.json_response({"error": 401, "status": "Unauthorized"}, status=401)
        return await self.does(request, body)

    def proves(self, request: web.Request, body: Any) -> bool:
        return request.headers.get("Authorization") == self.proof()

    async def does(self, request: web.Request, body: Any) -> web.StreamResponse:
        raise NotImplementedError

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Up, at this address."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.answer)
        async with TestServer(app) as server:
            self.url = str(server.make_url("")).rstrip("/")
            yield self.url


_FILTER = re.compile(r'^(\w+)="((?:[^"\\]|\\.)*)"$')


@dataclass
class Alertmanager(Tool):
    """API version 2: alerts that fire, and silences."""

    alerts: list[dict[str, Any]] = field(default_factory=list)
    silences: dict[str, dict[str, Any]] = field(default_factory=dict)
    _ids: Any = field(default_factory=lambda: itertools.count(1))

    def held(self) -> list[str]:
        """Comments of silences that hold."""
        return [one["comment"] for one in self.silences.values() if one["status"]["state"] == "active"]

    async def does(self, request: web.Request, body: Any) -> web.StreamResponse:
        wanted = {}
        for text in request.query.getall("filter", []):
            found = _FILTER.match(text)
            if found is None:
                return web.json_response(f"bad matcher format: {text}", status=400)
            wanted[found[1]] = found[2].replace('\\"', '"').replace("\\\\", "\\")
        if request.path == "/api/v2/alerts":
            return web.json_response([one for one in self.alerts if wanted.items() <= one["labels"].items()])
        if request.path == "/api/v2/silences" and request.method == "GET":
            return web.json_response(
                [
                    one
                    for one in self.silences.values()
                    if wanted.items() <= {m["name"]: m["value"] for m in one["matchers"]}.items()
                ]
            )
        if request.path == "/api/v2/silences":
            if not body["matchers"] or not body["comment"] or body["endsAt"] <= body["startsAt"]:
                return web.json_response("silence invalid", status=400)
            name = f"silence-{next(self._ids)}"
            self.silences[name] = body | {"id": name, "status": {"state": "active"}}
            return web.json_response({"silenceID": name})
        silence = self.silences.get(request.path.rpartition("/")[2])
        if silence is None:
            return web.Response(status=404)
        silence["status"]["state"] = "expired"
        return web.Response()


@dataclass
class Zabbix(Tool):
    """event.acknowledge of its JSON-RPC. `events`: id to what is known of it."""

    version: Any = "7.4.1"
    events: dict[str, dict[str, Any]] = field(default_factory=dict)

    def event(self, name: str, *, may_be_closed: bool = True) -> None:
        self.events[name] = {"close": may_be_closed, "closed": False, "acknowledged": False, "messages": []}

    async def does(self, request: web.Request, body: Any) -> web.StreamResponse:
        told = {"jsonrpc": "2.0", "id": body["id"]}
        if body["method"] == "apiinfo.version" and isinstance(self.version, bytes):  # a gate before it
            return web.Response(body=self.version, content_type="text/html")
        if body["method"] == "apiinfo.version" and self.version is not None:
            return web.json_response(told | {"result": self.version})
        if body["method"] != "event.acknowledge":
            return web.json_response(told | {"error": {"code": -32601, "message": "Method not found."}})
        assert request.path == "/api_jsonrpc.php"
        action = body["params"]["action"]
        for name in body["params"]["eventids"]:
            one = self.events.get(name)
            if one is None or (action & 1 and not one["close"]):
                data = "Cannot close problem: trigger does not allow manual closing."
                error = {"code": -32500, "message": "Application error.", "data": data}
                return web.json_response(told | {"error": error})
            one["closed"] |= bool(action & 1)
            one["acknowledged"] = bool(action & 2) or (one["acknowledged"] and not action & 16)
            if action & 4:
                one["messages"].append(body["params"]["message"])
        return web.json_response(told | {"result": {"eventids": body["params"]["eventids"]}})

    def proves(self, request: web.Request, body: Any) -> bool:
        """By its header; before 6.4 by a member of the body, which 7.2 refuses. Who asks for the version proves nothing."""
        by_header, by_body = super().proves(request, body), (body or {}).get("auth") == TOKEN
        if (body or {}).get("method") == "apiinfo.version":
            return "Authorization" not in request.headers and "auth" not in body
        before = str(self.version)[:2] in ("5.", "6.") and str(self.version) < "6.4"
        return (by_body and not by_header) if before else (by_header and not by_body)


@dataclass
class Icinga2(Tool):
    """Actions of its API. `problems`: host or host!service to whether it is acknowledged."""

    problems: dict[str, bool] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    sticky: set[str] = field(default_factory=set)
    """Those whose acknowledgement holds until it is over."""

    def proof(self) -> str:
        return "Basic " + b64encode(f"centralino:{TOKEN}".encode()).decode()

    async def does(self, request: web.Request, body: Any) -> web.StreamResponse:
        names = body["filter_vars"]
        name = "!".join(filter(None, (names["wanted_host"], names.get("wanted_service"))))
        assert body["type"] == ("Service" if "!" in name else "Host")
        if name not in self.problems:
            return web.json_response({"error": 404, "status": "No objects found."}, status=404)
        action = request.path.rpartition("/")[2]
        if action == "acknowledge-problem":
            assert body["author"]
            assert body["comment"]
            if self.problems[name]:
                told = {"code": 409, "status": "already acknowledged"}
                return web.json_response({"results": [told]}, status=500)
            self.problems[name] = True
            self.sticky |= {name} if body["sticky"] else set()
        elif action == "remove-acknowledgement":
            self.problems[name] = False
            self.sticky.discard(name)
        if "comment" in body:
            self.comments.append(body["comment"])
        return web.json_response({"results": [{"code": 200, "status": "done"}]})

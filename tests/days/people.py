"""Who uses the hub in whole days? A browser that fills in forms, and a program with a token."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from typing import Any
from uuid import uuid4

TIMEOUT = 30.0  # seconds


@dataclass(slots=True)
class Form:
    """A form as it stands in the page."""

    action: str
    multipart: bool
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, str] = field(default_factory=dict)
    """Buttons with a name, and what they say to the server."""
    choices: dict[str, list[str]] = field(default_factory=dict)
    """Radio buttons: what each of a name says."""


@dataclass(slots=True)
class Page:
    """An answer to a browser."""

    status: int
    path: str
    text: str
    forms: list[Form]

    def form(self, action: str) -> Form:
        """The one form that goes there."""
        found = [form for form in self.forms if form.action.endswith(action)]
        assert len(found) == 1, f"{len(found)} forms for {action}: {[form.action for form in self.forms]}"
        return found[0]


class Browser:
    """Keeps cookies, follows redirects, sends forms with everything hidden in them. Runs no script."""

    def __init__(self, base: str) -> None:
        self.base = base
        self._jar = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._jar))

    @property
    def cookies(self) -> str:
        """Its cookies, as it sends them."""
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._jar)

    def get(self, path: str) -> Page:
        """A page."""
        return self._page(urllib.request.Request(self.base + path))

    def bytes(self, path: str) -> bytes:
        """A download."""
        with self._opener.open(self.base + path, timeout=TIMEOUT) as answer:
            return bytes(answer.read())

    def submit(
        self,
        page: Page,
        action: str,
        *,
        press: str = "",
        files: Mapping[str, tuple[str, bytes]] | None = None,
        **typed: str,
    ) -> Page:
        """Fill in the form that goes to `action`, and send it, by the button of that name if there are several.

        `files`: by field, the name and the content of one.
        """
        form = page.form(action)
        unknown = typed.keys() - form.fields.keys() - form.choices.keys()
        assert not unknown, f"the form {action} has no field {unknown}: {list(form.fields)}"
        fields = {**form.fields, **typed, **({press: form.buttons[press]} if press else {})}
        if form.multipart:
            chosen = files or {}
            body, kind = _multipart({name: one for name, one in fields.items() if name not in chosen}, chosen)
        else:
            body, kind = urllib.parse.urlencode(fields).encode(), "application/x-www-form-urlencoded"
        headers = {"Content-Type": kind, "Origin": self.base, "Sec-Fetch-Site": "same-origin"}
        return self._page(urllib.request.Request(self.base + form.action, data=body, headers=headers))

    def send(self, path: str, fields: Mapping[str, str], picture: bytes = b"") -> Any:
        """What a script of a page sends as a form, and the JSON that it gets; it must do."""
        files = {"picture": ("picture.png", picture)} if picture else {}
        body, kind = _multipart(fields, files)
        headers = {
            "Content-Type": kind,
            "Accept": "application/json",
            "Origin": self.base,
            "Sec-Fetch-Site": "same-origin",
        }
        page = self._page(urllib.request.Request(self.base + path, data=body, headers=headers))
        assert page.status == 200, page.text
        return json.loads(page.text)

    def _page(self, request: urllib.request.Request) -> Page:
        try:
            with self._opener.open(request, timeout=TIMEOUT) as answer:
                status, url, raw = answer.status, answer.url, answer.read()
        except urllib.error.HTTPError as error:
            status, url, raw = error.code, error.url, error.read()
        text = raw.decode("utf-8", "replace")
        reading = _Forms()
        reading.feed(text)
        return Page(status=status, path=url.removeprefix(self.base), text=text, forms=reading.forms)


class Api:
    """A program with a token."""

    def __init__(self, base: str, token: str) -> None:
        self._base = f"{base}/api/v1"
        self._token = token

    def get(self, path: str, **query: Any) -> Any:
        """The answer of a GET that must do."""
        status, body = self.call("GET", path, **query)
        assert status == 200, body
        return body

    def post(self, path: str, body: Any = None, *, key: str = "") -> Any:
        """The answer of a POST that must do."""
        status, answer = self.call("POST", path, body=body or {}, key=key)
        assert status in (200, 201), answer
        return answer

    def bytes(self, path: str) -> bytes:
        """A download."""
        headers = {"Authorization": f"Bearer {self._token}"}
        with urllib.request.urlopen(
            urllib.request.Request(self._base + path, headers=headers), timeout=TIMEOUT
        ) as answer:
            return bytes(answer.read())

    def call(
        self, method: str, path: str, *, body: Any = None, key: str = "", **query: Any
    ) -> tuple[int, Any]:
        """Status and JSON, whatever they are."""
        url = self._base + path + (f"?{urllib.parse.urlencode(query)}" if query else "")
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def all(self, path: str, **query: Any) -> list[Any]:
        """Every item of a list, page by page."""
        items: list[Any] = []
        cursor: dict[str, str] = {}
        while True:
            page = self.get(path, limit=200, **query, **cursor)
            items += page["items"]
            if page["next"] is None:
                return items
            cursor = {"cursor": page["next"]}


class _Forms(HTMLParser):
    """Reads the forms of a page with what stands in their fields."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._form: Form | None = None
        self._typing = ""
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = Form(given.get("action", ""), given.get("enctype") == "multipart/form-data")
            self.forms.append(self._form)
        if self._form is None:
            return
        name = given.get("name", "")
        if tag == "input" and name and given.get("type") not in ("file", "checkbox", "radio", "submit"):
            self._form.fields[name] = given.get("value", "")
        elif tag == "input" and given.get("type") == "radio":
            self._form.choices.setdefault(name, []).append(given.get("value", ""))
        elif tag == "button" and name:
            self._form.buttons[name] = given.get("value", "")
        elif tag == "textarea" and name:
            self._typing = name
            self._form.fields[name] = ""
        elif tag == "select" and name:
            self._select = name
            self._form.fields[name] = ""
        elif tag == "option" and self._select and "selected" in given:
            self._form.fields[self._select] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "textarea":
            self._typing = ""
        elif tag == "select":
            self._select = ""

    def handle_data(self, data: str) -> None:
        if self._form is not None and self._typing:
            self._form.fields[self._typing] += data


def _multipart(fields: Mapping[str, str], files: Mapping[str, tuple[str, bytes]]) -> tuple[bytes, str]:
    border = uuid4().hex
    head = f"--{border}\r\nContent-Disposition: form-data; name="
    parts = [f'{head}"{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()]
    parts += [
        f'{head}"{name}"; filename="{file}"\r\n\r\n'.encode() + content + b"\r\n"
        for name, (file, content) in files.items()
    ]
    return b"".join([*parts, f"--{border}--\r\n".encode()]), f"multipart/form-data; boundary={border}"

"""How does a page come about? Jinja with autoescape, the reader's language and zone, and times said as people say them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache, partial
from itertools import islice
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from aiohttp import web
from babel.dates import format_date
from babel.numbers import format_decimal
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from core import chat_addresses
from core.addresses import shown
from core.desk.errors import DeskError, NotFound
from core.settings import LANGUAGES, Hub, Limits
from core.texts import TEMPLATES
from web import icons, own_words, proof, refusals, said, static_files, visitor
from web.compiled import Compiled
from web.known_words import in_words
from web.settled import SettledEnvironment
from web.unread_words import unread
from web.words import Say, say

SLICE = 0.001  # seconds that one page may keep all others waiting
DAY = timedelta(days=1)
MINUTE = 60  # seconds
HOUR = 3600
FILES = (Limits().upload_file, Limits().upload_request)


class Pages:
    """The templates of each language, read once. `hub`: its name, zone and languages are in every page.

    `web_chat`: there is one, and the portal carries it. `files`: bytes that one file, and all files sent together, may have.
    """

    def __init__(self, hub: Hub, *, web_chat: bool = False, files: tuple[int, int] = FILES) -> None:
        self._hub = hub
        self._files = {"file": size(files[0]), "all": size(files[1])}
        self._zone = ZoneInfo(hub.time_zone)
        self._environments = {
            language: _environment(language, hub.name, web_chat=web_chat) for language in LANGUAGES
        }

    def read_all(self, wanted: Callable[[], bool]) -> None:
        """Read every template and the names of days now, so that the first visitor need not wait for it.

        Takes seconds of a processor where nobody has compiled them yet: asks before each whether that is still wanted.
        """
        for language, environment in self._environments.items():
            _date(date.min, "EEEE d MMMM y", language)
            for name in environment.list_templates(filter_func=_is_page):
                if not wanted():
                    return
                environment.get_template(name)

    def render(self, template: str, *, language: str, zone: ZoneInfo, **values: Any) -> str:
        """The text of a template."""
        return "".join(self._pieces(template, language, zone=zone, **values))

    def _pieces(self, template: str, language: str, **values: Any) -> Iterator[str]:
        found = self._environments[language].get_template(template)
        return found.generate(t=say(language), language=language, **values)

    def page(self, request: web.Request, template: str, *, status: int = 200, **values: Any) -> web.Response:
        """A page for whoever is signed in."""
        text = "".join(self._pieces(template, **self._of_visitor(request), **values))
        return web.Response(text=text, status=status, content_type="text/html")

    async def long_page(
        self, request: web.Request, template: str, *, status: int = 200, **values: Any
    ) -> web.Response:
        """The same for one that may be as long as a conversation: it is made slice by slice, and others get theirs."""
        pieces = self._pieces(template, **self._of_visitor(request), **values)
        parts, until = [], time.perf_counter() + SLICE
        while some := list(islice(pieces, 200)):
            parts += some
            if time.perf_counter() > until:
                await asyncio.sleep(0)
                until = time.perf_counter() + SLICE
        return web.Response(text="".join(parts), status=status, content_type="text/html")

    def _of_visitor(self, request: web.Request) -> dict[str, Any]:
        who = visitor.who(request)
        return {
            "language": who.language if who else _language_of(request, self._hub.languages),
            "zone": ZoneInfo(who.time_zone) if who and who.time_zone else self._zone,
            "who": who,
            "csrf": visitor.csrf(request),
            "now": datetime.now(UTC),
            "theme": request.cookies.get("theme", ""),
            "density": request.cookies.get("density", ""),
            "path": request.path,
        }

    def error(
        self,
        request: web.Request,
        status: int,
        *,
        detail: str = "",
        wrong: DeskError | None = None,
        typed: str = "",
    ) -> web.Response:
        """What happened and what to do, as a page in the reader's words; as a problem document for programs, as exactly as the verb has it.

        `typed`: what they wrote that was not taken, to be copied.
        """
        known = status if status in (400, 401, 403, 404, 405, 408, 409, 413, 421, 422, 429, 500, 503) else 400
        exact = detail if wrong is None or isinstance(wrong, NotFound) else str(wrong)
        if "text/html" not in request.headers.get("Accept", "text/html"):
            body = {"type": "about:blank", "status": status, "title": say("en")(f"error.{known}.title")}
            return web.json_response(
                body | ({"detail": exact} if exact else {}),
                status=status,
                content_type="application/problem+json",
            )
        found = self._of_visitor(request)
        details = (
            ([detail] if detail else []) if wrong is None else refusals.details(wrong, say(found["language"]))
        )
        return self.page(
            request,
            "errors/error.html",
            status=status,
            code=known,
            details=details,
            typed=typed,
            sizes=self._files,
        )


@cache  # what was read for one application of a process is read for all
def _environment(language: str, hub_name: str, *, web_chat: bool) -> Environment:
    t = say(language)
    made = SettledEnvironment(
        {
            "t": t,
            "t.has": t.has,  # type: ignore[attr-defined]
            "t.maybe": t.maybe,  # type: ignore[attr-defined]
            "drawn": drawn,
            "mini": mini,
            "static": static_files.address,
        },
        loader=FileSystemLoader(TEMPLATES),
        bytecode_cache=Compiled(language),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )
    made.globals.update(
        hub=hub_name,
        web_chat=web_chat,
        static=static_files.address,
        drawn=drawn,
        mini=mini,
        ago=ago,
        left=left,
        clock_shape=clock_shape,
        elapsed=elapsed,
        clocked=clocked,
        day_and_time=day_and_time,
        moment=moment,
        full_instant=full_instant,
        options_of=options_of,
        size=size,
        quantity=quantity,
        parts=said.parts,
        is_notice=said.is_notice,
        is_answered_by_machine=said.is_answered_by_machine,
        beginning=said.beginning,
        channel_icon=channel_icon,
        remarks=said.remarks,
        twins=said.TWINS,
        proof=proof.told,
    )
    made.filters["address"] = partial(address, t=t)
    made.filters["refused"] = partial(refusals.at_present, t=t)
    made.filters["unread"] = partial(unread, language=language)
    made.filters["what"] = partial(own_words.title, language=language)
    made.filters["said"] = partial(own_words.text, language=language)
    made.filters["in_words"] = lambda sentence, of: in_words(sentence, language, of)
    made.filters["segment"] = partial(quote, safe="")  # of a path: a name may have a slash
    return made


def _is_page(name: str) -> bool:
    """Of the web, not a mail's or a notice's: those have an environment of their own."""
    return name.endswith(".html") and not name.startswith(("email/", "api/"))


def _language_of(request: web.Request, ours: Sequence[str]) -> str:
    """What a stranger's browser asks for, of the languages we speak."""
    for wanted in request.headers.get("Accept-Language", "").split(","):
        if wanted.strip()[:2] in ours:
            return wanted.strip()[:2]
    return ours[0]


@cache
def mini(name: str) -> Markup:
    """An icon beside words: of the sheet, or drawn in place where it is not there."""
    if name not in icons.NAMES:
        return drawn(name)
    place = f"{static_files.address(icons.SHEET)}#{name}"
    return Markup('<svg aria-hidden="true" width="16" height="16"><use href="{}"/></svg>').format(place)


@cache
def drawn(name: str) -> Markup:
    """The same, drawn in place. Drawing it anew each time was a quarter of a page."""
    return Markup(icons.drawn(name))  # noqa: S704 - a drawing of the library's


def written(html: str) -> Markup:
    """A part of a page that the desk wrote and kept, every word in it escaped then (core.papers.page)."""
    return Markup(html)  # noqa: S704 - see there


def options_of(choices: Iterable[tuple[Any, str]], chosen: str) -> Markup:
    """The options of a select, (value, words) each. Lists that every page shows again are written once.

    >>> options_of([(1, "one"), (2, "<two>")], "2")
    Markup('<option value="1">one</option><option value="2" selected>&lt;two&gt;</option>')
    """
    made = _options(tuple(choices))
    if not chosen:
        return made
    begins = f'<option value="{escape(chosen)}">'
    return Markup(str.replace(made, begins, f"{begins[:-1]} selected>", 1))  # noqa: S704 - escaped before


@lru_cache(maxsize=512)
def _options(choices: tuple[tuple[Any, str], ...]) -> Markup:
    one = Markup('<option value="{}">{}</option>')
    return Markup("").join(one.format(value, words) for value, words in choices)


CHANNEL_ICONS = {
    "email": "envelope",
    "portal": "computer-desktop",
    "console": "command-line",
    "api": "code-bracket",
    "phone": "phone",
    "sms": "device-phone-mobile",
    "whatsapp": "chat-bubble-oval-left",
    "telegram": "paper-airplane",
    "webchat": "chat-bubble-left-right",
    "xmpp": "chat-bubble-bottom-center-text",
    "monitoring": "bell-alert",
}


LONG_NAME = 12  # characters of an account that says nothing to anybody


def address(written: str, t: Say) -> str:
    """An address as people read it; of a chat the service and, of a name that a machine made, its beginning.

    >>> address("mario@acme.test", say("en")), address("telegram:4242", say("en"))
    ('mario@acme.test', 'Telegram 4242')
    >>> address("webchat:xgdrjuiveuobh4uqlf7ixfr2ta", say("en"))
    'Web chat xgdrju…'
    """
    if not chat_addresses.is_chat(written):
        return shown(written)
    name = chat_addresses.name_of(written)
    short = name if "@" in name or len(name) <= LONG_NAME else f"{name[: LONG_NAME // 2]}…"
    return f"{t.maybe('channel', chat_addresses.channel_of(written))} {short}"  # type: ignore[attr-defined]


def channel_icon(channel: str) -> str:
    """The name of its drawing."""
    return CHANNEL_ICONS.get(channel, "chat-bubble-left")


# --- Times and numbers -------------------------------------------------------------------------------------


def ago(at: datetime, now: datetime, language: str) -> str:
    """How long ago, short: the age column.

    >>> from datetime import UTC
    >>> ago(datetime(2026, 1, 1, 9, tzinfo=UTC), datetime(2026, 1, 1, 11, 30, tzinfo=UTC), "en")
    '2 h'
    """
    return spell(int((now - at).total_seconds()), language)


def left(due: datetime | None, now: datetime, language: str) -> str:
    """How long until, or how late: "42 min", "-3 h"."""
    if due is None:
        return ""
    seconds = int((due - now).total_seconds())
    return spell(seconds, language) if seconds >= 0 else f"−{spell(max(MINUTE, -seconds), language)}"


def spell(seconds: int, language: str) -> str:
    """A span, in one unit: "42 min", "3 h", "5 d"."""
    day = "g" if language == "it" else "d"
    if seconds < MINUTE:
        return "<1 min"
    if seconds < 100 * MINUTE:
        return f"{seconds // MINUTE} min"
    if seconds < 48 * HOUR:
        return f"{seconds // HOUR} h"
    return f"{seconds // (24 * HOUR)} {day}"


def elapsed(since: datetime, until: datetime) -> str:
    """How long, as a telephone shows it.

    >>> elapsed(datetime(2026, 1, 1, 9, 0), datetime(2026, 1, 1, 10, 2, 7))
    '1:02:07'
    """
    return clocked((until - since).total_seconds())


def clocked(seconds: float) -> str:
    """The same of a length.

    >>> clocked(7.5), clocked(187)
    ('0:08', '3:07')
    """
    whole = max(0, int(seconds + 0.5))
    hours, rest = divmod(whole, HOUR)
    minutes, left_over = divmod(rest, MINUTE)
    return f"{hours}:{minutes:02}:{left_over:02}" if hours else f"{minutes}:{left_over:02}"


def clock_shape(
    due: datetime | None, now: datetime, *, paused: bool = False, started: datetime | None = None
) -> str:
    """Which shape stands beside a clock: late, risk, running or paused. Colour never says it alone."""
    if paused or due is None:
        return "paused"
    if due < now:
        return "late"
    whole = (due - started).total_seconds() if started else 0.0
    risk = (due - now).total_seconds() < max(30 * MINUTE, whole * 0.25)
    return "risk" if risk else "running"


def day_and_time(at: datetime | None, zone: ZoneInfo, now: datetime, language: str) -> str:
    """A moment as the reader needs it: today the time, this week the day, else the date."""
    if at is None:
        return ""
    local, today = at.astimezone(zone), now.astimezone(zone)
    time = f"{local:%H:%M}"
    if local.date() == today.date():
        return time
    if abs(local - today) < 6 * DAY:
        return f"{_date(local.date(), 'EEE', language)} {time}"
    return _date(local.date(), "d MMM" if local.year == today.year else "d MMM y", language)


@lru_cache(maxsize=4096)
def _date(day: date, pattern: str, language: str) -> str:
    return str(format_date(day, pattern, locale=language))


@lru_cache(maxsize=4096)
def full_instant(at: datetime, zone: ZoneInfo, language: str) -> str:
    """For titles: nothing left out."""
    local = at.astimezone(zone)
    return f"{_date(local.date(), 'EEEE d MMMM y', language)}, {local:%H:%M:%S} {local.tzname()}"


def moment(at: datetime | None, zone: ZoneInfo, now: datetime, language: str) -> Markup:
    """A <time> element: short to read, exact on hover and for programs."""
    if at is None:
        return Markup("")
    return _time_element(at, zone, now.replace(second=0, microsecond=0), language)


@lru_cache(maxsize=8192)
def _time_element(at: datetime, zone: ZoneInfo, minute: datetime, language: str) -> Markup:
    shown = day_and_time(at, zone, minute, language)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.isoformat(timespec="seconds"), full_instant(at, zone, language), shown
    )


def quantity(value: float, language: str) -> str:
    """Hours, tickets or visits, with as many decimals as they need.

    >>> quantity(6.5, "it"), quantity(12.0, "en"), quantity(1 / 3, "en")
    ('6,5', '12', '0.33')
    """
    return format_decimal(value, format="#,##0.##", locale=language)


def size(count: int) -> str:
    """Bytes for people.

    >>> size(1536), size(3_000_000), size(25 * 1024 * 1024)
    ('1.5 kB', '2.9 MB', '25 MB')
    """
    if count < 1024:  # noqa: PLR2004
        return f"{count} B"
    unit, amount = ("kB", count / 1024) if count < 1024**2 else ("MB", count / 1024**2)
    return f"{amount:.1f} {unit}".replace(".0 ", " ")

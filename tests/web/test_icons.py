"""Icons stand once on a sheet that browsers keep, and pages refer to it."""

from __future__ import annotations

import re
from importlib.resources import files
from zipfile import ZipFile

from core.texts import TEMPLATES
from web import icons, pages
from web.desk import frame

_DRAWN = re.compile(r'mini\((.*?)\)|\b(?:act|menu)\("[a-z_]+", ("[a-z0-9-]+")')
_NAME = re.compile(r'"([a-z0-9-]+)"')


def test_the_sheet_has_every_icon_that_pages_name_and_no_other():
    with (files("heroicons") / "heroicons.zip").open("rb") as raw, ZipFile(raw) as archive:
        known = {name.removeprefix("mini/").removesuffix(".svg") for name in archive.namelist()}
    named = {*pages.CHANNEL_ICONS.values(), pages.channel_icon("any other"), *frame.VIEW_ICONS.values()}
    for path in TEMPLATES.rglob("*.html"):
        for found in _DRAWN.finditer(path.read_text()):
            named.update(_NAME.findall(found[1] or found[2]))

    assert named & known == icons.NAMES


async def test_a_page_refers_to_the_sheet_and_the_sheet_is_kept_by_browsers(lea):
    page = await lea.get("/desk/")
    (place,) = set(re.findall(r'<use href="([^"#]+)#[a-z0-9-]+"/>', page.text))
    assert "<path" not in page.text

    sheet = await lea.get(place)

    assert (sheet.status, sheet.headers["Content-Type"]) == (200, "image/svg+xml; charset=utf-8")
    assert "immutable" in sheet.headers["Cache-Control"]
    for name in set(re.findall(r"#([a-z0-9-]+)\"/>", page.text)):
        assert f'<symbol id="{name}"' in sheet.text


def test_a_name_that_is_not_on_the_sheet_is_drawn_in_place():
    assert "<path" in pages.mini("cake")
    assert "<use" not in pages.mini("cake")

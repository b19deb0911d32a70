"""Does nothing of a stranger's picture but its dots reach a page?"""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image, PngImagePlugin

from core import redrawing
from core.isolation import Readers


def a_picture(kind: str = "PNG", size: tuple[int, int] = (40, 20), **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(out, kind, **options)
    return out.getvalue()


def redrawn(**found: bytes) -> redrawing.Redrawn:
    return redrawing.unpack(redrawing.pictures(b"", found))


def a_bomb() -> bytes:
    """A PNG of a few bytes that says it has ten thousand million dots."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0"))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("kind", "shown"),
    [("PNG", "image/png"), ("GIF", "image/png"), ("WEBP", "image/png"), ("BMP", "image/png"), ("JPEG", "image/jpeg")],
)  # fmt: skip
def test_a_picture_is_written_anew_whatever_it_was(kind, shown):
    kept, content = redrawn(one=a_picture(kind))["one"]

    assert kept == shown
    with Image.open(io.BytesIO(content)) as opened:
        assert opened.size == (40, 20)
        assert all(abs(a - b) < 12 for a, b in zip(opened.getpixel((5, 5)), (200, 30, 30), strict=True))


def test_what_else_stood_in_the_file_stays_behind():
    words = PngImagePlugin.PngInfo()
    words.add_text("Comment", "<script>alert(1)</script>")
    exif = Image.Exif()
    exif[0x010E] = "taken at home"

    found = redrawn(
        one=a_picture(pnginfo=words) + b"<script>alert(2)</script>", two=a_picture("JPEG", exif=exif)
    )

    assert b"script" not in found["one"][1]
    assert b"taken at home" not in found["two"][1]


@pytest.mark.parametrize(
    "content",
    [b"", b"<svg onload=alert(1)>", b"GIF89a<script>", b"\x89PNG\r\n\x1a\n picture", a_picture()[:60], a_bomb()],
    ids=["nothing", "svg", "script", "no picture", "a piece", "a bomb"],
)  # fmt: skip
def test_what_is_none_or_too_large_is_left_out_and_the_others_are_shown(content):
    assert set(redrawn(bad=content, good=a_picture())) == {"good"}


def test_a_photo_is_as_large_as_a_page_and_all_together_have_their_limit():
    noise = Image.effect_noise((2_400, 1_200), 200)
    out = io.BytesIO()
    noise.convert("RGB").save(out, "JPEG", quality=95)

    found = redrawn(**{str(n): out.getvalue() for n in range(8)})

    with Image.open(io.BytesIO(found["0"][1])) as opened:
        assert max(opened.size) == redrawing.SIDE
    assert 0 < len(found) < 8
    assert sum(len(content) for _, content in found.values()) <= redrawing.BYTES


async def test_it_is_done_where_it_may_fail():
    readers = Readers()
    try:
        found = await readers.redraw({"good": a_picture(), "bad": a_bomb()})
    finally:
        await readers.close()

    assert list(found) == ["good"]

"""A picture is known by its frame; what is damaged, packed too well, or something else, is none."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image

from core.pictures import JPEG, PNG, Size, drawn, size

MOST = Size(400, 200)


def saved(kind: str, width: int = 30, height: int = 20, mode: str = "RGB", **how) -> bytes:
    to = BytesIO()
    Image.new(mode, (width, height)).save(to, kind, **how)
    return to.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, lines: bytes, *, behind: bytes = b"") -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packed = zlib.compress(lines)
    return PNG + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"") + behind


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1"])
def test_what_programs_save_is_a_picture(mode):
    assert size(saved("PNG", mode=mode)) == drawn(saved("PNG", mode=mode), most=MOST) == Size(30, 20)


@pytest.mark.parametrize("how", [{}, {"progressive": True}])
def test_photos_are_pictures_too_but_no_drawings(how):
    assert size(saved("JPEG", **how)) == Size(30, 20)
    assert drawn(saved("JPEG", **how), most=MOST) is None


def test_what_is_no_picture():
    whole = saved("PNG")
    for broken in (
        b"",
        PNG,
        JPEG,
        whole[:-1],
        whole[:40] + b"x" + whole[41:],
        whole + b"<script>",
        saved("GIF"),
        b"<svg/>",
        JPEG + b"\xe0",
        JPEG + b"\xe0\x00\x01" + b"\x00" * 20,
        png(0, 5, b""),
        png(20_000, 1, b""),
        png(11_000, 11_000, b""),
    ):
        assert size(broken) is None, broken[:40]


def test_a_drawing_has_every_line_and_no_more():
    line = b"\x00" * (1 + 3 * 30)
    assert drawn(png(30, 20, line * 20), most=MOST) == Size(30, 20)
    assert drawn(png(30, 20, line * 19), most=MOST) is None
    assert drawn(png(30, 20, line * 500_000), most=MOST) is None, "a bomb is unpacked no further than it says"
    assert drawn(png(500, 20, line), most=MOST) is None
    damaged = PNG + chunk(b"IHDR", struct.pack(">IIBBBBB", 30, 20, 8, 2, 0, 0, 0))
    assert drawn(damaged + chunk(b"IDAT", b"xxxx") + chunk(b"IEND", b""), most=MOST) is None
    woven = PNG + chunk(b"IHDR", struct.pack(">IIBBBBB", 30, 20, 8, 2, 0, 0, 1))
    assert drawn(woven + chunk(b"IDAT", zlib.compress(line * 20)) + chunk(b"IEND", b""), most=MOST) is None


def test_frames_that_lie():
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 30, 20, 8, 2, 0, 0, 0))
    assert size(PNG + chunk(b"IDAT", b"") + head + chunk(b"IEND", b"")) is None
    assert size(PNG + head + struct.pack(">I", 2**31) + b"IDAT" + b"x" * 20) is None
    photo = saved("JPEG")
    assert size(JPEG[:2] + b"xx" + photo[2:]) is None
    assert size(b"\xff\xd8\xff\xff" + photo[3:]) == Size(30, 20), "filled up"
    assert size(b"\xff\xd8\xff\x01" + photo[2:]) == Size(30, 20)
    assert size(photo[:4] + b"\x00\x05xxx" + b"x" * 40) is None

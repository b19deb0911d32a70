"""How is a stranger's picture made fit to be shown inside a page? Measured, unpacked and written anew: only its dots come along.

`pictures` runs in a process with limits (core.isolation.Readers.redraw), for what unpacks pictures is a large piece of code that
reads what anybody sends. What is no picture, or larger than anybody needs, is left out.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping

import msgspec

REDRAW = "core.redrawing:pictures"
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
PIXELS = 40_000_000  # of one, by its header, before anything of it is unpacked
SIDE = 1_600  # pixels: a page is not wider; what is larger is made smaller
PICTURES = 50
BYTES = 2 * 1024 * 1024  # of all pictures of one message, as they are shown

Redrawn = dict[str, tuple[str, bytes]]
"""Type and bytes by content id."""


def pictures(_: bytes, found: Mapping[str, bytes]) -> bytes:
    """The pictures that can be shown, written anew as PNG or JPEG; packed, see `unpack`. Of an animation the first one. Never raises."""
    drawn: Redrawn = {}
    left = BYTES
    for name, content in list(found.items())[:PICTURES]:
        one = _again(content)
        if one is not None and len(one[1]) <= left:
            left -= len(one[1])
            drawn[name] = one
    return msgspec.msgpack.encode(drawn)


def unpack(packed: bytes) -> Redrawn:
    """What `pictures` gave."""
    return msgspec.msgpack.decode(packed, type=Redrawn)


def _again(content: bytes) -> tuple[str, bytes] | None:
    from PIL import Image, ImageOps  # noqa: PLC0415 - only where there is a picture

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it complains about sizes, which are looked at here
            with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
                width, height = opened.size
                if not 0 < width * height <= PIXELS:
                    return None
                photo = opened.format == "JPEG"
                if photo:
                    opened.draft("RGB", (SIDE, SIDE))  # a larger one is unpacked smaller
                see_through = "transparency" in opened.info or opened.mode in ("RGBA", "LA", "PA")
                picture = ImageOps.exif_transpose(opened).convert("RGBA" if see_through else "RGB")
            picture.thumbnail((SIDE, SIDE))
            bare = Image.new(picture.mode, picture.size)
            bare.paste(picture)  # without what else stood in the file: places, names, comments
            out = io.BytesIO()
            if photo:
                bare.save(out, "JPEG", quality=85)
            else:
                bare.save(out, "PNG")
    except (
        Exception
    ):  # whatever an unpacker finds wrong with a stranger's bytes, memory that is not there among it
        return None
    return "image/jpeg" if photo else "image/png", out.getvalue()

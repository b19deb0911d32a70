"""What is a file in a mail called, and what is in it? Names are cleaned for showing; they never become a path."""

from __future__ import annotations

import binascii
import mimetypes
import re
from urllib.parse import unquote, unquote_to_bytes

from channels.email.reading import charset_names, charsets, headers, parameters, structure

NAME_BYTES = 200


def disposition(part: structure.Part) -> tuple[str, str]:
    """`inline`, `attachment` or empty; and the name as it was sent, decoded but not cleaned."""
    word, named = "", _NOTHING
    for declared in part.header.all("content-disposition")[:3]:
        said, more = parameters.parse(declared)
        word, named = word or said, named or more
    candidates = (
        named.get("filename", ""),
        part.parameters.get("name", ""),
        named.get("name", ""),
        part.parameters.get("filename", ""),
    )
    name = next((one for one in candidates if one and not one.isspace()), "")  # some write name=" "
    if "%" in name and (encoded := _ENCODED.match(name)) is not None:
        # RFC 2231 without its star: filename="utf-8''a%20b.pdf".
        charset = encoded.group(1)
        if charset_names.canonical(charset):
            name = charsets.header_text(unquote_to_bytes(name[encoded.end() :]), charset)
    if name:
        name = headers.words(name) if "=?" in name else headers.raw_text(name) if not name.isascii() else name
    return word, name


_NOTHING: dict[str, str] = {}
_ENCODED = re.compile(r"([A-Za-z0-9_-]{2,20})'[A-Za-z-]{0,8}'")


def name_elsewhere(part: structure.Part) -> str:
    """What a part without a name is called in its other fields, where that is the name of a file."""
    location = headers.decoded(part.header.first("content-location")).strip("<> ")
    candidates = (
        unquote(location.partition("?")[0].rpartition("/")[2]),
        headers.decoded(part.header.first("content-description")),
        part.header.first("content-id").strip("<> ").partition("@")[0],
    )
    return next((one for one in candidates if _FILE_NAME.fullmatch(one) is not None), "")


_FILE_NAME = re.compile(r"[^/\\<>:\x00-\x1f]{1,150}\.[A-Za-z][A-Za-z0-9]{1,4}")


def safe_name(name: str) -> str:
    """The last part of a path, without control characters, dots in front and `..`; at most 200 bytes.

    >>> safe_name("../../etc/cron.d/x"), safe_name("C:\\\\temp\\\\a.txt"), safe_name(".."), safe_name(".profile")
    ('x', 'a.txt', '', 'profile')
    >>> safe_name("invoice\\u202efdp.exe"), safe_name("a.pdf\\u200b.exe")
    ('invoice⇤fdp.exe', 'a.pdf·.exe')
    """
    name = name if name.isprintable() else headers.seen(name)
    name = name.replace("\\", "/").rstrip("/ ").rpartition("/")[2]
    name = _SPACES.sub(" ", name)
    while ".." in name:
        name = name.replace("..", ".")
    name = name.strip(". ")
    if len(name.encode("utf-8", "replace")) <= NAME_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension.encode("utf-8", "replace")) > 20:
        stem, extension = name, ""
    room = NAME_BYTES - len((dot + extension).encode("utf-8", "replace")) if extension else NAME_BYTES
    cut = stem.encode("utf-8", "replace")[:room].decode("utf-8", "ignore")
    return f"{cut}.{extension}" if extension else cut


_SPACES = re.compile(r"\s+")

_EXTENSIONS = {
    "text/plain": ".txt",
    "text/html": ".html",
    "text/calendar": ".ics",
    "text/x-vcard": ".vcf",
    "text/vcard": ".vcf",
    "image/jpeg": ".jpg",
    "image/jpg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/tiff": ".tif",
    "application/pdf": ".pdf",
    "application/pgp-signature": ".asc",
    "application/pkcs7-signature": ".p7s",
    "application/x-pkcs7-signature": ".p7s",
    "application/pkcs7-mime": ".p7m",
    "application/x-pkcs7-mime": ".p7m",
    "application/ms-tnef": ".dat",
    "message/rfc822": ".eml",
    "message/global": ".eml",
    "message/delivery-status": ".txt",
    "message/disposition-notification": ".txt",
    "message/feedback-report": ".txt",
    "text/rfc822-headers": ".txt",
}


def made_name(number: int, kind: str) -> str:
    """A name for a part that has none: its place among the parts and its type.

    >>> made_name(3, "application/pdf"), made_name(1, "x/unheard-of")
    ('part-3.pdf', 'part-1.bin')
    """
    extension = _EXTENSIONS.get(kind) or mimetypes.guess_extension(kind, strict=False) or ".bin"
    return f"part-{number}{extension}"


def guessed_type(name: str) -> str:
    """The type that goes with a name, where none was sent.

    >>> guessed_type("a.pdf"), guessed_type("a")
    ('application/pdf', 'application/octet-stream')
    """
    return mimetypes.guess_type(name[-200:], strict=False)[0] or "application/octet-stream"


def content(part: structure.Part) -> bytes:
    """The bytes of a part, transfer encoding taken off. What is broken decodes as far as it goes."""
    encoding = _encoding(part.header.all("content-transfer-encoding"))
    if encoding == "base64":
        if not part.type.startswith("text/"):
            return base64(part.body)
        return part.body if _is_prose(part.body) else _with_words_below(part.body)
    if encoding == "quoted-printable":
        body = part.body
        if (
            b"= " in body or b"=\t" in body
        ):  # RFC 2045, 6.7 (3): blanks at the end of a line were added on the way
            body = _PADDED.sub(b"=", body)
        return binascii.a2b_qp(body) if b"=" in body else body
    if encoding in _UU:
        return uuencoded(part.body)
    return part.body


def _encoding(declared: list[str]) -> str:
    """Of several fields the first that says more than that nothing was done: a gateway wrote that one."""
    found = ""
    for value in declared[:3]:
        found = value.partition(";")[0].strip().strip("\"'").lower()
        if found not in _IDENTITY:
            break
    return found


_IDENTITY = frozenset(("", "7bit", "8bit", "binary"))


def _is_prose(body: bytes) -> bool:
    """Words with spaces between them, wrongly declared as base64."""
    sample = body[:1024].strip()
    return sample.count(b" ") > max(len(sample) // 20, 2)


_PADDED = re.compile(rb"=[ \t]{1,80}(?=\r?\n)")


def _with_words_below(body: bytes) -> bytes:
    """A text in base64, and the plain lines that a gateway or a list wrote below it, which are none."""
    space = body.find(b" ", 0, len(body.rstrip()))
    while space >= 0 and not body[space + 1 : space + 2].strip():
        space = body.find(b" ", space + 2)  # at the end of a line
    start = body.rfind(b"\n", 0, max(space, 0)) + 1
    if space < 0 or not start:
        return base64(body)
    while (above := body.rfind(b"\n", 0, start - 1) + 1) and _NO_BASE64_LINE.fullmatch(body, above, start):
        start = above
    return base64(body[:start]).rstrip() + b"\n\n" + body[start:].lstrip()


_NO_BASE64_LINE = re.compile(rb"[^A-Za-z0-9+/=]*")
"""Empty, or drawn: two signs of `--` are no word."""


_UU = frozenset(("x-uuencode", "uuencode", "x-uue", "uue"))
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


def base64(body: bytes) -> bytes:
    """What these bytes decode to, as far as they are base64."""
    try:
        return binascii.a2b_base64(body)
    except binascii.Error:
        # Padding that is missing, or stands in the middle of joined pieces: each piece by itself.
        out: list[bytes] = []
        for piece in _PADDING.split(body[: 80 * 1024 * 1024], maxsplit=1_000):
            clean = _NOT_BASE64.sub(b"", piece)
            clean = clean[:-1] if len(clean) % 4 == 1 else clean
            out.append(binascii.a2b_base64(clean + b"=" * (-len(clean) % 4)))
        return b"".join(out)


_PADDING = re.compile(rb"=+")


def uuencoded(body: bytes) -> bytes:
    """The bytes of one uuencoded block, from behind its `begin` line to its `end`."""
    out: list[bytes] = []
    for line in body.splitlines():
        if line.startswith(b"begin ") and not out:
            continue
        if line.strip() in (b"end", b"`"):
            break
        try:
            out.append(binascii.a2b_uu(line))
        except binascii.Error:
            # A length that promises more than the line holds: take what is there (as uudecode does).
            size = (((line[0] - 32) & 63) * 4 + 5) // 3 if line else 0
            try:
                out.append(binascii.a2b_uu(line[:size]))
            except binascii.Error:
                continue
    return b"".join(out)

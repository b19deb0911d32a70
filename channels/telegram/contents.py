"""What does a message of Telegram say, and which files hang on it? Whatever is no text becomes plain text that a person can use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from telegram import Location, Message, MessageEntity

LARGEST_FILE = 20 * 10**6
"""Bytes that a bot is given of one file (Bot API, getFile)."""
MAP = "https://www.openstreetmap.org/?mlat={0}&mlon={1}#map=17/{0}/{1}"
_UNSHOWN = (
    "story",
    "game",
    "invoice",
    "successful_payment",
    "paid_media",
    "checklist",
    "giveaway",
    "passport_data",
    "gift",
    "unique_gift",
    "web_app_data",
)
"""What somebody may send that holds nothing for a help desk: it is named, so that nobody looks for words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A file of a message that is to be fetched."""

    id: str
    name: str
    type: str
    size: int | None

    @property
    def too_large(self) -> bool:
        """Telegram would not hand it over."""
        return self.size is not None and self.size > LARGEST_FILE


def words(said: Message) -> str:
    """Its text, or what stands below its picture, with the addresses behind its links; else what it shows, in words."""
    written = _with_links(said.text or said.caption or "", said.entities or said.caption_entities)
    return "\n\n".join(part for part in (written, *_shown(said)) if part)


def unshown(said: Message) -> str:
    """The name of what it holds that is not shown."""
    return next((name for name in _UNSHOWN if getattr(said, name, None)), "")


def _shown(said: Message) -> Iterator[str]:
    if said.sticker is not None:
        yield said.sticker.emoji or "…"
    if said.dice is not None:
        yield f"{said.dice.emoji} {said.dice.value}"
    if said.venue is not None:
        venue = said.venue
        yield "\n".join(part for part in (venue.title, venue.address, _place(venue.location)) if part)
    elif said.location is not None:
        yield _place(said.location)
    if said.contact is not None:
        name = " ".join(part for part in (said.contact.first_name, said.contact.last_name) if part)
        yield f"{name}\n{said.contact.phone_number}"
    if said.poll is not None:
        yield "\n".join([said.poll.question, *(f"- {option.text}" for option in said.poll.options)])


def _place(where: Location) -> str:
    at = (f"{where.latitude:.6f}", f"{where.longitude:.6f}")
    return f"{', '.join(at)}\n{MAP.format(*at)}"


def _with_links(text: str, entities: Sequence[MessageEntity]) -> str:
    """Plain text keeps where a link leads. Places of entities are counted in UTF-16 code units."""
    links = [one for one in entities if one.type == MessageEntity.TEXT_LINK and one.url]
    units = text.encode("utf-16-le", "surrogatepass")
    for one in sorted(links, key=lambda link: link.offset, reverse=True):
        end = 2 * (one.offset + one.length)
        shown = units[2 * one.offset : end].decode("utf-16-le", "replace")
        if one.url and one.url.rstrip("/") not in shown:
            units = units[:end] + f" ({one.url})".encode("utf-16-le") + units[end:]
    return units.decode("utf-16-le", "replace")


def files(said: Message) -> list[Wanted]:
    """Its files, each whole: of a picture the largest size. A sticker is a sign, not a file."""
    found: list[Wanted] = []

    def add(one: object, ending: str, otherwise: str) -> None:
        own = getattr(one, "file_unique_id", "")
        found.append(
            Wanted(
                id=getattr(one, "file_id", ""),
                name=_name(getattr(one, "file_name", None))
                or f"{ending.partition('.')[0]}-{own}.{ending.rpartition('.')[2]}",
                type=getattr(one, "mime_type", None) or otherwise,
                size=getattr(one, "file_size", None),
            )
        )

    if said.photo:
        add(
            max(said.photo, key=lambda size: (size.width * size.height, size.file_size or 0)),
            "photo.jpg",
            "image/jpeg",
        )
    if said.animation is not None:  # its document is the same file
        add(said.animation, "animation.mp4", "video/mp4")
    elif said.document is not None:
        add(said.document, "file.bin", "application/octet-stream")
    if said.audio is not None:
        add(said.audio, "audio.mp3", "audio/mpeg")
    if said.voice is not None:
        add(said.voice, "voice.ogg", "audio/ogg")
    if said.video is not None:
        add(said.video, "video.mp4", "video/mp4")
    if said.video_note is not None:
        add(said.video_note, "video-note.mp4", "video/mp4")
    return found


def _name(written: str | None) -> str:
    """The last part of what it is called, of printable characters: it is shown, never used as a path."""
    last = (written or "").replace("\\", "/").rpartition("/")[2]
    return "".join(c if c.isprintable() else " " for c in last).strip()[:200]

"""What of a mail's HTML may never reach a reader?"""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser

DANGEROUS = "script, iframe, object, embed, form, input, button, link, base, svg, math, meta[http-equiv]"
RUNS = re.compile(r"\s*(javascript|vbscript|data:text)", re.IGNORECASE)


def dangers(text: str) -> list[str]:
    """What of a frame's document could run, fetch, or get in the way of our own page's names."""
    read = LexborHTMLParser(text)
    found = [one.html or "" for one in read.css(DANGEROUS)]
    for one in read.css("*"):
        for name, value in one.attributes.items():
            runs = name.startswith("on") or RUNS.match(value or "")
            fetches = name in ("src", "srcset", "background", "poster") and not (value or "").startswith(
                "data:image/"
            )
            if runs or fetches or name in ("id", "name"):
                found.append(f"{one.tag} {name}={value}")
    return found


def active(page: str) -> list[str]:
    """What of a page of ours could run or be written by somebody else: our own names its scripts and holds none."""
    found = []
    for one in LexborHTMLParser(page).css("*"):
        for name, value in one.attributes.items():
            if name.startswith("on") or name == "srcdoc" or RUNS.match(value or ""):
                found.append(f"{one.tag} {name}={value}")
        if one.tag in ("object", "embed", "base") or (one.tag == "script" and "src" not in one.attributes):
            found.append(one.html or one.tag or "")
    return found

"""How are numbers drawn for a page? As SVG, which pages show as an image beside the same numbers as words.

A drawing takes some hundredths of a second of a processor: pages let a thread make it, and the same numbers are drawn once.
"""

from __future__ import annotations

import re
import sys
from functools import cache, lru_cache
from html import escape
from typing import Any

_GROUND = (
    "<style>.axis text,.axis text.major,.text-overlay .color-0 text{fill:#232b36}.axis .guide.line,.axis .major.guide.line{stroke:#d3d8df;stroke-dasharray:none}"
    "@media (prefers-color-scheme:dark){.axis text,.axis text.major,.text-overlay .color-0 text{fill:#e4e8ee}.axis .guide.line,.axis .major.guide.line{stroke:#333c47}}"
    "</style>"
)
"""Words and lines as the theme has them: a picture knows which one its reader prefers."""
_BESIDE = re.compile(r"<!--.*?-->|<script.*?</script>", re.DOTALL)
"""What pygal says of itself, with the day it was drawn on: the same numbers give the same drawing."""
KEPT = 64  # drawings
WIDTH = 480  # pixels: on a telephone, a little smaller, its words can still be read
EACH = 3  # hours between those that are named
_ROW, _AROUND = 34, 60  # pixels: a bar, and what stands above and below


@lru_cache(maxsize=KEPT)
def bars(
    title: str,
    labels: tuple[str, ...],
    numbers: tuple[float, ...],
    shown: tuple[str, ...],
    *,
    percent: bool = False,
) -> str:
    """Lying bars, the first above, each with its number as `shown` says it. No script, nothing fetched."""
    chart = _pygal().HorizontalBar(
        style=_style(),
        js=(),
        show_legend=False,
        print_values=True,
        width=WIDTH,
        height=_AROUND + _ROW * len(labels),
        margin=8,
        spacing=6,
        range=(0, 100) if percent else (0, max((*numbers, 1))),
        truncate_label=28,
        explicit_size=True,
        disable_xml_declaration=True,
        no_prefix=True,
        show_x_labels=False,  # each bar has its number
    )
    chart.x_labels = [f"{label}\N{NO-BREAK SPACE}" for label in labels[::-1]]
    lines = zip(numbers[::-1], shown[::-1], strict=True)
    chart.add(title, [{"value": n, "formatter": lambda _, said=said: said} for n, said in lines])
    chart.uuid = "bars"
    return _drawn(chart, title)


@lru_cache(maxsize=KEPT)
def week(days: tuple[str, ...], hours: tuple[tuple[int, ...], ...]) -> str:
    """A dot for each hour of a week, the larger the more. `hours`: a row of 24 for each day."""
    chart = _pygal().Dot(
        style=_style(),
        js=(),
        show_legend=False,
        width=WIDTH,
        height=240,
        margin=8,
        explicit_size=True,
        disable_xml_declaration=True,
        no_prefix=True,
        dots_size=5,
        x_labels_major_every=EACH,
        show_minor_x_labels=False,
        truncate_label=-1,
        print_values=False,
    )
    chart.x_labels = [f"{hour:02}" for hour in range(24)]
    for day, row in zip(days, hours, strict=True):
        chart.add(day, [{"value": n or None, "color": "#2f7f8f"} for n in row])
    chart.uuid = "week"
    return _drawn(chart, "")


def _drawn(chart: Any, title: str) -> str:
    drawn: str = _BESIDE.sub("", chart.render(is_unicode=True))
    drawn = drawn.replace("<title>Pygal</title>", f"<title>{escape(title)}</title>" if title else "", 1)
    return drawn.replace("</defs>", f"</defs>{_GROUND}", 1)


@cache
def _pygal() -> Any:
    """Read by the first drawing: a start has no use for it."""
    import pygal  # noqa: PLC0415

    # It looks for maps of its own at every import of anything from then on, in a way that Python warns of.
    sys.meta_path[:] = [one for one in sys.meta_path if not isinstance(one, pygal.PluginImportFixer)]
    return pygal


@cache
def _style() -> Any:
    """Colours that can be told from a light and a dark ground."""
    return _pygal().style.Style(
        background="transparent",
        plot_background="transparent",
        foreground="#59626e",
        foreground_strong="#59626e",
        foreground_subtle="#8a929c",
        colors=("#2f7f8f",),
        font_family="sans-serif",
        label_font_size=13,
        value_font_size=12,
        value_label_font_size=12,
        major_label_font_size=13,
    )

"""Draws charts as SVG: no script, no inline style, no external asset. Colours are from `admin.css`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from unicodedata import east_asian_width

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

SERIES = 6
"""How many colours there are; further series share the last one."""

_WIDTH, _NARROW = 640, 420


@dataclass(frozen=True)
class Bar:
    """One line of a bar chart. `tone` as in `display.badge`."""

    name: str
    value: int
    tone: str


def bars(lines: Sequence[Bar]) -> SafeString:
    """Return horizontal bars with their names and values. The table beside it says the same."""
    most = max((line.value for line in lines), default=0) or 1
    label, step = _room_for([line.name for line in lines]), 30
    space = _NARROW - label - 40
    drawn = format_html_join(
        "",
        '<text x="{}" y="{}" class="cp-axis cp-end">{}</text>'
        '<rect x="{}" y="{}" width="{}" height="20" rx="3" class="cp-bar-{}"></rect>'
        '<text x="{}" y="{}" class="cp-axis">{}</text>',
        (
            (
                label - 10, top + 15, line.name,
                label, top, max(round(space * line.value / most), 2 if line.value else 0), line.tone,
                label + round(space * line.value / most) + 8, top + 15, line.value,
            )
            for top, line in ((index * step + 6, line) for index, line in enumerate(lines))
        ),
    )  # fmt: skip
    return _svg(_NARROW, len(lines) * step + 6, drawn)


def _room_for(names: Sequence[str]) -> int:
    """Return how much of the width the longest name takes, roughly: languages differ. Never less than in English."""
    longest = max((sum(13 if east_asian_width(sign) in "WF" else 7 for sign in name) for name in names), default=0)
    return min(max(longest + 16, 120), 250)


def stacked_columns(names: Sequence[str], series: Mapping[str, Sequence[int]]) -> SafeString:
    """Return one column for each name, stacked of the series in their order."""
    totals = [sum(values) for values in zip(*series.values(), strict=True)] if series else [0] * len(names)
    most = max(totals, default=0) or 1
    height, bottom, left = 180, 190, 34
    step = (_WIDTH - left) / max(len(names), 1)
    rects: list[tuple[object, ...]] = []
    for index in range(len(names)):
        y = float(bottom)
        for number, values in enumerate(series.values()):
            if not series or not values[index]:
                continue
            size = height * values[index] / most
            y -= size
            color = min(number, SERIES - 1)
            rects.append((f"{left + index * step + 2:.1f}", f"{y:.1f}", f"{step - 4:.1f}", f"{size:.1f}", color))
    drawn = format_html_join(
        "", '<rect x="{}" y="{}" width="{}" height="{}" class="cp-series-{}"></rect>', rects
    ) + format_html_join(
        "",
        '<text x="{}" y="{}" class="cp-axis cp-middle">{}</text>',
        ((f"{left + index * step + step / 2:.1f}", bottom + 16, name) for index, name in enumerate(names)),
    )
    grid = format_html(
        '<text x="{}" y="14" class="cp-axis cp-end">{}</text><text x="{}" y="{}" class="cp-axis cp-end">0</text>'
        '<line x1="{}" x2="{}" y1="{}" y2="{}" class="cp-line"></line>'
        '<line x1="{}" x2="{}" y1="10" y2="10" class="cp-line"></line>',
        left - 6, most if series else 0, left - 6, bottom, left, _WIDTH, bottom, bottom, left, _WIDTH,
    )  # fmt: skip
    return _svg(_WIDTH, bottom + 24, grid + drawn)


def _svg(width: int, height: int, drawn: SafeString) -> SafeString:
    return format_html('<svg class="cp-chart" viewBox="0 0 {} {}" aria-hidden="true">{}</svg>', width, height, drawn)

"""Draws QR codes, the logo of each coin, the icon. SVG, nothing loaded from elsewhere."""

from __future__ import annotations

from functools import lru_cache

import segno

from ..addresses import derive
from ..simulated_coins import COINS
from .html import Html, el

_SVG = "http://www.w3.org/2000/svg"


@lru_cache(maxsize=256)
def draw_qr(text: str) -> Html:
    """Return a QR code; the page around it says in words what it holds."""
    code = segno.make(text, error="m", micro=False)
    return Html(code.svg_inline(scale=4, border=3, light="#fff", svgclass="qr", lineclass=None, omitsize=True))


def draw_logo(code: str) -> str | None:
    """Return the logo of a coin as an SVG file: its code on a disc of its own colour; None for no coin."""
    if code not in COINS:
        return None
    hue = int.from_bytes(derive("logo", code, size=2)) % 360
    size = {3: 30, 4: 24}.get(len(code), 20)
    text = el(
        "text", code, x=50, y=51, fill="#fff", font_family="system-ui, sans-serif", font_size=size, font_weight=700,
        text_anchor="middle", dominant_baseline="middle",
    )  # fmt: skip
    disc = el("circle", cx=50, cy=50, r=50, fill=f"hsl({hue} 55% 42%)")
    return el("svg", disc, text, xmlns=_SVG, viewBox="0 0 100 100")


def draw_icon() -> str:
    """Return the icon of the pages."""
    square = el("rect", width=100, height=100, rx=22, fill="#b45309")
    line = el(
        "path", d="M22 66 L42 44 L58 58 L80 30", fill="none", stroke="#fff", stroke_width=11, stroke_linecap="round",
        stroke_linejoin="round",
    )  # fmt: skip
    return el("svg", square, line, xmlns=_SVG, viewBox="0 0 100 100")

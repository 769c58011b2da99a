"""Writes a receipt as a PDF with fpdf2. Import it only if the extra `pdf` is installed.

The fonts that every PDF reader has know the letters of Western Europe only. CRYPTOPAY_RECEIPT_FONTS names files for
other languages. If a letter cannot be written, there is no PDF: one with gaps would be worse.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, Protocol

from django.utils import timezone
from django.utils.translation import get_language, get_language_bidi
from fontTools.ttLib import TTFont
from fpdf import FPDF

from ..conf import app_settings

_ISOLATES = str.maketrans("", "", "\u2066\u2069")
# What the fonts that every reader has lack, and what is read as the same. French separates thousands by the first one.
_PLAIN_SIGNS = str.maketrans("\u202f\u2018\u2019\u201c\u201d\u201e\u2013\u2014", '\u00a0\'\'"""--', "\u2066\u2069")


class Line(Protocol):
    """A name and a value, one line of the receipt."""

    @property
    def name(self) -> str: ...

    @property
    def value(self) -> str: ...


def can_write(title: str, rows: Iterable[Line]) -> bool:
    """Return whether a PDF can be made here that shows every letter of these texts."""
    font = _font()
    texts = [title, *(text for row in rows for text in (row.name, row.value))]
    letters = {ord(letter) for text in texts for letter in _written(text, font)}
    if not font:
        return all(letter < 256 for letter in letters)
    if get_language_bidi() and find_spec("uharfbuzz") is None:
        return False
    return letters <= _letters_of(font)


def write_pdf(title: str, rows: Sequence[Line]) -> bytes:
    """Return the file. Ask `can_write` first: a letter that the font does not have would be missing."""
    pdf = FPDF(format="A4")
    pdf.set_title(title)
    pdf.set_lang(get_language() or "en")
    pdf.set_creation_date(timezone.now())
    pdf.add_page()
    font, family = _font(), _use_font(pdf)
    is_mirrored = get_language_bidi()
    pdf.set_font(family, size=18)
    pdf.multi_cell(0, 10, _written(title, font), align="R" if is_mirrored else "L", new_x="LMARGIN", new_y="NEXT")
    pdf.ln(4)
    for row in rows:
        pdf.set_font(family, size=9)
        pdf.set_text_color(90)
        pdf.multi_cell(
            0, 5, _written(row.name, font), align="R" if is_mirrored else "L", new_x="LMARGIN", new_y="NEXT"
        )
        pdf.set_font(family, size=11)
        pdf.set_text_color(0)
        # fpdf2 knows no isolates: a date would be read in the direction of the amount before it.
        for value in _written(row.value, font).split(" · " if is_mirrored else "\n"):
            pdf.multi_cell(0, 6, value, align="R" if is_mirrored else "L", new_x="LMARGIN", new_y="NEXT")
        pdf.ln(2)
    return bytes(pdf.output())


def _written(text: str, font: str) -> str:
    return text.translate(_ISOLATES if font else _PLAIN_SIGNS)


def _font() -> str:
    """Return the font file for the active language, or "" for the fonts that every reader has."""
    fonts, language = app_settings.RECEIPT_FONTS, get_language() or ""
    return fonts.get(language) or fonts.get(language.partition("-")[0]) or fonts.get("") or ""


def _use_font(pdf: FPDF) -> str:
    font = _font()
    if not font:
        return "Helvetica"
    pdf.add_font("receipt", fname=font)
    if find_spec("uharfbuzz") is not None:
        pdf.set_text_shaping(True)
    return "receipt"


@lru_cache(maxsize=32)
def _letters_of(font: str) -> frozenset[int]:
    with TTFont(font, fontNumber=0, lazy=True) as read:
        known: Any = read.getBestCmap()
        return frozenset(known)

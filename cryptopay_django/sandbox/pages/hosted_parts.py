"""Reads the options of a link to a hosted page, and draws the parts that the pages of invoices and channels share."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlsplit

from ..amounts import spell
from .html import Html, el
from .texts import LABELS, choose_locale


@dataclass(frozen=True, slots=True)
class Look:
    """The parameters of a hosted page: `locale`, `theme`, `back_button`."""

    locale: str
    theme: str
    back_button: bool

    @property
    def labels(self) -> dict[str, str]:
        """The words beside values and on buttons."""
        return dict(LABELS[self.locale])


def read_look(query: dict[str, str], accepted: str) -> Look:
    """Read the parameters of a link; the language is the browser's (`accepted`) where none is asked for."""
    theme = query.get("theme", "")
    locale = choose_locale(query.get("locale", ""), accepted)
    return Look(locale, theme if theme in {"light", "dark"} else "light", query.get("back_button") == "true")


def back_button(look: Look, url: str | None) -> Html | None:
    """Return the button that was asked for: to the shop's page, or where the customer came from."""
    if not look.back_button:
        return None
    if is_link(url):
        return el("p", el("a", look.labels["back"], href=url, class_="button plain"), class_="back")
    return el("p", el("button", look.labels["back"], type="button", data_back=True), class_="back")


def is_link(url: str | None) -> bool:
    """Return whether a customer can be sent to this address."""
    return bool(url) and urlsplit(str(url)).scheme in {"http", "https"}


def line(label: str, value: object, *, copy: str = "", labels: dict[str, str] | None = None) -> Html:
    """Return a label with its value and, given the words for it, a button that copies it."""
    button = None
    if labels:
        button = el(
            "button", labels["copy"], type="button", class_="copy", data_copy=copy, data_copied=labels["copied"],
            aria_label=f"{labels['copy']}: {label}",
        )  # fmt: skip
    return el("div", el("span", label, class_="label"), el("span", value, class_="value"), button, class_="line")


def spell_money(amount: Decimal) -> str:
    """Spell a price as people do: two decimals at least."""
    text = spell(amount)
    return text if len(text.partition(".")[2]) > 1 else text + "0"


def spell_coins(amount: Decimal) -> str:
    """Spell a coin amount for people: no .0 at the end."""
    return spell(amount).removesuffix(".0")

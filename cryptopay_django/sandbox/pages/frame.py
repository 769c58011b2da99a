"""Draws the common parts of all pages: the frame, the headers, the clock bar, buttons that use the control API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..core import Sandbox
from ..routing import Response
from .html import Html, el, join
from .texts import language_of

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_SECTIONS = {
    "/": "Invoices",
    "/channels": "Channels",
    "/ledger": "Ledger",
    "/withdrawals": "Withdrawals",
    "/subscriptions": "Subscriptions",
    "/callbacks": "Callbacks",
    "/account": "Account",
    "/variants": "Variants",
    "/trouble": "Trouble",
}
_JUMPS = (("+1 min", 60), ("+9 min", 540), ("+1 h", 3_600), ("+14 days", 1_209_600))


def frame(title: str, *content: object, live: str, theme: str = "", locale: str = "en", status: int = 200) -> Response:
    """Return a whole page. `live` is the address of the JSON that says when to look again."""
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="robots", content="noindex"),
        el("title", f"{title} · Cryptopay sandbox"),
        el("link", rel="icon", href="/static/icon.svg", type="image/svg+xml"),
        el("link", rel="stylesheet", href="/static/sandbox.css"),
        el("script", src="/static/sandbox.js", defer=True),
    )
    words = el("noscript", el("p", "These pages need JavaScript for their buttons.", class_="notice"))
    toast = el("div", id="toast", role="status", aria_live="polite")
    body = el("body", words, *content, toast, data_live=live)
    html = el("html", head, body, lang=language_of(locale), data_theme=theme if theme in {"light", "dark"} else None)
    return Response(status, b"<!doctype html>" + html.encode(), "text/html; charset=utf-8", dict(HEADERS))


def desk_page(sandbox: Sandbox, title: str, path: str, *content: object, status: int = 200) -> Response:
    """Return a page for the person at the sandbox: sections on top, then the clock, then the content."""
    links = [
        el("a", name, href=link, aria_current="page" if link == path else None) for link, name in _SECTIONS.items()
    ]
    icon = el("img", src="/static/icon.svg", alt="", width=26, height=26)
    brand = el("a", icon, "Cryptopay sandbox", href="/", class_="brand")
    top = el("header", brand, el("nav", links, aria_label="Sections"), class_="top")
    return frame(title, top, el("main", _clock_bar(sandbox), content), live="/live.json", status=status)


def button(label: object, action: str, body: Mapping[str, Any], *, kind: str = "", hint: str | None = None) -> Html:
    """Return a button that posts this body to the control API."""
    return el(
        "button", label, type="button", class_=kind or None, title=hint, data_action=action, data_body=json.dumps(body)
    )


def form(action: str, *content: object, class_: str = "fields") -> Html:
    """Return a form whose fields become the body of a request to the control API; empty ones are left out."""
    return el("form", *content, class_=class_, data_action=action)


def field(label: str, control: object, hint: str | None = None) -> Html:
    """Return a labelled form field."""
    return el("label", el("span", label), control, el("small", hint) if hint else None)


def select(name: str, options: Mapping[str, str], chosen: str) -> Html:
    """Return a drop-down list."""
    choices = [el("option", text, value=value, selected=value == chosen) for value, text in options.items()]
    return el("select", choices, name=name)


def badge(status: str, context: str | None = None) -> Html:
    """Return a status as a coloured word; of an unresolved invoice, why it is."""
    word = context or status
    return el("span", word.replace("_", " "), class_=f"badge {word}", title=status)


def facts(pairs: Mapping[str, object]) -> Html:
    """Return names and values below one another."""
    return el("dl", [join(el("dt", name), el("dd", value)) for name, value in pairs.items()], class_="facts")


def not_found(sandbox: Sandbox) -> Response:
    """Return the page that says that there is none."""
    return desk_page(sandbox, "Not found", "", el("section", el("h1", "There is no such page")), status=404)


def _clock_bar(sandbox: Sandbox) -> Html:
    speed = sandbox.clock.speed
    now = sandbox.clock.now()
    jumps = [button(label, "advance", {"seconds": seconds}, hint="Move the clock") for label, seconds in _JUMPS]
    paces = [
        button(label, "clock", {"speed": pace}, kind="on" if speed == pace else "")
        for label, pace in (("Pause", 0), ("×1", 1), ("×60", 60), ("×600", 600))
    ]
    face = el("time", f"{now:%Y-%m-%d %H:%M:%S}", datetime=now.isoformat(), data_clock=True)
    return el(
        "section",
        el("div", el("span", "Clock (UTC)"), face, class_="face"),
        el("div", jumps, class_="row"),
        el("div", paces, class_="row"),
        class_="clock",
        aria_label="Clock",
    )

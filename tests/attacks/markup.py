"""Reads a page as a browser does, and tells what in it could run, lead away or break out."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

_LINKS = {"href", "src", "action", "formaction", "data", "poster", "srcdoc", "xlink:href", "content"}
_MAY_LEAD_TO = {"", "http", "https", "mailto", "bitcoin"}
_CONTROLS = re.compile("[\x00-\x20]")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag.startswith("xss"):
            self.found.append(f"a tag <{tag}>")
        names = [name for name, _ in attrs]
        if tag == "script" and "src" not in names and dict(attrs).get("type") != "application/json":
            self.found.append("a script of the page's own")
        self.found += [f"a handler {name} on <{tag}>" for name in names if name.startswith(("on", "xss"))]
        for name, value in attrs:
            link = _CONTROLS.sub("", value or "")
            if name in _LINKS - {"content"} and _scheme(link) not in _MAY_LEAD_TO:
                self.found.append(f"a link {name}={link[:60]} on <{tag}>")

    handle_startendtag = handle_starttag


def _scheme(link: str) -> str:
    return urlsplit(link).scheme.lower() if ":" in link.partition("/")[0] else ""


def dangers(page: str) -> list[str]:
    """Return what is dangerous in a page."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader.found

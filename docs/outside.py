"""Reads the Markdown files that stand outside of docs/, for the pages of the site that include them."""

import re

from myst_parser.sphinx_ import Parser as MarkdownParser

ELSEWHERE = {
    "CHANGELOG.md": "changelog",
    "CONTRIBUTING.md": "contributing",
    "SECURITY.md": "reporting",
    "RESULTS.md": "measurements",
    "README.md": "index",
}
"""Pages that lie outside of docs/ or have another name there, and the documents of the site that include them."""


def point_inside(text: str, *, folder: str = "") -> str:
    """Return Markdown with its links to files of the repository pointing at documents of the site.

    `folder` is that of the page below docs/: from there a link that goes up is left going up, and others stay. A link
    that reads as the name of its file gets no text, and so the title of the page.
    """

    def moved(match: re.Match[str]) -> str:
        words, outside, name, anchor = match.groups()
        if folder and not outside:
            return match[0]
        shown = "" if words == name else words
        return f"[{shown}]({'../' if folder else ''}{ELSEWHERE.get(name, name)}{anchor or ''})"

    return re.sub(r"\[([^]]+)\]\(((?:\.\./|docs/|benchmarks/)*)([\w-]+\.md)(#[\w-]+)?\)", moved, text)


class Parser(MarkdownParser):
    """What `:parser: outside` of an `include` finds."""

    def parse(self, inputstring: str, document: object) -> None:
        super().parse(point_inside(inputstring), document)

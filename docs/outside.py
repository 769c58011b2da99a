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


def point_inside(text: str) -> str:
    """Return Markdown with its links to files of the repository pointing at documents of the site.

    A link that reads as the name of its file gets no text, and so the title of the page.
    """

    def moved(match: re.Match[str]) -> str:
        words, name, anchor = match.groups()
        shown = "" if words == name else words
        return f"[{shown}]({ELSEWHERE.get(name, name)}{anchor or ''})"

    return re.sub(r"\[([^]]+)\]\((?:\.\./|docs/|benchmarks/)*([\w-]+\.md)(#[\w-]+)?\)", moved, text)


class Parser(MarkdownParser):
    """What `:parser: outside` of an `include` finds."""

    def parse(self, inputstring: str, document: object) -> None:
        super().parse(point_inside(inputstring), document)

"""The pages of the documentation, read as Markdown: their blocks of code, links, pictures and headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from scripts.document import PAGES, ROOT

__all__ = ["OF_HOSTS", "PAGES", "ROOT", "Block", "anchors", "blocks", "commands", "targets"]

OF_HOSTS = [page for page in PAGES if page.parent == ROOT / "docs" / "adapters"]
"""Pages about an adapter. What they say is done with packages that are not installed here: `python -m scripts.hosts`."""

_PARSER = MarkdownIt("commonmark").enable("table")
_FILE = re.compile(r"(?:# |\{# )(\w[\w/]*\.\w+)(, at the end)?(?: #\})?")
_CRON = re.compile(r"(?:[\d*/,-]+ +){5}")


@dataclass(frozen=True)
class Block:
    """One block of code: its language, "" where there is none, and the file that its first line names."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def file(self) -> str:
        """The file that the block is, "" for none."""
        match = _FILE.fullmatch(self.text.partition("\n")[0])
        return match[1] if match else ""

    @property
    def is_an_addition(self) -> bool:
        """Whether it is to be put behind what the file has."""
        match = _FILE.fullmatch(self.text.partition("\n")[0])
        return bool(match and match[2])

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(page: Path, *languages: str) -> list[Block]:
    """Return the page's blocks in these languages, or in all."""
    found = [
        Block(page, (token.map or [0])[0] + 1, token.info, token.content)
        for token in _tokens(page)
        if token.type in ("fence", "code_block")
    ]
    return [block for block in found if not languages or block.language in languages]


def commands(block: Block) -> list[str]:
    """Return the commands of a block for the shell or for cron, without times and comments."""
    lines = [re.sub(r"\s+# .*", "", line) for line in block.text.splitlines()]
    return [_CRON.sub("", line) if block.language == "cron" else line for line in lines if line]


def targets(page: Path) -> Iterator[str]:
    """Yield what the page's links and pictures point at."""
    for token in _inline(page):
        target = token.attrGet({"link_open": "href", "image": "src"}.get(token.type, ""))
        if target is not None:
            yield str(target)


def anchors(page: Path) -> set[str]:
    """Return the anchors that the page's headings have."""
    tokens = _tokens(page)
    headings = [tokens[n + 1].content for n, token in enumerate(tokens) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _inline(page: Path) -> Iterator[Token]:
    for token in _tokens(page):
        yield from token.children or ()


def _tokens(page: Path) -> list[Token]:
    return _PARSER.parse(page.read_text(encoding="utf-8"))

"""Every page is in the index, every link leads somewhere, every block says what it is and can be read as that."""

from __future__ import annotations

import configparser
import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from django.template import engines

from .pages import PAGES, ROOT, Block, anchors, blocks, targets

LANGUAGES = {"cron", "django", "http", "ini", "json", "mermaid", "python", "sh", "yaml"}
READERS = {
    "django": engines["django"].from_string,
    "ini": lambda text: configparser.ConfigParser(interpolation=None).read_string(text),
    "json": json.loads,
    "python": lambda text: compile(text, "a page", "exec"),
    "yaml": yaml.safe_load,
}
ALL = [block for page in PAGES for block in blocks(page)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_and_picture_of_a_page_is_there(page: Path) -> None:
    lost = []
    for target in targets(page):
        parts = urlsplit(target)
        file = (page.parent / parts.path).resolve() if parts.path else page
        if parts.scheme or (file.exists() and not parts.fragment):
            continue
        if not file.exists() or parts.fragment not in anchors(file):
            lost.append(target)

    assert lost == []


def test_every_page_is_in_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {urlsplit(target).path for target in targets(index)}

    assert {page.name for page in PAGES if page.parent == index.parent} - linked == {"README.md"}


@pytest.mark.parametrize("block", ALL, ids=str)
def test_a_block_says_its_language_and_can_be_read(block: Block) -> None:
    assert block.language in LANGUAGES

    READERS.get(block.language, str)(block.text)

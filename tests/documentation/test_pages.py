"""Every page is in the index, every link leads somewhere, every block says what it is and can be read as that."""

from __future__ import annotations

import configparser
import json
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from django.template import engines

from .pages import OF_HOSTS, PAGES, ROOT, Block, anchors, blocks, targets

LANGUAGES = {"cron", "django", "http", "ini", "javascript", "json", "mermaid", "python", "sh", "toml", "yaml"}
READERS = {
    "django": engines["django"].from_string,
    "ini": lambda text: configparser.ConfigParser(interpolation=None).read_string(text),
    "json": json.loads,
    "python": lambda text: compile(text, "a page", "exec"),
    "toml": tomllib.loads,
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


def test_every_page_about_an_adapter_is_in_the_overview() -> None:
    overview = ROOT / "docs" / "adapters.md"
    linked = {(overview.parent / urlsplit(target).path).resolve() for target in targets(overview)}

    assert OF_HOSTS
    assert [page.name for page in OF_HOSTS if page not in linked] == []


@pytest.mark.parametrize("block", ALL, ids=str)
def test_a_block_says_its_language_and_can_be_read(block: Block) -> None:
    assert block.language in LANGUAGES

    # A host's templates have tags of the host.
    if block.language != "django" or block.page not in OF_HOSTS:
        READERS.get(block.language, str)(block.text)

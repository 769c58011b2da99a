"""What the pages say of extending ours: blocks of templates and variables of styles are there, and change what is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.template import Template
from django.template.loader import get_template
from django.template.loader_tags import BlockNode, ExtendsNode

from .pages import ROOT

CHECKOUT = (ROOT / "docs" / "checkout.md").read_text(encoding="utf-8")
LINKS = (ROOT / "docs" / "payment-links.md").read_text(encoding="utf-8")
STYLES = {"checkout.md": "cryptopay_django/pages/checkout.css", "admin.md": "cryptopay_django/admin/admin.css"}


def named(text: str, pattern: str) -> list[str]:
    """Return the names in code of the one place in a page that is like this."""
    (place,) = re.findall(pattern, text, re.DOTALL)
    return re.findall(r"`(\w+)`", place)


NAMED = {
    "panel.html": named(CHECKOUT, r"Blocks of the panel: (.*?)\. The block"),
    "choose_coin.html": named(CHECKOUT, r"Blocks of the choice of a coin[^:]*: (.*?)\."),
    "checkout.html": named(CHECKOUT, r"Blocks of the page: (.*?)\."),
    "payment_link.html": named(LINKS, r"with the blocks (.*?)\."),
}


def blocks_of(template: Any) -> Iterator[str]:
    """Yield the names of all blocks of a template and of those that it extends."""
    found: Template = getattr(template, "template", template)
    yield from (node.name for node in found.nodelist.get_nodes_by_type(BlockNode))
    for node in found.nodelist.get_nodes_by_type(ExtendsNode):
        yield from blocks_of(get_template(node.parent_name.var))


@pytest.mark.parametrize(("template", "names"), NAMED.items(), ids=NAMED)
def test_a_block_that_a_page_names_is_there(template: str, names: list[str]) -> None:
    assert len(names) > 3
    assert set(names) - set(blocks_of(get_template(f"cryptopay_django/{template}"))) == set()


@pytest.mark.parametrize("template", ["panel.html", "checkout.html"])
def test_every_block_of_the_payment_page_is_named(template: str) -> None:
    assert sorted(NAMED[template]) == sorted(set(blocks_of(get_template(f"cryptopay_django/{template}"))))


@pytest.mark.parametrize(("page", "styles"), STYLES.items(), ids=STYLES)
def test_a_variable_that_a_page_names_is_set_and_used(page: str, styles: str) -> None:
    text = Path(finders.find(styles)).read_text(encoding="utf-8")
    names = set(re.findall(r"`(--cp-[\w-]+)`", (ROOT / "docs" / page).read_text(encoding="utf-8")))

    assert names
    assert {name for name in names if f"{name}:" not in text} == set()
    assert {name for name in names if f"var({name}" not in text} == set()

"""The code on the pages about adapters is that of the projects in which it is tested."""

from __future__ import annotations

import pytest

from .pages import OF_HOSTS, ROOT, Block, blocks


def named_files(page_name: str) -> list[Block]:
    """Return the blocks of a page that name a file of the project of its host."""
    page = next(page for page in OF_HOSTS if page.name == page_name)
    return [block for block in blocks(page, "python", "javascript") if first_line(block)]


def first_line(block: Block) -> str:
    line = block.text.partition("\n")[0]
    return line.lstrip("#/ ") if line.startswith(("# ", "// ")) and "." in line else ""


@pytest.mark.parametrize("block", named_files("headless.md"), ids=str)
def test_what_the_page_of_the_headless_shop_shows_is_in_its_project(block: Block) -> None:
    project = ROOT / "tests" / "hosts" / "headless" / "project"

    shown = block.text.partition("\n")[2]

    assert shown in (project / first_line(block)).read_text(encoding="utf-8")


def test_the_page_of_the_headless_shop_shows_files() -> None:
    assert len(named_files("headless.md")) == 5


def test_the_class_of_the_overview_is_the_one_that_the_example_shop_passes() -> None:
    (block,) = (one for one in blocks(ROOT / "docs" / "adapters.md", "python") if "AdapterContract" in one.text)

    shown = block.text[block.text.index("    def place_order") :]

    assert shown in (ROOT / "tests" / "testing" / "test_adapters.py").read_text(encoding="utf-8")

"""The shop of these tests is the one that docs/adapters/oscar.md makes: what the page says to write is in its files."""

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "docs" / "adapters" / "oscar.md"
FILES = ["frobshop/settings.py", "frobshop/urls.py", "forked/checkout/views.py", "forked/checkout/apps.py"]
BLOCKS = re.findall(
    r"^```python\n(.*?)^```", PAGE.read_text().partition("## Other methods of payment")[0], re.DOTALL | re.MULTILINE
)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_what_the_page_says_is_in_the_shop(block):
    shop = {" ".join(line.split()) for name in FILES for line in (HERE / "project" / name).read_text().splitlines()}

    assert {" ".join(line.split()) for line in block.splitlines() if not line.startswith("#")} - shop == set()


def test_the_page_has_its_steps():
    assert len(BLOCKS) == 5

"""The planted bugs: that each still has its place and its tests. `python -m scripts.plant` tries them."""

import re
from collections import Counter
from pathlib import Path

import pytest

from scripts.planted import BUGS

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_has_its_place(bug):
    text = (ROOT / "cryptopay_django" / bug.file).read_text()

    compile(bug.plant(text), bug.file, "exec")


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_the_tests_of_a_planted_bug_are_there(bug):
    assert bug.tests
    for test in bug.tests:
        file, _, name = test.partition("::")
        found = re.findall(r"^def (test_\w+)", (ROOT / "tests" / file).read_text(), re.MULTILINE)
        assert not name or name in found


def test_each_planted_bug_has_a_name_of_its_own():
    assert [name for name, count in Counter(bug.name for bug in BUGS).items() if count > 1] == []

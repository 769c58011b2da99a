"""The table of stacks, and what its last run gave: every row has a result, and no red is unexplained."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.stacks.results import is_explained, read_results
from tests.stacks.rows import BASE, FRONTS, ROWS, SERVERS
from tests.stacks.shop import setups
from tests.stacks.story import hidden

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "compatibility.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_ran_and_came_out_as_the_table_says(row):
    result = read_results()[row.name]

    assert is_explained(row, result), result["failed"]


def test_every_row_has_a_name_of_its_own_and_parts_that_there_are():
    assert [name for name, times in Counter(row.name for row in ROWS).items() if times > 1] == []
    assert {row.server for row in ROWS} == SERVERS.keys()
    assert {row.front for row in ROWS} == {"", *FRONTS}
    assert [row.setup for row in ROWS if row.setup and not hasattr(setups, row.setup)] == []


def test_what_ci_runs_are_rows_that_are_supported():
    (block,) = re.findall(
        r"^STACKS=\(\n(.*?)^\)", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    supported = {row.name for row in ROWS if not row.not_supported}

    names = re.findall(r'^    "(.*)"$', block, re.MULTILINE)

    assert names
    assert set(names) <= supported


def test_every_package_is_pinned():
    packages = [one for row in ROWS for one in row.packages] + [
        one for program in SERVERS.values() for one in program.packages
    ]

    assert [one for one in (*packages, *BASE) if not re.fullmatch(r"[\w.-]+(\[[\w,-]+\])?==[\w.]+", one)] == []


def test_the_page_has_every_group():
    groups = {row.group.replace(" ", "-") for row in ROWS}

    assert set(re.findall(r"<!-- begin stacks (\S+) -->", PAGE)) == groups


def test_a_result_has_no_more_than_what_was_seen():
    kept = json.dumps(read_results())

    assert "/tmp/" not in kept
    assert "127.0.0.1" not in kept


def test_a_form_is_posted_with_its_hidden_fields():
    page = """<input type="hidden" name="a" value="1 &amp; 2"><input name="b" type="hidden"><input type="text" name="c">"""

    assert hidden(page) == {"a": "1 & 2", "b": ""}

"""The floors of coverage: that they are told apart, and that what they name is there."""

import pytest

from scripts.cover import FLOOR, ROOT, WHOLE, short_of, whole_files

TAKEN = {"missing_lines": [], "missing_branches": []}


def measured(covered=99, **files):
    return {
        "totals": {"covered_branches": covered, "num_branches": 100, "covered_lines": 1, "num_statements": 1},
        "files": files,
    }


def test_every_file_that_must_be_taken_whole_is_there():
    files = whole_files(ROOT)

    assert len(files) >= len(WHOLE)
    assert all((ROOT / file).is_file() for file in files)


def test_a_file_that_is_there_no_more_is_told(tmp_path):
    with pytest.raises(ValueError, match="is not in cryptopay_django any more"):
        whole_files(tmp_path)


def test_floors_that_are_held_are_not_talked_about():
    assert list(short_of(measured(FLOOR, a=TAKEN, b={**TAKEN, "missing_lines": [7]}), {"a"})) == []


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (measured(FLOOR - 1, a=TAKEN), "94.00 % of the branches"),
        (measured(), "a was never imported"),
        (measured(a={**TAKEN, "missing_lines": [7, 9]}), "a must be taken whole: lines 7, 9, branches all taken"),
        (
            measured(a={**TAKEN, "missing_branches": [[7, 9]]}),
            "a must be taken whole: lines all taken, branches 7 to 9",
        ),
    ],
)
def test_a_floor_that_is_not_held_is_told(found, told):
    (line,) = short_of(found, {"a"})

    assert told in line

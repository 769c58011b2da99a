"""The mutants: that changes are found, and that what is explained still has its place. `make mutate` tries them."""

import pytest

from scripts.explained import EXPLAINED
from scripts.mutants import mutants_of
from scripts.mutate import MODULES
from scripts.plant import PACKAGE, ROOT

CODE = '''
"""What it is about."""

import logging


def halve(amount: int, *, told: bool = False) -> int:
    """Halve it."""
    if told:
        logger.info("half of %s", amount)
    if amount < 0:
        raise ValueError("not below zero", amount)
    return amount // 2
'''


def test_each_change_is_known_by_its_line_and_wording_is_left_alone():
    found = {(mutant.within, mutant.new) for mutant in mutants_of("halves.py", CODE, ())}

    assert found == {
        ("halve", "def halve(amount: int, *, told: bool = True) -> int:"),
        ("halve", "if amount <= 0:"),
        ("halve", "if amount < 1:"),
        ("halve", 'raise ValueError("not below zero", None)'),
        ("halve", 'raise ValueError("not below zero", )'),
        ("halve", "return amount / 2"),
        ("halve", "return amount // 3"),
    }


def test_a_mutant_is_the_whole_file_with_one_change():
    (change,) = [mutant for mutant in mutants_of("halves.py", CODE, ()) if mutant.new == "if amount <= 0:"]

    assert change.plant(CODE) == CODE.replace("amount < 0", "amount <= 0")
    assert change.name == "halves.py:11, halve: if amount < 0: -> if amount <= 0:"


@pytest.mark.parametrize("entry", EXPLAINED, ids=lambda entry: f"{entry.file} {entry.within} {entry.old}")
def test_what_is_explained_is_still_there(entry):
    lines = {line.strip() for line in (ROOT / PACKAGE / entry.file).read_text().splitlines()}

    assert set(entry.old.split(" / ")) - {""} <= lines


def test_the_tests_that_judge_a_module_are_there():
    for module, tests in MODULES.items():
        assert (ROOT / PACKAGE / module).is_file()
        assert all((ROOT / "tests" / test).is_file() for test in tests)

"""The page on going live: its functions run, and it names every option of every command."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import load_command_class

from cryptopay_django.testing.checklist import Result, run_checklist
from cryptopay_django.testing.checklist.report import TITLES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "going-live.md").read_text(encoding="utf-8")
OWN = {"checklist", "doctor", "prune", "reconcile"}
DJANGOS = {
    "--help", "--version", "--verbosity", "--settings", "--pythonpath", "--traceback", "--no-color",
    "--force-color", "--skip-checks",
}  # fmt: skip


def test_the_functions_of_the_page_are_what_the_checklist_takes(db):
    (example,) = re.findall(r"```python\n# shop/checklist.py\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, object] = {}

    exec(compile(example, "docs/going-live.md", "exec"), names)
    report = run_checklist(
        place_order=names["place_order"],
        probe=names["credited"],
        open_channel=names["open_channel"],
        channel_probe=names["credited_payment"],
        stories=["paid in full", "channel, two payments"],
    )

    assert report.finding(5).result is Result.PASSED
    assert "credited 0 for 100 settled" in report.finding(12).evidence
    assert ": 0 credited for " in report.finding(15).evidence


@pytest.mark.parametrize("name", sorted(OWN))
def test_every_option_is_on_the_page(name):
    parser = load_command_class("cryptopay_django", f"cryptopay_{name}").create_parser("manage.py", name)
    options = {text for action in parser._actions for text in action.option_strings if text.startswith("--")}

    assert {option for option in options - DJANGOS if option not in PAGE} == set()


def test_every_point_is_in_the_table():
    covered = {1, 2, 3, 6, 7, 8} | {int(number) for number in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)}

    assert covered == set(range(1, len(TITLES) + 1))

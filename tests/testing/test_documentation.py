"""The page on the sandbox: its example is a test that passes, and its tables miss nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cryptopay_django.sandbox import control
from cryptopay_django.sandbox.__main__ import _parse
from cryptopay_django.sandbox.scenarios import SCENARIOS
from cryptopay_django.sandbox.trouble import Fault
from cryptopay_django.testing.inprocess import InProcessSandbox

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")


def test_the_example_is_under_fifteen_lines_and_passes(cryptopay_sandbox: InProcessSandbox, db: None) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, object] = {}

    exec(compile(example, "docs/sandbox.md", "exec"), names)
    names["test_a_customer_pays_too_little"](cryptopay_sandbox, db)

    assert len(example.splitlines()) < 15


@pytest.mark.parametrize("action", sorted(name for _, name in control._ACTIONS))
def test_every_request_of_the_control_api_is_in_the_table(action: str) -> None:
    assert re.search(rf"`(GET|POST) {action}`", PAGE)


@pytest.mark.parametrize("word", [*SCENARIOS, *(fault.value for fault in Fault)])
def test_every_scenario_and_fault_is_named(word: str) -> None:
    assert f"`{word}`" in PAGE


def test_every_option_is_in_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _parse(["--help"])

    options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}
    assert {option for option in options if option not in PAGE} == set()


def test_every_picture_is_there_and_small() -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", PAGE)

    assert pictures
    for picture in pictures:
        assert (ROOT / "docs" / picture).stat().st_size < 150_000

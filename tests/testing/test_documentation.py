"""The page on the sandbox: its example is a test that passes, and its tables miss nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cryptopay_django.sandbox import account, control
from cryptopay_django.sandbox.__main__ import _parse
from cryptopay_django.sandbox.api import ROUTES
from cryptopay_django.sandbox.network_faults import Fault
from cryptopay_django.sandbox.open_questions import QUESTIONS
from cryptopay_django.sandbox.pages.texts import PHASES
from cryptopay_django.sandbox.scenarios import SCENARIOS
from cryptopay_django.testing.inprocess import InProcessSandbox

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")


def test_the_example_is_under_fifteen_lines_and_passes(cryptopay_sandbox: InProcessSandbox, db: None) -> None:
    example, *_ = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
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


def rows(title: str) -> list[list[str]]:
    """The cells of the table in a section, without its head."""
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]


def test_the_page_lists_every_endpoint_and_none_that_is_not_there() -> None:
    said: dict[str, str] = {}
    for calls, answer in rows("Endpoints"):
        said |= dict.fromkeys(re.findall(r"`([A-Z]+ /[^`]+)`", calls), answer)

    assert {re.sub(r"\{\w+\}", "{}", call) for call in said} == {f"{one.method} {one.path}" for one in ROUTES}
    assert {call: answer for call, answer in said.items() if answer != "yes"} == {
        "GET /api/rates/{pair}": "by switch: `joined_rate`",
        "POST /api/risks/score": "by switch: `risks`",
    }


def test_the_page_asks_every_open_question_with_every_answer() -> None:
    said = {name.strip("`"): re.findall(r"`(\w+)`:", answers) for name, _, answers in rows("Open questions")}

    assert said == {name: list(question.answers) for name, question in QUESTIONS.items()}


def test_the_page_names_every_setting_of_the_account() -> None:
    (settings,) = (body for request, body, _ in rows("3. From a script") if request == "`POST settings`")

    assert set(account._SETTINGS) <= set(re.findall(r"`(\w+)`", settings))


def test_the_page_names_every_shortcut_of_the_fixture() -> None:
    public = {name for name in dir(InProcessSandbox) if not name.startswith("_")}
    said = {name for row in rows("4. In your tests") for name in re.findall(r"`(\w+)(?:\(|`)", row[0])}

    assert public - said == {"account", "adapter_for", "all_accounts", "clock", "seed"} & public


def test_the_page_names_every_language_of_the_hosted_pages() -> None:
    assert all(f"`{locale}`" in PAGE for locale in PHASES)

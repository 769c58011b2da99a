"""What the pages say of settings, signals, states, errors and checks is what the code has, and all of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.dispatch import Signal

from cryptopay_django import exceptions, signals
from cryptopay_django.conf import AppSettings, Option
from cryptopay_django.fields import StatusModel
from scripts.document import PAGES, REGION, ROOT, as_markdown, render, signal_texts

PACKAGE = ROOT / "cryptopay_django"


def read(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_says_what_the_code_says(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert text == render(text), "run: python -m scripts.document"


def test_what_the_code_says_is_put_between_the_marks_and_nowhere_else() -> None:
    page = "before\n<!-- begin settings SHOP_NAME -->\nold\n<!-- end -->\nafter\n"

    written = render(page)

    assert written.startswith("before\n<!-- begin settings SHOP_NAME -->\n\n| setting |")
    assert "| `CRYPTOPAY_SHOP_NAME` | One line of text, or nothing | `''` |" in written
    assert written.endswith("|\n\n<!-- end -->\nafter\n")
    assert "old" not in written


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('as in {"EUR": Decimal(1000)}: a settlement', 'as in `{"EUR": Decimal(1000)}`: a settlement'),
        ('lacks: {"SOL": {"solana": 9}} (coin)', 'lacks: `{"SOL": {"solana": 9}}` (coin)'),
        ('by network: {"bitcoin": "https://e.example/tx/{txid}"}.', 'by network: `{"bitcoin": "https://e.example/tx/{txid}"}`.'),
        ('in this order: ["BTC", "USDT/tron"]. Empty', 'in this order: `["BTC", "USDT/tron"]`. Empty'),
        ('the account "default".', 'the account `"default"`.'),
    ],
)  # fmt: skip
def test_literals_are_set_as_code(text: str, expected: str) -> None:
    assert as_markdown(text) == expected


def test_every_setting_is_documented_once() -> None:
    regions = [match for match in REGION.finditer(read("settings.md")) if match[2] == "settings"]
    documented = [name for match in regions for name in match[3].split()]

    assert sorted(documented) == sorted(name for name, value in vars(AppSettings).items() if isinstance(value, Option))
    assert "<!-- begin account-keys -->" in read("settings.md")


def test_every_signal_is_documented() -> None:
    public = {name for name, value in vars(signals).items() if isinstance(value, Signal)}

    assert set(signal_texts()) == public
    assert {name for name in public if f"`{name}`" not in read("signals.md")} == set()


def test_every_check_is_documented_and_no_other() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    raised = set(re.findall(r'id="(cryptopay\.[EW]\d{3})"', sources))

    assert re.findall(r"^\| `(cryptopay\.[EW]\d{3})` \|", read("checks.md"), re.MULTILINE) == sorted(
        raised, key=lambda name: name[-3:]
    )


def test_every_error_is_documented() -> None:
    errors = {name for name, value in vars(exceptions).items() if is_error(value)}

    assert set(re.findall(r"^ *- `(\w+)`: ", read("errors.md"), re.MULTILINE)) == errors


def test_the_tree_on_top_of_the_errors_is_the_tree_of_the_classes() -> None:
    drawn = re.findall(r"^([│ ├└─]*)(\w+Error)(?: |$)", exceptions.__doc__ or "", re.MULTILINE)
    parents: list[str] = []
    tree = {}
    for indent, name in drawn:
        depth = len(indent) // 4
        parents[depth:] = [name]
        tree[name] = parents[depth - 1] if depth else "Exception"

    assert tree == {name: value.__bases__[0].__name__ for name, value in vars(exceptions).items() if is_error(value)}


def is_error(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, exceptions.CryptopayError)


def test_every_model_with_states_has_its_diagram() -> None:
    models = {
        model.__name__ for model in apps.get_app_config("cryptopay_django").get_models() if not model._meta.proxy
    }
    with_states = {model for model in models if issubclass(apps.get_model("cryptopay_django", model), StatusModel)}

    assert set(re.findall(r"<!-- begin diagram (\w+) -->", read("states.md"))) == with_states
    assert set(re.findall(r"<!-- begin transitions (\w+) -->", read("states.md"))) == with_states


def test_every_command_is_on_a_page() -> None:
    commands = {path.stem for path in (PACKAGE / "management" / "commands").glob("cryptopay_*.py")}
    pages = "".join(page.read_text(encoding="utf-8") for page in PAGES)

    assert {name for name in commands if f"manage.py {name}" not in pages} == set()


def test_the_page_about_the_code_names_files_that_are_there() -> None:
    named = re.findall(r"(?:[a-z_]+/)*[a-z_]+(?:\.py|/(?=`))", read("architecture.md"))

    assert len(named) > 30
    missing = [name for name in named if not any((place / name).exists() for place in (PACKAGE, PACKAGE / "services"))]
    assert [name for name in missing if name not in {"manage.py", "cryptopay_django/"}] == []


def test_the_code_names_files_that_are_there() -> None:
    """In docstrings and comments: a name with a folder is a path, a name alone is a file of the package."""
    paths = {path.relative_to(PACKAGE.parent).as_posix() for path in PACKAGE.rglob("*.py")}
    ends = {"/".join(path.split("/")[place:]) for path in paths for place in range(path.count("/") + 1)}
    named = {
        (path.relative_to(PACKAGE).as_posix(), name)
        for path in PACKAGE.rglob("*.py")
        for name in re.findall(r"`((?:[a-z_]+/)*[a-z_]+\.py)`", path.read_text(encoding="utf-8"))
    }

    assert len(named) > 200
    assert sorted(one for one in named if one[1] not in ends | {"manage.py", "django_fsm/__init__.py"}) == []

"""Write into the pages of docs/ what the code says itself: settings, states, signals, errors, covered modules.

    python -m scripts.document           # write the pages anew
    python -m scripts.document --check   # change nothing; exit 1 and name the pages that are out of date

A page marks where it goes: `<!-- begin settings PROCESSING REQUEST_BUDGET -->`, and `<!-- end -->` after it. What
stands around it is written by hand.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import django
from django.apps import apps
from django.db import models

from cryptopay_django import exceptions, signals
from cryptopay_django.conf import ACCOUNT_KEYS, AppSettings, Option
from scripts.cover import PACKAGE, whole_files
from tests.stacks.rows import ROWS, Row

ROOT = Path(__file__).parent.parent
PAGES = [
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "adapters").glob("*.md")),
]
REGION = re.compile(r"(<!-- begin ([a-z-]+)([^>]*?) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def render(text: str) -> str:
    """Return a page with each of its regions written anew; raise KeyError for one that nothing writes."""
    return REGION.sub(lambda match: f"{match[1]}\n{WRITERS[match[2]](*match[3].split())}\n\n{match[5]}", text)


def settings(*names: str) -> str:
    """Return a table of these settings."""
    rows = []
    for name in names:
        option: Option[Any] = vars(AppSettings)[name]
        default = "" if option.default is None else code(option.default)
        kind = as_markdown((option.check.__doc__ or "").rstrip("."))
        own = " *Per account.*" if option.per_account else ""
        rows.append([f"`{option.setting}`", kind, default, as_markdown(option.help_text) + own])
    return table(["setting", "type", "default", "meaning"], rows)


def account_keys() -> str:
    """Return a table of what an entry of CRYPTOPAY_ACCOUNTS has."""
    return table(["key", "meaning"], [[f'`"{key}"`', as_markdown(text)] for key, text in ACCOUNT_KEYS.items()])


def whole_table() -> str:
    """Return a table of the modules that the tests must cover whole, by folder."""
    by_folder: dict[str, list[str]] = {}
    for path in sorted(Path(name).relative_to(PACKAGE) for name in whole_files(ROOT)):
        if path.name != "__init__.py":
            by_folder.setdefault(str(path.parent), []).append(f"`{path.name}`")
    return table(["folder", "modules"], [[f"`{folder}/`", ", ".join(names)] for folder, names in by_folder.items()])


def signal_table() -> str:
    """Return a table of the signals that have an event: all but `notice_sent`."""
    documented = signal_texts()
    del documented["notice_sent"]
    return table(
        ["event", "when", "what a shop does"],
        [[f"`{name}`", *(" ".join(part.split()) for part in text.split("\n\n"))] for name, text in documented.items()],
    )


def signal_texts() -> dict[str, str]:
    """Read the text that stands below each signal in signals.py."""
    body = ast.parse(Path(signals.__file__).read_text(encoding="utf-8")).body
    texts: dict[str, str] = {}
    for node, following in pairwise(body):
        match node, following:
            case ast.Assign(targets=[ast.Name(id=name)]), ast.Expr(value=ast.Constant(value=str(text))):
                texts[name] = text.strip()
    return texts


def error_list() -> str:
    """Return the tree of errors as nested lists, each with its docstring."""
    return "\n".join(_error_lines(exceptions.CryptopayError, ""))


def _error_lines(error: type[Exception], indent: str) -> Iterator[str]:
    yield f"{indent}- `{error.__name__}`: {' '.join((error.__doc__ or '').split())}"
    for child in error.__subclasses__():
        if child.__module__ == exceptions.__name__:
            yield from _error_lines(child, indent + "  ")


def diagram(model: str) -> str:
    """Return the states of a model as a Mermaid diagram, read from django-fsm's own record of its transitions.

    What leads to one of several states, or back to the same, is in the table only: it would cross all others.
    """
    moves = [
        f"    {source} --> {target}: {name}"
        for name, sources, targets, _ in transitions(model)
        for source in sources
        for target in targets
        if len(targets) == 1 and source != target
    ]
    start = f"    [*] --> {status_of(model).get_default()}"
    return "\n".join(["```mermaid", "stateDiagram-v2", start, *moves, "```"])


def transition_table(model: str) -> str:
    """Return a table of a model's transitions with the docstring of each."""
    rows = [
        [f"`{name}`", ", ".join(sources), ", ".join(targets), as_markdown(text)]
        for name, sources, targets, text in transitions(model)
    ]
    return table(["transition", "from", "to", "what it means"], rows)


def transitions(model: str) -> Iterator[tuple[str, list[str], list[str], str]]:
    """Yield name, sources, targets and docstring of each transition, in the order of the class."""
    owner = apps.get_model("cryptopay_django", model)
    order = [str(value) for value, _ in status_of(model).flatchoices]
    found: dict[str, tuple[set[str], set[str], str]] = {}
    for move in status_of(model).get_all_transitions(owner):  # type: ignore[attr-defined]
        sources, targets, _ = found.setdefault(move.name, (set(), set(), getattr(owner, move.name).__doc__ or ""))
        sources.add(str(move.source))
        targets.update(str(state) for state in getattr(move.target, "allowed_states", None) or [move.target])
    for name in sorted(found, key=list(vars(owner)).index):
        sources, targets, text = found[name]
        yield name, sorted(sources, key=order.index), sorted(targets, key=order.index), " ".join(text.split())


def status_of(model: str) -> models.Field[Any, Any]:
    """Return the field that the transitions of a model move."""
    field = apps.get_model("cryptopay_django", model)._meta.get_field("status")
    assert isinstance(field, models.Field)
    return field


def stacks(group: str) -> str:
    """Return a table of a group of tests/stacks with the last results; the words of its name are joined by "-"."""
    kept = json.loads((ROOT / "tests" / "stacks" / "results.json").read_text(encoding="utf-8"))
    rows = [row for row in ROWS if row.group.replace(" ", "-") == group]
    return table(["stack", "versions that ran", "result"], [_stack(row, kept.get(row.name)) for row in rows])


def _stack(row: Row, result: dict[str, Any] | None) -> list[str]:
    notes = f" ({row.note})" if row.note else ""
    if result is None:
        return [row.name + notes, "", "not run"]
    found = {name: version for name, version in result["versions"].items() if version != "missing"}
    versions = [_database(found.pop("database"))] if "database" in found else []
    versions = [f"{name.capitalize()} {found.pop(name)}" for name in ("python", "django") if name in found] + versions
    versions += [f"{name} {version}" for name, version in found.items()]
    if result["ok"]:
        refused = result["steps"].get("chunked", "")
        outcome = "; ".join(["works", result["steps"]["restart"], *([refused] if "refused" in refused else [])])
    else:
        outcome = f"not supported: {row.not_supported}" if row.not_supported else f"fails: {result['failed']}"
    return [row.name + notes, ", ".join(versions), outcome]


def _database(said: str) -> str:
    """Shorten what a database says of its version."""
    vendor, _, version = said.partition(" ")
    if vendor == "postgresql":
        return " ".join(version.split()[:2])
    name = "SQLite" if vendor == "sqlite" else "MariaDB" if "MariaDB" in version else "MySQL"
    return f"{name} {version.partition('-')[0]}"


def as_markdown(text: str) -> str:
    """Set the literals in a help text as code."""
    return re.sub(r'\{".*?\}(?=[\s:.(]|$)|\[".*?"\]|"[^"]+"', r"`\g<0>`", " ".join(text.split()))


def code(value: object) -> str:
    """Return a value as Python would write it, marked as code."""
    return f"`{value!r}`"


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)


WRITERS: dict[str, Callable[..., str]] = {
    "account-keys": account_keys,
    "coverage": whole_table,
    "diagram": diagram,
    "errors": error_list,
    "settings": settings,
    "signals": signal_table,
    "stacks": stacks,
    "transitions": transition_table,
}


def main() -> int:
    """Write what differs, or name it."""
    parser = argparse.ArgumentParser(description="Write into docs/ what the code says itself.")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if a page is out of date")
    arguments = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    stale = [page for page in PAGES if render(page.read_text(encoding="utf-8")) != page.read_text(encoding="utf-8")]
    for page in stale:
        print(page.relative_to(ROOT), "is out of date" if arguments.check else "is written")
        if not arguments.check:
            page.write_text(render(page.read_text(encoding="utf-8")), encoding="utf-8")
    return int(arguments.check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())

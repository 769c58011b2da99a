"""Plant each mistake of `scripts/planted` in a copy of the project: the tests it names must fail with it.

python -m scripts.plant                        all of them
python -m scripts.plant "shortfall" "float"    those whose names have one of these words

First the same tests are run on a copy without any mistake, where they must pass. The exit status is 0 only if every
mistake was caught. On SQLite, whatever DATABASE_URL says.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
import shutil
import sys
import tempfile
import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from scripts.planted import BUGS

ROOT = Path(__file__).parent.parent
NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "var", "build", "dist", "*.sqlite3*")
# Loaded before the forks; nothing that looks at settings.
LOADED = (
    "django.contrib.admin.options", "django.db.backends.sqlite3.base", "django.db.migrations.executor", "django.test",
    "factory.django", "requests",
)  # fmt: skip
# What takes seconds to load and none of the tests needs.
UNUSED_PLUGINS = ("anyio", "cacheprovider", "faker", "hypothesispytest", "randomly", "schemathesis", "xdist")
LEFT_OUT = ("DATABASE_URL", "DJANGO_SETTINGS_MODULE", "PYTEST_ADDOPTS", "PROVE_")
LONGEST_SECONDS = 60
OPTIONS = (
    "-x", "-q", "-rfE", "--nomigrations", "--assert=plain", "--tb=short", "--show-capture=no",
    "-o", f"timeout={LONGEST_SECONDS}",
    "-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning",
    *(f"-pno:{plugin}" for plugin in UNUSED_PLUGINS),
)  # fmt: skip
PACKAGE = "cryptopay_django"
BROKEN_OFF = 70

FAILURE = re.compile(r"^(?:FAILED|ERROR) (.+)$", re.MULTILINE)
# A mistake that does not even run says nothing about the tests.
NONSENSE = re.compile(r"^E +(?:NameError|ImportError|ModuleNotFoundError|SyntaxError)\b", re.MULTILINE)


class Mistake(Protocol):
    """What can be planted: a bug of `scripts/planted`, or a mutant."""

    @property
    def name(self) -> str:
        """How it is shown."""

    @property
    def file(self) -> str:
        """Where it is planted, in the package."""

    @property
    def tests(self) -> tuple[str, ...]:
        """Which must fail with it, in `tests/`."""

    def plant(self, text: str) -> str:
        """Return the file's text with the mistake in it."""


class TestsFailError(Exception):
    """Tests that fail without any mistake can catch none. Holds what they said."""


@dataclass(frozen=True)
class Trial:
    """One mistake, and what the tests made of it."""

    bug: Mistake
    verdict: str
    output: str

    @property
    def is_caught(self) -> bool:
        """Whether a test failed with it."""
        return self.verdict == "caught"


def fork_tests(tree: Path, tests: Iterable[str], output: Path) -> int:
    """Begin to run tests in a copy, up to the first that fails, and return the process id; `output` gets its words.

    A fork has loaded already what it needs besides the project, which is most of the time a run would take.
    """
    if pid := os.fork():
        return pid
    status = BROKEN_OFF
    try:
        with output.open("w") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        os.chdir(tree)
        sys.path[0] = str(tree)
        status = int(pytest.main([*OPTIONS, *(f"tests/{test}" for test in tests)]))
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def end_of_tests(running: Iterable[int]) -> tuple[int, int]:
    """Wait for one of the processes; return its id and status."""
    running = set(running)
    while True:
        pid, status = os.wait()
        if pid in running:
            return pid, os.waitstatus_to_exitcode(status)


def judge(bug: Mistake, status: int, output: str) -> Trial:
    """Tell from the status of pytest, and from what it printed, whether a bug was caught."""
    verdict = {0: "SURVIVED", 1: "caught"}.get(status, "BROKEN")
    return Trial(bug, "BROKEN" if NONSENSE.search(output) else verdict, output)


def put(file: Path, text: str) -> None:
    """Write a file of a copy, and let nobody find what was compiled of it before."""
    file.write_text(text)
    for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*"):
        compiled.unlink()


def try_all(bugs: Sequence[Mistake], at_once: int) -> Iterator[Trial]:
    """Try every mistake, so many at once, each in a copy of its own; yield each as it has been judged.

    Raises TestsFailError when the tests fail without any.
    """
    with tempfile.TemporaryDirectory(prefix="planted-") as name:
        folder = Path(name)
        trees = [folder / str(number) for number in range(at_once)]
        shutil.copytree(ROOT, trees[0], ignore=NOT_COPIED)
        control = fork_tests(trees[0], dict.fromkeys(t for bug in bugs for t in bug.tests), folder / "control")
        if end_of_tests([control])[1] != 0:
            raise TestsFailError((folder / "control").read_text())
        # Copied with what the control has compiled.
        for tree in trees[1:]:
            shutil.copytree(trees[0], tree)
        waiting, running = list(reversed(bugs)), dict[int, tuple[Mistake, Path]]()
        while waiting or running:
            while waiting and trees:
                bug, tree = waiting.pop(), trees.pop()
                file = tree / PACKAGE / bug.file
                put(file, bug.plant(file.read_text()))
                running[fork_tests(tree, bug.tests, folder / f"{tree.name}.txt")] = bug, tree
            pid, status = end_of_tests(running)
            bug, tree = running.pop(pid)
            put(tree / PACKAGE / bug.file, (ROOT / PACKAGE / bug.file).read_text())
            trees.append(tree)
            yield judge(bug, status, (folder / f"{tree.name}.txt").read_text())


def get_ready() -> None:
    """Load what every fork needs, and forget what this run of ours was told about databases and settings."""
    for name in [name for name in os.environ if name.startswith(LEFT_OUT)]:
        del os.environ[name]
    for name in LOADED:
        importlib.import_module(name)


def table(trials: list[Trial]) -> str:
    """Return in Markdown which test caught which bug."""
    lines = ["| planted bug | in | outcome | by |", "| --- | --- | --- | --- |"]
    for trial in trials:
        failed = FAILURE.search(trial.output)
        by = failed[1].split(" - ")[0].removeprefix("tests/").replace("|", "\\|") if failed else "–"
        lines.append(f"| {trial.bug.name} | `{trial.bug.file}` | {trial.verdict} | `{by}` |")
    return "\n".join(lines)


def main() -> int:
    """Try the bugs that are asked for, print the table, and tell whether all were caught."""
    parser = argparse.ArgumentParser(description="Plant mistakes that the tests must catch.")
    parser.add_argument("words", nargs="*", help="only bugs whose names have one of these words (default: all)")
    parser.add_argument("--at-once", type=int, default=2, help="how many are tried at once (default: 2)")
    arguments = parser.parse_args()
    bugs = [bug for bug in BUGS if not arguments.words or any(word in bug.name for word in arguments.words)]
    if not bugs:
        parser.error("no planted bug has such a name")
    report = os.environ.get("PROVE_REPORT")
    get_ready()
    trials: list[Trial] = []
    try:
        for trial in try_all(bugs, arguments.at_once):
            trials.append(trial)
            print(f"{trial.verdict:9} {trial.bug.name}", flush=True)
    except TestsFailError as failed:
        print(f"{failed}\nthe tests fail without any planted bug: so far they can catch none")
        return 1
    trials.sort(key=lambda trial: [bug.name for bug in bugs].index(trial.bug.name))
    for trial in trials:
        if not trial.is_caught:
            print(f"\n--- {trial.bug.name}: {trial.verdict}\n{trial.output}")
    caught = sum(trial.is_caught for trial in trials)
    print(f"\n{table(trials)}\n\n{caught} of {len(trials)} caught")
    if report:
        with Path(report).open("a") as lines:
            lines.write(json.dumps({"what": f"of {len(trials)} caught", "count": caught}) + "\n")
    return 0 if caught == len(trials) else 1


if __name__ == "__main__":
    sys.exit(main())

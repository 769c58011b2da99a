"""Change the modules that decide on money in every small way: a test must fail with each change, or it is explained.

python -m scripts.mutate                      all of MODULES
python -m scripts.mutate merge signing        those that have one of these words in their names

The changes are mutmut's; the tests of a module run on SQLite, up to the first that fails. First every change is
swapped in (`scripts/swapping.py`), then those that no test has caught are tried in a copy of the project, one by one.
The exit status is 0 only if every change was caught or is in `scripts/explained.py`, and nothing is there that was
caught.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import pytest

from scripts.explained import EXPLAINED
from scripts.mutants import Mutant, mutants_of
from scripts.plant import OPTIONS, PACKAGE, ROOT, TestsFailError, end_of_tests, get_ready, try_all
from scripts.swapping import Judge

MODULES = {
    "gateway/signing.py": ("gateway/test_signing.py",),
    "gateway/schemas.py": ("gateway/test_schemas.py", "gateway/test_refusals.py", "gateway/test_families.py"),
    "gateway/strictjson.py": (
        "gateway/test_strictjson.py",
        "gateway/test_field_lengths.py",
        "gateway/test_schemas.py",
    ),
    "gateway/values.py": (
        "gateway/test_field_lengths.py",
        "gateway/test_schemas.py",
        "gateway/test_refusals.py",
        "gateway/test_families.py",
    ),
    "services/snapshots/merge.py": (
        "services/test_merge.py",
        "services/test_merge_snapshots.py",
        "services/test_merge_payments.py",
    ),
    "services/snapshots/compare.py": (
        "services/test_merge.py",
        "services/test_merge_snapshots.py",
        "services/test_merge_payments.py",
        "services/test_callbacks.py",
    ),
    "services/backoff.py": ("services/test_events.py",),
    "services/events/outbox.py": ("services/test_events.py", "services/test_handling.py"),
    "services/resolution/settle_and_refund.py": (
        "services/test_settle.py",
        "services/test_people.py",
        "services/test_tags.py",
        "services/test_returns.py",
        "services/test_returns_sent.py",
        "services/test_refunds_elsewhere.py",
    ),
    "services/resolution/approval.py": (
        "services/test_four_eyes.py",
        "services/test_people.py",
        "services/test_returns_sent.py",
        "services/test_returns_edges.py",
        "services/test_refunds_elsewhere.py",
    ),
    "services/resolution/call_parameters.py": (
        "services/test_settle.py",
        "services/test_four_eyes.py",
        "services/test_returns.py",
        "services/test_returns_sent.py",
        "services/test_returns_edges.py",
    ),
}
"""Which tests judge a module: the quick ones that are about it."""


def find_mutants(words: list[str]) -> list[Mutant]:
    """Return the mutants of the modules that are asked for."""
    return [
        mutant
        for file, tests in MODULES.items()
        if not words or any(word in file for word in words)
        for mutant in mutants_of(file, (ROOT / PACKAGE / file).read_text(), tests)
    ]


def caught_quickly(mutants: Sequence[Mutant], at_once: int) -> set[str]:
    """Return the names of the mutants that a test catches when they are swapped in. Those of one module."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / str(number) for number in range(at_once)]
        running = {_fork_judge(mutants[number::at_once], file): file for number, file in enumerate(files)}
        while running:
            pid, status = end_of_tests(running)
            if status:
                raise TestsFailError(running[pid].with_suffix(".out").read_text())
            del running[pid]
        return {json.loads(line)["name"] for file in files for line in file.read_text().splitlines()}


def _fork_judge(mutants: Sequence[Mutant], caught: Path) -> int:
    """Begin to judge mutants in a process of its own, and return its id; see `scripts/swapping.py`."""
    caught.touch()
    if pid := os.fork():
        return pid
    status = 1
    try:
        with caught.with_suffix(".out").open("w") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        module = f"{PACKAGE}.{mutants[0].file.removesuffix('.py').replace('/', '.')}"
        tests = [f"tests/{test}" for test in mutants[0].tests]
        # One failure would end the session in its fork, and take the database away from all others.
        status = int(pytest.main([*OPTIONS, "--maxfail=0", *tests], plugins=[Judge(module, mutants, caught)]))
    finally:
        sys.stdout.flush()
        os._exit(status)


def survivors_of(mutants: list[Mutant], at_once: int) -> Iterator[Mutant]:
    """Yield the mutants that no test of their module catches."""
    left: list[Mutant] = []
    for file, group in groupby(mutants, key=lambda mutant: mutant.file):
        all_of_it = list(group)
        quick = [mutant for mutant in all_of_it if mutant.in_function]
        caught = caught_quickly(quick, at_once) if quick else set()
        print(f"{file}: {len(caught)} of {len(all_of_it)} caught when swapped in", flush=True)
        left += [mutant for mutant in all_of_it if mutant.name not in caught or not mutant.in_function]
    for trial in try_all(left, at_once):
        if trial.verdict == "SURVIVED":
            assert isinstance(trial.bug, Mutant)
            yield trial.bug


def table(mutants: list[Mutant], explained: Counter[str], survivors: Counter[str]) -> str:
    """Return in Markdown what came of each module's mutants."""
    lines = ["| module | changes | caught | explained | survived |", "| --- | ---: | ---: | ---: | ---: |"]
    for file, count in Counter(mutant.file for mutant in mutants).items():
        caught = count - explained[file] - survivors[file]
        lines.append(f"| `{file}` | {count} | {caught} | {explained[file]} | {survivors[file]} |")
    return "\n".join(lines)


def main() -> int:
    """Try the mutants that are asked for, print the table, and tell whether all were caught or are explained."""
    parser = argparse.ArgumentParser(description="Change the code in small ways that the tests must catch.")
    parser.add_argument("words", nargs="*", help="only modules that have one of these in their names (default: all)")
    parser.add_argument("--at-once", type=int, default=2, help="how many are tried at once (default: 2)")
    arguments = parser.parse_args()
    mutants = find_mutants(arguments.words)
    if not mutants:
        parser.error("no module has such a name")
    print(f"{len(mutants)} changes", flush=True)
    get_ready()
    explained, survivors, needless = Counter[str](), Counter[str](), set(EXPLAINED)
    try:
        for mutant in survivors_of(mutants, arguments.at_once):
            reasons = {entry for entry in EXPLAINED if entry.fits(mutant)}
            needless -= reasons
            (explained if reasons else survivors)[mutant.file] += 1
            if not reasons:
                print(f"SURVIVED {mutant.name}", flush=True)
    except TestsFailError as failed:
        print(f"{failed}\nthe tests fail without any change: so far they can catch none")
        return 1
    tried = {mutant.file for mutant in mutants}
    needless = {entry for entry in needless if entry.file in tried}
    for entry in needless:
        print(f"explained, and yet caught or gone: {entry.file}, {entry.within}: {entry.old} -> {entry.new}")
    print(f"\n{table(mutants, explained, survivors)}")
    return 1 if survivors or needless else 0


if __name__ == "__main__":
    sys.exit(main())

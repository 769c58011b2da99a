"""Run the suite, measure which branches of the package it takes, and hold the floors.

python -m scripts.cover --numprocesses auto        options are pytest's

What is at a floor of 100 decides on money, and is named in WHOLE. `coverage report -m` and `coverage html` show the
rest afterwards. The exit status is 0 only if all tests passed and every floor is held.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PACKAGE = Path("cryptopay_django")
FLOOR = 95
"""Per cent of the branches of the whole package."""

WHOLE = (
    "gateway/*.py",
    "gateway/endpoints/*.py",
    *(
        f"services/{name}.py"
        for name in (
            "callbacks/*", "snapshots/apply", "snapshots/quarantine_unreadable", "snapshots/merge",
            "snapshots/refund_rows", "backoff", "time_for_a_call", "events/deliver", "events/outbox",
            "resolution/settle_and_refund", "resolution/approval", "resolution/call_parameters",
            "resolution/plan", "resolution/send", "resolution/unknown_outcome", "resolution/settlement_quote",
            "resolution/resolution_row",
            "resolution/follow_refunds", "resolution/judge_outcome", "resolution/release", "resolution/rules",
        )
    ),
)  # fmt: skip
"""Where every line and every branch is taken."""


def whole_files(root: Path = ROOT) -> set[str]:
    """Return the files that WHOLE names; raise ValueError for a name that is no file's any more."""
    found = {pattern: list((root / PACKAGE).glob(pattern)) for pattern in WHOLE}
    for pattern, files in found.items():
        if not files:
            raise ValueError(f"{pattern} is not in {PACKAGE} any more: say in {__name__} what has come in its place")
    return {str(file.relative_to(root)) for files in found.values() for file in files}


def short_of(measured: dict[str, Any], whole: set[str]) -> Iterator[str]:
    """Tell of each floor that is not held, from what `coverage json` has written."""
    percent = share(measured, "branches")
    if percent < FLOOR:
        yield f"{percent:.2f} % of the branches of {PACKAGE} are taken, and {FLOOR} % must be"
    for name in sorted(whole):
        file = measured["files"].get(name)
        if file is None:
            yield f"{name} was never imported"
        elif file["missing_lines"] or file["missing_branches"]:
            branches = ", ".join(f"{start} to {end}" for start, end in file["missing_branches"])
            lines = ", ".join(map(str, file["missing_lines"]))
            yield f"{name} must be taken whole: lines {lines or 'all taken'}, branches {branches or 'all taken'}"


def share(measured: dict[str, Any], what: str) -> float:
    """Return how many per cent of the package's branches or lines are taken."""
    totals = measured["totals"]
    taken, there = {
        "branches": (totals["covered_branches"], totals["num_branches"]),
        "lines": (totals["covered_lines"], totals["num_statements"]),
    }[what]
    return float(100 * taken / there)


def coverage(*arguments: str) -> int:
    """Run coverage, and return its status."""
    return subprocess.run([sys.executable, "-m", "coverage", *arguments], check=False).returncode


def main(options: list[str]) -> int:
    """Run, measure, judge."""
    whole = whole_files()
    coverage("erase")
    status = coverage("run", "-m", "pytest", *options)
    if coverage("combine", "--quiet"):
        return 1
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        coverage("json", "--quiet", "-o", str(report))
        measured = json.loads(report.read_text())
    for line in (short := list(short_of(measured, whole))):
        print(line)
    print(
        f"coverage of {PACKAGE}: {share(measured, 'branches'):.2f} % of the branches, {share(measured, 'lines'):.2f} "
        f"% of the lines; {len(whole)} files {'must be' if short else 'are'} taken whole"
    )
    return status or bool(short)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

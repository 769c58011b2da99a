"""The long tier of the suite: the proofs of tests/proofs with more of everything, and one table in the end.

python -m scripts.prove --minutes 30
python -m scripts.prove --minutes 60 --only histories crashes

Minutes are a budget on two idle cores, not a limit; two parts run at a time. What could not be run is in the table
too: a server that is not installed never passes silently. The exit status is 0 only if everything ran and nothing
failed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from scripts.throwaway import KINDS
from scripts.with_database import PROGRAMS_MISSING


@dataclass
class Part:
    """One run of pytest, or of a program that reports alike: which proofs, on which database, how much of what."""

    title: str
    tests: str
    database: str
    amounts: dict[str, int | str]
    program: tuple[str, ...] = ()
    outcome: str = ""
    seconds: float = 0
    counts: Counter[str] | None = None

    def run(self, report: Path) -> None:
        """Run it, show what pytest printed, and read what was tried."""
        report.write_text("")
        environment = os.environ | {name: str(value) for name, value in self.amounts.items()}
        environment["PROVE_REPORT"] = str(report)
        command = [sys.executable, "-m", *(self.program or self._pytest())]
        # A part that ends servers starts its own.
        if self.database in KINDS and "PROVE_ON" not in self.amounts:
            command = [sys.executable, "-m", "scripts.with_database", self.database, "--", *command]
        begun = time.monotonic()
        run = subprocess.run(
            command, env=environment, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.seconds = time.monotonic() - begun
        self.outcome = {0: "passed", PROGRAMS_MISSING: "NOT RUN"}.get(run.returncode, "FAILED")
        print(f"\n{self.title}, {self.database}: {self.outcome}\n{run.stdout}", flush=True)
        self.counts = Counter()
        for line in report.read_text().splitlines():
            entry = json.loads(line)
            self.counts[entry["what"]] += entry["count"]
        if self.outcome == "passed" and not self.counts:
            self.outcome = "NOT RUN"

    def _pytest(self) -> list[str]:
        seed = self.amounts.get("PROVE_SEED", 0)
        return ["pytest", "-q", "--show-capture=no", "-o", "timeout=0", self.tests, f"--hypothesis-seed={seed}"]


def parts(minutes: int, seed: int) -> list[Part]:
    """Share the budget, the longest first: the amounts below take an hour."""
    share = minutes / 60
    rounds: dict[str, int | str] = {"PROVE_ROUNDS": max(int(970 * share), 3)}
    outages = max(int(20 * share), 1)
    return [
        Part("Races", "tests/proofs/test_races.py", "postgresql", rounds),
        Part("Races", "tests/proofs/test_races.py", "mariadb", rounds),
        *(
            Part("Generated histories", "tests/proofs/test_histories.py", "sqlite",
                 {"PROVE_PROGRAMS": max(int(1000 * share), 10), "PROVE_STEPS": 50, "PROVE_SEED": seed + half})
            for half in range(2)
        ),
        Part("Hostile bytes", "tests/proofs/test_hostile.py", "sqlite",
             {"PROVE_CASES": max(int(1_000_000 * share), 5_000), "PROVE_SEED": seed}),
        Part("Crashes", "tests/proofs/test_crashes.py", "postgresql", {"PROVE_EVERY": 1}),
        Part("Crashes", "tests/proofs/test_crashes.py", "sqlite", {"PROVE_EVERY": 1}),
        Part("Outages", "tests/proofs/test_outage.py", "postgresql",
             {"PROVE_OUTAGES": outages, "PROVE_ON": "postgresql"}),
        Part("Outages", "tests/proofs/test_outage.py", "mariadb", {"PROVE_OUTAGES": outages, "PROVE_ON": "mariadb"}),
        Part("Workers that share a backlog and are killed", "tests/proofs/test_workers.py", "postgresql",
             {"PROVE_INVOICES": max(int(600 * share), 30), "PROVE_ON": "postgresql"}),
        Part("Celery on Redis", "tests/proofs/test_celery.py", "postgresql",
             {"PROVE_OUTAGES": outages, "PROVE_WORKERS": 4, "PROVE_ON": "postgresql"}),
        Part("Races at REPEATABLE READ", "tests/proofs/test_races.py", "mariadb",
             {"PROVE_ROUNDS": max(int(10 * share), 3), "PROVE_ISOLATION": "repeatable read"}),
        Part("Races", "tests/proofs/test_races.py", "sqlite", {"PROVE_ROUNDS": max(int(50 * share), 2)}),
        Part("Odd requests", "tests/servers", "sqlite", {}),
        Part("Planted bugs", "scripts/planted", "sqlite", {}, ("scripts.plant", "--at-once", "1")),
    ]  # fmt: skip


def table(done: list[Part], seed: int) -> str:
    """Return the table in Markdown, with the machine above it."""
    lines = [
        (
            f"{time.strftime('%d %B %Y')}, {platform.machine()} with {os.cpu_count()} processors, "
            f"Python {platform.python_version()}, Django {version('django')}; seed {seed}."
        ),
        "",
        "| proof | database | tried | outcome | seconds |",
        "| --- | --- | --- | --- | ---: |",
    ]
    for part in done:
        what = "; ".join(f"{count:,} {what}" for what, count in (part.counts or {}).items()) or "–"
        lines.append(f"| {part.title} | {part.database} | {what} | {part.outcome} | {part.seconds:.0f} |")
    return "\n".join(lines)


def main() -> int:
    """Run every part, print the table, and tell whether all of it held."""
    parser = argparse.ArgumentParser(description="Run the long tier of the proofs.")
    parser.add_argument("--minutes", type=int, default=30, help="the budget (default: 30)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of what is generated (default: the time)")
    parser.add_argument(
        "--only", nargs="+", default=[""], metavar="WORD", help="parts with such a word in their title"
    )
    arguments = parser.parse_args()
    chosen = parts(arguments.minutes, arguments.seed)
    done = [part for part in chosen if any(word.lower() in part.title.lower() for word in arguments.only)]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        for running in [pool.submit(part.run, Path(folder) / str(n)) for n, part in enumerate(done)]:
            running.result()
    print(f"\n{table(done, arguments.seed)}")
    return 0 if all(part.outcome == "passed" for part in done) else 1


if __name__ == "__main__":
    sys.exit(main())

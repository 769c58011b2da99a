"""The long tier of the suite: the proofs of tests/proofs with more of everything, and one table in the end.

python -m scripts.prove --minutes 10
python -m scripts.prove --programs 2000 --server-programs 500 --races 10000 --hostile 1000000
python -m scripts.prove --only histories crashes

Minutes are a budget on two idle cores, not a limit, and set every amount that is not given; without them all amounts
are full. Two parts run at a time, or `--at-once`; runs with other `--only` can share the work, each prints its table.
What could not be run is in the table too: a server that is not installed never passes silently. The exit status is 0
only if everything ran and nothing failed.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

from scripts.throwaway import KINDS
from scripts.with_database import PROGRAMS_MISSING

FULL_MINUTES = 60
"""What the full amounts take on two idle cores."""


@dataclass(frozen=True)
class Amounts:
    """How much is tried. These are the full amounts."""

    programs: int = 2_000
    server_programs: int = 500
    races: int = 10_000
    hostile: int = 1_000_000
    outages: int = 10
    backlog: int = 300

    def scaled(self, share: float) -> Amounts:
        """Return a share of everything, but some of each."""
        return Amounts(**{name: max(int(amount * share), 1) for name, amount in asdict(self).items()})


RACES_A_ROUND = 10.05

CASTS = {"plain": 3, "receivers": 4, "gateway": 3, "thief": 3, "shops": 3, "all": 4}
"""Which part of the generated histories is played with which actors, of twenty."""


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
    cpu_seconds: float = 0
    counts: Counter[str] | None = None

    def run(self, report: Path) -> None:
        """Run it, show what pytest printed, and read what was tried."""
        report.write_text("")
        environment = os.environ | {name: str(value) for name, value in self.amounts.items()}
        environment["PROVE_REPORT"] = str(report)
        command = [sys.executable, "-m", *(self.program or self._pytest())]
        # A part that ends servers starts its own.
        if self.database in KINDS and "PROVE_ON" not in self.amounts:
            command = [sys.executable, "-m", "scripts.with_database", "--no-fsync", self.database, "--", *command]
        begun = time.monotonic()
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            said = output.read().decode(errors="replace")
        self.seconds, self.cpu_seconds = time.monotonic() - begun, used.ru_utime + used.ru_stime
        self.outcome = {0: "passed", PROGRAMS_MISSING: "NOT RUN"}.get(process.returncode, "FAILED")
        print(f"\n{self.title}, {self.database}: {self.outcome}\n{said}", flush=True)
        self.counts = Counter()
        for line in report.read_text().splitlines():
            entry = json.loads(line)
            self.counts[entry["what"]] += entry["count"]
        if self.outcome == "passed" and not self.counts:
            self.outcome = "NOT RUN"

    def _pytest(self) -> list[str]:
        seed = self.amounts.get("PROVE_SEED", 0)
        return ["pytest", "-q", "--show-capture=no", "-o", "timeout=0", self.tests, f"--hypothesis-seed={seed}"]


def parts(amounts: Amounts, seed: int) -> list[Part]:
    """Return everything that is run, the longest first."""
    rounds: dict[str, int | str] = {"PROVE_ROUNDS": max(math.ceil(amounts.races / RACES_A_ROUND), 3)}
    fewer: dict[str, int | str] = {"PROVE_ROUNDS": max(int(amounts.races / RACES_A_ROUND / 50), 2)}
    outages = amounts.outages
    return [
        Part("Races", "tests/proofs/test_races.py", "postgresql", rounds),
        Part("Races", "tests/proofs/test_races.py", "mariadb", rounds),
        *histories("sqlite", amounts.programs, seed),
        *histories("postgresql", amounts.server_programs, seed),
        Part("Hostile bytes", "tests/proofs/test_hostile.py", "sqlite",
             {"PROVE_CASES": max(amounts.hostile, 5_000), "PROVE_SEED": seed}),
        Part("Crashes", "tests/proofs/test_crashes.py", "postgresql", {"PROVE_EVERY": 1}),
        Part("Crashes", "tests/proofs/test_crashes.py", "sqlite", {"PROVE_EVERY": 1}),
        *(Part("Failures of the database", "tests/proofs/test_failures.py", database, {"PROVE_EVERY": 1})
          for database in ("sqlite", "postgresql", "mariadb")),
        Part("Outages", "tests/proofs/test_outage.py", "postgresql",
             {"PROVE_OUTAGES": outages, "PROVE_ON": "postgresql"}),
        Part("Outages", "tests/proofs/test_outage.py", "mariadb", {"PROVE_OUTAGES": outages, "PROVE_ON": "mariadb"}),
        Part("Workers that share a backlog and are killed", "tests/proofs/test_workers.py", "postgresql",
             {"PROVE_INVOICES": max(amounts.backlog, 30), "PROVE_ON": "postgresql"}),
        Part("Celery on Redis", "tests/proofs/test_celery.py", "postgresql",
             {"PROVE_OUTAGES": outages, "PROVE_WORKERS": 4, "PROVE_ON": "postgresql"}),
        Part("Races at REPEATABLE READ", "tests/proofs/test_races.py", "mariadb",
             {**fewer, "PROVE_ISOLATION": "repeatable read"}),
        Part("Races", "tests/proofs/test_races.py", "sqlite", fewer),
        Part("Rules", "tests/rules", "postgresql", {}),
        Part("Rules", "tests/rules", "mariadb", {}),
        Part("Odd requests", "tests/servers", "sqlite", {}),
        Part("Planted bugs", "scripts/planted", "sqlite", {}, ("scripts.plant", "--at-once", "1")),
    ]  # fmt: skip


def histories(database: str, programs: int, seed: int) -> Iterator[Part]:
    """Yield the generated histories, those of each cast by themselves."""
    for number, (cast, share) in enumerate(CASTS.items()):
        of_the_cast = math.ceil(programs * share / sum(CASTS.values()))
        yield Part(
            f"Generated histories, {cast}", "tests/proofs/test_histories.py", database,
            {"PROVE_PROGRAMS": of_the_cast, "PROVE_STEPS": 30, "PROVE_ACTORS": cast, "PROVE_SEED": seed + number},
        )  # fmt: skip


def commit() -> str:
    """Return the commit that is tried, and whether anything was changed since."""
    try:
        asked = [["git", "rev-parse", "--short=12", "HEAD"], ["git", "status", "--porcelain"]]
        name, changes = (
            subprocess.run(command, capture_output=True, check=True, text=True).stdout for command in asked
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{name.strip()}{', changed' if changes.strip() else ''}"


def table(done: list[Part], seed: int) -> str:
    """Return the table in Markdown, with the machine above it."""
    lines = [
        (
            f"Commit {commit()}, {time.strftime('%d %B %Y')}, {platform.machine()} with {os.cpu_count()} processors, "
            f"Python {platform.python_version()}, Django {version('django')}; seed {seed}."
        ),
        "",
        "| proof | database | tried | outcome | seconds | of processors |",
        "| --- | --- | --- | --- | ---: | ---: |",
    ]
    for part in done:
        what = "; ".join(f"{count:,} {what}" for what, count in (part.counts or {}).items()) or "–"
        lines.append(
            f"| {part.title} | {part.database} | {what} | {part.outcome} "
            f"| {part.seconds:.0f} | {part.cpu_seconds:.0f} |"
        )
    return "\n".join(lines)


def main() -> int:
    """Run every part, print the table, and return 0 if all of it held."""
    parser = argparse.ArgumentParser(description="Run the long tier of the proofs.")
    parser.add_argument(
        "--minutes", type=float, default=FULL_MINUTES, help="sets all amounts (default: the full ones)"
    )
    for name, amount in asdict(Amounts()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, help=f"(in full: {amount:,})")
    parser.add_argument("--at-once", type=int, default=2, help="how many parts run at a time (default: 2)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of what is generated (default: the time)")
    parser.add_argument(
        "--only", nargs="+", default=[""], metavar="WORD", help="parts with such a word in their title"
    )
    arguments = parser.parse_args()
    given = {name: getattr(arguments, name) for name in asdict(Amounts()) if getattr(arguments, name) is not None}
    chosen = parts(replace(Amounts().scaled(arguments.minutes / FULL_MINUTES), **given), arguments.seed)
    done = [part for part in chosen if any(word.lower() in part.title.lower() for word in arguments.only)]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(arguments.at_once) as pool:
        for running in [pool.submit(part.run, Path(folder) / str(n)) for n, part in enumerate(done)]:
            running.result()
    print(f"\n{table(done, arguments.seed)}")
    return 0 if all(part.outcome == "passed" for part in done) else 1


if __name__ == "__main__":
    sys.exit(main())

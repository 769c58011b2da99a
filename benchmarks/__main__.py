"""Measure everything: `python -m benchmarks`, or `make bench`.

    python -m benchmarks --quick               SQLite and one server, under a minute, to see that it runs
    python -m benchmarks                       each database that has a driver, with each server; under twenty minutes
    python -m benchmarks --full                a million invoices, bursts of 10,000, the whole suite; under an hour
    python -m benchmarks --parts roads --databases postgresql --servers gunicorn

Starts its own databases (with fsync on) and servers on loopback, and writes its tables into RESULTS.md.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks import aims, report
from benchmarks.parts import PARTS, RUNNERS, TITLES, Found, burst_of
from benchmarks.running import say

DRIVERS = {"sqlite": "sqlite3", "postgresql": "psycopg", "mariadb": "MySQLdb"}
SERVERS = ("gunicorn", "granian")


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    _end_well()
    begun = time.monotonic()
    say(f"{', '.join(options.parts)}: some {_minutes(options):.0f} minutes on two idle processors.\n")
    for kind in TITLES.keys() - set(_with_drivers()) - set(options.databases):
        say(f"{TITLES[kind]} is left out: its driver {DRIVERS[kind]} is not installed. --databases asks for it.")
    failed: list[str] = []
    found: Found = {}
    try:
        for part in options.parts:
            measured = RUNNERS[part](options, failed, found)
            if not measured:
                failed.append(f"{part}: nothing was measured, and its tables are as they were")
                continue
            text = f"{measured}\n\n{report.machine()}"
            say(text)
            if not options.dry:
                report.write_block(part, text, file=options.results)
    finally:  # a run that is ended early keeps what it has measured
        if found:
            say_aims(options, found)
    say(f"\nThat took {(time.monotonic() - begun) / 60:.1f} minutes.")
    for line in failed:
        say(f"FAILED: {line}")
    return 1 if failed else 0


def _end_well() -> None:
    """Let the first signal to end unwind everything, and no second one break that off."""
    ends = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def end(number: int, _: object) -> None:
        for each in ends:
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(128 + number)

    for each in ends:
        signal.signal(each, end)


def _minutes(options: argparse.Namespace) -> float:
    """Say roughly how long it will take, by what the parts took before."""
    databases = len(options.databases)
    took = {
        "start": 1,
        "roads": databases * len(options.servers) * (10 * (options.laps * options.seconds + 0.5) + 15) / 60,
        "profile": 1,
        "bursts": sum(burst_of(options, kind).minutes for kind in options.databases),
        "queue": 8 if options.full else databases,
        "limit": 14 if options.full else 5,
        "exports": 8 if options.full else 1,
        "pages": 8 if options.full else 2,
        "tools": 3 if options.full else 0.5,
    }
    return sum(took[part] for part in options.parts)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="one database, one server, one short lap; writes nothing")
    add("--full", action="store_true", help="1,000,000 invoices, bursts of 10,000, memory over 100,000")
    add("--parts", type=_names(PARTS), default=list(PARTS), help=f"some of {','.join(PARTS)}")
    add("--databases", type=_names(TITLES), default=_with_drivers(), help=f"some of {','.join(TITLES)}")
    add("--servers", type=_names(SERVERS), default=list(SERVERS), help=f"some of {','.join(SERVERS)}")
    add("--seconds", type=float, default=1.5, help="how long a road is measured in each lap (default: %(default)s)")
    add("--laps", type=int, default=3, help="how often each road has its turn (default: %(default)s)")
    add("--former", metavar="COMMIT", help="measure the whole road of this commit in the same laps")
    add("--dry", action="store_true", help="print the tables, write nothing")
    add("--results", type=Path, default=report.RESULTS, help="the file that the tables are written to")
    options = parser.parse_args(arguments)
    if options.quick:
        options.databases, options.servers, options.parts = ["sqlite"], ["gunicorn"], ["roads", "bursts"]
        options.seconds, options.laps, options.dry = min(options.seconds, 0.5), 1, True
    return options


def _with_drivers() -> list[str]:
    """Return the databases whose drivers are installed. MariaDB's is compiled, and not every machine can do that."""
    return [kind for kind in TITLES if find_spec(DRIVERS[kind])]


def _names(known: Any) -> Any:
    def read(text: str) -> list[str]:
        names = text.split(",")
        if unknown := set(names) - set(known):
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}")
        return names

    return read


def say_aims(options: argparse.Namespace, found: Found) -> None:
    """Print the table of the aims, and write it above the others."""
    text = aims.table(found, report.read_block("aims", file=options.results))
    say(text)
    if not options.dry:
        report.write_block("aims", text, file=options.results)


if __name__ == "__main__":
    sys.exit(main())

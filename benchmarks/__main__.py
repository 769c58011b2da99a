"""Measure everything: `python -m benchmarks`, or `make bench`.

    python -m benchmarks --quick               SQLite and one server, under a minute, to see that it runs
    python -m benchmarks                       each database with each server; some ten minutes
    python -m benchmarks --full                a million rows and callbacks too; takes an hour
    python -m benchmarks --parts roads --databases postgresql --servers gunicorn

Starts its own databases (with fsync on) and servers on loopback, and writes its tables into RESULTS.md.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.servers import ROOT
from scripts.throwaway import KINDS

TITLES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB"}
SERVERS = ("gunicorn", "granian")
PARTS = ("roads", "bursts", "pages")


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    begun = time.monotonic()
    for part in options.parts:
        text = f"{RUNNERS[part](options)}\n\n{report.machine()}"
        say(text)
        if not options.dry:
            report.write_block(part, text, file=options.results)
    say(f"\nThat took {(time.monotonic() - begun) / 60:.1f} minutes.")
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="one database, one server, one short lap; writes nothing")
    add("--full", action="store_true", help="1,000,000 invoices and callbacks instead of thousands")
    add("--parts", type=_names(PARTS), default=list(PARTS), help=f"some of {','.join(PARTS)}")
    add("--databases", type=_names(TITLES), default=list(TITLES), help=f"some of {','.join(TITLES)}")
    add("--servers", type=_names(SERVERS), default=list(SERVERS), help=f"some of {','.join(SERVERS)}")
    add("--seconds", type=float, default=1.5, help="how long a road is measured in each lap (default: %(default)s)")
    add("--laps", type=int, default=3, help="how often each road has its turn (default: %(default)s)")
    add("--dry", action="store_true", help="print the tables, write nothing")
    add("--results", type=Path, default=report.RESULTS, help="the file that the tables are written to")
    options = parser.parse_args(arguments)
    if options.quick:
        options.databases, options.servers, options.parts = ["sqlite"], ["gunicorn"], ["roads", "bursts"]
        options.seconds, options.laps, options.dry = min(options.seconds, 0.5), 1, True
    return options


def _names(known: Any) -> Any:
    def read(text: str) -> list[str]:
        names = text.split(",")
        if unknown := set(names) - set(known):
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}")
        return names

    return read


def measure_roads(options: argparse.Namespace) -> str:
    """Measure every road on each database with each server."""
    peers = not options.quick and find_spec("djstripe") is not None and find_spec("payments") is not None
    texts = []
    for kind in options.databases:
        for number, server in enumerate(options.servers):
            arguments = [f"--server={server}", f"--seconds={options.seconds}", f"--laps={options.laps}"]
            arguments += ["--peers"] if peers else []
            arguments += ["--connections"] if number == 0 and not options.quick else []
            with database(kind) as environment:
                lines = run("benchmarks.roads", arguments, environment)
            texts.append(report.roads(f"{TITLES[kind]}, {server}", lines))
            say(texts[-1] + "\n")
    return "\n\n".join(texts)


def measure_bursts(options: argparse.Namespace) -> str:
    """Measure how long workers take over a burst, and what one of them holds."""
    found = {}
    for kind in options.databases:
        first = kind == "postgresql" or options.databases == [kind]
        count = 30 if options.quick else 10_000 if options.full else 3_000 if first else 1_000
        memory = 0 if options.quick or not first else 1_000_000 if options.full else 10_000
        workers = "1" if options.quick else "1,2,4"
        arguments = [f"--callbacks={count}", f"--workers={workers}", f"--memory={memory}"]
        with database(kind) as environment:
            found[TITLES[kind]] = run("benchmarks.burst", arguments, environment)
    return report.bursts(found)


def measure_pages(options: argparse.Namespace) -> str:
    """Measure what must not grow with the number of invoices."""
    rows = "1000,1000000" if options.full else "1000,50000"
    with database("postgresql", shared_buffers="1GB", work_mem="16MB") as environment:
        return report.pages(run("benchmarks.pages", [f"--rows={rows}"], environment))


RUNNERS = {"roads": measure_roads, "bursts": measure_bursts, "pages": measure_pages}


@contextlib.contextmanager
def database(kind: str, **options: str) -> Iterator[Mapping[str, str]]:
    """Run a database of its own, with fsync on; yield the environment that names it."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="cryptopay-benchmark-") as folder:
            yield {"DATABASE_URL": f"sqlite:///{folder}/shop.sqlite3"}
        return
    with KINDS[kind](options=options or None) as server:
        yield {"DATABASE_URL": server.url, "BENCH_DATABASE_PID": str(server.process.pid)}


def run(module: str, arguments: list[str], environment: Mapping[str, str]) -> Any:
    """Run a part in a process of its own and read the JSON of its last line."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise SystemExit(f"{module} ended with status {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

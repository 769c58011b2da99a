"""Measure everything: `python -m benchmarks`, or `make bench`.

    python -m benchmarks --quick               SQLite and one server, under a minute, to see that it runs
    python -m benchmarks                       each database that has a driver, with each server; some ten minutes
    python -m benchmarks --full                a million invoices, bursts of 10,000; twenty to forty minutes
    python -m benchmarks --parts roads --databases postgresql --servers gunicorn

Starts its own databases (with fsync on) and servers on loopback, and writes its tables into RESULTS.md.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.servers import ROOT
from scripts.throwaway import KINDS, ThrowawayError

TITLES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB"}
DRIVERS = {"sqlite": "sqlite3", "postgresql": "psycopg", "mariadb": "MySQLdb"}
SERVERS = ("gunicorn", "granian")
PARTS = ("start", "roads", "profile", "bursts", "limit", "pages")
LONGEST_MINUTES = 30
"""For one part on one database."""

UNWINDING_SECONDS = 40


class PartError(Exception):
    """A part could not be measured."""


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    _end_well()
    begun = time.monotonic()
    say(f"{', '.join(options.parts)}: some {_minutes(options):.0f} minutes on two idle processors.\n")
    for kind in TITLES.keys() - set(_with_drivers()) - set(options.databases):
        say(f"{TITLES[kind]} is left out: its driver {DRIVERS[kind]} is not installed. --databases asks for it.")
    failed: list[str] = []
    for part in options.parts:
        measured = RUNNERS[part](options, failed)
        if not measured:
            failed.append(f"{part}: nothing was measured, and its tables are as they were")
            continue
        text = f"{measured}\n\n{report.machine()}"
        say(text)
        if not options.dry:
            report.write_block(part, text, file=options.results)
    say(f"\nThat took {(time.monotonic() - begun) / 60:.1f} minutes.")
    for line in failed:
        say(f"FAILED: {line}")
    return 1 if failed else 0


@contextlib.contextmanager
def noting(failed: list[str], title: str) -> Iterator[None]:
    """Note why this one could not be measured, and let the others be."""
    try:
        yield
    except (PartError, ThrowawayError) as error:
        failed.append(f"{title}: {error}")


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
        "bursts": sum(_burst(options, kind).minutes for kind in options.databases),
        "limit": 4,
        "pages": 8 if options.full else 1,
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


def measure_start(options: argparse.Namespace, failed: list[str]) -> str:
    """Measure what each process pays for the installed app."""
    with noting(failed, "start"):
        return report.start(run("benchmarks.start", [], {}))
    return ""


def measure_roads(options: argparse.Namespace, failed: list[str]) -> str:
    """Measure every road on each database with each server."""
    peers = _are_peers_here(options)
    texts = []
    for kind in options.databases:
        for number, server in enumerate(options.servers):
            arguments = [f"--server={server}", f"--seconds={options.seconds}", f"--laps={options.laps}"]
            arguments += ["--peers"] if peers else []
            arguments += ["--connections"] if number == 0 and not options.quick else []
            title = f"{TITLES[kind]}, {server}"
            with noting(failed, f"roads, {title}"), database(kind) as environment:
                texts.append(report.roads(title, run("benchmarks.roads", arguments, environment)))
                say(texts[-1] + "\n")
    return "\n\n".join(texts)


def _are_peers_here(options: argparse.Namespace) -> bool:
    return not options.quick and find_spec("djstripe") is not None and find_spec("payments") is not None


def measure_profile(options: argparse.Namespace, failed: list[str]) -> str:
    """Measure where the processor time of each road goes."""
    arguments = ["--peers"] if _are_peers_here(options) else []
    with noting(failed, "profile"), database("postgresql") as environment:
        return report.profile(run("benchmarks.profile", arguments, environment))
    return ""


@dataclass(frozen=True)
class Burst:
    """How much of it, on one database."""

    callbacks: int
    workers: str
    memory: int

    @property
    def minutes(self) -> float:
        return (self.callbacks * len(self.workers.split(",")) / 80 + min(self.memory / 150, 600)) / 60 + 0.3


def _burst(options: argparse.Namespace, kind: str) -> Burst:
    if options.quick:
        return Burst(30, "1", 0)
    if kind != "postgresql" and options.databases != [kind]:
        return Burst(2_000 if options.full else 1_000, "1,2,4", 0)
    return Burst(10_000, "1,2,4", 100_000) if options.full else Burst(3_000, "1,2,4", 10_000)


def measure_bursts(options: argparse.Namespace, failed: list[str]) -> str:
    """Measure how long workers take over a burst, and what one of them holds."""
    found = {}
    for kind in options.databases:
        burst = _burst(options, kind)
        arguments = [f"--callbacks={burst.callbacks}", f"--workers={burst.workers}", f"--memory={burst.memory}"]
        with noting(failed, f"bursts, {TITLES[kind]}"), database(kind) as environment:
            found[TITLES[kind]] = run("benchmarks.burst", arguments, environment)
            say(report.bursts({TITLES[kind]: found[TITLES[kind]]}) + "\n")
    return report.bursts(found) if found else ""


def measure_limit(options: argparse.Namespace, failed: list[str]) -> str:
    """Measure what one API key carries at the gateway's limit."""
    with noting(failed, "limit"), database("postgresql") as environment:
        return report.limit(run("benchmarks.limit", [], environment))
    return ""


def measure_pages(options: argparse.Namespace, failed: list[str]) -> str:
    """Measure what must not grow with the number of invoices."""
    rows = "1000,1000000" if options.full else "1000,50000"
    with noting(failed, "pages"), database("postgresql", shared_buffers="1GB", work_mem="16MB") as environment:
        return report.pages(run("benchmarks.pages", [f"--rows={rows}"], environment))
    return ""


RUNNERS = {
    "start": measure_start,
    "roads": measure_roads,
    "profile": measure_profile,
    "bursts": measure_bursts,
    "limit": measure_limit,
    "pages": measure_pages,
}


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
    """Run a part in a process of its own and read the JSON of its last line.

    Raises PartError when it fails or takes too long. However this ends, nothing that the part started goes on.
    """
    command = [sys.executable, "-m", module, *arguments]
    # Its own session: Ctrl-C comes to this process alone, which passes it on once.
    part = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        printed, _ = part.communicate(timeout=LONGEST_MINUTES * 60)
    except subprocess.TimeoutExpired:
        raise PartError(f"{module} took more than {LONGEST_MINUTES} minutes") from None
    finally:
        # What it started in sessions of their own it ends itself, when it is asked to end.
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            part.send_signal(signal.SIGINT)
            part.wait(UNWINDING_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(part.pid, signal.SIGKILL)
        part.wait()
    if part.returncode:
        raise PartError(f"{module} ended with status {part.returncode}; it says why above")
    return json.loads(printed.splitlines()[-1])


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

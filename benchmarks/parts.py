"""The parts of the benchmark: each measures, keeps its figures for the aims, and returns the text of its tables."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from benchmarks import report, tables
from benchmarks.running import database, noting, run, say

TITLES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB"}
AS_DOCUMENTED = {"postgresql": {"BENCH_CONNECTIONS": "prepared"}}
"""What docs/performance.md advises for a database. The roads are measured with it and without it."""

Found = dict[str, Any]
"""What was measured, by part."""


def measure_start(options: argparse.Namespace, failed: list[str], found: Found) -> str:
    """Measure what each process pays for the installed app."""
    with noting(failed, "start"):
        found["start"] = run("benchmarks.start", [], {})
        return report.start(found["start"])
    return ""


def measure_roads(options: argparse.Namespace, failed: list[str], found: Found) -> str:
    """Measure every road on each database with each server."""
    peers = _are_peers_here(options)
    texts = []
    for kind in options.databases:
        for number, server in enumerate(options.servers):
            arguments = [f"--server={server}", f"--seconds={options.seconds}", f"--laps={options.laps}"]
            arguments += ["--peers"] if peers else []
            arguments += [f"--former={options.former}"] if options.former else []
            arguments += ["--connections"] if number == 0 and not options.quick else []
            title = f"{TITLES[kind]}, {server}"
            with noting(failed, f"roads, {title}"), database(kind) as environment:
                lines = found.setdefault("roads", {})[title] = run("benchmarks.roads", arguments, environment)
                texts.append(report.roads(title, lines))
                say(texts[-1] + "\n")
    return "\n\n".join(texts)


def _are_peers_here(options: argparse.Namespace) -> bool:
    return not options.quick and find_spec("djstripe") is not None and find_spec("payments") is not None


def measure_profile(options: argparse.Namespace, failed: list[str], found: Found) -> str:
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
        return (self.callbacks * len(self.workers.split(",")) / 80 + min(self.memory / 150, 360)) / 60 + 0.3


def burst_of(options: argparse.Namespace, kind: str) -> Burst:
    """Return how large a burst is on a database."""
    if options.quick:
        return Burst(30, "1", 0)
    if kind != "postgresql" and options.databases != [kind]:
        return Burst(2_000 if options.full else 1_000, "1,2,4", 0)
    return Burst(10_000, "1,2,4", 100_000) if options.full else Burst(2_000, "1,2,4", 5_000)


def measure_bursts(options: argparse.Namespace, failed: list[str], found: Found) -> str:
    """Measure how long workers take over a burst, and what one of them holds."""
    bursts = {}
    for kind in options.databases:
        burst = burst_of(options, kind)
        arguments = [f"--callbacks={burst.callbacks}", f"--workers={burst.workers}", f"--memory={burst.memory}"]
        with noting(failed, f"bursts, {TITLES[kind]}"), database(kind) as environment:
            settings = {**environment, **AS_DOCUMENTED.get(kind, {})}
            bursts[TITLES[kind]] = run("benchmarks.burst", arguments, settings)
            say(report.bursts({TITLES[kind]: bursts[TITLES[kind]]}) + "\n")
    return report.bursts(bursts) if bursts else ""


def measure_queue(options: argparse.Namespace, failed: list[str], found: Found) -> str:
    """Measure a bad day: what waits must not slow down what comes in."""
    for kind in options.databases:
        is_large = options.full and kind == "postgresql"
        arguments = ["--rows=1000000", "--pending=100000"] if is_large else []
        # Statistics that are gathered meanwhile would not be those of a healthy day.
        settings = {"autovacuum": "off", "shared_buffers": "1GB"} if kind == "postgresql" else {}
        with noting(failed, f"queue, {TITLES[kind]}"), database(kind, **settings) as environment:
            as_documented = {**environment, **AS_DOCUMENTED.get(kind, {})}
            found.setdefault("queue", {})[TITLES[kind]] = run("benchmarks.queue", arguments, as_documented)
    return tables.queue(found["queue"]) if "queue" in found else ""


def measure_limit(options: argparse.Namespace, failed: list[str], found: Found) -> str:
    """Measure what one API key carries at the gateway's limit."""
    arguments = ["--crowd=600" if options.full else "--crowd=60"]
    with noting(failed, "limit"), database("postgresql") as environment:
        found["limit"] = run("benchmarks.limit", arguments, {**environment, **AS_DOCUMENTED["postgresql"]})
        return tables.limit(found["limit"])
    return ""


def measure_exports(options: argparse.Namespace, failed: list[str], found: Found) -> str:
    """Measure files of all invoices, and the memory of the process that streams them."""
    for kind in (one for one in options.databases if one != "sqlite"):
        rows = (1_000_000 if kind == "postgresql" else 200_000) if options.full else 50_000
        with noting(failed, f"exports, {TITLES[kind]}"), database(kind) as environment:
            found.setdefault("exports", {})[TITLES[kind]] = run("benchmarks.exports", [f"--rows={rows}"], environment)
    return tables.exports(found["exports"]) if "exports" in found else ""


def measure_tools(options: argparse.Namespace, failed: list[str], found: Found) -> str:
    """Measure what a developer waits for; with --full, the whole suite too."""
    arguments = ["--suite"] if options.full else []
    with noting(failed, "tools"), database("sqlite") as environment:
        found["tools"] = run("benchmarks.tools", arguments, environment)
        return tables.tools(found["tools"])
    return ""


def measure_pages(options: argparse.Namespace, failed: list[str], found: Found) -> str:
    """Measure what must not grow with the number of invoices."""
    rows = "10000,1000000" if options.full else "2000,50000"
    settings = {"shared_buffers": "1GB", "work_mem": "16MB", "autovacuum": "off"}
    with noting(failed, "pages"), database("postgresql", **settings) as environment:
        found["pages"] = run("benchmarks.pages", [f"--rows={rows}"], environment)
        return tables.pages(found["pages"])
    return ""


RUNNERS = {
    "start": measure_start,
    "roads": measure_roads,
    "profile": measure_profile,
    "bursts": measure_bursts,
    "queue": measure_queue,
    "limit": measure_limit,
    "exports": measure_exports,
    "pages": measure_pages,
    "tools": measure_tools,
}
PARTS = tuple(RUNNERS)

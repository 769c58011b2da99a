"""The generated blocks of RESULTS.md: tables between two comments, with the machine, the day and the versions."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("RESULTS.md")
PACKAGES = (
    "django", "django-fsm-2", "psycopg", "mysqlclient", "gunicorn", "granian", "dj-stripe", "django-payments",
)  # fmt: skip


def write_block(name: str, text: str, *, file: Path = RESULTS) -> None:
    """Put a text between the comments of this block; raise ValueError when the file has no such block."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    whole = file.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(whole):
        raise ValueError(f"{file.name} has no block {name!r}")
    file.write_text(pattern.sub(lambda _: f"{begin}\n{text.strip()}\n{end}", whole), encoding="utf-8")


def read_block(name: str, *, file: Path = RESULTS) -> str:
    """Return what stands between the comments of this block; empty when the file has no such block."""
    found = re.search(f"<!-- begin {re.escape(name)} -->(.*?)<!-- end", file.read_text(encoding="utf-8"), re.DOTALL)
    return found[1] if found else ""


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; all columns but the first stand to the right."""
    lines = [titles, ["---", *["---:"] * (len(titles) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def machine() -> str:
    """Say what the figures depend on: the day, the processor, how busy it was, versions."""
    cpus = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*:\s*(.+)$", cpus.read_text(), re.MULTILINE) if cpus.exists() else []
    load = f"load {os.getloadavg()[0]:.1f} at its end, its own work included"
    found = [f"{name} {got}" for name in PACKAGES if (got := _version(name))]
    return (
        f"{datetime.now(UTC):%-d %B %Y}; {names[0] if names else platform.machine()}, {os.cpu_count()} processors, "
        f"{load}; Python {platform.python_version()}, {', '.join(found)}{_servers()}."
    )


def start(lines: Sequence[Mapping[str, Any]]) -> str:
    """Return the table of what a process has when Django is set up."""
    rows = [
        [line["name"], f"{line['processor_ms']:.0f}", f"{line['mebibytes']:.1f}", f"{line['modules']:.0f}"]
        for line in lines
    ]
    return table(["`django.setup()`", "processor ms", "resident memory, MiB", "modules"], rows)


def roads(title: str, lines: Sequence[Mapping[str, Any]]) -> str:
    """Return the table of one database with one server."""
    rows = [
        [
            line["name"],
            f"{line['rate']:,.0f}",
            f"{line['ratio']:.2f}",
            f"{line['processor_ms']:.1f}",
            f"{line['median_ms']:.1f}",
            f"{line['p99_ms']:.0f}",
            f"{line['slowest_ms']:.0f}",
        ]
        for line in lines
    ]
    refused = sum(line["refused"] for line in lines)
    busiest = max(line["own_share"] for line in lines)
    titles = ["road", "a second", "of the floor", "processor ms", "median ms", "99 % ms", "slowest ms"]
    return (
        f"### {title}\n\n{table(titles, rows)}\n\n"
        f"Answers other than 200: {refused}. The load generator used {busiest:.2f} of a processor at most."
    )


def profile(costs: Sequence[Mapping[str, Any]]) -> str:
    """Return the table of where the processor time of each road goes, in milliseconds for one request."""
    parts = list(costs[0]["shares"])
    rows = [
        [part, *(f"{cost['python_ms'] * cost['shares'][part]:.2f}" for cost in costs)]
        for part in sorted(parts, key=lambda part: -max(cost["python_ms"] * cost["shares"][part] for cost in costs))
    ]
    rows.append(["Python, all of it", *(f"{cost['python_ms']:.2f}" for cost in costs)])
    rows.append(["PostgreSQL", *(f"{cost['database_ms']:.2f}" for cost in costs)])
    together = [cost["python_ms"] + cost["database_ms"] for cost in costs]
    rows.append(["together", *(f"{one:.2f}" for one in together)])
    rows.append(["the floor's, as a share of it", *(f"{together[0] / one:.2f}" for one in together)])
    rows.append(["statements, BEGIN and COMMIT among them", *(f"{cost['statements']:.1f}" for cost in costs)])
    return table(["processor ms a request", *(cost["name"] for cost in costs)], rows)


def bursts(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the tables of bursts and of a worker's memory, by database."""
    rows = [
        [
            name,
            f"{burst['callbacks']:,}",
            str(burst["workers"]),
            f"{burst['seconds']:.1f}",
            f"{burst['rate']:,.0f}",
            f"{burst['processor_ms']:.1f}",
        ]
        for name, one in found.items()
        for burst in one["bursts"]
    ]
    texts = [table(["database", "callbacks", "workers", "seconds", "a second", "processor ms"], rows)]
    texts += [_memory(name, one["memory"]) for name, one in found.items() if one["memory"]]
    return "\n\n".join(texts)


def _memory(name: str, notes: Sequence[Mapping[str, Any]]) -> str:
    """Return the table of a worker's memory, and how much it grew with each callback in the end."""
    rows = [[f"{note['callbacks']:,}", f"{note['mebibytes']:.1f}"] for note in notes]
    text = table([f"callbacks processed by one worker ({name})", "its resident memory, MiB"], rows)
    if len(notes) < 2:
        return text
    before, last = notes[-2:]
    grown = (last["mebibytes"] - before["mebibytes"]) * 2**20 / (last["callbacks"] - before["callbacks"])
    return f"{text}\n\nBetween the last two lines it grew by {grown:,.1f} bytes a callback."


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _servers() -> str:
    found = []
    for program in ("postgres", "mariadbd"):
        try:
            said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
        except OSError:
            continue
        if number := re.search(r"\d+\.\d+(\.\d+)?", said):
            found.append(f", {'PostgreSQL' if program == 'postgres' else 'MariaDB'} {number[0]}")
    return "".join(found)

"""The tables of a bad day, of the key's limit, of files, of growth, and of what a developer waits for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.report import table

PURPOSES = {"create": "creations", "confirm": "confirmations", "person": "for a person", "reconcile": "reconciliation"}


def queue(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the table of a bad day, by database."""
    lines: list[tuple[str, str, str]] = [
        ("invoices in the shop", "rows", "{:,}"),
        ("events that wait, half of them behind one that failed", "waiting", "{:,}"),
        ("a callback's request before, processor ms", "healthy.processor_ms", "{:.1f}"),
        ("the same while they wait", "bad.processor_ms", "{:.1f}"),
        ("median before, ms", "healthy.median_ms", "{:.1f}"),
        ("median while they wait, ms", "bad.median_ms", "{:.1f}"),
        ("the slowest of 300, which also looks for overdue work, ms", "bad.slowest_ms", "{:.0f}"),
        ("pending callbacks, one worker", "pending", "{:,}"),
        ("callbacks that it processes a second", "rate", "{:,.0f}"),
        ("processor ms of worker and database for each", "worker_ms", "{:.1f}"),
        ("how it finds them", "plan", "{}"),
    ]
    rows = [[title, *(form.format(_within(one, path)) for one in found.values())] for title, path, form in lines]
    return table(["a bad day", *found], rows)


def limit(found: Mapping[str, Any]) -> str:
    """Return the tables of what one API key carries."""
    burst, steady, crowd = found["burst"], found.get("steady"), found.get("crowd")
    rows = [
        [f"{burst['invoices']} invoices paid at once: seconds until the last is fulfilled", f"{burst['seconds']:.1f}"],
        ["processor seconds of workers and database for that", f"{burst['processor_seconds']:.1f}"],
        ["calls in the last minute of that", str(burst["calls"])],
    ]
    if steady:
        rows += [
            ["invoices created in a minute, as fast as the key allows", str(steady["created"])],
            ["invoices fulfilled in that minute", str(steady["fulfilled"])],
        ]
    rows.append(["calls that the gateway refused", str(found["refused"])])
    texts = [table(["one API key with 200 calls a minute, two workers", "PostgreSQL"], rows)]
    if crowd:
        minutes = crowd["minutes"]
        rows = [
            [f"calls a minute: {PURPOSES[role]}", f"{calls / minutes:.0f}"] for role, calls in crowd["calls"].items()
        ]
        rows += [
            ["together", f"{crowd['total'] / minutes:.0f}"],
            ["the longest wait of a creation, seconds", f"{crowd['longest_creation']:.1f}"],
            ["creations that had to try again later", str(crowd["creations_put_off"])],
        ]
        texts.append(
            table([f"eight processes on one key, at full load for {minutes:.0f} minutes", "PostgreSQL"], rows)
        )
    return "\n\n".join(texts)


def exports(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Return the table of files that have all invoices."""
    rows = [
        [
            f"{one['name']}, {database}",
            f"{one['lines']:,}",
            f"{one['seconds']:.1f}",
            f"{one['processor_seconds']:.1f}",
            f"{one['bytes'] / one['seconds']:,.0f}",
            f"{one['mebibytes']:.0f}",
            f"{one['grown']:.1f}",
        ]
        for database, files in found.items()
        for one in files
    ]
    titles = ["file", "lines", "seconds", "processor s", "bytes a second", "most MiB", "MiB after its first tenth"]
    return table(titles, rows)


def tools(found: Mapping[str, Any]) -> str:
    """Return the table of what a developer waits for."""
    rows = [
        ["a paid story with `cryptopay_sandbox`, processor ms", f"{found['story_ms']:.1f}"],
        ["`make demo` to the first page, seconds", f"{found['demo_seconds']:.1f}"],
    ]
    if "suite_seconds" in found:
        rows.append([f"`make test`, seconds ({found['suite']})", f"{found['suite_seconds']:.0f}"])
    return table(["for developers", "SQLite"], rows)


def pages(found: Mapping[str, Any]) -> str:
    """Return the tables of what must not grow, by number of invoices, and of creations."""
    counts = list(found["pages"])
    names = dict.fromkeys(name for took in found["pages"].values() for name in took)
    rows = [
        [name, *(f"{took[name]:.1f}" if name in took else "–" for took in found["pages"].values())] for name in names
    ]
    creation = found["creation"]
    made = [[name, f"{took:.1f}"] for name, took in creation.items()]
    made.append(["create_invoice's own work", f"{creation['create_invoice'] - creation['bare POST']:.1f}"])
    return (
        table(["processor ms", *counts], rows)
        + "\n\n"
        + table(["one new invoice, median ms", "against the sandbox on loopback"], made)
    )


def _within(found: Mapping[str, Any], path: str) -> Any:
    value: Any = found
    for name in path.split("."):
        value = value[name]
    return value

"""The aims of speed, and the table of RESULTS.md that says which are met. A run writes the rows that it measured."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import report

ROOT = Path(__file__).resolve().parent.parent
TITLES = ["aim", "wanted", "measured", "met", "when, at what load, commit"]


@dataclass(frozen=True)
class Aim:
    """One aim: what is wanted at least, or at most, of the figures that a part has found."""

    part: str
    name: str
    wanted: float
    figures: Callable[[Any], list[float]]
    is_most: bool = False
    form: str = "{:.2f}"

    def is_met(self, figures: list[float]) -> bool:
        """Return whether every figure is within the aim."""
        return all(one <= self.wanted if self.is_most else one >= self.wanted for one in figures)


def table(found: Mapping[str, Any], former: str) -> str:
    """Return the table of all aims: what `found` has by part, and for the others the rows of the former table."""
    known = {cells[0]: cells for cells in _rows(former)}
    stamp = f"{datetime.now(UTC):%-d %B %Y}, {os.getloadavg()[0]:.1f}, {commit()}"
    rows = []
    for aim in AIMS:
        figures: list[float] = []
        with suppress(KeyError):  # the part, or its database, was not measured
            figures = aim.figures(found[aim.part])
        wanted = f"{'≤' if aim.is_most else '≥'} {aim.form.format(aim.wanted)}"
        if figures:
            said = ", ".join(aim.form.format(one) for one in figures)
            known[aim.name] = [aim.name, wanted, said, "yes" if aim.is_met(figures) else "no", stamp]
        rows.append(known.get(aim.name, [aim.name, wanted, "–", "not measured", "–"]))
    return report.table(TITLES, rows)


def commit() -> str:
    """Return the short name of the commit that is measured, with a plus if files differ from it."""
    with suppress(OSError, subprocess.CalledProcessError):
        said = subprocess.run(
            ["git", "describe", "--always", "--dirty=+"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        return said.stdout.strip()
    return "no commit"


def _rows(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| ") and len(cells) == len(TITLES) and cells != TITLES and not re.match("-+:?$", cells[0]):
            yield cells


def _of_dj_stripe(field: str, suffix: str) -> Callable[[Any], list[float]]:
    """Return what the app adds to Django alone, as a share of what dj-stripe adds."""

    def read(lines: Any) -> list[float]:
        by_name = {line["name"]: line[field] for line in lines}
        ours, theirs, alone = (
            by_name.get(f"{name}{suffix}") for name in ("with cryptopay_django", "with dj-stripe", "Django alone")
        )
        return [(ours - alone) / (theirs - alone)] if theirs else []

    return read


def _ratios(*roads: str) -> Callable[[Any], list[float]]:
    """Return these roads' shares of the floor on PostgreSQL, with each server."""
    return lambda tables: [
        line["ratio"]
        for title, lines in tables.items()
        if title.startswith("PostgreSQL")
        for line in lines
        if line["name"] in roads
    ]


def _against(other: str, road: str, database: str = "PostgreSQL") -> Callable[[Any], list[float]]:
    """Return a road's speed on a database against another's in the same laps: with each server, then as documented."""

    def read(tables: Any) -> list[float]:
        found = []
        for ending in ("", PREPARED):
            for title, lines in tables.items():
                rates = {line["name"]: line["ratio"] for line in lines}
                if title.startswith(database) and {road + ending, other + ending} <= set(rates):
                    found.append(rates[road + ending] / rates[other + ending])
        return found

    return read


def _slowest_lists(found: Any) -> list[float]:
    """Return the milliseconds of the slowest list, filter or search of the largest shop."""
    largest = list(found["pages"].values())[-1]
    names = ("invoices: list", "invoices: filter", "invoices: search", "callbacks: ", "resolutions: ", "refunds: ")
    return [max((took for name, took in largest.items() if name.startswith(names)), default=0.0)]


WHOLE, ASKED = "whole road, callbacks believed", "whole road, the gateway asked"
FORMER = "whole road of the former build"
DJ_STRIPE, PAYMENTS = "dj-stripe, the gateway asked", "django-payments"
PREPARED = ", statements prepared by PostgreSQL"
"""What is added to the name of a road that is measured with the connections that docs/performance.md advises."""

AIMS = (
    Aim("start", "`django.setup()`: time beside dj-stripe's", 0.5, _of_dj_stripe("processor_ms", ""), is_most=True),
    Aim("start", "the same, with the admin", 0.5, _of_dj_stripe("processor_ms", ", with the admin"), is_most=True),
    Aim("start", "`django.setup()`: memory beside dj-stripe's", 0.4, _of_dj_stripe("mebibytes", ""), is_most=True),
    Aim("start", "the same memory, with the admin", 0.4, _of_dj_stripe("mebibytes", ", with the admin"), is_most=True),
    Aim("roads", "acknowledge, of the floor", 0.9, _ratios("acknowledge, a worker does the rest")),
    Aim("roads", "a repeated callback, of the floor", 0.8, _ratios("replay storm: one callback over and over")),
    Aim("roads", "whole road, of the floor", 0.3, _ratios(WHOLE)),
    Aim("roads", "whole road, the gateway asked, beside dj-stripe", 1, _against(DJ_STRIPE, ASKED)),
    Aim("roads", "whole road, beside django-payments, PostgreSQL", 1, _against(PAYMENTS, WHOLE)),
    Aim("roads", "whole road, beside django-payments, SQLite", 1, _against(PAYMENTS, WHOLE, "SQLite")),
    Aim("roads", "whole road, beside django-payments, MariaDB", 0.9, _against(PAYMENTS, WHOLE, "MariaDB")),
    Aim("roads", "whole road, beside the former build", 1.6, _against(FORMER, WHOLE)),
    Aim("queue", "a callback's request on a bad day, processor ms", 10,
        lambda found: [found["PostgreSQL"]["bad"]["processor_ms"]], is_most=True, form="{:.1f}"),
    Aim("queue", "callbacks a second of one worker on a bad day", 400,
        lambda found: [found["PostgreSQL"]["rate"]], form="{:,.0f}"),
    Aim("limit", "400 invoices paid at once: seconds until the last is fulfilled", 5,
        lambda found: [found["burst"]["seconds"]], is_most=True, form="{:.1f}"),
    Aim("limit", "invoices a minute of one key, from created to fulfilled", 190,
        lambda found: [min(found["steady"]["created"], found["steady"]["fulfilled"])], form="{:.0f}"),
    Aim("limit", "calls that the gateway refused", 0, lambda found: [found["refused"]], is_most=True, form="{:.0f}"),
    Aim("limit", "longest wait of a creation at full load, seconds", 60,
        lambda found: [found["crowd"]["longest_creation"]], is_most=True, form="{:.1f}"),
    Aim("exports", "MiB that a process grows by while it streams all invoices", 16,
        lambda found: [one["grown"] for files in found.values() for one in files], is_most=True, form="{:.1f}"),
    Aim("pages", "slowest list, filter or search, processor ms", 100, _slowest_lists, is_most=True, form="{:.0f}"),
    Aim("tools", "a paid story of the tests, processor ms", 9,
        lambda found: [found["story_ms"]], is_most=True, form="{:.1f}"),
    Aim("tools", "`make test`, seconds", 75,
        lambda found: [found["suite_seconds"]], is_most=True, form="{:.0f}"),
)  # fmt: skip

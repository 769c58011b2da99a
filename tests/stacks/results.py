"""Keeps what came of each row of the table in results.json, and says whether the table explains it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.stacks.rows import ROWS, Row

RESULTS = Path(__file__).with_name("results.json")

Result = dict[str, Any]


def is_explained(row: Row, result: Result) -> bool:
    """Return whether a row came out as the table says."""
    return bool(result["ok"]) is not bool(row.not_supported)


def is_explained_now(row: Row) -> bool:
    """Return whether a row has a result that is as the table says."""
    kept = read_results()
    return row.name in kept and is_explained(row, kept[row.name])


def summary(row: Row, result: Result) -> str:
    """Return one line about a row that ran."""
    if result["missing"]:
        return f"not run: {result['missing']}"
    if result["ok"]:
        return f"ok, {result['seconds']} s" + (
            ", though the table says that it is not supported" * bool(row.not_supported)
        )
    word = "as the table says, not supported" if row.not_supported else "FAILED"
    return f"{word}, {result['seconds']} s: {result['failed']}"


def read_results() -> dict[str, Result]:
    """Return the kept results of the rows that the table still has."""
    kept: dict[str, Result] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    return {row.name: kept[row.name] for row in ROWS if row.name in kept}


def write_results(results: dict[str, Result]) -> None:
    """Keep results, in the order of the table."""
    ordered = {row.name: results[row.name] for row in ROWS if row.name in results}
    RESULTS.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n")

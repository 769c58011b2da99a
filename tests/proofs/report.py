"""What a proof tried, for the table of `make prove`; without PROVE_REPORT nothing is written."""

from __future__ import annotations

import json
import os
from pathlib import Path


def tried(what: str, count: int) -> None:
    """Add a line to the report: how often something was tried."""
    if report := os.environ.get("PROVE_REPORT"):
        with Path(report).open("a") as lines:
            lines.write(json.dumps({"what": what, "count": count}) + "\n")

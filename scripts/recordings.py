"""Holds this project against recorded traffic of the service, which is not part of it.

    python -m scripts.recordings FOLDER

The folder has JSON files: each a list of {"method", "path", "request", "status", "response"}, newest first, or the
body of one callback. A status of null is not known, and a file whose name ends with "partial" lacks members that the
service sends. Compared with the recordings are:

    table    the table of shapes: envelopes, members, formats, statuses, refusals
    client   what our client sends for the recorded request, and what it reads of the recorded answer
    sandbox  the sandbox's answer to the recorded request: status, envelope, members and their order, words of a
             refusal; and the callbacks that it can send: members and their order

Prints each difference, with how often, and what was compared; exits with 1 when anything differs.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.sandbox.comparing import callback_differences, differences
from tests.sandbox.shapes import ENDPOINTS, PAGED

from .recorded_callbacks import unlike_callbacks_sent
from .recorded_client import misread, misread_callback
from .recorded_sandbox import Impostor

_PATTERNS = {
    endpoint: re.compile(re.sub(r"\\\{\w+\\\}", "([^/]+)", re.escape(endpoint)) + r"(\?.*)?") for endpoint in ENDPOINTS
}
_PLACE = re.compile(r"\[[0-9]+\]")


@dataclass(frozen=True)
class Exchange:
    """One recorded request and its answer. `endpoint` is its name in the table, "" for none of it."""

    method: str
    path: str
    request: dict[str, Any] | None
    status: int | None
    response: dict[str, Any]

    @property
    def endpoint(self) -> str:
        """Its name in the table; "" where it is not there."""
        call = f"{self.method} {self.path}"
        return next((name for name, pattern in _PATTERNS.items() if pattern.fullmatch(call)), "")

    @property
    def is_refusal(self) -> bool:
        return "error" in self.response


def out_of_shape(exchange: Exchange) -> Iterator[str]:
    """Yield what of a request and its answer is not as the table says."""
    if exchange.is_refusal:
        yield from differences("refusal", exchange.response, "refusal")
        return
    if not exchange.endpoint:
        yield "the table does not have it"
        return
    status, shape = ENDPOINTS[exchange.endpoint]
    if exchange.status not in (status, None):
        yield f"status {exchange.status}, in the table {status}"
    if ("meta" in exchange.response) != (exchange.endpoint in PAGED):
        yield f"meta is {'there' if 'meta' in exchange.response else 'missing'}"
    elif "meta" in exchange.response:
        yield from differences("page_meta", exchange.response["meta"], "meta")
    yield from differences(shape, exchange.response["data"])


def read_folder(folder: Path) -> Iterator[tuple[str, Exchange | dict[str, Any]]]:
    """Yield each recorded exchange and callback, with the name of its file."""
    for file in sorted(folder.glob("*.json")):
        content = json.loads(file.read_text())
        for entry in content if isinstance(content, list) else [content]:
            if "response" in entry:
                names = ("method", "path", "request", "status", "response")
                yield file.stem, Exchange(**{name: entry.get(name) for name in names})
            else:
                yield file.stem, entry


def main(folder: Path) -> int:
    """Compare every file of the folder; return the exit status."""
    found: Counter[str] = Counter()
    compared: Counter[str] = Counter()
    recorded = list(read_folder(folder))
    impostor = Impostor([entry for _, entry in recorded if isinstance(entry, Exchange)])
    for name, entry in recorded:
        if isinstance(entry, Exchange):
            compared["exchanges"] += 1
            judges = (("table", out_of_shape), ("client", misread), ("sandbox", impostor.differences))
            lines = [f"{judge}: {line}" for judge, compare in judges for line in compare(entry)]
        else:
            compared["callbacks"] += 1
            judges_of_callbacks = (
                ("table", callback_differences), ("client", misread_callback), ("sandbox", unlike_callbacks_sent),
            )  # fmt: skip
            lines = [f"{judge}: {line}" for judge, compare in judges_of_callbacks for line in compare(entry)]
            if name.endswith("partial"):
                lines = [line for line in lines if not line.endswith(" is missing")]
        found.update(f"{name}: {_PLACE.sub('[]', line)}"[:300] for line in lines)
    for line, times in sorted(found.items()):
        print(f"differs, {times} times: {line}")
    print(", ".join(f"{count} {what}" for what, count in compared.items()) or "nothing", "compared")
    if not compared:
        print("there are no recordings in this folder")
        return 1
    print(f"{sum(found.values())} differences" if found else "all are read, and nothing differs")
    return 1 if found else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1])))

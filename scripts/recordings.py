"""Holds the table of the wire's shapes against recorded traffic of the service, which is not part of this project.

    python -m scripts.recordings FOLDER

The folder has JSON files, each a list of {"method", "path", "status", "response"} or one callback's body. Prints each
difference, and the endpoints that the table lacks; exits with 1 when anything differs.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.sandbox.shapes import ENDPOINTS, PAGED, differences

_PATTERNS = {
    endpoint: re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(endpoint)) + r"(\?.*)?") for endpoint in ENDPOINTS
}


def check_exchange(exchange: dict[str, Any]) -> Iterator[str]:
    """Yield what of one request and its answer is not as the table says."""
    body, call = exchange["response"], f"{exchange['method']} {exchange['path']}"
    if "error" in body:
        yield from differences("refusal", body, "refusal")
        return
    endpoint = next((name for name, pattern in _PATTERNS.items() if pattern.fullmatch(call)), None)
    if endpoint is None:
        return
    status, shape = ENDPOINTS[endpoint]
    if exchange["status"] not in (status, None):
        yield f"status {exchange['status']}, in the table {status}"
    if ("meta" in body) != (endpoint in PAGED):
        yield f"meta is {'there' if 'meta' in body else 'missing'}"
    elif "meta" in body:
        yield from differences("page_meta", body["meta"], "meta")
    yield from differences(shape, body["data"])


def main(folder: Path) -> int:
    """Compare every file of the folder; return the exit status."""
    found: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    compared = 0
    for file in sorted(folder.glob("*.json")):
        content = json.loads(file.read_text())
        exchanges = content if isinstance(content, list) else [content]
        for exchange in exchanges:
            if exchange.get("type") == "Invoice":
                compared += 1
                found.update(f"{file.stem}: {line}" for line in differences("callback", exchange, "callback"))
                continue
            if "response" not in exchange:
                unknown[f"{file.stem}: no shape for this type of callback"] += 1
                continue
            call = f"{exchange['method']} {exchange['path'].partition('?')[0]}"
            if (
                not any(pattern.fullmatch(call) for pattern in _PATTERNS.values())
                and "error" not in exchange["response"]
            ):
                unknown[re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "{id}", call)] += 1
                continue
            compared += 1
            for line in check_exchange(exchange):
                found[f"{file.stem}: {re.sub('[0-9]+', 'N', line)}"[:160]] += 1
    for line, times in sorted(found.items()):
        print(f"differs, {times} times: {line}")
    for line, times in sorted(unknown.items()):
        print(f"not in the table, {times} times: {line}")
    print(f"{compared} exchanges compared, {sum(found.values())} differences")
    return 1 if found else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1])))

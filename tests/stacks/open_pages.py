"""Measures a server with many open payment pages and few files: `python -m tests.stacks.open_pages uvicorn`.

Pages are opened and stay open; then orders are bought, looked at and paid. It prints how many pages are told of changes,
how many ask again, how many were refused, and whether a callback or a new page had to wait. Not part of the suite.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import requests

from scripts.environments import environment
from scripts.stacks import start
from tests.stacks.rows import ROWS, SERVERS
from tests.stacks.story import Story, expect

ORDERS = 20
PATIENCE = 30.0
WORDS = {200: "told of changes", 204: "ask again"}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.stacks.open_pages", description=__doc__)
    parser.add_argument("server", choices=SERVERS)
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--files", type=int, default=1024, help="what each process of the server may open")
    options = parser.parse_args(arguments)
    _allow_files(options.pages + 200)
    row = next(row for row in ROWS if row.name == options.server)
    venv = environment(row.python, row.django, (*SERVERS[row.server].packages, *row.packages))
    folder = Path(tempfile.mkdtemp(prefix="stack-"))
    try:
        with contextlib.ExitStack() as stack:
            story = start(replace(row, files=options.files), folder, venv, {}, stack, 30)
            found, answers = asyncio.run(_measure(story, options.pages))
        head = f"{options.server}, {options.pages} pages, {options.files} files for each process:"
        pages = ", ".join(f"{count} {word}" for word, count in found.items())
        error = _worst(folder / "server.log") or "no error"
        sys.stdout.write("\n  ".join([head, pages, *answers, f"log: {error}"]) + "\n")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _allow_files(needed: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        sys.exit(f"this process may open {hard} files, and needs {needed}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))


async def _measure(story: Story, pages: int) -> tuple[Counter[str], list[str]]:
    """Open the pages, hold them open, and play the shop meanwhile."""
    order = await asyncio.to_thread(story.buy)
    opened: list[asyncio.StreamWriter] = []
    gate = asyncio.Semaphore(50)
    found = Counter(await asyncio.gather(*(_open(story, order, opened, gate) for _ in range(pages))))
    answers = await asyncio.to_thread(_play, story)
    for writer in opened:
        writer.close()
    return found, answers


async def _open(
    story: Story, order: dict[str, str], opened: list[asyncio.StreamWriter], gate: asyncio.Semaphore
) -> str:
    """Ask for the events of an order; keep the connection open, as a browser does, and say what was answered."""
    parts = urlsplit(story.url(order["invoice-events"]))
    async with gate:
        try:
            async with asyncio.timeout(PATIENCE):
                reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
                opened.append(writer)
                writer.write(f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
                line = await reader.readline()
        except (TimeoutError, OSError) as error:
            return f"refused ({type(error).__name__})"
    status = int(line.split()[1]) if line else 0
    return WORDS.get(status, f"answered {status or 'nothing'}")


def _play(story: Story) -> list[str]:
    """Buy, look at and pay some orders; return what was seen."""
    slowest, statuses, orders = 0.0, Counter[int](), []
    for _ in range(ORDERS):
        orders.append(story.buy())
        begun = time.monotonic()
        statuses[requests.get(story.url(orders[-1]["checkout"]), timeout=60).status_code] += 1
        slowest = max(slowest, time.monotonic() - begun)
    for order in orders:
        story.control("pay", invoice_id=order["gateway_id"])
        story.control("confirm", invoice_id=order["gateway_id"])
    story.wait_for(orders, order="paid", invoice="completed")
    story.settled(orders)
    sent = requests.get(f"{story.gateway}/control/state", timeout=60).json()["callbacks"]
    attempts = Counter(
        attempt["trouble"] or attempt["answer"]["status"] for callback in sent for attempt in callback["attempts"]
    )
    expect(attempts, "no callback was sent")
    return [
        f"new pages {dict(statuses)}, the slowest after {slowest:.1f} s",
        f"callbacks {dict(attempts)}",
        f"{ORDERS} orders credited once",
    ]


def _worst(log: Path) -> str:
    """Return the last line of a log that speaks of an error."""
    lines = log.read_text(errors="replace").splitlines()
    return next((line for line in reversed(lines) if "Error" in line or "out of system resource" in line), "")


if __name__ == "__main__":
    main()

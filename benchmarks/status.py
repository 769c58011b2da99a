"""How many customers can watch their payment page at once: by polling, or by server-sent events.

    pip install gunicorn uvicorn
    python -m benchmarks.status                        1,000 customers who poll as the page's script does
    python -m benchmarks.status --streams              1,000 customers with a stream each
    python -m benchmarks.status --customers 2000 --seconds 60 --workers 2

It starts the server itself, on a free port of this machine, with SQLite in a temporary folder, and plays
the customers from this process on the same machine. Every second some of the invoices change; what is
measured is how long answers take, and how long it takes until a change is known.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

ROOT = Path(__file__).resolve().parent.parent
SOONEST, LATEST, SLOWER = 3.0, 15.0, 1.3
ARRIVING = 30.0  # seconds in which all customers open their pages; nothing is counted in them
CHANGED_EACH_SECOND = 0.005  # three times in the ten minutes that an invoice lives


@dataclass
class Figures:
    """What the customers met."""

    took: list[float] = field(default_factory=list)
    known_after: list[float] = field(default_factory=list)
    unchanged: int = 0
    errors: int = 0

    def forget(self) -> None:
        """Begin to count."""
        self.took.clear()
        self.known_after.clear()
        self.unchanged = self.errors = 0


class Customer:
    """One page that is watched: a connection that stays open, the last ETag, the script's growing pauses."""

    def __init__(self, port: int, invoice_id: UUID, figures: Figures) -> None:
        self.port, self.invoice_id, self.figures = port, invoice_id, figures
        self.path = f"/cryptopay/checkout/{invoice_id}"
        self.etag = ""
        self.changed_at: float | None = None

    async def ask(self) -> None:
        """Ask for the status once, as the script does."""
        begun = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        known = f"If-None-Match: {self.etag}\r\n" if self.etag else ""
        writer.write(
            f"GET {self.path}/status/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{known}\r\n".encode()
        )
        answer = (await reader.read()).decode()
        writer.close()
        self.figures.took.append(time.monotonic() - begun)
        status = answer[9:12]
        if status == "304":
            self.figures.unchanged += 1
        elif status == "200":
            self.etag = next(line[6:] for line in answer.splitlines() if line.startswith("ETag: "))
            self.know()
        else:
            self.figures.errors += 1

    def know(self) -> None:
        """Note that a change has reached this customer."""
        if self.changed_at is not None:
            self.figures.known_after.append(time.monotonic() - self.changed_at)
            self.changed_at = None

    async def poll(self) -> None:
        pause = SOONEST
        await asyncio.sleep(random.uniform(0, ARRIVING))
        while True:
            before = self.etag
            try:
                await self.ask()
            except OSError:
                self.figures.errors += 1
            pause = SOONEST if self.etag != before else min(LATEST, pause * SLOWER)
            await asyncio.sleep(pause * random.uniform(0.85, 1.15))

    async def listen(self) -> None:
        await asyncio.sleep(random.uniform(0, ARRIVING))
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"GET {self.path}/events/ HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        try:
            while line := await reader.readline():
                if line.startswith(b"data:"):
                    self.know()
        finally:
            writer.close()
        self.figures.errors += 1


def set_up(folder: Path, count: int) -> list[UUID]:
    """Make the database with an invoice for each customer."""
    os.environ |= {
        "SHOP_VAR_DIR": str(folder),
        "SHOP_DEBUG": "0",
        "CRYPTOPAY_BASE_URL": "https://gateway.invalid",
        "DJANGO_SETTINGS_MODULE": "example_project.config.settings",
    }
    sys.path.insert(0, str(ROOT))
    import django

    django.setup()
    from django.core.management import call_command

    from cryptopay_django.testing.factories import InvoiceFactory

    call_command("migrate", verbosity=0)
    return [invoice.pk for invoice in InvoiceFactory.create_batch(count)]


def serve(folder: Path, port: int, *, streams: bool, workers: int) -> subprocess.Popen[bytes]:
    server = ["uvicorn", "example_project.config.asgi:application", "--log-level=warning", "--no-access-log"]
    options = [f"--port={port}", f"--workers={workers}"]
    if not streams:
        server = ["gunicorn", "example_project.config.wsgi:application", "--threads=4", "--log-level=warning"]
        options = [f"--bind=127.0.0.1:{port}", f"--workers={workers}", "--backlog=2048"]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *server, *options], cwd=ROOT, stdout=log, stderr=log, start_new_session=True
        )
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        time.sleep(0.1)
    raise SystemExit(f"the server does not answer: {(folder / 'server.log').read_text()[-500:]}")


async def watch(customers: list[Customer], *, seconds: float, streams: bool) -> None:
    """Let the customers watch, change some invoices every second, and stop."""
    from django.db.models import F

    from cryptopay_django.models import Invoice

    def change(some: list[Customer]) -> None:
        Invoice.objects.filter(pk__in=[one.invoice_id for one in some]).update(version=F("version") + 1)

    tasks = [asyncio.create_task(one.listen() if streams else one.poll()) for one in customers]
    await asyncio.sleep(ARRIVING + SOONEST)
    customers[0].figures.forget()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        some = random.sample(customers, max(1, int(len(customers) * CHANGED_EACH_SECOND)))
        await asyncio.to_thread(change, some)
        for one in some:
            one.changed_at = one.changed_at or time.monotonic()
        await asyncio.sleep(1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def percentiles(values: list[float]) -> str:
    if len(values) < 2:
        return "none"
    cuts = statistics.quantiles(values, n=100)
    return f"median {cuts[49] * 1000:.0f} ms, 95 % {cuts[94] * 1000:.0f} ms, 99 % {cuts[98] * 1000:.0f} ms"


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def report(figures: Figures, options: Any, server_cpu: float) -> None:
    say(f"{options.customers} customers, {'streams' if options.streams else 'polling'}, {options.seconds} s,"
          f" {options.workers} workers, {os.cpu_count()} cores, SQLite")  # fmt: skip
    if figures.took:
        share = figures.unchanged / len(figures.took)
        say(f"  requests          {len(figures.took) / options.seconds:.0f} a second, {share:.0%} of them 304")
        say(f"  an answer takes   {percentiles(figures.took)}")
    say(f"  a change is known after {percentiles(figures.known_after)} ({len(figures.known_after)} changes)")
    say(f"  errors            {figures.errors}")
    say(f"  server's CPU      {server_cpu / (options.seconds + ARRIVING):.2f} cores")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", action="store_true", help="server-sent events under ASGI")
    parser.add_argument("--customers", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="cryptopay-benchmark-") as name:
        folder = Path(name)
        invoices = set_up(folder, options.customers)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        server = serve(folder, port, streams=options.streams, workers=options.workers)
        try:
            customers = [Customer(port, key, figures) for key in invoices]
            asyncio.run(watch(customers, seconds=options.seconds, streams=options.streams))
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait()
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        report(figures, options, used.ru_utime + used.ru_stime)


if __name__ == "__main__":
    main()

"""How fast the sandbox is in process, and whether it stays as small as it was: python -m benchmarks.sandbox.

A story is an invoice that is created, paid in full and confirmed, with its three callbacks posted to a
function. No database, no socket, one core. Results are kept in RESULTS.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import format_datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import requests

from cryptopay_django.gateway.client import Client
from cryptopay_django.gateway.signing import sign_request
from cryptopay_django.sandbox.account import SANDBOX_API_KEY, SANDBOX_API_SECRET, Account
from cryptopay_django.sandbox.adapter import SandboxAdapter
from cryptopay_django.sandbox.callbacks import Answer
from cryptopay_django.sandbox.core import Sandbox
from cryptopay_django.sandbox.forms import read_invoice
from cryptopay_django.sandbox.scenarios import create_invoice

ORDER = {"price_amount": "100.0", "price_currency": "EUR", "pay_currency": "BTC"}


def main() -> None:
    """Measure, and print lines for RESULTS.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sandbox")
    parser.add_argument("--seconds", type=float, default=10, help="how long each speed is measured")
    parser.add_argument(
        "--callbacks", type=int, default=1_000_000, help="how many the memory is measured over; 0: none"
    )
    options = parser.parse_args()
    say(f"- {describe_machine()}")
    for name, make in SPEEDS.items():
        stories = measure_speed(make(make_sandbox()), options.seconds)
        say(f"- {name}: {stories:,.0f} stories a second of one core")
    if options.callbacks:
        for line in measure_memory(options.callbacks):
            say(f"- {line}")


def make_sandbox() -> Sandbox:
    account = Account(callback_url="https://shop.test/callbacks/", rate_limit=None)
    return Sandbox(account=account, seed="benchmark", post=lambda url, headers, body: Answer(200, b"ok"))


def make_core_story(sandbox: Sandbox) -> Callable[[], None]:
    """Return a story that uses the sandbox's own functions."""

    def story() -> None:
        invoice = create_invoice(sandbox, read_invoice(ORDER))
        finish(sandbox, invoice.id)

    return story


def make_adapter_story(sandbox: Sandbox) -> Callable[[], None]:
    """Return a story that creates and reads the invoice by signed requests, handed to the adapter."""
    adapter = SandboxAdapter(sandbox)

    def call(method: str, path: str, body: bytes = b"") -> Any:
        date = format_datetime(datetime.now(UTC), usegmt=True)
        signature = sign_request(secret=SANDBOX_API_SECRET, method=method, path=path, date=date, body=body)
        headers = {"Authorization": f"HMAC {SANDBOX_API_KEY}:{signature}", "Date": date}
        request = requests.Request(method, f"https://sandbox.invalid{path}", headers=headers, data=body).prepare()
        return adapter.send(request).json()["data"]

    def story() -> None:
        invoice_id = call("POST", "/api/invoices", json.dumps(ORDER).encode())["id"]
        finish(sandbox, invoice_id)
        assert call("GET", f"/api/invoices/{invoice_id}")["status"] == "completed"

    return story


def make_client_story(sandbox: Sandbox) -> Callable[[], None]:
    """Return a story that creates and reads the invoice with this package's client, as a shop does."""
    adapter = SandboxAdapter(sandbox)
    client = Client(SANDBOX_API_KEY, SANDBOX_API_SECRET, "https://sandbox.invalid", adapter=adapter)

    def story() -> None:
        made = client.create_invoice(price_amount=Decimal(100), price_currency="EUR", pay_currency="BTC")
        finish(sandbox, str(made.id))
        assert client.retrieve_invoice(made.id).status == "completed"

    return story


SPEEDS = {
    "the core alone": make_core_story,
    "signed requests, through the adapter": make_adapter_story,
    "signed requests, through this package's client": make_client_story,
}


def finish(sandbox: Sandbox, invoice_id: str) -> None:
    """Pay, confirm, deliver."""
    sandbox.pay(invoice_id)
    sandbox.confirm(invoice_id)
    attempts = sandbox.deliver()
    assert len(attempts) == 3


def measure_speed(story: Callable[[], None], seconds: float) -> float:
    """Return stories a second of processor time, after a warm-up."""
    for _ in range(100):
        story()
    count, started = 0, time.process_time()
    while (elapsed := time.process_time() - started) < seconds:
        story()
        count += 1
    return count / elapsed


def measure_memory(callbacks: int) -> Iterator[str]:
    """Yield the resident memory at a tenth of the way and at its end."""
    sandbox = make_sandbox()
    story = make_core_story(sandbox)
    for mark in (callbacks // 10, callbacks):
        while sandbox.state.outbox.attempts_made < mark:
            story()
        kept = f"{len(sandbox.state.invoices):,} invoices and {len(sandbox.state.outbox.log):,} callbacks kept"
        yield f"after {sandbox.state.outbox.attempts_made:,} callbacks: {resident_mebibytes():.0f} MiB, {kept}"


def resident_mebibytes() -> float:
    """Return the memory that this process holds now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def describe_machine() -> str:
    """Return what the figures depend on."""
    names = [line.partition(":")[2].strip() for line in read_cpus() if line.startswith("model name")]
    processor = names[0] if names else platform.machine()
    return f"{processor}, one core, Python {platform.python_version()}, requests {version('requests')}"


def read_cpus() -> list[str]:
    """Return the lines in which Linux describes its processors."""
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

"""Measures what a developer waits for: python -m benchmarks.tools, with a SQLite in DATABASE_URL.

A whole paid story with the `cryptopay_sandbox` of the tests: created, paid, confirmed, its callbacks delivered through
the site's middleware to receivers. `make demo` to the shop's first page. With --suite also `make test`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.servers import ROOT, end, signals_put_off
from scripts.throwaway import free_port

STORIES = 200
LONGEST_SECONDS = 120


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--suite", action="store_true")
    options = parser.parse_args()
    found: dict[str, Any] = {"story_ms": measure_stories(), "demo_seconds": measure_demo()}
    if options.suite:
        found |= measure_suite()
    sys.stdout.write(json.dumps(found) + "\n")


def measure_stories() -> float:
    """Return the milliseconds of processor time of a paid story."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django

    django.setup()
    from django.core.management import call_command
    from django.test import TestCase
    from django.test.utils import setup_test_environment

    from cryptopay_django.models import Invoice
    from cryptopay_django.services import create_invoice
    from cryptopay_django.testing.testcases import CryptopaySandboxMixin

    setup_test_environment()
    call_command("migrate", verbosity=0)
    took: list[float] = []

    class Stories(CryptopaySandboxMixin, TestCase):
        def play(self) -> None:
            invoice = create_invoice(price_amount=100, price_currency="EUR", pay_currency="BTC")
            self.cryptopay_sandbox.pay(invoice)
            self.cryptopay_sandbox.confirm(invoice)
            self.cryptopay_sandbox.deliver()

        def test_stories(self) -> None:
            self.play()
            begun = time.process_time()
            for _ in range(STORIES):
                self.play()
            took.append(time.process_time() - begun)
            assert Invoice.objects.filter(status="completed").count() == STORIES + 1

    result = unittest.TestResult()
    Stories("test_stories").run(result)
    for _, error in (*result.errors, *result.failures):
        raise SystemExit(error)
    return took[0] / STORIES * 1000


def measure_demo() -> float:
    """Return the seconds from `make demo` to the first page of the shop."""
    port = free_port()
    environment = {**os.environ, "PORT": str(port), "SANDBOX_PORT": str(free_port()), "ONCE": "1"}
    for name in ("DJANGO_SETTINGS_MODULE", "DATABASE_URL"):
        environment.pop(name, None)
    begun = time.monotonic()
    with tempfile.TemporaryFile() as log:
        with signals_put_off():
            demo = subprocess.Popen(
                [sys.executable, "-m", "example_project.demo"],
                cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        try:
            while not _is_page(port):
                if demo.poll() is not None or time.monotonic() - begun > LONGEST_SECONDS:
                    log.seek(0)
                    raise SystemExit(f"the demo shows no page:\n{log.read().decode()[-2000:]}")
                time.sleep(0.02)
            return time.monotonic() - begun
        finally:
            end(demo)


def _is_page(port: int) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
        return bool(answer.status == 200)
    return False


def measure_suite() -> dict[str, Any]:
    """Run the whole suite as `make test` does; return its seconds and its last line."""
    command = ["make", "--no-print-directory", "test", f"VENV={Path(sys.prefix)}"]
    environment = {
        name: value for name, value in os.environ.items() if name not in ("DJANGO_SETTINGS_MODULE", "DATABASE_URL")
    }
    begun = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - begun
    said = (done.stdout.strip().splitlines() or ["nothing"])[-1]
    if done.returncode:
        raise SystemExit(f"`make test` failed: {said}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return {"suite_seconds": seconds, "suite": said.strip("= ")}


if __name__ == "__main__":
    main()

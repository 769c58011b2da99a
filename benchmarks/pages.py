"""What does not grow with the number of invoices: `python -m benchmarks.pages --rows 1000,1000000`.

The status endpoint, the admin list and a search of it, in server time, on a PostgreSQL in DATABASE_URL;
and `create_invoice` beside a bare signed POST to the sandbox. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.servers import sandbox

RUNS = 15
CREATIONS = 60


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", default="1000")
    options = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django

    django.setup()
    from benchmarks.admin import fill

    pages = {}
    for rows in options.rows.split(","):
        _empty()
        fill(int(rows))
        pages[rows] = measure_pages()
    with tempfile.TemporaryDirectory(prefix="cryptopay-benchmark-") as folder, sandbox(Path(folder)) as address:
        creation = measure_creation(address)
    sys.stdout.write(json.dumps({"pages": pages, "creation": creation}) + "\n")


def _empty() -> None:
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("flush", interactive=False, verbosity=0)


def measure_pages() -> dict[str, float]:
    """Return the median milliseconds of each page."""
    from django.contrib.auth.models import User
    from django.test import Client
    from django.urls import reverse

    from cryptopay_django.models import Invoice

    client = Client()
    client.force_login(User.objects.get(username="staff"))
    wanted = Invoice.objects.order_by("-created_at")[123]
    status = reverse("cryptopay_django:invoice-status", args=[wanted.pk])
    listing = reverse("admin:cryptopay_django_invoice_changelist")
    etag = Client().get(status).headers["ETag"]
    visitor = Client()
    asked: dict[str, tuple[int, Callable[[], Any]]] = {
        "status, 200": (200, lambda: visitor.get(status)),
        "status, 304": (304, lambda: visitor.get(status, headers={"If-None-Match": etag})),
        "admin list": (200, lambda: client.get(listing)),
        "admin, search by custom_id": (200, lambda: client.get(f"{listing}?q={wanted.custom_id}")),
    }
    took: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(RUNS):
        for name, (expected, ask) in asked.items():
            begun = time.perf_counter()
            answer = ask()
            took[name].append(time.perf_counter() - begun)
            if answer.status_code != expected:
                raise SystemExit(f"{name} was answered {answer.status_code}")
    return {name: statistics.median(times) * 1000 for name, times in took.items()}


def measure_creation(address: str) -> dict[str, float]:
    """Return median milliseconds: a bare signed POST by `requests`, and create_invoice with all that it writes."""
    from django.conf import settings

    from cryptopay_django.conf import get_account
    from cryptopay_django.services import create_invoice

    key, secret = "benchmark-api-key", "benchmark-api-secret"
    account = {"API_KEY": key, "API_SECRET": secret, "CALLBACK_SECRETS": ["-"], "BASE_URL": address}
    settings.CRYPTOPAY_ACCOUNTS = {"default": account}
    post = bare_post(get_account("default"))
    took: dict[str, list[float]] = {"bare POST": [], "create_invoice": []}
    for _ in range(CREATIONS):
        for name, act in (
            ("bare POST", post),
            ("create_invoice", lambda: create_invoice(price_amount=100, price_currency="EUR", pay_currency="BTC")),
        ):
            begun = time.perf_counter()
            act()
            took[name].append(time.perf_counter() - begun)
    return {name: statistics.median(times) * 1000 for name, times in took.items()}


def bare_post(account: Any) -> Callable[[], object]:
    """Return what makes an invoice at the gateway with `requests` alone."""
    from datetime import UTC, datetime
    from email.utils import format_datetime

    import requests

    from cryptopay_django.gateway.signing import sign_request

    session = requests.Session()
    body = json.dumps({"price_amount": "100.0", "price_currency": "EUR", "pay_currency": "BTC"}).encode()

    def post() -> object:
        date = format_datetime(datetime.now(UTC), usegmt=True)
        signature = sign_request(secret=account.api_secret, method="POST", path="/api/invoices", date=date, body=body)
        headers = {
            "Authorization": f"HMAC {account.api_key}:{signature}",
            "Date": date,
            "Content-Type": "application/json",
        }
        answer = session.post(f"{account.base_url}/api/invoices", data=body, headers=headers, timeout=10)
        answer.raise_for_status()
        return answer.json()

    return post


if __name__ == "__main__":
    main()

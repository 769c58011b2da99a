"""Measures pages in shops of several sizes: `python -m benchmarks.pages --rows 1000,1000000`.

What `growth.py` lists, in processor time, on a PostgreSQL in DATABASE_URL: also while its statistics are old;
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

CREATIONS = 60


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", default="1000")
    options = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django

    django.setup()
    from benchmarks import growth
    from benchmarks.rows import gather_statistics

    pages: dict[str, dict[str, float]] = {}
    for rows in options.rows.split(","):
        title = f"{int(rows):,} invoices"
        if pages:
            # The database has the statistics of the smaller shop still.
            set_up(int(rows), analyze=False)
            pages[f"{title}, old statistics"] = growth.measure(reads_only=True)
            gather_statistics()
        else:
            set_up(int(rows))
        pages[title] = growth.measure()
    with tempfile.TemporaryDirectory(prefix="cryptopay-benchmark-") as folder, sandbox(Path(folder)) as address:
        creation = measure_creation(address)
    sys.stdout.write(json.dumps({"pages": pages, "creation": creation}) + "\n")


def set_up(rows: int, *, analyze: bool = True) -> None:
    """Fill an empty database with so many invoices, each of an order of the example shop."""
    from django.contrib.auth.models import User
    from django.contrib.contenttypes.models import ContentType
    from django.core.management import call_command
    from django.utils import timezone

    from benchmarks import shop
    from example_project.shop.models import Order

    call_command("migrate", verbosity=0)
    call_command("flush", interactive=False, verbosity=0)
    staff = User.objects.create_superuser("staff")
    shop.insert(
        Order,
        f"FROM {shop.dialect().numbers.format(rows=rows)}",
        {"id": "n", "reference": "lpad(to_hex(n), 8, '0')"},
        customer_id=staff.pk, amount=100, created_at=timezone.now(), ship_to="x",
    )  # fmt: skip
    shop.fill(rows, analyze=analyze, order_type=ContentType.objects.get_for_model(Order).pk)


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

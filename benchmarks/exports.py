"""Measures files that have all invoices: python -m benchmarks.exports --rows 50000.

Run by `python -m benchmarks` with the database in DATABASE_URL; prints one line of JSON. The CSV of the admin's list,
and the statement of a year, are each streamed by a process of its own, as a server streams them: `flat` is how much
its memory grew after the first tenth of the file.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.servers import ROOT

FILES = ("CSV of the list", "statement of a year")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--file", choices=FILES, help="stream this one, from a database that is filled")
    options = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.site.settings"
    import django

    django.setup()
    if options.file:
        sys.stdout.write(json.dumps(stream(options.file, options.rows)) + "\n")
        return
    from benchmarks import rows, shop

    rows.migrate()
    shop.fill(options.rows, callbacks=False)
    fill_books()
    command = [sys.executable, "-m", "benchmarks.exports", f"--rows={options.rows}"]
    found = []
    for name in FILES:
        done = subprocess.run([*command, f"--file={name}"], cwd=ROOT, stdout=subprocess.PIPE, check=True)
        found.append(json.loads(done.stdout.splitlines()[-1]))
    sys.stdout.write(json.dumps(found) + "\n")


def fill_books() -> None:
    """Begin books of the account, with an entry for each invoice that was completed."""
    from django.contrib.auth.models import User
    from django.utils import timezone

    from benchmarks import shop
    from cryptopay_django.conf import get_account
    from cryptopay_django.models import BookEntry, Books, Invoice

    User.objects.create_superuser("staff")
    begin_at, environment = timezone.now().replace(year=timezone.now().year - 2), get_account("default").environment
    books = Books.objects.create(
        account="default", environment=environment, begin_at=begin_at, closed_until=begin_at, read_until=timezone.now()
    )
    shop.insert(
        BookEntry,
        f"FROM {shop.table(Invoice)} i WHERE i.status = 'completed'",
        {"reference": "i.id", "happened_at": "i.updated_at", "booked_at": "i.updated_at", "created_at": "i.updated_at",
         "custom_id": "i.custom_id"},
        books_id=books.pk, kind="invoice", family="Invoice", currency="EUR", status="completed", amount=99,
        fee_amount=1, coin="BTC", coin_amount="0.002",
    )  # fmt: skip


def stream(name: str, rows: int) -> dict[str, Any]:
    """Stream a file; return its seconds, bytes, lines, and the most memory in MiB after a tenth and in the end."""
    pieces = csv_of_list() if name == FILES[0] else statement_of_a_year()
    size = lines = 0
    first = 0.0
    begun, used = time.monotonic(), time.process_time()
    while some := list(islice(pieces, 100)):
        size += sum(map(len, some))
        lines += sum(piece.count(b"\n") for piece in some)
        if not first and lines > rows / 10:
            first = most_mebibytes()
    return {
        "name": name,
        "lines": lines,
        "bytes": size,
        "seconds": time.monotonic() - begun,
        "processor_seconds": time.process_time() - used,
        "mebibytes": most_mebibytes(),
        "grown": most_mebibytes() - first,
    }


def csv_of_list() -> Any:
    """Yield the CSV of the list in the admin, which has all invoices."""
    from django.contrib.auth.models import User
    from django.test import Client
    from django.urls import reverse

    client = Client()
    client.force_login(User.objects.get(username="staff"))
    answer: Any = client.get(reverse("admin:cryptopay_django_invoice_export", args=["all"]))
    if answer.status_code != 200:
        raise SystemExit(f"the CSV was answered {answer.status_code}")
    return iter(answer.streaming_content)


def statement_of_a_year() -> Any:
    """Yield the CSV of the statement of the last year."""
    from cryptopay_django.services import Period, read_statement
    from cryptopay_django.services.statements.file_formats import write_statement

    today = date.today()  # noqa: DTZ011  the day of this machine is near enough
    period = Period(today.replace(year=today.year - 1, day=1), today, "UTC")
    pieces: Iterable[bytes] = write_statement(read_statement("default", period), "csv")
    return iter(pieces)


def most_mebibytes() -> float:
    """Return the most memory that this process ever had; 0 where the system does not say."""
    status = Path("/proc/self/status")
    said = status.read_text() if status.exists() else ""
    return next((int(line.split()[1]) / 1024 for line in said.splitlines() if line.startswith("VmHWM")), 0.0)


if __name__ == "__main__":
    main()

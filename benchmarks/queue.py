"""Measures a bad day: python -m benchmarks.queue --rows 50000 --waiting 20000 --pending 5000.

Run by `python -m benchmarks` with the database in DATABASE_URL; prints one line of JSON. The statistics are those of a
healthy shop, where nothing is pending. Then a receiver fails for hours: so many events wait, half of them behind one
that has failed. Meanwhile callbacks come in, and one worker has so many of them to process.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from datetime import timedelta
from time import process_time
from typing import Any

from benchmarks import bodies
from benchmarks.burst import crew
from benchmarks.processor import processor_seconds

REQUESTS = 300
WORKER_SECONDS = 30
"""For how long the worker is watched: not until the last callback is processed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--waiting", type=int, default=20_000)
    parser.add_argument("--pending", type=int, default=5_000)
    options = parser.parse_args()
    os.environ |= {"DJANGO_SETTINGS_MODULE": "benchmarks.site.settings", "BENCH_CONFIRM": "0"}
    os.environ["BENCH_PROCESSING"] = "request"
    import django

    django.setup()
    from benchmarks import rows, shop

    rows.migrate()
    found: dict[str, Any] = {"rows": options.rows, "filled": shop.fill(options.rows), "waiting": options.waiting}
    found["healthy"] = measure_requests()
    rows.gather_statistics()
    let_fail(options.waiting // 2)
    found["bad"] = measure_requests()
    found |= measure_worker(options.pending)
    sys.stdout.write(json.dumps(found) + "\n")


def let_fail(invoices: int) -> None:
    """Let `invoice_completed` of so many invoices fail, with an event that is due behind each of them."""
    from django.utils import timezone

    from benchmarks import shop
    from cryptopay_django.models import InvoiceEvent

    now = timezone.now()
    keys = list(InvoiceEvent.objects.filter(kind="invoice_completed").order_by("-pk").values_list("pk", flat=True))
    failing = keys[:invoices]
    for start in range(0, len(failing), 5_000):
        some = InvoiceEvent.objects.filter(pk__in=failing[start : start + 5_000])
        some.update(attempts=3, delivered_at=None, next_attempt_at=now + timedelta(hours=1))
    shop.insert(
        InvoiceEvent,
        f"FROM {shop.table(InvoiceEvent)} e WHERE e.attempts = 3",
        {
            "uuid": shop.dialect().key,
            "subject": "e.subject",
            "invoice_id": "e.invoice_id",
            "created_at": "e.created_at",
        },
        kind="payment_detected",
        next_attempt_at=now - timedelta(minutes=1),
    )


def measure_requests() -> dict[str, float]:
    """Let the site answer callbacks of invoices of their own; return milliseconds of a request.

    At most once a second a request also looks for what is overdue: the slowest ones are these.
    """
    from benchmarks.profile import post_all, whole

    requests = whole(REQUESTS)
    post_all(whole(30))
    database = [int(pid) for pid in [os.environ.get("BENCH_DATABASE_PID")] if pid]
    took: list[float] = []
    python, used = process_time(), processor_seconds(*database)
    for request in requests:
        begun = time.perf_counter()
        post_all([request])
        took.append(time.perf_counter() - begun)
    python, used = process_time() - python, processor_seconds(*database) - used
    took.sort()
    return {
        "median_ms": took[len(took) // 2] * 1000,
        "slowest_ms": took[-1] * 1000,
        "processor_ms": (python + used) / len(requests) * 1000,
    }


def measure_worker(callbacks: int) -> dict[str, Any]:
    """Let one worker process callbacks that are pending; return how many a second, and the plan of its claim."""
    from django.utils import timezone

    from benchmarks.rows import make_invoices, store_callbacks
    from cryptopay_django.models import Callback

    last = Callback.objects.order_by("-pk").values_list("pk", flat=True)[0]
    waiting = [bodies.callbacks(key)[-1].partition(b"\r\n\r\n")[2] for key in make_invoices(callbacks)]
    store_callbacks(waiting, due_in=timedelta(days=1))
    mine = Callback.objects.filter(pk__gt=last, outcome="pending")
    mine.update(next_attempt_at=timezone.now() - timedelta(minutes=1))
    plan = claim_plan()
    with crew(1) as (worker,):
        measured = [worker.pid, *(int(pid) for pid in [os.environ.get("BENCH_DATABASE_PID")] if pid)]
        before, begun, used = mine.count(), time.monotonic(), processor_seconds(*measured)
        while (left := mine.count()) and time.monotonic() - begun < WORKER_SECONDS:
            if worker.poll() is not None:
                raise SystemExit(f"the worker ended with {left} callbacks left")
            time.sleep(0.5)
        seconds, used = time.monotonic() - begun, processor_seconds(*measured) - used
    done = before - left
    return {
        "pending": callbacks,
        "rate": done / seconds,
        "worker_ms": used / max(done, 1) * 1000,
        "plan": plan,
    }


def claim_plan() -> str:
    """Return how the database finds the callbacks that are due: the index that it takes; empty if it does not say."""
    from django.db import connection
    from django.utils import timezone

    from cryptopay_django.models import Callback

    due = Callback.objects.filter(next_attempt_at__lte=timezone.now()).order_by("next_attempt_at", "pk")[:5]
    explained = due.explain() if connection.vendor != "mysql" else due.explain(format="TRADITIONAL")
    return "cryptopay_callback_due" if "cryptopay_callback_due" in explained else explained


if __name__ == "__main__":
    main()

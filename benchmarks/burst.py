"""A burst that waits for workers: `python -m benchmarks.burst --callbacks 10000 --workers 1,2,4`.

Run by `python -m benchmarks` with the database in DATABASE_URL; prints one line of JSON. Each callback
completes an invoice of its own: three events, three receivers that write a row.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from datetime import datetime
from typing import Any

from benchmarks import bodies
from benchmarks.processor import resident_mebibytes
from benchmarks.servers import ROOT

WORKER = [sys.executable, "-m", "django", "cryptopay_worker"]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--callbacks", type=int, default=10_000)
    parser.add_argument("--workers", default="1,2,4")
    parser.add_argument("--memory", type=int, default=0, help="measure a worker's memory over so many callbacks")
    options = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.site.settings"
    import django

    django.setup()
    from benchmarks.rows import migrate

    migrate()
    bursts = [drain(options.callbacks, int(count)) for count in options.workers.split(",") if count]
    memory = measure_memory(options.memory) if options.memory else []
    sys.stdout.write(json.dumps({"bursts": bursts, "memory": memory}) + "\n")


def drain(callbacks: int, workers: int) -> dict[str, Any]:
    """Store so many callbacks, let so many workers end them; return the seconds from first to last."""
    from django.db import connections
    from django.db.models import Max, Min

    from benchmarks.rows import make_invoices, store_callbacks
    from cryptopay_django.models import Callback, InvoiceEvent

    last = Callback.objects.aggregate(last=Max("pk"))["last"] or 0
    told = InvoiceEvent.objects.aggregate(last=Max("pk"))["last"] or 0
    store_callbacks([_body(bodies.callbacks(key)[-1]) for key in make_invoices(callbacks)])
    connections.close_all()
    processes = [subprocess.Popen([*WORKER, "--once"], cwd=ROOT, stdout=subprocess.DEVNULL) for _ in range(workers)]
    ends = [process.wait() for process in processes]
    if any(ends):
        raise SystemExit("a worker ended with an error")
    mine = Callback.objects.filter(pk__gt=last)
    events = InvoiceEvent.objects.filter(pk__gt=told)
    first: datetime = mine.aggregate(at=Min("processed_at"))["at"]
    end: datetime = events.aggregate(at=Max("delivered_at"))["at"]
    seconds = (end - first).total_seconds()
    return {
        "callbacks": callbacks,
        "workers": workers,
        "seconds": seconds,
        "rate": callbacks / seconds if seconds else 0.0,
        "left": mine.exclude(outcome="applied").count() + events.filter(delivered_at=None).count(),
    }


def measure_memory(callbacks: int) -> list[dict[str, Any]]:
    """Feed a worker repeated callbacks of 1,000 invoices; return its memory at a tenth of the way and at the end."""
    from django.db import connections

    from benchmarks.rows import make_invoices, store_callbacks
    from cryptopay_django.models import Callback

    requests = [_body(request) for key in make_invoices(1000) for request in bodies.callbacks(key)]
    worker = subprocess.Popen([*WORKER, "--interval=0.05"], cwd=ROOT, stdout=subprocess.DEVNULL)
    noted, done = [], 0
    try:
        for mark in (callbacks // 10, callbacks):
            while done < mark:
                store_callbacks(requests[: mark - done])
                done += len(requests[: mark - done])
                while Callback.objects.filter(outcome="pending").exists():
                    time.sleep(0.1)
                Callback.objects.all().delete()
                connections.close_all()
            noted.append({"callbacks": done, "mebibytes": resident_mebibytes(worker.pid)})
    finally:
        worker.terminate()
        worker.wait()
    return noted


def _body(request: bytes) -> bytes:
    return request.partition(b"\r\n\r\n")[2]


if __name__ == "__main__":
    main()

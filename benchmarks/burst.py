"""A burst that waits for workers: `python -m benchmarks.burst --callbacks 10000 --workers 1,2,4`.

Run by `python -m benchmarks` with the database in DATABASE_URL; prints one line of JSON. Each callback
completes an invoice of its own: three events, three receivers that write a row.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from benchmarks import bodies
from benchmarks.processor import PROC, processor_seconds, resident_mebibytes
from benchmarks.servers import ROOT

WORKER = [sys.executable, "-m", "django", "cryptopay_worker", "--interval=0.5"]
START_SECONDS = 60
STUCK_SECONDS = 120
"""Without one more callback done."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--callbacks", type=int, default=10_000)
    parser.add_argument("--workers", default="1,2,4")
    parser.add_argument("--memory", type=int, default=0, help="measure a worker's memory over so many callbacks")
    parser.add_argument("--memory-minutes", type=float, default=6, help="and for so long at most")
    options = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.site.settings"
    import django

    django.setup()
    from benchmarks.rows import migrate

    migrate()
    bursts = [drain(options.callbacks, int(count)) for count in options.workers.split(",") if count]
    measured = options.memory if PROC.is_dir() else 0
    memory = measure_memory(measured, options.memory_minutes * 60) if measured else []
    sys.stdout.write(json.dumps({"bursts": bursts, "memory": memory}) + "\n")


def drain(callbacks: int, workers: int) -> dict[str, Any]:
    """Store so many callbacks, let so many workers end them; return the seconds from first to last.

    The workers are started before, and all callbacks fall due at once: no start and no storing is measured.
    """
    from django.db.models import Max, Min
    from django.utils import timezone

    from benchmarks.rows import gather_statistics, make_invoices, store_callbacks
    from cryptopay_django.models import Callback, InvoiceEvent
    from cryptopay_django.services.dispatch.postgres_notify import wake_workers

    last = Callback.objects.aggregate(last=Max("pk"))["last"] or 0
    told = InvoiceEvent.objects.aggregate(last=Max("pk"))["last"] or 0
    waiting = [_body(bodies.callbacks(key)[-1]) for key in make_invoices(callbacks)]
    gather_statistics()
    mine = Callback.objects.filter(pk__gt=last)
    events = InvoiceEvent.objects.filter(pk__gt=told)
    with crew(workers) as processes:
        store_callbacks(waiting, due_in=timedelta(days=1))
        used = _processor_seconds(processes)
        mine.update(next_attempt_at=timezone.now())
        wake_workers()
        _wait_until_done(processes, lambda: mine.filter(next_attempt_at=None).count(), callbacks)
        _wait_until_done(processes, lambda: events.exclude(delivered_at=None).count(), 3 * callbacks)
        used = _processor_seconds(processes) - used
    if wrong := mine.exclude(outcome="applied").count():
        raise SystemExit(f"{wrong} of {callbacks} callbacks were not applied")
    first: datetime = mine.aggregate(at=Min("processed_at"))["at"]
    end: datetime = events.aggregate(at=Max("delivered_at"))["at"]
    seconds = (end - first).total_seconds()
    return {
        "callbacks": callbacks,
        "workers": workers,
        "seconds": seconds,
        "rate": callbacks / seconds if seconds else 0.0,
        "processor_ms": used / callbacks * 1000,
    }


def measure_memory(callbacks: int, seconds: float) -> list[dict[str, Any]]:
    """Feed a worker callbacks of 1,000 invoices over and over; return its memory after a tenth, a half, and all.

    What is not reached in so many seconds is left out; the last line then says how far it came.
    """
    from benchmarks.rows import gather_statistics, make_invoices, store_callbacks
    from cryptopay_django.models import Callback

    requests = [_body(request) for key in make_invoices(1000) for request in bodies.callbacks(key)]
    gather_statistics()
    noted: list[dict[str, Any]] = []
    done, until = 0, time.monotonic() + seconds
    with crew(1) as processes:
        for mark in (callbacks // 10, callbacks // 2, callbacks):
            while done < mark and time.monotonic() < until:
                some = requests[: mark - done]
                store_callbacks(some)
                _wait_until_done(processes, Callback.objects.filter(next_attempt_at=None).count, len(some))
                Callback.objects.all().delete()
                done += len(some)
            if not noted or done > noted[-1]["callbacks"]:
                noted.append({"callbacks": done, "mebibytes": resident_mebibytes(processes[0].pid)})
    return noted


@contextlib.contextmanager
def crew(count: int) -> Iterator[list[subprocess.Popen[str]]]:
    """Run workers that wait for callbacks, until the block ends."""
    from django.db import connections

    connections.close_all()
    processes: list[subprocess.Popen[str]] = []
    try:
        processes += (subprocess.Popen(WORKER, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(count))
        _wait_until_up(processes)
        yield processes
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


def _wait_until_up(processes: list[subprocess.Popen[str]]) -> None:
    """Wait for each worker's first line; raise SystemExit when one does not print it in time."""
    late = threading.Timer(START_SECONDS, lambda: [process.kill() for process in processes])
    late.start()
    try:
        for process in processes:
            if process.stdout is None or "waiting" not in process.stdout.readline():
                raise SystemExit(f"a worker did not say within {START_SECONDS} seconds that it is up")
    finally:
        late.cancel()


def _wait_until_done(processes: list[subprocess.Popen[str]], count: Callable[[], int], wanted: int) -> None:
    """Wait until so many are done; raise SystemExit when a worker ends, or nothing moves any more."""
    most, moved_at = -1, time.monotonic()
    while (now_done := count()) < wanted:
        if now_done > most:
            most, moved_at = now_done, time.monotonic()
        if any(process.poll() is not None for process in processes):
            raise SystemExit(f"a worker ended after {now_done} of {wanted}")
        if time.monotonic() - moved_at > STUCK_SECONDS:
            raise SystemExit(f"{now_done} of {wanted} are done, and none more for {STUCK_SECONDS} seconds")
        time.sleep(0.2)


def _processor_seconds(processes: list[subprocess.Popen[str]]) -> float:
    """Return what the workers and the database have used so far."""
    database = [int(pid) for pid in [os.environ.get("BENCH_DATABASE_PID")] if pid]
    return processor_seconds(*database, *(process.pid for process in processes))


def _body(request: bytes) -> bytes:
    return request.partition(b"\r\n\r\n")[2]


if __name__ == "__main__":
    main()

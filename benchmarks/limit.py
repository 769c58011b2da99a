"""Measures what one API key carries at the gateway's 200 calls a minute: python -m benchmarks.limit.

The sandbox stands in this process, counts calls as the gateway does, and posts its callbacks to a site on loopback;
two workers process them. First so many invoices are paid at the same moment. Then invoices are created as fast as the
key allows, paid at once, and fulfilled, for two minutes; the second one is measured. In the end eight processes use
the key at full load (`crowd.py`).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks import crowd
from benchmarks.burst import crew
from benchmarks.processor import processor_seconds
from benchmarks.servers import serving
from cryptopay_django.sandbox import api
from cryptopay_django.sandbox.account import Account
from cryptopay_django.sandbox.clock import Clock
from cryptopay_django.sandbox.core import Sandbox
from cryptopay_django.sandbox.post_callback import post
from cryptopay_django.sandbox.refusals import RefusalError
from cryptopay_django.sandbox.server import SandboxServer
from scripts.throwaway import free_port

WORKERS, CREATORS = 2, 4
STUCK_SECONDS = 180
WARM_UP, MEASURED = 60, 60


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--invoices", type=int, default=400)
    parser.add_argument("--crowd", type=float, default=60, help="for how many seconds eight processes use the key")
    parser.add_argument("--steady", action=argparse.BooleanOptionalAction, default=True)
    options = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.site.settings"
    os.environ |= {"BENCH_PROCESSING": "worker", "BENCH_CONFIRM": "1"}
    with _gateway() as server, tempfile.TemporaryDirectory() as folder:
        os.environ["BENCH_GATEWAY"] = server.url
        import django

        django.setup()
        from benchmarks.rows import migrate

        migrate()
        calls, refused = _count_calls()
        with serving("gunicorn", Path(folder), BENCH_LIMITED="1") as (_, port):
            server.sandbox.account.callback_url = f"http://127.0.0.1:{port}/cryptopay/callbacks/"
            os.environ["BENCH_LIMITED"] = "1"
            with crew(WORKERS) as workers:
                found: dict[str, Any] = {"burst": pay_at_once(server.sandbox, options.invoices, workers)}
                if options.steady:
                    found["steady"] = pay_steadily(server.sandbox)
            if options.crowd:
                found["crowd"] = crowd.measure(server.sandbox, options.crowd, calls)
    sys.stdout.write(json.dumps({**found, "refused": len(refused)}) + "\n")


def pay_at_once(sandbox: Sandbox, count: int, workers: Sequence[subprocess.Popen[str]]) -> dict[str, Any]:
    """Pay so many invoices; return the seconds from their first callback until the last receiver has run.

    Also the processor seconds that the workers and the database used for that.
    """
    from django.db.models import Max, Min

    from cryptopay_django.models import Callback, InvoiceEvent
    from cryptopay_django.services import create_invoice

    sandbox.account.rate_limit = None
    made = [create_invoice(price_amount=100, price_currency="EUR", pay_currency="BTC") for _ in range(count)]
    measured = [int(pid) for pid in [os.environ.get("BENCH_DATABASE_PID")] if pid]
    measured += [worker.pid for worker in workers]
    used = processor_seconds(*measured)
    with sandbox.changed:
        sandbox.account.rate_limit = 200
        sandbox.state.recent_requests.clear()
        for invoice in made:
            sandbox.pay(str(invoice.gateway_id))
            sandbox.confirm(str(invoice.gateway_id))
    completed = InvoiceEvent.objects.filter(kind="invoice_completed").exclude(delivered_at=None)
    until = time.monotonic() + STUCK_SECONDS
    while completed.count() < count:
        if time.monotonic() > until:
            said = f"{completed.count()} of {count} are fulfilled after {STUCK_SECONDS} seconds"
            came, calls = Callback.objects.count(), len(sandbox.state.recent_requests)
            raise SystemExit(f"{said}; {came} callbacks came, and the last minute had {calls} calls")
        time.sleep(0.1)
    begun = Callback.objects.aggregate(at=Min("received_at"))["at"]
    ended = InvoiceEvent.objects.aggregate(at=Max("delivered_at"))["at"]
    return {
        "invoices": count,
        "seconds": (ended - begun).total_seconds(),
        "processor_seconds": processor_seconds(*measured) - used,
        "calls": len(sandbox.state.recent_requests),
    }


def pay_steadily(sandbox: Sandbox) -> dict[str, Any]:
    """Create and pay invoices as fast as the key allows; return how many were created and fulfilled in a minute."""
    from django.utils import timezone

    from cryptopay_django.conf import limit_with
    from cryptopay_django.exceptions import CryptopayError
    from cryptopay_django.models import Invoice, InvoiceEvent
    from cryptopay_django.services import create_invoice
    from cryptopay_django.services.shared_rate_limit import SharedLimiter

    with sandbox.changed:
        sandbox.state.recent_requests.clear()
    limit_with(lambda api_key, spare: SharedLimiter(api_key, spare=spare))
    over = threading.Event()

    def create() -> None:
        from django.db import connection

        while not over.is_set():
            try:
                invoice = create_invoice(price_amount=100, price_currency="EUR", pay_currency="BTC")
            except CryptopayError as error:
                over.wait(min(getattr(error, "retry_after", None) or 1.0, 5.0))
                continue
            sandbox.pay(str(invoice.gateway_id))
            sandbox.confirm(str(invoice.gateway_id))
        connection.close()

    creators = [threading.Thread(target=create) for _ in range(CREATORS)]
    for creator in creators:
        creator.start()
    time.sleep(WARM_UP)
    begun = timezone.now()
    time.sleep(MEASURED)
    over.set()
    for creator in creators:
        creator.join()
    minute = (begun, begun + timedelta(seconds=MEASURED))
    fulfilled = InvoiceEvent.objects.filter(kind="invoice_completed", delivered_at__range=minute)
    return {"created": Invoice.objects.filter(created_at__range=minute).count(), "fulfilled": fulfilled.count()}


@contextmanager
def _gateway() -> Iterator[SandboxServer]:
    account = Account(
        api_key="benchmark-api-key", api_secret="benchmark-api-secret", callback_secrets=["benchmark-callback-secret"]
    )
    sandbox = Sandbox(account=account, seed="benchmark", clock=Clock(), post=post)
    server = SandboxServer(("127.0.0.1", free_port()), sandbox)
    sandbox.state.base_url = server.url
    server.start()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.stop()


def _count_calls() -> tuple[list[float], list[float]]:
    """Keep the moments of all calls, and of those that the sandbox refuses because the minute is full."""
    calls: list[float] = []
    refused: list[float] = []
    limit = api._limit

    def count(state: Any) -> None:
        calls.append(time.time())
        try:
            limit(state)
        except RefusalError:
            refused.append(time.time())
            raise

    api._limit = count
    return calls, refused


if __name__ == "__main__":
    main()

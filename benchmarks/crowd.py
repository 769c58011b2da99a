"""Eight processes on one API key, all at full load: `limit.py` starts them, by python -m benchmarks.crowd ROLE N.

Three create invoices, two workers confirm callbacks, two reconcile without a pause, and one asks as a person does.
Each prints one line of JSON in the end: how many calls it made, and the longest wait for one, with those put off.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

from benchmarks.burst import crew
from benchmarks.servers import ROOT

ROLES = {"create": 3, "reconcile": 2, "person": 1}
WORKERS = 2
PAID_OF_EACH = 3
"""So many of four invoices are paid: the others stay open, for reconciliation."""


def measure(sandbox: Any, seconds: float, calls: list[float]) -> dict[str, Any]:
    """Let the eight work for so long; return the calls of each role and the longest creation.

    `calls` has the moments of all calls that the sandbox was asked for, this way or that.
    """
    begun = len(calls)
    over = threading.Event()
    customer = threading.Thread(target=_pay, args=[sandbox, over])
    with ExitStack() as stack:
        stack.enter_context(crew(WORKERS))
        command = [sys.executable, "-m", "benchmarks.crowd"]
        processes = [
            (
                role,
                stack.enter_context(
                    subprocess.Popen([*command, role, str(seconds)], cwd=ROOT, stdout=subprocess.PIPE)
                ),
            )
            for role, count in ROLES.items()
            for _ in range(count)
        ]
        customer.start()
        try:
            said = [(role, json.loads(process.communicate()[0])) for role, process in processes]
        finally:
            over.set()
            customer.join()
            for _, process in processes:
                process.kill()
    made = {role: sum(one["calls"] for name, one in said if name == role) for role in ROLES}
    total = len(calls) - begun
    return {
        "minutes": seconds / 60,
        "calls": {"create": made["create"], "confirm": max(total - sum(made.values()), 0), "person": made["person"],
                  "reconcile": made["reconcile"]},
        "total": total,
        "longest_creation": max(one["longest"] for role, one in said if role == "create"),
        "creations_put_off": sum(one["put_off"] for role, one in said if role == "create"),
    }  # fmt: skip


def _pay(sandbox: Any, over: threading.Event) -> None:
    """Pay and confirm what is created, but for every fourth invoice."""
    paid: set[str] = set()
    while not over.wait(0.5):
        with sandbox.changed:
            new = [key for key in list(sandbox.state.invoices) if key not in paid]
        for number, key in enumerate(new, len(paid)):
            paid.add(key)
            if number % (PAID_OF_EACH + 1):
                with suppress(Exception):  # it was cancelled meanwhile
                    sandbox.pay(key)
                    sandbox.confirm(key)


def work(role: str, seconds: float) -> dict[str, Any]:
    """Do one role's work without a pause; return how many calls it made, and the longest."""
    from datetime import timedelta

    from cryptopay_django.exceptions import CryptopayError
    from cryptopay_django.models import Invoice
    from cryptopay_django.services import create_invoice, reconcile_invoices, refresh_invoice

    def refresh() -> int:
        invoice = Invoice.objects.exclude(gateway_id=None).order_by("?").first()
        if invoice is None:
            return 0
        refresh_invoice(invoice)
        return 1

    def create() -> int:
        create_invoice(price_amount=100, price_currency="EUR", pay_currency="BTC")
        return 1

    acts: dict[str, Callable[[], int]] = {
        "create": create,
        "person": refresh,
        "reconcile": lambda: reconcile_invoices(limit=100, min_age=timedelta(0)).requests,
    }
    done = put_off = 0
    longest = 0.0
    begun = time.monotonic()
    until = begun + seconds
    while time.monotonic() < until:
        try:
            done += acts[role]()
        except CryptopayError as error:
            put_off += 1
            time.sleep(min(getattr(error, "retry_after", None) or 1.0, 5.0))
        else:
            longest, begun = max(longest, time.monotonic() - begun), time.monotonic()
    longest = max(longest, time.monotonic() - begun)
    return {"calls": done, "longest": longest, "put_off": put_off}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.site.settings")
    import django

    django.setup()
    sys.stdout.write(json.dumps(work(sys.argv[1], float(sys.argv[2]))) + "\n")


if __name__ == "__main__":
    main()

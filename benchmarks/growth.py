"""Measures what must not grow with the number of invoices: pages, filters, searches, and work in the background.

`pages.py` asks for it with each number of invoices. A figure is processor time: this process's and the database's.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from itertools import islice

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from benchmarks.admin import requests
from benchmarks.processor import processor_seconds
from cryptopay_django.conf import get_account
from cryptopay_django.models import Invoice, InvoiceEvent, NoticeKind, NoticeSchedule
from cryptopay_django.services import reconcile_invoices, retention
from cryptopay_django.services.diagnosis import accounts, backlog
from cryptopay_django.services.diagnosis.metrics import read_metrics
from cryptopay_django.services.events.notices import send_notices
from cryptopay_django.services.retention import prunable_callbacks, prunable_events
from cryptopay_django.services.worker.due_work import process_overdue

MEASURED_SECONDS = 0.2
"""An act is repeated for so long, because the system counts processor time in hundredths of a second."""

DUE, NOTICES, BATCHES = 17_000, 5_000, 25
"""How many open invoices are due for a poll and how many notices wait, at most; after how many batches of a prune."""

Act = Callable[[], object]


class UndoError(Exception):
    """Rolls a transaction back."""


def measure(*, reads_only: bool = False) -> dict[str, float]:
    """Return milliseconds of processor time by name; unless `reads_only`, also of what changes and deletes rows."""
    settings.ROOT_URLCONF = "benchmarks.admin_urls"
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.CRYPTOPAY_ORDER_SEARCH = {"shop.Order": "reference"}
    found = {name: timed(act) for name, act in reads()}
    if not reads_only:
        found |= {name: timed(act, undone=True) for name, act in background()}
        found |= dict(prune())
    return found


def timed(act: Act, *, undone: bool = False, once: bool = False) -> float:
    """Return the milliseconds of processor time of an act: of one run, or the mean of some after a first one."""
    measured = [os.getpid(), *(int(pid) for pid in [os.environ.get("BENCH_DATABASE_PID")] if pid)]
    if not once:
        run(act, undone=undone)
    runs, begun, before = 0, time.monotonic(), processor_seconds(*measured)
    while not runs or (not once and time.monotonic() - begun < MEASURED_SECONDS):
        run(act, undone=undone)
        runs += 1
    return (processor_seconds(*measured) - before) * 1000 / runs


def run(act: Act, *, undone: bool) -> None:
    """Run an act, and roll back what it has written if that is asked for."""
    if not undone:
        act()
        return
    try:
        with transaction.atomic():
            act()
            raise UndoError  # noqa: TRY301  it is to leave the block
    except UndoError:
        pass


def reads() -> Iterator[tuple[str, Act]]:
    """Yield the pages with their filters and searches, and what the doctor and monitoring read."""
    client = Client()
    client.force_login(User.objects.get(username="staff"))

    def page(url: str) -> Act:
        def ask() -> None:
            if (status := client.get(url).status_code) != 200:
                raise SystemExit(f"{url} was answered {status}")

        return ask

    shown = Invoice.objects.order_by("-created_at")[123]
    yield "status of an invoice", page(reverse("cryptopay_django:invoice-status", args=[shown.pk]))
    for title, url in requests():
        if "stock" not in title and "p=" not in url:  # a small shop has no such page
            yield f"invoices: {title}", page(url)
    for model in ("callback", "resolution", "refund"):
        yield f"{model}s: list", page(reverse(f"admin:cryptopay_django_{model}_changelist"))
    callbacks = reverse("admin:cryptopay_django_callback_changelist")
    for choice in ("account=default", "account=closed", "outcome=pending", "outcome=applied", "outcome=orphan"):
        yield f"callbacks: filter {choice}", page(f"{callbacks}?{choice}")
    account, now = get_account("default"), timezone.now()
    yield "doctor: callbacks arrive", lambda: list(accounts.check_arrivals(account, now))
    yield "doctor: secrets", lambda: list(accounts.check_secrets(account, now))
    for name in ("callbacks", "events", "resolutions", "invoices"):
        check = getattr(backlog, f"check_{name}")
        yield f"doctor: {name}", lambda check=check: list(check(now))
    yield "metrics", read_metrics


def background() -> Iterator[tuple[str, Act]]:
    """Yield what workers and cron do, without calls to the gateway."""
    now = timezone.now()
    yield "a worker looks for what is due", process_overdue
    some = Invoice.objects.filter(status="new").order_by("-created_at").values_list("pk", flat=True)[:DUE]
    Invoice.objects.filter(pk__in=list(some)).update(polled_at=now - timedelta(days=3))
    yield f"reconciliation looks for up to {DUE:,} due", lambda: reconcile_invoices(by_age=True, limit=0)
    marked = InvoiceEvent.objects.filter(kind="invoice_unresolved").values_list("pk", flat=True)[:NOTICES]
    InvoiceEvent.objects.filter(pk__in=list(marked)).update(notice_due_at=now - timedelta(minutes=1))
    yield f"notices, up to {NOTICES:,} wait: sent", send_notices
    later = now + timedelta(hours=1)
    NoticeSchedule.objects.bulk_create(
        [NoticeSchedule(kind=kind, next_attempt_at=later) for kind in NoticeKind], ignore_conflicts=True
    )
    yield f"notices, up to {NOTICES:,} wait: too early", send_notices


def prune() -> Iterator[tuple[str, float]]:
    """Delete some batches of old records; yield the milliseconds of the first, and the last of a large shop."""
    before = timezone.now() - timedelta(days=90)
    for name, rows in (("callbacks", prunable_callbacks(before)), ("events", prunable_events(before))):
        batches = retention._batches(rows, retention.BATCH)
        yield f"prune, the first {retention.BATCH:,} {name}", timed(partial(next, batches, 0), once=True)
        deleted = sum(islice(batches, BATCHES))
        took = [timed(partial(next, batches, 0), once=True) for _ in range(5)]
        if deleted > (BATCHES - 1) * retention.BATCH:
            yield f"prune, {retention.BATCH:,} {name} after {BATCHES} batches", sum(took) / len(took)

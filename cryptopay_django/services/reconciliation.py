"""Finding the truth without callbacks: ask the gateway."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from ..conf import app_settings
from ..exceptions import GatewayError, GatewayNotFoundError, InvoiceBusyError
from ..models import Invoice
from ..models.invoice import open_invoices
from .events import deliver_events
from .intake import poll_invoice


@dataclass
class Reconciliation:
    """What a run found: how many were asked about, how many had drifted, and what failed, by invoice id."""

    asked: int = 0
    drifted: int = 0
    unknown: int = 0
    failed: dict[str, str] = field(default_factory=dict)


def refresh_invoice(invoice: Invoice) -> Invoice:
    """Ask the gateway about one invoice, merge its answer and return the row as it is then.

    Commits. Raises GatewayError when there is no answer, InvoiceBusyError when the row will not hold still.
    """
    taken = poll_invoice(invoice)
    if app_settings.PROCESSING == "request":
        deliver_events(taken.invoice)
    return taken.invoice


def reconcile_invoices(
    *,
    limit: int | None = None,
    min_age: timedelta = timedelta(minutes=1),
    not_since: timedelta = timedelta(0),
) -> Reconciliation:
    """Ask the gateway about every open invoice, those first that were asked about longest ago.

    Leaves out what is younger than `min_age` (its creation may be under way) or was asked about within
    `not_since`. One invoice a call, within the gateway's rate limit; a failure is noted and the next one
    is taken. Resumable: each answer is committed by itself, with the time of asking.
    """
    now = timezone.now()
    result = Reconciliation()
    candidates = Invoice.objects.primary().filter(open_invoices(), created_at__lte=now - min_age)
    candidates = candidates.exclude(polled_at__gt=now - not_since).order_by(F("polled_at").asc(nulls_first=True), "pk")
    for key in list(candidates.values_list("pk", flat=True)[:limit]):
        result.asked += 1
        try:
            taken = poll_invoice(Invoice.objects.primary().get(pk=key))
        except GatewayNotFoundError:
            result.unknown += 1
            Invoice.objects.filter(pk=key).update(polled_at=timezone.now())
        except (GatewayError, InvoiceBusyError) as error:
            result.failed[str(key)] = f"{type(error).__name__}: {error}"
        else:
            result.drifted += taken.changed
            deliver_events(taken.invoice)
    return result

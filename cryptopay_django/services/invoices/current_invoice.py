"""Finds the invoice by which an order is paid: the one that received money, else the one that still waits, else none.

All look-ups go by the order's content type and key, in the database that is written to.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta

from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from ...exceptions import GatewayError, InvoiceBusyError, InvoiceRequestError
from ...logs import about
from ...models import Invoice, InvoiceStatus, Payment
from ...models.orders import order_filter
from ..accounts import in_force
from ..events.deliver import deliver_or_dispatch
from ..snapshots.apply import poll_invoice

logger = logging.getLogger("cryptopay_django")

_LONG_ENOUGH = timedelta(minutes=2)
ENDED_UNPAID = (InvoiceStatus.REFUNDED, InvoiceStatus.CANCELLED)
"""Whose money is not the order's any more."""

_ASK_AT_MOST = 3


def every_invoice_of(order: models.Model) -> list[Invoice]:
    """Return an order's invoices in all environments, the newest first, in one read. Raises InvoiceRequestError."""
    return list(_all_of(order).order_by("-created_at"))


def payment_under_way(order: models.Model) -> Invoice | None:
    """Return the invoice of an order for which money has come in, the guard against paying twice.

    It may have expired, be unresolved, quarantined or completed; one that was refunded or cancelled does not count.
    """
    has_payment = Exists(Payment.objects.filter(invoice=OuterRef("pk")))
    paid = Q(has_payment) | Q(paid_amount__gt=0) | Q(status__in=(InvoiceStatus.UNRESOLVED, InvoiceStatus.COMPLETED))
    return _all_of(order).filter(in_force(), paid).exclude(status__in=ENDED_UNPAID).order_by("-created_at").first()


def is_over(invoice: Invoice) -> bool:
    """Return whether a customer cannot begin to pay an invoice now: it is closed, quarantined, or nearly expired."""
    is_late = invoice.is_expired(timezone.now() + _LONG_ENOUGH)
    return invoice.status != InvoiceStatus.NEW or bool(invoice.quarantine_reason) or is_late


def satisfies(invoice: Invoice, wanted: Invoice) -> bool:
    """Return whether an invoice still waits for a payment, and is what is wanted: price, coin and network."""
    same = ("price_amount", "price_currency", "pay_currency")
    if is_over(invoice) or any(getattr(invoice, name) != getattr(wanted, name) for name in same):
        return False
    # The gateway fills in a network that was left out, because the coin has one.
    return invoice.network == wanted.network or "" in (invoice.network, wanted.network)


def is_in_coin(invoice: Invoice, wanted: Invoice) -> bool:
    """Return whether an invoice is in the coin and network that are wanted."""
    return (invoice.pay_currency, invoice.network) == (wanted.pay_currency, wanted.network)


def ask_about_expired(invoices: Sequence[Invoice]) -> bool:
    """Ask the gateway about invoices that have expired since they were last asked about; return whether one changed.

    So a payment whose callback is late keeps its order from a second invoice. One that cannot be asked about
    is logged and left as it is.
    """
    now, changed = timezone.now(), False
    expired = [
        invoice
        for invoice in invoices
        if invoice.gateway_id is not None
        and invoice.expires_at is not None
        and invoice.is_expired(now)
        and (invoice.polled_at is None or invoice.polled_at < invoice.expires_at)
    ]
    for invoice in expired[:_ASK_AT_MOST]:
        try:
            taken = poll_invoice(invoice)
        except (GatewayError, InvoiceBusyError) as error:
            logger.warning(
                "invoice %s has expired and could not be polled before its order gets a new invoice: %s",
                invoice.pk, error, extra=about(invoice),
            )  # fmt: skip
            continue
        deliver_or_dispatch(taken.invoice, taken.events)
        changed = changed or taken.changed
    return changed


def _all_of(order: models.Model) -> QuerySet[Invoice]:
    try:
        return Invoice.objects.primary().filter(**order_filter(order))
    except ValueError as error:
        raise InvoiceRequestError(str(error)) from error

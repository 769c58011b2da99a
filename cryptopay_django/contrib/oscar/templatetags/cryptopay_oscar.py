"""Defines `{% cryptopay_order order as payment %}`: what the pages of an order show of its payment."""

from __future__ import annotations

from typing import Any

from django import template

from cryptopay_django.adapters import invoices_of, reason_of
from cryptopay_django.exceptions import InvoiceRequestError
from cryptopay_django.services import payment_summary

from ..mails import pay_path
from ..statuses import paid_event_of, waits
from ..views import PayOrder

register = template.Library()


@register.simple_tag
def cryptopay_order(order: Any) -> dict[str, Any]:
    """Return the invoices of an order, newest first, the sums, and where to pay it; {} if it is not paid in coins.

    `summary` is None if an invoice or a payment is in another currency than the order.
    """
    invoices = invoices_of(order)
    if not invoices and not (waits(order) and order.total_incl_tax):
        return {}
    try:
        summary = payment_summary(order, due_amount=order.total_incl_tax, currency=order.currency)
    except InvoiceRequestError:
        summary = None
    return {
        "invoices": [
            {"row": one, "why": one.status_context and reason_of(one), "path": PayOrder().get_success_url(one)}
            for one in invoices
        ],
        "summary": summary,
        "is_paid": paid_event_of(order) is not None,
        "is_checked": summary is not None and (summary.has_pending or summary.has_quarantined),
        "pay_path": pay_path(order) if waits(order) else "",
    }

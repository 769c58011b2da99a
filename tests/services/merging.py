"""A row, what the gateway says of it, and what comes of it: all in memory."""

from __future__ import annotations

from datetime import UTC, datetime

from cryptopay_django.gateway.schemas import parse_callback
from cryptopay_django.services.snapshots.merge import Source, merge_snapshot
from cryptopay_django.testing.factories import InvoiceFactory, callback_body, invoice_wire

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
A, B = "a" * 64, "b" * 64
# Priced anew for what was paid: half.
RECALCULATED = {"price_amount": "51.5", "pay_amount": "0.001", "paid_amount": "0.001"}
# What a row does not know before the gateway has answered its creation.
NOT_YET = {
    "gateway_id": None, "address": "", "destination_tag": "", "network": "", "uri": "", "hosted_page_url": "",
    "expires_at": None, "pay_amount": None, "exchange_rate": None,
}  # fmt: skip


def row(**values):
    return InvoiceFactory.build(**values)


def said(invoice, **changes):
    """Return what the gateway says of this row, with `changes`."""
    return parse_callback(callback_body(invoice_wire(invoice, **changes))).invoice


def take(
    invoice,
    payments=(),
    *,
    source=Source.CALLBACK,
    at=NOW,
    outdated=False,
    is_returned=False,
    message="",
    **changes,
):
    return merge_snapshot(
        invoice,
        {payment.txid: payment for payment in payments},
        said(invoice, **changes),
        source=source,
        at=at,
        outdated=outdated,
        is_returned=is_returned,
        message=message,
    )


def kinds(merge):
    return [event.kind for event in merge.events]

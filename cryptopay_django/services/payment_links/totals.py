"""Adds up what was paid by payment links, in Python: a database may add decimals as floats."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db import models
from django.db.models import OuterRef, QuerySet, Subquery

from ...fields import EXACT, canonical
from ...models import Invoice, InvoiceStatus, PaymentLink, PaymentLinkUse
from ...models.orders import order_types

MOST = 10_000
"""The most invoices that one query adds up, of all its links together."""


@dataclass
class Paid:
    """The amount credited by a link, in its currency, and the number of invoices. `is_cut`: there are more."""

    amount: Decimal = Decimal(0)
    count: int = 0
    is_cut: bool = False


def invoices_of_link(link: PaymentLink) -> QuerySet[Invoice]:
    """Return the invoices that were made by a link, newest first."""
    return _invoices(PaymentLinkUse.objects.filter(link=link)).order_by("-created_at")


def paid_by_links(link_ids: Iterable[UUID]) -> dict[UUID, Paid]:
    """Return what was paid by each of these links: by completed invoices that are not quarantined. Makes one query.

    What was refunded of a completed invoice later still counts: it is on the page of the invoice.
    """
    found = {key: Paid() for key in link_ids}
    link = PaymentLinkUse.objects.filter(pk=OuterRef("order_object_id")).values("link_id")[:1]
    rows = _invoices(PaymentLinkUse.objects.filter(link_id__in=list(found)))
    rows = rows.filter(status=InvoiceStatus.COMPLETED, quarantine_reason="").order_by("-created_at")
    by_link = rows.annotate(link_id=Subquery(link, output_field=models.UUIDField()))
    values = list(by_link.values_list("link_id", "settled_amount")[: MOST + 1])
    for key, amount in values[:MOST]:
        paid = found[key]
        paid.amount = canonical(EXACT.add(paid.amount, amount or Decimal(0)))
        paid.count += 1
    if len(values) > MOST:
        for paid in found.values():
            paid.is_cut = True
    return found


def _invoices(uses: QuerySet[PaymentLinkUse]) -> QuerySet[Invoice]:
    return Invoice.objects.filter(
        order_content_type__in=order_types(PaymentLinkUse), order_object_id__in=uses.values("pk")
    )

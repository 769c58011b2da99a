"""What the shop does when money arrives: the recipe of docs/scaling.md where orders have a database of their own."""

from __future__ import annotations

from typing import Any

from django.db import router, transaction
from django.dispatch import receiver

from cryptopay_django.models import Invoice, InvoiceEvent
from cryptopay_django.signals import invoice_completed, invoice_refunded, invoice_unresolved

from .models import Credit, Order, SeenEvent


@receiver(invoice_completed, dispatch_uid="stackshop.credit")
def credit(invoice: Invoice, event: InvoiceEvent, **kwargs: Any) -> None:
    """Mark the order paid, and write down what was given for it."""
    orders, own = router.db_for_write(Order), router.db_for_write(InvoiceEvent)
    with transaction.atomic(using=orders):
        if orders != own and not SeenEvent.objects.using(orders).get_or_create(uuid=event.uuid)[1]:
            return
        _mark(invoice, "paid")
        Credit.objects.using(orders).create(order_key=invoice.order_object_id, event_uuid=event.uuid)


@receiver(invoice_refunded, dispatch_uid="stackshop.refunded")
@receiver(invoice_unresolved, dispatch_uid="stackshop.unresolved")
def note(invoice: Invoice, event: InvoiceEvent, **kwargs: Any) -> None:
    """Note on the order what became of its payment."""
    _mark(invoice, event.kind.removeprefix("invoice_"))


def _mark(invoice: Invoice, status: str) -> None:
    """Save the order's status. By `save`, because caches and audit logs do not see `update`."""
    order = Order.objects.using(router.db_for_write(Order)).get(pk=invoice.order_object_id)
    order.status = status
    order.save(update_fields=["status"])

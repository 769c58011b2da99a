"""What the shop does elsewhere when money arrives. Found by its name; each handler is called until it succeeds.

A handler is the way to an effect outside of the database. It raises while the other side does not answer, and is
called again by itself; it may be called twice, and `event.uuid`, the same each time, is what tells the other side.
`transaction.on_commit` is no substitute: a hook that fails, or whose process dies before it, is never called again.
"""

from cryptopay_django.handlers import on_invoice_completed
from cryptopay_django.models import Invoice, InvoiceEvent

from .models import Order, Payable
from .warehouse import request_shipment


class OrderNotPaidError(Exception):
    """The receiver that pays the order has failed so far: the shipment waits for it."""


@on_invoice_completed
def ship_order(invoice: Invoice, event: InvoiceEvent) -> None:
    """Ask the warehouse for the order that this event has paid."""
    order = invoice.order
    if not isinstance(order, Order):
        return
    if order.status != Payable.Status.PAID:
        raise OrderNotPaidError(order.reference)
    if order.shipment_key == event.uuid:
        request_shipment(order, key=event.uuid)

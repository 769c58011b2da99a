"""From a cart to a payment: the verbs behind the buttons. The invoice itself is made by `views.PayOrder`."""

import uuid
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction

from cryptopay_django.models import Invoice

from .cart import CartLine
from .models import LedgerEntry, Order, OrderLine, Payable, balance_of
from .warehouse import request_shipment


class BalanceTooLowError(Exception):
    """The customer's balance does not cover the order."""


def place_order(customer: Any, lines: list[CartLine], *, ship_to: str) -> Order:
    """Write the order with its lines, at today's prices."""
    with transaction.atomic():
        order = Order.objects.create(customer=customer, amount=sum(line.total for line in lines), ship_to=ship_to)
        OrderLine.objects.bulk_create(
            OrderLine(order=order, product=line.product, price=line.product.price, quantity=line.quantity)
            for line in lines
        )
    return order


def pay_from_balance(order: Order) -> None:
    """Pay with what the customer has here. Raises BalanceTooLowError; a paid order is left alone."""
    key = uuid.uuid4()
    with transaction.atomic():
        if not order.move(Order.Status.PAID, only_from=[Order.Status.OPEN], shipment_key=key):
            return
        # Two orders of one customer must not spend the same money: the customer's row is the lock.
        get_user_model().objects.select_for_update().get(pk=order.customer_id)
        if balance_of(order.customer_id) < order.amount:
            raise BalanceTooLowError
        LedgerEntry.objects.create(
            customer_id=order.customer_id, amount=-order.amount, note=f"Order {order.reference}"
        )
    request_shipment(order, key=key)


def where_to_pay_again(invoice: Invoice) -> str:
    """Return where the customer of an expired invoice gets a new one. The setting CRYPTOPAY_NEW_INVOICE_URL."""
    return invoice.order.get_payment_url() if isinstance(invoice.order, Payable) else ""

"""From a cart to a payment: the verbs behind the buttons.

`start_payment` is the call to the gateway. It runs outside any transaction, after the shop's own order
is committed: whatever happens to the call, the order is there, and it can be tried again.
"""

import uuid
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone
from django.utils.text import capfirst

from cryptopay_django.models import Invoice, InvoiceStatus
from cryptopay_django.services import create_invoice

from .cart import CartLine
from .models import LedgerEntry, Order, OrderLine, Payable, balance_of
from .warehouse import request_shipment


class Coin(NamedTuple):
    currency: str
    network: str
    label: str
    hint: str


COINS = {
    "btc": Coin("BTC", "bitcoin", "Bitcoin", "BTC"),
    "eth": Coin("ETH", "ethereum", "Ether", "ETH"),
    "usdt": Coin("USDT", "ethereum", "Tether", "USDT on Ethereum"),
}


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


def start_payment(payable: Payable, coin: Coin, *, return_url: str) -> Invoice:
    """Return the invoice with which to pay now: the one that waits for this coin, or a new one.

    The custom_id counts the invoices that are over, so pressing the button twice, or again after a
    time-out, asks for the same invoice again instead of making a second one.
    """
    earlier = payable.invoices.filter(pay_currency=coin.currency, network=coin.network)
    over = [invoice for invoice in earlier if not is_open(invoice)]
    return create_invoice(
        payable,
        price_amount=payable.amount,
        price_currency="EUR",
        pay_currency=coin.currency,
        network=coin.network,
        custom_id=f"{payable.reference}-{coin.currency}-{coin.network}-{len(over) + 1}",
        name="Tern & Tide",
        description=capfirst(str(payable)),
        success_redirect_url=return_url,
        unsuccess_redirect_url=return_url,
    )


def is_open(invoice: Invoice) -> bool:
    """Can this invoice still be paid at its frozen rate?"""
    return invoice.status == InvoiceStatus.NEW and not invoice.is_expired(timezone.now())


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

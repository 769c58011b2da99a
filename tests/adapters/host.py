"""The smallest host: its orders are Django's groups, and what it knows of them is in memory."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import Group
from django.http import Http404

from cryptopay_django.adapters import OrderAdapter, OrderMoney, OrderState, PayOrderView
from cryptopay_django.models import Invoice
from cryptopay_django.sandbox.addresses import make_address

PAID = (OrderState.PAID, OrderState.PARTLY_REFUNDED)


@dataclass
class Known:
    """What the host has on record for an order."""

    price: Decimal = Decimal("100.00")
    currency: str = "EUR"
    state: str = "open"
    paid: Decimal = Decimal(0)
    refunded: Decimal = Decimal(0)
    parcels: int = 0
    problems: tuple[str, ...] = ()
    paid_now: int = 0
    knows_addresses: bool = False


class Orders(OrderAdapter):
    """Keeps the contract with nothing but the shared parts."""

    name = "host"
    model = Group

    def __init__(self) -> None:
        self.known: dict[int, Known] = {}

    def place(self, **facts: Any) -> Group:
        order = Group.objects.create(name=f"order {Group.objects.count()}")
        self.known[order.pk] = Known(**facts)
        return order

    def get_price(self, order: Group) -> tuple[Decimal, str]:
        return self.known[order.pk].price, self.known[order.pk].currency

    def get_refund_address(self, order: Group, invoice: Invoice) -> dict[str, Any] | None:
        address, tag = make_address(invoice.network, seed="customer", index="refund")
        return {"address": address, "tag": tag} if self.known[order.pk].knows_addresses else None

    def write(self, order: Group, money: OrderMoney) -> None:
        known = self.known[order.pk]
        is_new = known.state not in PAID and known.state != OrderState.REFUNDED
        known.parcels += is_new and money.state in PAID
        if is_new or money.is_covered:
            known.state = money.state
        known.paid_now += money.is_paid_now
        known.paid, known.refunded = money.summary.paid_amount, money.summary.returned_amount
        known.problems = tuple(money.problems())

    def stop(self) -> None:
        for signal in self.signals:
            signal.disconnect(dispatch_uid=f"cryptopay_django.adapters.{self.name}")


class PayHere(PayOrderView):
    """The page for paying, by the number of the order."""

    orders: Orders = None  # type: ignore[assignment]  # given to as_view()

    def find_order(self) -> Group:
        order = Group.objects.filter(pk=self.kwargs["pk"]).first()
        if order is None:
            raise Http404
        return order

    def get_closed_url(self, order: Group) -> str:
        return "" if self.orders.known[order.pk].state in ("open", "attention") else "/closed/"

"""What people and events do to a host that could cost it money: the shared parts of adapters withstand it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.db import models
from django.utils import timezone

from cryptopay_django.adapters import OrderState
from cryptopay_django.exceptions import RefundAmountError
from cryptopay_django.models import InvoiceEvent
from cryptopay_django.services import create_invoice, process_overdue

from .test_money import sent

pytestmark = pytest.mark.django_db(transaction=True)


class NoOrders(models.Manager):
    """A default manager that hides what is archived: here everything."""

    def get_queryset(self):
        return super().get_queryset().none()


class HiddenOrder(Group):
    objects = NoOrders()

    class Meta:
        proxy = True
        app_label = "auth"


@pytest.fixture
def deliver_late(orders):
    """Let the host fail, do something, and deliver then all that could not be delivered."""

    def deliver_late(act):
        write = orders.write
        orders.write = None
        act()
        orders.write = write
        waiting = InvoiceEvent.objects.filter(next_attempt_at__isnull=False)
        assert waiting.filter(kind="invoice_completed").exists()
        waiting.update(next_attempt_at=timezone.now())
        process_overdue()
        assert not waiting.exists()

    return deliver_late


# Prices in other units than cents.


def test_a_price_in_a_coin_is_compared_and_sent_back_to_its_last_place(orders, pay, cryptopay_sandbox):
    cryptopay_sandbox.deposit("BTC", "10")
    order = orders.place(price=Decimal("0.001"), currency="BTC", knows_addresses=True)
    invoice = pay(create_invoice(order=order, price_amount="0.001", price_currency="BTC", pay_currency="LTC"))
    assert orders.known[order.pk].state == OrderState.PAID

    orders.known[order.pk].price = Decimal("0.004")
    money = orders.money_of(order)
    raised = money.is_covered, money.missing_amount
    orders.known[order.pk].price = Decimal("0.001")
    orders.send_back(order, Decimal("0.0004"), invoices=[invoice], reason="came back")

    assert raised == (False, Decimal("0.003"))
    assert orders.known[order.pk].state == OrderState.PARTLY_REFUNDED


def test_a_part_of_a_yen_is_refused_before_anything_is_sent(orders, pay, cryptopay_sandbox):
    cryptopay_sandbox.deposit("JPY", "100000")
    order = orders.place(price=Decimal(10000), currency="JPY", knows_addresses=True)
    invoice = pay(create_invoice(order=order, price_amount=10000, price_currency="JPY", pay_currency="BTC"))

    with pytest.raises(RefundAmountError, match="up to 10000 JPY can be refunded"):
        orders.send_back(order, Decimal("5000.50"), invoices=[invoice], reason="came back")
    assert not sent(cryptopay_sandbox)

    assert orders.send_back(order, Decimal("10000.00"), invoices=[invoice], reason="came back") == 10000
    assert orders.known[order.pk].state == OrderState.REFUNDED


# Which orders are followed.

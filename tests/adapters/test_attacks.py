"""What people and events do to a host that could cost it money: the shared parts of adapters withstand it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.utils import timezone

from cryptopay_django.adapters import OrderAdapter, OrderState
from cryptopay_django.exceptions import RefundAmountError, SendBackError
from cryptopay_django.models import InvoiceEvent
from cryptopay_django.services import create_invoice, process_overdue
from tests.services.desk import Wire
from tests.services.returning import COMMIT

from .host import Orders
from .test_money import send, sent

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


def test_two_invoices_that_are_credited_before_any_event_is_delivered_pay_the_order_once(
    orders, invoiced, pay, deliver_late
):
    order = orders.place(price=Decimal(150))
    invoices = invoiced(order, 100, 50)

    deliver_late(lambda: [pay(invoice) for invoice in invoices])

    assert (orders.known[order.pk].parcels, orders.known[order.pk].paid_now) == (1, 1)


def test_money_that_is_back_before_the_host_hears_of_it_pays_nothing(orders, invoiced, pay, deliver_late):
    order = orders.place()
    (invoice,) = invoiced(order, 100)

    deliver_late(lambda: send(pay(invoice), 100))

    assert (orders.known[order.pk].state, orders.known[order.pk].paid_now) == (OrderState.REFUNDED, 0)


def test_what_was_sent_back_as_a_whole_does_not_pay_for_a_cheaper_invoice(orders, invoiced, pay):
    order = orders.place()
    old, whole = invoiced(order, 50, 100)
    send(pay(whole), 100)

    pay(old)

    money = orders.money_of(order)
    assert (money.is_covered, money.missing_amount, money.state) == (False, 50, OrderState.ATTENTION)
    assert orders.known[order.pk].paid_now == 1


def test_an_order_that_was_sent_back_as_a_whole_is_paid_anew_by_two_payments_together(orders, invoiced, pay):
    order = orders.place()
    whole, part, rest = invoiced(order, 100, 40, 60)
    send(pay(whole), 100)

    pay(part)
    by_part = orders.known[order.pk].paid_now
    pay(rest)

    assert (by_part, orders.known[order.pk].paid_now) == (1, 2)


def test_invoices_in_two_currencies_are_not_sent_back_by_one_amount(orders, invoiced, pay, cryptopay_sandbox):
    order = orders.place(knows_addresses=True)
    (euros,) = invoiced(order, 100)
    dollars = invoiced(order, 100, 100, currency="USD")[1]
    invoices = [pay(dollars), pay(euros)]

    with pytest.raises(RefundAmountError, match="in EUR, USD"):
        orders.send_back(order, Decimal(100), invoices=invoices, reason="came back")

    assert not sent(cryptopay_sandbox)


@pytest.mark.parametrize("amount", [Decimal("50.005"), Decimal("NaN"), True])
def test_an_amount_that_cannot_be_sent_is_refused_before_a_share_of_it_is(orders, paid, cryptopay_sandbox, amount):
    order = orders.place(price=Decimal(150), knows_addresses=True)
    first, second = paid(order, 100, 50)

    with pytest.raises(RefundAmountError, match="nothing was sent"):
        orders.send_back(order, amount, invoices=[second, first], reason="came back")

    assert not sent(cryptopay_sandbox)


def test_the_invoices_of_another_order_are_not_sent_back(orders, paid, cryptopay_sandbox):
    mine, theirs = orders.place(knows_addresses=True), orders.place()
    invoices = paid(theirs, 100)

    with pytest.raises(SendBackError, match=r"is not one of auth\.Group .*: nothing was sent"):
        orders.send_back(mine, invoices=invoices, reason="came back")

    assert not sent(cryptopay_sandbox)


def test_a_refund_that_is_accepted_but_not_as_requested_counts_as_sent(orders, paid, cryptopay_sandbox, settings):
    order = orders.place(price=Decimal(150), knows_addresses=True)
    first, second = paid(order, 100, 50)
    wire = Wire(cryptopay_sandbox)
    settings.CRYPTOPAY_HTTP_ADAPTER = wire.adapter_for
    wire.change(COMMIT, lambda data: data.update(charged_amount="500"))

    with pytest.raises(SendBackError, match="accepted, but not as requested") as caught:
        orders.send_back(order, Decimal(60), invoices=[second, first], reason="came back")

    assert caught.value.sent_amount == 50
    assert len(sent(cryptopay_sandbox)) == 1


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


def test_an_adapter_of_a_proxy_whose_manager_hides_orders_writes_them_all_the_same(orders, paid):
    orders.model, written = HiddenOrder, []
    orders.write = lambda order, money: written.append((type(order), money.state))

    paid(orders.place(), 100)

    assert written[-1] == (HiddenOrder, OrderState.PAID)


def test_an_adapter_without_a_name_is_refused():
    with pytest.raises(ImproperlyConfigured, match="OrderAdapter must define a name"):
        OrderAdapter().follow()


def test_a_second_adapter_of_the_same_name_is_refused_because_it_would_get_no_event(orders):
    class Other(Orders):
        pass

    with pytest.raises(ImproperlyConfigured, match='Orders follows the events as "host"'):
        Other().follow()

"""The contract of adapters: the example shop keeps it, and every kind of wrong adapter breaks it."""

from __future__ import annotations

import json
import tempfile
import unittest
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db.models import F, Sum
from django.dispatch import Signal
from django.test import TransactionTestCase, override_settings

from cryptopay_django import handlers, signals
from cryptopay_django.models import Invoice
from cryptopay_django.services import refund_invoice
from cryptopay_django.testing.adapters import AdapterContract
from example_project.shop.cryptopay_handlers import ship_order
from example_project.shop.models import LedgerEntry, Order
from example_project.shop.warehouse import request_shipment


@override_settings(ROOT_URLCONF="example_project.config.urls", LOGIN_URL="shop:login")
class ShopContract(AdapterContract, TransactionTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.outbox = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.enterContext(self.settings(SHOP_OUTBOX=self.outbox))
        handlers.on_invoice_completed(ship_order)
        self.addCleanup(handlers.unregister, ship_order)

    def fulfilments_of(self, order: Order) -> int:
        requests = (json.loads(path.read_text()) for path in self.outbox.glob("*.json"))
        return sum(request["order"] == order.reference for request in requests)

    # docs/adapters.md shows these.

    def place_order(self):
        customer = User.objects.create_user(f"ada {uuid4()}")
        return Order.objects.create(customer=customer, amount=self.price, ship_to="London")

    def begin_payment(self, order):
        self.client.force_login(order.customer)
        answer = self.client.post(order.get_payment_url(), {"coin": "BTC/bitcoin"})
        return Invoice.objects.get(pk=answer["Location"].strip("/").rpartition("/")[2])

    def state_of(self, order):
        order.refresh_from_db()
        if order.status == "paid" and order.returned_amount:
            return self.REFUNDED if order.returned_amount >= order.amount else self.PARTLY_REFUNDED
        return {"open": self.OPEN, "paid": self.PAID, "attention": self.ATTENTION}.get(order.status, self.CANCELLED)

    def paid_of(self, order):
        order.refresh_from_db()
        paid = order.paid_by.settled_amount if order.paid_by else Decimal(0)
        # A second payment is on record as well, here in the customer's balance.
        second = LedgerEntry.objects.filter(invoice__in=order.invoices).exclude(invoice=order.paid_by)
        return sum((entry.amount for entry in second), paid)

    def refunded_of(self, order):
        order.refresh_from_db()
        return order.returned_amount

    def refund_from_host(self, order, amount):
        invoice = Invoice.objects.for_order(order).get()
        address, tag = self.customer_address(invoice)
        refund_invoice(invoice, actor="ben", reason="came back", amount=amount, address=address, tag=tag)


class Wrong(ShopContract):
    """The example shop with one mistake."""

    __test__ = False

    def connect(self, signal: Signal, receiver: Callable[..., Any]) -> None:
        signal.connect(receiver, weak=False)
        self.addCleanup(signal.disconnect, receiver)

    def without(self, signal: Signal, name: str) -> None:
        """Take one of the shop's receivers away during the test."""
        connected = next(entry for entry in signal.receivers if entry[0][0] == name)
        signal.disconnect(dispatch_uid=name)
        receiver = connected[1]() if hasattr(connected[1], "__callback__") else connected[1]
        self.addCleanup(signal.connect, receiver, dispatch_uid=name)


def orders_of(invoice: Invoice) -> Any:
    return Order.objects.filter(pk=invoice.order_object_id)


class FulfilsEveryPayment(Wrong):
    caught_by = "test_paid_twice"

    def setUp(self) -> None:
        super().setUp()
        self.connect(signals.invoice_completed, self.ship)

    def ship(self, invoice: Invoice, event: Any, **kwargs: Any) -> None:
        if invoice.order.paid_by != invoice:
            request_shipment(invoice.order, key=event.uuid)


class ClosesWhatIsSettledShort(Wrong):
    caught_by = "test_settled_short_then_the_older_invoice_is_cancelled"

    def setUp(self) -> None:
        super().setUp()
        self.connect(signals.invoice_cancelled, self.close)

    def close(self, invoice: Invoice, **kwargs: Any) -> None:
        orders_of(invoice).filter(status="attention").update(status="cancelled")


class FulfilsEachDelivery(Wrong):
    caught_by = "test_delivered_again"

    def setUp(self) -> None:
        super().setUp()
        self.connect(signals.invoice_completed, self.ship)

    def ship(self, invoice: Invoice, event: Any, **kwargs: Any) -> None:
        if event.is_repetition:
            request_shipment(invoice.order, key=uuid4())


class FulfilsWhatIsOnlySeen(Wrong):
    caught_by = "test_paid"

    def setUp(self) -> None:
        super().setUp()
        self.connect(signals.payment_detected, lambda invoice, **kwargs: orders_of(invoice).update(status="paid"))


class FulfilsWhatIsHeld(Wrong):
    caught_by = "test_held_then_refunded"

    def setUp(self) -> None:
        super().setUp()
        self.connect(signals.payment_confirmed, lambda invoice, **kwargs: orders_of(invoice).update(status="paid"))


class TakesLessForPaid(Wrong):
    caught_by = "test_underpaid_then_settled"

    def setUp(self) -> None:
        super().setUp()
        self.connect(signals.invoice_settled_short, lambda invoice, **kwargs: orders_of(invoice).update(status="paid"))


class BooksTheOrderedAmount(Wrong):
    caught_by = "test_underpaid_then_settled"

    def paid_of(self, order: Order) -> Decimal:
        order.refresh_from_db()
        return order.amount if order.status == "paid" else Decimal(0)


class BooksTheOrderedAmountOfTooMuch(BooksTheOrderedAmount):
    caught_by = "test_overpaid_then_settled"


class ForgetsTheSecondPayment(Wrong):
    caught_by = "test_paid_twice"

    def paid_of(self, order: Order) -> Decimal:
        order.refresh_from_db()
        return order.paid_by.settled_amount if order.paid_by else Decimal(0)


class IgnoresRefunds(Wrong):
    caught_by = "test_refunded_in_part_and_whole"

    def setUp(self) -> None:
        super().setUp()
        self.without(signals.refund_created, "shop.lower_price")
        self.without(signals.refund_succeeded, "shop.book_refund")


class IgnoresRefundsThatFail(Wrong):
    caught_by = "test_a_refund_that_fails"

    def setUp(self) -> None:
        super().setUp()
        self.without(signals.refund_failed, "shop.raise_price")


class BooksItsOwnRefundAndOurs(Wrong):
    caught_by = "test_refunded_by_the_host_in_part_and_whole"
    own = Decimal(0)

    def refund_from_host(self, order: Order, amount: Decimal) -> None:
        super().refund_from_host(order, amount)
        self.own += amount

    def refunded_of(self, order: Order) -> Decimal:
        return super().refunded_of(order) + self.own


class BooksARefundAtEachEvent(Wrong):
    caught_by = "test_refunded_in_part_and_whole"

    def setUp(self) -> None:
        super().setUp()
        self.without(signals.refund_created, "shop.lower_price")
        self.without(signals.refund_succeeded, "shop.book_refund")
        for signal in (signals.refund_created, signals.refund_succeeded):
            self.connect(signal, self.book)

    def book(self, invoice: Invoice, refund: Any, **kwargs: Any) -> None:
        orders_of(invoice).update(returned_amount=F("returned_amount") + refund.value_amount)


class RefundsOnlyOnPaper(Wrong):
    caught_by = "test_refunded_by_the_host_in_part_and_whole"

    def refund_from_host(self, order: Order, amount: Decimal) -> None:
        Order.objects.filter(pk=order.pk).update(returned_amount=F("returned_amount") + amount)


class CountsAReturnedOverageAsARefundOfTheOrder(Wrong):
    caught_by = "test_overpaid_then_overage_refunded"

    def refunded_of(self, order: Order) -> Decimal:
        rows = order.invoices.filter(refunds__isnull=False)
        return rows.aggregate(sum=Sum("refunds__value_amount"))["sum"] or Decimal(0)


class CancelsAPaidOrder(Wrong):
    caught_by = "test_a_late_cancel_changes_no_paid_order"

    def setUp(self) -> None:
        super().setUp()
        self.connect(
            signals.invoice_cancelled, lambda invoice, **kwargs: orders_of(invoice).update(status="cancelled")
        )


class IgnoresTheCancel(Wrong):
    caught_by = "test_cancelled"

    def setUp(self) -> None:
        super().setUp()
        self.without(signals.invoice_cancelled, "shop.close_cancelled")


class ShowsStaffNothing(Wrong):
    caught_by = "test_quarantined"

    def setUp(self) -> None:
        super().setUp()
        self.without(signals.invoice_quarantined, "shop.hold_quarantined")


class ClosesWhatWaitsForStaff(Wrong):
    caught_by = "test_late"

    def setUp(self) -> None:
        super().setUp()
        self.connect(
            signals.invoice_unresolved, lambda invoice, **kwargs: orders_of(invoice).update(status="cancelled")
        )


class FailsOnInvoicesOfOthers(Wrong):
    caught_by = "test_other_invoices_are_left_alone"

    def setUp(self) -> None:
        super().setUp()
        self.connect(signals.invoice_completed, lambda invoice, **kwargs: invoice.order.refresh_from_db())


class ShowsTheExpiredInvoiceForEver(Wrong):
    caught_by = "test_a_late_cancel_changes_no_paid_order"

    def begin_payment(self, order: Order) -> Invoice:
        return order.invoices.first() or super().begin_payment(order)


class AsksForAnotherPrice(Wrong):
    caught_by = "test_paid"

    def begin_payment(self, order: Order) -> Invoice:
        Order.objects.filter(pk=order.pk).update(amount=F("amount") + 1)
        return super().begin_payment(order)


class FulfilsAtAnyPrice(Wrong):
    caught_by = "test_the_price_was_raised"

    def setUp(self) -> None:
        super().setUp()
        self.connect(signals.invoice_completed, lambda invoice, **kwargs: orders_of(invoice).update(status="paid"))

    def raise_price(self, order: Order) -> None:
        Order.objects.filter(pk=order.pk).update(amount=F("amount") + 1)


def run(kind: type[ShopContract], name: str) -> unittest.TestResult:
    result = unittest.TestResult()
    result.failfast = True
    unittest.TestSuite([kind(name)]).run(result)
    return result


def every_wrong_one(kind: type[Wrong] = Wrong) -> list[type[Wrong]]:
    return [one for sub in kind.__subclasses__() for one in (sub, *every_wrong_one(sub))]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("wrong", every_wrong_one(), ids=lambda kind: kind.__name__)
def test_a_wrong_adapter_is_caught(wrong, django_db_blocker):
    result = run(wrong, wrong.caught_by)

    assert (result.testsRun, result.errors) == (1, [])
    assert result.failures


def test_a_method_that_the_author_has_not_written_is_named():
    with pytest.raises(TypeError, match=r"AdapterContract must define place_order\(\)"):
        AdapterContract().place_order()

"""The contract of adapters, played in oscar's own pages: guest checkout, and staff in oscar's dashboard."""

from decimal import Decimal

from conftest import stock_shop
from django.contrib.auth import get_user_model
from django.core import mail
from django.db.models import Sum
from django.test import TransactionTestCase
from oscar.core.loading import get_model
from shop import InProcess, fill_basket, go_to_payment, place_order

from cryptopay_django.contrib.oscar.mails import pay_path
from cryptopay_django.models import Invoice
from cryptopay_django.testing.adapters import AdapterContract

Order = get_model("order", "Order")


class ContractTests(AdapterContract, TransactionTestCase):
    currency = "GBP"

    STATES = {
        "Pending": AdapterContract.OPEN,
        "Being processed": AdapterContract.PAID,
        "Needs attention": AdapterContract.ATTENTION,
        "Cancelled": AdapterContract.CANCELLED,
        "Refunded": AdapterContract.REFUNDED,
        "Partly refunded": AdapterContract.PARTLY_REFUNDED,
    }

    def setUp(self):
        super().setUp()
        self.mug = stock_shop()

    def place_order(self):
        browser = InProcess()
        fill_basket(browser, self.mug)
        go_to_payment(browser, email="ada@example.org")
        place_order(browser)
        return Order.objects.get(pk=browser.client.session["checkout_order_id"])

    def begin_payment(self, order):
        page = InProcess().get(pay_path(order))
        page.submit("coin", coin="BTC/bitcoin")
        return Invoice.objects.get(pk=page.path.rstrip("/").rsplit("/", 1)[1])

    def state_of(self, order):
        return self.STATES[Order.objects.get(pk=order.pk).status]

    def paid_of(self, order):
        return order.sources.aggregate(amount=Sum("amount_debited"))["amount"] or Decimal(0)

    def refunded_of(self, order):
        return order.sources.aggregate(amount=Sum("amount_refunded"))["amount"] or Decimal(0)

    def fulfilments_of(self, order):
        """Count the payment events that say Paid, each of which has a confirmation by mail."""
        events = order.payment_events.filter(event_type__name="Paid").count()
        confirmed = [letter for letter in mail.outbox if letter.subject == f"Confirmation of order {order.number}"]
        assert len(confirmed) == events
        return events

    def refund_from_host(self, order, amount):
        staff, _ = get_user_model().objects.get_or_create(username="grace", is_staff=True, is_superuser=True)
        browser = InProcess()
        browser.client.force_login(staff)
        page = browser.get(f"/dashboard/orders/{order.number}/")
        (invoice,) = self.invoices_of(order)
        assert f"/coins/refund/{order.number}/{invoice.pk}/" in page.text
        page.get(f"/coins/refund/{order.number}/{invoice.pk}/")
        address, tag = self.customer_address(invoice)
        page.submit("address", amount=amount, address=address, tag=tag or "", reason="came back")
        assert "Send the coins" in page.text
        page.submit("quote")
        assert page.path == f"/dashboard/orders/{order.number}/"

    def raise_price(self, order):
        Order.objects.filter(pk=order.pk).update(total_incl_tax=self.price + 1)

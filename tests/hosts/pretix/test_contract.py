"""The contract of every adapter, with orders that customers place in pretix and refunds of pretix' backend."""

from datetime import timedelta
from decimal import Decimal

from django.db.models import Sum
from django.test import Client, TransactionTestCase
from django.utils import translation
from django.utils.timezone import now
from django_scopes import scopes_disabled
from pretix.base.models import Order, OrderPayment, OrderRefund
from pretix_cryptopay.accounts import account_name
from shop import PRICE, buy, fields_of, make_event, make_staff, order_of

from cryptopay_django.models import Invoice
from cryptopay_django.testing.adapters import AdapterContract

NOTHING = Decimal("0.00")


class PretixContract(AdapterContract, TransactionTestCase):
    """pretix keeps the order, its payments and its refunds. Tickets are sent once it is paid."""

    price = PRICE
    after_cancel = AdapterContract.OPEN

    def setUp(self):
        self.event = make_event()
        self.staff = make_staff(self.event)
        self.account = account_name(self.event, testmode=False)
        super().setUp()
        scope = scopes_disabled()
        scope.__enter__()
        self.addCleanup(scope.__exit__, None, None, None)
        self.addCleanup(translation.activate, translation.get_language())

    def place_order(self):
        self.customer = Client()
        code, _ = order_of(buy(self.get, self.post, "/orga/conf/", self.event.items.get()))
        return Order.objects.get(code=code)

    def begin_payment(self, order):
        payment = order.payments.last()
        invoice = Invoice.objects.for_order(payment).first()
        if invoice.paid_amount or not self.is_over(invoice):
            return invoice
        url = f"/orga/conf/order/{order.code}/{order.secret}/pay/change"
        url, page = self.post(url, {"payment": "cryptopay", "coin": "BTC/bitcoin"})
        self.post(url, fields_of(page))
        return Invoice.objects.for_order(order.payments.last()).first()

    def is_over(self, invoice):
        return invoice.expires_at <= now() + timedelta(minutes=2)

    def state_of(self, order):
        order = Order.objects.get(pk=order.pk)
        waiting = [one for one in self.invoices_of(order) if one.status == "unresolved" or one.quarantine_reason]
        if waiting or (order.status != Order.STATUS_PAID and self.paid_of(order)):
            return self.ATTENTION
        refunded = self.refunded_of(order)
        if refunded:
            return self.REFUNDED if refunded >= self.paid_of(order) else self.PARTLY_REFUNDED
        return {"n": self.OPEN, "e": self.OPEN, "c": self.CANCELLED, "p": self.PAID}[order.status]

    def paid_of(self, order):
        states = (OrderPayment.PAYMENT_STATE_CONFIRMED, OrderPayment.PAYMENT_STATE_REFUNDED)
        paid = order.payments.filter(provider="cryptopay", state__in=states)
        return paid.aggregate(all=Sum("amount"))["all"] or NOTHING

    def refunded_of(self, order):
        states = (OrderRefund.REFUND_STATE_DONE, OrderRefund.REFUND_STATE_EXTERNAL)
        return order.refunds.filter(state__in=states).aggregate(all=Sum("amount"))["all"] or NOTHING

    def fulfilments_of(self, order):
        return order.all_logentries().filter(action_type="pretix.event.order.paid").count()

    def invoices_of(self, order):
        return [invoice for payment in order.payments.all() for invoice in Invoice.objects.for_order(payment)]

    def refund_from_host(self, order, amount):
        payment = order.payments.get(state=OrderPayment.PAYMENT_STATE_CONFIRMED)
        address, _ = self.customer_address(self.invoices_of(order)[0])
        backend = Client()
        backend.force_login(self.staff)
        url = f"/control/event/orga/conf/orders/{order.code}/refund"
        start = {"start-mode": "partial", "start-partial_amount": str(amount), "start-action": "do_nothing"}
        page = backend.post(url, start)
        assert "cryptopay-address" in page.content.decode()
        asked = {
            **start,
            "perform": "true",
            "last_known_refund_id": str(order.refunds.order_by("-pk").values_list("pk", flat=True).first() or 0),
            "newrefund-cryptopay": str(amount),
            "cryptopay-payment": str(payment.pk),
            "cryptopay-address": address,
        }
        done = backend.post(url, asked)
        assert done.status_code == 302, done.content.decode()

    def get(self, url):
        done = self.customer.get(url, follow=True)
        return (done.redirect_chain[-1][0] if done.redirect_chain else url), done.content.decode()

    def post(self, url, data):
        done = self.customer.post(url, data, follow=True)
        return (done.redirect_chain[-1][0] if done.redirect_chain else url), done.content.decode()


del AdapterContract

"""Plays customer, gateway, network and staff for `AdapterContract`, and compares the host with the payment.

`testing/adapters.py` has what an author writes, and the stories.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from ..models import HandlerDelivery, Invoice, InvoiceEvent, Refund, RefundStatus, Resolution
from ..sandbox.addresses import make_address
from ..sandbox.withdrawals import Withdrawal
from ..services import deliver_again, process_overdue, refresh_invoice, refund_invoice, release_invoice, settle_invoice
from .testcases import CryptopaySandboxMixin

IN_ORDER = "in order"
EACH_TWICE = "each twice"
NEWEST_FIRST = "the newest first"
ORDERS_OF_CALLBACKS = (IN_ORDER, EACH_TWICE, NEWEST_FIRST)

STAFF = "contract"
FUNDS = Decimal(10_000)


class AdapterStage(CryptopaySandboxMixin):
    """Plays a story about one order of the host, and compares what the host makes of it."""

    currency = "EUR"
    """The currency of the price, and of the merchant's account that pays refunds."""

    account = "default"
    """The account of the invoices. An adapter with accounts of its own may set it before this class' `setUp`."""

    callback_order = IN_ORDER

    def setUp(self) -> None:
        """Begin with a sandbox of its own, and with money in the account from which refunds are paid."""
        super().setUp()
        self.cryptopay_sandbox.deposit(self.currency, FUNDS, account=self.account)

    # The ways in which callbacks arrive.

    @contextmanager
    def played(self, callback_order: str) -> Iterator[None]:
        """Let callbacks arrive in this order while a story is played."""
        self.callback_order = callback_order
        with self.subTest(callbacks=callback_order):
            yield

    def in_every_order(self, story: Callable[[], None]) -> None:
        """Play a story once for each order in which callbacks can arrive."""
        for callback_order in ORDERS_OF_CALLBACKS:
            with self.played(callback_order):
                story()

    def deliver(self) -> None:
        """Post what the gateway has to say, in the order of this story; then do what a worker does."""
        for sandbox in self.cryptopay_sandbox.all_accounts():
            waiting = [callback.id for callback in sandbox.state.outbox.queued()]
            if self.callback_order == EACH_TWICE and waiting:
                self.cryptopay_sandbox.fail_next("duplicate", count=len(waiting), account=sandbox.account.name)
            if self.callback_order == NEWEST_FIRST and waiting:
                self.cryptopay_sandbox.advance(seconds=1)  # what is queued again later takes the earlier one's place
                for callback_id in reversed(waiting):
                    sandbox.resend(callback_id)
        self.cryptopay_sandbox.deliver()
        self.work()

    def repeat_everything(self, order: Any) -> None:
        """Post every callback there ever was once more, the newest first, and read every invoice again."""
        for sandbox in self.cryptopay_sandbox.all_accounts():
            for callback_id in reversed(list(sandbox.state.outbox.log)):
                sandbox.resend(callback_id)
        self.cryptopay_sandbox.deliver()
        for invoice in self.invoices_of(order):
            refresh_invoice(invoice)
        self.work()

    def work(self) -> None:
        """Do what a worker does when every pause is over."""
        now = timezone.now()
        Invoice.objects.filter(refunds_due_at__isnull=False).update(refunds_due_at=now)
        Resolution.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=now)
        InvoiceEvent.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=now)
        HandlerDelivery.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=now)
        process_overdue()

    def deliver_again(self, order: Any) -> None:
        """Deliver every event of an order once more, with the same uuid, as staff can ask for."""
        for invoice in self.invoices_of(order):
            deliver_again(invoice, actor=STAFF, reason="contract")
        self.work()

    # What customer, clock and staff do.

    def pay(self, invoice: Invoice, factor: str = "1", **how: Any) -> None:
        """Pay an invoice from the customer's wallet, and let the network confirm it. Nobody hears of it yet."""
        self.cryptopay_sandbox.pay(invoice, factor, **how)
        self.cryptopay_sandbox.confirm(invoice)

    def expire(self, invoice: Invoice) -> None:
        """Let the time for paying pass: at the gateway, and here, where the clock stays where it is."""
        self.cryptopay_sandbox.advance(minutes=11)
        self.forget_validity(invoice)

    def forget_validity(self, invoice: Invoice) -> None:
        """Let an invoice be too old for a customer who begins to pay now; the gateway still takes money for it."""
        Invoice.objects.filter(pk=invoice.pk).update(expires_at=timezone.now() + timedelta(seconds=5))

    def settle(self, invoice: Invoice, *, refund_overage: bool = False) -> None:
        """Settle as staff do, and accept what came if that is less than the price."""
        self.settle_only(invoice, refund_overage=refund_overage)
        self.accept(invoice)

    def settle_only(self, invoice: Invoice, *, refund_overage: bool = False) -> None:
        """Settle as staff do, at today's rate or by a refund of the overage."""
        done = settle_invoice(row_of(invoice), actor=STAFF, reason="contract", refund_overage=refund_overage)
        self.assertEqual(done.status, "succeeded", done.error)
        self.deliver()

    def accept(self, invoice: Invoice) -> None:
        """Accept what an invoice was settled for, if that is less than the price."""
        row = row_of(invoice)
        if settled_of(row) < row.price_amount:
            release_invoice(row, actor=STAFF, reason="contract", accept_shortfall=True)
            self.work()

    def refund_unresolved(self, invoice: Invoice) -> None:
        """Refund an invoice that is not completed, all of it, to the customer; the coins arrive."""
        address, tag = self.customer_address(invoice)
        done = refund_invoice(row_of(invoice), actor=STAFF, reason="contract", address=address, tag=tag)
        self.assertEqual(done.status, "succeeded", done.error)
        self.arrive()

    def send_back(self, invoice: Invoice, amount: Decimal) -> None:
        """Refund an amount of a completed invoice to the customer; the coins are on their way."""
        address, tag = self.customer_address(invoice)
        row = row_of(invoice)
        done = refund_invoice(row, actor=STAFF, reason="contract", amount=amount, address=address, tag=tag)
        self.assertEqual(done.status, "succeeded", done.error)
        self.deliver()

    def customer_address(self, invoice: Invoice) -> tuple[str, str | None]:
        """Return an address of the customer on the network of an invoice, and its tag or memo where it needs one."""
        address, tag = make_address(row_of(invoice).network, seed="customer", index="refund")
        return address, None if tag is None else str(tag)

    def arrive(self) -> None:
        """Let the coins of all refunds arrive, and everybody hear of it."""
        for _ in range(3):
            self.cryptopay_sandbox.advance(minutes=15)
            self.deliver()

    def invoices_of(self, order: Any) -> Collection[Invoice]:
        """Return the invoices of an order. Override it where an invoice is made for a payment of the order."""
        return list(Invoice.objects.for_order(order))

    def assert_no_receiver_failed(self) -> None:
        """Fail with the traceback of a receiver or handler that could not do its work, even when called again."""
        for rows in (InvoiceEvent.objects.all(), HandlerDelivery.objects.all()):
            for failed in rows.filter(delivered_at__isnull=True, attempts__gt=0):
                self.fail(f"{failed} could not be delivered:\n{failed.last_error}")

    def sent_back_by(self, invoice: Invoice) -> Decimal:
        """Return what the gateway sends back, or has sent, of a completed invoice, in the price currency."""
        rows = Refund.objects.filter(invoice=invoice).exclude(withdrawal_status="").exclude(status=RefundStatus.FAILED)
        return sum((row.value_amount or Decimal(0) for row in rows), Decimal(0))

    def withdrawals_of(self, invoice: Invoice) -> list[Withdrawal]:
        """Return the withdrawals at the gateway that belong to an invoice's refunds, oldest first."""
        ids = {str(refund.gateway_id) for refund in Refund.objects.filter(invoice=invoice)}
        account = invoice.account
        return [one for one in reversed(self.cryptopay_sandbox.withdrawals(account)) if one.id in ids]


def row_of(invoice: Invoice) -> Invoice:
    """Return an invoice as it is now."""
    return Invoice.objects.get(pk=invoice.pk)


def settled_of(invoice: Invoice) -> Decimal:
    """Return what the gateway has credited for an invoice by now, in the price currency."""
    return row_of(invoice).settled_amount or Decimal(0)

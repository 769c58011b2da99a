"""Tests an adapter, as a test class: what a host must make of everything that can happen to a payment.

class ContractTests(AdapterContract, TransactionTestCase):
    def place_order(self): ...
    def begin_payment(self, order): ...
    def state_of(self, order): ...
    def paid_of(self, order): ...
    def refunded_of(self, order): ...

docs/adapters.md is the guide. Each story is played three times: with callbacks in order, each of them twice, and the
newest first. In the end all of them are posted once more, and the host must stay as it is.
"""

from __future__ import annotations

from ..services import create_invoice
from .adapter_host import NOTHING, AdapterHost
from .adapter_stage import row_of, settled_of


class AdapterContract(AdapterHost):
    """Mix it into a TransactionTestCase of the host: refunds commit before they ask the gateway."""

    # Paid.

    def test_paid(self) -> None:
        """A payment that is seen changes nothing; one that the gateway credits pays the order, once."""

        def story() -> None:
            order, invoice = self.begin()
            self.cryptopay_sandbox.pay(invoice)
            self.deliver()
            self.expect(order, self.OPEN, paid=NOTHING, refunded=NOTHING, fulfilled=0)

            self.cryptopay_sandbox.confirm(invoice)
            self.deliver()
            self.expect_paid(order, self.price)

        self.in_every_order(story)

    def test_paid_in_two_parts(self) -> None:
        """Two payments of one invoice, in time, pay the order once."""

        def story() -> None:
            order, invoice = self.begin()
            self.pay(invoice, "0.9")
            self.pay(invoice, amount="rest")
            self.deliver()
            self.expect_paid(order, settled_of(invoice))

        self.in_every_order(story)

    def test_other_invoices_are_left_alone(self) -> None:
        """An invoice that belongs to no order of the host is paid without an error of a receiver."""
        order, _ = self.begin()
        other = create_invoice(
            account=self.account, price_amount=self.price, price_currency=self.currency, pay_currency="BTC"
        )
        self.pay(other)
        self.deliver()
        self.expect(order, self.OPEN, paid=NOTHING, refunded=NOTHING, fulfilled=0)

    # Too little, too much, too late.

    def test_underpaid_then_settled(self) -> None:
        """An underpaid order waits for staff, also when it is settled; accepted, it is paid with what came."""

        def story() -> None:
            order, invoice = self.underpaid()
            self.settle_only(invoice)
            self.expect(order, self.ATTENTION, fulfilled=0)
            self.assertIn(self.paid_of(order), (NOTHING, settled_of(invoice)), "booked more than came")

            self.accept(invoice)
            self.expect_paid(order, settled_of(invoice))

        self.in_every_order(story)

    def test_underpaid_then_refunded(self) -> None:
        """An underpaid order whose coins go back was never paid."""

        def story() -> None:
            order, invoice = self.underpaid()
            self.refund_unresolved(invoice)
            self.expect_never_paid(order)

        self.in_every_order(story)

    def test_overpaid_then_overage_refunded(self) -> None:
        """What was too much goes back: the order is paid, and its price is kept."""

        def story() -> None:
            order, invoice = self.overpaid()
            self.settle(invoice, refund_overage=True)
            self.arrive()
            self.expect_to_the_end(order, self.PAID, kept=settled_of(invoice), fulfilled=1)

        self.in_every_order(story)

    def test_overpaid_then_settled(self) -> None:
        """All of an overpayment is credited: the host has all of it on record, not the price."""

        def story() -> None:
            order, invoice = self.overpaid()
            self.settle(invoice)
            self.expect_paid(order, settled_of(invoice))

        self.in_every_order(story)

    def test_late(self) -> None:
        """A payment after the expiry waits for staff; settled, it pays the order."""

        def story() -> None:
            order, invoice = self.begin()
            self.expire(invoice)
            self.pay(invoice)
            self.deliver()
            self.expect_attention(order)
            self.settle(invoice)
            self.expect_paid(order, settled_of(invoice))

        self.in_every_order(story)

    def test_the_price_was_raised(self) -> None:
        """An invoice that was made before the order became dearer is paid: that does not pay the order."""

        def story() -> None:
            order, invoice = self.begin()
            self.raise_price(order)
            self.pay(invoice)
            self.deliver()
            self.expect_to_the_end(order, self.OPEN, self.ATTENTION, refunded=NOTHING, fulfilled=0)
            self.assertIn(self.paid_of(order), (NOTHING, self.price), "booked what did not come")

        self.in_every_order(story)

    # Held.

    def test_held_then_completed(self) -> None:
        """A payment that the gateway's monitoring team holds is not paid before they let it through."""

        def story() -> None:
            order, invoice = self.held()
            self.cryptopay_sandbox.decide(invoice, "complete")
            self.deliver()
            self.expect_paid(order, self.price)

        self.in_every_order(story)

    def test_held_then_refunded(self) -> None:
        """A payment that the monitoring team sends back was never paid."""

        def story() -> None:
            order, invoice = self.held()
            self.cryptopay_sandbox.decide(invoice, "refund")
            self.deliver()
            self.arrive()
            self.expect_never_paid(order)

        self.in_every_order(story)

    def test_quarantined(self) -> None:
        """A payment of an invoice that contradicts the order, here by its currency, waits for staff."""

        def story() -> None:
            order, invoice = self.begin()
            self.cryptopay_sandbox.invoice(invoice).price_currency = "USD" if self.currency != "USD" else "EUR"
            self.pay(invoice)
            self.deliver()
            self.expect(order, self.ATTENTION, paid=NOTHING, refunded=NOTHING, fulfilled=0)

        self.in_every_order(story)

    # Cancelled, and paid again.

    def test_cancelled(self) -> None:
        """An order that nobody pays is cancelled, or stays open for another way to pay."""

        def story() -> None:
            order, _ = self.begin()
            self.cryptopay_sandbox.advance(days=15)
            self.deliver()
            self.expect_to_the_end(order, self.after_cancel, paid=NOTHING, refunded=NOTHING, fulfilled=0)

        self.in_every_order(story)

    def test_a_late_cancel_changes_no_paid_order(self) -> None:
        """The customer's first invoice expires, a second one is paid, and the first is cancelled days later."""

        def story() -> None:
            order, first = self.begin()
            self.expire(first)
            second = self.begin_again(order, first)
            self.pay(second)
            self.deliver()
            self.expect(order, self.PAID, paid=self.price, refunded=NOTHING, fulfilled=1)

            self.cryptopay_sandbox.advance(days=15)
            self.deliver()
            self.expect_paid(order, self.price)

        self.in_every_order(story)

    def test_settled_short_then_the_older_invoice_is_cancelled(self) -> None:
        """Less than the price is settled, and days later the customer's first invoice ends: staff still decide."""

        def story() -> None:
            order, first = self.begin()
            self.expire(first)
            second = self.begin_again(order, first)
            self.pay(second, "0.9")
            self.expire(second)
            self.deliver()
            self.settle_only(second)
            self.expect(order, self.ATTENTION, refunded=NOTHING, fulfilled=0)

            self.cryptopay_sandbox.advance(days=15)
            self.deliver()
            self.assertEqual(row_of(first).status, "cancelled")
            self.expect_to_the_end(order, self.ATTENTION, refunded=NOTHING, fulfilled=0)
            self.assertIn(self.paid_of(order), (NOTHING, settled_of(second)), "booked more than came")

        self.in_every_order(story)

    def test_paid_twice(self) -> None:
        """Two invoices of one order are paid: it is fulfilled once, and all the money is on record."""

        def story() -> None:
            order, first = self.begin()
            self.forget_validity(first)
            second = self.begin_again(order, first)
            self.pay(first)
            self.pay(second)
            self.deliver()
            self.expect_to_the_end(
                order, self.PAID, self.ATTENTION, paid=self.price * 2, refunded=NOTHING, fulfilled=1
            )

        self.in_every_order(story)

    def test_delivered_again(self) -> None:
        """Staff let the events of an order be delivered again, before and after a refund: nothing counts twice."""
        order, invoice = self.paid()
        self.deliver_again(order)
        self.expect(order, self.PAID, paid=self.price, refunded=NOTHING, fulfilled=1)

        self.send_back(invoice, self.part)
        self.arrive()
        self.deliver_again(order)
        self.expect_to_the_end(order, self.PARTLY_REFUNDED, paid=self.price, refunded=self.part, fulfilled=1)

    # Refunded after it was paid.

    def test_refunded_in_part_and_whole(self) -> None:
        """Staff send back a part from our screens, and later the rest."""

        def story() -> None:
            order, invoice = self.paid()
            self.send_back(invoice, self.part)
            self.arrive()
            self.expect(order, self.PARTLY_REFUNDED, paid=self.price, refunded=self.part, fulfilled=1)

            self.send_back(invoice, self.price - self.part)
            self.arrive()
            self.expect_to_the_end(order, self.REFUNDED, paid=self.price, refunded=self.price, fulfilled=1)

        self.in_every_order(story)

    def test_a_refund_that_fails(self) -> None:
        """The gateway cancels a refund: nothing was sent, and nothing is on record as refunded."""

        def story() -> None:
            order, invoice = self.paid()
            self.send_back(invoice, self.part)
            (withdrawal,) = self.withdrawals_of(invoice)
            self.cryptopay_sandbox.decide_withdrawal(withdrawal, "fail")
            self.cryptopay_sandbox.decide_withdrawal(withdrawal, "cancel")
            self.deliver()
            self.expect_paid(order, self.price)

        self.in_every_order(story)

    def test_refunded_by_the_host_in_part_and_whole(self) -> None:
        """Staff refund in the host's own screens: the gateway sends each amount once, and the host books it once."""

        def story() -> None:
            order, invoice = self.paid()
            self.refund_from_host(order, self.part)
            self.deliver()
            self.arrive()
            self.assertEqual(self.sent_back_by(invoice), self.part, "the gateway was to send this back")
            self.expect(order, self.PARTLY_REFUNDED, paid=self.price, refunded=self.part, fulfilled=1)

            self.refund_from_host(order, self.price - self.part)
            self.deliver()
            self.arrive()
            self.assertEqual(self.sent_back_by(invoice), self.price, "the gateway was to send this back")
            self.expect_to_the_end(order, self.REFUNDED, paid=self.price, refunded=self.price, fulfilled=1)

        self.in_every_order(story)

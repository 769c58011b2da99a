"""Declares what an adapter's author writes for `AdapterContract`, and compares the host with what is right.

The stories are in `adapters.py`; customer, gateway, network and staff in `adapter_stage.py`.
"""

from __future__ import annotations

import unittest
from decimal import Decimal
from typing import Any

from ..models import Invoice
from .adapter_stage import AdapterStage, row_of

NOTHING = Decimal(0)


class AdapterHost(AdapterStage):
    """Names what a host must say about its orders, begins the stories with one, and compares."""

    OPEN = "open"
    PAID = "paid"
    ATTENTION = "attention"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"
    PARTLY_REFUNDED = "partly refunded"

    # A price, and what is refunded first of it. The host's order must cost exactly this.
    price = Decimal("100.00")
    currency = "EUR"
    part = Decimal("40.00")

    after_cancel = CANCELLED
    """The state of an order whose only invoice was never paid: OPEN where the customer can pay it another way."""

    def place_order(self) -> Any:
        """Place an order over `price` that waits for its payment, with a new customer or guest; return it."""
        raise self._missing("place_order")

    def begin_payment(self, order: Any) -> Invoice:
        """Go the customer's way from the order to an invoice, through the host's own views; return the invoice.

        It is called again for the same order when the invoice has expired: then the host must make another.
        """
        raise self._missing("begin_payment")

    def state_of(self, order: Any) -> str:
        """Read the order from the database, and return its state as one of the constants of this class."""
        raise self._missing("state_of")

    def paid_of(self, order: Any) -> Decimal:
        """Return what the host has on record as paid, in `currency`, over all payments of the order."""
        raise self._missing("paid_of")

    def refunded_of(self, order: Any) -> Decimal:
        """Return what the host has on record as refunded, in `currency`."""
        raise self._missing("refunded_of")

    def fulfilments_of(self, order: Any) -> int | None:
        """Return how often the host has fulfilled the order (shipments, tickets, mails of "paid"), None if unknown."""
        return None

    def refund_from_host(self, order: Any, amount: Decimal) -> None:
        """Refund an amount in the host's own screens, to `customer_address`. A host without any need not define it."""
        raise unittest.SkipTest("this host has no refund of its own")

    def raise_price(self, order: Any) -> None:
        """Let staff change an order so that it costs more. A host whose prices never change need not define it."""
        raise unittest.SkipTest("the price of an order does not change in this host")

    def _missing(self, name: str) -> TypeError:
        return TypeError(f"{type(self).__name__} must define {name}(): see docs/adapters.md")

    # How the stories begin and end.

    def begin(self) -> tuple[Any, Invoice]:
        """Return an order that waits for its payment, and its invoice."""
        order = self.place_order()
        invoice = self.begin_payment(order)
        self.assertEqual((invoice.price_amount, invoice.price_currency), (self.price, self.currency))
        self.expect(order, self.OPEN, paid=NOTHING, refunded=NOTHING, fulfilled=0)
        return order, invoice

    def begin_again(self, order: Any, first: Invoice) -> Invoice:
        """Return another invoice of an order, after the first has expired."""
        second = self.begin_payment(order)
        self.assertNotEqual(second.pk, first.pk, "the first invoice has expired: the customer needs another")
        return second

    def paid(self) -> tuple[Any, Invoice]:
        """Return an order that is paid."""
        order, invoice = self.begin()
        self.pay(invoice)
        self.deliver()
        self.expect(order, self.PAID, paid=self.price, refunded=NOTHING, fulfilled=1)
        return order, row_of(invoice)

    def underpaid(self) -> tuple[Any, Invoice]:
        """Return an order of which 0.9 were paid in time."""
        order, invoice = self.begin()
        self.pay(invoice, "0.9")
        self.expire(invoice)
        self.deliver()
        self.expect_attention(order)
        return order, invoice

    def overpaid(self) -> tuple[Any, Invoice]:
        """Return an order of which 1.2 were paid in time."""
        order, invoice = self.begin()
        self.pay(invoice, "1.2")
        self.deliver()
        self.expect_attention(order)
        return order, invoice

    def held(self) -> tuple[Any, Invoice]:
        """Return an order whose payment comes from a risky wallet."""
        order, invoice = self.begin()
        self.pay(invoice, risk="high")
        self.deliver()
        self.expect_attention(order)
        return order, invoice

    def expect_attention(self, order: Any) -> None:
        """Compare with an order that waits for staff: nothing is credited, nothing fulfilled."""
        self.expect(order, self.ATTENTION, paid=NOTHING, refunded=NOTHING, fulfilled=0)

    def expect_paid(self, order: Any, amount: Decimal) -> None:
        """Compare with an order that was paid with this amount, once and for all."""
        self.expect_to_the_end(order, self.PAID, paid=amount, refunded=NOTHING, fulfilled=1)

    def expect_never_paid(self, order: Any) -> None:
        """Compare with an order whose coins went back before anything was credited."""
        states = {self.REFUNDED, self.CANCELLED, self.after_cancel}
        self.expect_to_the_end(order, *states, kept=NOTHING, fulfilled=0)

    # The comparison.

    def expect(
        self,
        order: Any,
        *states: str,
        paid: Decimal | None = None,
        refunded: Decimal | None = None,
        kept: Decimal | None = None,
        fulfilled: int,
    ) -> None:
        """Compare the host with what is right: one of these states, its amounts, and how often it has fulfilled."""
        self.assert_no_receiver_failed()
        found_state, found_paid, found_refunded = self.state_of(order), self.paid_of(order), self.refunded_of(order)
        times = self.fulfilments_of(order)
        found = f"with callbacks {self.callback_order}, the host has: {found_state}, {found_paid} paid, "
        found += f"{found_refunded} refunded, fulfilled {'(not counted)' if times is None else times} times"
        self.assertIn(found_state, states, found)
        if paid is not None:
            self.assertEqual(found_paid, paid, f"{found}; paid must be {paid}")
        if refunded is not None:
            self.assertEqual(found_refunded, refunded, f"{found}; refunded must be {refunded}")
        if kept is not None:
            self.assertEqual(found_paid - found_refunded, kept, f"{found}; paid less refunded must be {kept}")
        if times is not None:
            self.assertEqual(times, fulfilled, f"{found}; fulfilled must be {fulfilled}")

    def expect_to_the_end(self, order: Any, *states: str, **amounts: Any) -> None:
        """Compare, and compare once more after everything that the gateway ever said was said again."""
        self.expect(order, *states, **amounts)
        self.repeat_everything(order)
        self.expect(order, *states, **amounts)

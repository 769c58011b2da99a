"""Follows the events for the orders of a host, locks each order, and lets the adapter write what became of it.

class ShopOrders(OrderAdapter):
    name = "shop"
    model = Order

    def get_price(self, order):
        return order.total, "EUR"

    def write(self, order, money):
        ...


adapter = ShopOrders().follow()
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Self

from django.core.exceptions import ImproperlyConfigured
from django.db import models, router, transaction
from django.dispatch import Signal

from .. import signals
from ..exceptions import CryptopayError, SendBackError
from ..models import Invoice, InvoiceEvent
from .money import OrderMoney, invoices_of
from .refunds import ask_for_place, find_refund_place, send_share, share_out

logger = logging.getLogger("cryptopay_django")

_FOLLOWING: dict[str, type[OrderAdapter]] = {}
"""The adapters that follow events, by name."""


class OrderAdapter:
    """Connects the orders of a host. Subclass it, and make one instance in the module `cryptopay_handlers`."""

    name = ""
    """The host. Refunds are on record under this name, and receivers are connected under it."""

    model: type[models.Model]
    """What is paid: the host's orders, or its payments. It can be an abstract model."""

    signals: Sequence[Signal] = (
        signals.invoice_completed,
        signals.invoice_settled_short,
        signals.invoice_unresolved,
        signals.invoice_refunded,
        signals.invoice_cancelled,
        signals.invoice_quarantined,
        signals.refund_created,
        signals.refund_succeeded,
        signals.refund_failed,
    )
    """The events that can change what is on record for an order."""

    # What an adapter defines.

    def get_price(self, order: Any) -> tuple[Decimal, str]:
        """Return what an order costs now, and the currency, from the host's own records."""
        raise ImproperlyConfigured(f"{type(self).__name__} must define get_price()")

    def write(self, order: Any, money: OrderMoney) -> None:
        """Write what has become of an order, which is locked. May be called again with the same event."""
        raise ImproperlyConfigured(f"{type(self).__name__} must define write()")

    def get_refund_address(self, order: Any, invoice: Invoice) -> dict[str, Any] | None:
        """Return `address` and, where it needs one, `tag`, if the host knows where the customer wants the coins."""
        return None

    def ask_for_place(self, order: Any, invoice: Invoice) -> Exception:
        """Return the error to raise, with what to do, if it is not known where the coins of an invoice go."""
        return ask_for_place(invoice)

    # What an adapter uses.

    def follow(self) -> Self:
        """Connect the receiver of the events. Safe to repeat. Return the adapter.

        Raises ImproperlyConfigured without a name, and if an adapter of another class follows under the same one.
        """
        if not self.name:
            raise ImproperlyConfigured(
                f"{type(self).__name__} must define a name, under which its refunds are on record"
            )
        known = _FOLLOWING.setdefault(self.name, type(self))
        if (known.__module__, known.__qualname__) != (type(self).__module__, type(self).__qualname__):
            raise ImproperlyConfigured(
                f'{known.__qualname__} follows the events as "{self.name}", so {type(self).__qualname__} would get '
                "none of them: give it another name, or use one of the two"
            )
        for signal in self.signals:
            signal.connect(self.receive, weak=False, dispatch_uid=f"cryptopay_django.adapters.{self.name}")
        return self

    def receive(self, sender: object, *, invoice: Invoice, event: InvoiceEvent, **kwargs: Any) -> None:
        """Bring the order of an invoice up to date. Leaves alone the invoices of anything else."""
        order = invoice.order
        # An invoice links to the concrete model of a proxy; an abstract model has none.
        if isinstance(order, self.model._meta.concrete_model or self.model):
            self.book(order, event)

    def book(self, order: Any, event: InvoiceEvent | None = None) -> None:
        """Lock an order and write what has become of it. Does nothing if the host has deleted it."""
        with self.locked(order) as found:
            if found is not None:
                self.write(found, self.money_of(found, event))

    @contextmanager
    def locked(self, order: Any) -> Iterator[Any]:
        """Lock an order in a transaction, and yield it as it is now; None if it was deleted.

        Finds it also if the default manager hides it, such as an archived one: its money has come all the same.
        """
        model = self.model if self.model._meta.proxy else type(order)
        using = router.db_for_write(model)
        with transaction.atomic(using=using):
            yield model._base_manager.using(using).select_for_update().filter(pk=order.pk).first()

    def money_of(self, order: Any, event: InvoiceEvent | None = None) -> OrderMoney:
        """Return what is known of the money of an order."""
        price, currency = self.get_price(order)
        return OrderMoney(order, price=price, currency=currency, event=event)

    def send_back(
        self, order: Any, amount: Decimal | int | None = None, *, invoices: Iterable[Invoice], reason: str
    ) -> Decimal:
        """Send back an amount of some invoices of an order, or all that is left of them, and return it.

        1. Find out what is left; an amount of several invoices is taken from the first ones first.
        2. Find out where the coins go, before anything is sent.
        3. Send, and book each share at once. What of it arrives, or fails, is booked when the gateway says so.

        Raises RefundAmountError, and what `ask_for_place` returns, before anything is sent. Raises SendBackError for
        an invoice of another order, and if a share was not accepted as requested, or not booked: its `sent_amount`
        says how much is on its way. Must not be called in a transaction.
        """
        invoices = list(invoices)
        _check_order(order, invoices)
        shares = share_out(invoices, amount)
        places = {invoice: self._place_of(order, invoice) for invoice in shares}
        sent, unbooked = Decimal(0), None
        for invoice, share in shares.items():
            try:
                send_share(invoice, share, places[invoice], actor=self.name, reason=reason)
            except CryptopayError as error:
                self._try_to_book(order)
                is_sent = isinstance(error, SendBackError) and error.sent_amount > 0
                rest = "then came one that is not as requested" if is_sent else "the rest was not"
                done = f"{sent:f} {invoice.price_currency} were sent back, {rest}: " if sent else ""
                raise SendBackError(f"{done}{error}", sent_amount=sent + (share if is_sent else 0)) from error
            sent += share
            unbooked = self._try_to_book(order)
        if unbooked is not None:
            raise SendBackError(
                f"{sent:f} {invoice.price_currency} were sent back. They are not on record yet, and will be: do not "
                f"refund them again. A receiver of the shop has failed: {unbooked!r}",
                sent_amount=sent,
            ) from unbooked
        return sent

    def _place_of(self, order: Any, invoice: Invoice) -> dict[str, Any]:
        place = self.get_refund_address(order, invoice) or find_refund_place(invoice)
        if place is None:
            raise self.ask_for_place(order, invoice)
        return place

    def _try_to_book(self, order: Any) -> Exception | None:
        try:
            self.book(order)
        except Exception as error:  # whatever a receiver of the shop raises: the event books it later
            logger.exception("a refund of %s %s is not booked yet", order._meta.label, order.pk)
            return error
        return None


def _check_order(order: Any, invoices: Iterable[Invoice]) -> None:
    """Raise SendBackError unless all these invoices are of an order: coins of another one have another customer."""
    known = set(invoices_of(order))
    for invoice in invoices:
        if invoice not in known:
            raise SendBackError(
                f"invoice {invoice.custom_id} is not one of {order._meta.label} {order.pk}: nothing was sent"
            )

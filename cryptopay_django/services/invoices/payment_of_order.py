"""Connects a shop's orders with their payment. The page for a coin's choice and the API are thin over it.

A shop writes `get_order` and `get_price` once, for both:

class PayableOrder:
    def get_order(self):
        return get_object_or_404(Order, customer=self.request.user, reference=self.kwargs["reference"])

    def get_price(self, order):
        return order.amount, "EUR"
"""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import models

from ...exceptions import MissingUnknownError, NothingMissingError
from ...gateway.currencies import exact_amount
from ...models import Invoice
from ..accounts import resolve_account
from ..rate_limit_by_use import spend_creation
from .coin_offers import Offer
from .create import invoice_for_order, invoice_for_rest
from .current_invoice import payment_under_way
from .summary import PaymentSummary, missing_amount, payment_summary


class PaymentOfOrder:
    """The base of views by which an order is paid. Each hook has the same arguments everywhere."""

    account: str | None = None
    """Without one, CRYPTOPAY_ACCOUNT_RESOLVER chooses by the order."""

    only_missing: bool = False
    """Ask only for what is missing of the price: for an order of which a part was paid before."""

    def get_order(self) -> models.Model:
        """Return what is to be paid, a saved row that belongs to this customer, or raise Http404."""
        raise ImproperlyConfigured(f"{type(self).__name__} must define get_order()")

    def get_price(self, order: Any) -> tuple[Decimal | int | str, str]:
        """Return what the order costs, and the currency, from the shop's own records."""
        raise ImproperlyConfigured(f"{type(self).__name__} must define get_price()")

    def exact_price(self, order: Any) -> tuple[Decimal, str]:
        """Return the price as an exact Decimal, also where `get_price` returns an int or text; raise AmountError."""
        amount, currency = self.get_price(order)
        return exact_amount(amount), currency

    def get_invoice_options(self, order: Any) -> dict[str, Any]:
        """Return further arguments of `create_invoice`: name, description, redirect URLs, metadata, ..."""
        return {}

    def get_custom_id(self, order: Any, offer: Offer, number: int) -> str | None:
        """Return a custom_id for the order's invoice in this coin with this number, or None for our UUID.

        `number` counts the order's invoices in the coin, this one included. A custom_id has to be the same
        for the same arguments and must never be used again, also not after the shop's keys begin anew.
        """
        return None

    def get_payment_under_way(self, order: Any) -> Invoice | None:
        """Return the invoice for which money has come in already, the guard against paying twice.

        With `only_missing`, None as soon as it is known what is missing.
        """
        if self.only_missing:
            with suppress(NothingMissingError, MissingUnknownError):
                missing_amount(order, self.get_summary(order))
                return None
        return payment_under_way(order)

    def get_summary(self, order: Any) -> PaymentSummary:
        """Return what was paid of the price so far."""
        amount, currency = self.exact_price(order)
        return payment_summary(order, due_amount=amount, currency=currency)

    def get_amount(self, order: Any) -> tuple[Decimal, str]:
        """Return what the next invoice is for, and the currency: the price, or with `only_missing` the rest of it.

        Raises NothingMissingError and MissingUnknownError.
        """
        amount, currency = self.exact_price(order)
        return (missing_amount(order, self.get_summary(order)) if self.only_missing else amount), currency

    def find_account(self, order: Any) -> str:
        """Return the account whose coins are offered."""
        amount, currency = self.exact_price(order)
        return self.account or resolve_account(order, {"price_amount": amount, "price_currency": currency})

    def create(self, order: Any, offer: Offer) -> Invoice:
        """Return the invoice for an order in a coin: the one that still waits, or a new one."""
        amount, currency = self.exact_price(order)
        options = {"account": self.account, **self.get_invoice_options(order)}
        given = options.pop("custom_id", None)
        guard = {} if self.only_missing else {"get_payment_under_way": self.get_payment_under_way}
        make = invoice_for_rest if self.only_missing else invoice_for_order
        return make(
            order,
            **guard,
            before_call=lambda account: spend_creation(account, order),
            get_custom_id=lambda number: given or self.get_custom_id(order, offer, number),
            price_amount=amount,
            price_currency=currency,
            pay_currency=offer.currency,
            network=offer.network,
            **options,
        )

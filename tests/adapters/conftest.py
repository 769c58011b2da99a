"""Fixtures of the smallest host."""

from __future__ import annotations

import pytest

from cryptopay_django.models import Invoice
from cryptopay_django.services import create_invoice, process_overdue

from .host import Orders


@pytest.fixture
def orders(cryptopay_sandbox):
    for currency in ("EUR", "USD"):
        cryptopay_sandbox.deposit(currency, "1000")
    orders = Orders().follow()
    yield orders
    orders.stop()


@pytest.fixture
def invoiced(orders):
    """Make invoices for an order, each over an amount and in another coin, before any of them is paid."""

    def invoiced(order, *prices, currency="EUR"):
        return [
            create_invoice(order=order, price_amount=price, price_currency=currency, pay_currency=coin)
            for coin, price in zip(("BTC", "LTC", "BCH"), prices, strict=False)
        ]

    return invoiced


@pytest.fixture
def pay(cryptopay_sandbox):
    """Pay an invoice, and return it as it is then."""

    def pay(invoice, factor="1"):
        cryptopay_sandbox.pay(invoice, factor)
        cryptopay_sandbox.confirm(invoice)
        cryptopay_sandbox.deliver()
        process_overdue()
        return Invoice.objects.get(pk=invoice.pk)

    return pay


@pytest.fixture
def paid(invoiced, pay):
    """Make invoices for an order, pay each, and return them, the oldest first."""
    return lambda order, *prices, **how: [pay(invoice) for invoice in invoiced(order, *prices, **how)]

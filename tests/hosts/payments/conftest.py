"""What the tests of the provider share: payments of the shop, and how far they have come."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.cache import cache
from shop.models import Payment

from cryptopay_django.contrib.payments.provider import CryptopayProvider
from cryptopay_django.models import Invoice
from cryptopay_django.sandbox.addresses import make_address
from cryptopay_django.services import process_overdue

COIN = {"coin": "BTC/bitcoin"}


@pytest.fixture(autouse=True)
def _forget():
    """What another test's gateway did not list is not remembered."""
    cache.clear()


@pytest.fixture
def order(client, transactional_db, cryptopay_sandbox):
    """Order a mug, and return its payment."""

    def order(variant="coins", **changes):
        cryptopay_sandbox.deposit("EUR", "1000")
        client.post("/", {"variant": variant})
        payment = Payment.objects.latest("pk")
        Payment.objects.filter(pk=payment.pk).update(**changes)
        return again(payment)

    return order


@pytest.fixture
def invoice_of(client):
    """Choose a coin for a payment, and return its newest invoice."""

    def invoice_of(payment):
        client.post(f"/cryptopay/pay/{payment.token}/", COIN)
        return Invoice.objects.for_order(payment)[0]

    return invoice_of


@pytest.fixture
def pay(cryptopay_sandbox, invoice_of):
    """Pay the newest invoice of a payment, and return the payment as it is then."""

    def pay(payment, factor="1", risk="low"):
        invoice = invoice_of(payment)
        cryptopay_sandbox.pay(invoice, factor, risk=risk)
        cryptopay_sandbox.confirm(invoice)
        if Decimal(factor) < 1:
            cryptopay_sandbox.advance(minutes=11)
        cryptopay_sandbox.deliver()
        process_overdue()
        return again(payment)

    return pay


@pytest.fixture
def named(monkeypatch):
    """The shop knows where its customers want their coins."""

    class KnowingProvider(CryptopayProvider):
        def get_refund_address(self, payment, invoice):
            return {"address": make_address(invoice.network, seed="customer", index="refund")[0]}

    monkeypatch.setattr("payments.core.PROVIDER_CACHE", {"coins": KnowingProvider()})


def again(payment):
    """Return a payment as the database has it."""
    return Payment.objects.get(pk=payment.pk)

"""Django's own test classes have the sandbox by a mixin."""

from __future__ import annotations

import unittest

import pytest
from django.conf import settings
from django.test import TestCase, TransactionTestCase

from cryptopay_django.models import Invoice
from cryptopay_django.services import create_invoice
from cryptopay_django.testing.testcases import CryptopaySandboxMixin


class Buying(CryptopaySandboxMixin):
    def setUp(self) -> None:
        super().setUp()
        self.invoice = create_invoice(price_amount="100", price_currency="EUR", pay_currency="BTC")

    def test_an_invoice_is_paid(self) -> None:
        self.cryptopay_sandbox.pay(self.invoice)
        self.cryptopay_sandbox.confirm(self.invoice)
        self.cryptopay_sandbox.deliver()

        assert Invoice.objects.get().status == "completed"

    def test_each_test_begins_anew(self) -> None:
        assert Invoice.objects.get().status == "new"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", [TestCase, TransactionTestCase])
def test_a_test_class_of_django_buys_and_leaves_nothing_behind(kind, django_db_blocker):
    adapter = getattr(settings, "CRYPTOPAY_HTTP_ADAPTER", None)
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(type("Tests", (Buying, kind), {}))
    result = unittest.TestResult()

    suite.run(result)

    assert (result.testsRun, result.errors, result.failures) == (2, [], [])
    assert getattr(settings, "CRYPTOPAY_HTTP_ADAPTER", None) is adapter

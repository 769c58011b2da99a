"""Provides the sandbox for Django's own test classes, as `python manage.py test` runs them.

class OrderTests(CryptopaySandboxMixin, TestCase):
    def test_a_paid_order_is_shipped(self):
        invoice = create_invoice(...)
        self.cryptopay_sandbox.pay(invoice)
        self.cryptopay_sandbox.confirm(invoice)
        self.cryptopay_sandbox.deliver()
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .inprocess import InProcessSandbox

if TYPE_CHECKING:
    from django.test import SimpleTestCase as Base
else:
    Base = object


class CryptopaySandboxMixin(Base):
    """Stands in for the gateway of every configured account during each test: `self.cryptopay_sandbox`."""

    cryptopay_sandbox: InProcessSandbox

    def setUp(self) -> None:
        """Begin with a sandbox of its own."""
        self.cryptopay_sandbox = self.enterContext(InProcessSandbox())
        super().setUp()

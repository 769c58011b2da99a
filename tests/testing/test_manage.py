"""A project of its own runs the tests of docs/sandbox.md by `manage.py test`, in one process and in several."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documentation.pages import ROOT, blocks
from tests.project import Project

ACCOUNTS = """
CRYPTOPAY_ACCOUNTS = {
    "default": {
        "API_KEY": "key",
        "API_SECRET": "secret",
        "CALLBACK_SECRETS": ["callback-secret"],
        "BASE_URL": "https://gateway.invalid",
    }
}
"""
MORE_TESTS = """
from django.test import TestCase, TransactionTestCase

from cryptopay_django.models import Invoice, InvoiceEvent
from cryptopay_django.services import create_invoice
from cryptopay_django.testing.testcases import CryptopaySandboxMixin


class Paying(CryptopaySandboxMixin):
    def setUp(self):
        super().setUp()
        self.invoice = create_invoice(price_amount=100, price_currency="EUR", pay_currency="BTC")

    def test_nine_tenths_are_unresolved_when_the_time_is_up(self):
        self.cryptopay_sandbox.pay(self.invoice, factor="0.9")
        self.cryptopay_sandbox.confirm(self.invoice)
        self.cryptopay_sandbox.advance(minutes=11, deliver=True)
        self.assertEqual(Invoice.objects.get().status, "unresolved")

    def test_nothing_of_another_test_is_there(self):
        self.assertEqual(Invoice.objects.count(), 1)
        self.assertEqual(len(self.cryptopay_sandbox.invoices()), 1)
        self.assertEqual(list(InvoiceEvent.objects.values_list("kind", flat=True)), ["invoice_created"])


class InOneTransaction(Paying, TestCase):
    pass


class InManyTransactions(Paying, TransactionTestCase):
    pass
"""
WRONG = """
    def test_that_fails(self):
        self.assertEqual(Invoice.objects.get().status, "completed")
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with the test that docs/sandbox.md shows, and some more."""
    made = Project(tmp_path)
    made.add("mysite/settings.py", ACCOUNTS)
    (shown,) = (
        block.text for block in blocks(ROOT / "docs" / "sandbox.md", "python") if "CryptopaySandboxMixin" in block.text
    )
    made.write("shop/tests.py", shown)
    made.write("shop/test_more.py", MORE_TESTS)
    return made


@pytest.mark.timeout(300)
@pytest.mark.parametrize("options", [[], ["--parallel", "2"]], ids=["one process", "two processes"])
def test_the_tests_of_a_project_pass_by_manage_py(project, options):
    status, said = project.run("manage.py", "test", "--no-color", *options)

    assert status == 0, said
    assert "Ran 5 tests" in said
    assert said.count("Cloning test database") == (2 if options else 0)


@pytest.mark.timeout(300)
def test_a_test_that_fails_ends_the_command_with_its_status(project):
    project.add("shop/test_more.py", WRONG)

    status, said = project.run("manage.py", "test", "shop.test_more.InManyTransactions.test_that_fails")

    assert status == 1, said
    assert "FAILED (failures=1)" in said

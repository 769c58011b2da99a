"""The accounts of docs/stored-accounts.md, in a project of their own: sold with, encrypted at rest, with keys that change."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.project import Project

from .pages import ROOT, blocks

TESTS = """
import os
from unittest.mock import patch

from cryptography.fernet import Fernet, InvalidToken
from django.core.checks import run_checks
from django.db import connection
from django.test import TestCase, override_settings

from cryptopay_django.conf import account_names, get_account
from cryptopay_django.models import Invoice
from cryptopay_django.services import create_invoice
from cryptopay_django.testing.testcases import CryptopaySandboxMixin

from shop.first_account import store_default
from shop.models import PaymentAccount
from shop.payment_accounts import all_accounts, encrypt_again, store_account

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))
TYPED = ["the-api-key", "the-api-secret-of-the-shop", "the-callback-secret-of-it"]


@override_settings(PAYMENT_ACCOUNT_KEYS=[OLD])
class StoredAccounts(CryptopaySandboxMixin, TestCase):
    def setUp(self):
        super().setUp()
        with patch("getpass.getpass", side_effect=TYPED):
            store_default()

    def test_an_order_is_paid_on_a_stored_account(self):
        store_account("outlet", {**all_accounts()["default"], "API_KEY": "another-key"})
        invoice = create_invoice(price_amount=100, price_currency="EUR", pay_currency="BTC", account="outlet")
        self.cryptopay_sandbox.pay(invoice)
        self.cryptopay_sandbox.confirm(invoice)
        self.cryptopay_sandbox.deliver()
        self.assertEqual(Invoice.objects.get().status, "completed")
        self.assertEqual(sorted(account_names()), ["default", "outlet"])

    def test_the_table_shows_no_secret(self):
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM shop_paymentaccount")
            kept = repr(cursor.fetchall())
        self.assertIn("default", kept)
        self.assertEqual([secret for secret in TYPED if secret in kept], [])
        self.assertEqual(get_account("default").api_secret, TYPED[1])

    def test_keys_change(self):
        with override_settings(PAYMENT_ACCOUNT_KEYS=[NEW, OLD]):
            self.assertEqual(get_account("default").api_key, "the-api-key")
            encrypt_again()
        with override_settings(PAYMENT_ACCOUNT_KEYS=[NEW]):
            self.assertEqual(get_account("default").api_key, "the-api-key")
        self.assertRaises(InvalidToken, all_accounts)

    def test_a_wrong_key_is_a_warning_and_a_callback_waits(self):
        with override_settings(PAYMENT_ACCOUNT_KEYS=[NEW]):
            self.assertIn("cryptopay.W028", {message.id for message in run_checks()})
            self.client.raise_request_exception = False
            answer = self.client.post("/cryptopay/callbacks/", b"{}", content_type="application/json")
            self.assertEqual(answer.status_code, 503)

    def test_what_was_stored_for_another_account_is_refused(self):
        store_account("outlet", {**all_accounts()["default"], "API_KEY": "another-key"})
        outlet = PaymentAccount.objects.get(name="outlet")
        PaymentAccount.objects.filter(name="default").update(sealed=outlet.sealed)
        with self.assertRaisesMessage(InvalidToken, "stored for another account"):
            all_accounts()
"""


@pytest.mark.timeout(300)
def test_the_accounts_of_the_page_work_in_a_new_project(tmp_path: Path) -> None:
    project = Project(tmp_path)
    for block in blocks(ROOT / "docs" / "stored-accounts.md", "python"):
        project.take(block)
    project.write("shop/tests.py", TESTS)
    project.variables["PAYMENT_ACCOUNT_KEYS"] = "replaced-by-each-test"

    made, said = project.run("manage.py", "makemigrations", "shop")
    status, tests = project.run("manage.py", "test")

    assert made == 0, said
    assert status == 0, tests
    assert "Ran 5 tests" in tests

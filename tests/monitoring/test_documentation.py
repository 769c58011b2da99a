"""The page on operations: it names every metric and every result, and what it claims of a restored backup is so."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.urls import include, path
from django.utils import timezone

from cryptopay_django.exceptions import CustomIdError
from cryptopay_django.models import Callback, Invoice, InvoiceEvent, Payment
from cryptopay_django.services import (
    create_invoice,
    diagnose,
    find_missing_invoices,
    reconcile_invoices,
    restore_invoice,
)
from cryptopay_django.services.diagnosis.callback_selftest import _REMEDIES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
ORDER = {"price_amount": "100", "price_currency": "EUR", "pay_currency": "BTC"}


def test_every_metric_is_named(ask):
    names = set(re.findall(r"^# TYPE (\S+)", ask("metrics").content.decode(), re.MULTILINE))

    assert {name for name in names - {"cryptopay_info"} if not re.search(rf"`{name}[`{{]", PAGE)} == set()


def test_every_sign_is_named(cryptopay_sandbox):
    kinds = {f".{kind}" for kind in _REMEDIES}
    ids = {result.id for result in diagnose()} | kinds

    assert {name for name in ids if f"`{name}`" not in PAGE} == set()


def test_the_urls_of_the_page_work(client, settings):
    (example,) = re.findall(r"```python\n# urls.py\n(.*?)```", PAGE, re.DOTALL)
    names = {"path": path, "include": include}

    exec(example, names)
    settings.ROOT_URLCONF = tuple(names["urlpatterns"])

    assert client.get("/cryptopay/health/").json() == {"status": "ok"}


@pytest.mark.django_db
def test_an_invoice_from_after_the_backup_is_restored_by_a_person_and_not_made_twice(cryptopay_sandbox):
    before = create_invoice(custom_id="order-1", **ORDER)
    after = create_invoice(custom_id="order-2", **ORDER)
    for invoice in (before, after):
        cryptopay_sandbox.pay(invoice)
        cryptopay_sandbox.confirm(invoice)
    for model in (InvoiceEvent, Payment, Callback):
        model.objects.filter(invoice__custom_id="order-2").delete()
    Invoice.objects.filter(custom_id="order-2").delete()
    cryptopay_sandbox.deliver()
    assert set(Callback.objects.filter(gateway_id=after.gateway_id).values_list("outcome", flat=True)) == {"orphan"}

    with pytest.raises(CustomIdError):
        create_invoice(custom_id="order-2", **ORDER)
    Invoice.objects.filter(custom_id="order-2").delete()
    (missing,) = find_missing_invoices(since=timezone.now() - timedelta(days=1))
    found = restore_invoice(missing, price_amount=ORDER["price_amount"], price_currency=ORDER["price_currency"])
    reconcile_invoices()

    assert (found.pk, found.gateway_id) == (after.pk, after.gateway_id)
    assert len(cryptopay_sandbox.invoices()) == 2
    assert set(Invoice.objects.values_list("status", flat=True)) == {"completed"}

"""The gravest risk of an invoice's payments: which it is, and what becomes of rows that were there before."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection

from cryptopay_django.models import Invoice
from cryptopay_django.models.risk import gravest_risk
from cryptopay_django.testing.factories import InvoiceFactory, PaymentFactory


@pytest.mark.parametrize(
    ("levels", "gravest"),
    [
        ([], ""),
        ([""], ""),
        (["low"], "low"),
        (["medium", "low", ""], "medium"),
        (["low", "high", "medium"], "high"),
        (["heard of nowhere"], ""),
        (["heard of nowhere", "high"], "high"),
    ],
)
def test_the_gravest_of_the_known_levels_counts(levels, gravest):
    assert gravest_risk(level for level in levels) == gravest


@pytest.mark.django_db
def test_the_migration_notes_the_risk_of_invoices_that_were_there(monkeypatch):
    levels = {"none": [], "low": ["low"], "mixed": ["high", "low", "medium"], "medium": ["medium", "", "medium"]}
    for name, those in levels.items():
        invoice = InvoiceFactory(custom_id=name)
        for level in those:
            PaymentFactory(invoice=invoice, risk_level=level)
    Invoice.objects.update(risk_level="")
    migration = import_module("cryptopay_django.migrations.0008_note_risk")
    monkeypatch.setattr(migration, "ROWS", 2)

    migration.note_risk(apps, SimpleNamespace(connection=connection))

    noted = dict(Invoice.objects.values_list("custom_id", "risk_level"))
    assert noted == {"none": "", "low": "low", "mixed": "high", "medium": "medium"}

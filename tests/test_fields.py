"""Exact amounts, case-sensitive codes and protected statuses, on the database the suite runs on."""

from __future__ import annotations

import copy
import pickle
from decimal import Decimal

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import Value

from cryptopay_django.fields import EXACT, canonical
from cryptopay_django.models import Invoice
from cryptopay_django.testing.factories import InvoiceFactory, PaymentFactory

pytestmark = pytest.mark.django_db

SMALLEST = Decimal("0.000000000000000001")
LARGEST = Decimal("99999999999999999999.999999999999999999")


@pytest.mark.parametrize(
    "amount",
    [
        Decimal(0),
        SMALLEST,
        Decimal("0.1"),
        Decimal("79936052.0"),
        Decimal("1e3"),
        LARGEST,
        EXACT.subtract(LARGEST, SMALLEST),
    ],
)
def test_an_amount_comes_back_as_it_went_in(amount):
    invoice = InvoiceFactory(price_amount=amount)

    assert Invoice.objects.get(pk=invoice.pk).price_amount == amount


def test_an_amount_comes_back_without_trailing_zeros_or_exponent():
    pk = InvoiceFactory(price_amount=Decimal("100.00"), pay_amount=Decimal("1e-18")).pk

    invoice = Invoice.objects.get(pk=pk)

    assert (str(invoice.price_amount), f"{invoice.pay_amount:f}") == ("100", "0.000000000000000001")


def test_amounts_compare_and_sort_as_numbers():
    amounts = [Decimal(9), Decimal(10), Decimal("0.5"), Decimal("100.000000000000000001"), Decimal(100)]
    for amount in amounts:
        InvoiceFactory(price_amount=amount)

    found = Invoice.objects.order_by("price_amount").values_list("price_amount", flat=True)

    assert list(found) == sorted(amounts)
    assert Invoice.objects.filter(price_amount__gt=100).count() == 1
    assert Invoice.objects.get(price_amount="0.50").price_amount == Decimal("0.5")


@pytest.mark.parametrize(
    "amount", [SMALLEST / 10, Decimal(-1), Decimal("1e20"), Decimal("NaN"), Decimal("Infinity")], ids=str
)
def test_an_amount_that_does_not_fit_is_refused_and_never_rounded(amount):
    with pytest.raises((ValueError, ValidationError)):
        InvoiceFactory(price_amount=amount)


def test_a_float_is_no_amount():
    with pytest.raises(ValidationError, match="float"):
        InvoiceFactory(price_amount=0.1)


def test_an_empty_amount_stays_empty():
    assert Invoice.objects.get(pk=InvoiceFactory(settled_amount=None).pk).settled_amount is None


@pytest.mark.parametrize(("given", "expected"), [("0E-18", "0"), ("1E+2", "100"), ("0.10", "0.1"), ("100.0", "100")])
def test_the_canonical_form_is_plain(given, expected):
    assert str(canonical(Decimal(given))) == expected


def test_codes_that_differ_in_case_are_two():
    invoice = InvoiceFactory(custom_id="Order-1")
    InvoiceFactory(custom_id="order-1")
    PaymentFactory(invoice=invoice, txid="aB")
    PaymentFactory(invoice=invoice, txid="Ab")

    assert Invoice.objects.get(custom_id="Order-1") == invoice


def test_a_custom_id_is_unique_in_its_account_only():
    InvoiceFactory(custom_id="order-1", account="default")
    InvoiceFactory(custom_id="order-1", account="second")

    with pytest.raises(IntegrityError), transaction.atomic():
        InvoiceFactory(custom_id="order-1", account="second")


def test_a_status_cannot_be_assigned():
    invoice = InvoiceFactory()

    with pytest.raises(AttributeError, match="transitions only"):
        invoice.status = "completed"

    assert invoice.status == "new"


def test_the_same_status_can_be_assigned_so_validation_works():
    invoice = InvoiceFactory()

    invoice.status = "new"
    invoice.full_clean()
    Invoice.objects.update_or_create(pk=invoice.pk, defaults={"status": "new", "name": "again"})

    assert Invoice.objects.get(pk=invoice.pk).name == "again"


def test_a_row_reloads_a_status_that_has_moved():
    invoice = InvoiceFactory()
    Invoice.objects.filter(pk=invoice.pk).update(status="completed")

    invoice.refresh_from_db()

    assert invoice.status == "completed"
    with pytest.raises(AttributeError):
        invoice.status = "new"


def test_a_failed_reload_leaves_the_status_protected():
    invoice = InvoiceFactory()
    Invoice.objects.filter(pk=invoice.pk).delete()

    with pytest.raises(Invoice.DoesNotExist):
        invoice.refresh_from_db()

    with pytest.raises(AttributeError):
        invoice.status = "completed"


def test_a_reload_of_one_row_unprotects_no_other(monkeypatch):
    reloading, other = InvoiceFactory(), InvoiceFactory()

    with reloading._reload(), pytest.raises(AttributeError):
        other.status = "completed"


def test_a_deferred_status_is_loaded_when_read():
    invoice = Invoice.objects.defer("status").get(pk=InvoiceFactory().pk)

    assert invoice.status == "new"


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda row: pickle.loads(pickle.dumps(row))])
def test_a_copy_of_a_row_is_protected_too(duplicate):
    invoice = duplicate(InvoiceFactory())

    with pytest.raises(AttributeError):
        invoice.status = "completed"


def test_an_amount_can_be_written_by_an_expression():
    InvoiceFactory()

    Invoice.objects.update(price_amount=Value(Decimal("7.50"), output_field=Invoice._meta.get_field("price_amount")))

    assert Invoice.objects.get().price_amount == Decimal("7.5")


def test_no_table_has_two_indexes_of_the_same_columns_on_any_database():
    """Where there are no partial indexes, a sparse one has all rows; MariaDB will refuse a second one of the same."""
    for model in apps.get_app_config("cryptopay_django").get_models():
        with connection.cursor() as cursor:
            found = connection.introspection.get_constraints(cursor, model._meta.db_table)
        indexes = [tuple(one["columns"]) for one in found.values() if one["index"] and one["columns"]]
        assert len(indexes) == len(set(indexes)), f"{model.__name__}: {sorted(indexes)}"

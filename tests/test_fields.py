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

from cryptopay_django.fields import EXACT, SparseIndex, canonical
from cryptopay_django.models import Channel, Invoice
from cryptopay_django.testing.factories import InvoiceFactory, PaymentFactory

pytestmark = pytest.mark.django_db

MODELS = list(apps.get_app_config("cryptopay_django").get_models())
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


def whole_indexes(model):
    """Return the columns of each index of all rows, by name: those of constraints too, without an implied key."""
    partial = set()
    if connection.features.supports_partial_indexes:
        partial = {index.name for index in model._meta.indexes if isinstance(index, SparseIndex)}
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, model._meta.db_table)
    return {
        name: tuple(one["columns"])
        for name, one in found.items()
        if (one["index"] or one["unique"]) and one["columns"] and name not in partial
    }


@pytest.mark.parametrize("model", MODELS)
def test_no_table_has_an_index_that_another_covers(model):
    """Where there are no partial indexes, a sparse one has all rows. Every index has the key at its end, unseen."""
    key = model._meta.pk.column
    columns = {name: own[:-1] if own[1:] and own[-1] == key else own for name, own in whole_indexes(model).items()}

    covered = [
        f"{name} {own} by {other} {wider}"
        for name, own in columns.items()
        for other, wider in columns.items()
        if name != other
        and wider[: len(own)] == own
        # What text begins with is found by an index of its own, which PostgreSQL makes for a text key.
        and not name.endswith("_like")
        and not other.endswith("_like")
    ]

    assert covered == []


@pytest.mark.parametrize("model", MODELS)
def test_only_a_key_of_text_has_a_second_index_for_what_it_begins_with(model):
    key = model._meta.pk.column

    seconds = {own for name, own in whole_indexes(model).items() if name.endswith("_like")}

    assert seconds <= {(key,)}


@pytest.mark.parametrize("name", ["cryptopay_invoice_held", "cryptopay_channel_held"])
def test_an_index_of_what_is_held_is_there_where_it_can_be_partial(name):
    model = Invoice if "invoice" in name else Channel
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, model._meta.db_table)

    assert (name in found) is connection.features.supports_partial_indexes


@pytest.mark.django_db(transaction=True)
def test_an_index_that_a_database_does_not_have_is_removed_and_made_again():
    (index,) = [index for index in Invoice._meta.indexes if index.name == "cryptopay_invoice_held"]

    with connection.schema_editor() as editor:
        editor.remove_index(Invoice, index)
        editor.add_index(Invoice, index)

    assert index.deconstruct()[2]["partial_only"] is True

"""What a shop's `save()` of an invoice or a payment writes: its own columns, and nothing that services own."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core import serializers
from django.core.management import call_command
from django.db import DatabaseError, transaction
from django.db.models import F
from django.utils import timezone

from cryptopay_django.exceptions import CryptopayError, ProtectedColumnError
from cryptopay_django.models import Invoice, Payment
from cryptopay_django.models.protected_columns import is_protected
from cryptopay_django.testing.factories import InvoiceFactory, PaymentFactory

pytestmark = pytest.mark.django_db

MERGED = {
    "status": "completed",
    "settled_amount": Decimal(100),
    "paid_amount": Decimal("0.002"),
    "version": 3,
    "quarantine_reason": "held",
    "address": "elsewhere",
    "finished_at": timezone.now(),
}


def merge(invoice):
    Invoice.objects.filter(pk=invoice.pk).update(**MERGED)


def assert_merged(invoice):
    row = Invoice.objects.get(pk=invoice.pk)
    assert {name: getattr(row, name) for name in MERGED} == MERGED
    return row


def test_an_older_object_saves_the_shops_columns_and_undoes_nothing():
    older = InvoiceFactory()
    merge(older)

    older.metadata["seen"], older.name = "1", "Order 5"
    older.save()

    row = assert_merged(older)
    assert (row.metadata, row.name) == ({"seen": "1"}, "Order 5")


def test_an_object_that_was_only_polled_meanwhile_is_older_too():
    older = InvoiceFactory()
    Invoice.objects.update(polled_at=timezone.now())

    older.save()

    assert Invoice.objects.get().polled_at is not None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("paid_amount", Decimal(1)),
        ("paid_amount", F("pay_amount")),
        ("quarantine_reason", "mine"),
        ("address", "mine"),
        ("price_amount", "7"),
        ("expires_at", "tomorrow"),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_a_change_of_another_column_is_refused_and_nothing_is_written(name, value, named):
    invoice = InvoiceFactory()

    setattr(invoice, name, value)
    invoice.name = "Order 5"
    with pytest.raises(ProtectedColumnError, match=name) as caught:
        invoice.save(update_fields=[name, "name"] if named else None)

    assert (caught.value.columns, Invoice.objects.get().name) == ((name,), "")
    assert isinstance(caught.value, CryptopayError)


def test_an_older_object_cannot_name_another_column():
    older = InvoiceFactory()
    merge(older)

    with pytest.raises(ProtectedColumnError, match="services own quarantine_reason"):
        older.save(update_fields=["quarantine_reason", "name"])

    assert_merged(older)


def test_values_in_another_form_are_the_same_values():
    invoice = InvoiceFactory(price_amount=100, pay_amount="0.0020", expires_at=None)
    invoice.gateway_id = str(invoice.gateway_id)

    invoice.save()
    invoice.save(update_fields=["name", "gateway_id", "price_amount"])


def test_what_was_not_loaded_is_not_written():
    invoice = InvoiceFactory(name="Order 5")

    partly = Invoice.objects.only("description").get()
    partly.description = "Two books"
    partly.save()

    row = Invoice.objects.get(pk=invoice.pk)
    assert (row.name, row.description, row.address) == ("Order 5", "Two books", invoice.address)


def test_update_or_create_works_for_the_shops_columns():
    invoice = InvoiceFactory()

    row, is_new = Invoice.objects.update_or_create(pk=invoice.pk, defaults={"name": "Order 5"})

    assert (row.name, is_new) == ("Order 5", False)
    with pytest.raises(ProtectedColumnError):
        Invoice.objects.update_or_create(pk=invoice.pk, defaults={"paid_amount": Decimal(1)})


def test_a_row_that_is_gone_is_not_written_again():
    invoice = InvoiceFactory()
    Invoice.objects.all().delete()

    with pytest.raises(DatabaseError), transaction.atomic():
        invoice.save()

    assert not Invoice.objects.exists()


def test_many_objects_are_written_like_one():
    older = InvoiceFactory()
    merge(older)

    older.name = "Order 5"
    Invoice.objects.bulk_update([older], ["name"])
    for write in (
        lambda: Invoice.objects.bulk_update([older], ["name", "status"]),
        lambda: Invoice.objects.filter(pk=older.pk).bulk_update([older], ["paid_amount"]),
        lambda: Invoice.objects.bulk_create(
            [older], update_conflicts=True, update_fields=["version"], unique_fields=["id"]
        ),
        lambda: Payment.objects.bulk_update([], ["amount"]),
    ):
        with pytest.raises(ProtectedColumnError):
            write()

    assert assert_merged(older).name == "Order 5"


def test_an_older_payment_undoes_nothing():
    older = PaymentFactory()
    Payment.objects.update(status="confirmed", amount=Decimal(1), confirmed_at=timezone.now())

    with pytest.raises(ProtectedColumnError, match="services own status, amount, confirmed_at"):
        older.save()

    row = Payment.objects.get()
    assert (row.status, row.amount) == ("confirmed", 1)
    row.save()


def test_new_rows_copies_and_fixtures_are_written_whole(tmp_path):
    invoice = InvoiceFactory(status="completed", paid_amount=Decimal("0.002"))
    payment = PaymentFactory(invoice=invoice, amount=Decimal("0.002"))
    kept = tmp_path / "kept.json"
    kept.write_text(serializers.serialize("json", [invoice, payment]))
    Invoice.objects.update(status="new", paid_amount=0)
    Payment.objects.update(amount=None)

    call_command("loaddata", kept, verbosity=0, stdout=io.StringIO())

    row = Invoice.objects.get()
    assert (row.status, row.paid_amount, row.payments.get().amount) == (
        "completed",
        Decimal("0.002"),
        Decimal("0.002"),
    )
    assert json.loads(kept.read_text())


def test_new_columns_belong_to_services_unless_they_are_named():
    mine = {field.name for field in Invoice._meta.concrete_fields if not is_protected(field)}

    assert mine == {*Invoice.shop_columns, "id"}
    assert {field.name for field in Payment._meta.concrete_fields if not is_protected(field)} == {"id"}


def test_the_time_of_the_shops_change_is_kept():
    before = timezone.now() - timedelta(days=1)
    invoice = InvoiceFactory()
    Invoice.objects.update(updated_at=before)

    invoice.refresh_from_db()
    invoice.save()

    assert Invoice.objects.get().updated_at > before

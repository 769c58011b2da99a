"""Statements that are kept: they read and write what the ORM would, the first time and every time after."""

from __future__ import annotations

from decimal import Decimal
from itertools import product

import pytest
from django.db import connection, transaction
from django.db.models import Case, Value, When
from django.db.transaction import TransactionManagementError
from django.forms.models import model_to_dict
from django.utils import timezone

from cryptopay_django.models import Callback, Invoice, InvoiceEvent, Payment, sql_cache
from cryptopay_django.testing.factories import CallbackFactory, InvoiceEventFactory, InvoiceFactory, PaymentFactory

pytestmark = pytest.mark.django_db

TWICE = pytest.mark.parametrize("round_", [1, 2])


def columns(row):
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_a_locked_row_is_as_the_orm_reads_it():
    invoices = [InvoiceFactory(metadata={"cart": "7"}), InvoiceFactory(fee_amount=None, expires_at=None)]

    for invoice in invoices * 2:
        locked = Invoice.objects.lock(account="default", gateway_id=invoice.gateway_id)
        assert columns(locked) == columns(Invoice.objects.get(pk=invoice.pk))
        assert (locked._state.adding, locked._state.db) == (False, "default")


def test_what_a_locked_row_points_at_comes_with_it(django_assert_num_queries):
    payment = PaymentFactory(source_addresses=["a", "b"])
    events = [InvoiceEventFactory(invoice=payment.invoice, payment=payment), InvoiceEventFactory()]

    for event in events * 2:
        locked = InvoiceEvent.objects.lock(pk=event.pk, related=("invoice", "payment"))
        with django_assert_num_queries(0):
            assert (locked.invoice.pk, locked.payment) == (event.invoice_id, event.payment)
        assert columns(locked.invoice) == columns(Invoice.objects.get(pk=event.invoice_id))


def test_what_is_not_there_is_none():
    missing = InvoiceFactory.build()

    assert Invoice.objects.lock(pk=missing.pk) is None
    assert Invoice.objects.lock(account="other", gateway_id=InvoiceFactory().gateway_id) is None
    assert Payment.objects.find(invoice_id=missing.pk) == []


@TWICE
def test_a_new_row_is_whole_and_knows_its_key(round_):
    now = timezone.now()
    invoice = InvoiceFactory()
    event = InvoiceEvent(
        subject=invoice.pk, invoice=invoice, kind="risk_high", detail={"a": ["b", None]}, created_at=now
    )
    callback = Callback(account="default", body=b"\x00\xff", digest="d", secret_index=1, received_at=now)

    for row in (event, callback):
        type(row).objects.insert(row)
        kept = type(row).objects.get(pk=row.pk)
        assert {name: value for name, value in columns(kept).items() if name != "body"} == {
            name: value for name, value in columns(row).items() if name != "body"
        }
    assert bytes(Callback.objects.get(pk=callback.pk).body) == b"\x00\xff"


@TWICE
def test_a_row_is_inserted_only_where_another_has_these_values(round_):
    invoice = InvoiceFactory()
    state = {"pk": invoice.pk, "version": invoice.version, "updated_at": invoice.updated_at}
    now = timezone.now()

    def callback():
        return Callback(account="default", body=b"\x00'%s", digest="d", secret_index=0, received_at=now, error="it's")

    stored, left_out = callback(), callback()
    assert Callback.objects.insert_if(stored, Invoice, **state)
    assert not Callback.objects.insert_if(left_out, Invoice, **state | {"version": 7})

    kept = Callback.objects.get()
    assert (kept.pk, bytes(kept.body), kept.error, kept.received_at) == (stored.pk, stored.body, "it's", now)
    assert (left_out.pk, left_out._state.adding) == (None, True)


def test_every_mix_of_values_and_null_lands_in_its_own_column():
    now = timezone.now().replace(microsecond=5)
    invoice = InvoiceFactory()
    callback = CallbackFactory()

    mixes = product([None, now], [None, invoice.gateway_id], [None, invoice.pk], ["", "why"])
    for at, gateway_id, invoice_id, error in [*mixes] * 2:
        values = {
            "next_attempt_at": at,
            "gateway_id": gateway_id,
            "error": error,
            "invoice_id": invoice_id,
            "outcome": "stale",
            "processed_at": at,
        }
        before = columns(Callback.objects.get(pk=callback.pk))

        assert Callback.objects.change(callback, **values)

        after = columns(Callback.objects.get(pk=callback.pk))
        assert after == before | values
        assert {name: getattr(callback, name) for name in values} == values


def test_a_row_that_is_left_out_stays_as_it_is_and_so_does_the_object():
    callback = CallbackFactory(outcome="applied")
    before = model_to_dict(callback)

    assert not Callback.objects.change(callback, _pending, outcome="stale", error="late")

    assert (model_to_dict(callback), Callback.objects.get().outcome) == (before, "applied")


def _pending(callbacks):
    return callbacks.filter(outcome__in=("pending", "orphan"))


@TWICE
def test_a_query_with_values_behind_those_that_are_asked_for_is_the_orms_own(round_):
    late, early = InvoiceFactory(status="completed"), InvoiceFactory()

    assert Invoice.objects.find(_later_ones_first, account="default") == [early, late]


def test_what_no_database_takes_is_refused_and_changes_nothing_for_what_comes_after(caplog):
    invoice = InvoiceFactory()

    for _ in range(2):
        with pytest.raises(ValueError, match="is not an amount"):
            Invoice.objects.change(invoice, fee_amount=Decimal(-1))
    assert Invoice.objects.change(invoice, fee_amount=Decimal(1))

    assert Invoice.objects.get().fee_amount == 1
    assert "cannot be reused" not in caplog.text


def _later_ones_first(invoices):
    return invoices.order_by(Case(When(status="new", then=Value(1)), default=Value(2)))


@pytest.mark.django_db(transaction=True)
def test_a_row_is_locked_within_a_transaction_only():
    invoice = InvoiceFactory()
    with transaction.atomic():
        assert Invoice.objects.lock(pk=invoice.pk)

    if transaction.get_connection().features.has_select_for_update:
        with pytest.raises(TransactionManagementError):
            Invoice.objects.lock(pk=invoice.pk)


def _with_per_cent(events):
    return events.filter(actor="100%")


def test_a_constant_with_a_percent_sign_is_the_orms_own():
    meant, _ = InvoiceEventFactory(actor="100%"), InvoiceEventFactory(actor="100")

    for _ in range(2):
        assert InvoiceEvent.objects.find(_with_per_cent, subject=meant.subject) == [meant]


def test_a_backend_that_quotes_no_values_is_left_to_the_orm(monkeypatch, caplog):
    """As that of MySQL Connector/Python: it took a kept status for the name of a column, and no callback was processed."""
    monkeypatch.setattr(type(connection.schema_editor()), "quote_value", lambda editor, value: value)
    monkeypatch.setattr(sql_cache, "_reported", set())
    monkeypatch.setitem(connection.__dict__, sql_cache._KEPT, {})
    waiting, done = CallbackFactory(outcome="pending"), CallbackFactory(outcome="applied")

    for _ in range(2):
        assert [Callback.objects.find(_pending, pk=one.pk) for one in (waiting, done)] == [[waiting], []]
        assert [Callback.objects.change(one, _pending, error="why") for one in (waiting, done)] == [True, False]
    assert "cannot be reused, so the ORM compiles them each time" in caplog.text


def test_a_field_grows_by_one_with_other_values_and_only_where_the_condition_holds():
    rows = [CallbackFactory(repeats=count) for count in (0, 7)]

    for row in rows:
        assert Callback.objects.add_one(row, "repeats", _pending, event="again", gateway_id=None)
    Callback.objects.filter(pk=rows[0].pk).update(outcome="applied")

    assert not Callback.objects.add_one(rows[0], "repeats", _pending, event="never", gateway_id=None)
    assert sorted(Callback.objects.values_list("repeats", "event")) == [(1, "again"), (8, "again")]
    assert rows[0].repeats == 0, "the object stays as it is"


def _pending(callbacks):
    return callbacks.filter(outcome="pending")

"""A statement that is kept has parameters for what is asked for, and for nothing else."""

from __future__ import annotations

import pytest
from django.db import connections
from django.db.models import QuerySet

from cryptopay_django.models import EventKind, InvoiceEvent
from cryptopay_django.testing.factories import (
    CallbackFactory,
    ChannelFactory,
    InvoiceEventFactory,
    InvoiceFactory,
)

pytestmark = pytest.mark.django_db


def _of_a_kind(events: QuerySet[InvoiceEvent]) -> QuerySet[InvoiceEvent]:
    return events.filter(kind__in=[EventKind.INVOICE_COMPLETED, EventKind.INVOICE_REFUNDED], actor="", attempts=0)


def test_the_constants_of_a_condition_are_no_parameters():
    meant, other = InvoiceEventFactory(kind="invoice_completed"), InvoiceEventFactory(kind="invoice_created")

    found = [InvoiceEvent.objects.find(_of_a_kind, subject=one.subject) for one in (meant, other, meant)]

    assert found == [[meant], [], [meant]]
    kept = connections["default"].__dict__["_cryptopay_statements"]
    assert kept["select", InvoiceEvent, ("find", _of_a_kind), ("subject",)].sql.count("%s") == 1


@pytest.mark.parametrize("factory", [InvoiceFactory, ChannelFactory, CallbackFactory])
def test_a_row_whose_fields_set_the_present_time_is_inserted_by_a_statement_that_is_kept(factory):
    rows = [factory.build() for _ in range(2)]
    model = type(rows[0])

    for row in rows:
        model.objects.insert(row)

    assert connections["default"].__dict__["_cryptopay_statements"]["insert", model] is not None
    assert set(model.objects.all()) == set(rows)
    for row in rows:
        stored = model.objects.get(pk=row.pk)
        named = {field.attname for field in model._meta.concrete_fields}
        assert {name: getattr(row, name) for name in named} == {name: getattr(stored, name) for name in named}

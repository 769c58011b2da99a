"""The filters of the list: the newest first whatever is asked, and never more than a page's queries."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cryptopay_django.models import Invoice, Resolution
from cryptopay_django.testing.factories import InvoiceEventFactory, InvoiceFactory, PaymentFactory

FEW = ["", "risk=high", "risk=low", "context=paid_late", "status=unresolved", "account=second", "quarantined=yes"]


@pytest.fixture
def client(login):
    return login("superuser")


@pytest.fixture
def invoices():
    """Three of everything that is filtered by, made in an order that neither keys nor names follow."""
    made = []
    for hours in (2, 3, 1):
        late = {"status": "unresolved", "status_context": "paid_late"}
        risky = InvoiceFactory(account="second", **late)
        PaymentFactory(invoice=risky, risk_level="high")
        short = InvoiceFactory(status="completed", settled_amount=90, finished_at=timezone.now())
        PaymentFactory(invoice=short, risk_level="low")
        InvoiceEventFactory(invoice=short, kind="invoice_settled_short", once="invoice_settled_short")
        held = InvoiceFactory(quarantine_reason="odd", pay_currency="ETH")
        for minutes, invoice in enumerate((risky, short, held)):
            moment = timezone.now() - timedelta(hours=hours, minutes=minutes)
            Invoice.objects.filter(pk=invoice.pk).update(created_at=moment)
        made += [risky, short, held]
    return made


@pytest.mark.parametrize(
    "query", [*FEW, "waits=me", "waits=me&account=second", "risk=high&account=second", "coin=ETH"]
)
def test_the_newest_come_first_whatever_is_asked(client, desk, invoices, query):
    shown = list(client.get(f"{desk.url('invoice_changelist')}?{query}").context["cl"].result_list)

    assert len(shown) in (3, 9)
    assert [row.pk for row in shown] == [row.pk for row in sorted(shown, key=lambda row: row.created_at, reverse=True)]


def test_several_filters_leave_what_all_of_them_say(client, desk, invoices):
    url = desk.url("invoice_changelist")

    found = {
        query: len(client.get(f"{url}?{query}").context["cl"].result_list)
        for query in (
            "risk=high&status=completed",
            "risk=low&status=completed",
            "waits=me&risk=low",
            "waits=me&coin=ETH",
        )
    }

    assert list(found.values()) == [0, 3, 3, 3], found


def test_what_waits_for_a_second_person_waits_for_all_but_the_first(login, desk):
    url = f"{desk.url('invoice_changelist')}?waits=me"
    for status in ("unresolved", "refunded"):
        invoice = InvoiceFactory(custom_id=status, status=status, status_context="underpaid")
        planned = {"kind": "settle", "actor": "ada", "reason": "x", "needs_approval": True}
        Resolution.objects.create(invoice=invoice, **planned)

    shown = {
        name: {row.custom_id for row in login("superuser", name).get(url).context["cl"].result_list}
        for name in ("ada", "bob")
    }

    assert shown == {"ada": set(), "bob": {"unresolved", "refunded"}}


@pytest.mark.parametrize(
    ("changes", "events", "waits"),
    [
        ({"settled_amount": 90}, ["invoice_settled_short"], True),
        ({"settled_amount": 90}, ["invoice_settled_short", "invoice_completed"], False),
        ({"settled_amount": 90}, ["invoice_completed"], False),
        ({"settled_amount": 100}, ["invoice_completed"], False),
        ({"settled_amount": 90}, [], False),
    ],
)
def test_a_shortfall_waits_until_somebody_accepts_it(client, desk, changes, events, waits):
    invoice = InvoiceFactory(status="completed", **changes)
    for kind in events:
        InvoiceEventFactory(invoice=invoice, kind=kind, once=kind)

    shown = list(client.get(f"{desk.url('invoice_changelist')}?waits=me").context["cl"].result_list)

    assert shown == [invoice] * waits


def test_of_several_payments_the_gravest_counts_as_in_the_column(client, desk):
    invoice = InvoiceFactory()
    for level in ("low", "high", "medium", "heard of nowhere"):
        PaymentFactory(invoice=invoice, risk_level=level)
    url = desk.url("invoice_changelist")

    shown = {
        level: len(client.get(f"{url}?risk={level}").context["cl"].result_list) for level in ("low", "medium", "high")
    }

    assert shown == {"low": 0, "medium": 0, "high": 1}


def test_a_filter_costs_no_query_more_than_the_list(client, desk, invoices):
    url = desk.url("invoice_changelist")
    asked = {}
    client.get(url)
    for query in FEW:
        with CaptureQueriesContext(connection) as queries:
            client.get(f"{url}?{query}")
        # Rows without payments, or of no order, save the list a query.
        asked[query] = len(queries)

    assert set(asked.values()) == {asked[""]}, asked

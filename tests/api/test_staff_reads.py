"""The back office looks: who may, what it can filter by, page after page, with as few queries for many as for few."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cryptopay_django.api.staff_reads import InvoiceQuerySerializer, filtered
from cryptopay_django.models import Invoice
from cryptopay_django.services import create_invoice
from cryptopay_django.testing.factories import (
    CallbackFactory,
    InvoiceEventFactory,
    InvoiceFactory,
    PaymentFactory,
    RefundFactory,
)
from tests.api.conftest import problem_of

pytestmark = pytest.mark.django_db

JUNE = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def viewer(staff):
    return staff("view")


def ids(response) -> list[str]:
    assert response.status_code == 200, response.content
    return [row["id"] for row in response.json()["results"]]


@pytest.mark.parametrize("name", ["invoice", "timeline"])
def test_who_may_not_see_invoices_learns_nothing(name, staff, client):
    made = InvoiceFactory()

    for nobody in (staff(), staff("settle")):
        assert problem_of(nobody.get("invoices")) == (403, "permission_denied")
        assert problem_of(nobody.get(name, made.pk)) == (403, "permission_denied")
        assert problem_of(nobody.get(name, uuid4())) == (403, "permission_denied")
    assert problem_of(client.get("/cryptopay/api/desk/invoices/")) == (403, "not_authenticated")


def test_who_left_may_not(staff):
    gone = staff("view")
    gone.user.is_active = False
    gone.user.save()

    assert problem_of(gone.get("invoices"))[0] == 403


def test_an_invoice_that_is_not_there_is_a_problem(viewer):
    assert problem_of(viewer.get("invoice", uuid4())) == (404, "not_found")


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ({"status": "refunded"}, {"status": "refunded"}),
        ({"status_context": "paid_late"}, {"status": "unresolved", "status_context": "paid_late"}),
        ({"is_quarantined": "true"}, {"quarantine_reason": "odd"}),
        ({"account": "second"}, {"account": "second"}),
        ({"pay_currency": "XRP"}, {"pay_currency": "XRP"}),
        ({"custom_id": "wanted"}, {"custom_id": "wanted"}),
        (
            {"gateway_id": "8dd53e0f-0725-48b4-b0a7-1840aa67b5bb"},
            {"gateway_id": "8dd53e0f-0725-48b4-b0a7-1840aa67b5bb"},
        ),
        ({"address": "wanted"}, {"address": "wanted"}),
        ({"created_from": "2026-06-01T00:00:00Z", "created_before": "2026-06-02T00:00:00Z"}, {"created_at": JUNE}),
        ({"finished_from": "2026-06-01T00:00:00Z", "finished_before": "2026-06-02T00:00:00Z"}, {"finished_at": JUNE}),
        ({"created_before": "2026-06-01T01:00:00+00:00", "limit": "5"}, {"created_at": JUNE}),
    ],
)
def test_a_filter_finds_what_it_names_and_nothing_else(query, values, viewer):
    InvoiceFactory()
    wanted = InvoiceFactory(**{name: value for name, value in values.items() if name != "created_at"})
    if "created_at" in values:
        Invoice.objects.filter(pk=wanted.pk).update(created_at=values["created_at"])

    assert ids(viewer.get("invoices", **query)) == [str(wanted.pk)]


def test_not_quarantined_is_a_filter_too(viewer):
    free, _ = InvoiceFactory(), InvoiceFactory(quarantine_reason="odd")

    assert ids(viewer.get("invoices", is_quarantined="false")) == [str(free.pk)]


def test_payments_and_orders_lead_to_their_invoice(viewer):
    InvoiceFactory()
    order = Group.objects.create(name="order")
    wanted = InvoiceFactory(order=order, order_object_id=str(order.pk))
    PaymentFactory(invoice=wanted, txid="wanted", risk_level="high")

    for query in ({"txid": "wanted"}, {"risk_level": "high"}, {"order_type": "auth.group", "order_id": order.pk}):
        found = viewer.get("invoices", **query)
        assert ids(found) == [str(wanted.pk)]
        assert found.json()["results"][0]["order"] == {"type": "auth.group", "id": str(order.pk)}


@pytest.mark.parametrize(
    "query",
    [
        {"statsu": "new"},
        {"status": "expired"},
        {"is_quarantined": "perhaps"},
        {"gateway_id": "17"},
        {"limit": "0"},
        {"limit": "1000"},
        {"created_from": "0001-01-01T00:00:00+23:00"},
        {"created_from": "yesterday"},
        {"order_id": "17"},
        {"order_type": "auth.nothing", "order_id": "17"},
        {"custom_id": "\x00"},
    ],
)
def test_a_filter_that_means_nothing_is_refused_and_not_ignored(query, viewer):
    assert problem_of(viewer.get("invoices", **query)) == (400, "invalid")


def test_pages_follow_each_other_without_gap_or_repeat(viewer):
    made = [InvoiceFactory() for _ in range(7)]
    Invoice.objects.filter(pk__in=[invoice.pk for invoice in made[:4]]).update(created_at=JUNE)

    seen, url = [], "/cryptopay/api/desk/invoices/?limit=2"
    while url:
        page = viewer.client.get(url)
        seen += ids(page)
        url = page.json()["next"]

    assert len(seen) == len(set(seen)) == 7
    assert seen[:3] == [str(invoice.pk) for invoice in reversed(made[4:])]


@pytest.mark.parametrize(
    "position", ["abc", "2026-06-01", "2026-99-99T00:00:00Z", "0001-01-01T00:00:00+00:00", "\x00"]
)
def test_a_cursor_that_was_made_up_is_not_found(position, viewer):
    cursor = base64.b64encode(f"p={position}".encode()).decode()

    assert problem_of(viewer.get("invoices", cursor=cursor)) == (404, "not_found")
    assert problem_of(viewer.get("invoices", cursor="ä")) == (404, "not_found")


def test_a_list_costs_as_many_queries_for_many_as_for_one(viewer):
    InvoiceFactory()
    with CaptureQueriesContext(
        connection,
    ) as few:
        viewer.get("invoices")
    for _ in range(10):
        InvoiceFactory()
    with CaptureQueriesContext(connection) as many:
        viewer.get("invoices")

    assert len(many) == len(few)
    assert not any("COUNT(" in query["sql"].upper() for query in many)


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="reads SQLite's plan")
@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"status": "unresolved"},
        {"status_context": "underpaid"},
        {"pay_currency": "BTC"},
        {"custom_id": "order-1"},
        {"gateway_id": uuid4()},
        {"address": "x"},
        {"txid": "x"},
        {"created_from": JUNE},
        {"finished_from": JUNE, "finished_before": JUNE + timedelta(days=1)},
        {"risk_level": "high"},
        {"is_quarantined": True},
    ],
)
def test_a_filter_is_answered_by_an_index(wanted):
    plan = filtered(wanted).order_by("-created_at", "-pk")[:50].explain()

    assert "SCAN cryptopay_django_payment" not in plan.replace("USING", "")
    for line in plan.splitlines():
        assert "SCAN" not in line or "INDEX" in line, plan


def test_every_filter_is_used():
    assert {name for name in InvoiceQuerySerializer().fields if name not in ("limit", "cursor")} == {
        *("status", "status_context", "is_quarantined", "account", "environment", "pay_currency"),
        *("risk_level", "custom_id"),
        *("gateway_id", "address", "txid", "order_type", "order_id"),
        *("created_from", "created_before", "finished_from", "finished_before"),
    }


def test_staff_see_all_of_an_invoice(viewer):
    made = InvoiceFactory(metadata={"margin": "0.4"}, quarantine_reason="odd", price_amount="1e2")
    PaymentFactory(invoice=made, risk_level="high", risk_score="7.5", source_addresses=["source"])

    RefundFactory(invoice=made, txid="ab")

    told = viewer.get("invoice", made.pk).json()

    assert [(one["txid"], one["amount"], one["value_amount"]) for one in told["refunds"]] == [("ab", "0.001", "50")]
    assert (told["metadata"], told["quarantine_reason"], told["version"]) == ({"margin": "0.4"}, "odd", made.version)
    assert (told["price_amount"], told["pay_amount"], told["settled_amount"]) == ("100", "0.002", None)
    assert told["payments"][0]["source_addresses"] == ["source"]
    assert told["payments"][0]["risk_score"] == "7.5"
    assert told["resolutions"] == []


def test_the_timeline_tells_in_order_what_happened(viewer):
    made = InvoiceFactory()
    payment = PaymentFactory(invoice=made)
    InvoiceEventFactory(invoice=made, created_at=JUNE)
    InvoiceEventFactory(
        invoice=made, kind="payment_detected", payment=payment, created_at=JUNE + timedelta(minutes=2),
        last_error="Traceback with a secret",
    )  # fmt: skip
    InvoiceEventFactory(invoice=made, kind="invoice_released", actor="ada", created_at=JUNE + timedelta(hours=1))
    CallbackFactory(invoice=made, received_at=JUNE + timedelta(minutes=2), event="Invoice transaction_created")

    with CaptureQueriesContext(connection) as queries:
        answer = viewer.get("timeline", made.pk)

    told = answer.json()
    assert [(entry["source"], entry["kind"]) for entry in told["entries"]] == [
        ("event", "invoice_created"),
        ("callback", "Invoice transaction_created"),
        ("event", "payment_detected"),
        ("person", "invoice_released"),
    ]
    assert told["entries"][2]["txid"] == payment.txid
    assert told["entries"][3]["actor"] == "ada"
    assert told["is_cut"] is False
    assert "secret" not in answer.content.decode()
    assert len(queries) <= 7  # session, user, permissions twice, invoice, callbacks, events


def test_staff_who_ask_too_often_are_told_so(viewer, settings):
    settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": {"cryptopay_desk": "1/min"}}
    viewer.get("invoices")

    assert problem_of(viewer.get("invoices")) == (429, "throttled")


def test_a_list_can_be_filtered_by_what_the_gateway_made(viewer, cryptopay_sandbox):
    made = create_invoice(price_amount="10", price_currency="EUR", pay_currency="BTC")

    assert ids(viewer.get("invoices", gateway_id=str(made.gateway_id))) == [str(made.pk)]

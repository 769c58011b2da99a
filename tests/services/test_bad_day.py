"""A receiver fails for hours while all goes on: what looks for due work costs as much as there is, and not its square.

The statistics of the database are those of a healthy shop, where next to nothing is pending: so a planner takes
"pending" for the rarest condition of all. PostgreSQL shows its plans, and these are looked at here.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest
from django.db import connection, models
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cryptopay_django.models import Callback, HandlerDelivery, Invoice, InvoiceEvent
from cryptopay_django.services.events.deliver import deliver_events
from cryptopay_django.services.worker.due_work import process_overdue
from cryptopay_django.testing.factories import CallbackFactory, InvoiceEventFactory, InvoiceFactory

INVOICES, FAILING = 3_000, 400
KINDS = ("payment_detected", "payment_confirmed", "invoice_completed")

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="the plans of PostgreSQL are looked at")


def copy(model: type[models.Model], source: str, **changed: str) -> None:
    """Insert the rows that a FROM clause gives, with some columns as these expressions, the others as in row `t`."""
    columns = {field.column: f't."{field.column}"' for field in model._meta.concrete_fields} | changed
    columns = {name: value for name, value in columns.items() if value}
    names = ", ".join(f'"{name}"' for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(f'INSERT INTO "{model._meta.db_table}" ({names}) SELECT {", ".join(columns.values())} {source}')


@pytest.fixture
def shop(db, settings) -> list[InvoiceEvent]:
    """A healthy shop, analyzed; then the first event of some invoices fails, and the others are due behind it."""
    settings.CRYPTOPAY_REQUIRED_EVENTS = []
    invoice = InvoiceFactory(status="completed", settled_amount=100)
    table, events = Invoice._meta.db_table, InvoiceEvent._meta.db_table
    key = "gen_random_uuid()"
    copy(
        Invoice,
        f"FROM {table} t, generate_series(1, {INVOICES}) n",
        id=key,
        gateway_id=key,
        custom_id="n::text",
        attempt="NULL",
    )
    for kind in KINDS:
        row = InvoiceEventFactory(invoice=invoice, kind=kind, delivered_at=timezone.now(), next_attempt_at=None)
        copy(
            InvoiceEvent,
            f"FROM {events} t, {table} i WHERE t.id = {row.pk} AND i.id <> t.invoice_id",
            id="",
            uuid=key,
            subject="i.id",
            invoice_id="i.id",
        )
    for event in InvoiceEvent.objects.all()[:1]:
        HandlerDelivery.objects.create(event=event, handler="shop.ship", delivered_at=timezone.now())
    copy(HandlerDelivery, f"FROM {HandlerDelivery._meta.db_table} t, {events} e WHERE e.id <> t.event_id",
         id="", event_id="e.id")  # fmt: skip
    CallbackFactory(outcome="applied", next_attempt_at=None)
    copy(Callback, f"FROM {Callback._meta.db_table} t, generate_series(1, {INVOICES}) n", id="")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")

    now = timezone.now()
    bad = list(Invoice.objects.values_list("pk", flat=True)[:FAILING])
    failing = {"attempts": 3, "delivered_at": None, "next_attempt_at": now + timedelta(hours=1)}
    behind = {"delivered_at": None, "next_attempt_at": now - timedelta(minutes=1)}
    for kind, values in zip(KINDS, (failing, behind, behind), strict=True):
        InvoiceEvent.objects.filter(subject__in=bad, kind=kind).update(**values)
        HandlerDelivery.objects.filter(event__subject__in=bad, event__kind=kind).update(**values)
    return list(InvoiceEvent.objects.filter(subject__in=bad))


def plans(queries: Iterable[dict[str, str]]) -> dict[str, str]:
    """Return the plan of each statement that reads or locks."""
    found = {}
    with connection.cursor() as cursor:
        for sql in [query["sql"] for query in queries if query["sql"].startswith("SELECT")]:
            cursor.execute(f"EXPLAIN {sql}")
            found[sql] = "\n".join(line for (line,) in cursor.fetchall())
    return found


def assert_no_plan_grows_with_the_square(queries: Iterable[dict[str, str]]) -> None:
    looked_at = plans(queries)
    assert any(InvoiceEvent._meta.db_table in sql for sql in looked_at)
    for sql, plan in looked_at.items():
        for wrong in (
            "Anti Join",
            "Sort",
            "Seq Scan on cryptopay_django_invoiceevent",
            "Seq Scan on cryptopay_django_handler",
        ):
            assert wrong not in plan, f"{sql}\n{plan}"


def test_what_waits_behind_a_failure_is_passed_over_by_the_index_of_its_own_subject(shop):
    with CaptureQueriesContext(connection) as queries:
        delivered = deliver_events(limit=3)

    assert delivered == 0
    assert_no_plan_grows_with_the_square(queries.captured_queries)


def test_what_is_due_beyond_it_is_found(shop):
    other = InvoiceFactory(status="completed", settled_amount=100)
    due = InvoiceEventFactory(invoice=other, kind="payment_detected", next_attempt_at=timezone.now())

    delivered = deliver_events(limit=3)

    due.refresh_from_db()
    assert (delivered, due.delivered_at is not None) == (1, True)


def test_an_event_that_is_delivered_meanwhile_is_claimed_by_the_index_of_its_own_subject(shop):
    other = InvoiceFactory(status="completed", settled_amount=100)
    due = InvoiceEventFactory(invoice=other, kind="payment_detected", next_attempt_at=timezone.now())
    HandlerDelivery.objects.create(event=due, handler="tests.no_such_handler", next_attempt_at=timezone.now())

    with CaptureQueriesContext(connection) as queries:
        deliver_events()

    claims = [query for query in queries.captured_queries if "FOR NO KEY UPDATE" in query["sql"]]
    for model in (InvoiceEvent, HandlerDelivery):
        assert any(f'FROM "{model._meta.db_table}"' in query["sql"] for query in claims)
    assert_no_plan_grows_with_the_square(claims)


def test_callbacks_are_claimed_in_the_order_of_their_index(shop):
    Callback.objects.update(next_attempt_at=timezone.now() - timedelta(minutes=1), outcome="pending")

    with CaptureQueriesContext(connection) as queries:
        process_overdue(limit=3)

    claims = [query for query in queries.captured_queries if "FOR NO KEY UPDATE SKIP LOCKED" in query["sql"]]
    assert any(Callback._meta.db_table in query["sql"] for query in claims)
    assert all("Sort" not in plan for plan in plans(claims).values()), plans(claims)

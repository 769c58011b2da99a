"""Processing a stored callback: confirm, merge, postpone, and never lose it."""

from __future__ import annotations

import json
import threading
import time
import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cryptopay_django.gateway.schemas import parse_callback
from cryptopay_django.models import Callback, Invoice
from cryptopay_django.services import process_callback, process_overdue, refresh_invoice, release_invoice
from cryptopay_django.services.snapshots.apply import IncomingCallback, apply_callback, apply_snapshot
from cryptopay_django.services.worker import due_work
from cryptopay_django.services.worker.due_work import process_within_budget
from cryptopay_django.testing.factories import (
    CallbackFactory,
    InvoiceFactory,
    callback_body,
    invoice_wire,
    transaction_wire,
)
from tests.wire import TIMED_OUT, ScriptedGateway, refusal

pytestmark = pytest.mark.django_db

PAID = {"status": "completed", "paid_amount": "0.002", "transactions": [transaction_wire("a" * 64)]}


@pytest.fixture(autouse=True)
def gateway(settings):
    """A gateway that holds the invoice as `truth` says; without it, as its latest callback says."""
    scripted = ScriptedGateway(lambda *_: (200, {"data": scripted.truth or last_told()}))
    scripted.truth = None
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: scripted
    return scripted


def last_told():
    return json.loads(Callback.objects.latest("pk").body)["data"]


def arrive(invoice, event="status_changed", **changes):
    return process_callback(CallbackFactory(body=callback_body(invoice_wire(invoice, **changes), event)))


def appears_before_the_orphan_is_written(invoice):
    """Insert the invoice just before the first write to a callback, which marks it an orphan."""

    def wrapper(execute, sql, params, many, context):
        if sql.startswith("UPDATE") and Callback._meta.db_table in sql and invoice._state.adding:
            invoice.save()
        return execute(sql, params, many, context)

    return wrapper


def kinds(invoice):
    return list(invoice.events.order_by("pk").values_list("kind", flat=True))


def test_a_final_status_is_checked_with_the_gateway_first(gateway):
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice, **PAID)

    callback = arrive(invoice, **PAID)

    invoice.refresh_from_db()
    assert gateway.asked == [("GET", f"/api/invoices/{invoice.gateway_id}")]
    assert (callback.outcome, invoice.status, invoice.settled_amount) == ("applied", "completed", 100)
    assert kinds(invoice) == ["payment_detected", "payment_confirmed", "invoice_completed"]


def test_a_transaction_an_amount_and_a_status_cost_a_call_each_and_what_is_known_costs_none(gateway):
    invoice, seen = InvoiceFactory(), {"paid_amount": "0.001", "transactions": [transaction_wire("a" * 64)]}
    calls = []

    for event, changes in (
        ("created", {}),
        ("transaction_created", seen),
        ("transaction_confirmed", seen),
        ("status_changed", {**seen, "status": "unresolved", "status_context": "underpaid"}),
        ("transaction_created", seen),
        ("status_changed", PAID),
    ):
        arrive(invoice, event, **changes)
        calls.append(len(gateway.asked))

    assert calls == [0, 1, 1, 2, 2, 3]
    assert kinds(invoice) == ["payment_detected", "payment_confirmed", "invoice_unresolved", "invoice_completed"]


def test_what_the_gateway_denies_is_not_taken_from_a_callback(gateway):
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice)

    forged = [
        arrive(invoice, "transaction_created", **{**PAID, "status": "new"}),
        arrive(invoice, status="unresolved", status_context="underpaid", paid_amount="0.001"),
        arrive(invoice, "created", address="thief"),
        arrive(invoice, price_amount="1.0"),
        arrive(invoice, status="blessed"),
    ]

    row = Invoice.objects.get()
    assert (row.status, row.paid_amount, row.quarantine_reason, kinds(row)) == ("new", 0, "", [])
    assert not row.payments.exists()
    assert [callback.outcome for callback in forged] == ["stale", "pending", "stale", "stale", "stale"]
    assert "address is thief, ordered was" in forged[2].error
    assert "price_amount is 1.0" in forged[3].error


def test_what_arrived_before_the_last_answer_was_asked_for_needs_no_call_of_its_own(gateway):
    invoice = InvoiceFactory()
    waiting = [
        CallbackFactory(body=callback_body(invoice_wire(invoice, paid_amount=paid), "transaction_created"))
        for paid in ("0.001", "0.002", "0.0015")
    ]
    gateway.truth = invoice_wire(invoice, paid_amount="0.002")

    for callback in waiting:
        process_callback(callback)

    assert (len(gateway.asked), Invoice.objects.get().paid_amount) == (1, Decimal("0.002"))
    assert [callback.outcome for callback in waiting] == ["applied", "stale", "stale"]


def test_callbacks_are_believed_if_the_shop_says_so(gateway, settings):
    settings.CRYPTOPAY_CONFIRM_WITH_API = False
    invoice = InvoiceFactory()

    arrive(invoice, **PAID)

    assert (gateway.asked, Invoice.objects.get().status) == ([], "completed")


def test_a_callback_that_an_answer_asked_for_later_does_not_bear_out_is_not_believed(gateway, settings):
    settings.CRYPTOPAY_CONFIRM_WITH_API = False
    invoice = InvoiceFactory()
    callback = CallbackFactory(body=callback_body(invoice_wire(invoice, status="cancelled")))
    gateway.truth = invoice_wire(invoice)
    refresh_invoice(invoice)

    process_callback(callback)

    callback.refresh_from_db()
    assert (callback.outcome, Invoice.objects.get().status, len(gateway.asked)) == ("pending", "new", 2)


def test_a_forged_completion_fulfils_nothing_and_ends_stale(gateway):
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice)

    callback = arrive(invoice, **PAID)
    assert (callback.outcome, callback.attempts) == ("pending", 1)
    for _ in range(20):
        process_callback(callback)

    callback.refresh_from_db()
    invoice.refresh_from_db()
    assert (callback.outcome, invoice.status, kinds(invoice)) == ("stale", "new", [])
    assert "the gateway, when asked, says new" in callback.error
    assert len(gateway.asked) == 10


def test_a_gateway_that_lags_behind_its_own_callback_is_asked_again(gateway):
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice)
    callback = arrive(invoice, **PAID)

    gateway.truth = invoice_wire(invoice, **PAID)
    process_callback(callback)

    assert (callback.outcome, Invoice.objects.get().status) == ("applied", "completed")


def test_a_replayed_callback_of_a_finished_invoice_costs_no_call_and_changes_nothing(gateway):
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice, **PAID)
    arrive(invoice, **PAID)
    before = Invoice.objects.values().get()
    gateway.asked.clear()

    outcomes = [arrive(invoice, "transaction_created").outcome, arrive(invoice, **PAID).outcome]

    assert (outcomes, gateway.asked) == (["stale", "stale"], [])
    assert Invoice.objects.values().get() == before


def test_a_late_cancellation_never_reopens_a_paid_invoice(gateway):
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice, **PAID)
    arrive(invoice, **PAID)

    callback = arrive(invoice, status="cancelled")

    invoice.refresh_from_db()
    assert (callback.outcome, invoice.status, invoice.quarantine_reason) == ("stale", "completed", "")
    assert "it says cancelled, but the gateway, when asked, said completed" in callback.error


@pytest.mark.parametrize("confirm", [True, False])
@pytest.mark.parametrize(
    ("ours", "context"), [("completed", "illicit_resource"), ("cancelled", "paid_late"), ("refunded", "overpaid")]
)
def test_an_end_that_the_gateway_takes_back_is_held_and_never_fulfilled_twice(
    gateway, settings, confirm, ours, context
):
    settings.CRYPTOPAY_CONFIRM_WITH_API = confirm
    invoice = InvoiceFactory()
    arrive(invoice, **{**PAID, "status": ours})
    told = kinds(invoice)

    arrive(invoice, **{**PAID, "status": "unresolved", "status_context": context})
    row = Invoice.objects.get()
    assert (row.status, row.status_context) == ("unresolved", context)
    assert f"took its status back, from {ours} to unresolved {context}" in row.quarantine_reason
    release_invoice(row, actor="ada", reason="the gateway looks at it again")
    arrive(invoice, **{**PAID, "status": ours})

    row.refresh_from_db()
    assert (row.status, row.quarantine_reason) == (ours, "")
    new = [kind for kind in kinds(invoice)[len(told) :] if kind != "payment_confirmed"]
    assert new == ["status_overruled", "invoice_quarantined", "invoice_released", "invoice_unresolved"]


def test_a_late_callback_that_only_looks_like_one_that_takes_an_end_back_changes_nothing(gateway):
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice, **PAID)
    arrive(invoice, **PAID)

    callback = arrive(invoice, **{**PAID, "status": "unresolved", "status_context": "underpaid"})

    row = Invoice.objects.get()
    assert (callback.outcome, row.status, row.quarantine_reason) == ("stale", "completed", "")


def test_a_callback_cannot_give_an_invoice_its_id(gateway):
    """The gateway has nothing under our custom_id: the callback waits until a creation has brought its id."""
    invoice = InvoiceFactory(gateway_id=None, address="", uri="")
    forged = invoice_wire(invoice, id=str(uuid.uuid4()), address="thief")
    gateway.answer = lambda *_: refusal(404, "not_found")

    callback = process_callback(CallbackFactory(body=callback_body(forged, "created")))

    row = Invoice.objects.get()
    assert (callback.outcome, callback.next_attempt_at) == ("orphan", None)
    assert (row.gateway_id, row.address) == (None, "")
    assert gateway.asked == [("GET", f"/api/invoices/custom_id/{invoice.custom_id}")]


def test_an_id_is_learned_from_the_gateways_answer_and_the_callback_that_lied_about_it_is_stale(gateway):
    invoice = InvoiceFactory(gateway_id=None, address="", uri="")
    gateway.truth = invoice_wire(invoice, id=str(uuid.UUID(int=7)), address="ours")

    callback = process_callback(
        CallbackFactory(
            body=callback_body(invoice_wire(invoice, id=str(uuid.UUID(int=8)), address="thief"), "created")
        )
    )

    row = Invoice.objects.get()
    assert (row.gateway_id, row.address, row.quarantine_reason) == (uuid.UUID(int=7), "ours", "")
    assert "id is 00000000-0000-0000-0000-000000000008" in callback.error


def test_what_the_gateway_has_under_our_custom_id_is_not_taken_unless_it_was_made_for_our_row(gateway):
    """A shop whose database was set back, and whose keys count from one again."""
    invoice = InvoiceFactory(gateway_id=None, address="", uri="")
    theirs = invoice_wire(invoice, **PAID, id=str(uuid.UUID(int=7)), address="old", metadata=None)

    callback = process_callback(CallbackFactory(body=callback_body(theirs)))

    row = Invoice.objects.get()
    assert (row.gateway_id, row.address, row.status) == (None, "", "new")
    assert (callback.outcome, callback.next_attempt_at) == ("orphan", None)


@pytest.mark.parametrize(
    "take",
    [
        lambda invoice, incoming: apply_snapshot(invoice.pk, incoming.snapshot),
        lambda invoice, incoming: apply_callback(incoming),
    ],
    ids=["a snapshot", "a callback"],
)
def test_a_merge_locks_the_row_before_it_reads_anything(take):
    """Before anything else a row lock, or on SQLite a write, which is its only lock."""
    invoice = InvoiceFactory()
    message = parse_callback(callback_body(invoice_wire(invoice), "status_changed"))
    incoming = IncomingCallback(CallbackFactory(), message.event, message.invoice)

    with CaptureQueriesContext(connection) as queries:
        take(invoice, incoming)

    first = next(query["sql"] for query in queries if not query["sql"].startswith(("BEGIN", "SAVEPOINT")))
    assert first.startswith("UPDATE") or " FOR UPDATE" in first or " FOR NO KEY UPDATE" in first, first


@pytest.mark.parametrize("confirm", [True, False])
def test_if_the_gateway_insists_on_another_end_the_invoice_is_held_and_not_fulfilled_again(gateway, settings, confirm):
    settings.CRYPTOPAY_CONFIRM_WITH_API = confirm
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice, status="cancelled")
    arrive(invoice, status="cancelled")

    gateway.truth = invoice_wire(invoice, **PAID)
    arrive(invoice, **PAID)

    invoice.refresh_from_db()
    assert (invoice.status, invoice.settled_amount) == ("completed", 100)
    assert "from cancelled to completed" in invoice.quarantine_reason
    assert kinds(invoice) == [
        "invoice_cancelled", "payment_detected", "payment_confirmed", "status_overruled", "invoice_quarantined",
    ]  # fmt: skip


def test_another_price_in_the_callback_is_held_and_never_fulfilled(gateway):
    """Whatever else the callback says, the ordered amount is sealed."""
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice, price_amount="1.0", pay_amount="0.00002", **PAID)

    callback = arrive(invoice, price_amount="1.0", pay_amount="0.00002", **PAID)

    invoice.refresh_from_db()
    assert (invoice.price_amount, invoice.status, invoice.settled_amount) == (100, "new", None)
    assert "price_amount is 1.0, ordered was 100" in invoice.quarantine_reason
    assert "invoice_completed" not in kinds(invoice)
    assert callback.outcome == "applied"


def test_a_payment_of_a_hundredth_that_the_account_recalculates_is_settled_short(gateway):
    invoice = InvoiceFactory()
    small = {"price_amount": "1.0", "pay_amount": "0.00002", "paid_amount": "0.00002"}
    gateway.truth = invoice_wire(invoice, **{**PAID, **small})

    arrive(invoice, **{**PAID, **small})

    invoice.refresh_from_db()
    assert (invoice.status, invoice.settled_amount, invoice.price_amount) == ("completed", 1, 100)
    assert kinds(invoice)[-1] == "invoice_settled_short"


@pytest.mark.parametrize(
    ("setting", "value", "settled", "kind"),
    [
        ("CRYPTOPAY_SHORTFALL_TOLERANCE", Decimal("0.01"), "99.0", "invoice_completed"),
        ("CRYPTOPAY_SHORTFALL_TOLERANCE", Decimal("0.01"), "98.99", "invoice_settled_short"),
        ("CRYPTOPAY_FULFIL_SHORT_SETTLEMENTS", True, "1.0", "invoice_completed"),
    ],
)
def test_what_counts_as_paid_is_the_shops_to_say(gateway, settings, setting, value, settled, kind):
    setattr(settings, setting, value)
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice, **PAID, price_amount=settled)

    arrive(invoice, **PAID, price_amount=settled)

    assert kinds(invoice)[-1] == kind


def test_a_row_that_moves_while_the_gateway_is_asked_is_asked_about_again(gateway):
    invoice = InvoiceFactory()
    answers = [invoice_wire(invoice), invoice_wire(invoice, **PAID)]

    def move_meanwhile(*_):
        if len(answers) > 1:
            Invoice.objects.update(version=7)
        return 200, {"data": answers.pop(0)}

    gateway.answer = move_meanwhile

    arrive(invoice, **PAID)

    invoice.refresh_from_db()
    assert (invoice.status, invoice.version, len(gateway.asked)) == ("completed", 8, 2)


def test_a_row_that_never_holds_still_leaves_the_callback_pending(gateway):
    invoice = InvoiceFactory()
    versions = iter(range(5, 50))

    def move_always(*_):
        Invoice.objects.update(version=next(versions))
        return 200, {"data": invoice_wire(invoice, **PAID)}

    gateway.answer = move_always

    callback = arrive(invoice, **PAID)

    assert (callback.outcome, len(gateway.asked)) == ("pending", 5)
    assert "InvoiceBusyError" in callback.error


@pytest.mark.parametrize("fault", [TIMED_OUT, refusal(500), refusal(404, "not_found"), refusal(429), (200, b"<html>")])
def test_no_usable_answer_leaves_it_pending_and_later_tries_finish_it(gateway, settings, fault):
    invoice = InvoiceFactory()
    gateway.answer = lambda *_: fault
    settings.CRYPTOPAY_TOTAL_TIMEOUT = 0.1
    callback = arrive(invoice, **PAID)
    settings.CRYPTOPAY_TOTAL_TIMEOUT = 10
    assert (callback.outcome, Invoice.objects.get().status) == ("pending", "new")
    assert process_overdue() == 0, "its back-off is not over"

    gateway.answer = lambda *_: (200, {"data": invoice_wire(invoice, **PAID)})
    Callback.objects.update(next_attempt_at=timezone.now())
    process_overdue()

    assert Callback.objects.get().outcome == "applied"
    assert Invoice.objects.get().status == "completed"


def test_without_time_left_in_the_request_it_stays_due(gateway):
    invoice = InvoiceFactory()
    callback = CallbackFactory(body=callback_body(invoice_wire(invoice, **PAID)))

    process_callback(callback, deadline=time.monotonic())

    assert (callback.outcome, gateway.asked) == ("pending", [])
    assert callback.next_attempt_at <= timezone.now()


def test_with_each_callback_a_little_of_what_is_overdue_is_done(gateway, settings):
    settings.CRYPTOPAY_CONFIRM_WITH_API = False
    forgotten = [InvoiceFactory() for _ in range(5)]
    for invoice in forgotten:
        CallbackFactory(
            body=callback_body(invoice_wire(invoice, paid_amount="0.001")),
            next_attempt_at=timezone.now() - timedelta(seconds=3),
        )
    fresh = CallbackFactory(
        body=callback_body(invoice_wire(InvoiceFactory())), next_attempt_at=timezone.now() + timedelta(seconds=60)
    )

    process_within_budget(fresh)

    assert Callback.objects.filter(outcome="pending").count() == 2


def test_what_has_fallen_due_just_now_is_left_to_whoever_is_at_it(gateway):
    fallen_due = CallbackFactory(body=callback_body(invoice_wire(InvoiceFactory(), paid_amount="0.001")))
    fresh = CallbackFactory(body=callback_body(invoice_wire(InvoiceFactory(), paid_amount="0.001")))

    process_within_budget(fresh)

    fallen_due.refresh_from_db()
    assert (fallen_due.outcome, fresh.outcome) == ("pending", "applied")


def test_two_workers_do_not_take_the_same_callback(gateway):
    callback = CallbackFactory(body=callback_body(invoice_wire(InvoiceFactory())))
    same = Callback.objects.get()

    assert [due_work._claim(callback), due_work._claim(same)] == [True, False]


def test_a_callback_in_the_hands_of_a_process_that_died_falls_due_again(gateway):
    callback = CallbackFactory(body=callback_body(invoice_wire(InvoiceFactory(), paid_amount="0.001")))
    assert due_work._claim(callback)

    Callback.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))

    assert process_overdue() == 1
    assert Callback.objects.get().outcome == "applied"


def test_an_orphan_waits_for_its_invoice():
    callback = arrive(InvoiceFactory.build())

    callback.refresh_from_db()
    assert (callback.outcome, callback.next_attempt_at) == ("orphan", None)


def test_an_invoice_that_gets_its_id_while_the_orphan_is_written_is_found_by_the_look_afterwards():
    """The invoice is committed between the look for it and the orphan: neither sees the other without a second look."""
    invoice = InvoiceFactory.build()
    body = callback_body(invoice_wire(invoice, paid_amount="0.001"), "transaction_created")
    callback = CallbackFactory(body=body)

    with connection.execute_wrapper(appears_before_the_orphan_is_written(invoice)):
        process_callback(callback)

    assert process_overdue() == 1
    callback.refresh_from_db()
    assert (callback.outcome, callback.invoice_id) == ("applied", invoice.pk)


def test_a_confirmation_confirms_the_one_payment_it_can_mean():
    invoice = InvoiceFactory()
    a, b = transaction_wire("a" * 64), transaction_wire("b" * 64)

    arrive(invoice, "transaction_confirmed", paid_amount="0.001", transactions=[a])
    arrive(invoice, "transaction_created", paid_amount="0.002", transactions=[a, b])
    assert dict(invoice.payments.values_list("txid", "status")) == {"a" * 64: "confirmed", "b" * 64: "detected"}
    arrive(invoice, "transaction_confirmed", paid_amount="0.002", transactions=[a, b])

    assert set(invoice.payments.values_list("status", "amount")) == {("confirmed", Decimal("0.001"))}


def test_a_confirmation_that_can_mean_two_payments_confirms_neither():
    invoice = InvoiceFactory()
    both = [transaction_wire("a" * 64), transaction_wire("b" * 64)]

    arrive(invoice, "transaction_confirmed", paid_amount="0.002", transactions=both)
    arrive(invoice, "transaction_confirmed", paid_amount="0.002", transactions=both)

    assert set(invoice.payments.values_list("status", "amount")) == {("detected", None)}


def test_a_late_callback_never_lowers_what_was_paid():
    invoice = InvoiceFactory()
    arrive(invoice, "transaction_created", paid_amount="0.002")

    callback = arrive(invoice, "transaction_created", paid_amount="0.001")

    assert (callback.outcome, Invoice.objects.get().paid_amount) == ("stale", Decimal("0.002"))


def test_risk_comes_late_and_is_not_lost_again():
    invoice = InvoiceFactory()
    unscored, scored = transaction_wire("a" * 64, level=None), transaction_wire("a" * 64, level="high")

    for transaction in (unscored, scored, unscored):
        arrive(invoice, "transaction_created", transactions=[transaction])

    payment = invoice.payments.get()
    assert (payment.risk_level, payment.risk_score) == ("high", Decimal("3.27"))
    assert Invoice.objects.get().risk_level == "high"


def test_an_invoice_has_the_gravest_risk_of_all_its_payments_as_they_are_scored_now():
    invoice = InvoiceFactory()
    low, high = transaction_wire("a" * 64, level="low"), transaction_wire("b" * 64, level="high")
    noted = []

    for transactions in ([low], [low, high], [low], [], [low, transaction_wire("b" * 64, level="medium")]):
        arrive(invoice, "transaction_created", transactions=transactions)
        noted.append(Invoice.objects.get().risk_level)

    assert noted == ["low", "high", "high", "high", "medium"]


def test_what_nobody_expected_leaves_it_pending_with_the_reason(gateway, caplog):
    invoice = InvoiceFactory()
    gateway.answer = lambda *_: {}["the adapter's own mistake"]

    callback = arrive(invoice, **PAID)

    assert (callback.outcome, callback.attempts) == ("pending", 1)
    assert callback.error == 'KeyError: "the adapter\'s own mistake"'
    assert callback.next_attempt_at > timezone.now()
    assert [record.levelname for record in caplog.records if "retried" in record.message] == ["ERROR"]


def test_a_callback_that_somebody_else_has_finished_stays_as_it_is(gateway):
    invoice = InvoiceFactory()
    body = callback_body(invoice_wire(invoice, paid_amount="0.001"), "transaction_created")
    first = CallbackFactory(body=body)
    second = Callback.objects.get()

    process_callback(first)
    process_callback(second)

    assert Callback.objects.get().outcome == "applied"
    assert Callback.objects.get().processed_at == first.processed_at


@pytest.mark.django_db(transaction=True)
def test_the_same_callback_sixteen_fold_in_parallel_has_its_effect_once(gateway, settings):
    """Real threads on real connections; on SQLite too, with nobody told that the database is locked."""
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice, **PAID)
    body = callback_body(gateway.truth)
    stored = [CallbackFactory(body=body) for _ in range(16)]
    start = threading.Barrier(16)

    def work(callback):
        start.wait()
        try:
            process_callback(callback)
        finally:
            from django.db import connection  # noqa: PLC0415  this thread's own

            connection.close()

    threads = [threading.Thread(target=work, args=[callback]) for callback in stored]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    outcomes = sorted(callback.outcome for callback in stored)
    assert outcomes == ["applied"] + ["stale"] * 15, [callback.error for callback in stored]
    assert kinds(invoice) == ["payment_detected", "payment_confirmed", "invoice_completed"]

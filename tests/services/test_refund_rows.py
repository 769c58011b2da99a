"""One row for each return of money, whoever started it, with the signals about it."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from cryptopay_django import signals
from cryptopay_django.models import EventKind, Invoice, Refund, RefundCause, RefundStatus, Resolution, RiskLevel
from cryptopay_django.services import (
    create_invoice,
    deliver_events,
    process_callback,
    process_overdue,
    reconcile_invoices,
    refresh_invoice,
    refund_invoice,
    release_invoice,
    settle_invoice,
)
from cryptopay_django.services.resolution.follow_refunds import follow_refunds
from cryptopay_django.services.snapshots.merge import status_event
from cryptopay_django.services.snapshots.refund_rows import value_of
from cryptopay_django.services.worker.anything_due import is_anything_due
from cryptopay_django.services.worker.due_work import overdue_throttle, process_within_budget
from cryptopay_django.testing.factories import (
    CallbackFactory,
    InvoiceEventFactory,
    InvoiceFactory,
    callback_body,
    invoice_wire,
)
from tests.wire import A, ScriptedGateway, refusal

from .desk import ADDRESS, REFUND, REFUNDS, Killed, look, resolve_by_setting, unresolved

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def heard(connect):
    """What a shop hears of refunds: the signal, how it was called, and the event's figures."""
    heard = []

    def receiver(signal, invoice, event, refund=None, **_):
        heard.append((event.kind, refund, event.detail))

    for name in ("invoice_refunded", "refund_created", "refund_succeeded", "refund_failed"):
        connect(getattr(signals, name), receiver)
    return heard


def kinds_of(heard):
    return [kind for kind, _, _ in heard]


def work():
    """Do what a worker does when every pause is over."""
    Invoice.objects.filter(refunds_due_at__isnull=False).update(refunds_due_at=timezone.now())
    process_overdue()


def settle_down(sandbox):
    """Deliver what is on its way until the coins of every refund have left."""
    sandbox.deliver()
    work()
    sandbox.advance(minutes=2)
    sandbox.deliver()
    work()


def refund(invoice, **where):
    return refund_invoice(invoice, actor="ada", reason="the customer asked for it", **where)


def by_person(sandbox, context):
    invoice = unresolved(sandbox, context)
    refund(invoice, address=ADDRESS)
    return invoice


def by_settlement_of_what_was_ordered(sandbox, context):
    invoice = unresolved(sandbox, context)
    settle_invoice(invoice, actor="ada", reason="the customer asked for it", refund_overage=True)
    return invoice


def by_setting(sandbox, context):
    invoice = unresolved(sandbox, context)
    resolve_by_setting(sandbox, invoice)
    return invoice


def by_monitoring_team(sandbox, context):
    invoice = unresolved(sandbox, context)
    sandbox.decide(invoice, "refund")
    return invoice


@pytest.mark.parametrize(
    ("start", "context", "value", "cause"),
    [
        (by_person, "underpaid", "50.00", RefundCause.PERSON),
        (by_person, "overpaid", "100.00", RefundCause.PERSON),
        (by_person, "paid_late", "100.00", RefundCause.PERSON),
        (by_settlement_of_what_was_ordered, "overpaid", "100.00", RefundCause.PERSON),
        (by_setting, "underpaid", "50.00", RefundCause.ACCOUNT),
        (by_setting, "overpaid", "100.00", RefundCause.ACCOUNT),
        (by_setting, "paid_late", "100.00", RefundCause.ACCOUNT),
        (by_monitoring_team, "illicit_resource", "100.00", RefundCause.MONITORING),
    ],
)
def test_every_return_of_money_is_one_row_with_its_figures(cryptopay_sandbox, heard, start, context, value, cause):
    invoice = start(cryptopay_sandbox, context)
    settle_down(cryptopay_sandbox)

    (there,) = cryptopay_sandbox.invoice(invoice).refunds
    row, is_person = Refund.objects.get(), cause is RefundCause.PERSON
    assert (str(row.gateway_id), row.amount, row.currency) == (there.id, there.amount, "BTC")
    assert (row.fee_amount, row.fee_currency, row.value_amount) == (there.fee, "BTC", Decimal(value))
    place = ADDRESS if start is by_person else ""
    assert (row.address, row.network, row.txid) == (place, "bitcoin", there.txid)
    assert (row.status, row.cause, row.actor) == (RefundStatus.SUCCEEDED, cause, "ada" if is_person else "")
    assert row.reason == ("the customer asked for it" if is_person else "")
    ends = [] if context == "overpaid" else ["invoice_refunded"]
    assert sorted(kinds_of(heard)) == [*ends, "refund_created", "refund_succeeded"]
    for kind, sent, detail in heard:
        assert sent in ({None, row} if kind == "invoice_refunded" else {row})
        assert (Decimal(detail["amount"]), detail["currency"]) == (there.amount, "BTC")
        assert (Decimal(detail["value_amount"]), detail["price_currency"]) == (Decimal(value), "EUR")
    invoice.refresh_from_db()
    assert invoice.refunds_due_at is None


def test_an_overage_that_the_account_sent_back_is_found_though_no_callback_comes(cryptopay_sandbox):
    invoice = by_setting(cryptopay_sandbox, "overpaid")

    refresh_invoice(Invoice.objects.get(pk=invoice.pk))
    assert Invoice.objects.get(pk=invoice.pk).refunds_due_at is not None
    work()

    (there,) = cryptopay_sandbox.invoice(invoice).refunds
    assert (str(Refund.objects.get().gateway_id), Refund.objects.get().amount) == (there.id, there.amount)


def test_callbacks_that_come_twice_in_any_order_or_never_make_one_row(cryptopay_sandbox, heard):
    invoice = by_setting(cryptopay_sandbox, "underpaid")
    reconcile_invoices(min_age=timedelta(0))
    assert Refund.objects.count() == 1

    settle_down(cryptopay_sandbox)
    for callback in reversed(cryptopay_sandbox.callbacks(invoice)):
        cryptopay_sandbox.resend(callback)
    settle_down(cryptopay_sandbox)

    assert Refund.objects.count() == 1
    assert sorted(kinds_of(heard)) == ["invoice_refunded", "refund_created", "refund_succeeded"]


def test_a_refund_whose_callbacks_are_lost_is_found_by_asking(cryptopay_sandbox, heard):
    invoice = by_setting(cryptopay_sandbox, "paid_late")
    refresh_invoice(invoice)
    work()

    assert Refund.objects.get().invoice == invoice
    assert {"refund_created", "refund_succeeded"} < set(kinds_of(heard))


def test_the_end_of_the_invoice_names_the_refund_that_was_there_before(cryptopay_sandbox, heard):
    by_person(cryptopay_sandbox, "underpaid")

    (kind, row, _), *_ = heard
    assert kind == "refund_created"
    assert [row for kind, row, _ in heard if kind == "invoice_refunded"] == [row]


def test_a_callback_before_the_answer_waits_for_whose_refund_it_is(cryptopay_sandbox, wire):
    invoice = unresolved(cryptopay_sandbox)
    seen = []

    def hear_first():
        cryptopay_sandbox.deliver()
        work()
        seen.append(Refund.objects.count())

    wire.after_each(REFUND, hear_first)
    refund(invoice)

    assert seen == [0]
    assert [(row.cause, row.actor) for row in Refund.objects.all()] == [(RefundCause.PERSON, "ada")]


def test_a_refund_that_was_refused_is_not_taken_for_the_one_that_the_account_made(cryptopay_sandbox, wire):
    invoice = unresolved(cryptopay_sandbox)

    def overtake():
        resolve_by_setting(cryptopay_sandbox, invoice)
        cryptopay_sandbox.deliver()

    wire.just_before(REFUND, overtake)
    refund(invoice)
    settle_down(cryptopay_sandbox)

    assert Resolution.objects.get().status == "failed"
    assert [(row.cause, row.resolution) for row in Refund.objects.all()] == [(RefundCause.ACCOUNT, None)]


@pytest.mark.parametrize("fault", ["timeout", "5xx", "killed"])
def test_a_refund_whose_answer_is_lost_belongs_to_the_one_who_asked(cryptopay_sandbox, wire, fault):
    invoice = unresolved(cryptopay_sandbox)
    wire.fail(REFUND, fault, after_effect=True)
    with suppress(Killed):
        refund(invoice, address=ADDRESS)
    wire.heal()

    look(later=True)
    settle_down(cryptopay_sandbox)

    row = Refund.objects.get()
    assert (row.actor, row.cause, row.status) == ("ada", RefundCause.PERSON, RefundStatus.SUCCEEDED)


@pytest.mark.parametrize(
    ("asked", "known", "actor"), [(None, [], "ada"), (ADDRESS, [], ""), (None, [str(UUID(int=7))], "")]
)
def test_a_refund_is_that_of_an_unknown_decision_only_to_its_place_and_if_it_is_new(listed, asked, known, actor):
    invoice, shown = listed
    Resolution.objects.create(
        invoice=invoice, kind="refund", actor="ada", reason="asked for it", status="unknown", known_refund_ids=known,
        parameters={"call": "create_refund", "address": asked},
    )  # fmt: skip
    shown.append(refund_wire(invoice, id=str(UUID(int=7))))

    follow_refunds()

    assert Refund.objects.get().actor == actor


def gone_on(invoice, **state):
    """Let the row be as after so long a time."""
    Invoice.objects.filter(pk=invoice.pk).update(**state)
    Invoice.objects.filter(pk=invoice.pk).update(refunds_due_at=timezone.now())


def test_the_transaction_is_asked_for_ever_more_rarely_and_for_a_fortnight(cryptopay_sandbox, wire):
    wire.change(REFUNDS, lambda refunds: [one.update(txid=None) for one in refunds])
    by_person(cryptopay_sandbox, "underpaid")
    work()
    row, now = Refund.objects.get(), timezone.now()
    soon = Invoice.objects.get().refunds_due_at
    assert (row.status, row.txid) == (RefundStatus.PENDING, "")
    assert now < soon <= now + timedelta(minutes=1)

    Refund.objects.update(created_at=now - timedelta(hours=8))
    work()
    later = Invoice.objects.get().refunds_due_at
    assert timedelta(hours=3) < later - now < timedelta(hours=5)

    Refund.objects.update(created_at=now - timedelta(days=14))
    work()
    assert Invoice.objects.get().refunds_due_at is None
    assert Refund.objects.get().status == RefundStatus.PENDING


def test_nothing_is_asked_about_an_invoice_that_was_simply_paid(cryptopay_sandbox, wire):
    invoice = create_invoice(price_amount="100", price_currency="EUR", pay_currency="BTC")
    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.confirm(invoice)
    settle_down(cryptopay_sandbox)

    assert Invoice.objects.get().status == "completed"
    assert wire.count(REFUNDS) == 0


@pytest.mark.parametrize("how", ["over", "taken back"])
def test_a_refund_that_is_gone_at_the_gateway_has_failed(cryptopay_sandbox, wire, heard, how):
    wire.change(REFUNDS, lambda refunds: [one.update(txid=None) for one in refunds])
    invoice = by_person(cryptopay_sandbox, "underpaid")
    work()
    old = timezone.now() - timedelta(days=15)
    wire.change(REFUNDS, list.clear)
    Refund.objects.update(updated_at=old)

    work()
    assert Refund.objects.get().status == RefundStatus.PENDING, "a list that lags proves nothing"

    if how == "over":
        Refund.objects.update(created_at=old)
        gone_on(invoice)
    else:
        gone_on(invoice, status="unresolved", status_context="underpaid")
    process_overdue()

    row = Refund.objects.get()
    assert (row.status, row.failed_at is not None) == (RefundStatus.FAILED, True)
    assert heard[-1][:2] == ("refund_failed", row)


def test_a_refund_that_failed_and_was_sent_after_all_has_succeeded(cryptopay_sandbox, heard):
    by_person(cryptopay_sandbox, "underpaid")
    row = Refund.objects.get()
    Refund.objects.filter(pk=row.pk).update(status=RefundStatus.FAILED)

    settle_down(cryptopay_sandbox)

    assert Refund.objects.get().status == RefundStatus.SUCCEEDED
    assert heard[-1][0] == "refund_succeeded"


def test_a_new_refund_that_the_list_does_not_have_yet_has_not_failed(cryptopay_sandbox, wire):
    wire.change(REFUNDS, list.clear)
    invoice = by_person(cryptopay_sandbox, "underpaid")
    gone_on(invoice, status="unresolved", status_context="underpaid")

    process_overdue()

    assert Refund.objects.get().status == RefundStatus.PENDING


def test_a_gateway_that_fails_is_asked_again_later(cryptopay_sandbox, wire, caplog):
    invoice = by_setting(cryptopay_sandbox, "underpaid")
    wire.fail(REFUNDS, "5xx")
    refresh_invoice(invoice)
    assert follow_refunds() == 0
    assert "could not be read" in caplog.text
    assert Invoice.objects.get().refunds_due_at > timezone.now()

    wire.heal()
    work()
    assert Refund.objects.count() == 1


def test_a_failure_of_our_own_is_logged_and_tried_again(cryptopay_sandbox, wire, caplog):
    refresh_invoice(by_setting(cryptopay_sandbox, "underpaid"))

    def fail():
        raise RuntimeError("not today")

    wire.just_before(REFUNDS, fail)
    assert follow_refunds() == 0
    assert "refunds could not be stored" in caplog.text
    assert Refund.objects.count() == 0

    work()
    assert Refund.objects.count() == 1


def test_an_invoice_that_another_process_has_claimed_is_left_to_it(cryptopay_sandbox, wire):
    for invoice in [unresolved(cryptopay_sandbox, "overpaid") for _ in range(2)]:
        resolve_by_setting(cryptopay_sandbox, invoice)
        refresh_invoice(invoice)
    wire.just_before(REFUNDS, lambda: Invoice.objects.update(refunds_due_at=timezone.now() + timedelta(minutes=1)))

    assert follow_refunds() == 1
    assert Refund.objects.count() == 1


def test_a_list_that_two_have_read_makes_one_row(cryptopay_sandbox, wire, heard):
    refresh_invoice(by_setting(cryptopay_sandbox, "underpaid"))
    wire.just_before(REFUNDS, work)

    assert follow_refunds() == 1

    assert Refund.objects.count() == 1
    assert sorted(kinds_of(heard)) == ["invoice_refunded", "refund_created", "refund_succeeded"]


def test_a_reading_that_was_killed_is_made_again(cryptopay_sandbox, wire, heard):
    refresh_invoice(by_setting(cryptopay_sandbox, "underpaid"))
    wire.fail(REFUNDS, "killed")
    with pytest.raises(Killed):
        follow_refunds()
    assert Invoice.objects.get().refunds_due_at is not None
    wire.heal()

    work()

    assert Refund.objects.count() == 1
    assert sorted(kinds_of(heard)) == ["invoice_refunded", "refund_created", "refund_succeeded"]


def test_an_invoice_that_is_deleted_meanwhile_is_gone(cryptopay_sandbox, wire):
    invoice = by_setting(cryptopay_sandbox, "underpaid")
    refresh_invoice(invoice)

    def delete():
        for rows in (invoice.events, invoice.payments):
            rows.all().delete()
        Invoice.objects.filter(pk=invoice.pk).delete()

    wire.after_each(REFUNDS, delete)

    assert follow_refunds() == 1
    assert not Refund.objects.exists()


def test_without_time_for_a_call_none_is_made(cryptopay_sandbox, wire):
    refresh_invoice(by_setting(cryptopay_sandbox, "underpaid"))

    assert follow_refunds(deadline=time.monotonic() + 0.1) == 0
    assert wire.count(REFUNDS) == 0
    assert follow_refunds(deadline=time.monotonic() + 5) == 1


def test_what_is_due_is_seen_and_only_where_the_gateway_is_the_one_that_has_it(cryptopay_sandbox):
    refresh_invoice(by_setting(cryptopay_sandbox, "underpaid"))
    deliver_events()
    assert is_anything_due(timezone.now())

    Invoice.objects.update(environment="elsewhere.example")
    assert not is_anything_due(timezone.now())
    assert follow_refunds() == 0


def test_a_callback_about_a_refund_of_an_open_invoice_has_the_list_read(cryptopay_sandbox, settings):
    invoice = InvoiceFactory(status="unresolved", status_context="underpaid", paid_amount="0.001")
    state = {"status": "unresolved", "status_context": "underpaid", "paid_amount": "0.001", "transactions": [A]}
    shown = [refund_wire(invoice, amount="0.0004"), refund_wire(invoice, amount="0.0006")]
    gateway = ScriptedGateway(
        lambda _, path, __: (200, {"data": shown if "refunds" in path else invoice_wire(invoice, **state)})
    )
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: gateway
    receive(invoice, "refunded", state)
    assert Invoice.objects.get().refunds_due_at is not None

    process_overdue()
    rows = list(Refund.objects.order_by("amount"))
    assert [(row.amount, row.value_amount) for row in rows] == [
        (Decimal("0.0004"), Decimal(20)),
        (Decimal("0.0006"), Decimal(30)),
    ]
    assert Invoice.objects.get().refunds_due_at is not None

    shown[:] = [{**one, "txid": f"{n}" * 64} for n, one in enumerate(shown)]
    work()
    assert Invoice.objects.get().refunds_due_at is None

    state |= {"status": "refunded", "status_context": None}
    receive(invoice, "status_changed", state)
    event = invoice.events.get(kind=EventKind.INVOICE_REFUNDED)
    assert (event.detail["amount"], event.detail["value_amount"], event.refund) == ("0.001", "50", None)
    work()
    assert Invoice.objects.get().refunds_due_at is None
    assert Refund.objects.count() == 2


def receive(invoice, event, state):
    process_callback(CallbackFactory(body=callback_body(invoice_wire(invoice, **state), event)))
    deliver_events()


def refund_wire(invoice, **values):
    return {
        "id": str(uuid4()), "custom_id": None, "invoice_id": str(invoice.gateway_id), "amount": "0.001",
        "amount_currency": "BTC", "fee": None, "fee_currency": None, "address": None, "network": "bitcoin",
        "txid": None, "risk": None, "created_at": "2026-11-28T10:00:00+00:00", **values,
    }  # fmt: skip


@pytest.fixture
def listed(settings):
    """A refunded invoice, and the list of its refunds as the gateway has it."""
    invoice = InvoiceFactory(status="refunded", paid_amount="0.001", finished_at=timezone.now())
    shown = []
    gateway = ScriptedGateway(lambda *_: (200, {"data": shown}))
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: gateway
    Invoice.objects.update(refunds_due_at=timezone.now())
    return invoice, shown


@pytest.mark.parametrize(
    ("of_invoice", "of_refund", "cause"),
    [
        ({}, {}, RefundCause.ACCOUNT),
        ({}, {"address": ADDRESS}, RefundCause.UNKNOWN),
        ({"payer_email": "eve@example.org"}, {"address": ADDRESS}, RefundCause.EMAIL),
        ({"risk_level": RiskLevel.HIGH}, {"address": ADDRESS}, RefundCause.MONITORING),
    ],
)
def test_who_started_it_is_said_as_far_as_the_facts_show(listed, of_invoice, of_refund, cause):
    invoice, shown = listed
    Invoice.objects.update(**of_invoice)
    shown.append(refund_wire(invoice, **of_refund))

    work()

    assert Refund.objects.get().cause == cause


def test_a_tag_has_a_column_of_its_own_and_a_refund_of_another_invoice_is_none_of_this_one(listed):
    invoice, shown = listed
    shown += [
        refund_wire(invoice, address="rPlace?dt=77", custom_id="A1"),
        refund_wire(invoice, address="GPlace?memoId=78"),
        refund_wire(invoice, invoice_id=str(UUID(int=1))),
    ]

    work()

    places = Refund.objects.order_by("destination_tag").values_list("address", "destination_tag", "custom_id")
    assert list(places) == [("rPlace", "77", "A1"), ("GPlace", "78", "")]


def test_what_the_gateway_corrects_is_corrected_and_what_it_leaves_out_is_kept(listed):
    invoice, shown = listed
    shown.append(refund_wire(invoice, fee="0.00001", fee_currency="BTC", txid="a" * 64))
    work()
    gone_on(invoice)
    shown[0] |= {"txid": "b" * 64, "fee": None, "amount": "0.0009", "amount_currency": "XBT"}

    work()

    row = Refund.objects.get()
    assert (row.txid, row.fee_amount, row.amount) == ("b" * 64, Decimal("0.00001"), Decimal("0.0009"))


def test_a_second_refund_is_looked_for_until_all_that_went_back_is_explained(listed):
    invoice, shown = listed
    shown.append(refund_wire(invoice, amount="0.0004", txid="a" * 64))
    work()
    assert Invoice.objects.get().refunds_due_at is not None

    shown.append(refund_wire(invoice, amount="0.0006", txid="b" * 64))
    work()
    assert Invoice.objects.get().refunds_due_at is None
    assert Refund.objects.count() == 2


def test_a_merge_while_the_list_is_on_its_way_makes_it_due_again(listed, settings):
    invoice, shown = listed
    soon = timezone.now() - timedelta(seconds=1)

    def answer(*_):
        Invoice.objects.update(refunds_due_at=soon)
        return 200, {"data": shown}

    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: ScriptedGateway(answer)
    shown.append(refund_wire(invoice, txid="a" * 64))

    follow_refunds()

    assert Invoice.objects.get().refunds_due_at == soon
    assert Refund.objects.count() == 1


HEARD_BY_HANDLER = []


def book(invoice, event):
    HEARD_BY_HANDLER.append((event.kind, event.refund.amount, event.refund.invoice == invoice))


def test_a_handler_gets_the_refund_with_its_event(listed, handle):
    HEARD_BY_HANDLER.clear()
    invoice, shown = listed
    handle("refund_succeeded", book)
    shown.append(refund_wire(invoice, txid="a" * 64))

    work()

    assert [("refund_succeeded", Decimal("0.001"), True)] == HEARD_BY_HANDLER


def test_a_receiver_that_failed_gets_the_refund_when_it_is_tried_again(listed, connect):
    invoice, shown = listed
    tries = []

    def book_it(refund, **_):
        tries.append(refund)
        if len(tries) == 1:
            raise RuntimeError("the books are closed")

    connect(signals.refund_created, book_it)
    shown.append(refund_wire(invoice, address=ADDRESS))
    work()
    invoice.events.filter(delivered_at=None).update(next_attempt_at=timezone.now())
    deliver_events()

    assert tries == [Refund.objects.get()] * 2


def test_a_release_reports_the_end_with_its_figures():
    invoice = InvoiceFactory(status="refunded", paid_amount="0.001", quarantine_reason="looks odd")

    release_invoice(invoice, actor="ada", reason="it is right")

    event = invoice.events.get(kind=EventKind.INVOICE_REFUNDED)
    assert (event.detail["amount"], event.detail["value_amount"]) == ("0.001", "50")


@pytest.mark.parametrize(
    ("values", "amount", "value"),
    [
        ({}, "0.002", "100.00"),
        ({}, "0.00133333", "66.67"),
        ({"price_currency": "JPY"}, "0.00133333", "67"),
        ({"pay_amount": None}, "0.001", "50.00"),
        ({"pay_amount": None, "exchange_rate": None}, "0.001", None),
        ({"price_currency": "BTC"}, "0.0012345678", "0.0012345678"),
        ({"price_currency": "LTC", "price_amount": Decimal(1)}, "0.001", "0.50000000"),
        ({"pay_amount": Decimal("1e-18")}, "99999", None),
    ],
)
def test_the_value_is_that_of_the_orders_own_rate(values, amount, value):
    invoice = InvoiceFactory.build(**values)

    found = value_of(invoice, Decimal(amount))

    assert found == (None if value is None else Decimal(value))


def test_an_end_without_a_known_rate_says_so():
    invoice = InvoiceFactory(
        status="refunded", paid_amount="0.001", pay_amount=None, exchange_rate=None, quarantine_reason="odd"
    )

    release_invoice(invoice, actor="ada", reason="it is right")

    assert invoice.events.get(kind=EventKind.INVOICE_REFUNDED).detail["value_amount"] is None


def test_an_event_of_the_factory_has_no_refund():
    assert InvoiceEventFactory().refund is None
    assert status_event(InvoiceFactory.build(status="refunded"), at=timezone.now()).detail == {}


def lost(invoice, **values):
    """Return a decision to refund to the own account, of which no answer is there."""
    values = {"status": "unknown", "parameters": {"call": "create_refund", "address": None}, **values}
    return Resolution.objects.create(invoice=invoice, kind="refund", actor="ada", reason="asked for it", **values)


def test_a_lost_decision_made_one_refund_and_not_two(listed):
    invoice, shown = listed
    lost(invoice)
    shown += [refund_wire(invoice, amount="0.0005"), refund_wire(invoice, amount="0.0005")]

    follow_refunds()

    assert sorted(row.actor for row in Refund.objects.all()) == ["", "ada"]


def test_the_answer_that_is_found_later_says_which_refund_the_decision_made(listed):
    invoice, shown = listed
    decision = lost(invoice)
    shown.append(refund_wire(invoice, amount="0.0005"))
    follow_refunds()
    shown.append(refund_wire(invoice, amount="0.0005"))
    Resolution.objects.filter(pk=decision.pk).update(result={"refund_id": shown[1]["id"]}, status="succeeded")
    gone_on(invoice)

    follow_refunds()

    causes = dict(Refund.objects.values_list("gateway_id", "cause"))
    assert causes == {
        UUID(shown[0]["id"]): RefundCause.ACCOUNT,
        UUID(shown[1]["id"]): RefundCause.PERSON,
    }


def test_a_refund_that_was_there_before_is_not_that_of_the_decision_that_is_answered_with_it(listed):
    invoice, shown = listed
    shown.append(refund_wire(invoice))
    follow_refunds()
    known = shown[0]["id"]
    lost(invoice, status="sent", known_refund_ids=[known], result={"refund_id": known})
    gone_on(invoice)

    follow_refunds()

    assert Refund.objects.get().cause == RefundCause.ACCOUNT


def test_a_refund_is_not_that_of_an_ended_decision_while_another_one_waits_for_its_answer(listed):
    invoice, shown = listed
    lost(
        invoice,
        status="failed",
        active=None,
        next_attempt_at=timezone.now() + timedelta(days=1),
        finished_at=timezone.now(),
    )
    lost(invoice, status="sent", next_attempt_at=timezone.now())
    shown.append(refund_wire(invoice))

    follow_refunds()

    assert not Refund.objects.exists()


def test_a_memo_that_is_longer_than_any_is_no_tag(listed):
    invoice, shown = listed
    shown.append(refund_wire(invoice, address="GPlace?memoId=" + "9" * 100))

    follow_refunds()

    row = Refund.objects.get()
    row.full_clean(exclude=["invoice"])
    assert row.destination_tag == ""


def test_the_end_carries_all_that_was_paid_where_the_list_has_a_part_of_it(settings):
    invoice = InvoiceFactory(status="unresolved", status_context="underpaid", paid_amount="0.001")
    Refund.objects.create(
        invoice=invoice, gateway_id=uuid4(), amount="0.0004", currency="BTC",
        created_at=timezone.now(), updated_at=timezone.now(),
    )  # fmt: skip
    state = {"status": "refunded", "status_context": None, "paid_amount": "0.001", "transactions": [A]}
    gateway = ScriptedGateway(lambda *_: (200, {"data": invoice_wire(invoice, **state)}))
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: gateway
    receive(invoice, "status_changed", state)

    event = invoice.events.get(kind=EventKind.INVOICE_REFUNDED)
    assert (event.detail["amount"], event.refund) == ("0.001", None)


@pytest.mark.parametrize("accounts", [{}, {"default": {}}])
def test_without_an_account_that_can_be_read_the_question_what_is_due_has_an_answer(settings, accounts):
    settings.CRYPTOPAY_ACCOUNTS = accounts

    assert not is_anything_due(timezone.now())


def test_a_gateway_that_fails_three_times_in_a_row_is_left_alone_for_this_round(listed, settings):
    for _ in range(9):
        other = InvoiceFactory(status="refunded", paid_amount="0.001", finished_at=timezone.now())
        Invoice.objects.filter(pk=other.pk).update(refunds_due_at=timezone.now())
    gateway = ScriptedGateway(lambda *_: refusal(403))
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: gateway

    process_overdue()

    assert gateway.count("GET") == 3
    assert follow_refunds() == 0
    assert gateway.count("GET") == 6, "the next ones have their turn"


def test_a_receiver_that_ends_its_process_does_not_end_the_request_of_another_callback(listed, settings, connect):
    invoice, shown = listed
    shown.append(refund_wire(invoice))
    Invoice.objects.update(refunds_due_at=timezone.now() - timedelta(minutes=1))
    heard = []

    def end(**_):
        heard.append(1)
        raise SystemExit(1)

    connect(signals.refund_created, end)
    other = InvoiceFactory()
    overdue_throttle.reset()
    callback = CallbackFactory(body=callback_body(invoice_wire(other), "created"))

    process_within_budget(callback)

    assert heard == [1]


def test_a_callback_about_a_refund_of_a_completed_invoice_has_the_list_read(settings):
    invoice = InvoiceFactory(status="completed", paid_amount="0.002", settled_amount="100", finished_at=timezone.now())
    state = {"status": "completed", "paid_amount": "0.002", "transactions": [A]}
    gateway = ScriptedGateway(
        lambda _, path, __: (
            200,
            {"data": [refund_wire(invoice)] if "refunds" in path else invoice_wire(invoice, **state)},
        )
    )
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: gateway
    receive(invoice, "refunded", state)

    process_overdue()

    assert Refund.objects.count() == 1


def test_a_receiver_that_ends_its_process_on_an_outcome_does_not_end_the_request_of_another_callback(
    listed, settings, connect
):
    invoice, shown = listed
    Invoice.objects.update(refunds_due_at=None, status="unresolved", status_context="underpaid", finished_at=None)
    state = {"status": "refunded", "status_context": None, "paid_amount": "0.001", "transactions": [A]}
    gateway = ScriptedGateway(
        lambda _, path, __: (200, {"data": shown if "refunds" in path else invoice_wire(invoice, **state)})
    )
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: gateway
    overdue = timezone.now() - timedelta(minutes=1)
    lost(invoice, sent_at=overdue, next_attempt_at=overdue)
    heard = []

    def end(**_):
        heard.append(1)
        raise SystemExit(1)

    connect(signals.invoice_refunded, end)
    overdue_throttle.reset()

    process_within_budget(CallbackFactory(body=callback_body(invoice_wire(InvoiceFactory()), "created")))

    assert heard == [1]


def test_an_empty_address_is_none(listed):
    invoice, shown = listed
    shown.append(refund_wire(invoice, address="", txid="", network="", custom_id="", created_at="yesterday"))

    follow_refunds()

    assert Refund.objects.get().cause == RefundCause.ACCOUNT

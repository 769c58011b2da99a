"""The gateway's ledger of a period against our rows: what differs is named, and nothing else."""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from cryptopay_django.models import Channel, ChannelPayment, Invoice, Refund, Schedule
from cryptopay_django.services import (
    create_invoice,
    quote_settlement,
    reconcile_channels,
    reconcile_invoices,
    refund_invoice,
    settle_invoice,
)
from cryptopay_django.services.rate_limit_by_use import Use
from cryptopay_django.services.reconciliation.ledger_rows import MARGIN
from cryptopay_django.testing.factories import ChannelFactory, ChannelPaymentFactory, InvoiceFactory
from tests.rate_limits import use_up
from tests.services.desk import look, unresolved
from tests.services.ledgers import DAY, LEDGER, compare, ended_long_ago, kinds, of, without
from tests.services.topping import channel_of

pytestmark = pytest.mark.django_db(transaction=True)

INVOICE = r"GET /api/invoices/.*"


def bought(wire, price="100"):
    """A paid and completed invoice."""
    invoice = create_invoice(price_amount=price, price_currency="EUR", pay_currency="BTC")
    wire.sandbox.pay(invoice)
    wire.sandbox.confirm(invoice)
    reconcile_invoices(min_age=timedelta(0))
    return Invoice.objects.get(pk=invoice.pk)


def topped_up(wire, amount="0.01"):
    """A credited payment on a channel."""
    channel = channel_of()
    wire.sandbox.pay(channel, amount)
    wire.sandbox.confirm(channel)
    reconcile_channels()
    return ChannelPayment.objects.latest("seen_at")


def book(wire, row, at):
    """Let the gateway have booked a row of ours at another time."""
    booked = wire.sandbox.account().state.rows.values()
    next(one for one in booked if one.reference_id == str(row.gateway_id)).created_at = at


@pytest.fixture
def refunded(wire):
    """An invoice whose coins went back to the merchant's own account."""
    invoice = unresolved(wire.sandbox)
    refund_invoice(invoice, actor="anna", reason="too little")
    wire.sandbox.advance(minutes=10)
    look(later=True)
    reconcile_invoices(min_age=timedelta(0))
    return Refund.objects.get(status="succeeded")


def test_a_day_with_invoices_payments_and_a_refund_is_balanced(wire, refunded):
    bought(wire)
    topped_up(wire)
    create_invoice(price_amount="5", price_currency="EUR", pay_currency="BTC")
    ended_long_ago()

    found = compare()

    assert [str(one) for one in found.differences + found.unproven] == []
    assert (found.compared, found.others, found.unreadable, found.stopped) == (5, [], [], "")
    assert found.is_balanced


def test_a_settlement_for_less_is_what_the_ledger_has(wire):
    invoice = unresolved(wire.sandbox)
    settle_invoice(invoice, actor="anna", reason="enough", quote=quote_settlement(invoice))
    ended_long_ago()

    found = compare()

    assert Invoice.objects.get().settled_amount < 100
    assert (found.compared, found.is_balanced) == (1, True)


def test_an_invoice_that_was_made_here_and_has_no_row_is_named(wire):
    invoice = bought(wire)
    invoice.events.all().delete()
    invoice.payments.all().delete()
    Invoice.objects.filter(pk=invoice.pk).delete()

    found = compare()

    (one,) = found.differences
    assert (one.kind, one.gateway_id, one.reference) == ("missing here", invoice.gateway_id, invoice.custom_id)
    assert str(one) == (
        f"Invoice {invoice.gateway_id} ({invoice.custom_id}): missing here: nothing here, 99 EUR (completed) in the "
        "ledger"
    )
    assert not found.is_balanced


def test_a_payment_on_a_channel_of_ours_that_has_no_row_is_named(wire):
    payment = topped_up(wire)
    payment.events.all().delete()
    ChannelPayment.objects.filter(pk=payment.pk).delete()

    found = compare()

    assert kinds(found) == [("ChannelPayment", "missing here")]
    assert found.differences[0].gateway_id == payment.gateway_id


def test_what_is_not_ours_is_listed_and_no_difference(wire):
    bought(wire)
    there = bought(wire)
    there.events.all().delete()
    there.payments.all().delete()
    Invoice.objects.filter(pk=there.pk).delete()
    wire.change(INVOICE, lambda data: data.update(metadata={}))
    payment = topped_up(wire)
    payment.events.all().delete()
    ChannelPayment.objects.all().delete()
    Channel.objects.all().delete()
    wire.sandbox.deposit("EUR", "250")

    found = compare()

    assert sorted(one.reference_type for one in found.others) == ["BankDeposit", "ChannelPayment", "Invoice"]
    assert (found.differences, found.unproven) == ([], [])


def test_a_refund_without_a_row_names_no_invoice_so_it_is_in_doubt(wire, refunded):
    refunded.events.all().delete()
    Refund.objects.all().delete()

    found = compare()

    assert [(one.family, one.gateway_id) for one in found.unproven] == [("InvoiceRefund", refunded.gateway_id)]
    assert found.differences == []


@pytest.mark.parametrize(
    ("changes", "kind", "here", "there"),
    [
        ({"amount": "98.0"}, "amount", "100 EUR", "99 EUR"),
        ({"amount": "98.5", "fee": "1.5"}, "fee", "1 EUR", "1.5 EUR"),
        ({"currency": "USD"}, "currency", "EUR", "USD"),
        ({"status": "refunded"}, "status", "completed", "refunded"),
    ],
)
def test_an_invoice_of_which_the_ledger_says_otherwise_is_named(wire, changes, kind, here, there):
    invoice = bought(wire)
    wire.change(LEDGER, of(invoice, **changes))

    found = compare()

    (one,) = found.differences
    assert (one.kind, one.here, one.there, one.row) == (kind, here, there, invoice)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [({"amount": "1.0"}, "amount"), ({"fee": "0.0"}, "fee"), ({"status": "on_hold"}, "status")],
)
def test_a_payment_of_which_the_ledger_says_otherwise_is_named(wire, changes, kind):
    payment = topped_up(wire)
    wire.change(LEDGER, of(payment, **changes))

    found = compare()

    assert kinds(found) == [("ChannelPayment", kind)]
    assert found.differences[0].reference == payment.channel.custom_id


def test_a_refund_of_which_the_ledger_says_otherwise_is_named(wire, refunded):
    wire.change(LEDGER, of(refunded, amount="0.5"))

    assert kinds(compare()) == [("InvoiceRefund", "amount")]


def test_a_row_of_ours_that_was_changed_by_hand_is_named(wire):
    invoice, payment = bought(wire), topped_up(wire)
    Invoice.objects.filter(pk=invoice.pk).update(settled_amount=Decimal("99.99"))
    ChannelPayment.objects.filter(pk=payment.pk).update(received_amount=Decimal("0.01"))

    assert kinds(compare()) == [("ChannelPayment", "amount"), ("Invoice", "amount")]


def test_what_one_of_both_does_not_say_is_not_compared(wire):
    invoice = bought(wire)
    wire.change(LEDGER, of(invoice, fee=None, fee_currency=None, status=None))
    Invoice.objects.update(fee_amount=None)

    assert compare().is_balanced


def test_a_thing_that_is_booked_twice_is_named(wire):
    invoice = bought(wire)
    wire.change(LEDGER, lambda listed: listed.append({**listed[0], "id": str(uuid.uuid4())}))

    found = compare()

    assert kinds(found) == [("Invoice", "twice in the ledger")]
    assert found.differences[0].row == invoice


def test_what_the_ledger_lacks_is_named_once_it_has_had_time_for_it(wire):
    invoice, payment = bought(wire), topped_up(wire)
    wire.change(LEDGER, list.clear)
    assert compare().is_balanced, "it has just ended: the ledger can lag"
    ended_long_ago()

    found = compare()

    assert kinds(found) == [("ChannelPayment", "missing in the ledger"), ("Invoice", "missing in the ledger")]
    assert {one.gateway_id for one in found.differences} == {invoice.gateway_id, payment.gateway_id}
    assert {one.row for one in found.differences} == {invoice, payment}
    assert "100 EUR (completed) here, nothing in the ledger" in str(found.differences[0])


def test_an_invoice_of_a_minute_before_midnight_that_is_booked_after_it_is_compared_on_one_day_only(wire):
    invoice = bought(wire)
    midnight = (timezone.now() - 2 * DAY).replace(hour=0, minute=0, second=0, microsecond=0)
    Invoice.objects.update(created_at=midnight - timedelta(minutes=1), finished_at=midnight + timedelta(minutes=5))
    booked = midnight + timedelta(minutes=1)
    wire.change(LEDGER, of(invoice, created_at=f"{booked:%Y-%m-%dT%H:%M:%S}+00:00", amount="1.0"))
    wire.sandbox.invoice(invoice)
    row = next(
        row for row in wire.sandbox.account().state.rows.values() if row.reference_id == str(invoice.gateway_id)
    )
    row.created_at = booked

    before = compare(since=midnight - DAY, until=midnight)
    after = compare(since=midnight, until=midnight + DAY)

    assert (before.compared, before.is_balanced) == (0, True)
    assert kinds(after) == [("Invoice", "amount")]


def test_an_invoice_that_is_booked_days_after_it_was_made_is_looked_for_until_its_end(wire):
    invoice = bought(wire)
    made = timezone.now() - 5 * DAY
    Invoice.objects.update(created_at=made)
    ended_long_ago()
    book(wire, invoice, timezone.now() - 2 * MARGIN)

    found = compare(since=made - DAY, until=made + DAY)

    assert found.is_balanced
    assert wire.count(LEDGER) == 2
    wire.change(LEDGER, without(invoice))
    assert kinds(compare(since=made - DAY, until=made + DAY)) == [("Invoice", "missing in the ledger")]


def test_a_long_ledger_is_read_by_the_page(wire):
    for _ in range(120):
        create_invoice(price_amount="5", price_currency="EUR", pay_currency="BTC")

    found = compare()

    assert (found.compared, wire.count(LEDGER), found.is_balanced) == (120, 3, True)


def test_a_share_of_calls_that_is_used_up_is_said_and_nothing_is_concluded(wire):
    invoice = bought(wire)
    for _ in range(60):
        create_invoice(price_amount="5", price_currency="EUR", pay_currency="BTC")
    ended_long_ago()

    with time_machine.travel(timezone.now(), tick=False):
        use_up(Use.LEDGER, left=1)
        found = compare()

    assert "GatewayRateLimitError: nothing was sent: too many calls for ledger" in found.stopped
    assert (found.compared, wire.count(LEDGER)) == (50, 1)
    assert found.differences == [], f"{invoice.pk} is on the page that was not read"
    assert not found.is_balanced


def test_who_has_time_waits_for_a_share_of_calls(wire, monkeypatch):
    bought(wire)
    use_up(Use.LEDGER)
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        Schedule.objects.filter(name="ledger default").update(due_at=timezone.now())

    monkeypatch.setattr("cryptopay_django.services.rate_limit_by_use.time.sleep", sleep)

    found = compare(patience=60.0)

    assert (slept, found.is_balanced) == ([3.0], True)


def test_a_gateway_that_is_down_is_said(wire):
    bought(wire)
    ended_long_ago()
    wire.fail(LEDGER, "5xx")

    found = compare()

    assert "GatewayFaultError" in found.stopped
    assert (found.differences, found.compared) == ([], 0)


def test_a_row_that_cannot_be_read_is_noted_and_the_others_are_compared(wire):
    odd, even = bought(wire), bought(wire)
    ended_long_ago()
    wire.change(LEDGER, of(odd, amount="much"))
    wire.change(LEDGER, of(even, amount="1.0"))

    found = compare()

    assert len(found.unreadable) == 1
    assert "amount" in found.unreadable[0]
    assert [one.row for one in found.differences] == [even]
    assert [(one.row, str(one.kind)) for one in found.unproven] == [(odd, "missing in the ledger")]


def test_whether_an_invoice_was_made_here_is_not_guessed(wire):
    invoice = bought(wire)
    invoice.events.all().delete()
    invoice.payments.all().delete()
    Invoice.objects.all().delete()
    wire.fail(INVOICE, "5xx")

    found = compare()

    assert (found.differences, found.others) == ([], [])
    assert [one.gateway_id for one in found.unproven] == [invoice.gateway_id]


def test_an_invoice_whose_creation_has_had_no_answer_is_ours(wire):
    invoice = create_invoice(price_amount="5", price_currency="EUR", pay_currency="BTC")
    Invoice.objects.filter(pk=invoice.pk).update(gateway_id=None)

    found = compare()

    assert (found.compared, found.is_balanced) == (1, True)


def test_rows_of_another_account_or_environment_are_not_looked_for(wire):
    InvoiceFactory(status="completed", environment="production", finished_at=timezone.now() - 2 * MARGIN)
    channel = ChannelFactory(account="other")
    ChannelPaymentFactory(channel=channel, account="other", status="completed", finished_at=timezone.now() - DAY)

    found = compare()

    assert (found.compared, found.is_balanced) == (0, True)


def test_a_status_that_a_callback_has_settled_meanwhile_is_no_difference(wire):
    for _ in range(50):
        create_invoice(price_amount="5", price_currency="EUR", pay_currency="BTC")
    invoice, payment = bought(wire), topped_up(wire)
    Invoice.objects.filter(pk=invoice.pk).update(status="new", finished_at=None)
    wire.change(LEDGER, of(payment, status="on_hold"))

    def callback():
        Invoice.objects.filter(pk=invoice.pk).update(status="completed", finished_at=timezone.now())

    # The invoice is on the first page.
    wire.after_each(r"GET /api/transactions.*starting_after.*", callback)

    found = compare()

    assert kinds(found) == [("ChannelPayment", "status")]


def test_a_row_that_a_callback_has_brought_meanwhile_is_no_difference(wire):
    for _ in range(50):
        create_invoice(price_amount="5", price_currency="EUR", pay_currency="BTC")
    wire.sandbox.deliver()
    channel = channel_of()
    wire.sandbox.pay(channel, "0.01")
    wire.sandbox.confirm(channel)

    # The payment is on the first page.
    wire.after_each(r"GET /api/transactions.*starting_after.*", wire.sandbox.deliver)

    found = compare()
    assert ChannelPayment.objects.count() == 1
    assert (kinds(found), found.compared) == ([], 51)

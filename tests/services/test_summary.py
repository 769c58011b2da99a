"""What was paid for an order, over all its invoices and channels; and the invoice for what is missing."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.db import connection

from cryptopay_django.exceptions import (
    AmountError,
    InvoiceRequestError,
    MissingUnknownError,
    NothingMissingError,
)
from cryptopay_django.models import Invoice, Resolution, ResolutionKind
from cryptopay_django.models.orders import order_pointer
from cryptopay_django.services import PaymentSummary, create_invoice, payment_summary
from cryptopay_django.services.invoices.payment_of_order import PaymentOfOrder
from cryptopay_django.services.invoices.summary import Part, UnknownValue
from cryptopay_django.testing.factories import (
    ChannelFactory,
    ChannelPaymentFactory,
    InvoiceFactory,
    PaymentFactory,
    RefundFactory,
)

pytestmark = pytest.mark.django_db

NOTHING = Decimal(0)


def on_the_gateway(test):
    """Run a test with the sandbox, and with transactions that are committed."""
    used = pytest.mark.usefixtures("cryptopay_sandbox")
    return pytest.mark.django_db(transaction=True)(used(test))


@pytest.fixture
def order():
    return Group.objects.create(name="order 1")


def invoice_of(order, **changes) -> Invoice:
    return InvoiceFactory(**order_pointer(order), **changes)


def paid(order, settled=100, **changes) -> Invoice:
    values = {"status": "completed", "settled_amount": Decimal(settled), "paid_amount": Decimal("0.002")}
    return invoice_of(order, **{**values, **changes})


def summary_of(order, due=100) -> PaymentSummary:
    return payment_summary(order, due_amount=due, currency="EUR")


def withdrawal_of(invoice, **changes):
    """A refund that was paid from what had been credited."""
    resolution = Resolution.objects.create(
        invoice=invoice, kind=ResolutionKind.REFUND, active=None, actor="ada", reason="returned",
        parameters={"call": "create_withdrawal"},
    )  # fmt: skip
    return RefundFactory(invoice=invoice, resolution=resolution, **changes)


def test_an_order_without_invoices_lacks_all_of_its_price(order):
    InvoiceFactory(status="completed", settled_amount=Decimal(100))

    found = summary_of(order)

    assert (found.currency, found.paid_amount, found.remaining_amount) == ("EUR", NOTHING, Decimal(100))
    assert (found.is_paid, found.has_pending, found.completed_count, found.unknown) == (False, False, 0, ())


def test_an_invoice_that_nobody_has_paid_is_nothing(order):
    invoice_of(order)
    invoice_of(order, status="cancelled", paid_amount=Decimal("0.001"))

    assert summary_of(order) == summary_of(Group.objects.create(name="another"))


def test_what_was_credited_is_paid_and_the_rest_remains(order):
    paid(order, settled=60)

    found = summary_of(order)

    assert (found.paid_amount, found.remaining_amount, found.overpaid_amount) == (60, 40, 0)
    assert summary_of(order, due=60).is_paid
    assert summary_of(order, due="50.5").overpaid_amount == Decimal("9.5")


def test_without_a_price_nobody_knows_what_is_missing(order):
    paid(order)

    found = payment_summary(order)

    assert (found.currency, found.paid_amount) == ("EUR", 100)
    assert (found.due_amount, found.remaining_amount, found.overpaid_amount, found.is_paid) == (
        None,
        None,
        None,
        False,
    )


@pytest.mark.parametrize(
    "pending",
    [
        {"paid_amount": Decimal("0.001")},
        {"status": "unresolved", "status_context": "underpaid", "paid_amount": Decimal("0.001")},
        {"status": "unresolved", "status_context": "illicit_resource", "paid_amount": Decimal("0.001")},
    ],
)
def test_what_is_seen_and_not_credited_is_pending_at_the_rate_of_the_order(order, pending):
    invoice_of(order, **pending)

    found = summary_of(order)

    assert (found.pending_amount, found.paid_amount, found.remaining_amount) == (50, 0, 100)
    assert found.has_pending


def test_a_transaction_of_unknown_amount_is_pending_and_said(order):
    PaymentFactory(invoice=invoice_of(order))

    found = summary_of(order)

    assert (found.pending_amount, found.has_pending) == (0, True)
    assert found.unknown == (UnknownValue(Part.PENDING, None, "BTC"),)


def test_quarantined_money_is_not_paid_and_named_apart(order):
    paid(order, quarantine_reason="another price")
    invoice_of(order, quarantine_reason="another address", paid_amount=Decimal("0.001"))

    found = summary_of(order)

    assert (found.quarantined_amount, found.paid_amount, found.pending_amount) == (150, 0, 0)
    assert (found.has_quarantined, found.remaining_amount, found.is_paid) == (True, 100, False)


def test_an_unknown_rate_is_said_and_not_guessed(order):
    invoice_of(order, paid_amount=Decimal("0.001"), pay_amount=None, exchange_rate=None)

    found = summary_of(order)

    assert found.pending_amount == 0
    assert found.unknown == (UnknownValue(Part.PENDING, Decimal("0.001"), "BTC"),)
    assert found.is_certain


def test_money_in_another_currency_is_said_and_nothing_is_certain(order):
    paid(order, price_currency="USD")

    found = summary_of(order)

    assert found.unknown == (UnknownValue(Part.PAID, Decimal(100), "USD"),)
    assert (found.paid_amount, found.is_certain, found.remaining_amount) == (0, False, None)


def test_several_currencies_need_one_to_be_named(order):
    paid(order, price_currency="USD")
    paid(order)

    with pytest.raises(InvoiceRequestError, match="EUR, USD"):
        payment_summary(order)
    assert payment_summary(order, currency="USD").paid_amount == 100


def test_a_refund_of_what_was_not_credited_changes_nothing_that_is_paid(order):
    paid(order)
    overpaid = paid(order, paid_amount=Decimal("0.003"))
    RefundFactory(invoice=overpaid, status="succeeded")
    RefundFactory(invoice=invoice_of(order, status="refunded", paid_amount=Decimal("0.001")))

    found = summary_of(order, due=200)

    assert (found.paid_amount, found.refunded_amount, found.returned_amount) == (200, 100, 0)
    assert found.is_paid


def test_a_refund_of_a_completed_order_is_taken_off_what_is_paid(order):
    invoice = paid(order)
    withdrawal_of(invoice, value_amount=Decimal(30), status="succeeded")
    withdrawal_of(invoice, value_amount=Decimal(20))
    withdrawal_of(invoice, value_amount=Decimal(50), status="failed")

    found = summary_of(order)

    assert (found.paid_amount, found.refunded_amount, found.returned_amount, found.kept_amount) == (100, 50, 50, 50)
    assert found.remaining_amount == 50
    assert summary_of(order, due=50).is_paid


def test_a_refund_of_unknown_value_makes_what_is_missing_unknown(order):
    withdrawal_of(paid(order), value_amount=None)

    found = summary_of(order)

    assert found.unknown == (UnknownValue(Part.RETURNED, Decimal("0.001"), "BTC"),)
    assert found.remaining_amount is None


def test_coins_on_their_way_back_are_not_pending_as_well(order):
    invoice = invoice_of(order, status="unresolved", status_context="underpaid", paid_amount=Decimal("0.001"))
    RefundFactory(invoice=invoice)

    found = summary_of(order)

    assert (found.pending_amount, found.refunded_amount, found.unknown) == (0, 50, ())
    assert found.has_pending


def test_a_refund_that_is_not_listed_yet_is_said(order):
    invoice_of(order, status="refunded", paid_amount=Decimal("0.001"))

    assert summary_of(order).unknown == (UnknownValue(Part.REFUNDED, Decimal("0.001"), "BTC"),)


def test_two_completed_invoices_beyond_the_price_are_paid_twice(order):
    paid(order)
    assert not summary_of(order).is_paid_twice
    paid(order)

    found = summary_of(order)

    assert (found.is_paid_twice, found.completed_count, found.overpaid_amount) == (True, 2, 100)
    assert payment_summary(order).is_paid_twice
    assert not summary_of(order, due=200).is_paid_twice


def test_a_second_completion_in_quarantine_is_paid_twice_too(order):
    paid(order)
    paid(order, quarantine_reason="another price")

    assert summary_of(order).is_paid_twice


def test_two_halves_are_not_paid_twice(order):
    paid(order, settled=60)
    paid(order, settled=40, price_amount=Decimal(40))

    found = summary_of(order)

    assert (found.is_paid, found.is_paid_twice) == (True, False)


def test_payments_on_the_channels_of_an_order_count(order):
    channel = ChannelFactory(owner=order)
    completed = {"channel": channel, "status": "completed"}
    ChannelPaymentFactory(**completed, received_amount=Decimal(30))
    ChannelPaymentFactory(**completed, received_amount=Decimal(5), quarantine_reason="another address")
    ChannelPaymentFactory(channel=channel)
    ChannelPaymentFactory(channel=channel, status="cancelled")
    ChannelPaymentFactory(channel=ChannelFactory(), status="completed", received_amount=Decimal(1))

    found = summary_of(order)

    assert (found.paid_amount, found.quarantined_amount, found.remaining_amount) == (30, 5, 70)
    assert found.unknown == (UnknownValue(Part.PENDING, Decimal("0.01"), "BTC"),)


def test_what_was_paid_in_another_environment_does_not_count(order):
    paid(order, environment="elsewhere.example")

    assert summary_of(order).paid_amount == 0


@pytest.mark.parametrize("due", [-1, 1.5, True, "NaN", "much", Decimal("Infinity")])
def test_a_price_that_is_none_is_refused(order, due):
    with pytest.raises(AmountError):
        summary_of(order, due=due)


def test_an_order_that_is_not_saved_is_refused():
    with pytest.raises(InvoiceRequestError, match="save the order"):
        payment_summary(Group(name="new"))


def rest_of(order, price=100, **changes):
    request = {"price_amount": price, "price_currency": "EUR", "pay_currency": "BTC", "only_missing": True}
    return create_invoice(order, **{**request, **changes})


@on_the_gateway
def test_it_is_for_what_is_missing_and_made_once(order):
    paid(order, settled=60)

    first = rest_of(order)

    assert first.price_amount == 40
    assert rest_of(order) == first
    assert Invoice.objects.for_order(order).count() == 2


@on_the_gateway
def test_it_completes_the_order(order, cryptopay_sandbox):
    paid(order, settled=60)
    made = rest_of(order)

    cryptopay_sandbox.pay(made)
    cryptopay_sandbox.confirm(made)
    cryptopay_sandbox.deliver()

    assert (summary_of(order).is_paid, summary_of(order).is_paid_twice) == (True, False)
    with pytest.raises(NothingMissingError):
        rest_of(order)


@on_the_gateway
def test_nothing_is_made_while_money_is_pending(order, cryptopay_sandbox):
    paid(order, settled=60)
    made = rest_of(order)
    cryptopay_sandbox.pay(made)
    cryptopay_sandbox.deliver()

    with pytest.raises(MissingUnknownError, match="not credited yet"):
        rest_of(order)
    assert Invoice.objects.count() == 2


@on_the_gateway
@pytest.mark.parametrize(
    ("held", "why"),
    [({"quarantine_reason": "another price"}, "quarantined"), ({"price_currency": "USD"}, "another currency")],
)
def test_nothing_is_made_while_a_person_has_to_look(order, held, why):
    paid(order, settled=60, **held)

    with pytest.raises(MissingUnknownError, match=why):
        rest_of(order)


@on_the_gateway
def test_without_an_order_or_with_a_name_of_its_own_it_is_refused(order):
    with pytest.raises(InvoiceRequestError, match="needs an order"):
        rest_of(None)
    with pytest.raises(InvoiceRequestError, match="no custom_id"):
        rest_of(order, custom_id="order-1")


@on_the_gateway
def test_two_at_once_make_one(order):
    paid(order, settled=60)
    made, barrier = [], threading.Barrier(2)

    def ask():
        barrier.wait()
        try:
            made.append(rest_of(order).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(made)) == 1


@on_the_gateway
def test_a_view_asks_for_the_rest(order):
    first = paid(order, settled=60)

    class PayRest(PaymentOfOrder):
        only_missing = True

        def get_price(self, order):
            return Decimal(100), "EUR"

    class PayAll(PayRest):
        only_missing = False

    assert PayRest().get_amount(order) == (40, "EUR")
    assert PayRest().get_payment_under_way(order) is None
    assert PayAll().get_payment_under_way(order) == first
    Invoice.objects.update(settled_amount=100)
    assert PayRest().get_payment_under_way(order) == first

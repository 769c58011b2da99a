"""The withdrawals that refund completed orders, in the ledger and here: each is compared, and what differs is named."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from cryptopay_django.models import Refund, Resolution
from tests.services.ledgers import DAY, LEDGER, compare, ended_long_ago, kinds, of, without
from tests.services.returning import COMMIT, READING, arrive, completed, send_back, work

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sent(wire):
    """A refund of a part of a completed order, which has arrived."""
    invoice = completed(wire.sandbox, funds="0")
    wire.sandbox.deposit("EUR", "1000")
    send_back(invoice, "40")
    arrive(wire.sandbox)
    ended_long_ago()
    return Refund.objects.get()


def test_one_that_has_arrived_is_compared_and_balanced(wire, sent):
    found = compare()

    assert [str(one) for one in found.differences + found.unproven] == []
    assert found.compared == 2
    assert [entry.reference_id for entry in found.returns] == [sent.gateway_id]


@pytest.mark.parametrize("decision", ["", "hold", "fail"])
def test_one_that_is_under_way_is_compared_and_balanced(wire, decision):
    send_back(completed(wire.sandbox), "40")
    if decision:
        wire.sandbox.decide_withdrawal(Refund.objects.get(), decision)

    found = compare()

    assert (found.compared, found.is_balanced) == (2, True)


def test_one_that_was_cancelled_is_balanced(wire):
    send_back(completed(wire.sandbox), "40")
    for decision in ("hold", "cancel"):
        wire.sandbox.decide_withdrawal(Refund.objects.get(), decision)
    work()
    assert Refund.objects.get().status == "failed"

    assert (compare().compared, compare().is_balanced) == (2, True)


@pytest.mark.parametrize(
    ("changes", "kind", "there"),
    [
        ({"amount": "-400.0"}, "amount", "-400 EUR"),
        ({"currency": "USD"}, "currency", "USD"),
        ({"fee": "9.0"}, "fee", "9 EUR"),
        ({"status": "cancelled"}, "status", "cancelled"),
        ({"status": "on_hold"}, "status", "on_hold"),
    ],
)
def test_what_the_ledger_says_otherwise_is_named(wire, sent, changes, kind, there):
    wire.change(LEDGER, of(sent, **changes))

    (one,) = compare().differences

    assert (one.family, one.kind, one.there, one.row) == ("CoinWithdrawal", kind, there, sent)


def test_an_amount_that_comes_in_where_it_went_out_is_named(wire, sent):
    wire.change(LEDGER, of(sent, amount=f"{sent.charged_amount:f}"))

    (one,) = compare().differences

    assert (one.kind, one.here) == ("amount", f"-{sent.charged_amount.normalize():f} EUR")


def test_an_amount_counts_while_it_is_under_way(wire):
    send_back(completed(wire.sandbox), "40")
    wire.change(LEDGER, of(Refund.objects.get(), amount="-400.0"))

    assert kinds(compare()) == [("CoinWithdrawal", "amount")]


def test_what_the_ledger_does_not_say_is_not_compared(wire, sent):
    wire.change(LEDGER, of(sent, status=None, fee=None, fee_currency=None))

    assert compare().is_balanced


@pytest.mark.parametrize("is_over", [True, False])
def test_one_that_the_ledger_lacks_is_named(wire, sent, is_over):
    Refund.objects.update(created_at=timezone.now() - timedelta(hours=2))
    if not is_over:
        Refund.objects.update(status="pending", succeeded_at=None)
    wire.change(LEDGER, without(sent))

    (one,) = compare(since=timezone.now() - 2 * DAY).differences

    assert (one.family, one.kind) == ("CoinWithdrawal", "missing in the ledger")
    assert one.here == f"{sent.charged_amount.normalize():f} EUR ({'succeeded' if is_over else 'pending'})"


def test_one_that_came_to_nothing_may_be_missing(wire, sent):
    Refund.objects.update(status="failed", created_at=timezone.now() - timedelta(hours=2))
    wire.change(LEDGER, without(sent))

    assert compare().is_balanced


def test_one_that_was_asked_for_here_and_has_no_row_is_named(wire):
    invoice = completed(wire.sandbox)
    wire.fail(rf"{COMMIT}|{READING}", "timeout", after_effect=True)
    unknown = send_back(invoice, "40")
    wire.heal()
    assert (unknown.status, Refund.objects.count()) == ("unknown", 0)

    (one,) = compare().differences

    assert (one.family, one.kind) == ("CoinWithdrawal", "missing here")
    assert (str(one.gateway_id), one.reference) == (unknown.parameters["withdrawal_id"], str(unknown.pk))


def test_one_whose_row_comes_while_the_ledger_is_read_is_no_difference(wire):
    invoice = completed(wire.sandbox)
    wire.fail(rf"{COMMIT}|{READING}", "timeout", after_effect=True)
    send_back(invoice, "40")
    wire.heal()
    wire.after_each(LEDGER, work)

    found = compare()

    assert (found.is_balanced, found.compared, Refund.objects.count()) == (True, 2, 1)


def test_a_withdrawal_of_the_shops_own_is_not_ours(wire, sent):
    sent.invoice.events.all().delete()
    Refund.objects.all().delete()
    Resolution.objects.all().delete()

    found = compare()

    assert [entry.reference_type for entry in found.others if entry.reference_type == "CoinWithdrawal"]
    assert found.is_balanced


def test_one_that_is_in_the_ledger_twice_is_named(wire, sent):
    def again(listed):
        listed += [entry | {"id": str(sent.pk)} for entry in listed if entry["reference_id"] == str(sent.gateway_id)]

    wire.change(LEDGER, again)

    assert kinds(compare()) == [("CoinWithdrawal", "twice in the ledger")]

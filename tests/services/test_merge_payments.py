"""What a snapshot says of payments: seen, confirmed, scored, and how much each of them was."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from cryptopay_django.services.snapshots.merge import Source
from cryptopay_django.testing.factories import PaymentFactory, transaction_wire

from .merging import NOW, A, B, kinds, row, take


def test_a_transaction_that_was_not_seen_is_a_payment_and_is_told_of():
    invoice = row()

    merge = take(invoice, paid_amount="0.002", transactions=[transaction_wire(A), transaction_wire(A)])

    (payment,) = merge.new_payments
    assert (payment.invoice, payment.txid, payment.detected_at) == (invoice, A, NOW)
    assert (payment.status, payment.amount, payment.confirmed_at) == ("detected", Decimal("0.002"), None)
    (event,) = merge.events
    assert (event.kind, event.once, event.payment) == ("payment_detected", f"payment_detected:{A}", payment)
    assert (event.invoice, event.created_at) == (invoice, NOW)
    assert merge.changed_payments == {}, "a new one is written whole"
    assert merge.changed == {"paid_amount", "risk_level"}
    assert invoice.risk_level == "low"


def test_a_transaction_that_is_known_is_no_news():
    invoice = row(paid_amount=Decimal("0.002"))
    known = PaymentFactory.build(pk=1, txid=A, amount=Decimal("0.002"))

    assert not take(invoice, [known], paid_amount="0.002", transactions=[transaction_wire(A, level=None)])


@pytest.mark.parametrize("status", ["completed", "unresolved", "refunded"])
def test_a_settled_snapshot_confirms_all_that_it_lists(status):
    known = [PaymentFactory.build(pk=number, txid=txid) for number, txid in enumerate((A, B), 1)]

    merge = take(
        row(), known, status=status, transactions=[transaction_wire(A, level=None), transaction_wire(B, level=None)]
    )

    assert [(payment.status, payment.confirmed_at) for payment in known] == [("confirmed", NOW)] * 2
    assert merge.changed_payments == {payment: {"status", "confirmed_at"} for payment in known}
    told = [event for event in merge.events if event.kind == "payment_confirmed"]
    assert [event.once for event in told] == [f"payment_confirmed:{A}", f"payment_confirmed:{B}"]
    assert [(event.payment, event.created_at) for event in told] == [(payment, NOW) for payment in known]


@pytest.mark.parametrize("status", ["new", "cancelled"])
def test_no_other_status_confirms_a_payment(status):
    merge = take(row(), status=status, transactions=[transaction_wire(A)])

    assert merge.new_payments[0].status == "detected"


@pytest.mark.parametrize(
    ("message", "listed", "open_before", "confirmed"),
    [
        ("transaction_confirmed", [A], [A], [A]),
        ("transaction_confirmed", [A, B], [A, B], []),
        ("transaction_confirmed", [A, B], [B], [B]),
        ("transaction_confirmed", [A, B], [], []),
        ("transaction_created", [A], [A], []),
        ("", [A], [A], []),
    ],
)
def test_a_confirmation_confirms_only_what_it_must_mean(message, listed, open_before, confirmed):
    known = [
        PaymentFactory.build(pk=number, txid=txid, status="detected" if txid in open_before else "confirmed")
        for number, txid in enumerate(listed, 1)
    ]

    merge = take(row(), known, message=message, transactions=[transaction_wire(txid, level=None) for txid in listed])

    told = [event.payment.txid for event in merge.events if event.kind == "payment_confirmed"]
    assert told == confirmed
    assert [payment.txid for payment in known if payment.confirmed_at == NOW] == confirmed


def test_a_confirmed_payment_is_not_confirmed_again():
    before = NOW - timedelta(hours=1)
    known = PaymentFactory.build(pk=1, txid=A, status="confirmed", confirmed_at=before)

    merge = take(row(), [known], status="completed", transactions=[transaction_wire(A, level=None)])

    assert (known.confirmed_at, kinds(merge)) == (before, ["invoice_completed"])


def test_risk_is_taken_whole_and_to_twelve_places():
    known = PaymentFactory.build(pk=1, txid=A)
    risk = {
        "score": 3.4027701288128616, "level": "medium",
        "resource_name": "Mixer", "resource_category": "mixing",
    }  # fmt: skip

    merge = take(row(), [known], transactions=[{"txid": A, "risk": risk, "source_addresses": ["one", "two"]}])

    assert (known.risk_score, known.risk_level) == (Decimal("3.402770128813"), "medium")
    assert (known.risk_resource_name, known.risk_resource_category) == ("Mixer", "mixing")
    assert known.source_addresses == ["one", "two"]
    assert merge.changed_payments == {
        known: {"risk_score", "risk_level", "risk_resource_name", "risk_resource_category", "source_addresses"}
    }


def test_what_is_known_of_a_payment_is_not_lost_to_a_snapshot_without():
    known = PaymentFactory.build(
        pk=1, txid=A, risk_score=Decimal(3), risk_level="low", risk_resource_name="Shop", source_addresses=["one"]
    )

    assert not take(row(risk_level="low"), [known], transactions=[{"txid": A, "risk": None}])
    assert (known.risk_score, known.risk_resource_name, known.source_addresses) == (Decimal(3), "Shop", ["one"])


def test_a_risk_without_a_resource_is_taken():
    known = PaymentFactory.build(pk=1, txid=A, risk_resource_name="Shop", risk_resource_category="trade")
    risk = {"score": 3, "level": "low", "resource_name": None, "resource_category": None}

    take(row(), [known], transactions=[{"txid": A, "risk": risk}])

    assert (known.risk_level, known.risk_resource_name, known.risk_resource_category) == ("low", "", "")


@pytest.mark.parametrize(
    ("before", "level", "told"),
    [("", "high", True), ("low", "high", True), ("high", "high", False), ("", "low", False), ("high", "low", False)],
)
def test_a_high_risk_is_told_of_when_it_is_first_seen(before, level, told):
    invoice, known = row(), PaymentFactory.build(pk=1, txid=A, risk_level=before)

    merge = take(invoice, [known], transactions=[transaction_wire(A, level=level)])

    assert ("risk_high" in kinds(merge)) is told
    for event in merge.events:
        assert (event.payment, event.invoice, event.created_at) == (known, invoice, NOW)


def test_a_new_payment_of_high_risk_is_seen_first_and_told_of_then():
    merge = take(row(), transactions=[transaction_wire(A, level="high")])

    assert kinds(merge) == ["payment_detected", "risk_high"]


@pytest.mark.parametrize(
    ("amounts", "paid", "expected"),
    [
        ([None], "0.002", ["0.002"]),
        (["0.0005", None], "0.002", ["0.0005", "0.0015"]),
        ([None, None], "0.002", [None, None]),
        (["0.002", None], "0.002", ["0.002", None]),
        (["0.003", None], "0.002", ["0.003", None]),
        (["0.0005", "0.0005"], "0.002", ["0.0005", "0.0005"]),
        (["0.000000000000000001", None], "999999999999.000000000000000003",
         ["0.000000000000000001", "999999999999.000000000000000002"]),
    ],
)  # fmt: skip
def test_the_one_payment_of_unknown_amount_gets_what_the_others_do_not_explain(amounts, paid, expected):
    known = [
        PaymentFactory.build(pk=number, txid=f"{number:064x}", amount=amount and Decimal(amount))
        for number, amount in enumerate(amounts, 1)
    ]

    merge = take(
        row(), known, paid_amount=paid, transactions=[transaction_wire(payment.txid, level=None) for payment in known]
    )

    assert [payment.amount for payment in known] == [amount and Decimal(amount) for amount in expected]
    learned = [payment for payment, before in zip(known, amounts, strict=True) if payment.amount and not before]
    assert merge.changed_payments == {payment: {"amount"} for payment in learned}


def test_payments_are_taken_even_where_the_seal_is_broken():
    merge = take(row(), source=Source.GET, price_amount="1", transactions=[transaction_wire(A)])

    assert kinds(merge) == ["invoice_quarantined", "payment_detected"]


def test_what_the_gateway_has_outrun_can_confirm_a_payment_after_others():
    known = [PaymentFactory.build(pk=1, txid=B)]
    listed = [transaction_wire(A), transaction_wire(B)]

    take(row(), known, outdated=True, message="transaction_confirmed", transactions=listed)

    assert known[0].status == "confirmed"


def test_what_the_gateway_has_outrun_adds_nothing_but_the_message_that_a_known_payment_was_confirmed():
    known = PaymentFactory.build(pk=1, txid=A)
    listed = [transaction_wire(A, level="high"), transaction_wire(B)]

    merge = take(row(), [known], outdated=True, message="transaction_confirmed", paid_amount="9", transactions=listed)

    assert kinds(merge) == ["payment_confirmed"]
    assert (known.status, known.risk_level, known.amount, merge.changed) == ("confirmed", "", None, set())

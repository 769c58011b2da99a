"""What reading shows of a settlement or refund without an answer: each verdict by itself, in memory."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from cryptopay_django.gateway.schemas import Refund
from cryptopay_django.models import Resolution
from cryptopay_django.services.resolver import COMMIT, REFUND, Verdict, outcome_of, refund_figures

from .merging import NOW, row, said

SAFE = timedelta(seconds=300)
OURS, BEFORE = UUID(int=1), UUID(int=2)
STILL = {"status": "unresolved", "status_context": "underpaid"}


@pytest.fixture(autouse=True)
def _interval(settings):
    settings.CRYPTOPAY_RESOLUTION_SAFE_SECONDS = 300


def refund(refund_id=OURS, **values):
    return Refund(
        **{
            "id": refund_id,
            "invoice_id": UUID(int=9),
            "amount": Decimal("0.0010"),
            "amount_currency": "BTC",
            **values,
        }
    )


def outcome(call, now, refunds=(), *, age=timedelta(0), address=None, result=None, sent_at=NOW):
    resolution = Resolution(
        parameters={"call": call, "status_context": "underpaid", "address": address},
        known_refund_ids=[str(BEFORE)],
        result=result or {},
        sent_at=sent_at,
    )
    return outcome_of(resolution, said(row(), price_amount="51.50", **now), refunds, read_at=NOW + age)


@pytest.mark.parametrize(
    ("call", "now", "age", "verdict", "why"),
    [
        (COMMIT, {"status": "completed"}, SAFE * 0, Verdict.DONE, "the invoice is completed"),
        (COMMIT, {"status": "completed"}, SAFE, Verdict.DONE, "the invoice is completed"),
        (COMMIT, {"status": "refunded"}, SAFE * 0, Verdict.NOT_DONE,
         "the invoice ended as refunded, not by this settlement"),
        (COMMIT, {"status": "cancelled"}, SAFE, Verdict.NOT_DONE,
         "the invoice ended as cancelled, not by this settlement"),
        (COMMIT, STILL, SAFE - timedelta(seconds=1), Verdict.OPEN,
         "no trace of it yet (the invoice is unresolved underpaid), and it may still be on its way"),
        (COMMIT, STILL, SAFE, Verdict.NOT_DONE,
         "it did not arrive: the invoice is unresolved underpaid, and nothing of it is there"),
        (COMMIT, {**STILL, "status_context": "paid_late"}, SAFE * 0, Verdict.OPEN,
         "no trace of it yet (the invoice is unresolved paid_late), and it may still be on its way"),
        (REFUND, {"status": "refunded"}, SAFE * 0, Verdict.OPEN,
         "no trace of it yet (the invoice is refunded), and it may still be on its way"),
        (REFUND, {"status": "completed"}, SAFE * 0, Verdict.OPEN,
         "no trace of it yet (the invoice is completed), and it may still be on its way"),
        (REFUND, {"status": "refunded"}, SAFE, Verdict.NOT_DONE,
         "it did not arrive: the invoice is refunded, and nothing of it is there"),
    ],
)  # fmt: skip
def test_without_proof_the_invoice_and_the_time_decide(call, now, age, verdict, why):
    found = outcome(call, now, age=age)

    assert (found.verdict, found.why) == (verdict, why)


def test_nothing_is_safe_to_say_of_what_was_never_sent():
    assert outcome(REFUND, STILL, age=SAFE * 9, sent_at=None).verdict is Verdict.OPEN


@pytest.mark.parametrize("proof", [{"result": {"refund_id": "there"}}, {"refunds": [refund()]}])
@pytest.mark.parametrize(
    ("now", "age", "verdict", "why"),
    [
        (STILL, SAFE - timedelta(seconds=1), Verdict.OPEN, "accepted, but the invoice is still as it was"),
        (STILL, SAFE, Verdict.DONE, "the invoice is unresolved underpaid"),
        ({**STILL, "status_context": "overpaid"}, SAFE * 0, Verdict.DONE, "the invoice is unresolved overpaid"),
        ({"status": "unresolved"}, SAFE * 0, Verdict.DONE, "the invoice is unresolved"),
        ({"status": "refunded"}, SAFE * 0, Verdict.DONE, "the invoice is refunded"),
        ({"status": "completed"}, SAFE * 0, Verdict.DONE, "the invoice is completed"),
    ],
)
def test_with_proof_it_is_done_when_the_invoice_has_moved_or_had_time_to(proof, now, age, verdict, why):
    found = outcome(REFUND, now, age=age, **proof)

    assert (found.verdict, found.why) == (verdict, why)


def test_what_was_found_is_kept():
    assert outcome(COMMIT, {"status": "completed"}).found == {"status": "completed", "price_amount": "51.50"}
    figures = {"status": "refunded", "price_amount": "51.50", **refund_figures(refund())}
    assert outcome(REFUND, {"status": "refunded"}, [refund()]).found == figures
    assert outcome(REFUND, STILL, [refund()]).found == {**figures, "status": "unresolved"}
    assert outcome(REFUND, STILL, result={"refund_id": "there"}).found == {}
    assert outcome(REFUND, {"status": "refunded"}, age=SAFE).found == {}
    assert outcome(COMMIT, {"status": "refunded"}).found == {"status": "refunded", "price_amount": "51.50"}


@pytest.mark.parametrize(
    ("asked", "refunds", "is_ours"),
    [
        (None, [refund()], True),
        (None, [refund(BEFORE)], False),
        (None, [refund(BEFORE), refund()], True),
        (None, [refund(address="there")], False),
        ("there", [refund()], False),
        ("there", [refund(address="there")], True),
        ("there", [refund(address="THERE")], True),
        ("there?dt=77", [refund(address="there")], True),
        ("there", [refund(address="there?dt=77")], True),
        ("there", [refund(address="elsewhere")], False),
    ],
)
def test_a_refund_is_ours_if_it_is_new_and_went_to_the_same_place(asked, refunds, is_ours):
    found = outcome(REFUND, {"status": "refunded"}, refunds, address=asked)

    assert (found.verdict is Verdict.DONE) is is_ours
    assert ("refund_id" in found.found) is is_ours


def test_the_figures_of_a_refund_are_texts():
    full = refund(fee=Decimal("0.00010"), fee_currency="BTC", address="there")

    assert refund_figures(full) == {
        "refund_id": str(OURS),
        "amount": "0.0010",
        "currency": "BTC",
        "fee_amount": "0.00010",
        "fee_currency": "BTC",
        "address": "there",
    }
    assert [refund_figures(refund())[name] for name in ("fee_amount", "fee_currency", "address")] == [None] * 3

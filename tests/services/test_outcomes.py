"""What reading shows of a settlement or refund without an answer: each verdict by itself, in memory."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest

from cryptopay_django.gateway.schemas import Recalculation, Refund
from cryptopay_django.models import Resolution
from cryptopay_django.services.resolution.judge_outcome import (
    NOT_AS_ASKED,
    REFUND,
    SETTLEMENT,
    WITHDRAWAL,
    Verdict,
    oddities_of_commit,
    oddities_of_refund,
    outcome_of,
    outcome_of_withdrawal,
    refund_figures,
)

from .merging import row, said

OURS, BEFORE = UUID(int=1), UUID(int=2)
STILL = {"status": "unresolved", "status_context": "underpaid"}


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


def outcome(call, now, refunds=(), *, result=None, **asked):
    invoice = row(gateway_id=UUID(int=9))
    resolution = Resolution(
        invoice=invoice,
        parameters={"call": call, "status_context": "underpaid", "address": None, **asked},
        known_refund_ids=[str(BEFORE)],
        result=result or {},
    )
    return outcome_of(resolution, said(invoice, price_amount="51.50", **now), refunds)


@pytest.mark.parametrize(
    ("call", "now", "verdict", "why"),
    [
        (SETTLEMENT, {"status": "completed"}, Verdict.DONE, "the invoice is completed"),
        (
            SETTLEMENT,
            {"status": "refunded"},
            Verdict.NOT_DONE,
            "the invoice ended as refunded, not by this settlement",
        ),
        (
            SETTLEMENT,
            {"status": "cancelled"},
            Verdict.NOT_DONE,
            "the invoice ended as cancelled, not by this settlement",
        ),
        (SETTLEMENT, STILL, Verdict.OPEN, "no trace of it (the invoice is unresolved underpaid)"),
        (SETTLEMENT, {**STILL, "status_context": "paid_late"}, Verdict.OPEN, "no trace of it"),
        (REFUND, STILL, Verdict.OPEN, "no trace of it"),
        (REFUND, {"status": "refunded"}, Verdict.OPEN, "no trace of it (the invoice is refunded)"),
        (REFUND, {"status": "completed"}, Verdict.OPEN, "no trace of it (the invoice is completed)"),
        (REFUND, {"status": "cancelled"}, Verdict.OPEN, "no trace of it"),
    ],
)
def test_without_proof_the_invoice_decides_and_an_empty_list_decides_nothing(call, now, verdict, why):
    found = outcome(call, now)

    assert found.verdict is verdict
    assert found.why.startswith(why)


@pytest.mark.parametrize(
    ("result", "why", "is_traced"),
    [({"withdrawal_id": "there"}, "accepted, but", True), ({}, "no trace of it", False)],
)
def test_a_withdrawal_that_the_gateway_does_not_show_stays_open(result, why, is_traced):
    resolution = Resolution(invoice=row(), parameters={"call": WITHDRAWAL}, result=result)

    found = outcome_of_withdrawal(resolution, None)

    assert (found.verdict, found.is_traced) == (Verdict.OPEN, is_traced)
    assert found.why.startswith(why)


@pytest.mark.parametrize("proof", [{"result": {"refund_id": "there"}}, {"refunds": [refund()]}])
@pytest.mark.parametrize(
    ("now", "verdict"),
    [
        (STILL, Verdict.OPEN),
        ({**STILL, "status_context": "overpaid"}, Verdict.OPEN),
        ({"status": "unresolved"}, Verdict.OPEN),
        ({"status": "new"}, Verdict.OPEN),
        ({"status": "refunded"}, Verdict.DONE),
        ({"status": "completed"}, Verdict.DONE),
    ],
)
def test_with_proof_it_is_done_when_the_invoice_is_final_and_not_before(proof, now, verdict):
    found = outcome(REFUND, now, **proof)

    assert (found.verdict, found.is_traced) == (verdict, True)


def test_what_was_found_is_kept():
    assert outcome(SETTLEMENT, {"status": "completed"}).found == {"status": "completed", "price_amount": "51.50"}
    figures = {"status": "refunded", "price_amount": "51.50", **refund_figures(refund())}
    assert outcome(REFUND, {"status": "refunded"}, [refund()]).found == figures
    assert outcome(REFUND, STILL, [refund()]).found == {**figures, "status": "unresolved"}
    assert outcome(REFUND, STILL, result={"refund_id": "there"}).found == {}
    assert outcome(REFUND, {"status": "refunded"}).found == {}
    assert outcome(SETTLEMENT, {"status": "refunded"}).found == {"status": "refunded", "price_amount": "51.50"}


PLAIN = {"paid_amount": "0.001", "pay_currency": "BTC", "network": "bitcoin", "address": "there"}
OVER = PLAIN | {"status_context": "overpaid", "pay_amount": "0.0004"}


@pytest.mark.parametrize(
    ("asked", "made", "word"),
    [
        (PLAIN, {}, None),
        (PLAIN, {"amount": Decimal("0.00100")}, None),
        (PLAIN, {"network": "bitcoin"}, None),
        (PLAIN, {"amount": Decimal("0.0009")}, "0.0009 BTC, and 0.001 BTC"),
        (PLAIN, {"amount": Decimal("0.0011")}, "0.0011 BTC, and 0.001 BTC"),
        (PLAIN, {"amount_currency": "ETH"}, "0.0010 ETH"),
        (PLAIN, {"network": "lightning"}, "lightning"),
        (PLAIN, {"address": None}, "merchant's own account"),
        (PLAIN, {"address": "elsewhere"}, "elsewhere"),
        (PLAIN, {"invoice_id": UUID(int=8)}, "another invoice"),
        (PLAIN | {"address": None}, {"address": "there"}, "to there"),
        (PLAIN | {"address": "there?dt=77"}, {}, "to there, and to there?dt=77"),
        (PLAIN | {"address": "there?dt=77"}, {"address": "there?dt=78"}, "dt=78"),
        (PLAIN | {"address": "there?dt=77"}, {"address": "there?memoId=77"}, None),
        (PLAIN | {"address": "there?dt=77"}, {"address": "THERE?dt=077"}, None),
        (OVER, {"amount": Decimal("0.0006")}, None),
        (OVER, {}, None),
        (OVER, {"amount": Decimal("0.0005")}, "0.0005"),
        (OVER | {"refund_overage": True}, {"amount": Decimal("0.0006")}, None),
        (OVER | {"refund_overage": True}, {}, "0.0006 BTC was asked"),
        (OVER | {"pay_amount": None}, {"amount": Decimal("0.0005")}, None),
    ],
)
def test_a_refund_is_compared_with_what_was_asked(asked, made, word):
    resolution = Resolution(invoice=row(gateway_id=UUID(int=9)), parameters={"status_context": "underpaid", **asked})

    odd = "; ".join(oddities_of_refund(resolution, refund(**{"address": "there", **made})))

    assert word in odd if word else odd == ""


def test_a_refund_that_was_there_before_it_was_asked_for_is_odd():
    resolution = Resolution(invoice=row(gateway_id=UUID(int=9)), known_refund_ids=[str(BEFORE)], parameters={})

    assert "there before" in oddities_of_refund(resolution, refund(BEFORE))[0]


QUOTED = {
    "recalculation_id": str(OURS), "credited_amount": "51.50", "price_currency": "EUR", "paid_amount": "0.001",
    "pay_currency": "BTC",
}  # fmt: skip


@pytest.mark.parametrize(
    ("made", "word"),
    [
        ({}, None),
        ({"price_amount": Decimal("51.49")}, "51.49 EUR, and 51.50 EUR"),
        ({"price_currency": "USD"}, "51.5 USD"),
        ({"pay_amount": Decimal("0.002")}, "0.002 BTC"),
        ({"pay_currency": "LTC"}, "0.0010 LTC"),
        ({"id": BEFORE}, f"recalculation {BEFORE}"),
        ({"invoice_id": UUID(int=8)}, "another invoice"),
    ],
)
def test_a_settlement_is_compared_with_its_quote(made, word):
    values = {
        "id": OURS, "invoice_id": UUID(int=9), "price_amount": Decimal("51.5"), "price_currency": "EUR",
        "pay_amount": Decimal("0.0010"), "pay_currency": "BTC",
    }  # fmt: skip
    resolution = Resolution(invoice=row(gateway_id=UUID(int=9)), parameters=QUOTED)

    odd = "; ".join(oddities_of_commit(resolution, Recalculation(**values | made)))

    assert word in odd if word else odd == ""


@pytest.mark.parametrize(
    ("call", "asked", "status", "word"),
    [
        (REFUND, {}, "refunded", None),
        (REFUND, {}, "completed", "refunded was expected"),
        (REFUND, {}, "cancelled", "refunded was expected"),
        (REFUND, {"status_context": "overpaid"}, "completed", None),
        (REFUND, {"status_context": "overpaid"}, "refunded", None),
        (REFUND, {"status_context": "overpaid", "refund_overage": True}, "refunded", "completed was expected"),
        (SETTLEMENT, QUOTED, "completed", None),
        (SETTLEMENT, QUOTED | {"credited_amount": "60"}, "completed", "credited is 51.50 EUR, and 60 EUR"),
        (SETTLEMENT, QUOTED, "refunded", "completed was expected"),
    ],
)
def test_an_end_that_nobody_expected_is_odd(call, asked, status, word):
    odd = outcome(call, {"status": status}, result={"refund_id": "there"}, **asked).found.get(NOT_AS_ASKED, "")

    assert word in odd if word else odd == ""


def test_what_was_odd_about_the_answer_stays_so():
    found = outcome(REFUND, {"status": "refunded"}, result={NOT_AS_ASKED: "the amount is odd"}).found

    assert found[NOT_AS_ASKED] == "the amount is odd"


def test_two_new_refunds_of_one_invoice_are_odd():
    assert (
        "lists 2 refunds"
        in outcome(REFUND, {"status": "refunded"}, [refund(), refund(UUID(int=3))]).found[NOT_AS_ASKED]
    )


@pytest.mark.parametrize(("now", "verdict"), [(STILL, Verdict.OPEN), ({"status": "refunded"}, Verdict.NOT_DONE)])
def test_a_refund_to_another_place_ends_it_only_with_the_invoice(now, verdict):
    found = outcome(REFUND, now, [refund(address="elsewhere")])

    assert (found.verdict, found.is_traced) == (verdict, True)
    assert "to elsewhere" in found.why


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

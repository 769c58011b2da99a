"""Refunds that nobody here has made, or that the gateway's list shows otherwise than its answer: nothing goes twice."""

from __future__ import annotations

from functools import partial
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from cryptopay_django.exceptions import InvoiceChangedError, NotResolvableError, Obstacle
from cryptopay_django.models import Invoice, Refund, RefundStatus, Resolution
from cryptopay_django.services import (
    approve_resolution,
    process_overdue,
    refund_invoice,
    settle_invoice,
)

from .desk import ADDRESS, COMMIT, REFUND, REFUNDS, kinds, unresolved

pytestmark = pytest.mark.django_db(transaction=True)

BY_ADA = {"actor": "ada", "reason": "customer called"}
ELSEWHERE = "2N1FWhmzcMBCFTBcQAhtSvpt5cjKcRh36pV"


def refund_wire(invoice, amount, **values):
    return {
        "id": str(uuid4()), "custom_id": None, "invoice_id": str(invoice.gateway_id), "amount": str(amount),
        "amount_currency": "BTC", "fee": None, "fee_currency": None, "address": None, "network": "bitcoin",
        "txid": None, "risk": None, "created_at": "2026-11-28T10:00:00+00:00", **values,
    }  # fmt: skip


@pytest.fixture
def made(wire):
    """Let the gateway list a refund that somebody made in the account, while the invoice is still unresolved."""

    def make(invoice, amount, **values):
        listed = refund_wire(invoice, amount, **values)
        wire.change(REFUNDS, lambda data: data.append(listed))
        return listed

    return make


@pytest.mark.parametrize(
    ("context", "act"),
    [
        ("underpaid", partial(refund_invoice, address=ADDRESS)),
        ("paid_late", refund_invoice),
        ("overpaid", partial(refund_invoice, address=ADDRESS)),
        ("overpaid", partial(settle_invoice, refund_overage=True)),
        ("underpaid", settle_invoice),
        ("paid_late", settle_invoice),
        ("overpaid", settle_invoice),
    ],
    ids=[
        "underpaid",
        "paid_late",
        "overpaid",
        "overage",
        "settle underpaid",
        "settle paid_late",
        "settle overpaid",
    ],
)
def test_what_somebody_sends_back_in_the_account_is_not_sent_back_or_settled_here_too(
    wire, cryptopay_sandbox, made, context, act
):
    invoice = unresolved(cryptopay_sandbox, context)
    listed = made(invoice, invoice.paid_amount - (invoice.pay_amount if context == "overpaid" else 0))

    with pytest.raises(NotResolvableError, match="already") as caught:
        act(invoice, **BY_ADA)

    assert caught.value.obstacle == Obstacle.NOTHING_LEFT
    assert (wire.count(REFUND), wire.count(COMMIT), Resolution.objects.count()) == (0, 0, 0)
    process_overdue()
    assert str(Refund.objects.get().gateway_id) == listed["id"]


@pytest.mark.parametrize(
    "values", [{"invoice_id": str(UUID(int=1))}, {"amount_currency": "ETH"}, {"amount": "0.00001"}], ids=str
)
def test_a_refund_of_something_else_or_of_a_part_is_in_nobodys_way(wire, cryptopay_sandbox, made, values):
    invoice = unresolved(cryptopay_sandbox)
    made(invoice, **{"amount": invoice.paid_amount, **values})

    refund_invoice(invoice, address=ADDRESS, **BY_ADA)

    assert wire.count(REFUND) == 1


def test_a_refund_that_has_failed_is_in_nobodys_way(wire, cryptopay_sandbox, made):
    invoice = unresolved(cryptopay_sandbox)
    listed = made(invoice, invoice.paid_amount)
    now = timezone.now()
    Refund.objects.create(
        invoice=invoice, gateway_id=listed["id"], amount=invoice.paid_amount, currency="BTC",
        status=RefundStatus.FAILED, created_at=now, updated_at=now,
    )  # fmt: skip

    refund_invoice(invoice, address=ADDRESS, **BY_ADA)

    assert wire.count(REFUND) == 1


@pytest.mark.parametrize("act", [partial(refund_invoice, address=ADDRESS), settle_invoice], ids=["refund", "settle"])
def test_a_decision_that_waits_for_a_second_person_is_dropped(wire, cryptopay_sandbox, settings, made, act):
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = {"EUR": 1}
    invoice = unresolved(cryptopay_sandbox)
    waiting = act(invoice, **BY_ADA)
    made(invoice, invoice.paid_amount)

    with pytest.raises(InvoiceChangedError, match="dropped"):
        approve_resolution(waiting, actor="bob")

    waiting.refresh_from_db()
    assert (waiting.status, wire.count(REFUND), wire.count(COMMIT)) == ("failed", 0, 0)


def test_a_list_that_shows_another_place_than_the_answer_is_an_alarm_once(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    resolution = refund_invoice(invoice, address=ADDRESS, **BY_ADA)
    assert (resolution.status, resolution.error) == ("succeeded", "")
    wire.change(REFUNDS, lambda data: [one.update(address=ELSEWHERE) for one in data])

    for _ in range(2):
        Invoice.objects.update(refunds_due_at=timezone.now())
        process_overdue()

    resolution.refresh_from_db()
    assert f"the coins go to {ELSEWHERE}, and to {ADDRESS} was asked" in resolution.error
    assert resolution.result["not_as_asked"] == resolution.error
    assert kinds(invoice).count("alarm") == 1
    assert Refund.objects.get().address == ELSEWHERE


def test_a_list_that_shows_what_was_asked_is_none(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    resolution = refund_invoice(invoice, address=ADDRESS, **BY_ADA)

    Invoice.objects.update(refunds_due_at=timezone.now())
    process_overdue()

    resolution.refresh_from_db()
    assert (resolution.status, resolution.error) == ("succeeded", "")
    assert "alarm" not in kinds(invoice)

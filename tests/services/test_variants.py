"""The stories that matter, under each way in which the gateway may answer what no source proves."""

from __future__ import annotations

import pytest

from cryptopay_django.models import Callback, Invoice, Refund
from cryptopay_django.sandbox.open_questions import QUESTIONS
from cryptopay_django.services import create_invoice, quote_settlement, refund_invoice, settle_invoice
from cryptopay_django.services.resolution.judge_outcome import NOT_AS_ASKED

from .desk import ADDRESS, unresolved

pytestmark = pytest.mark.django_db

BY_ADA = {"actor": "ada", "reason": "customer called"}
VARIANTS = [(name, answer) for name, question in QUESTIONS.items() for answer in list(question.answers)[1:]]


@pytest.fixture(params=VARIANTS, ids="=".join)
def variant(request, cryptopay_sandbox):
    name, answer = request.param
    cryptopay_sandbox.variants(**{name: answer})
    return f"{name}={answer}"


def delivered(invoice):
    """The events of an invoice that were delivered, each as often as it was written."""
    invoice.refresh_from_db()
    return [event.kind for event in invoice.events.order_by("pk") if event.delivered_at]


def test_an_invoice_is_paid(cryptopay_sandbox, variant):
    invoice = create_invoice(price_amount=100, price_currency="EUR", pay_currency="BTC")

    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.confirm(invoice)
    attempts = cryptopay_sandbox.deliver()

    invoice.refresh_from_db()
    assert (invoice.status, invoice.quarantine_reason, invoice.paid_amount) == ("completed", "", invoice.pay_amount)
    assert {attempt.status for attempt in attempts} == {200}
    assert set(Callback.objects.values_list("outcome", flat=True)) <= {"applied", "stale", "ignored"}
    assert delivered(invoice).count("invoice_completed") == 1


def test_an_underpaid_invoice_is_settled(cryptopay_sandbox, variant):
    invoice = unresolved(cryptopay_sandbox)
    quote = quote_settlement(invoice)

    resolution = settle_invoice(invoice, quote=quote, **BY_ADA)
    cryptopay_sandbox.deliver()

    invoice.refresh_from_db()
    assert (resolution.status, invoice.status, invoice.settled_amount) == (
        "succeeded", "completed", quote.credited_amount,
    )  # fmt: skip
    assert invoice.quarantine_reason == ""


def test_an_invoice_is_refunded_to_an_address(cryptopay_sandbox, variant):
    invoice = unresolved(cryptopay_sandbox)

    if variant == "refund_address=refused":
        refused = refund_invoice(invoice, address=ADDRESS, **BY_ADA)
        assert (refused.status, refused.active) == ("failed", None)
        assert "address: is not allowed" in refused.error
        assert Invoice.objects.get().status == "unresolved"
        assert not Refund.objects.exists()
        return
    resolution = refund_invoice(invoice, address=ADDRESS, **BY_ADA)
    cryptopay_sandbox.deliver()
    cryptopay_sandbox.advance(minutes=5, deliver=True)

    invoice.refresh_from_db()
    refund = Refund.objects.get()
    assert (resolution.status, invoice.status) == ("succeeded", "refunded")
    assert refund.address == ("" if variant == "refund_address=ignored" else ADDRESS)
    if variant == "refund_address=ignored":
        # The staff is shown that the coins went elsewhere than asked.
        assert "the coins go to the merchant's own account" in resolution.result[NOT_AS_ASKED]

"""A project's audit log that fails on each of our rows stops neither a sale nor a refund."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db.models.signals import ModelSignal, post_save, pre_save

from cryptopay_django.models import Channel, Invoice, PaymentLink, PaymentLinkUse, RefundLink, Resolution
from cryptopay_django.models import save_signals as ours
from cryptopay_django.services import (
    cancel_payment_link,
    create_channel,
    create_invoice,
    create_payment_link,
    end_resolution,
    make_refund_link,
    name_refund_address,
    process_overdue,
    refund_invoice,
)
from cryptopay_django.services.payment_links.use import begin_use

from .desk import ADDRESS, REFUND, money_moved, unresolved
from .topping import customer

pytestmark = pytest.mark.django_db(transaction=True)

ORDERED = {"price_amount": "100", "price_currency": "EUR", "pay_currency": "BTC"}
ENDABLE = timedelta(hours=1)
OURS = (Invoice, Channel, PaymentLink, PaymentLinkUse, RefundLink, Resolution)


@pytest.fixture(params=[pre_save, post_save], ids=["pre_save", "post_save"])
def heard(request: pytest.FixtureRequest) -> Iterator[list[tuple[str, str]]]:
    """Connect a log that cannot store our keys; what it has heard of, by model and status."""
    signal: ModelSignal = request.param
    heard: list[tuple[str, str]] = []

    def log(sender, instance, **_):
        heard.append((sender.__name__, getattr(instance, "status", "")))
        raise OverflowError("a key that is no integer")

    for model in OURS:
        signal.connect(log, sender=model, weak=False)
    ours._muted_until.clear()
    yield heard
    for model in OURS:
        signal.disconnect(log, sender=model)


def test_invoices_channels_and_payment_links_are_made(cryptopay_sandbox, heard):
    create_invoice(**ORDERED)
    create_channel(customer(), pay_currency="BTC", receiver_currency="EUR")
    link = create_payment_link(actor="ada", price_currency="EUR", is_reusable=True)
    use = begin_use(link, amount=5, key="k" * 22)
    begin_use(link, amount=7, key="k" * 22)
    cancel_payment_link(link, actor="ada")

    assert {name for name, _ in heard} >= {"Invoice", "Channel", "PaymentLink", "PaymentLinkUse"}
    assert [row.address != "" for row in (Invoice.objects.get(), Channel.objects.get())] == [True, True]
    use.refresh_from_db()
    link.refresh_from_db()
    assert (use.price_amount, link.cancelled_by) == (7, "ada")


def test_a_refund_is_sent_once_and_its_end_is_on_record(wire, cryptopay_sandbox, heard):
    invoice = unresolved(cryptopay_sandbox)
    link = make_refund_link(invoice, actor="ada")
    name_refund_address(link.token, address=ADDRESS)
    invoice.refresh_from_db()

    resolution = refund_invoice(invoice, address=ADDRESS, actor="ada", reason="customer called")

    assert [status for name, status in heard if name == "Resolution"][:2] == ["planned", "sent"]
    assert (resolution.status, resolution.active, resolution.error) == ("succeeded", None, "")
    resolution.refresh_from_db()
    assert (resolution.status, resolution.finished_at is not None) == ("succeeded", True)
    assert (wire.count(REFUND), money_moved(cryptopay_sandbox, invoice)) == (1, 1)
    assert RefundLink.objects.get().address == ADDRESS


def test_a_refund_without_an_answer_is_followed_and_can_be_ended(wire, cryptopay_sandbox, heard):
    invoice = unresolved(cryptopay_sandbox)
    wire.fail(REFUND, "timeout")
    resolution = refund_invoice(invoice, address=ADDRESS, actor="ada", reason="customer called")
    wire.heal()
    assert resolution.status == "unknown"

    Resolution.objects.update(sent_at=resolution.created_at - ENDABLE, next_attempt_at=resolution.created_at)
    process_overdue()
    resolution.refresh_from_db()
    assert (resolution.status, resolution.attempts > 0) == ("unknown", True)

    assert end_resolution(resolution, actor="bob", reason="nothing is there").status == "failed"
    resolution.refresh_from_db()
    assert (resolution.status, resolution.active) == ("failed", None)

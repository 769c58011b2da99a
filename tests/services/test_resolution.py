"""release_invoice: out of quarantine, or a shortfall accepted."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cryptopay_django.exceptions import ReleaseError
from cryptopay_django.models import InvoiceEvent
from cryptopay_django.services import release_invoice
from cryptopay_django.testing.factories import InvoiceEventFactory, InvoiceFactory

pytestmark = pytest.mark.django_db


def kinds(invoice):
    return list(invoice.events.order_by("pk").values_list("kind", flat=True))


def release(invoice, **changes):
    return release_invoice(invoice, **{"actor": "ada", "reason": "checked by phone", **changes})


def test_what_was_held_back_is_told_at_the_release():
    invoice = InvoiceFactory(status="completed", settled_amount=100, quarantine_reason="odd")

    released = release(invoice)

    assert released.quarantine_reason == ""
    assert kinds(invoice) == ["invoice_released", "invoice_completed"]
    entry = InvoiceEvent.objects.get(kind="invoice_released")
    assert (entry.actor, entry.detail["reason"], entry.detail["was"]) == ("ada", "checked by phone", "odd")
    assert InvoiceEvent.objects.get(kind="invoice_completed").delivered_at is not None


def test_what_the_shop_has_heard_is_not_told_again():
    invoice = InvoiceFactory(status="completed", settled_amount=100, quarantine_reason="odd")
    InvoiceEventFactory(invoice=invoice, kind="invoice_completed", once="invoice_completed")

    release(invoice)

    assert kinds(invoice).count("invoice_completed") == 1


def test_a_new_invoice_is_released_without_a_word_to_the_shop():
    invoice = InvoiceFactory(quarantine_reason="odd")

    release(invoice)

    assert kinds(invoice) == ["invoice_released"]


def test_an_accepted_shortfall_completes_the_invoice_for_the_shop_once():
    invoice = InvoiceFactory(status="completed", settled_amount=Decimal("89.21"))
    InvoiceEventFactory(invoice=invoice, kind="invoice_settled_short", once="invoice_settled_short")

    release(invoice, accept_shortfall=True)

    assert kinds(invoice) == ["invoice_settled_short", "invoice_released", "invoice_completed"]
    with pytest.raises(ReleaseError, match="neither quarantined nor settled short"):
        release(invoice, accept_shortfall=True)


def test_released_from_quarantine_a_short_settlement_stays_short():
    invoice = InvoiceFactory(status="completed", settled_amount=1, quarantine_reason="odd")

    release(invoice)

    assert kinds(invoice)[-1] == "invoice_settled_short"


def test_an_unresolved_invoice_is_told_of_when_it_is_released():
    invoice = InvoiceFactory(status="unresolved", status_context="underpaid", quarantine_reason="odd")

    release(invoice)

    assert kinds(invoice)[-1] == "invoice_unresolved"


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_release_needs_a_reason(reason):
    with pytest.raises(ReleaseError, match="reason"):
        release(InvoiceFactory(quarantine_reason="odd"), reason=reason)


def test_there_must_be_something_to_release():
    with pytest.raises(ReleaseError, match="neither"):
        release(InvoiceFactory())


def test_an_invoice_that_is_gone_cannot_be_released():
    with pytest.raises(ReleaseError, match="does not exist"):
        release(InvoiceFactory.build())

"""release_invoice: out of quarantine, or a shortfall accepted."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cryptopay_django.exceptions import InvoiceChangedError, ReleaseError
from cryptopay_django.models import Invoice, InvoiceEvent
from cryptopay_django.services import refresh_invoice, release_invoice
from cryptopay_django.testing.factories import (
    CallbackFactory,
    InvoiceEventFactory,
    InvoiceFactory,
    invoice_wire,
)
from tests.wire import ScriptedGateway

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
        release(Invoice.objects.get(), accept_shortfall=True)


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


@pytest.fixture
def gateway(settings):
    """A gateway that holds the invoice as `truth` says."""
    scripted = ScriptedGateway(lambda *_: (200, {"data": scripted.truth}))
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: scripted
    return scripted


@pytest.mark.parametrize(
    "changed",
    [
        {"address": "elsewhere", "uri": "bitcoin:elsewhere"},
        {"address": "elsewhere?dt=9", "network": "ripple", "pay_currency": "XRP"},
        {"price_amount": "90"},
        {"price_amount": "90", "price_currency": "USD"},
        {"pay_amount": "0.003"},
        {"custom_id": "renamed"},
    ],
)
def test_what_the_gateway_says_otherwise_is_accepted_once_and_then_the_invoice_completes(gateway, changed):
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice, **changed)
    held = refresh_invoice(invoice)
    assert held.quarantine_reason

    release(held)
    for _ in range(2):
        again = refresh_invoice(Invoice.objects.get())
        assert (again.quarantine_reason, again.contradicted) == ("", {})
    gateway.truth = invoice_wire(invoice, **{**changed, "status": "completed", "paid_amount": "0.003"})
    done = refresh_invoice(again)

    assert (done.status, done.quarantine_reason) == ("completed", "")
    assert kinds(invoice)[-1] == "invoice_completed"
    accepted = InvoiceEvent.objects.get(kind="invoice_released").detail["accepted"]
    assert all(
        getattr(done, name) is not None and str(getattr(done, name)) == new for name, (_, new) in accepted.items()
    )


def test_the_price_of_a_completed_invoice_is_accepted_and_then_it_completes(gateway):
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice, status="completed", price_amount="90", paid_amount="0.003")
    held = refresh_invoice(invoice)
    assert (held.status, kinds(invoice)) == ("new", ["invoice_quarantined"])

    release(held)
    done = refresh_invoice(Invoice.objects.get())

    assert (done.status, done.price_amount, done.settled_amount) == ("completed", 90, 90)
    assert kinds(invoice)[-1] == "invoice_completed"


def test_another_contradiction_after_a_release_holds_again(gateway):
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice, address="elsewhere")
    release(refresh_invoice(invoice))

    gateway.truth = invoice_wire(invoice, address="nowhere")

    assert refresh_invoice(Invoice.objects.get()).quarantine_reason == "address is nowhere, ordered was elsewhere"


def test_a_status_that_is_unknown_here_holds_once_and_another_one_again(gateway):
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice, status="blessed")
    release(refresh_invoice(invoice))

    assert refresh_invoice(Invoice.objects.get()).quarantine_reason == ""
    gateway.truth = invoice_wire(invoice, status="cursed")
    assert refresh_invoice(Invoice.objects.get()).quarantine_reason == "its status is unknown here: cursed"


def test_an_invoice_that_was_made_for_our_row_at_another_price_is_adopted_by_a_person(gateway):
    invoice = InvoiceFactory(gateway_id=None, address="", uri="", pay_amount=None, expires_at=None)
    orphan_id = "00000000-0000-0000-0000-000000000007"
    gateway.truth = invoice_wire(invoice, id=orphan_id, address="theirs", price_amount="90")
    waiting = CallbackFactory(outcome="orphan", gateway_id=orphan_id, next_attempt_at=None)
    held = refresh_invoice(invoice)
    assert (held.gateway_id, held.address) == (None, "")

    done = release(held)

    assert (str(done.gateway_id), done.address, done.pay_amount) == (orphan_id, "theirs", Decimal("0.002"))
    assert done.price_amount == 90
    assert done.expires_at is not None
    assert kinds(invoice) == ["invoice_quarantined", "invoice_released", "invoice_created"]
    waiting.refresh_from_db()
    assert waiting.next_attempt_at is not None
    assert refresh_invoice(done).quarantine_reason == ""


def test_a_name_that_another_invoice_has_is_not_accepted(gateway):
    other, invoice = InvoiceFactory(), InvoiceFactory()
    gateway.truth = invoice_wire(invoice, custom_id=other.custom_id)
    held = refresh_invoice(invoice)

    with pytest.raises(ReleaseError, match="another invoice here has the id"):
        release(held)

    assert Invoice.objects.get(pk=invoice.pk).quarantine_reason


def test_nothing_is_released_that_the_person_did_not_see(gateway):
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice, address="elsewhere")
    seen = refresh_invoice(invoice)
    gateway.truth = invoice_wire(invoice, address="nowhere")
    now = refresh_invoice(seen)

    for attempt in ({"invoice": seen}, {"invoice": now, "expected_version": seen.version}):
        with pytest.raises(InvoiceChangedError):
            release(**attempt)
    release(seen, expected_version=now.version)

    assert Invoice.objects.get().address == "nowhere"


@pytest.mark.parametrize("missing", [{"actor": " "}, {"reason": ""}])
def test_a_release_has_somebody_who_decides_and_a_reason(missing):
    with pytest.raises(ReleaseError, match="needs"):
        release(InvoiceFactory(quarantine_reason="odd"), **missing)

"""A purchase on a bad day: whatever the network does to callbacks and calls, the shop fulfils once."""

from __future__ import annotations

import pytest

from cryptopay_django.exceptions import CreationUnknownError
from cryptopay_django.models import Invoice
from cryptopay_django.sandbox.network_faults import CALLBACK_FAULTS, Fault
from cryptopay_django.services import create_invoice, deliver_events, process_overdue, refresh_invoice
from cryptopay_django.testing.inprocess import InProcessSandbox

from .conftest import Shop

pytestmark = pytest.mark.django_db


def order(**values: str) -> Invoice:
    return create_invoice(price_amount=100, price_currency="EUR", pay_currency="BTC", **values)


@pytest.mark.parametrize("fault", CALLBACK_FAULTS)
@pytest.mark.parametrize("after_effect", [False, True])
def test_a_purchase_survives_the_same_fault_on_every_callback(
    cryptopay_sandbox: InProcessSandbox, shop: Shop, fault: Fault, after_effect: bool
) -> None:
    invoice = order()
    cryptopay_sandbox.fail_next(fault, after_effect=after_effect, count=3)

    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.advance(days=1, deliver=True)
    if fault is Fault.DROP:
        deliver_events(refresh_invoice(invoice))

    assert Invoice.objects.get(pk=invoice.pk).status == "completed"
    assert sorted(shop.heard) == ["invoice_completed", "invoice_created", "payment_confirmed", "payment_detected"]
    assert shop.rows(invoice, "invoice_completed") == 1


@pytest.mark.parametrize("seed", range(5))
def test_purchases_survive_trouble_of_every_kind_at_once(
    cryptopay_sandbox: InProcessSandbox, shop: Shop, seed: int
) -> None:
    invoices = [order() for _ in range(5)]
    cryptopay_sandbox.account().state.trouble.seed = f"bad day {seed}"
    cryptopay_sandbox.trouble(all="0.12", drop=0, error=0, storm=0, timeout=0)

    for invoice in invoices:
        cryptopay_sandbox.pay(invoice)
        cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.advance(days=2, deliver=True)
    process_overdue()

    for invoice in invoices:
        assert Invoice.objects.get(pk=invoice.pk).status == "completed"
        assert shop.rows(invoice, "invoice_completed") == 1


@pytest.mark.parametrize("fault", ["timeout", "error"])
def test_an_invoice_whose_making_was_not_answered_is_found(cryptopay_sandbox: InProcessSandbox, fault: str) -> None:
    cryptopay_sandbox.fail_next(fault, after_effect=True)

    invoice = order()

    assert [made.id for made in cryptopay_sandbox.invoices()] == [str(invoice.gateway_id)]


@pytest.mark.parametrize("fault", ["timeout", "error"])
def test_an_invoice_that_was_perhaps_not_made_is_made_when_asked_again(
    cryptopay_sandbox: InProcessSandbox, fault: str
) -> None:
    cryptopay_sandbox.fail_next(fault)
    with pytest.raises(CreationUnknownError):
        order(custom_id="order-1")

    invoice = order(custom_id="order-1")

    assert [made.id for made in cryptopay_sandbox.invoices()] == [str(invoice.gateway_id)]

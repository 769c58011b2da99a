"""What was credited for a completed invoice is sealed: another figure is shown to a person, who may accept it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cryptopay_django.models import Invoice
from cryptopay_django.services import create_invoice, refresh_invoice, release_invoice, settle_invoice
from cryptopay_django.services.snapshots.merge import Source

from .desk import unresolved
from .merging import RECALCULATED, kinds, row, take

AN_INVOICE = r"GET /api/invoices/[^/?]+"


@pytest.mark.parametrize("price", ["40.0", "100.01", "1000.0"])
def test_another_credit_than_before_holds_the_invoice(price):
    invoice = row(status="completed", settled_amount=Decimal(100), paid_amount=Decimal("0.002"))

    merge = take(invoice, source=Source.GET, status="completed", paid_amount="0.002", price_amount=price)

    assert kinds(merge) == ["invoice_quarantined"]
    assert (invoice.settled_amount, invoice.contradicted["settled_amount"]) == (Decimal(100), price)
    assert f"settled_amount is {price}, credited was 100" in invoice.quarantine_reason
    assert not take(invoice, source=Source.GET, status="completed", paid_amount="0.002", price_amount=price)


@pytest.mark.parametrize(
    ("settled", "said"), [("100.00", {"price_amount": "100.0", "paid_amount": "0.002"}), ("51.50", RECALCULATED)]
)
def test_the_same_credit_is_no_news(settled, said):
    pay = {"pay_amount": Decimal(said["pay_amount"])} if "pay_amount" in said else {}
    paid = Decimal(said["paid_amount"])
    invoice = row(status="completed", settled_amount=Decimal(settled), paid_amount=paid, **pay)

    assert not take(invoice, source=Source.GET, status="completed", **said)


def test_a_callback_with_another_credit_changes_nothing():
    invoice = row(status="completed", settled_amount=Decimal(100), paid_amount=Decimal("0.002"))

    assert not take(invoice, status="completed", paid_amount="0.002", price_amount="40.0")
    assert invoice.settled_amount == 100


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_settled", [False, True])
def test_a_person_who_releases_it_takes_the_figure_over(wire, cryptopay_sandbox, is_settled):
    if is_settled:
        invoice = unresolved(cryptopay_sandbox)
        settle_invoice(invoice, actor="ada", reason="customer called")
    else:
        invoice = create_invoice(price_amount="100", price_currency="EUR", pay_currency="BTC")
        cryptopay_sandbox.pay(invoice)
        cryptopay_sandbox.confirm(invoice)
        refresh_invoice(invoice)
    wire.change(AN_INVOICE, lambda data: data.update(price_amount="40.0"))
    held = refresh_invoice(Invoice.objects.get())
    assert (held.status, bool(held.quarantine_reason)) == ("completed", True)

    release_invoice(held, actor="ada", reason="the gateway's support confirms it")
    again = refresh_invoice(Invoice.objects.get())

    assert (again.settled_amount, again.quarantine_reason, again.contradicted) == (Decimal(40), "", {})

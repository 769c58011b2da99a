"""What must not happen to the money of a payment, whatever staff, customers, networks and the shop's own code do."""

from __future__ import annotations

from decimal import Decimal

import pytest
from conftest import again
from payments import PaymentError
from payments.signals import status_changed

from cryptopay_django.contrib.payments.checks import check_variants
from cryptopay_django.models import Invoice, InvoiceEvent
from cryptopay_django.sandbox.addresses import make_address
from cryptopay_django.services import create_invoice, deliver_again, process_overdue, refund_invoice, settle_invoice


def settle_all(sandbox, *invoices):
    for invoice in invoices:
        sandbox.pay(invoice)
        sandbox.confirm(invoice)
    sandbox.deliver()
    process_overdue()


def sent(sandbox):
    return [one for one in sandbox.withdrawals() if not one.is_preview]


# The price and the invoices.


def test_a_price_that_was_raised_meanwhile_is_not_covered_by_the_older_invoice(
    order, invoice_of, pay, cryptopay_sandbox
):
    payment = order()
    invoice = invoice_of(payment)
    type(payment).objects.update(total=150)

    settle_all(cryptopay_sandbox, invoice)

    short = again(payment)
    assert (short.status, short.captured_amount, short.shipments.count()) == ("waiting", 100, 0)
    assert short.message == f"settled for 100 EUR, 50.00 is missing; invoice {invoice.custom_id}"
    paid = pay(payment)
    assert (paid.status, paid.captured_amount, paid.message) == ("confirmed", 150, "")
    assert paid.shipments.count() == 1


def test_an_invoice_in_another_currency_confirms_nothing_and_is_not_refunded_as_if_it_were(
    order, named, cryptopay_sandbox
):
    payment = order()
    other = create_invoice(order=payment, price_amount=100, price_currency="USD", pay_currency="BTC")

    settle_all(cryptopay_sandbox, other)

    held = again(payment)
    assert (held.status, held.captured_amount, held.shipments.count()) == ("waiting", 0, 0)
    assert "USD" in held.message


def test_a_refund_of_all_sends_back_only_what_is_in_the_currency_of_the_payment(order, pay, named, cryptopay_sandbox):
    payment = order()
    other = create_invoice(order=payment, price_amount=500, price_currency="USD", pay_currency="BTC")
    payment = pay(payment)
    settle_all(cryptopay_sandbox, other)
    cryptopay_sandbox.deposit("USD", "1000")

    again(payment).refund()

    assert [one.charged_currency for one in sent(cryptopay_sandbox)] == ["EUR"]
    assert (again(payment).status, again(payment).captured_amount) == ("refunded", 0)


# Cancelled.


def test_a_payment_of_which_a_part_was_settled_cannot_be_cancelled(order, pay):
    payment = pay(order(), "0.6")
    settle_invoice(Invoice.objects.get(), actor="staff", reason="the rest follows")

    with pytest.raises(PaymentError, match="money has come in"):
        again(payment).cancel()

    assert again(payment).status == "waiting"


def test_a_stale_tab_cannot_cancel_a_refunded_payment(order, pay, named):
    stale = order()
    pay(stale).refund()

    with pytest.raises(PaymentError, match="refunded"):
        stale.cancel()

    assert again(stale).status == "refunded"


# Delivered again.


def test_what_staff_have_made_of_a_status_stays_when_events_are_delivered_again(order, pay):
    payment = pay(order())
    payment.change_status("refunded", "given back in cash")

    deliver_again(Invoice.objects.get(), actor="staff", reason="the mail was lost")

    after = again(payment)
    assert (after.status, after.shipments.count()) == ("refunded", 1)
    assert after.fraud_status == "accept"


def test_a_payment_that_lost_its_status_is_confirmed_when_events_are_delivered_again(order, pay):
    payment = pay(order())
    type(payment).objects.update(status="waiting", captured_amount=0, extra_data="")

    deliver_again(Invoice.objects.get(), actor="staff", reason="the database was restored")

    assert (again(payment).status, again(payment).captured_amount) == ("confirmed", 100)


# Refunds.


def test_a_receiver_of_the_shop_that_raises_does_not_hide_that_coins_were_sent(order, pay, named, cryptopay_sandbox):
    payment = pay(order())

    def fail(sender, instance, **kwargs):
        raise RuntimeError("the shop's stock is away")

    status_changed.connect(fail)
    try:
        with pytest.raises(PaymentError, match=r"100\.00 EUR were sent back"):
            payment.refund()
    finally:
        status_changed.disconnect(fail)
    InvoiceEvent.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=payment.created)
    process_overdue()

    assert (again(payment).status, again(payment).captured_amount) == ("refunded", 0)
    assert len(sent(cryptopay_sandbox)) == 1


def test_a_refund_overwrites_nothing_that_was_written_meanwhile(order, pay, named):
    stale = order()
    pay(stale)
    stale.status, stale.captured_amount = "confirmed", Decimal(100)

    stale.refund(Decimal(30))

    after = again(stale)
    assert (after.captured_amount, after.transaction_id) == (70, str(Invoice.objects.get().pk))
    assert after.attrs.cryptopay["refunded_amount"] == "30.00"


def test_refunds_of_both_screens_add_up(order, pay, named, cryptopay_sandbox):
    payment = pay(order())
    address = make_address("bitcoin", seed="customer", index="refund")[0]
    refund_invoice(Invoice.objects.get(), actor="staff", reason="a handle broke", amount=40, address=address)

    payment.refund(Decimal(30))

    assert again(payment).captured_amount == 30
    payment.captured_amount = Decimal(100)  # another tab does not know it yet
    with pytest.raises(PaymentError, match=r"up to 30\.00 EUR can be refunded"):
        payment.refund(Decimal(31))
    assert len(sent(cryptopay_sandbox)) == 2


# Settings.

PROVIDER = "cryptopay_django.contrib.payments.provider.CryptopayProvider"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"acount": "default"}, "acount"),
        ({"account": "gone"}, 'no account "gone"'),
        ({"capture": False}, "capture"),
    ],
)
def test_a_variant_that_cannot_work_is_found(settings, options, problem):
    settings.PAYMENT_VARIANTS = {"coins": (PROVIDER, options), "dummy": ("payments.dummy.DummyProvider", {})}

    (message,) = check_variants()

    assert message.id == "cryptopay_payments.E001"
    assert message.msg.startswith('PAYMENT_VARIANTS["coins"]: ')
    assert problem in message.msg


def test_a_provider_that_is_misspelt_is_found(settings):
    settings.PAYMENT_VARIANTS = {"coins": (f"{PROVIDER}s", {}), "gone": ("shop.gone.Provider", {})}

    assert [message.id for message in check_variants()] == ["cryptopay_payments.E001"] * 2


@pytest.mark.urls("payments.urls")
def test_pages_that_are_not_mounted_are_found():
    (message,) = check_variants()

    assert message.id == "cryptopay_payments.E002"
    assert "cryptopay_django.contrib.payments.urls" in message.hint


def test_the_settings_of_the_guide_are_right():
    assert check_variants() == []

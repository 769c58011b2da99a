"""Refunds, fraud and cancellation: what django-payments has on record is what the gateway did."""

from __future__ import annotations

import logging
from decimal import Decimal

import pytest
from conftest import again
from django.db import transaction
from payments import PaymentError
from payments.signals import status_changed
from requests.adapters import BaseAdapter
from requests.exceptions import ReadTimeout

from cryptopay_django.contrib.payments.books import book
from cryptopay_django.contrib.payments.refunds import RefundAddressNeededError
from cryptopay_django.models import Invoice, Refund, RefundLink, Resolution
from cryptopay_django.sandbox.addresses import make_address
from cryptopay_django.services import approve_resolution, name_refund_address, process_overdue, settle_invoice


@pytest.fixture
def changes():
    """The statuses that `status_changed` was sent for."""
    seen = []

    def note(sender, instance, **kwargs):
        seen.append(instance.status)

    status_changed.connect(note)
    yield seen
    status_changed.disconnect(note)


def sent(sandbox):
    return [one for one in sandbox.withdrawals() if not one.is_preview]


def test_a_whole_refund_ends_the_payment_once(order, pay, named, changes, cryptopay_sandbox):
    payment = pay(order())

    payment.refund()

    refunded = again(payment)
    assert (refunded.status, refunded.captured_amount, refunded.shipments.count()) == ("refunded", 0, 1)
    assert (payment.status, payment.captured_amount) == ("refunded", 0)
    assert refunded.attrs.cryptopay["refunded_amount"] == "100.00"
    assert changes == ["confirmed", "refunded"]
    assert Refund.objects.get().value_amount == 100
    assert len(sent(cryptopay_sandbox)) == 1


def test_parts_add_up_to_what_was_paid(order, pay, named, cryptopay_sandbox):
    payment = pay(order())

    payment.refund(Decimal("30.01"))
    again(payment).refund(Decimal("9.99"))
    stale = payment
    stale.refund(Decimal(10))

    assert (again(payment).status, again(payment).captured_amount) == ("confirmed", 50)
    stale.captured_amount = Decimal(100)
    with pytest.raises(PaymentError, match=r"up to 50\.00 EUR can be refunded, not 60: nothing was sent"):
        stale.refund(60)
    assert len(sent(cryptopay_sandbox)) == 3


@pytest.mark.parametrize("amount", [Decimal(-1), Decimal(0), 0.5])
def test_an_amount_that_is_none_is_refused(order, pay, named, amount, cryptopay_sandbox):
    payment = pay(order())

    with pytest.raises(PaymentError, match="nothing was sent"):
        payment.refund(amount)

    assert not sent(cryptopay_sandbox)
    assert again(payment).captured_amount == 100


def test_an_unknown_address_is_asked_for_by_a_link(client, order, pay, cryptopay_sandbox, caplog):
    payment = pay(order())

    with caplog.at_level(logging.DEBUG), pytest.raises(RefundAddressNeededError) as first:
        payment.refund()
    token = first.value.url.rstrip("/").rpartition("/")[2]
    with pytest.raises(RefundAddressNeededError, match="has not said yet") as second:
        payment.refund()
    page = client.get(first.value.url.removeprefix("http://localhost:8000"))

    assert token not in f"{first.value} {first.value!r} {caplog.text}"
    assert (second.value.url, RefundLink.objects.count()) == ("", 1)
    assert page.status_code == 200
    assert not sent(cryptopay_sandbox)
    name_refund_address(token, address=make_address("bitcoin", seed="customer", index="refund")[0])
    payment.refund()
    assert again(payment).status == "refunded"


def test_a_payment_in_two_parts_is_refunded_from_both(order, pay, named, cryptopay_sandbox):
    payment = pay(order(), "0.6")
    settle_invoice(Invoice.objects.get(), actor="staff", reason="the rest follows")
    payment = pay(payment)

    payment.refund(Decimal(90))
    assert (again(payment).captured_amount, len(sent(cryptopay_sandbox))) == (10, 2)

    again(payment).refund()
    assert again(payment).status == "refunded"


def test_a_refusal_of_the_gateway_says_why(order, pay, named, cryptopay_sandbox):
    payment = pay(order())
    cryptopay_sandbox.account().state.account.change({"withdrawal_maximum": "1"})

    with pytest.raises(PaymentError, match="refuses the refund of invoice"):
        payment.refund()

    assert (again(payment).status, again(payment).captured_amount) == ("confirmed", 100)


def test_the_second_part_that_fails_leaves_the_first_on_record(order, pay, named, cryptopay_sandbox, settings):
    payment = pay(order(), "0.6")
    settle_invoice(Invoice.objects.get(), actor="staff", reason="the rest follows")
    payment = pay(payment)
    short = Invoice.objects.order_by("created_at")[0]
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = {"EUR": Decimal(50)}
    rest = 100 - short.settled_amount

    with pytest.raises(PaymentError, match=f"{rest:.2f} EUR were sent back, the rest was not: .* second person"):
        payment.refund()

    assert again(payment).captured_amount == short.settled_amount


def test_a_refund_for_two_people_is_booked_when_it_is_approved(order, pay, named, settings):
    payment = pay(order())
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = {"EUR": Decimal(50)}

    with pytest.raises(PaymentError, match="waits for a second person"):
        payment.refund(Decimal(40))
    before = again(payment).captured_amount
    approve_resolution(Resolution.objects.get(), actor="grace")

    assert (before, again(payment).captured_amount) == (100, 60)


def test_a_refund_without_an_answer_is_booked_when_the_gateway_shows_it(
    order, pay, named, cryptopay_sandbox, settings
):
    payment = pay(order())
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: Deaf(cryptopay_sandbox.adapter_for(account))

    with pytest.raises(PaymentError, match="result is not known yet"):
        payment.refund(Decimal(40))
    settings.CRYPTOPAY_HTTP_ADAPTER = cryptopay_sandbox.adapter_for
    with pytest.raises(PaymentError, match="one at a time"):
        again(payment).refund(Decimal(40))
    Resolution.objects.update(next_attempt_at=payment.created)
    process_overdue()

    assert again(payment).captured_amount == 60
    assert len(sent(cryptopay_sandbox)) == 1


class Deaf(BaseAdapter):
    """A connection that breaks after the gateway was told to send a refund."""

    def __init__(self, gateway):
        super().__init__()
        self.gateway = gateway

    def send(self, request, **options):
        answer = self.gateway.send(request, **options)
        if request.url.endswith("/commit"):
            raise ReadTimeout(request=request)
        return answer

    def close(self):
        self.gateway.close()


def test_a_whole_refund_that_fails_confirms_again_without_a_second_parcel(
    order, pay, named, changes, cryptopay_sandbox
):
    payment = pay(order())
    payment.refund()
    (withdrawal,) = sent(cryptopay_sandbox)

    cryptopay_sandbox.decide_withdrawal(withdrawal, "fail")
    cryptopay_sandbox.decide_withdrawal(withdrawal, "cancel")
    cryptopay_sandbox.deliver()

    after = again(payment)
    assert (after.status, after.captured_amount, after.shipments.count()) == ("confirmed", 100, 1)
    assert (after.fraud_status, after.fraud_message) == ("accept", "risk: low")
    assert changes == ["confirmed", "refunded"]


def test_inside_a_transaction_nothing_is_refunded(order, pay, named, cryptopay_sandbox):
    payment = pay(order())

    with transaction.atomic(), pytest.raises(PaymentError, match="transaction"):
        payment.refund()

    assert not sent(cryptopay_sandbox)


# Fraud.


def test_a_usual_payment_is_accepted(order, pay):
    payment = pay(order())

    assert (payment.fraud_status, payment.fraud_message) == ("accept", "risk: low")


def test_a_held_payment_is_for_review_and_then_as_its_risk_is(order, pay, cryptopay_sandbox):
    payment = pay(order(), risk="high")
    assert (payment.status, payment.fraud_status) == ("waiting", "review")
    assert payment.message == f"held as high-risk; invoice {Invoice.objects.get().custom_id}"

    cryptopay_sandbox.decide(Invoice.objects.get(), "complete")
    cryptopay_sandbox.deliver()

    payment = again(payment)
    assert (payment.status, payment.fraud_status) == ("confirmed", "review")


def test_what_the_monitoring_team_sends_back_is_rejected(order, pay, cryptopay_sandbox):
    payment = pay(order(), risk="high")

    cryptopay_sandbox.decide(Invoice.objects.get(), "refund")
    cryptopay_sandbox.deliver()
    Invoice.objects.filter(refunds_due_at__isnull=False).update(refunds_due_at=payment.created)
    process_overdue()

    payment = again(payment)
    assert (payment.status, payment.fraud_status, payment.captured_amount) == ("refunded", "reject", 0)


def test_what_a_person_has_decided_about_fraud_stays(order, pay, named, cryptopay_sandbox):
    payment = pay(order(), risk="high")
    cryptopay_sandbox.decide(Invoice.objects.get(), "complete")
    cryptopay_sandbox.deliver()
    again(payment).change_fraud_status("accept", "Ada knows the customer")

    again(payment).refund(Decimal(10))

    assert again(payment).fraud_message == "Ada knows the customer"


# Other ends.


def test_an_unpaid_payment_can_be_cancelled(order, invoice_of):
    payment = order()
    invoice_of(payment)

    payment.cancel()

    assert again(payment).status == "cancelled"


def test_a_payment_with_money_cannot_be_cancelled(order, pay):
    payment = pay(order(), "0.6")

    with pytest.raises(PaymentError, match="money has come in"):
        payment.cancel()


def test_a_cancelled_payment_that_is_paid_is_for_review(order, invoice_of, cryptopay_sandbox):
    payment = order()
    invoice = invoice_of(payment)
    payment.cancel()

    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.deliver()

    payment = again(payment)
    assert (payment.status, payment.captured_amount) == ("confirmed", 100)
    assert (payment.fraud_status, payment.fraud_message) == ("review", "paid after it was cancelled")


@pytest.mark.parametrize(("kept", "known"), [("not JSON", False), ("[1]", False), ('{"cart": 7}', True)])
def test_the_extra_data_of_the_shop_is_kept(order, pay, kept, known):
    payment = pay(order(extra_data=kept))

    assert (payment.status, payment.captured_amount) == ("confirmed", 100)
    assert payment.extra_data == kept or payment.attrs.cart == 7
    assert ("cryptopay" in payment.extra_data) is known


def test_the_invoice_of_a_deleted_payment_ends_quietly(order, invoice_of, cryptopay_sandbox):
    payment = order()
    invoice = invoice_of(payment)
    payment.delete()

    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.deliver()

    assert not invoice.events.filter(delivered_at=None).exists()


def test_two_paid_invoices_are_both_on_record(order, invoice_of, pay, named, cryptopay_sandbox):
    payment = order()
    first = invoice_of(payment)
    Invoice.objects.update(expires_at=first.created_at)
    second = invoice_of(payment)
    for invoice in (first, second):
        cryptopay_sandbox.pay(invoice)
        cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.deliver()

    payment = again(payment)
    assert (payment.captured_amount, payment.message) == (200, "paid twice: see its invoices")
    payment.refund(Decimal(100))
    payment = again(payment)
    assert (payment.status, payment.captured_amount, payment.message) == ("confirmed", 100, "")
    assert payment.shipments.count() == 1


def test_a_payment_that_is_paid_again_after_its_refund_is_for_review_and_ships_nothing(
    order, invoice_of, pay, named, changes, cryptopay_sandbox
):
    payment = order()
    other = invoice_of(payment)
    Invoice.objects.update(expires_at=other.created_at)
    pay(payment).refund()

    cryptopay_sandbox.pay(other)
    cryptopay_sandbox.confirm(other)
    cryptopay_sandbox.deliver()

    payment = again(payment)
    assert (payment.status, payment.captured_amount) == ("confirmed", 100)
    assert (payment.fraud_status, payment.fraud_message) == ("review", "paid after it was refunded")
    assert (changes, payment.shipments.count()) == (["confirmed", "refunded"], 1)


@pytest.mark.parametrize("status", ["refunded", "rejected", "error"])
def test_what_staff_have_made_of_a_status_stays(order, invoice_of, pay, changes, cryptopay_sandbox, status):
    payment = order()
    Invoice.objects.update(expires_at=invoice_of(payment).created_at)
    payment = pay(payment)
    payment.change_status(status, "given back in cash")

    cryptopay_sandbox.advance(days=15)
    cryptopay_sandbox.deliver()

    assert Invoice.objects.filter(status="cancelled").exists()
    assert (again(payment).status, changes) == (status, ["confirmed", status])


class Lagging:
    """A router to a replica that has nothing of this app yet."""

    def db_for_read(self, model, **hints):
        assert model._meta.app_label != "cryptopay_django", f"{model.__name__} is read from a replica"
        return "default"


def test_what_is_decided_is_read_from_the_primary_database(order, pay, settings):
    bought = pay(order())
    invoice = Invoice.objects.get()
    event = invoice.events.get(kind="invoice_completed")
    type(bought).objects.update(status="waiting")
    settings.DATABASE_ROUTERS = [Lagging()]

    book(bought, event)

    settings.DATABASE_ROUTERS = []
    assert invoice.status == "completed"
    assert again(bought).status == "confirmed"

"""Payments, refunds and statuses: what salesman has on record is what the gateway did."""

from __future__ import annotations

from decimal import Decimal

import pytest
from conftest import again, notes_of
from django.db import connections
from salesman.core.utils import get_salesman_model
from salesman.orders.signals import status_changed
from shop.models import Shipment

from cryptopay_django.contrib.salesman.books import book
from cryptopay_django.models import Invoice, InvoiceEvent, Resolution
from cryptopay_django.sandbox.addresses import make_address
from cryptopay_django.services import (
    approve_resolution,
    deliver_again,
    make_refund_link,
    name_refund_address,
    process_overdue,
)
from cryptopay_django.services import refund_invoice as send_part

ADDRESS = make_address("bitcoin", seed="customer", index="refund")[0]


@pytest.fixture
def named(coins):
    """The shop knows where its customers want their coins."""
    coins.get_refund_address = lambda order, invoice: {"address": ADDRESS}


@pytest.fixture
def refund(admin_client):
    """Refund an order in salesman's own API, as its admin does, and return the answer."""
    return lambda order: admin_client.post(f"/api/orders/{order.ref}/refund/")


@pytest.fixture
def changes():
    """The statuses that `status_changed` was sent for."""
    seen = []

    def note(sender, new_status, **kwargs):
        seen.append(str(new_status))

    status_changed.connect(note)
    yield seen
    status_changed.disconnect(note)


@pytest.fixture
def sent(cryptopay_sandbox):
    """What the gateway sends back, or has sent."""
    return lambda: [one for one in cryptopay_sandbox.withdrawals() if not one.is_preview]


def arrive(sandbox):
    for _ in range(3):
        sandbox.advance(minutes=15)
        sandbox.deliver()
        process_overdue()


def amounts_of(order):
    return sorted(order.payments.values_list("amount", flat=True))


def test_a_paid_order_is_processed_once(order, pay, changes):
    paid = pay(order())

    assert (paid.status, paid.is_paid, amounts_of(paid)) == ("PROCESSING", True, [100])
    assert paid.payments.get().transaction_id == str(Invoice.objects.get().pk)
    assert paid.payments.get().payment_method_display == "Any coin"
    assert (changes, notes_of(paid)) == (["CREATED", "PROCESSING"], [])


def test_a_whole_refund_is_on_record_once(order, pay, named, refund, changes, sent, cryptopay_sandbox):
    paid = pay(order())

    answer = refund(paid)
    arrive(cryptopay_sandbox)

    refunded = again(paid)
    assert (answer.status_code, answer.json()["failed"]) == (200, [])
    assert (refunded.status, amounts_of(refunded)) == ("REFUNDED", [-100, 100])
    assert changes == ["CREATED", "PROCESSING", "REFUNDED"]
    assert len(sent()) == 1
    assert refund(paid).status_code == 400


def test_what_is_left_after_a_part_is_refunded(order, pay, named, refund, sent):
    paid = pay(order())
    send_part(Invoice.objects.get(), actor="staff", reason="one mug", amount=Decimal(40), address=ADDRESS)
    assert (again(paid).status, amounts_of(paid)) == ("PROCESSING", [-40, 100])

    answer = refund(paid)

    assert (answer.status_code, len(sent())) == (200, 2)
    assert amounts_of(paid) == [-60, -40, 100]


def test_a_payment_whose_coins_are_on_their_way_is_not_refunded_again(order, pay, coins, named, sent):
    paid = pay(order())
    payment = paid.payments.get()

    assert [coins.refund_payment(payment), coins.refund_payment(payment)] == [True, True]
    assert len(sent()) == 1


def test_an_unknown_address_leaves_a_note(order, pay, refund, sent):
    paid = pay(order())

    answer = refund(paid)
    refund(paid)

    assert (answer.status_code, len(answer.json()["failed"])) == (206, 1)
    assert again(paid).status == "PROCESSING"
    assert len(notes_of(paid)) == 1
    assert "send the customer the link of “Ask for an address…”" in notes_of(paid)[0]
    name_refund_address(make_refund_link(Invoice.objects.get(), actor="staff").token, address=ADDRESS)
    assert refund(paid).status_code == 200
    assert len(sent()) == 1


def test_a_refusal_of_the_gateway_leaves_a_note(order, pay, named, refund, sent, cryptopay_sandbox):
    paid = pay(order())
    cryptopay_sandbox.settings(withdrawal_maximum="1")

    answer = refund(paid)

    assert answer.status_code == 206
    assert notes_of(paid)[0].startswith("not refunded: the gateway refuses the refund of invoice")
    assert not sent()


def test_a_refund_for_two_people_is_booked_when_it_is_approved(order, pay, named, refund, settings):
    paid = pay(order())
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = {"EUR": Decimal(50)}

    answer = refund(paid)
    approve_resolution(Resolution.objects.get(), actor="grace")

    assert answer.status_code == 206
    assert "waits for a second person" in notes_of(paid)[0]
    assert amounts_of(paid) == [-100, 100]


def test_a_refund_that_fails_sets_the_order_back_without_a_second_parcel(
    order, pay, named, refund, changes, sent, cryptopay_sandbox
):
    paid = pay(order())
    refund(paid)
    (withdrawal,) = sent()

    cryptopay_sandbox.decide_withdrawal(withdrawal, "fail")
    cryptopay_sandbox.decide_withdrawal(withdrawal, "cancel")
    cryptopay_sandbox.deliver()

    assert (again(paid).status, amounts_of(paid), Shipment.objects.count()) == ("PROCESSING", [100], 1)
    assert changes == ["CREATED", "PROCESSING", "REFUNDED"]
    assert notes_of(paid) == ["a refund has failed: the order was set back from refunded"]


def test_inside_a_transaction_nothing_is_refunded_and_a_note_says_why(order, pay, named, refund, sent, monkeypatch):
    paid = pay(order())
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)

    answer = refund(paid)

    assert answer.status_code == 206
    assert "must run outside of transaction.atomic()" in notes_of(paid)[0]
    assert not sent()


def test_a_payment_by_hand_is_not_ours_to_refund(order, pay, refund):
    paid = pay(order())
    paid.pay(Decimal(5), "cash", "coins")

    assert refund(paid).status_code == 206


def test_a_payment_of_a_quarantined_invoice_is_not_refunded(order, pay, coins, named, sent):
    paid = pay(order())
    Invoice.objects.update(quarantine_reason="a person checks it")

    assert coins.refund_payment(paid.payments.get()) is False
    assert not sent()


def test_a_shipped_order_is_not_set_back(order, pay):
    paid = pay(order())
    type(paid).objects.update(status="SHIPPED")

    send_part(Invoice.objects.get(), actor="staff", reason="one mug", amount=Decimal(40), address=ADDRESS)

    assert (again(paid).status, amounts_of(paid)) == ("SHIPPED", [-40, 100])


def test_a_cancelled_order_that_is_paid_stays_cancelled(order, invoice_of, cryptopay_sandbox):
    bought = order()
    invoice = invoice_of(bought)
    type(bought).objects.update(status="CANCELLED")

    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.deliver()

    assert (again(bought).status, amounts_of(bought)) == ("CANCELLED", [100])
    assert notes_of(bought) == ["paid after it was cancelled: refund it, or ship it"]
    assert not Shipment.objects.exists()


@pytest.mark.parametrize("status", ["REVIEW", "SHIPPED"])
def test_a_status_that_the_shop_does_not_allow_is_left_out(order, pay, coins, status):
    coins.attention_status = status

    bought = pay(order(), "0.6")

    assert bought.status == "CREATED"
    assert notes_of(bought) == [f"underpaid; invoice {Invoice.objects.get().custom_id}"]


def test_two_paid_invoices_are_both_on_record(order, invoice_of, cryptopay_sandbox):
    bought = order()
    first = invoice_of(bought)
    Invoice.objects.update(expires_at=first.created_at)
    second = invoice_of(bought)
    for invoice in (first, second):
        cryptopay_sandbox.pay(invoice)
        cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.deliver()

    assert (again(bought).status, amounts_of(bought)) == ("PROCESSING", [100, 100])
    assert notes_of(bought) == ["paid twice: see its invoices"]
    assert Shipment.objects.count() == 1


@pytest.mark.parametrize("status", ["HOLD", "FAILED"])
def test_an_order_that_staff_have_set_aside_is_not_shipped_again(order, invoice_of, pay, cryptopay_sandbox, status):
    bought = order()
    second = invoice_of(bought)
    Invoice.objects.update(expires_at=second.created_at)
    first = Invoice.objects.for_order(pay(bought))[0]
    type(bought).objects.update(status=status)

    cryptopay_sandbox.pay(second)
    cryptopay_sandbox.confirm(second)
    cryptopay_sandbox.deliver()
    deliver_again(first, actor="staff", reason="a try")

    assert (again(bought).status, amounts_of(bought)) == (status, [100, 100])
    assert notes_of(bought) == ["paid twice: see its invoices"]
    assert Shipment.objects.count() == 1


def test_an_order_that_has_become_dearer_waits_for_the_rest(order, invoice_of, pay, cryptopay_sandbox):
    bought = order()
    invoice = invoice_of(bought)
    type(bought).objects.update(total=Decimal(150))
    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.deliver()

    held = again(bought)
    in_between = held.status, amounts_of(held), notes_of(held), Shipment.objects.count()
    paid = pay(bought)

    missing = f"settled for 100 EUR, 50.00 is missing; invoice {invoice.custom_id}"
    assert in_between == ("HOLD", [100], [missing], 0)
    assert (paid.status, amounts_of(paid), Shipment.objects.count()) == ("PROCESSING", [50, 100], 1)


def test_only_what_was_not_paid_in_another_way_is_asked_for(order, pay):
    bought = order()
    bought.pay(Decimal(60), "voucher 7", "voucher")

    paid = pay(bought)

    assert Invoice.objects.get().price_amount == 40
    assert (paid.status, amounts_of(paid), notes_of(paid)) == ("PROCESSING", [40, 60], [])


def test_an_order_that_was_paid_in_another_way_too_has_a_note(order, invoice_of, cryptopay_sandbox):
    bought = order()
    invoice = invoice_of(bought)
    bought.pay(Decimal(100), "cash 7", "cash")

    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.deliver()

    assert (again(bought).status, notes_of(bought)) == ("PROCESSING", ["paid twice: see its invoices"])


def test_an_order_that_is_paid_again_after_its_refund_has_a_note(
    order, invoice_of, pay, named, refund, cryptopay_sandbox
):
    bought = order()
    other = invoice_of(bought)
    Invoice.objects.update(expires_at=other.created_at)
    refund(pay(bought))

    cryptopay_sandbox.pay(other)
    cryptopay_sandbox.confirm(other)
    cryptopay_sandbox.deliver()

    assert (again(bought).status, amounts_of(bought)) == ("REFUNDED", [-100, 100, 100])
    assert notes_of(bought) == ["paid after it was refunded: refund it, or ship it"]
    assert Shipment.objects.count() == 1


@pytest.mark.parametrize("status", ["REFUNDED", "HOLD", "FAILED"])
def test_what_staff_have_made_of_a_status_stays(order, invoice_of, pay, cryptopay_sandbox, status):
    bought = order()
    Invoice.objects.update(expires_at=invoice_of(bought).created_at)
    pay(bought)
    type(bought).objects.update(status=status)

    cryptopay_sandbox.advance(days=15)
    cryptopay_sandbox.deliver()

    assert Invoice.objects.filter(status="cancelled").exists()
    assert (again(bought).status, Shipment.objects.count()) == (status, 1)


def test_the_invoice_of_a_deleted_order_ends_quietly(order, invoice_of, cryptopay_sandbox):
    bought = order()
    invoice = invoice_of(bought)
    get_salesman_model("Order").objects.filter(pk=bought.pk).delete()

    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.deliver()

    assert not invoice.events.filter(delivered_at=None).exists()


def test_a_method_that_the_shop_has_taken_out_books_nothing(order, invoice_of, cryptopay_sandbox):
    bought = order()
    invoice = invoice_of(bought)
    Invoice.objects.update(metadata={"payment_method": "gone"})

    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.deliver()

    assert not bought.payments.exists()
    assert not invoice.events.filter(delivered_at=None).exists()


class Lagging:
    """A router to a replica that has nothing of this app yet."""

    def db_for_read(self, model, **hints):
        assert model._meta.app_label != "cryptopay_django", f"{model.__name__} is read from a replica"
        return "default"


def test_what_is_decided_is_read_from_the_primary_database(order, pay, settings):
    bought = pay(order())
    invoice, event = Invoice.objects.get(), InvoiceEvent.objects.get(kind="invoice_completed")
    type(bought).objects.update(status="CREATED")
    settings.DATABASE_ROUTERS = [Lagging()]

    book(bought, event)

    settings.DATABASE_ROUTERS = []
    assert invoice.status == "completed"
    assert again(bought).status == "PROCESSING"

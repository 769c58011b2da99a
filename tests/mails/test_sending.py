"""Mails to customers: which, when, once, and whatever the mail server, a template or the shop's hook does."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.core.management import call_command
from django.utils import timezone

from cryptopay_django.exceptions import DeliveryBusyError
from cryptopay_django.mails import send_customer_mails
from cryptopay_django.models import EventKind, HandlerDelivery, Invoice, InvoiceEvent
from cryptopay_django.services import deliver_again, deliver_events, process_overdue, refund_invoice, release_invoice
from cryptopay_django.services.events.call_handlers import count_undelivered
from cryptopay_django.services.events.outbox import CUSTOMER_MAIL, new_event, write_events
from cryptopay_django.services.events.retry import retry_delivery
from cryptopay_django.services.invoices.expired_mail_events import note_expired_invoices
from cryptopay_django.services.worker.anything_due import is_anything_due
from cryptopay_django.testing.factories import RefundFactory

from .conftest import ADA, fall_due, no_mail_server, subjects

pytestmark = pytest.mark.django_db


def told(invoice):
    """Return the mails that the timeline names."""
    return [event.detail["mail"] for event in invoice.events.filter(kind=EventKind.CUSTOMER_MAILED).order_by("pk")]


def with_options(settings, **options):
    """Return the accounts, with these settings of their own."""
    return {name: {**entry, "OPTIONS": options.get(name, {})} for name, entry in settings.CRYPTOPAY_ACCOUNTS.items()}


def expire(invoice):
    """Let the time of an invoice be up, and the gateway be asked after it."""
    Invoice.objects.filter(pk=invoice.pk).update(
        expires_at=timezone.now() - timedelta(minutes=2), polled_at=timezone.now() - timedelta(minutes=1)
    )


def paid_in_part(cryptopay_sandbox, invoice, factor="0.5"):
    cryptopay_sandbox.pay(invoice, factor)
    cryptopay_sandbox.deliver()


def paid_in_full(cryptopay_sandbox, invoice):
    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.deliver()


def test_a_payment_from_the_invoice_to_the_receipt(order, sent, cryptopay_sandbox):
    invoice = order()
    assert subjects(sent()) == ["Your payment of 100.00 EUR"]

    paid_in_part(cryptopay_sandbox, invoice)
    [one] = sent()
    assert subjects([one]) == ["A part has arrived"]
    assert one.to == [ADA]
    assert f"https://shop.example/cryptopay/checkout/{invoice.pk}/?lang=en" in one.body

    cryptopay_sandbox.pay(invoice, amount="rest")
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.deliver()
    [one] = sent()
    assert subjects([one]) == ["Your payment is complete"]
    assert f"https://shop.example/cryptopay/checkout/{invoice.pk}/receipt/?lang=en" in one.body

    assert told(invoice) == ["created", "partly_paid", "paid"]
    assert sent() == []


def test_no_mail_is_owed_where_none_is_chosen(order, sent, settings):
    settings.CRYPTOPAY_CUSTOMER_MAILS = ["paid"]

    order()

    assert not HandlerDelivery.objects.exists()
    assert sent() == []


def test_an_account_may_choose_its_own(order, sent, settings):
    settings.CRYPTOPAY_ACCOUNTS = with_options(
        settings, second={"CUSTOMER_MAILS": []}, default={"CUSTOMER_MAIL_FROM": "Books <books@shop.example>"}
    )
    order(account="second")
    order(account="default")

    [one] = sent()

    assert one.from_email == "Books <books@shop.example>"


def test_a_payment_that_waits_for_a_person_is_told_once_for_each_reason(order, sent, cryptopay_sandbox):
    invoice = order()
    cryptopay_sandbox.pay(invoice, risk="high")
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.deliver()
    again = InvoiceEvent.objects.get(kind=EventKind.INVOICE_UNRESOLVED)

    assert subjects(sent()) == ["Your payment is being checked"]

    write_events([new_event(invoice, EventKind.INVOICE_UNRESOLVED, at=timezone.now(), detail=again.detail)])
    assert sent() == []
    assert told(invoice) == ["review"]


def test_a_reason_that_is_over_is_not_told(order, sent, cryptopay_sandbox):
    invoice = order()
    cryptopay_sandbox.pay(invoice, risk="high")
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.deliver()
    cryptopay_sandbox.decide(invoice, "complete")
    cryptopay_sandbox.deliver()

    assert subjects(sent()) == ["Your payment is complete"]


def test_a_settlement_that_falls_short_waits_for_review(order, sent, cryptopay_sandbox):
    cryptopay_sandbox.settings(underpaid="recalculate")
    invoice = order()
    cryptopay_sandbox.pay(invoice, "0.9")
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.advance(minutes=30, deliver=True)
    expire(invoice)

    assert Invoice.objects.get().status == "completed"
    assert subjects(sent()) == ["We are checking your payment"]


def test_a_refund_says_where_and_how_much(order, sent, cryptopay_sandbox):
    invoice = order()
    cryptopay_sandbox.pay(invoice, "0.5")
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.advance(minutes=30, deliver=True)
    assert "Too little has arrived" in subjects(sent())
    address = "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"

    refund_invoice(Invoice.objects.get(), actor="ada", reason="too little", address=address)
    for _ in range(2):
        cryptopay_sandbox.advance(minutes=2, deliver=True)
        Invoice.objects.update(refunds_due_at=timezone.now())
        process_overdue()

    mails = sent()
    assert subjects(mails) == ["Your refund was sent"]
    refund = invoice.refunds.get()
    assert f"Sent back:\n{refund.amount.normalize():f}\u00a0BTC\n" in mails[0].body
    assert f"To the address:\n{address}\n" in mails[0].body
    assert f"Transaction:\n{refund.txid}\n" in mails[0].body


def test_a_refund_to_the_shops_own_account_is_no_news_for_the_customer(order, sent):
    invoice = order()
    sent()
    refund = RefundFactory(invoice=invoice, status="succeeded", address="")
    write_events([new_event(invoice, EventKind.REFUND_SUCCEEDED, at=timezone.now(), refund=refund)])

    assert sent() == []


def test_an_expired_invoice_is_told_once_the_gateway_was_asked(order, sent):
    invoice = order()
    sent()
    expire(invoice)
    Invoice.objects.update(polled_at=timezone.now() - timedelta(hours=1))
    assert note_expired_invoices(timezone.now()) == 0, "the gateway may have seen a payment"

    expire(invoice)
    assert [note_expired_invoices(timezone.now()) for _ in range(2)] == [1, 0]
    [one] = sent()

    assert subjects([one]) == ["The time to pay is over"]
    assert "press “I have sent it” on the page" in one.body


def test_the_chore_finds_what_has_expired_by_itself(order, sent):
    expire(order())

    assert subjects(sent()) == ["The time to pay is over"], "and the mail about the invoice has become untrue"


def test_an_invoice_that_was_left_behind_for_another_coin_expires_in_silence(order, sent):
    group = Group.objects.create(name="one order")
    old = order(order=group)
    order(order=group, pay_currency="ETH")
    sent()

    expire(old)
    assert note_expired_invoices(timezone.now()) == 1
    assert sent() == []

    expire(Invoice.objects.get(pay_currency="ETH"))
    assert note_expired_invoices(timezone.now()) == 1
    assert subjects(sent()) == ["The time to pay is over"]


@pytest.mark.parametrize(
    "values",
    [
        {"expires_at": timezone.now() - timedelta(days=2)},
        {"paid_amount": 1},
        {"quarantine_reason": "odd"},
        {"status": "cancelled"},
        {"account": "second"},
    ],
)
def test_no_other_invoice_counts_as_expired(values, order, settings):
    settings.CRYPTOPAY_ACCOUNTS = with_options(settings, second={"CUSTOMER_MAILS": []})
    invoice = order()
    expire(invoice)
    Invoice.objects.update(**values)

    assert note_expired_invoices(timezone.now()) == 0


def test_where_no_account_tells_of_it_nothing_is_looked_for(order, settings, django_assert_num_queries):
    settings.CRYPTOPAY_CUSTOMER_MAILS = ["paid"]
    expire(order())

    with django_assert_num_queries(0):
        assert note_expired_invoices(timezone.now()) == 0


def test_a_callback_that_comes_twice_sends_no_second_mail(order, sent, cryptopay_sandbox):
    invoice = order()
    sent()
    paid_in_full(cryptopay_sandbox, invoice)
    assert len(sent()) == 1

    for callback in cryptopay_sandbox.callbacks(invoice):
        cryptopay_sandbox.resend(callback)
    cryptopay_sandbox.deliver()
    deliver_again(invoice, actor="ada", reason="the warehouse lost it")
    fall_due()

    assert sent() == []


def test_a_mail_server_that_is_away_delays_the_mail_and_nothing_else(order, cryptopay_sandbox):
    invoice = order()
    with no_mail_server():
        paid_in_full(cryptopay_sandbox, invoice)
        process_overdue()
        assert send_customer_mails() == 2, "two have become untrue: the invoice is paid by now"

    owed = HandlerDelivery.objects.get(event__kind="invoice_completed")
    assert Invoice.objects.get().status == "completed"
    assert InvoiceEvent.objects.get(kind="invoice_completed").delivered_at is not None
    assert (owed.attempts, owed.delivered_at, owed.begun_at) == (1, None, None)
    assert "ConnectionRefusedError" in owed.last_error
    assert timezone.now() < owed.next_attempt_at < timezone.now() + timedelta(seconds=11), (
        "the back-off, not the lease"
    )
    assert told(invoice) == []

    assert send_customer_mails() == 0, "its back-off is not over"
    fall_due()
    assert send_customer_mails() == 1
    assert subjects(mail.outbox) == ["Your payment is complete"]


def test_a_mail_that_keeps_failing_is_given_up_and_revived_by_a_person(order, settings):
    settings.CRYPTOPAY_HANDLER_ATTEMPTS = 2
    settings.CRYPTOPAY_CUSTOMER_ADDRESS = failing
    invoice = order()
    for _ in range(2):
        send_customer_mails()
        fall_due()

    owed = HandlerDelivery.objects.get()
    assert owed.given_up_at is not None
    assert invoice.events.get(kind=EventKind.HANDLER_GIVEN_UP).detail["handler"] == CUSTOMER_MAIL
    assert count_undelivered(timezone.now()).dead == 1

    settings.CRYPTOPAY_CUSTOMER_ADDRESS = None
    assert retry_delivery(owed)
    assert send_customer_mails() == 1
    assert told(invoice) == ["created"]


def failing(invoice):
    raise RuntimeError(f"no address book today for {invoice.payer_email}")


def test_the_log_names_no_address(order, settings, caplog):
    settings.CRYPTOPAY_CUSTOMER_ADDRESS = failing
    order()
    caplog.clear()

    with caplog.at_level(logging.DEBUG, logger="cryptopay_django"):
        send_customer_mails()

    assert "mail to the customer failed: RuntimeError" in caplog.text
    assert ADA not in caplog.text


def test_a_template_that_fails_holds_back_its_own_mail_only(order, cryptopay_sandbox, settings, tmp_path):
    folder = tmp_path / "cryptopay_django" / "mail"
    folder.mkdir(parents=True)
    (folder / "created.txt").write_text("{% load nothing_of_the_kind %}")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    order()
    other = order()
    paid_in_full(cryptopay_sandbox, other)

    send_customer_mails()

    assert subjects(mail.outbox) == ["Your payment is complete"]
    assert "nothing_of_the_kind" in HandlerDelivery.objects.get(delivered_at=None).last_error


def test_about_a_quarantined_invoice_nothing_is_sent_until_it_is_released(order, sent, cryptopay_sandbox):
    invoice = order()
    sent()
    paid_in_full(cryptopay_sandbox, invoice)
    Invoice.objects.update(quarantine_reason="odd")

    assert sent() == []
    assert HandlerDelivery.objects.get(event__kind="invoice_completed").attempts == 0
    assert count_undelivered(timezone.now() + timedelta(hours=1)).overdue == 0, "it waits for a person"

    release_invoice(Invoice.objects.get(), actor="ada", reason="looked")
    fall_due()
    assert subjects(sent()) == ["Your payment is complete"]


def test_about_a_quarantined_invoice_no_mail_of_any_kind_is_sent(order, sent):
    order()
    Invoice.objects.update(quarantine_reason="odd")
    assert sent() == []

    release_invoice(Invoice.objects.get(), actor="ada", reason="looked")

    assert subjects(sent()) == ["Your payment of 100.00 EUR"]


def test_an_invoice_that_is_quarantined_while_its_mail_is_made_is_not_told(order, settings):
    settings.CRYPTOPAY_CUSTOMER_ADDRESS = quarantining
    order()

    assert send_customer_mails() == 0

    assert mail.outbox == []
    owed = HandlerDelivery.objects.get()
    assert (owed.attempts, owed.begun_at, owed.delivered_at) == (0, None, None)


def quarantining(invoice):
    Invoice.objects.filter(pk=invoice.pk).update(quarantine_reason="odd")
    return invoice.payer_email


def test_a_process_that_ends_while_it_sends_leaves_the_mail_to_a_later_one(order, settings):
    settings.CRYPTOPAY_CUSTOMER_ADDRESS = ending
    order()

    with pytest.raises(SystemExit):
        send_customer_mails()

    settings.CRYPTOPAY_CUSTOMER_ADDRESS = None
    owed = HandlerDelivery.objects.get()
    assert owed.next_attempt_at > timezone.now() + timedelta(minutes=9), "nobody takes it from a slow mail server"
    assert send_customer_mails() == 0
    fall_due()
    assert send_customer_mails() == 1
    assert len(mail.outbox) == 1


def ending(invoice):
    raise SystemExit


def test_no_other_process_and_no_person_sends_what_is_being_sent(order, settings):
    settings.CRYPTOPAY_CUSTOMER_ADDRESS = sending_meanwhile
    order()

    send_customer_mails()

    assert len(mail.outbox) == 1


def sending_meanwhile(invoice):
    assert send_customer_mails() == 0
    with pytest.raises(DeliveryBusyError):
        retry_delivery(HandlerDelivery.objects.get())
    return invoice.payer_email


def test_a_mail_whose_record_is_gone_when_it_has_left_is_no_failure(order, settings):
    settings.CRYPTOPAY_CUSTOMER_ADDRESS = pruning
    invoice = order()

    assert send_customer_mails() == 0

    assert told(invoice) == []


def pruning(invoice):
    HandlerDelivery.objects.all().delete()
    return ADA


@pytest.mark.parametrize("address", ["", None, "  "])
def test_without_an_address_no_mail_is_sent_and_none_stays_owed(address, order, sent, settings):
    settings.CRYPTOPAY_CUSTOMER_ADDRESS = lambda invoice: address
    invoice = order()

    assert sent() == []
    assert HandlerDelivery.objects.get().delivered_at is not None
    assert told(invoice) == []


def test_the_shop_may_name_another_address(order, sent, settings):
    settings.CRYPTOPAY_CUSTOMER_ADDRESS = lambda invoice: " bea@example.org "
    order(payer_email=None)

    [one] = sent()

    assert one.to == ["bea@example.org"]


def test_of_several_payments_one_mail_says_what_is_missing_now(order, sent, cryptopay_sandbox):
    invoice = order()
    paid_in_part(cryptopay_sandbox, invoice, "0.3")
    paid_in_part(cryptopay_sandbox, invoice, "0.2")

    [one] = sent()

    assert subjects([one]) == ["A part has arrived"]
    due = Invoice.objects.get().pay_amount - Invoice.objects.get().paid_amount
    assert f"Still to be sent:\n{due.normalize():f}\u00a0BTC\n" in one.body


def test_without_the_sites_address_no_mail_leaves_and_the_reason_is_kept(order, settings):
    settings.CRYPTOPAY_SITE_URL = ""
    order()

    send_customer_mails()

    assert mail.outbox == []
    assert "CRYPTOPAY_SITE_URL is empty" in HandlerDelivery.objects.get().last_error


def test_requests_and_deliveries_leave_mails_to_the_worker(order, settings):
    invoice = order()

    assert deliver_events(invoice) == 0
    assert process_overdue() == 0
    assert not is_anything_due(timezone.now())
    assert mail.outbox == []

    call_command("cryptopay_worker", "--once", verbosity=0)
    assert subjects(mail.outbox) == ["Your payment of 100.00 EUR"]

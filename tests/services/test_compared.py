"""What the gateway did is compared with what was asked: an alarm on the desk, and never a plain success."""

from __future__ import annotations

import pytest

from cryptopay_django.exceptions import CreationUnknownError
from cryptopay_django.models import InvoiceEvent, Resolution
from cryptopay_django.services import (
    create_invoice,
    refresh_invoice,
    refund_invoice,
    release_invoice,
    send_notices,
    settle_invoice,
)

from .desk import ADDRESS, COMMIT, FAULTS, MONEY, PREVIEW, REFUND, REFUNDS, kinds, look, money_moved, unresolved

pytestmark = pytest.mark.django_db

BY_ADA = {"actor": "ada", "reason": "customer called"}
ELSEWHERE = "2N1FWhmzcMBCFTBcQAhtSvpt5cjKcRh36pV"
ANOTHER = "00000000-0000-4000-8000-000000000001"
ODD_REFUNDS = {
    "no address": {"address": None},
    "another address": {"address": ELSEWHERE},
    "less": {"amount": "0.00000001"},
    "more": {"amount": "5.0"},
    "another coin": {"amount_currency": "LTC"},
    "another network": {"network": "lightning"},
    "another invoice": {"invoice_id": ANOTHER},
    "a fee that takes all of it": {"fee": "5.0", "fee_currency": "BTC"},
    "a fee in another coin": {"fee": "0.00000001", "fee_currency": "LTC"},
}
ODD_COMMITS = {
    "less": {"price_amount": "1.0"},
    "another currency": {"price_currency": "USD"},
    "another quote": {"id": ANOTHER},
    "another invoice": {"invoice_id": ANOTHER},
    "for another amount": {"pay_amount": "5.0"},
}


@pytest.mark.parametrize("odd", ODD_REFUNDS.values(), ids=ODD_REFUNDS)
def test_a_refund_that_is_not_as_asked_is_an_alarm(wire, cryptopay_sandbox, odd):
    invoice = unresolved(cryptopay_sandbox)
    wire.change(REFUND, lambda data: data.update(odd))

    done = refund_invoice(invoice, address=ADDRESS, **BY_ADA)

    assert (done.status, done.active) == ("succeeded", None)
    assert done.error == done.result["not_as_asked"] != ""
    assert kinds(invoice) == ["planned", "sent", "accepted", "alarm", "succeeded"]
    assert InvoiceEvent.objects.get(kind="resolution_alarm").notice_due_at is not None


@pytest.mark.parametrize("odd", ODD_COMMITS.values(), ids=ODD_COMMITS)
def test_a_settlement_that_is_not_as_quoted_is_an_alarm(wire, cryptopay_sandbox, odd):
    invoice = unresolved(cryptopay_sandbox)
    wire.change(COMMIT, lambda data: data.update(odd))

    done = settle_invoice(invoice, **BY_ADA)

    assert (done.status, bool(done.error)) == ("succeeded", True)
    assert kinds(invoice) == ["planned", "sent", "accepted", "alarm", "succeeded"]


def test_an_invoice_that_completes_after_all_was_sent_back_is_fulfilled_only_when_a_person_says_so(
    wire, cryptopay_sandbox
):
    invoice = unresolved(cryptopay_sandbox)
    completed = {"status": "completed", "status_context": None}
    wire.change(REFUND, lambda data: wire.change(r"GET /api/invoices/[^/]+", lambda shown: shown.update(completed)))

    done = refund_invoice(invoice, address=ADDRESS, **BY_ADA)

    invoice.refresh_from_db()
    assert (done.status, invoice.status) == ("succeeded", "completed")
    assert invoice.quarantine_reason == "it is completed, and all that was paid was sent back"
    assert not InvoiceEvent.objects.filter(kind="invoice_completed").exists()
    release_invoice(invoice, **BY_ADA)
    assert InvoiceEvent.objects.filter(kind="invoice_completed").exists()
    assert not refresh_invoice(invoice).quarantine_reason


def test_staff_read_once_what_the_answer_and_the_invoice_both_show(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    wire.change(PREVIEW, lambda data: data.update(price_amount="40.0"))

    done = settle_invoice(invoice, **BY_ADA)

    assert done.error.count("credited is") == 1


@pytest.mark.parametrize("odd", [{"amount": "0.00000001"}, {"network": "lightning"}], ids=["less", "another network"])
def test_a_refund_that_is_found_by_reading_is_compared_too(wire, cryptopay_sandbox, odd):
    invoice = unresolved(cryptopay_sandbox)
    wire.fail(REFUND, "timeout", after_effect=True)
    refund_invoice(invoice, address=ADDRESS, **BY_ADA)
    wire.change(REFUNDS, lambda data: data[0].update(odd))

    done = look()

    assert (done.status, bool(done.error)) == ("succeeded", True)
    assert "alarm" in kinds(invoice)


def test_a_lost_answer_and_coins_that_went_to_our_own_account_end_as_failed_with_an_alarm(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    wire.fail(REFUND, "timeout", after_effect=True)
    refund_invoice(invoice, address=ADDRESS, **BY_ADA)
    wire.change(REFUNDS, lambda data: data[0].update(address=None))

    done = look()

    assert (done.status, money_moved(cryptopay_sandbox, invoice)) == ("failed", 1)
    assert "merchant's own account" in done.error
    assert kinds(invoice)[-2:] == ["failed", "alarm"]


def test_the_alarm_is_raised_once_and_the_teams_are_notified(wire, cryptopay_sandbox, settings, mailoutbox):
    settings.CRYPTOPAY_NOTICE_RECIPIENTS = {"unknown_resolution": ["desk@shop.example"]}
    invoice = unresolved(cryptopay_sandbox)
    wire.change(REFUND, lambda data: data.update(address=None))
    wire.change(r"GET /api/invoices/[^/]+", lambda data: data.update(status="unresolved", status_context="underpaid"))

    assert refund_invoice(invoice, address=ADDRESS, **BY_ADA).active, "the invoice has not moved"
    assert look().active
    assert "merchant's own account" in look().error
    wire.changes.clear()
    done = look()

    assert (done.status, "merchant's own account" in done.error) == ("succeeded", True)
    assert kinds(invoice).count("alarm") == 1
    send_notices()
    assert [mail.to for mail in mailoutbox] == [["desk@shop.example"]]


@pytest.mark.parametrize("address", [ADDRESS.upper(), ADDRESS])
def test_the_same_address_in_another_spelling_is_no_alarm(wire, cryptopay_sandbox, address):
    invoice = unresolved(cryptopay_sandbox)
    wire.change(REFUND, lambda data: data.update(address=address))

    assert refund_invoice(invoice, address=ADDRESS, **BY_ADA).error == ""


@pytest.mark.parametrize("page", [fault for fault in FAULTS if fault.startswith("proxy")])
@pytest.mark.parametrize(("call", "act"), [(REFUND, refund_invoice), (COMMIT, settle_invoice)])
def test_a_proxys_page_after_a_call_that_took_effect_is_an_unknown_outcome(wire, cryptopay_sandbox, call, act, page):
    invoice = unresolved(cryptopay_sandbox)
    wire.fail(call, page, after_effect=True)

    assert (act(invoice, **BY_ADA).status, Resolution.objects.get().active) == ("unknown", True)

    assert (look().status, wire.count(MONEY), money_moved(cryptopay_sandbox, invoice)) == ("succeeded", 1, 1)


@pytest.mark.parametrize("page", [fault for fault in FAULTS if fault.startswith("proxy")])
def test_a_proxys_page_after_a_creation_that_took_effect_is_an_unknown_outcome(wire, cryptopay_sandbox, page):
    asked = {"price_amount": "100", "price_currency": "EUR", "pay_currency": "BTC", "custom_id": "order-1"}
    wire.fail("POST /api/invoices", page, after_effect=True)

    made = create_invoice(**asked)

    assert made.gateway_id is not None, "found by its custom_id"
    assert wire.count("POST /api/invoices") == 1
    wire.fail("POST /api/invoices|GET .*", page, after_effect=True)
    with pytest.raises(CreationUnknownError):
        create_invoice(**asked | {"custom_id": "order-2"})


def test_the_reasons_of_a_refusal_are_on_record(wire, cryptopay_sandbox):
    wire.fail(REFUND, "refused")

    assert "amount: is below 0.0002 BTC (minimum)" in refund_invoice(unresolved(cryptopay_sandbox), **BY_ADA).error

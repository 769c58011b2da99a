"""Quotes, settle_invoice and refund_invoice where all goes well, and what is refused before anything is sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest
from django.db import transaction
from django.utils import timezone

from cryptopay_django.exceptions import (
    AddressError,
    GatewayAnswerError,
    GatewayRefusedError,
    InvoiceChangedError,
    NotResolvableError,
    Obstacle,
    QuoteExpiredError,
    ResolutionActiveError,
    TransactionOpenError,
)
from cryptopay_django.models import Invoice, InvoiceEvent, Resolution
from cryptopay_django.sandbox.invoices import Risk
from cryptopay_django.sandbox.risks import make_wallet
from cryptopay_django.services import (
    check_resolvable,
    quote_settlement,
    refund_invoice,
    release_invoice,
    settle_invoice,
)
from cryptopay_django.services.resolution.call_parameters import commit_of
from cryptopay_django.testing.factories import InvoiceFactory

from .desk import (
    ADDRESS,
    COMMIT,
    MONEY,
    PREVIEW,
    READING,
    REFUND,
    kinds,
    money_moved,
    resolve_by_setting,
    unresolved,
)

pytestmark = pytest.mark.django_db

BY_ADA = {"actor": "ada", "reason": "customer called"}
WHOLE_STORY = ["planned", "sent", "accepted", "succeeded"]


def asked_by(resolution):
    return tuple(resolution.parameters[name] for name in ("call", "refund_overage", "address"))


def test_a_quote_says_what_would_be_credited_against_what_was_ordered(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)

    quote = quote_settlement(invoice)

    preview = cryptopay_sandbox.invoice(invoice).recalculations[0]
    assert (str(quote.recalculation_id), quote.credited_amount) == (preview.id, preview.price_amount)
    assert (quote.invoice_id, quote.invoice_version) == (invoice.pk, invoice.version)
    assert (quote.ordered_amount, quote.price_currency) == (Decimal(100), "EUR")
    assert quote.shortfall_amount == 100 - quote.credited_amount > 0
    assert (quote.paid_amount, quote.pay_currency) == (invoice.paid_amount, "BTC")
    assert quote.exchange_rate == preview.exchange.rate
    assert quote.previous_exchange_rate == invoice.exchange_rate
    assert (quote.fee_amount, quote.fee_currency) == (preview.fee, "EUR")
    assert timedelta(0) < quote.expires_at - timezone.now() <= timedelta(seconds=30)
    assert Resolution.objects.count() == money_moved(cryptopay_sandbox, invoice) == 0


def test_a_quote_that_credits_more_than_ordered_has_no_shortfall(wire, cryptopay_sandbox):
    assert quote_settlement(unresolved(cryptopay_sandbox, "overpaid")).shortfall_amount == 0


def test_a_quote_in_the_coin_itself_has_no_rate(wire, cryptopay_sandbox):
    invoice = unresolved(
        cryptopay_sandbox, "overpaid", price_amount="50", price_currency="USDT", pay_currency="USDT", network="tron"
    )

    quote = quote_settlement(invoice)

    assert (quote.exchange_rate, quote.previous_exchange_rate, quote.credited_amount) == (None, None, 100)


def test_a_quote_for_another_invoice_is_not_believed(wire, cryptopay_sandbox):
    invoice, other = (unresolved(cryptopay_sandbox, "overpaid") for _ in range(2))
    there = cryptopay_sandbox.account().state.invoices
    there[str(invoice.gateway_id)] = there[str(other.gateway_id)]

    with pytest.raises(GatewayAnswerError, match="came back for"):
        quote_settlement(invoice)


@pytest.mark.parametrize("context", ["underpaid", "overpaid", "paid_late"])
def test_a_quote_is_committed_and_the_invoice_is_what_the_gateway_then_says(wire, cryptopay_sandbox, context):
    invoice = unresolved(cryptopay_sandbox, context)
    quote = quote_settlement(invoice)

    resolution = settle_invoice(invoice, quote=quote, **BY_ADA)

    invoice = Invoice.objects.get(pk=invoice.pk)
    assert (resolution.status, resolution.active, resolution.error) == ("succeeded", None, "")
    assert resolution.parameters["credited_amount"] == f"{quote.credited_amount:f}"
    assert (invoice.status, invoice.settled_amount) == ("completed", quote.credited_amount)
    assert kinds(invoice) == WHOLE_STORY
    planned = InvoiceEvent.objects.get(kind="resolution_planned")
    assert (planned.actor, planned.detail["reason"]) == ("ada", "customer called")
    assert (wire.count(COMMIT), wire.count(PREVIEW)) == (1, 1)


def test_without_a_quote_one_is_made(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)

    resolution = settle_invoice(invoice, **BY_ADA)

    assert (resolution.status, wire.count(PREVIEW)) == ("succeeded", 1)
    assert money_moved(cryptopay_sandbox, invoice) == 1


def test_an_overage_is_refunded_and_what_was_ordered_is_credited(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox, "overpaid")

    resolution = settle_invoice(invoice, refund_overage=True, **BY_ADA)

    invoice = Invoice.objects.get(pk=invoice.pk)
    (refund,) = cryptopay_sandbox.invoice(invoice).refunds
    assert (resolution.kind, resolution.status) == ("settle", "succeeded")
    assert (invoice.status, invoice.settled_amount) == ("completed", 100)
    assert (refund.address, refund.amount) == (None, invoice.paid_amount - invoice.pay_amount)
    assert (resolution.result["refund_id"], Decimal(resolution.result["amount"])) == (refund.id, refund.amount)
    assert asked_by(resolution) == ("create_refund", True, None)


@pytest.mark.parametrize("address", [None, ADDRESS])
@pytest.mark.parametrize("context", ["underpaid", "paid_late"])
def test_a_refund_goes_to_the_own_account_or_to_the_address(wire, cryptopay_sandbox, context, address):
    invoice = unresolved(cryptopay_sandbox, context)

    resolution = refund_invoice(invoice, address=address, **BY_ADA)

    (refund,) = cryptopay_sandbox.invoice(invoice).refunds
    assert (resolution.status, Invoice.objects.get(pk=invoice.pk).status) == ("succeeded", "refunded")
    assert (refund.address, refund.amount) == (address, invoice.paid_amount)
    assert asked_by(resolution) == ("create_refund", False, address)
    assert kinds(invoice) == WHOLE_STORY


def test_what_a_person_decided_on_is_kept_with_it(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    quote = quote_settlement(invoice)

    resolution = settle_invoice(invoice, quote=quote, **BY_ADA)

    assert resolution.parameters == {
        "call": "commit_recalculation",
        "refund_overage": False,
        "invoice_version": invoice.version,
        "status_context": "underpaid",
        "paid_amount": f"{invoice.paid_amount:f}",
        "pay_amount": f"{invoice.pay_amount:f}",
        "pay_currency": "BTC",
        "network": "bitcoin",
        "recalculation_id": str(quote.recalculation_id),
        "credited_amount": f"{quote.credited_amount:f}",
        "ordered_amount": "100",
        "shortfall_amount": f"{quote.shortfall_amount:f}",
        "price_currency": "EUR",
        "exchange_rate": f"{quote.exchange_rate:f}",
        "fee_amount": f"{quote.fee_amount:f}",
        "fee_currency": quote.fee_currency,
        "quote_expires_at": quote.expires_at.isoformat(),
    }


def test_what_a_quote_does_not_have_is_kept_as_nothing(wire, cryptopay_sandbox):
    quote = replace(quote_settlement(unresolved(cryptopay_sandbox)), exchange_rate=None, fee_amount=None)

    kept = commit_of(quote)

    assert (kept["exchange_rate"], kept["fee_amount"]) == (None, None)


@pytest.mark.parametrize("ending", ["completed", "refunded"])
def test_which_status_a_refund_of_an_overpaid_invoice_ends_in_is_the_gateways_to_say(wire, cryptopay_sandbox, ending):
    cryptopay_sandbox.settings(overpaid_refund_ends=ending)
    invoice = unresolved(cryptopay_sandbox, "overpaid")

    assert refund_invoice(invoice, **BY_ADA).status == "succeeded"

    assert Invoice.objects.get(pk=invoice.pk).status == ending


def test_the_shop_is_told_at_once(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)

    refund_invoice(invoice, **BY_ADA)

    assert invoice.events.get(kind="invoice_refunded").delivered_at is not None


def test_what_is_on_hold_is_refused_and_says_whom_to_contact(wire, cryptopay_sandbox, settings):
    settings.CRYPTOPAY_MONITORING_CONTACT = "desk@service.example"
    invoice = unresolved(cryptopay_sandbox, "illicit_resource")
    wire.asked.clear()

    for act in (quote_settlement, lambda it: settle_invoice(it, **BY_ADA), lambda it: refund_invoice(it, **BY_ADA)):
        with pytest.raises(NotResolvableError, match=r"monitoring team.*desk@service\.example") as caught:
            act(invoice)
        assert caught.value.obstacle == Obstacle.HELD
    assert wire.asked == []


@pytest.mark.parametrize(
    ("values", "obstacle"),
    [
        ({"status": "new"}, Obstacle.NOT_UNRESOLVED),
        ({"status": "completed"}, Obstacle.NOT_UNRESOLVED),
        ({"status": "unresolved", "status_context": "from_the_future"}, Obstacle.UNKNOWN_CONTEXT),
        ({"status": "unresolved", "status_context": "underpaid", "quarantine_reason": "odd"}, Obstacle.QUARANTINED),
    ],
)
def test_what_may_not_be_resolved_says_why(wire, values, obstacle):
    invoice = InvoiceFactory(**values)

    for act in (check_resolvable, quote_settlement, lambda it: refund_invoice(it, **BY_ADA)):
        with pytest.raises(NotResolvableError) as caught:
            act(invoice)
        assert caught.value.obstacle == obstacle
    assert wire.asked == []


def test_after_its_release_a_quarantined_invoice_can_be_settled(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    Invoice.objects.filter(pk=invoice.pk).update(quarantine_reason="odd")

    release_invoice(invoice, **BY_ADA)

    assert settle_invoice(invoice, **BY_ADA).status == "succeeded"


@pytest.mark.parametrize(
    ("person", "obstacle"),
    [({"actor": " ", "reason": "x"}, Obstacle.NO_ACTOR), ({"actor": "ada", "reason": "  "}, Obstacle.NO_REASON)],
)
@pytest.mark.parametrize("act", [settle_invoice, refund_invoice])
def test_who_and_why_must_be_said(wire, act, person, obstacle):
    with pytest.raises(NotResolvableError) as caught:
        act(InvoiceFactory(), **person)

    assert caught.value.obstacle == obstacle


def test_only_an_overpaid_invoice_has_an_overage(wire, cryptopay_sandbox):
    with pytest.raises(NotResolvableError) as caught:
        settle_invoice(unresolved(cryptopay_sandbox), refund_overage=True, **BY_ADA)

    assert caught.value.obstacle == Obstacle.NOT_OVERPAID


@pytest.mark.parametrize("address", ["", "nonsense", "0x52908400098527886E0F7030069857D2E4169EE7", ADDRESS[:-1] + "q"])
def test_an_address_of_another_network_or_with_a_slip_is_refused_before_anything_is_sent(wire, address):
    invoice = InvoiceFactory(status="unresolved", status_context="underpaid")

    with pytest.raises(AddressError):
        refund_invoice(invoice, address=address, **BY_ADA)

    assert (wire.asked, Resolution.objects.count()) == ([], 0)


def test_in_production_an_address_of_the_test_network_is_refused(wire, settings):
    invoice = InvoiceFactory(status="unresolved", status_context="underpaid")
    accounts = settings.CRYPTOPAY_ACCOUNTS
    settings.CRYPTOPAY_ACCOUNTS = accounts | {"default": accounts["default"] | {"BASE_URL": "production"}}

    with pytest.raises(AddressError, match="test network"):
        refund_invoice(invoice, address=ADDRESS, **BY_ADA)


def test_an_expired_quote_is_not_sent(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    quote = replace(quote_settlement(invoice), expires_at=timezone.now())
    wire.asked.clear()

    with pytest.raises(QuoteExpiredError, match="ask for another"):
        settle_invoice(invoice, quote=quote, **BY_ADA)

    assert (wire.asked, Resolution.objects.count()) == ([], 0)


def test_a_quote_that_expires_at_the_gateway_fails_and_another_one_settles(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    quote = quote_settlement(invoice)
    cryptopay_sandbox.advance(seconds=31)

    refused = settle_invoice(invoice, quote=quote, **BY_ADA)

    assert (refused.status, refused.active) == ("failed", None)
    assert "expired" in refused.error
    assert kinds(invoice) == ["planned", "sent", "failed"]
    assert settle_invoice(invoice, **BY_ADA).status == "succeeded"
    assert money_moved(cryptopay_sandbox, invoice) == 1


def test_a_quote_of_another_invoice_is_refused(wire, cryptopay_sandbox):
    invoice, other = unresolved(cryptopay_sandbox, "overpaid"), unresolved(cryptopay_sandbox, "overpaid")

    with pytest.raises(QuoteExpiredError, match=str(other.pk)):
        settle_invoice(invoice, quote=quote_settlement(other), **BY_ADA)


def test_an_invoice_that_is_not_the_one_that_was_shown_is_not_touched(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    quote = quote_settlement(invoice)
    cryptopay_sandbox.pay(invoice, amount="rest")
    cryptopay_sandbox.deliver()

    for act in (
        lambda: settle_invoice(invoice, quote=quote, **BY_ADA),
        lambda: settle_invoice(invoice, expected_version=quote.invoice_version, **BY_ADA),
        lambda: refund_invoice(invoice, expected_version=quote.invoice_version, **BY_ADA),
    ):
        with pytest.raises(InvoiceChangedError, match="nothing was sent"):
            act()
    assert (Resolution.objects.count(), wire.count(MONEY)) == (0, 0)


def test_a_change_that_no_callback_has_told_of_is_found_before_anything_is_sent(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    cryptopay_sandbox.pay(invoice, amount="rest")

    with pytest.raises(InvoiceChangedError):
        refund_invoice(invoice, expected_version=invoice.version, **BY_ADA)

    assert Invoice.objects.get(pk=invoice.pk).paid_amount > invoice.paid_amount
    assert wire.count(MONEY) == 0


def test_what_the_accounts_own_setting_has_ended_is_not_ended_twice(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    resolve_by_setting(cryptopay_sandbox, invoice)

    with pytest.raises(InvoiceChangedError, match="refunded"):
        quote_settlement(invoice)
    with pytest.raises(NotResolvableError):
        refund_invoice(invoice, **BY_ADA)

    assert money_moved(cryptopay_sandbox, invoice) == 1


def test_the_accounts_own_setting_that_comes_between_reading_and_sending_wins(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    wire.just_before(REFUND, lambda: resolve_by_setting(cryptopay_sandbox, invoice))

    resolution = refund_invoice(invoice, expected_version=invoice.version, **BY_ADA)

    assert (resolution.status, Invoice.objects.get(pk=invoice.pk).status) == ("failed", "refunded")
    assert money_moved(cryptopay_sandbox, invoice) == 1


def test_the_second_is_told_who_was_first_and_when(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    wire.fail(REFUND, "timeout")
    first = refund_invoice(invoice, **BY_ADA)
    wire.asked.clear()

    with pytest.raises(ResolutionActiveError, match=f"ada began to refund .* at {first.created_at:%Y-%m-%d %H:%M}"):
        refund_invoice(invoice, actor="bob", reason="again")
    with pytest.raises(ResolutionActiveError, match="unknown"):
        settle_invoice(invoice, actor="bob", reason="instead")

    assert wire.asked == []


@pytest.mark.django_db(transaction=True)
def test_inside_a_transaction_nothing_is_begun(wire):
    invoice = InvoiceFactory(status="unresolved", status_context="underpaid")

    with transaction.atomic(), pytest.raises(TransactionOpenError, match="non_atomic_requests"):
        refund_invoice(invoice, **BY_ADA)

    assert wire.asked == []


def test_a_gateway_that_cannot_be_read_stops_it_before_anything_is_planned(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    wire.fail(READING, "unreadable")

    with pytest.raises(GatewayAnswerError):
        refund_invoice(invoice, **BY_ADA)

    assert (Resolution.objects.count(), wire.count(MONEY)) == (0, 0)


def test_what_never_left_this_machine_has_failed_and_can_be_begun_anew(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    wire.fail(MONEY, "unreachable")

    resolution = refund_invoice(invoice, **BY_ADA)

    assert (resolution.status, resolution.active) == ("failed", None)
    assert "nothing was sent" in resolution.error
    wire.heal()
    assert refund_invoice(invoice, **BY_ADA).status == "succeeded"


def test_an_address_that_the_gateway_finds_too_risky_fails_with_its_reason(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    risky = make_wallet(cryptopay_sandbox.account().state.seed, "bitcoin", Risk.HIGH)

    resolution = refund_invoice(invoice, address=risky, **BY_ADA)

    assert (resolution.status, resolution.active) == ("failed", None)
    assert "unlawful" in resolution.error
    assert money_moved(cryptopay_sandbox, invoice) == 0


def test_a_refusal_that_the_invoice_does_not_explain_is_passed_on(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    wire.fail(PREVIEW, "refused")

    with pytest.raises(GatewayRefusedError):
        quote_settlement(invoice)


@pytest.mark.parametrize("amount", ["0.0", "0.00000001", "5.0"])
def test_a_quote_for_another_amount_than_was_paid_is_refused_before_anything_is_sent(wire, cryptopay_sandbox, amount):
    invoice = unresolved(cryptopay_sandbox)
    wire.change(PREVIEW, lambda data: data.update(pay_amount=amount))

    with pytest.raises(GatewayAnswerError, match="was paid"):
        settle_invoice(invoice, **BY_ADA)

    assert wire.count(COMMIT) == Resolution.objects.count() == 0


def test_a_quote_that_credits_nothing_is_refused_before_anything_is_sent(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    wire.change(PREVIEW, lambda data: data.update(price_amount="0.0"))

    for act in (quote_settlement, partial(settle_invoice, **BY_ADA)):
        with pytest.raises(GatewayAnswerError, match="credit nothing"):
            act(invoice)

    assert wire.count(COMMIT) == Resolution.objects.count() == 0


def test_a_quote_that_is_older_than_what_was_shown_is_refused(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    quote = quote_settlement(invoice)

    with pytest.raises(InvoiceChangedError, match="since the quote was made"):
        settle_invoice(invoice, quote=quote, expected_version=invoice.version + 1, **BY_ADA)

    assert not Resolution.objects.exists()


def test_a_quote_that_expires_while_the_invoice_is_read_is_not_sent(wire, cryptopay_sandbox):
    quote = quote_settlement(unresolved(cryptopay_sandbox))

    with pytest.raises(QuoteExpiredError):
        commit_of(replace(quote, expires_at=timezone.now()))

"""A completed order is refunded, whole or in part: quoted, committed, on record once, never more than was paid."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.utils import timezone

from cryptopay_django.exceptions import (
    AddressError,
    FeeBearerError,
    GatewayAnswerError,
    InvoiceChangedError,
    NotResolvableError,
    Obstacle,
    QuoteExpiredError,
    RefundAmountError,
    RefundRefusedError,
    ResolutionActiveError,
    TagError,
    TransactionOpenError,
)
from cryptopay_django.gateway.answers import Reason
from cryptopay_django.models import Invoice, Refund, Resolution
from cryptopay_django.services import (
    RefundQuote,
    SettlementQuote,
    left_to_refund,
    quote_refund,
    refund_invoice,
)
from cryptopay_django.services.resolution.refund_quote import _problem_of
from cryptopay_django.services.resolution.refundable_amount import refundable_amount_of
from cryptopay_django.services.snapshots.refund_rows import refunds_of
from cryptopay_django.testing.factories import InvoiceFactory

from .desk import ADDRESS, resolve_by_setting, unresolved
from .returning import COMMIT, PREVIEW, arrive, committed, completed, left, quoted, send_back

pytestmark = pytest.mark.django_db(transaction=True)

OTHER = "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7"
XRP = "rN7n7otQDd6FczFgLdSqtcsAUxDkw6fzRH"


def test_it_shows_what_is_charged_what_arrives_and_who_bears_the_fees(cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)

    quote = quoted(invoice, "50")

    assert (quote.amount, quote.currency, quote.value_amount) == (Decimal(50), "EUR", Decimal(50))
    assert (quote.charged_currency, quote.pay_currency, quote.fee_currency) == ("EUR", "BTC", "EUR")
    assert (quote.network_fee_borne_by, quote.network_fee_level) == ("merchant", "average")
    assert quote.balance_amount == cryptopay_sandbox.balance("EUR")
    assert quote.charged_amount > Decimal(50) + quote.fee_amount
    assert quote.received_amount == (Decimal(50) / quote.exchange_rate).quantize(Decimal("1e-8"), "ROUND_DOWN")
    assert (quote.left_value_amount, quote.left_amount) == (Decimal(100), invoice.paid_amount)
    assert quote.invoice_version == invoice.version
    assert timedelta(seconds=20) < quote.expires_at - timezone.now() <= timedelta(seconds=30)


def test_the_customer_may_bear_the_fee_of_the_network(cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)

    ours, theirs = quoted(invoice), quoted(invoice, network_fee_borne_by="customer")

    assert theirs.received_amount == ours.received_amount - theirs.network_fee_amount
    assert theirs.charged_amount == Decimal(50) + theirs.fee_amount < ours.charged_amount


def test_all_that_is_left_is_quoted_without_an_amount(cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)

    assert quoted(invoice, None).amount == Decimal(100)
    coins = quoted(invoice, None, currency="BTC")
    assert (coins.amount, coins.value_amount) == (invoice.paid_amount, Decimal(100))
    assert coins.received_amount == invoice.paid_amount


def test_nothing_is_written_and_no_money_moves(cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)
    before = cryptopay_sandbox.balance("EUR")

    quoted(invoice)

    assert (Resolution.objects.count(), Refund.objects.count()) == (0, 0)
    assert committed(cryptopay_sandbox) == []
    assert cryptopay_sandbox.balance("EUR") == before


def test_it_comes_back_sealed_as_it_was(cryptopay_sandbox):
    quote = quoted(completed(cryptopay_sandbox))

    assert RefundQuote.unseal(quote.seal()) == quote
    assert SettlementQuote.unseal(quote.seal()) is None
    assert RefundQuote.unseal(quote.seal()[:-3] + "abc") is None


def test_the_balance_is_left_out_when_it_cannot_be_read(wire):
    invoice = completed(wire.sandbox)
    wire.fail("GET /api/accounts", "timeout")

    assert quoted(invoice).balance_amount is None


@pytest.mark.parametrize("amount", ["0", "-1", "0.001", "100.01", "NaN", "Infinity"])
def test_an_amount_that_cannot_be_is_refused_before_the_gateway_is_asked(wire, amount):
    invoice = completed(wire.sandbox)

    with pytest.raises(RefundAmountError):
        quoted(invoice, amount)

    assert wire.count(PREVIEW) == 0


def test_an_amount_in_a_third_currency_is_refused(cryptopay_sandbox):
    with pytest.raises(RefundAmountError, match="EUR or BTC, not USD"):
        quoted(completed(cryptopay_sandbox), currency="USD")


@pytest.mark.parametrize("name", ["nobody", "", "Merchant", None])
def test_only_the_merchant_or_the_customer_bears_the_network_fee(wire, name):
    with pytest.raises(FeeBearerError, match="'merchant' or 'customer'"):
        quoted(completed(wire.sandbox), network_fee_borne_by=name)

    assert wire.count(PREVIEW) == 0


def test_a_float_is_refused(cryptopay_sandbox):
    with pytest.raises(RefundAmountError, match="float"):
        quote_refund(completed(cryptopay_sandbox), amount=50.0, address=ADDRESS)


def test_an_invoice_that_is_not_completed_is_refused(cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)

    with pytest.raises(NotResolvableError) as caught:
        quoted(invoice, "10")

    assert caught.value.obstacle == Obstacle.NOT_COMPLETED


@pytest.mark.parametrize(
    ("columns", "obstacle"),
    [
        ({"quarantine_reason": "odd"}, Obstacle.QUARANTINED),
        ({"settled_amount": None}, Obstacle.AMOUNT_UNKNOWN),
        ({"environment": "elsewhere"}, Obstacle.OTHER_ENVIRONMENT),
    ],
)
def test_what_stands_in_the_way_is_named(cryptopay_sandbox, columns, obstacle):
    invoice = completed(cryptopay_sandbox)
    Invoice.objects.filter(pk=invoice.pk).update(**columns)

    with pytest.raises(NotResolvableError) as caught:
        quoted(invoice)

    assert caught.value.obstacle == obstacle


@pytest.mark.parametrize("address", ["", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT2", "0x" + "0" * 40])
def test_an_address_is_checked_before_the_gateway_is_asked(wire, address):
    invoice = completed(wire.sandbox)

    with pytest.raises(AddressError):
        quoted(invoice, address=address)

    assert wire.count(PREVIEW) == 0


def test_a_network_with_tags_needs_one_or_the_word_that_none_is_needed(cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox, pay_currency="XRP")

    with pytest.raises(TagError):
        quoted(invoice, address=XRP)
    assert quoted(invoice, address=XRP, tag="275").address == f"{XRP}?dt=275"


def test_without_the_balance_the_gateway_refuses_and_staff_read_why(cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox, funds="0")

    with pytest.raises(RefundRefusedError, match="EUR account has too little") as caught:
        quoted(invoice, None)

    assert {field for field, _ in caught.value.problems} == {"amount"}


def test_less_than_the_gateway_sends_is_refused_in_words(cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)

    with pytest.raises(RefundRefusedError, match="too little for the gateway") as caught:
        quoted(invoice, "1")

    assert [field for field, _ in caught.value.problems] == ["amount"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("address", OTHER),
        ("network", "lightning"),
        ("received_currency", "LTC"),
        ("charged_currency", "USD"),
        ("status", "pending"),
        ("id", None),
    ],
)
def test_a_preview_of_something_else_is_no_quote(wire, name, value):
    invoice = completed(wire.sandbox)
    wire.change(PREVIEW, lambda data: data.update({name: value}))

    with pytest.raises(GatewayAnswerError):
        quoted(invoice)


def test_a_preview_of_other_coins_is_no_quote(wire):
    invoice = completed(wire.sandbox)
    wire.change(PREVIEW, lambda data: data.update(received_amount="0.5"))

    with pytest.raises(GatewayAnswerError, match=r"sends 0\.5 BTC"):
        quoted(invoice, None, currency="BTC")


def test_a_preview_of_which_nothing_would_arrive_is_no_quote(wire):
    invoice = completed(wire.sandbox)
    wire.change(PREVIEW, lambda data: data.update(received_amount="0.0", network_fee="0.0005"))

    with pytest.raises(GatewayAnswerError, match="nothing arrives"):
        quoted(invoice, "0.0005", currency="BTC", network_fee_borne_by="customer")


def test_a_part_is_sent_back_and_on_record_once(cryptopay_sandbox, refunds_heard):
    invoice = completed(cryptopay_sandbox)
    before = cryptopay_sandbox.balance("EUR")
    quote = quoted(invoice, "40")

    done = refund_invoice(invoice, actor="ada", reason="a mug came back", quote=quote)

    row = Refund.objects.get()
    assert (done.status, done.error, done.result["withdrawal_id"]) == ("succeeded", "", str(row.gateway_id))
    assert (row.status, row.cause, row.resolution, row.withdrawal_status) == ("pending", "person", done, "pending")
    assert (row.value_amount, round(row.present_value_amount, 1)) == (Decimal(40), Decimal(40))
    assert (row.received_amount, row.currency) == (quote.received_amount, "BTC")
    assert (row.amount, row.network_fee_amount) == (quote.received_amount, quote.network_fee_amount)
    assert (row.charged_amount, row.charged_currency) == (quote.charged_amount, "EUR")
    assert (row.fee_amount, row.fee_currency) == (quote.fee_amount, "EUR")
    assert (row.address, row.network, row.txid) == (ADDRESS, "bitcoin", "")
    assert row.custom_id == str(done.pk)
    assert cryptopay_sandbox.balance("EUR") == before - quote.charged_amount
    assert [kind for kind, _, _ in refunds_heard] == ["refund_created"]

    arrive(cryptopay_sandbox)

    row.refresh_from_db()
    assert (row.status, row.withdrawal_status, bool(row.txid)) == ("succeeded", "completed", True)
    assert [kind for kind, _, _ in refunds_heard] == ["refund_created", "refund_succeeded"]
    assert refunds_heard[-1][1].pk == row.pk
    assert refunds_heard[-1][2]["value_amount"] == "40"
    assert Refund.objects.count() == 1
    invoice.refresh_from_db()
    assert (invoice.status, invoice.refunds_due_at) == ("completed", None)


def test_an_amount_is_enough_where_nobody_looks_at_a_quote(cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)

    done = refund_invoice(
        invoice, actor="ada", reason="x", amount=Decimal("0.0004"), currency="BTC", address=ADDRESS,
        network_fee_borne_by="customer",
    )  # fmt: skip

    (there,) = committed(cryptopay_sandbox)
    assert there.received_amount + there.network_fee == Decimal("0.0004")
    assert done.parameters["network_fee_borne_by"] == "customer"
    row = Refund.objects.get()
    assert (row.amount, row.received_amount) == (Decimal("0.0004"), there.received_amount)


def test_without_quote_and_amount_a_completed_invoice_is_left_alone(wire):
    invoice = completed(wire.sandbox)

    with pytest.raises(NotResolvableError) as caught:
        refund_invoice(invoice, actor="ada", reason="x", address=ADDRESS)

    assert caught.value.obstacle == Obstacle.NOT_UNRESOLVED
    assert "To refund a completed one, give an amount or a quote" in str(caught.value)
    assert committed(wire.sandbox) == []


def test_an_amount_of_an_unresolved_invoice_is_refused(cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)

    with pytest.raises(NotResolvableError) as caught:
        refund_invoice(invoice, actor="ada", reason="x", address=ADDRESS, amount=Decimal(10))

    assert caught.value.obstacle == Obstacle.NOT_COMPLETED


def test_an_amount_needs_an_address(cryptopay_sandbox):
    with pytest.raises(AddressError, match="needs the address"):
        refund_invoice(completed(cryptopay_sandbox), actor="ada", reason="x", amount=Decimal(10))


@pytest.mark.parametrize(
    "more",
    [{"amount": Decimal(10)}, {"currency": "EUR"}, {"address": ADDRESS}, {"tag": "1"}, {"without_tag": True}],
    ids=str,
)
def test_a_quote_and_what_is_in_it_are_one_too_many(cryptopay_sandbox, more):
    invoice = completed(cryptopay_sandbox)

    with pytest.raises(RefundAmountError, match="not both"):
        refund_invoice(invoice, actor="ada", reason="x", quote=quoted(invoice), **more)


def test_several_parts_are_sent_back_and_never_more_than_was_paid(cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)

    send_back(invoice, "60")
    with pytest.raises(RefundAmountError, match="40 EUR"):
        quoted(invoice, "40.01")
    send_back(invoice, None, currency="BTC")

    assert [row.value_amount for row in refunds_of(invoice)] == [Decimal(60), Decimal(40)]
    with pytest.raises(NotResolvableError) as caught:
        quoted(invoice, None)
    assert caught.value.obstacle == Obstacle.NOTHING_LEFT
    arrive(cryptopay_sandbox)
    assert left(invoice).value_amount == 0


def test_coins_count_at_the_rate_of_the_order(cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)
    half = (invoice.paid_amount / 2).quantize(Decimal("1e-8"), "ROUND_DOWN")

    send_back(invoice, str(half), currency="BTC")

    assert left(invoice).value_amount <= Decimal(50)
    assert left(invoice).amount <= invoice.paid_amount - half


def test_two_quotes_of_the_whole_make_one_refund(cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)
    one, other = quoted(invoice, None), quoted(invoice, None)

    refund_invoice(invoice, actor="ada", reason="x", quote=one)
    with pytest.raises(RefundAmountError):
        refund_invoice(invoice, actor="ben", reason="x", quote=other)

    assert len(committed(cryptopay_sandbox)) == 1


def test_a_quote_is_used_once(cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)
    quote = quoted(invoice, "20")

    refund_invoice(invoice, actor="ada", reason="x", quote=quote)
    with pytest.raises(QuoteExpiredError, match="used before"):
        refund_invoice(invoice, actor="ada", reason="x", quote=quote)

    assert (Resolution.objects.count(), len(committed(cryptopay_sandbox))) == (1, 1)


def test_an_expired_quote_sends_nothing(cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)
    quote = replace(quoted(invoice), expires_at=timezone.now())

    with pytest.raises(QuoteExpiredError):
        refund_invoice(invoice, actor="ada", reason="x", quote=quote)

    assert (Resolution.objects.count(), committed(cryptopay_sandbox)) == (0, [])


def test_a_quote_that_expires_while_the_invoice_is_read_sends_nothing(wire, monkeypatch):
    invoice = completed(wire.sandbox)
    quote = replace(quoted(invoice), expires_at=timezone.now() + timedelta(seconds=0.3))
    wire.after_each(rf"GET /api/invoices/{invoice.gateway_id}", lambda: _wait_until(quote.expires_at))

    with pytest.raises(QuoteExpiredError):
        refund_invoice(invoice, actor="ada", reason="x", quote=quote)

    assert Resolution.objects.count() == 0


def test_a_quote_for_another_version_or_invoice_sends_nothing(cryptopay_sandbox):
    invoice, other = completed(cryptopay_sandbox), completed(cryptopay_sandbox)
    quote = quoted(invoice)

    with pytest.raises(QuoteExpiredError):
        refund_invoice(other, actor="ada", reason="x", quote=quote)
    with pytest.raises(InvoiceChangedError):
        refund_invoice(invoice, actor="ada", reason="x", quote=quote, expected_version=invoice.version + 1)
    Invoice.objects.filter(pk=invoice.pk).update(version=invoice.version + 1)
    with pytest.raises(InvoiceChangedError):
        refund_invoice(invoice, actor="ada", reason="x", quote=quote)

    assert Resolution.objects.count() == 0


def test_it_is_refused_inside_a_transaction(cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)
    quote = quoted(invoice)

    with transaction.atomic(), pytest.raises(TransactionOpenError):
        refund_invoice(invoice, actor="ada", reason="x", quote=quote)


def test_one_at_a_time(wire):
    invoice = completed(wire.sandbox)
    wire.fail(COMMIT, "timeout")
    send_back(invoice, "10")

    with pytest.raises(ResolutionActiveError):
        send_back(invoice, "10")


def test_the_overage_that_the_gateway_has_refunded_is_not_sent_back_again(cryptopay_sandbox):
    cryptopay_sandbox.settings(overpaid="refund")
    invoice = completed(cryptopay_sandbox, factor="2")
    resolve_by_setting(cryptopay_sandbox, invoice)
    arrive(cryptopay_sandbox)
    invoice.refresh_from_db()
    assert (invoice.status, invoice.refunds.count()) == ("completed", 1)

    assert left(invoice).value_amount == Decimal(100)
    assert left(invoice).amount == invoice.pay_amount
    assert refundable_amount_of(invoice, []).amount == invoice.pay_amount  # its refund is not on record yet


def test_the_price_in_the_coin_itself_needs_no_exchange(cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox, price_amount="0.01", price_currency="BTC", funds="1")

    done = send_back(invoice, "0.004")

    row = Refund.objects.get()
    assert done.status == "succeeded"
    assert (row.received_amount, row.value_amount) == (Decimal("0.004"), Decimal("0.004"))
    assert row.present_value_amount == Decimal("0.004")
    assert row.charged_amount == row.amount + row.network_fee_amount


def test_a_tag_goes_along(cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox, pay_currency="XRP")

    send_back(invoice, address=XRP, tag="0275")

    row = Refund.objects.get()
    assert committed(cryptopay_sandbox)[0].address == f"{XRP}?dt=275"
    assert (row.address, row.destination_tag) == (XRP, "275")


@pytest.mark.parametrize(
    ("given", "sent"), [({"tag": "275"}, f"{XRP}?dt=275"), ({"without_tag": True}, f"{XRP}?dt=0")]
)
def test_a_tag_or_that_none_is_needed_goes_along_without_a_quote_too(cryptopay_sandbox, given, sent):
    invoice = completed(cryptopay_sandbox, pay_currency="XRP")

    refund_invoice(invoice, actor="ada", reason="x", amount=Decimal(30), address=XRP, **given)

    assert committed(cryptopay_sandbox)[0].address == sent


def _wait_until(moment):
    while timezone.now() < moment:
        pass


def test_what_was_credited_is_all_that_there_is():
    invoice = InvoiceFactory.build(
        status="completed", price_amount=Decimal(100), price_currency="EUR", pay_currency="BTC", pay_amount=Decimal(2),
        paid_amount=Decimal(1), settled_amount=Decimal(45), network="bitcoin",
    )  # fmt: skip

    found = refundable_amount_of(invoice, [])

    assert (found.value_amount, found.amount) == (Decimal(45), Decimal(1))


def test_what_is_left_to_refund_is_known_without_a_quote(cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)
    before = left_to_refund(invoice)

    send_back(invoice, "40")

    assert (before, left_to_refund(invoice)) == (Decimal(100), Decimal(60))
    Invoice.objects.update(quarantine_reason="a person checks it")
    assert left_to_refund(invoice) == 0


def test_a_refund_of_unknown_value_leaves_nothing():
    invoice = InvoiceFactory.build(
        status="completed", price_amount=Decimal(100), price_currency="EUR", pay_currency="BTC", pay_amount=Decimal(2),
        paid_amount=Decimal(2), settled_amount=Decimal(100), network="bitcoin",
    )  # fmt: skip
    row = Refund(withdrawal_status="pending", status="pending", amount=Decimal(1), currency="BTC")

    assert refundable_amount_of(invoice, [row]).value_amount == 0


@pytest.mark.parametrize(
    ("code", "target", "message", "field", "says"),
    [
        (
            "must_be_less_than_or_equal",
            "received_amount",
            "must be less than 5",
            "amount",
            "arrive must be less than 5 BTC. Top",
        ),
        ("must_be_less_than_or_equal", "charged_amount", "must be less than 5", "amount", "has too little"),
        ("must_be_greater_than_or_equal", "amount", "must be greater than 5", "amount", "too little for the gateway"),
        ("invalid", "address", "is invalid", "address", "does not take this address"),
        ("invalid", "charged_amount", "is odd", "amount", "is odd"),
        ("invalid", "network", "is unknown", "", "is unknown"),
    ],
)
def test_a_refusal_is_said_in_words_at_its_field(code, target, message, field, says):
    reason = Reason(code=code, target=target, message=message)

    found, text = _problem_of(Invoice(price_currency="EUR", pay_currency="BTC"), reason)

    assert found == field
    assert says in text

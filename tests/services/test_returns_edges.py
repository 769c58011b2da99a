"""Refunds of completed orders at their edges: unknown networks, two people at once, a gateway that errs or forgets."""

from __future__ import annotations

import time
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from cryptopay_django.exceptions import (
    AddressError,
    InvoiceChangedError,
    LinkObstacle,
    NotResolvableError,
    Obstacle,
    QuoteExpiredError,
    RefundLinkError,
)
from cryptopay_django.models import Invoice, Refund, Resolution
from cryptopay_django.services import (
    approve_resolution,
    make_refund_link,
    name_refund_address,
    quote_refund,
    refund_invoice,
)
from cryptopay_django.services.resolution.follow_refunds import follow_refunds

from .desk import ADDRESS, MONEY, unresolved
from .returning import COMMIT, PREVIEW, READING, arrive, committed, completed, left, quoted, send_back, work

pytestmark = pytest.mark.django_db(transaction=True)

XRP = "rN7n7otQDd6FczFgLdSqtcsAUxDkw6fzRH"


def made_by_the_gateway(invoice, share):
    """Put a refund of the gateway's own on record, of a share of what was paid."""
    now = timezone.now()
    amount = invoice.paid_amount * Decimal(share)
    Refund.objects.create(
        invoice=invoice, gateway_id=uuid4(), amount=amount, currency="BTC", created_at=now, updated_at=now
    )


def test_where_the_network_is_not_known_no_completed_order_is_refunded(wire):
    invoice = completed(wire.sandbox, pay_currency="XRP")
    Invoice.objects.filter(pk=invoice.pk).update(network="")

    with pytest.raises(AddressError, match="network of invoice"):
        quote_refund(invoice, address=XRP, amount=Decimal(50))

    assert wire.count(PREVIEW) == 0


def test_where_the_network_is_not_known_coins_go_to_the_own_account_only(wire):
    invoice = unresolved(wire.sandbox, pay_currency="XRP")
    Invoice.objects.filter(pk=invoice.pk).update(network="")
    invoice = Invoice.objects.get(pk=invoice.pk)

    with pytest.raises(AddressError, match="network of invoice"):
        refund_invoice(invoice, actor="ada", reason="x", address=XRP)
    assert wire.count(MONEY) == 0

    assert refund_invoice(invoice, actor="ada", reason="x").status == "succeeded"


@pytest.mark.parametrize("is_completed", [True, False])
def test_the_address_that_was_paid_to_is_refused(wire, is_completed):
    invoice = completed(wire.sandbox) if is_completed else unresolved(wire.sandbox)

    with pytest.raises(AddressError, match="was paid to this address"):
        refund_invoice(
            invoice, actor="ada", reason="x", address=invoice.address, amount=Decimal(50) if is_completed else None
        )

    assert wire.count(MONEY) == 0


def test_two_people_who_refund_the_same_part_make_one_refund(cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)
    one, other = quoted(invoice, "40"), quoted(invoice, "40")
    refund_invoice(invoice, actor="ada", reason="a mug came back", quote=one)

    with pytest.raises(InvoiceChangedError, match=r"60 EUR is left now, and it was 100"):
        refund_invoice(invoice, actor="ben", reason="a mug came back", quote=other)

    assert (Resolution.objects.count(), len(committed(cryptopay_sandbox))) == (1, 1)
    assert send_back(invoice, "40").status == "succeeded"


def test_a_quote_is_not_spoilt_by_a_refund_that_failed_meanwhile(cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)
    send_back(invoice, "40")
    quote = quoted(invoice, "30")
    Refund.objects.update(status="failed")

    assert refund_invoice(invoice, actor="ada", reason="x", quote=quote).status == "succeeded"


def test_one_that_waits_is_dropped_where_another_counts_again(cryptopay_sandbox, settings):
    invoice = completed(cryptopay_sandbox)
    send_back(invoice, "20")
    Refund.objects.update(status="failed")
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = {"EUR": Decimal(50)}
    waiting = send_back(invoice, "30")
    Refund.objects.update(status="succeeded")

    with pytest.raises(InvoiceChangedError, match="80 EUR is left now"):
        approve_resolution(waiting, actor="ben")

    waiting.refresh_from_db()
    assert (waiting.status, len(committed(cryptopay_sandbox))) == ("failed", 1)


def test_a_used_quote_is_named_as_used_and_not_as_a_change(cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)
    quote = quoted(invoice, None)
    refund_invoice(invoice, actor="ada", reason="x", quote=quote)

    with pytest.raises(QuoteExpiredError, match="used before"):
        refund_invoice(invoice, actor="ada", reason="x", quote=quote)


def test_what_the_gateway_has_sent_back_itself_is_not_sent_back_again(cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)
    made_by_the_gateway(invoice, "1")

    assert (left(invoice).value_amount, left(invoice).amount) == (0, 0)
    with pytest.raises(NotResolvableError) as caught:
        quoted(invoice, None)
    assert caught.value.obstacle == Obstacle.NOTHING_LEFT


def test_a_part_that_the_gateway_has_sent_back_counts_by_its_coins(cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)
    made_by_the_gateway(invoice, "0.25")

    assert left(invoice).value_amount == Decimal(75)
    assert left(invoice).amount == (invoice.paid_amount * 3 / 4).quantize(Decimal("1e-8"), "ROUND_DOWN")


def test_what_is_left_has_no_more_decimals_than_its_currency(cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)
    Invoice.objects.filter(pk=invoice.pk).update(settled_amount=Decimal("99.999"))

    assert left(invoice).value_amount == Decimal("99.99")


def test_after_all_was_sent_back_nobody_is_asked_for_an_address(cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)
    made = make_refund_link(invoice, actor="ada")
    send_back(invoice, None)

    for ask in (
        lambda: name_refund_address(made.token, address=ADDRESS),
        lambda: make_refund_link(invoice, actor="a"),
    ):
        with pytest.raises(RefundLinkError, match="nothing is left") as caught:
            ask()
        assert caught.value.obstacle is LinkObstacle.CLOSED


def test_after_a_part_was_sent_back_the_customer_can_still_say_where(cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)
    made = make_refund_link(invoice, actor="ada")
    send_back(invoice, "40")

    assert name_refund_address(made.token, address=ADDRESS).address == ADDRESS


def test_an_end_that_is_taken_back_is_an_alarm_of_its_own(wire):
    invoice = completed(wire.sandbox)
    wire.change(COMMIT, lambda data: data.update(charged_amount="51"))
    send_back(invoice)
    wire.changes.clear()
    arrive(wire.sandbox)
    wire.change(READING, lambda data: data.update(status="cancelled"))
    Refund.objects.update(txid="")

    for _ in range(2):
        Invoice.objects.update(refunds_due_at=timezone.now())
        follow_refunds()

    whys = invoice.events.filter(kind="resolution_alarm").order_by("pk").values_list("detail__why", flat=True)
    assert [("what is charged is 51" in why, "was completed, and is cancelled" in why) for why in whys] == [
        (True, False),
        (False, True),
    ]


def test_what_is_shown_only_later_is_compared_with_what_was_asked(wire):
    invoice = completed(wire.sandbox)
    send_back(invoice)
    wire.change(READING, lambda data: data.update(charged_amount="51"))

    for _ in range(2):
        Invoice.objects.update(refunds_due_at=timezone.now())
        follow_refunds()

    (why,) = invoice.events.filter(kind="resolution_alarm").values_list("detail__why", flat=True)
    assert "what is charged is 51" in why


def test_one_that_the_gateway_does_not_find_does_not_hold_up_the_others(wire):
    invoice = completed(wire.sandbox)
    one, other = send_back(invoice, "20"), send_back(invoice, "20")
    wire.sandbox.advance(minutes=60)
    wire.fail(rf"GET /api/coin_withdrawals/{one.result['withdrawal_id']}", "not found")

    work()

    assert {row.resolution_id: row.status for row in Refund.objects.all()} == {
        one.pk: "pending",
        other.pk: "succeeded",
    }
    invoice.refresh_from_db()
    assert invoice.refunds_due_at is not None


def test_all_calls_for_an_invoice_share_the_time_that_is_left(wire):
    invoice = completed(wire.sandbox)
    send_back(invoice, "20")
    send_back(invoice, "20")
    Invoice.objects.update(refunds_due_at=timezone.now())
    wire.after_each(READING, lambda: time.sleep(0.7))
    listing = wire.count("GET .*/refunds")

    assert follow_refunds(deadline=time.monotonic() + 1) == 0
    assert wire.count("GET .*/refunds") == listing
    wire.after_call = None
    Invoice.objects.update(refunds_due_at=timezone.now())
    assert follow_refunds(deadline=time.monotonic() + 10) == 1


def test_a_transaction_that_is_never_shown_is_asked_for_as_long_as_other_late_facts(wire):
    invoice = completed(wire.sandbox)
    wire.change(READING, lambda data: data.update(txid=None))
    send_back(invoice, "20")
    wire.sandbox.advance(minutes=60)
    work()
    assert Refund.objects.get().status == "succeeded"
    invoice.refresh_from_db()
    assert invoice.refunds_due_at is not None

    Refund.objects.update(created_at=timezone.now() - timedelta(days=15))
    work()

    invoice.refresh_from_db()
    assert invoice.refunds_due_at is None


@pytest.mark.parametrize("fault", ["limited", "not found", "unauthorized"])
def test_any_refusal_of_a_commit_that_was_sent_twice_is_no_failure(wire, fault):
    invoice = completed(wire.sandbox)
    wire.fail(COMMIT, fault, after_effect=True)

    sent = send_back(invoice)

    assert (sent.status, Refund.objects.count()) == ("succeeded", 1)


@pytest.mark.parametrize("fault", ["limited", "not found", "unauthorized"])
def test_a_refusal_where_nothing_was_committed_is_a_failure(wire, fault):
    invoice = completed(wire.sandbox)
    wire.fail(COMMIT, fault)

    assert (send_back(invoice).status, left(invoice).value_amount) == ("failed", Decimal(100))


@pytest.mark.parametrize("bearer", ["merchant", "customer"])
@pytest.mark.parametrize(
    ("price", "currency", "coin"),
    [
        ("100", "EUR", "SHIB"),
        ("10000", "JPY", "BTC"),
        ("0.01", "BTC", "BTC"),
        ("0.5", "ETH", "BTC"),
        ("5000000", "SHIB", "BTC"),
    ],
)
def test_coins_and_prices_with_few_or_many_decimals_are_sent_back_to_the_last_digit(
    cryptopay_sandbox, price, currency, coin, bearer
):
    invoice = completed(
        cryptopay_sandbox, price_amount=price, price_currency=currency, pay_currency=coin, funds="100000000"
    )
    address = ADDRESS if coin == "BTC" else "0x52908400098527886E0F7030069857D2E4169EE7"

    part = (left(invoice).amount / 3).quantize(Decimal(1) if coin == "SHIB" else Decimal("1e-8"))
    for amount in (part, None):
        quote = quote_refund(invoice, amount=amount, currency=coin, address=address, network_fee_borne_by=bearer)
        done = refund_invoice(invoice, actor="ada", reason="x", quote=quote)
        assert (done.status, done.error) == ("succeeded", "")

    assert left(invoice).value_amount == 0
    assert sum(row.value_amount for row in Refund.objects.all()) == Decimal(price)
    assert sum(row.amount for row in Refund.objects.all()) <= invoice.paid_amount

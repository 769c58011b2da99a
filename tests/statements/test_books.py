"""The books of an account: begun once, kept in step with the gateway, everything booked once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from cryptopay_django.conf import client_for
from cryptopay_django.exceptions import BooksError, GatewayError
from cryptopay_django.models import BookEntry, Books, ChannelPayment, Invoice
from cryptopay_django.services import (
    begin_books,
    create_channel,
    find_books,
    keep_books,
    named_period,
    read_statement,
)
from tests.services.desk import ADDRESS
from tests.services.topping import customer

from .booking import JANUARY, closing, entries, paid, topped_up


def test_books_begin_with_what_the_gateway_has_less_what_has_moved_since(shop):
    BookEntry.objects.all().delete()
    Books.objects.all().delete()
    shop.until(2026, 1, 10)
    paid(shop)

    begin_books("default", at=datetime(2026, 1, 5, tzinfo=UTC))

    statement = read_statement("default", named_period("2026-01-10", "UTC"))
    assert statement.opening == {"EUR": Decimal(1000), "BTC": Decimal("0.5")}
    assert (
        closing()
        if False
        else closing(named_period("2026-01-10", "UTC")) == {"EUR": Decimal(1099), "BTC": Decimal("0.5")}
    )


def test_books_begin_once_and_not_in_the_future(shop):
    with pytest.raises(BooksError, match="have begun at 2026-01-01"):
        begin_books("default", at=datetime(2025, 12, 1, tzinfo=UTC))
    with pytest.raises(BooksError, match="not over yet"):
        begin_books("second", at=timezone.now() + timedelta(days=1))


def test_books_do_not_begin_while_our_rows_are_behind(shop):
    BookEntry.objects.all().delete()
    Books.objects.all().delete()
    paid(shop, deliver=False)

    with pytest.raises(BooksError, match=r"cryptopay_reconcile.*0 EUR in the books, 99 in the ledger"):
        begin_books("default", at=datetime(2026, 1, 1, tzinfo=UTC))

    assert find_books("default") is None


def test_a_statement_needs_books_that_have_begun(shop):
    with pytest.raises(BooksError, match="were not begun"):
        read_statement("second", JANUARY)
    with pytest.raises(BooksError, match="were not begun"):
        keep_books("second")
    with pytest.raises(BooksError, match="not before that"):
        read_statement("default", named_period("2025-12", "UTC"))


def test_what_is_booked_once_is_not_booked_again(shop):
    paid(shop)
    topped_up(shop)

    assert keep_books("default").made == 2
    assert keep_books("default").made == 0
    shop.until(2026, 1, 1, 5)
    assert keep_books("default").made == 0

    assert [(one.kind, one.amount, one.fee_amount) for one in entries()] == [
        ("invoice", Decimal(99), Decimal(1)),
        ("channel payment", entries()[1].amount, entries()[1].fee_amount),
    ]


def test_an_invoice_has_its_rate_its_coins_and_its_order(shop):
    invoice = paid(shop)
    keep_books("default")

    entry = entries()[0]

    invoice.refresh_from_db()
    assert (entry.value_amount, entry.value_currency) == (Decimal(99), "EUR")
    assert (entry.rate, entry.rate_source) == (invoice.exchange_rate, "payment")
    assert (entry.coin_amount, entry.coin) == (invoice.pay_amount, "BTC")
    assert (entry.custom_id, entry.reference) == (invoice.custom_id, invoice.gateway_id)
    assert entry.booked_at == invoice.finished_at


def test_coins_that_were_not_converted_have_the_markets_rate_of_their_moment(shop, settings):
    settings.CRYPTOPAY_BOOKS_CURRENCY = "USD"
    paid(shop, price_amount="0.01", price_currency="BTC")
    keep_books("default")

    entry = entries()[0]

    rate = client_for("default").retrieve_rate("BTC", "USD").sell_rate
    assert (entry.rate, entry.rate_source, entry.value_currency) == (rate, "market", "USD")
    assert entry.value_amount == (entry.amount * rate).quantize(Decimal("0.01"))


def test_without_rates_the_books_are_kept_and_the_value_is_left_empty(shop):
    paid(shop, price_amount="0.01", price_currency="BTC")
    shop.wire.fail("GET /api/rates", "5xx")

    assert keep_books("default").is_balanced

    assert entries()[0].value_amount is None


def test_a_row_of_ours_that_is_behind_is_refreshed_and_booked(shop):
    invoice = paid(shop, deliver=False)

    check = keep_books("default")

    assert check.is_balanced
    assert Invoice.objects.get(pk=invoice.pk).status == "completed"
    assert closing() == {"EUR": Decimal(1099), "BTC": Decimal("0.5")}


def test_what_others_do_on_the_account_is_booked_by_the_ledger(shop):
    client = client_for("default")
    made = client.create_withdrawal(
        address=ADDRESS,
        charged_currency="EUR",
        received_currency="BTC",
        charged_amount=Decimal(200),
        force_commit=True,
    )
    client.create_exchange_transfer(
        charged_currency="BTC", received_currency="EUR", charged_amount=Decimal("0.01"), force_commit=True
    )
    shop.sandbox.deposit("JPY", "9000")

    assert keep_books("default").is_balanced

    found = {(one.kind, one.currency): one for one in entries()}
    payout = found["withdrawal", "EUR"]
    assert (payout.amount, payout.fee_amount) == (Decimal(-200), Decimal(2))
    assert (payout.coin_amount, payout.network_fee_amount) == (made.received_amount, made.network_fee)
    assert payout.rate == made.exchange.rate
    sold, got = found["exchange", "BTC"], found["exchange", "EUR"]
    assert sold.value_amount == -(got.amount + got.fee_amount)
    assert found["deposit", "JPY"].value_amount == Decimal(9000)


def test_an_invoice_of_another_system_is_followed_until_it_ends(shop):
    client = client_for("default")
    made = client.create_invoice(price_amount=Decimal(50), price_currency="EUR", pay_currency="BTC", custom_id="x")
    never = client.create_invoice(price_amount=Decimal(60), price_currency="EUR", pay_currency="BTC", custom_id="y")
    keep_books("default")
    assert entries() == []

    shop.sandbox.pay(str(made.id))
    shop.sandbox.confirm(str(made.id))
    shop.until(2026, 1, 3)
    assert keep_books("default").is_balanced
    shop.until(2026, 1, 20)
    assert keep_books("default").is_balanced

    found = [(one.reference, one.status, one.amount, one.booked_at.day) for one in entries()]
    assert found == [(made.id, "completed", Decimal("49.50"), 3), (never.id, "cancelled", Decimal(0), 20)]
    assert not BookEntry.objects.filter(is_open=True).exists()


def test_what_is_open_for_longer_than_the_ledger_is_read_is_asked_for_alone(shop):
    made = client_for("default").create_invoice(
        price_amount=Decimal(50), price_currency="EUR", pay_currency="BTC", custom_id="x"
    )
    shop.sandbox.pay(str(made.id), factor="0.5")
    shop.sandbox.confirm(str(made.id))
    shop.until(2026, 1, 2)
    keep_books("default")
    shop.until(2026, 4, 1)
    assert keep_books("default").is_balanced

    there = shop.sandbox.account()
    recalculation = client_for("default").create_recalculation(str(made.id), force_commit=True)
    assert there.find(str(made.id)).status == "completed"
    assert keep_books("default").is_balanced

    april = entries(named_period("2026-04", "UTC"))
    assert [(one.reference, one.amount) for one in april] == [
        (made.id, recalculation.price_amount - recalculation.fee)
    ]


def test_coins_out_of_a_payment_on_hold_never_were_on_the_account(shop):
    channel = create_channel(customer(), pay_currency="LTC", receiver_currency="EUR")
    shop.sandbox.pay(channel, "1", risk="high")
    shop.sandbox.confirm(channel)
    shop.sandbox.deliver()
    shop.sandbox.decide(ChannelPayment.objects.get(), "refund")
    shop.sandbox.deliver()

    for day in (1, 2, 3):
        shop.until(2026, 1, day, 12)
        assert keep_books("default").is_balanced

    assert [(one.kind, one.amount) for one in entries() if one.currency == "LTC"] == [("withdrawal", Decimal(0))]


def test_two_processes_that_keep_the_books_at_once_book_everything_once(shop):
    paid(shop)
    topped_up(shop)
    shop.wire.just_before("GET /api/accounts", lambda: keep_books("default"))

    keep_books("default")

    assert len(entries()) == 2
    assert keep_books("default").is_balanced


def test_an_older_reading_books_nothing_over_a_newer_one(shop):
    """The ledger is read, then another process sees and books what has ended meanwhile."""
    made = client_for("default").create_invoice(
        price_amount=Decimal(50), price_currency="EUR", pay_currency="BTC", custom_id="x"
    )

    def meanwhile():
        shop.sandbox.pay(str(made.id))
        shop.sandbox.confirm(str(made.id))
        shop.clock.shift(timedelta(seconds=1))
        keep_books("default")

    shop.wire.just_before("GET /api/accounts", meanwhile)
    keep_books("default")

    assert [one.amount for one in entries() if one.amount] == [Decimal("49.50")]
    assert keep_books("default").is_balanced


def test_an_outage_books_nothing_and_is_raised(shop):
    paid(shop)
    shop.wire.fail("GET /api/accounts", "5xx")

    with pytest.raises(GatewayError):
        keep_books("default")

    assert entries() == []


def test_each_account_has_books_of_its_own(shop):
    begin_books("second", at=datetime(2026, 1, 1, tzinfo=UTC))
    paid(shop)
    keep_books("default")

    assert keep_books("second").made == 0
    assert read_statement("second", JANUARY).totals().count == 0

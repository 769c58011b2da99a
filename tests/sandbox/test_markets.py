"""The arithmetic of withdrawals and exchange transfers, held against amounts that the service really moved."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from cryptopay_django.sandbox.markets import Market, find_market, price_by_charged, price_by_received
from cryptopay_django.sandbox.rates import Rates
from cryptopay_django.sandbox.simulated_coins import COINS, FIAT
from cryptopay_django.sandbox.withdrawal_forms import WithdrawalForm
from cryptopay_django.sandbox.withdrawal_orders import calculate

ONE_PER_CENT = Decimal("0.01")
OPENED = datetime(2026, 1, 1, tzinfo=UTC)

# Charged, its currency, the coin, rate, network fee; then the service's fee and the coins that arrived.
DEBITED_EXACTLY = [
    ("100.0", "EUR", "BTC", "53590.0452", "0.00000216", "1.0", "0.00184519"),
    ("100.0", "EUR", "BTC", "29696.0269", "0.00001944", "1.0", "0.00331433"),
    ("100.0", "EUR", "BTC", "18918.6091", "0.00000216", "1.0", "0.00523078"),
    ("20.0", "EUR", "BTC", "42494.1323", "0.00000216", "0.2", "0.00046378"),
    ("10.0", "EUR", "ETH", "3333.9458", "0.00020992", "0.1", "0.00275953"),
    ("10.0", "EUR", "ETH", "1831.4174", "0.00029184", "0.1", "0.0051138"),
    ("100.0", "USD", "ETH", "3732.6446", "0.00028751", "1.0", "0.02623524"),
    ("20.0", "EUR", "XRP", "0.815948", "0.000045", "0.2", "24.266207"),
    ("100.0", "EUR", "XRP", "0.999561", "0.000045", "1.0", "99.043435"),
    ("18.0", "USD", "USDT", "1.0008", "3.000597", "0.18", "14.805158"),
]
# The same, where the coins that had to arrive were given, and the charge was found.
DELIVERED_EXACTLY = [
    ("56.05", "EUR", "BTC", "25991.6518", "0.00012528", "0.57", "0.002009"),
    ("59.99", "USD", "BTC", "30634.1642", "0.0000054", "0.6", "0.001933"),
    ("10.66", "EUR", "LTC", "98.5193", "0.001", "0.11", "0.10598891"),
    ("42.62", "EUR", "USDT", "0.966", "0.124957", "0.43", "43.541365"),
    ("446.99", "EUR", "USDT", "0.8836", "0.810377", "4.47", "500.0"),
    ("54.99", "USD", "USDT", "1.0713", "0.811278", "0.55", "50.0"),
    ("40.94", "EUR", "USDC", "0.9634", "0.122456", "0.41", "41.945471"),
    ("43.13", "EUR", "DAI", "0.9786", "0.12034694", "0.44", "43.5007768"),
    ("10.55", "USD", "XLM", "0.117636", "0.1", "0.11", "88.6336241"),
    ("6.08", "EUR", "XRP", "1.000823", "0.000045", "0.07", "6.0"),
    ("125.23", "USD", "XRP", "1.364506", "0.000045", "1.26", "90.849874"),
    ("113.3", "USD", "ETH", "3718.9619", "0.00028751", "1.14", "0.02986987"),
    ("118.42", "USD", "ETH", "2967.6184", "0.000042", "1.19", "0.03945872"),
    ("15.26", "EUR", "ETH", "2320.0951", "0.002", "0.16", "0.0045079"),
    ("27.53", "EUR", "ETH", "2270.3751", "0.002", "0.28", "0.01"),
]
# Of coins that were not converted: charged, the coin, the service's share, the network's fee, its own, what arrived.
AS_THEY_ARE = [
    ("0.00035645", "ETH", "0", "0.00025645", "0.0", "0.0001"),
    ("30.0045", "XLM", "0", "0.0045", "0.0", "30.0"),
    ("6.424155", "USDT", "0", "1.422004", "0.0", "5.002151"),
    ("0.01", "BTC", "0.01", "0.0000054", "0.0001", "0.0098946"),
]


def form(charged: str, received: str, amount: str, currency: str, *included: bool) -> WithdrawalForm:
    processing, network = included
    return WithdrawalForm(
        address="",
        network=COINS[received].networks[0],
        charged_currency=charged,
        received_currency=received,
        amount=Decimal(amount),
        amount_currency=currency,
        includes_processing_fee=processing,
        includes_network_fee=network,
        custom_id=None,
        customer_id=None,
        level="average",
        force_commit=True,
    )


def numbers(*texts: str) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, texts))


@pytest.mark.parametrize(("charged", "fiat", "coin", "rate", "network_fee", "fee", "received"), DEBITED_EXACTLY)
def test_a_debit_brings_what_the_service_paid_out(
    charged: str, fiat: str, coin: str, rate: str, network_fee: str, fee: str, received: str
) -> None:
    market = Market(fiat, coin, coin + fiat, Decimal(rate))

    amounts = calculate(form(fiat, coin, charged, fiat, True, True), market, Decimal(network_fee), share=ONE_PER_CENT)

    assert amounts == numbers(charged, fee, received)


@pytest.mark.parametrize(("charged", "fiat", "coin", "rate", "network_fee", "fee", "received"), DELIVERED_EXACTLY)
def test_coins_that_have_to_arrive_cost_what_the_service_charged(
    charged: str, fiat: str, coin: str, rate: str, network_fee: str, fee: str, received: str
) -> None:
    market = Market(fiat, coin, coin + fiat, Decimal(rate))
    asked = form(fiat, coin, received, coin, False, False)

    amounts = calculate(asked, market, Decimal(network_fee), share=ONE_PER_CENT)

    assert amounts == numbers(charged, fee, received)


@pytest.mark.parametrize(("charged", "coin", "share", "network_fee", "fee", "received"), AS_THEY_ARE)
def test_coins_that_are_sent_as_they_are_cost_the_network_and_what_was_agreed(
    charged: str, coin: str, share: str, network_fee: str, fee: str, received: str
) -> None:
    market, fee_of_network = Market(coin, coin), Decimal(network_fee)

    debited = calculate(form(coin, coin, charged, coin, True, True), market, fee_of_network, share=Decimal(share))
    delivered = calculate(form(coin, coin, received, coin, False, False), market, fee_of_network, share=Decimal(share))

    assert debited == delivered == numbers(charged, fee, received)


@pytest.mark.parametrize(
    ("amount", "currency", "processing", "network", "expected"),
    [
        ("100", "EUR", True, True, ("100", "1.00", "0.00197")),
        ("100", "EUR", False, True, ("101.02", "1.02", "0.00199")),
        ("100", "EUR", True, False, ("100.51", "1.01", "0.00198")),
        ("100", "EUR", False, False, ("101.52", "1.02", "0.002")),
        ("0.002", "BTC", False, False, ("101.52", "1.02", "0.002")),
        ("0.002", "BTC", False, True, ("101.02", "1.02", "0.00199")),
        ("0.002", "BTC", True, True, ("100.00", "1.00", "0.00197")),
        ("0.002", "BTC", True, False, ("100.51", "1.01", "0.00198")),
    ],
)
def test_each_fee_is_in_the_amount_or_on_top_of_it(
    amount: str, currency: str, processing: bool, network: bool, expected: tuple[str, ...]
) -> None:
    market = Market("EUR", "BTC", "BTCEUR", Decimal(50_000))
    asked = form("EUR", "BTC", amount, currency, processing, network)

    assert calculate(asked, market, Decimal("0.00001"), share=ONE_PER_CENT) == numbers(*expected)


@pytest.mark.parametrize(
    ("charged", "rate", "received"),
    [
        ("100.0", "29696.0269", "0.00333377"),
        ("100.0", "54569.4206", "0.0018142"),
        ("100.0", "54375.2576", "0.00182068"),
    ],
)
def test_an_exchange_of_fiat_brings_what_the_service_credited(charged: str, rate: str, received: str) -> None:
    market = Market("EUR", "BTC", "BTCEUR", Decimal(rate))

    assert price_by_charged(market, Decimal(charged), ONE_PER_CENT) == numbers(charged, "1.0", received)


def test_a_sold_coin_pays_the_fee_out_of_the_fiat_that_it_brings() -> None:
    """Recorded: 0.00214203 BTC left for 100.0 EUR, with a fee of 1.02 EUR. The rate is what this comes to."""
    market = Market("BTC", "EUR", "BTCEUR", Decimal("47160.9000"), buys=False)

    assert price_by_received(market, Decimal(100), ONE_PER_CENT) == numbers("0.00214203", "1.02", "100")
    assert price_by_charged(market, Decimal("0.00214203"), ONE_PER_CENT) == numbers("0.00214203", "1.02", "100.00")


def test_what_is_asked_for_is_never_cheaper_than_what_the_charge_brings() -> None:
    rates = Rates("seed", OPENED)
    for charged, received in (("EUR", "BTC"), ("BTC", "EUR"), ("ETH", "BTC"), ("BTC", "ETH"), ("EUR", "USD")):
        market = find_market(rates, charged, received, OPENED)
        assert market is not None
        for cents in range(100, 2_000, 37):
            asked = Decimal(cents).scaleb(-2)
            cost, _, _ = price_by_received(market, asked, ONE_PER_CENT)
            assert price_by_charged(market, cost, ONE_PER_CENT)[2] >= asked


def test_the_merchant_buys_at_the_dearer_rate_and_sells_at_the_other() -> None:
    rates = Rates("seed", OPENED)

    buying, selling = find_market(rates, "EUR", "BTC", OPENED), find_market(rates, "BTC", "EUR", OPENED)

    assert buying is not None
    assert selling is not None
    assert (buying.pair, selling.pair) == ("BTCEUR", "BTCEUR")
    assert buying.rate == rates.buy_rate("BTC", "EUR", OPENED) > selling.rate == rates.sell_rate("BTC", "EUR", OPENED)


def test_every_coin_can_be_had_for_every_fiat_currency_and_none_without_a_quoted_pair() -> None:
    rates = Rates("seed", OPENED)

    assert all(find_market(rates, fiat, coin, OPENED) for fiat in FIAT for coin in COINS)
    assert find_market(rates, "BTC", "TON", OPENED) is None

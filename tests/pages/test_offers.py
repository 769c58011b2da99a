"""What can be paid with: from the gateway, kept in the cache, in the shop's own order, with about how much."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.cache import cache

from cryptopay_django.exceptions import GatewayUnreachableError
from cryptopay_django.services import create_invoice, find_offer, list_offers
from cryptopay_django.services.invoices import account_coins as module
from tests.wire import UNREACHABLE, ScriptedGateway

ENABLED, DISABLED = {"enabled": True}, {"enabled": False}


def network(name: str, **changes):
    return {
        "network": name,
        "name": name.title(),
        "precision": 8,
        "destination_tag": None,
        "invoices": ENABLED,
        **changes,
    }


COINS = [
    {
        "currency": "BTC",
        "name": "Bitcoin",
        "networks": [network("bitcoin"), network("bnb_smart_chain", invoices=DISABLED)],
    },
    {
        "currency": "USDT",
        "name": "Tether",
        "networks": [network("tron", precision=6), network("ethereum", precision=6)],
    },
    {"currency": "NEW", "name": "Newcoin", "networks": [network("newnet")]},
]
RATES = {
    "BTC/EUR": {"buy_rate": "49000.0", "sell_rate": "50000.0"},
    "USDT/EUR": {"buy_rate": "0.8", "sell_rate": "0.9"},
}


class Market:
    """A gateway that lists coins and rates, as long as it is up."""

    def __init__(self, settings) -> None:
        self.settings = settings
        self.coins, self.rates, self.is_up = COINS, RATES, True
        self.gateway = ScriptedGateway(self.answer)

    def goes_down(self) -> None:
        self.is_up, self.settings.CRYPTOPAY_TOTAL_TIMEOUT = False, 0.05

    def answer(self, method, path, body):
        if not self.is_up:
            return UNREACHABLE
        return 200, {"data": self.coins if path == "/api/coins" else self.rates}


@pytest.fixture
def market(settings):
    cache.clear()
    market = Market(settings)
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: market.gateway
    yield market
    cache.clear()


@pytest.fixture
def later(monkeypatch):
    """Move the clock by which entries in the cache grow old, and by which this cache lets go of them."""
    moved = [0.0]
    real = module.time.time
    monkeypatch.setattr(module.time, "time", lambda: real() + moved[0])

    def later(seconds: float) -> None:
        moved[0] += seconds

    return later


def choices(**kwargs) -> list[str]:
    return [offer.choice for offer in list_offers(**kwargs)]


def test_what_is_offered_is_what_the_account_takes_whether_this_app_knows_it_or_not(market):
    assert choices() == ["BTC/bitcoin", "USDT/tron", "USDT/ethereum", "NEW/newnet"]


def test_a_coin_that_is_not_known_here_is_offered_by_what_the_account_says_of_it(market):
    market.coins = [{"currency": "NEW", "name": "Newcoin", "networks": [network("newnet", precision=3)]}]
    market.rates = {"NEW/EUR": {"buy_rate": "2.9", "sell_rate": "3.0"}}

    (offer,) = list_offers(price_amount=Decimal(1), price_currency="EUR")

    assert (offer.coin_name, offer.network_name, offer.precision) == ("Newcoin", "Newnet", 3)
    assert offer.amount == Decimal("0.334")


TAG, ODD_TAG = {"required": False, "name": "Memo"}, {"required": "maybe"}


@pytest.mark.parametrize(
    ("currency", "changes", "why"),
    [
        ("NEW", {"precision": 19}, "it has 19 decimal places, and 18 can be stored"),
        ("NEW", {"destination_tag": TAG}, "its addresses have a Memo, which this version cannot ask for in a refund"),
        ("NEW", {"destination_tag": ODD_TAG}, "its addresses have a tag"),
        ("TOP", {}, "its code is that of a national currency"),
    ],
)
def test_what_cannot_be_paid_with_here_is_left_out_and_named(currency, changes, why, market, caplog):
    market.coins = [*COINS[:1], {"currency": currency, "networks": [network("newnet", **changes)]}]

    assert choices() == ["BTC/bitcoin"]
    assert f"account default has coins that are not offered here: {currency}/newnet: {why}" in caplog.text


@pytest.mark.parametrize("changes", [{"precision": 18}, {"destination_tag": None}])
def test_nothing_is_in_the_way_of_the_most_that_can_be_stored(changes, market, caplog):
    market.coins = [{"currency": "NEW", "networks": [network("newnet", **changes)]}]

    assert choices() == ["NEW/newnet"]
    assert "not offered" not in caplog.text


def test_a_new_coin_on_a_network_whose_tags_are_known_is_offered(market):
    market.coins = [{"currency": "NEW", "networks": [network("ripple", destination_tag=TAG)]}]

    assert choices() == ["NEW/ripple"]


def test_what_the_shop_taught_the_app_is_offered_whatever_stands_in_the_way(market, settings):
    market.coins = [{"currency": "NEW", "networks": [network("newnet", destination_tag=TAG)]}]
    settings.CRYPTOPAY_EXTRA_COINS = {"NEW": {"newnet": 4}}

    assert choices() == ["NEW/newnet"]


@pytest.mark.parametrize(
    ("wanted", "offered"),
    [
        (["USDT", "BTC"], ["USDT/tron", "USDT/ethereum", "BTC/bitcoin"]),
        (["USDT/tron"], ["USDT/tron"]),
        (["USDT/tron", "USDT"], ["USDT/tron", "USDT/ethereum"]),
        (["XRP"], []),
    ],
)
def test_the_shop_chooses_what_it_offers_and_in_which_order(wanted, offered, market, settings):
    settings.CRYPTOPAY_OFFERED_COINS = wanted

    assert choices() == offered


def test_amounts_are_what_the_price_costs_in_each_coin_rounded_up(market):
    offers = list_offers(price_amount=Decimal("49.90"), price_currency="EUR")

    assert [offer.amount for offer in offers] == [
        Decimal("0.000998"),
        Decimal("55.444445"),
        Decimal("55.444445"),
        None,
    ]


def test_a_price_in_the_coin_itself_needs_no_rate(market):
    offers = list_offers(price_amount=Decimal("0.5"), price_currency="BTC")

    assert [offer.amount for offer in offers] == [Decimal("0.5"), None, None, None]


def test_one_is_found_by_what_a_form_sends(market):
    assert find_offer("USDT/tron").network == "tron"
    assert find_offer("USDT/bitcoin") is None
    assert find_offer("") is None


def test_both_lists_are_asked_for_once_and_again_when_they_are_old(market, later):
    for _ in range(3):
        list_offers(price_amount=Decimal(1), price_currency="EUR")
    assert [path for _, path in market.gateway.asked] == ["/api/coins", "/api/rates"]

    later(61)
    list_offers(price_amount=Decimal(1), price_currency="EUR")
    assert [path for _, path in market.gateway.asked].count("/api/rates") == 2

    later(600)
    list_offers(price_amount=Decimal(1), price_currency="EUR")
    assert [path for _, path in market.gateway.asked].count("/api/coins") == 2


def test_each_account_has_lists_of_its_own(market):
    list_offers()
    list_offers(account="second")

    assert len(market.gateway.asked) == 2


def test_old_lists_outlive_a_gateway_that_is_down_and_it_is_not_asked_by_everybody(market, later):
    before = list_offers(price_amount=Decimal(1), price_currency="EUR")
    later(700)
    market.goes_down()

    assert list_offers(price_amount=Decimal(1), price_currency="EUR") == before
    asked = len(market.gateway.asked)
    assert list_offers(price_amount=Decimal(1), price_currency="EUR") == before
    assert len(market.gateway.asked) == asked


def test_without_any_list_the_error_is_told(market):
    market.goes_down()

    with pytest.raises(GatewayUnreachableError):
        list_offers()


def test_without_rates_the_coins_are_offered_without_amounts(market):
    list_offers()
    market.goes_down()

    offers = list_offers(price_amount=Decimal(1), price_currency="EUR")

    assert {offer.amount for offer in offers} == {None}


@pytest.mark.django_db
def test_everything_that_is_offered_can_be_invoiced_and_costs_about_what_was_said(cryptopay_sandbox):
    cache.clear()
    offers = list_offers(price_amount=Decimal(100), price_currency="EUR")
    assert len(offers) > 30

    for offer in offers[::5]:
        invoice = create_invoice(
            price_amount=100, price_currency="EUR", pay_currency=offer.currency, network=offer.network
        )
        assert abs(invoice.pay_amount / offer.amount - 1) < Decimal("0.01")

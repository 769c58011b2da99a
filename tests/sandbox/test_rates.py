"""The market: it moves with the clock, by its seed, and leaves an invoice's frozen rate alone."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from itertools import pairwise

import pytest

from cryptopay_django.sandbox.core import Sandbox
from cryptopay_django.sandbox.rates import PAIRS, Rates, quoted_since

from .conftest import Merchant, pass_time
from .test_api import problem_of

OPENED = datetime(2026, 1, 1, tzinfo=UTC)


def walk(seed: str, *, opened_at: datetime = OPENED) -> list[Decimal | None]:
    rates = Rates(seed, opened_at)
    return [rates.sell_rate("BTC", "EUR", opened_at + timedelta(minutes=minutes)) for minutes in range(0, 6000, 7)]


def test_the_same_seed_walks_the_same_way_whenever_the_market_opens() -> None:
    assert walk("one") == walk("one", opened_at=OPENED + timedelta(days=99))
    assert walk("one") != walk("two")


def test_a_rate_moves_a_little_in_minutes_and_not_far_in_a_year() -> None:
    steps = walk("one")
    first = Rates("one", OPENED).sell_rate("BTC", "EUR", OPENED)
    later = Rates("one", OPENED).sell_rate("BTC", "EUR", OPENED + timedelta(days=365))

    assert first == Decimal("52905.1734")
    assert len(set(steps)) > len(steps) * 0.9
    assert all(abs(after / before - 1) < Decimal("0.01") for before, after in pairwise(steps))
    assert abs(later / first - 1) < Decimal("0.06")


def test_a_hosts_own_decimal_context_changes_no_rate() -> None:
    expected = walk("context one")
    with localcontext(prec=3):
        assert [*map(str, walk("context one"))] == [*map(str, expected)]


def test_an_invoice_keeps_the_rate_that_it_was_made_with(sandbox: Sandbox, merchant: Merchant) -> None:
    invoice = merchant.order()
    before = merchant.data("GET", "/api/rates/BTC/EUR")

    pass_time(sandbox, minutes=9)

    after = merchant.read(invoice)
    assert (after["pay_amount"], after["exchange"]) == (invoice["pay_amount"], invoice["exchange"])
    assert merchant.data("GET", "/api/rates/BTC/EUR") != before


def test_a_recalculation_takes_the_rate_of_its_own_moment(sandbox: Sandbox, merchant: Merchant) -> None:
    invoice = merchant.order()
    pass_time(sandbox, minutes=11)
    sandbox.pay(invoice["id"])
    sandbox.confirm(invoice["id"])

    new = merchant.data("POST", f"/api/invoices/{invoice['id']}/recalculations", status=201)

    assert new["exchange"]["rate"] == merchant.data("GET", "/api/rates/BTC/EUR")["sell_rate"]
    assert new["previous_exchange_rate"] == invoice["exchange"]["rate"] != new["exchange"]["rate"]
    assert Decimal(new["price_amount"]) == pytest.approx(Decimal(100), rel=Decimal("0.01"))


def test_coins_cost_the_merchant_more_than_they_bring(sandbox: Sandbox, merchant: Merchant) -> None:
    table = merchant.data("GET", "/api/rates")

    assert all(Decimal(rate["buy_rate"]) >= Decimal(rate["sell_rate"]) for rate in table.values())
    assert Decimal(table["BTCEUR"]["buy_rate"]) > Decimal(table["BTCEUR"]["sell_rate"])


def test_each_pair_is_known_from_the_year_in_which_it_was_first_seen() -> None:
    years = Counter(quoted_since(*pair) for pair in PAIRS)

    assert (years[2021], years[2021] + years[2023]) == (352, 729)
    assert [quoted_since(*pair) for pair in (("BTC", "EUR"), ("SOL", "SHIB"), ("BTC", "CLP"), ("EUR", "BTC"))] == [
        2021, 2023, 2023, None,
    ]  # fmt: skip
    assert {pair[0] for pair in PAIRS if quoted_since(*pair) is None} == {"TON", "POL", "ARB"}


@pytest.mark.parametrize(("pair", "places"), [("BTC/EUR", 4), ("ETH/XRP", 8), ("TRX/BNB", 8), ("BNB/BTC", 6)])
def test_a_rate_has_the_decimals_that_were_recorded(
    sandbox: Sandbox, merchant: Merchant, pair: str, places: int
) -> None:
    seen = set()
    for _ in range(20):
        seen |= {len(rate.partition(".")[2]) for rate in merchant.data("GET", f"/api/rates/{pair}").values()}
        pass_time(sandbox, minutes=1)

    assert max(seen) == places


def test_the_rates_of_a_year_are_those_of_its_coins(sandbox: Sandbox, merchant: Merchant) -> None:
    sandbox.variants({"coins": "as_2023"})

    pairs = [pair for pair in merchant.data("GET", "/api/rates") if "/" in pair]

    assert len(pairs) == 729
    assert problem_of(merchant.call("GET", "/api/rates/TON/EUR")) == (404, "not_found")
    for field in ("price_currency", "pay_currency"):
        order = {"price_amount": "1.0", "price_currency": "EUR", "pay_currency": "BTC", field: "TON"}
        assert problem_of(merchant.call("POST", "/api/invoices", order)) == (422, "invalid")


def test_a_rate_can_be_asked_for_by_the_joined_pair(sandbox: Sandbox, merchant: Merchant) -> None:
    assert merchant.data("GET", "/api/rates/USDTRY") == merchant.data("GET", "/api/rates/USD/TRY")
    assert problem_of(merchant.call("GET", "/api/rates/EURBTC")) == (404, "not_found")

    sandbox.variants({"joined_rate": "not_found"})
    assert problem_of(merchant.call("GET", "/api/rates/USDTRY")) == (404, "not_found")
    assert merchant.call("GET", "/api/rates/USD/TRY").status == 200

"""The market: it moves with the clock, by its seed, and leaves an invoice's frozen rate alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from itertools import pairwise

import pytest

from cryptopay_django.sandbox.core import Sandbox
from cryptopay_django.sandbox.rates import Rates

from .conftest import Merchant, pass_time

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

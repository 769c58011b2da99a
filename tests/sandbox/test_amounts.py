"""Rounding and spelling of amounts, on examples as the service gives them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cryptopay_django.sandbox.amounts import EXACT, cut, fee_of, round_up, spell, spell_scientific


@pytest.mark.parametrize(
    ("value", "text"),
    [("100", "100.0"), ("0.00189500", "0.001895"), ("79936052", "79936052.0"), ("0", "0.0"), ("1E+3", "1000.0")],
)
def test_an_amount_is_spelt_without_exponent_and_with_a_decimal(value: str, text: str) -> None:
    assert spell(Decimal(value)) == text


@pytest.mark.parametrize(
    ("value", "text"), [("29226190000000000", "0.2922619e17"), ("50", "0.5e2"), ("112815885", "0.112815885e9")]
)
def test_smallest_units_are_spelt_as_links_carry_them(value: str, text: str) -> None:
    assert spell_scientific(Decimal(value)) == text


@pytest.mark.parametrize(
    ("price", "rate", "places", "pay"),
    [
        ("100", "52798.1734", 6, "0.001895"),
        ("10000", "53115.5306", 6, "0.188269"),
        ("0.03", "47161.0845", 6, "0.000001"),
        ("100", "3421.5898", 8, "0.02922619"),
        ("100", "0.8864", 6, "112.815885"),
        ("100", "0.940849", 6, "106.286982"),
    ],
)
def test_what_is_to_pay_is_rounded_up(price: str, rate: str, places: int, pay: str) -> None:
    assert round_up(EXACT.divide(Decimal(price), Decimal(rate)), places) == Decimal(pay)


def test_what_a_payment_is_worth_is_cut() -> None:
    assert cut(EXACT.multiply(Decimal("0.02623524"), Decimal("3400.4427")), 2) == Decimal("89.21")


@pytest.mark.parametrize(
    ("amount", "places", "fee"),
    [("100", 2, "1"), ("56.89", 2, "0.57"), ("89.21", 2, "0.9"), ("0.00018704", 8, "0.00000188"), ("0.00005", 6, "0.000001")],
)  # fmt: skip
def test_the_fee_is_one_per_cent_rounded_up(amount: str, places: int, fee: str) -> None:
    assert fee_of(Decimal(amount), places) == Decimal(fee)

"""Amounts and currencies are checked before anything is asked, and a refusal says what to do."""

from decimal import Decimal

import pytest

from cryptopay_django.exceptions import AmountError, CurrencyError, InvoiceRequestError, NetworkError
from cryptopay_django.gateway.coins import COINS
from cryptopay_django.gateway.currencies import (
    FIAT,
    check_amount,
    check_pay_currency,
    check_price_currency,
    precision_of,
)
from cryptopay_django.gateway.field_lengths import AMOUNT_DECIMALS, CODE_LENGTH

MORE = {**COINS, "NEW": {"newnet": 18, "oldnet": 4}, "DEEP": {"abyss": 30}}


@pytest.mark.parametrize(
    ("amount", "currency", "checked"),
    [
        (Decimal("10.5"), "EUR", "10.5"),
        (Decimal("10.50"), "EUR", "10.50"),
        (Decimal("10.5000"), "EUR", "10.50"),
        (Decimal("1E+3"), "EUR", "1000"),
        (Decimal("100.00"), "JPY", "100"),
        (100, "JPY", "100"),
        ("100.0", "KRW", "100"),
        ("+1.234", "KWD", "1.234"),
        ("0.00000001", "BTC", "0.00000001"),
        ("007.5", "EUR", "7.5"),
        ("83951027", "SHIB", "83951027"),
        ("12345678901234567890.12", "EUR", "12345678901234567890.12"),
        ("99999999999999999999.99999999", "ETH", "99999999999999999999.99999999"),
    ],
)
def test_an_amount_is_taken_exactly(amount, currency, checked):
    result = check_amount(amount, currency)

    assert isinstance(result, Decimal)
    assert format(result, "f") == checked


@pytest.mark.parametrize(
    ("amount", "reason"),
    [
        (10.5, "cannot be a float"),
        (True, "cannot be a bool"),
        (None, "cannot be a NoneType"),
        (b"1", "cannot be a bytes"),
        (0, "above zero"),
        (-1, "above zero"),
        ("-0.01", "above zero"),
        (Decimal("-0"), "above zero"),
        (Decimal("0E+1000000"), "above zero"),
        (Decimal("NaN"), "above zero"),
        (Decimal("sNaN"), "above zero"),
        (Decimal("Infinity"), "above zero"),
        ("", "not an amount"),
        ("1e3", "not an amount"),
        ("1,5", "not an amount"),
        (" 1", "not an amount"),
        ("1\n", "not an amount"),
        ("١٢", "not an amount"),
        ("1_000", "not an amount"),
        pytest.param("9" * 1000, "not an amount", id="a thousand digits"),
        ("10.001", "too precise for EUR, which has 2"),
        (Decimal("1E-1000000"), "too precise"),
        (Decimal("0.009"), "too precise"),
        (10**20, "more than 20 digits"),
        pytest.param(10**10_000, "more than 20 digits", id="a huge int"),
        pytest.param(-(10**10_000), "a very long number", id="a huge negative int"),
        (Decimal("1E+1000000"), "more than 20 digits"),
    ],
)
def test_what_is_no_amount_is_refused_and_the_refusal_is_short(amount, reason):
    with pytest.raises(AmountError, match=reason) as refusal:
        check_amount(amount, "EUR")

    assert len(str(refusal.value)) < 250


@pytest.mark.parametrize(
    ("currency", "places"), [("JPY", 0), ("EUR", 2), ("KWD", 3), ("BTC", 8), ("XLM", 7), ("SHIB", 0)]
)
def test_each_currency_has_its_precision(currency, places):
    finest = Decimal(1).scaleb(-places)

    assert precision_of(currency) == places
    assert check_amount(finest, currency) == finest
    with pytest.raises(AmountError):
        check_amount(finest / 10, currency)


def test_a_price_in_a_coin_has_the_most_decimals_of_its_networks_or_those_of_the_chosen_one():
    assert check_amount("0.000000000000000001", "NEW", coins=MORE)
    assert check_amount("0.0001", "NEW", network="oldnet", coins=MORE)
    with pytest.raises(AmountError):
        check_amount("0.00001", "NEW", network="oldnet", coins=MORE)


def test_no_amount_is_finer_than_the_wire_and_the_database_can_hold():
    with pytest.raises(AmountError, match=f"which has {AMOUNT_DECIMALS}"):
        check_amount(Decimal("1E-19"), "DEEP", coins=MORE)


def test_a_price_is_in_a_currency_or_a_coin():
    check_price_currency("EUR")
    check_price_currency("BTC")
    check_price_currency("NEW", coins=MORE)
    with pytest.raises(CurrencyError, match="ISO 4217"):
        check_price_currency("NEW")
    with pytest.raises(CurrencyError, match="did you mean EUR"):
        check_price_currency("eur")


def test_payment_is_in_a_coin_on_one_of_its_networks():
    check_pay_currency("USDT")
    check_pay_currency("USDT", "tron")
    check_pay_currency("NEW", "newnet", coins=MORE)
    with pytest.raises(CurrencyError, match="not a coin"):
        check_pay_currency("EUR")
    with pytest.raises(CurrencyError, match="did you mean BTC"):
        check_pay_currency("btc")
    with pytest.raises(NetworkError, match="use ethereum, tron"):
        check_pay_currency("USDT", "bitcoin")
    with pytest.raises(NetworkError):
        check_pay_currency("USDT", "")


@pytest.mark.parametrize("currency", ["", "NOPE", pytest.param("x" * 10_000, id="a long one"), None, 5])
def test_a_refused_currency_says_how_to_add_it_and_is_a_value_error(currency):
    for check in (check_price_currency, check_pay_currency, lambda name: check_amount(1, name)):
        with pytest.raises(InvoiceRequestError, match="CRYPTOPAY_EXTRA_COINS") as refusal:
            check(currency)
        assert isinstance(refusal.value, ValueError)
        assert len(str(refusal.value)) < 500


def test_the_catalogue_fits_the_wire():
    assert not set(COINS) & set(FIAT)
    assert all(len(code) == 3 and code.isupper() for code in FIAT)
    assert {precision for networks in COINS.values() for precision in networks.values()} <= set(
        range(AMOUNT_DECIMALS + 1)
    )
    assert all(len(network) <= CODE_LENGTH for networks in COINS.values() for network in networks)


def test_the_catalogue_cannot_be_changed_by_accident():
    with pytest.raises(TypeError):
        COINS["NEW"] = {}

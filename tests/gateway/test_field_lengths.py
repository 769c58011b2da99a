"""What is just within each limit is read, and what is just beyond it is refused."""

from decimal import Decimal

import pytest

from cryptopay_django.exceptions import WireError
from cryptopay_django.gateway import field_lengths
from cryptopay_django.gateway.market_answers import CoinNetwork
from cryptopay_django.gateway.rate_and_risk import Exchange, Risk
from cryptopay_django.gateway.schemas import InvoiceSnapshot
from cryptopay_django.gateway.strictjson import join_path, parse_json
from cryptopay_django.gateway.values import kind_of, read_object

from . import examples

DEEP, LONG, FAR = field_lengths.JSON_DEPTH, field_lengths.JSON_NUMBER_LENGTH, field_lengths.JSON_NUMBER_EXPONENT


def nested(levels):
    return "[" * levels + "]" * levels


@pytest.mark.parametrize("text", [nested(DEEP), f"[{nested(DEEP - 1)},[]]", f"[[],[],{nested(DEEP - 1)}]"])
def test_json_may_be_nested_so_deep(text):
    assert parse_json(text.encode())


@pytest.mark.parametrize("text", [nested(DEEP + 1), f"[{nested(DEEP)},[]]", f"[[],[],{nested(DEEP)}]"])
def test_json_may_not_be_nested_deeper(text):
    with pytest.raises(WireError, match="nested deeper"):
        parse_json(text.encode())


@pytest.mark.parametrize("literal", ["7" * LONG, f"0.{'7' * (LONG - 2)}", f"1e{FAR}", f"1e-{FAR}"])
def test_a_number_may_be_so_long_and_so_far_from_one(literal):
    assert parse_json(literal.encode()) != 0


@pytest.mark.parametrize("literal", ["7" * (LONG + 1), f"0.{'7' * (LONG - 1)}", f"1e{FAR + 1}", f"1e-{FAR + 1}"])
def test_a_number_may_not_be_longer_nor_further_from_one(literal):
    with pytest.raises(WireError):
        parse_json(literal.encode())


@pytest.mark.parametrize(
    ("text", "field", "reason"),
    [
        (r'"\u0000"', "", "has a NUL character"),
        (r'{"\u0000": 1}', "", "has a key with a NUL character"),
        (r'{"a": {"\ud800": 1}}', "a", "has a key with a NUL character or half"),
        ('{"a": 1, "b": 2, "b": 3}', "", "the key 'b' is there twice"),
    ],
)
def test_what_cannot_be_taken_is_named_with_its_place(text, field, reason):
    with pytest.raises(WireError) as refusal:
        parse_json(text.encode())

    assert refusal.value.field == field
    assert reason in refusal.value.reason


def test_a_score_may_have_so_many_digits_and_no_more():
    whole, decimals = "7" * field_lengths.SCORE_INTEGER_DIGITS, "7" * field_lengths.SCORE_DECIMALS

    longest = Risk.from_wire(parse_json(f'{{"score": {whole}.{decimals}, "level": "low"}}'.encode()))
    assert (longest.score, longest.notes) == (Decimal(f"{whole}.{decimals}"), ())
    for literal in (f"7{whole}.{decimals}", f"{whole}.{decimals}7"):
        risk = Risk.from_wire(parse_json(f'{{"score": {literal}, "level": "low"}}'.encode()))
        assert risk.notes == ("score: has too many digits",)


@pytest.mark.parametrize("year", [1970, 9000])
def test_times_lie_in_these_years(year):
    snapshot = InvoiceSnapshot.from_wire(examples.invoice(created_at=f"{year}-06-01T00:00:00Z"))

    assert snapshot.created_at.year == year


@pytest.mark.parametrize("year", [1969, 9001])
def test_times_lie_in_no_other_years(year):
    snapshot = InvoiceSnapshot.from_wire(examples.invoice(created_at=f"{year}-06-01T00:00:00Z"))

    assert snapshot.notes == ("created_at: is outside the years 1970 to 9000",)


@pytest.mark.parametrize(("precision", "is_taken"), [(0, True), (1000, True), (-1, False), (1001, False)])
def test_a_count_is_from_0_to_1000(precision, is_taken):
    network = {"network": "new", "name": "New", "precision": precision}

    if is_taken:
        assert CoinNetwork.from_wire(network).precision == precision
    else:
        with pytest.raises(WireError, match="must be a whole number from 0 to 1000"):
            CoinNetwork.from_wire(network)


@pytest.mark.parametrize("change", [{"id": examples.INVOICE_ID.upper()}, {"hosted_page_url": "HTTPS://pay.example/1"}])
def test_capitals_are_taken_where_they_mean_the_same(change):
    assert InvoiceSnapshot.from_wire(examples.invoice(**change))


@pytest.mark.parametrize(
    ("value", "kind"),
    [(None, "null"), (True, "a boolean"), ("x", "a string"), ([], "a list"), ({}, "an object"), (1, "a number")],
)
def test_a_refusal_says_what_was_there_in_the_words_of_json(value, kind):
    assert kind_of(value) == kind
    if kind != "an object":
        with pytest.raises(WireError, match=f"must be an object, not {kind}"):
            read_object(value, "here")


@pytest.mark.parametrize(
    ("key", "path"),
    [("Id", "data.Id"), ("a-b", "data['a-b']"), ("k" * 65, f"data['{'k' * 64}']"), (0, "data[0]")],
)
def test_a_path_shows_plain_keys_as_they_are_and_others_quoted_and_cut(key, path):
    assert join_path("data", key) == path


def test_texts_of_the_shop_may_have_lines():
    texts = {"name": "two\nlines", "description": "two\nlines", "metadata": {"two\nlines": "two\nlines"}}

    snapshot = InvoiceSnapshot.from_wire(examples.invoice(**texts))

    assert {name: getattr(snapshot, name) for name in texts} == texts


@pytest.mark.parametrize("pair", ["", "B" * (field_lengths.PAIR_LENGTH + 1)])
def test_a_pair_is_neither_empty_nor_longer_than_two_codes(pair):
    exchange = Exchange.from_wire({"pair": pair, "rate": "1.0"})

    assert (exchange.pair, exchange.rate, len(exchange.notes)) == (None, 1, 1)

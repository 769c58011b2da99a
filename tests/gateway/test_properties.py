"""Whatever a message of the right form says, reading and writing it back changes nothing."""

import json
from contextlib import suppress
from datetime import UTC
from decimal import Context, Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from cryptopay_django.exceptions import AmountError, WireError
from cryptopay_django.gateway.coins import COINS
from cryptopay_django.gateway.currencies import FIAT, check_amount, precision_of
from cryptopay_django.gateway.schemas import InvoiceSnapshot, parse_callback
from cryptopay_django.gateway.strictjson import dump_json, parse_json
from cryptopay_django.gateway.tags import split_address
from cryptopay_django.gateway.values import amount_text

steady = settings(deadline=None, database=None, max_examples=100)

texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), max_size=40)
characters = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"))
lines = st.text(characters, min_size=1, max_size=30).map(str.strip).filter(bool)
words = lines.map(lambda line: "".join(line.split()))
amounts = st.from_regex(r"(0|[1-9][0-9]{0,19})(\.[0-9]{1,18})?", fullmatch=True, alphabet="0123456789.")
moments = st.datetimes(timezones=st.just(UTC)).filter(lambda moment: 1970 <= moment.year <= 9000)
times = moments.map(lambda moment: moment.isoformat())
numbers = st.decimals(0, 10, allow_nan=False, allow_infinity=False, places=17)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**60), 10**60) | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)
risks = st.fixed_dictionaries(
    {"score": numbers, "level": lines}, optional={"resource_name": st.none() | texts, "resource_category": texts}
)
transactions = st.fixed_dictionaries(
    {"txid": lines},
    optional={"risk": st.none() | risks, "source_addresses": st.none() | st.lists(words, max_size=2)},
)
exchanges = st.fixed_dictionaries(
    {"pair": lines, "rate": amounts}, optional={"fee": st.none() | amounts, "fee_currency": st.none() | lines}
)
invoices = st.fixed_dictionaries(
    {
        "id": st.uuids().map(str),
        "status": lines,
        "price_amount": amounts,
        "price_currency": lines,
        "pay_amount": amounts.filter(Decimal),
        "pay_currency": lines,
        "paid_amount": amounts,
    },
    optional={
        "custom_id": st.none() | lines,
        "status_context": st.none() | lines,
        "address": st.none() | words,
        "uri": st.none() | lines,
        "fee": st.none() | amounts,
        "exchange": st.none() | exchanges,
        "transactions": st.lists(transactions, max_size=3),
        "name": st.none() | texts,
        "description": st.none() | texts,
        "metadata": st.none() | st.dictionaries(texts, texts, max_size=3),
        "hosted_page_url": st.none() | st.just("https://gateway.example/x"),
        "created_at": st.none() | times,
        "surprise": json_values,
    },
)


@steady
@given(invoices)
def test_a_snapshot_read_and_written_back_is_the_same(message):
    received = parse_json(dump_json(message))

    snapshot = InvoiceSnapshot.from_wire(received)

    assert snapshot.to_wire() == received
    assert InvoiceSnapshot.from_wire(snapshot.to_wire()) == snapshot


INFORMS = sorted(set(InvoiceSnapshot.__annotations__) - InvoiceSnapshot.facts)
any_json = json_values | st.sampled_from([float("nan"), float("inf"), "\x00", "\ud800", 10**80])


@steady
@given(invoices, st.dictionaries(st.sampled_from(INFORMS) | texts, any_json, max_size=4), any_json, any_json)
def test_what_only_informs_may_be_anything_and_no_fact_is_lost(message, odd, risk, event):
    odd = {name: value for name, value in odd.items() if name not in InvoiceSnapshot.facts}
    plain = InvoiceSnapshot.from_wire(parse_json(dump_json(message)))
    for transaction in message.get("transactions", []):
        transaction["risk"] = risk
    body = {"type": "Invoice", "event": event, "data": {**message, **odd}}

    read = parse_callback(json.dumps(body, default=float).encode()).invoice

    for name in InvoiceSnapshot.facts - {"transactions"}:
        assert getattr(read, name) == getattr(plain, name)
    assert [entry.txid for entry in read.transactions] == [entry.txid for entry in plain.transactions]
    for note in read.notes:
        note.encode()


@steady
@given(json_values)
def test_json_written_and_read_back_is_the_same(value):
    assert parse_json(dump_json(value)) == value


@steady
@given(json_values)
def test_other_readers_understand_what_is_written(value):
    assert json.loads(dump_json(value), parse_float=Decimal) == value


@steady
@given(st.binary(max_size=60) | json_values.map(dump_json))
def test_a_callback_is_read_or_refused_and_nothing_else(body):
    with suppress(WireError):
        parse_callback(body)


@steady
@given(lines, st.from_regex(r"[0-9]{1,10}", fullmatch=True, alphabet="0123456789"))
def test_an_address_and_its_tag_are_parted_where_they_were_joined(address, tag):
    plain = address.replace("?", "")

    assert split_address(f"{plain}?dt={tag}") == ((plain, tag) if plain else (f"?dt={tag}", None))


@steady
@given(amounts.map(Decimal), st.sampled_from([*FIAT, *COINS]))
def test_an_amount_is_kept_exactly_or_refused(amount, currency):
    try:
        checked = check_amount(amount, currency)
    except AmountError:
        # Python's own context would round the amount to 28 digits.
        assert amount == 0 or amount.normalize(Context(prec=100)).as_tuple().exponent < -precision_of(currency)
    else:
        assert checked == amount
        assert -checked.as_tuple().exponent <= precision_of(currency)
        assert Decimal(amount_text(checked)) == amount

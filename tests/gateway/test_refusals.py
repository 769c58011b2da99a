"""What is not right is refused, or left out where it only informs; either way the field is named."""

import json
import pickle
from decimal import Decimal

import pytest

from cryptopay_django.exceptions import WireError
from cryptopay_django.gateway import field_lengths
from cryptopay_django.gateway.market_answers import Coin, Customer, ErrorBody, Rate
from cryptopay_django.gateway.rate_and_risk import Risk
from cryptopay_django.gateway.schemas import (
    CallbackMessage,
    InvoiceSnapshot,
    Recalculation,
    Refund,
    parse_callback,
)
from cryptopay_django.gateway.strictjson import Odd, parse_json_tolerantly
from cryptopay_django.gateway.values import first_notes

from .examples import coin, coin_network, customer, invoice, recalculation, refund, transaction

NOT_AMOUNTS = [
    -1,
    10**20,
    Decimal("1e-19"),
    Decimal("-0.0"),
    Odd("a number that cannot be read"),
    True,
    None,
    [],
    {},
    "",
    "-1.0",
    "+1.0",
    "1e3",
    "1.",
    ".5",
    " 1.0",
    "1.0\n",
    "1,5",
    "1_000",
    "0x10",
    "NaN",
    "Infinity",
    "١٢",
    "1" * 21,
    "0." + "1" * 19,
    "1.0.0",
]
NOT_TIMES = [
    1700000000,
    "",
    "2024-02-03",
    "2024-02-03T04:05:06",
    "2024-02-03 04:05:06+00:00",
    "2024-02-30T04:05:06Z",
    "2024-02-03T24:05:06Z",
    "2024-02-03T04:05:06+25:00",
    "20240203T040506Z",
    "2024-W05-6T04:05:06Z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "Sat, 03 Feb 2024 04:05:06 GMT",
    "2024-02-03T04:05:06Z\n",
]
NOT_IDS = [None, 7, "", "x", "{0b7e1a52-93c4-4d0f-8a65-2f1c7d9e3b40}", "0b7e1a5293c44d0f8a652f1c7d9e3b40", []]
NOT_LINKS = ["", "javascript:alert(1)", "//host/x", "ftp://host", "https://", "https://a b", "https://\\host", "/x", 5]


def refused(schema, message):
    with pytest.raises(WireError) as refusal:
        schema.from_wire(message)
    return refusal.value


def left_out(schema, message):
    """Return the fields that a message is read without."""
    return [note.partition(": ")[0] for note in schema.from_wire(message).notes]


@pytest.mark.parametrize("value", NOT_AMOUNTS)
@pytest.mark.parametrize("name", ["price_amount", "pay_amount", "paid_amount"])
def test_an_amount_is_a_plain_decimal(name, value):
    assert refused(InvoiceSnapshot, invoice(**{name: value})).field == name


@pytest.mark.parametrize("value", ["0", "0.0", 0, Decimal("0.00")])
def test_nothing_to_pay_is_no_amount_to_pay(value):
    assert refused(InvoiceSnapshot, invoice(pay_amount=value)).field == "pay_amount"
    assert InvoiceSnapshot.from_wire(invoice(price_amount=value)).price_amount == 0, "what dust is worth can be zero"


@pytest.mark.parametrize("value", [value for value in NOT_AMOUNTS if value is not None])
def test_a_fee_may_be_null_but_nothing_else_than_an_amount(value):
    assert left_out(InvoiceSnapshot, invoice(fee=value)) == ["fee"]


@pytest.mark.parametrize("value", NOT_TIMES)
def test_a_time_has_its_offset_and_exists(value):
    assert left_out(InvoiceSnapshot, invoice(expires_at=value)) == ["expires_at"]


@pytest.mark.parametrize("value", NOT_IDS)
def test_an_id_is_a_uuid(value):
    assert refused(InvoiceSnapshot, invoice(id=value)).field == "id"


@pytest.mark.parametrize("value", NOT_LINKS)
def test_what_a_customer_clicks_on_is_an_http_url(value):
    assert left_out(InvoiceSnapshot, invoice(hosted_page_url=value)) == ["hosted_page_url"]


@pytest.mark.parametrize(
    "name", ["id", "status", "price_amount", "price_currency", "pay_amount", "pay_currency", "paid_amount"]
)
def test_an_invoice_cannot_lack_what_decides_over_money(name):
    refusal = refused(InvoiceSnapshot, invoice(name))

    assert (refusal.field, refusal.reason) == (name, "is missing")
    assert refused(InvoiceSnapshot, invoice(**{name: None})).field == name


@pytest.mark.parametrize(
    ("name", "length"),
    [
        ("status", field_lengths.CODE_LENGTH),
        ("status_context", field_lengths.CODE_LENGTH),
        ("price_currency", field_lengths.CODE_LENGTH),
        ("network", field_lengths.CODE_LENGTH),
        ("custom_id", field_lengths.CUSTOM_ID_LENGTH),
        ("address", field_lengths.ADDRESS_LENGTH),
    ],
)
def test_a_fact_is_no_longer_than_its_column(name, length):
    assert InvoiceSnapshot.from_wire(invoice(**{name: "x" * length}))
    assert refused(InvoiceSnapshot, invoice(**{name: "x" * (length + 1)})).field == name
    assert refused(InvoiceSnapshot, invoice(**{name: 5})).field == name


@pytest.mark.parametrize(
    ("name", "length"),
    [
        ("customer_id", field_lengths.CUSTOM_ID_LENGTH),
        ("uri", field_lengths.URL_LENGTH),
        ("success_redirect_url", field_lengths.URL_LENGTH),
        ("name", field_lengths.NAME_LENGTH),
        ("description", field_lengths.TEXT_LENGTH),
    ],
)
def test_a_text_that_is_longer_than_its_column_is_left_out(name, length):
    assert left_out(InvoiceSnapshot, invoice(**{name: "x" * length})) == []
    assert left_out(InvoiceSnapshot, invoice(**{name: "x" * (length + 1)})) == [name]
    assert left_out(InvoiceSnapshot, invoice(**{name: 5})) == [name]


def test_a_link_is_no_longer_than_its_column():
    assert left_out(InvoiceSnapshot, invoice(hosted_page_url="https://x/" + "y" * 2048)) == ["hosted_page_url"]


@pytest.mark.parametrize("character", ["\x00", "\n", "\r", "\x1b", "\x7f", "\x85", "\u2028", "\ud800"])
def test_what_is_one_line_has_no_control_characters(character):
    for name in ("status", "address", "network", "custom_id"):
        assert refused(InvoiceSnapshot, invoice(**{name: f"a{character}b"})).field == name
    for name in ("uri", "success_redirect_url"):
        assert left_out(InvoiceSnapshot, invoice(**{name: f"a{character}b"})) == [name]


@pytest.mark.parametrize("value", [" ", "rHJwE1 ?dt=1", "\u00a0", "r\u3000"])
def test_an_address_has_no_spaces(value):
    assert refused(InvoiceSnapshot, invoice(address=value)).field == "address"
    assert InvoiceSnapshot.from_wire(invoice(address="")).address_and_tag == ("", None), "there is none yet"


@pytest.mark.parametrize("blank", ["", " ", "\u3000"])
def test_spaces_alone_say_nothing(blank):
    for name in ("status", "status_context", "network", "price_currency", "pay_currency"):
        assert refused(InvoiceSnapshot, invoice(**{name: blank})).field == name
    assert refused(InvoiceSnapshot, invoice(transactions=[transaction(blank)])).field == "transactions[0].txid"
    assert left_out(InvoiceSnapshot, invoice(fee_currency=blank)) == ["fee_currency"]
    assert InvoiceSnapshot.from_wire(invoice(uri=blank)).uri == ""


@pytest.mark.parametrize("character", ["\x00", "\udfff"])
def test_no_text_has_what_a_database_cannot_store(character):
    assert left_out(InvoiceSnapshot, invoice(description=f"a{character}")) == ["description"]
    assert left_out(InvoiceSnapshot, invoice(metadata={"k": character})) == ["metadata.k"]
    assert left_out(InvoiceSnapshot, invoice(metadata={character: "v"})) == ["metadata"]


@pytest.mark.parametrize(
    ("schema", "message", "field"),
    [
        (InvoiceSnapshot, [], ""),
        (InvoiceSnapshot, None, ""),
        (InvoiceSnapshot, "invoice", ""),
        (InvoiceSnapshot, 5, ""),
        (InvoiceSnapshot, invoice(status=""), "status"),
        (InvoiceSnapshot, invoice(transactions={}), "transactions"),
        (InvoiceSnapshot, invoice(transactions=[None]), "transactions[0]"),
        (InvoiceSnapshot, invoice(transactions=[{}]), "transactions[0].txid"),
        (InvoiceSnapshot, invoice(transactions=[transaction(""), {}]), "transactions[0].txid"),
        (InvoiceSnapshot, invoice(transactions=[transaction("x" * 257)]), "transactions[0].txid"),
        (Recalculation, recalculation(invoice_id="x"), "invoice_id"),
        (Refund, refund(amount=None), "amount"),
        (Rate, {"buy_rate": "1.0"}, "sell_rate"),
        (Customer, customer(addresses=["x"]), "addresses[0]"),
        (Customer, customer(refund_addresses={"BTC": None}), "refund_addresses.BTC"),
        (ErrorBody, {}, "error"),
        (ErrorBody, {"error": "x"}, "error"),
        (ErrorBody, {"error": {"code": 5}}, "error.code"),
        (ErrorBody, {"error": {}, "meta": "x"}, "error.code"),
        (CallbackMessage, [], ""),
        (CallbackMessage, {"event": "created", "data": invoice()}, "type"),
        (CallbackMessage, {"type": "Invoice", "event": "created"}, "data"),
        (CallbackMessage, {"type": "Invoice", "event": "created", "data": None}, "data"),
        (CallbackMessage, {"type": "Invoice", "event": "created", "data": invoice(id="x")}, "data.id"),
    ],
)
def test_a_refusal_names_the_field(schema, message, field):
    assert refused(schema, message).field == field


@pytest.mark.parametrize(
    ("schema", "message", "field"),
    [
        (InvoiceSnapshot, invoice(exchange=[]), "exchange"),
        (InvoiceSnapshot, invoice(exchange={"pair": "BTCEUR", "rate": "1e2"}), "exchange.rate"),
        (InvoiceSnapshot, invoice(metadata=[]), "metadata"),
        (InvoiceSnapshot, invoice(metadata={"k": 1}), "metadata.k"),
        (InvoiceSnapshot, invoice(metadata={"a\nb": 1}), r"metadata['a\nb']"),
        (InvoiceSnapshot, invoice(metadata={"x" * 65: 1}), f"metadata['{'x' * 64}']"),
        (InvoiceSnapshot, invoice(metadata={"k" * 256: "v"}), "metadata"),
        (InvoiceSnapshot, invoice(metadata={"k": "v" * 4097}), "metadata.k"),
        (InvoiceSnapshot, invoice(transactions=[transaction(risk=7)]), "transactions[0].risk"),
        (InvoiceSnapshot, invoice(transactions=[transaction(risk={"level": []})]), "transactions[0].risk.level"),
        (
            InvoiceSnapshot,
            invoice(transactions=[transaction(risk=None, source_addresses=["a", 1])]),
            "transactions[0].source_addresses[1]",
        ),
        (Risk, {"score": "7,3", "level": "low"}, "score"),
        (Risk, {"score": True, "level": "low"}, "score"),
        (Risk, {"score": 7.3, "level": "low"}, "score"),
        (Risk, {"score": -1, "level": "low"}, "score"),
        (Risk, {"score": 10**20, "level": "low"}, "score"),
        (Recalculation, recalculation(previous_exchange_rate="x"), "previous_exchange_rate"),
        (Refund, refund(txid="", risk=None), "txid"),
        (Coin, coin("BTC", coin_network(precision="8")), "networks[0].precision"),
        (Coin, coin("BTC", coin_network(precision=-1)), "networks[0].precision"),
        (Coin, coin("BTC", coin_network(precision=True)), "networks[0].precision"),
        (Coin, coin("BTC", coin_network(invoices={"enabled": 1})), "networks[0].invoices.enabled"),
        (Coin, coin("BTC", coin_network(destination_tag={"name": "x"})), "networks[0].destination_tag.required"),
        (CallbackMessage, {"type": "Invoice", "event": 5, "data": invoice()}, "event"),
        (CallbackMessage, {"type": "Invoice", "event": "created", "data": invoice(fee=[])}, "data.fee"),
        (CallbackMessage, {"type": "Other", "event": []}, "event"),
    ],
)
def test_what_only_informs_is_left_out_where_it_is_odd_and_named(schema, message, field):
    assert left_out(schema, message) == [field]


def test_what_is_beside_an_odd_part_is_read():
    odd_risk = transaction(risk={"score": "odd", "level": "high", "resource_name": 5})
    wire = invoice(metadata={"a": "1", "b": 2}, transactions=[odd_risk], name=[], surprise={"deep": [1]})

    snapshot = InvoiceSnapshot.from_wire(wire)

    assert snapshot.metadata == {"a": "1"}
    assert snapshot.transactions[0].risk == Risk(level="high", extra=snapshot.transactions[0].risk.extra)
    assert snapshot.name is None
    assert snapshot.extra == {"name": [], "surprise": {"deep": [1]}}
    assert len(snapshot.notes) == 4


def test_the_first_few_notes_speak_for_the_others():
    notes = InvoiceSnapshot.from_wire(invoice(metadata=dict.fromkeys(map(str, range(1000)), 1))).notes

    assert first_notes(notes) == (*notes[: field_lengths.NOTES], f"and {1000 - field_lengths.NOTES} more")
    assert first_notes(notes[: field_lengths.NOTES]) == notes[: field_lengths.NOTES]
    assert first_notes(notes[: field_lengths.NOTES + 1])[-1] == "and 1 more"


def test_a_value_that_no_json_reader_could_read_says_why():
    reason = refused(InvoiceSnapshot, invoice(address=Odd("a number that cannot be read"))).reason

    assert reason == "must be a string, not a number that cannot be read"


def test_an_odd_part_is_named_with_its_place():
    notes = InvoiceSnapshot.from_wire(invoice(metadata=[])).notes

    assert notes == ("metadata: must be an object, not a list",)


def test_a_score_may_be_a_text():
    assert Risk.from_wire({"score": "7.25", "level": "low"}).score == Decimal("7.25")


def test_a_link_may_have_capitals():
    assert InvoiceSnapshot.from_wire(invoice(hosted_page_url="HTTPS://Pay.example/")).hosted_page_url


@pytest.mark.parametrize(
    ("literal", "amount"),
    [("100", "100"), ("100.00", "100"), ("0.001895", "0.001895"), ("1e-8", "0.00000001"), ("1.5E+3", "1500"),
     ("0", "0"), ("9" * 20 + "." + "9" * 18, "9" * 20 + "." + "9" * 18), ("0.1" + "0" * 40, "0.1")],
)  # fmt: skip
def test_an_amount_that_is_a_number_is_read_exactly(literal, amount):
    body = json.dumps(invoice(paid_amount=0)).replace('"paid_amount": 0', f'"paid_amount": {literal}')

    read = InvoiceSnapshot.from_wire(parse_json_tolerantly(body.encode())).paid_amount

    assert read.as_tuple() == Decimal(amount).as_tuple()


def test_a_score_with_more_digits_than_a_column_holds_is_left_out():
    message = parse_callback(
        b'{"type":"Invoice","event":"created","data":{"id":"0b7e1a52-93c4-4d0f-8a65-2f1c7d9e3b40","status":"new",'
        b'"price_amount":"1.0","price_currency":"EUR","pay_amount":"1.0","pay_currency":"BTC","paid_amount":"0.0",'
        b'"transactions":[{"txid":"ab","risk":{"score":1e-41,"level":"low"}}]}}'
    )

    assert message.notes == ("data.transactions[0].risk.score: has too many digits",)
    assert message.invoice.transactions[0].risk.level == "low"


def test_a_callback_that_is_no_json_is_refused():
    with pytest.raises(WireError, match="not JSON"):
        parse_callback(b"<html>")


def test_a_refusal_survives_a_process_boundary():
    refusal = refused(InvoiceSnapshot, invoice(id="x"))

    again = pickle.loads(pickle.dumps(refusal))

    assert (again.field, again.reason, str(again)) == (refusal.field, refusal.reason, str(refusal))

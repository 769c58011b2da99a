"""Every shape of message is read and written back without loss."""

import copy
import json
import pickle
import sys
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from cryptopay_django.exceptions import WireError
from cryptopay_django.gateway import field_lengths, message_base
from cryptopay_django.gateway.market_answers import Coin, CoinNetwork, Customer, ErrorBody, Feature, Rate
from cryptopay_django.gateway.rate_and_risk import Exchange, Risk
from cryptopay_django.gateway.schemas import (
    CallbackMessage,
    InvoiceSnapshot,
    Recalculation,
    Refund,
    Transaction,
    parse_callback,
    read_invoice_id,
    read_payment_ids,
)
from cryptopay_django.gateway.strictjson import dump_json, parse_json
from cryptopay_django.gateway.tags import split_address
from cryptopay_django.gateway.values import amount_text, plain_text

from . import examples

XRP = examples.INVOICES["XRP with a destination tag"]
MESSAGES = [
    *((InvoiceSnapshot, message) for message in examples.INVOICES.values()),
    (Recalculation, examples.recalculation()),
    (Recalculation, examples.recalculation(previous_exchange_rate=None, exchange=None, fee=None, fee_currency=None)),
    (Refund, examples.refund()),
    (Refund, examples.refund(address=None, txid=None, risk=None, network=None, fee=None, fee_currency=None)),
    (Rate, {"buy_rate": "40000.1234", "sell_rate": "40100.0"}),
    (Risk, examples.RISK),
    (Coin, examples.coin()),
    (Coin, examples.coin("USDT", examples.coin_network("ethereum"), examples.coin_network("tron", precision=6))),
    (Coin, examples.coin("XRP", examples.coin_network("ripple", destination_tag={"required": True, "name": "Tag"}))),
    (Coin, {"currency": "NEW", "name": "New"}),
    (CoinNetwork, {"network": "new", "name": "New", "precision": 0}),
    (Customer, examples.customer()),
    (Customer, examples.customer(refund_addresses={}, addresses=[])),
    (Customer, examples.customer(refund_addresses=None, addresses=None)),
    (Customer, {"id": "customer-3", "currency": "EUR"}),
    (ErrorBody, {"error": {"code": "not_found", "message": "Nothing"}, "meta": {"request_id": "r-1"}}),
    (ErrorBody, {"error": {"code": "bad", "details": [{"field": "x"}, "y"], "more": 1}, "meta": {"request_id": "r"}}),
]


def over_the_wire(message):
    return parse_json(json.dumps(message).encode())


@pytest.mark.parametrize(("schema", "message"), MESSAGES)
def test_a_message_read_and_written_back_is_the_same(schema, message):
    received = over_the_wire(message)

    written = schema.from_wire(received).to_wire()

    if schema is ErrorBody:
        received["error"] = {"message": None, "details": [], **received["error"]}
    assert written == received
    assert parse_json(dump_json(written)) == received


def test_reading_leaves_the_parsed_json_as_it_was():
    received = over_the_wire(examples.INVOICES["two transactions"])
    before = copy.deepcopy(received)

    InvoiceSnapshot.from_wire(received)

    assert received == before


def test_a_snapshot_has_python_types():
    snapshot = InvoiceSnapshot.from_wire(over_the_wire(examples.INVOICES["source addresses"]))

    assert snapshot.id == UUID(examples.INVOICE_ID)
    assert snapshot.price_amount == Decimal(50)
    assert snapshot.exchange == Exchange("BTCEUR", Decimal(40000), Decimal(0), "EUR")
    assert snapshot.expires_at == datetime(2024, 2, 3, 4, 15, 6, tzinfo=UTC)
    assert snapshot.transactions[0] == Transaction(
        "ab" * 32, Risk(Decimal("4.5"), "low", "default", "unknown"), ("bcrt1qone", "bcrt1qtwo")
    )


def test_an_amount_keeps_every_digit():
    amount = f"{'9' * field_lengths.AMOUNT_INTEGER_DIGITS}.{'7' * field_lengths.AMOUNT_DECIMALS}"

    snapshot = InvoiceSnapshot.from_wire(over_the_wire({**XRP, "price_amount": amount}))

    assert f"{snapshot.price_amount:f}" == amount


def test_absent_and_null_read_as_none_but_are_written_as_they_came():
    absent = InvoiceSnapshot.from_wire(examples.invoice("exchange", "transactions"))
    null = InvoiceSnapshot.from_wire(examples.invoice(exchange=None))

    assert absent.exchange is None
    assert absent.transactions == ()
    assert absent == null
    assert "exchange" not in absent.to_wire()
    assert null.to_wire()["exchange"] is None


def test_a_member_filled_in_later_is_written():
    snapshot = InvoiceSnapshot.from_wire(examples.invoice("network", "fee"))

    changed = replace(snapshot, network="bitcoin", fee=Decimal("0.0"))

    assert changed.to_wire()["network"] == "bitcoin"
    assert changed.to_wire()["fee"] == "0.0"


def test_a_snapshot_made_here_is_written_with_all_members():
    message = examples.invoice()
    snapshot = InvoiceSnapshot.from_wire(message)

    made = InvoiceSnapshot(
        id=snapshot.id,
        status="new",
        price_amount=Decimal("5E+1"),
        price_currency="EUR",
        pay_amount=Decimal("1.25E-3"),
        pay_currency="BTC",
        paid_amount=Decimal("0.0"),
    )

    written = made.to_wire()
    assert set(written) == {*message, "subscription_id"}
    assert written["price_amount"] == "50"
    assert written["pay_amount"] == "0.00125"
    assert written["transactions"] == []


def test_a_score_keeps_all_its_digits_and_stays_a_number():
    body = b'{"txid":"ab","risk":{"score":3.4027701288128616,"level":"low"}}'

    transaction = Transaction.from_wire(parse_json(body))

    assert transaction.risk.score == Decimal("3.4027701288128616")
    assert dump_json(transaction.to_wire()) == body


@pytest.mark.parametrize("literal", ["7", "7.0", "7.30", "0", "0.1e1", "1e-7", "1.0E+1"])
def test_a_score_may_be_any_plain_number(literal):
    risk = Risk.from_wire(parse_json(b'{"score":%s,"level":"low"}' % literal.encode()))

    assert risk.score == Decimal(literal)
    assert parse_json(dump_json(risk.to_wire()))["score"] == Decimal(literal)


@pytest.mark.parametrize(
    ("wire", "written"),
    [
        ("2024-02-03T04:05:06Z", "2024-02-03T04:05:06+00:00"),
        ("2024-02-03T04:05:06+00:00", "2024-02-03T04:05:06+00:00"),
        ("2024-02-03T06:05:06.250+02:00", "2024-02-03T06:05:06.250000+02:00"),
        ("2024-02-03T04:05:06.123456789Z", "2024-02-03T04:05:06.123456+00:00"),
    ],
)
def test_times_are_aware(wire, written):
    snapshot = InvoiceSnapshot.from_wire(examples.invoice(created_at=wire))

    assert snapshot.created_at.tzinfo is not None
    assert snapshot.created_at.astimezone(UTC).replace(microsecond=0) == datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert snapshot.to_wire()["created_at"] == written


@pytest.mark.parametrize(
    ("address", "parted"),
    [
        ("rExample?dt=2751702755", ("rExample", "2751702755")),
        ("GEXAMPLE?memo=42", ("GEXAMPLE", "42")),
        ("GEXAMPLE?memo_id=42", ("GEXAMPLE", "42")),
        ("bcrt1qexample", ("bcrt1qexample", None)),
        ("bitcoincash:qexample", ("bitcoincash:qexample", None)),
        ("rExample?dt=", ("rExample?dt=", None)),
        ("rExample?dt=1&dt=2", ("rExample?dt=1&dt=2", None)),
        ("rExample?dt=%00", ("rExample?dt=%00", None)),
        ("rExample?amount=1", ("rExample?amount=1", None)),
        ("rExample?dt=" + "1" * 65, ("rExample?dt=" + "1" * 65, None)),
        ("?dt=1", ("?dt=1", None)),
        ("rExample?dt=1\n", ("rExample?dt=1\n", None)),
        ("", ("", None)),
    ],
)
def test_the_destination_tag_is_parted_from_the_address_only_where_it_is_plain(address, parted):
    assert split_address(address) == parted


def test_a_snapshot_keeps_the_address_of_the_wire_beside_its_parts():
    snapshot = InvoiceSnapshot.from_wire(XRP)

    assert snapshot.address == XRP["address"]
    assert snapshot.address_and_tag == ("rExampleExampleExampleExample", "123456789")
    assert replace(snapshot, address=None).address_and_tag == (None, None)
    # As a newer guide spells it.
    assert replace(snapshot, address="GEXAMPLE?memoId=17").address_and_tag == ("GEXAMPLE", "17")


def test_an_invoice_callback_carries_its_snapshot():
    body = json.dumps(
        {"type": "Invoice", "event": "status_changed", "data": examples.invoice(), "version": 2}
    ).encode()

    message = parse_callback(body)

    assert (message.type, message.event) == ("Invoice", "status_changed")
    assert message.invoice == InvoiceSnapshot.from_wire(examples.invoice())
    assert message.to_wire() == parse_json(body)


@pytest.mark.parametrize(
    "body",
    [
        {
            "type": "GiftCard",
            "event": "completed",
            "data": {
                "id": examples.OTHER_ID,
                "paid_amount": "0.25",
                "exchange": {"pair": "ETHEUR", "rate": "2000.5"},
                "risk": {"score": 1.2345678901234567, "level": "low"},
                "channel_id": None,
            },
        },
        {"type": "CoinWithdrawal", "event": "status_changed", "data": {"status": "sent", "risk": None}},
        {"type": "Unheard", "event": "of", "data": ["anything"]},
        {"type": "Unheard", "event": "of"},
    ],
)
def test_callbacks_of_other_types_are_kept_but_not_interpreted(body):
    message = parse_callback(json.dumps(body).encode())

    assert message.invoice is None
    assert message.to_wire() == over_the_wire(body)
    assert json.loads(dump_json(message.to_wire())) == body


def test_an_unheard_event_of_an_invoice_is_read():
    message = CallbackMessage.from_wire({"type": "Invoice", "event": "blessed", "data": examples.invoice()})

    assert message.event == "blessed"
    assert message.invoice is not None


def test_invoices_are_enabled_on_a_network_only_if_the_gateway_says_so():
    assert CoinNetwork("bitcoin", "Bitcoin", 8, invoices=Feature(True)).invoices_enabled
    assert not CoinNetwork("bitcoin", "Bitcoin", 8, invoices=Feature(False)).invoices_enabled
    assert not CoinNetwork("bitcoin", "Bitcoin", 8).invoices_enabled


@pytest.mark.parametrize("meta", [{}, {"meta": None}, {"meta": {}}])
def test_an_error_without_meta_is_read(meta):
    error = ErrorBody.from_wire({"error": {"code": "x", "message": "y", "details": {"a": ["b"]}}, **meta})

    assert error == ErrorBody("x", "y", ({"a": ["b"]},))


def test_messages_are_frozen_and_can_be_pickled_and_copied():
    snapshot = InvoiceSnapshot.from_wire(over_the_wire(examples.INVOICES["texts and metadata"]))

    with pytest.raises(FrozenInstanceError):
        snapshot.status = "completed"
    assert pickle.loads(pickle.dumps(snapshot)) == snapshot
    assert copy.deepcopy(snapshot) == snapshot
    assert hash(snapshot) == hash(copy.copy(snapshot))


@pytest.mark.parametrize(
    ("amount", "plain", "gateway"),
    [
        ("100", "100", "100.0"),
        ("100.00", "100.00", "100.0"),
        ("1E+2", "100", "100.0"),
        ("0.001895000", "0.001895000", "0.001895"),
        ("1E-18", "0.000000000000000001", "0.000000000000000001"),
        ("0", "0", "0.0"),
    ],
)
def test_amounts_are_written_without_an_exponent(amount, plain, gateway):
    assert plain_text(Decimal(amount)) == plain
    assert amount_text(Decimal(amount)) == gateway


REQUIRED = {
    Risk: {},
    Transaction: {"txid": "ab"},
    Exchange: {},
    InvoiceSnapshot: {
        "id": examples.INVOICE_ID, "status": "new", "price_amount": "1.0", "price_currency": "EUR",
        "pay_amount": "1.0", "pay_currency": "BTC", "paid_amount": "0.0",
    },
    CallbackMessage: {"type": "Unheard"},
    Recalculation: {
        "id": examples.OTHER_ID, "invoice_id": examples.INVOICE_ID, "pay_amount": "1.0", "pay_currency": "BTC",
        "price_amount": "1.0", "price_currency": "EUR",
    },
    Refund: {
        "id": examples.OTHER_ID, "invoice_id": examples.INVOICE_ID, "amount": "1.0", "amount_currency": "BTC",
    },
}  # fmt: skip


@pytest.mark.parametrize("schema", REQUIRED)
def test_what_may_be_absent_reads_as_nothing(schema):
    read = schema.from_wire(over_the_wire(REQUIRED[schema]))

    absent = {name: getattr(read, name) for name in schema.__annotations__ if name not in REQUIRED[schema]}
    lists = {"transactions", "source_addresses"}
    assert absent == {name: () if name in lists else "unknown" if name == "event" else None for name in absent}


@pytest.mark.parametrize("schema", REQUIRED)
def test_what_must_be_there_is_missed(schema):
    for name in REQUIRED[schema]:
        with pytest.raises(WireError, match="is missing"):
            schema.from_wire(over_the_wire({key: value for key, value in REQUIRED[schema].items() if key != name}))


def test_a_callback_made_here_need_not_be_about_an_invoice():
    assert CallbackMessage("Unheard", "of").invoice is None


@pytest.mark.parametrize("schema", [InvoiceSnapshot, Recalculation, Refund])
def test_messages_of_many_members_are_made_by_name(schema):
    with pytest.raises(TypeError, match="takes 1 positional argument"):
        schema(UUID(int=1))


ID, OF_CHANNEL = UUID(int=7), UUID(int=8)


@pytest.mark.parametrize(
    ("body", "invoice", "payment"),
    [
        ({"type": "Invoice", "data": {"id": str(ID), "status": 1}}, ID, None),
        ({"type": "ChannelPayment", "data": {"id": str(ID), "channel_id": str(OF_CHANNEL)}}, ID, (OF_CHANNEL, ID)),
        ({"type": "Invoice", "data": {"id": str(ID), "channel_id": str(OF_CHANNEL)}}, ID, None),
        ({"type": "ChannelPayment", "data": {"id": str(ID)}}, ID, None),
        ({"type": "ChannelPayment", "data": {"id": "7", "channel_id": str(OF_CHANNEL)}}, None, None),
        ({"type": "ChannelPayment", "data": []}, None, None),
        ({"type": "ChannelPayment"}, None, None),
        ([], None, None),
    ],
)
def test_the_ids_in_a_body_are_read_whatever_else_is_in_it(body, invoice, payment):
    assert read_invoice_id(json.dumps(body).encode()) == invoice
    assert read_payment_ids(json.dumps(body).encode()) == payment


def test_the_ids_in_what_is_no_json_are_none():
    assert (read_invoice_id(b"{"), read_payment_ids(b"{")) == (None, None)


def test_data_without_a_class_is_at_hand_where_it_is_an_object():
    body = {"type": "GiftCard", "event": "completed", "data": {"id": "7"}}

    assert parse_callback(json.dumps(body).encode()).data == {"id": "7"}
    assert parse_callback(json.dumps({**body, "data": [7]}).encode()).data == {}
    assert parse_callback(json.dumps({"type": "GiftCard"}).encode()).data == {}


@pytest.mark.parametrize(
    ("message", "path"),
    [
        ({"type": "ChannelPayment", "event": "created", "data": {}}, "mail.data.id"),
        ({"event": "created"}, "mail.type"),
        ({"type": "Invoice", "event": "created"}, "mail.data"),
        ({"type": "Invoice", "event": "created", "data": {}}, "mail.data.id"),
    ],
)
def test_what_is_wrong_with_a_callback_is_found_by_its_path(message, path):
    with pytest.raises(WireError) as refusal:
        CallbackMessage.from_wire(message, "mail")

    assert refusal.value.field == path


def test_a_message_is_read_first_while_a_test_has_stopped_the_clock(monkeypatch):
    """As freezegun stops it: another class in the place of `datetime` in every module."""

    class StoppedDatetime(datetime):
        pass

    monkeypatch.setattr(message_base, "_MEMBERS", {})
    for name, module in list(sys.modules.items()):
        if name.startswith("cryptopay_django") and vars(module).get("datetime") is datetime:
            monkeypatch.setattr(module, "datetime", StoppedDatetime)

    read = InvoiceSnapshot.from_wire(over_the_wire(XRP))

    assert isinstance(read.expires_at, datetime)

"""Channels, withdrawals, the ledger, exchanges and subscriptions: what of them must be read, and what may be odd."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from cryptopay_django.exceptions import WireError
from cryptopay_django.gateway.channels import ChannelPaymentSnapshot, ChannelSnapshot
from cryptopay_django.gateway.exchange_transfers import ExchangeTransfer
from cryptopay_django.gateway.ledger import Account, LedgerTransaction
from cryptopay_django.gateway.schemas import CallbackMessage, parse_callback
from cryptopay_django.gateway.strictjson import dump_json, parse_json
from cryptopay_django.gateway.subscriptions import Subscription
from cryptopay_django.gateway.withdrawals import Beneficiary, BeneficiaryAddress, CoinWithdrawal, NetworkFee

from .families import CHANNEL_ID, EXCHANGE, PAYMENT_ID, TRANSFER_ID, thing

KINDS = {
    "channel": ChannelSnapshot,
    "channel_payment": ChannelPaymentSnapshot,
    "withdrawal": CoinWithdrawal,
    "network_fee": NetworkFee,
    "transfer": ExchangeTransfer,
    "subscription": Subscription,
    "account": Account,
    "row": LedgerTransaction,
}


def over_the_wire(value):
    return parse_json(json.dumps(value).encode())


def read(kind, *without, **changes):
    return KINDS[kind].from_wire(over_the_wire(thing(kind, *without, **changes)))


@pytest.mark.parametrize(
    ("kind", "without", "changes"),
    [
        *((kind, (), {}) for kind in KINDS),
        ("channel", (), {"status": "disabled", "custom_id": None, "customer_id": "ann", "description": "two\nlines"}),
        ("channel_payment", ("address", "network", "customer_id"), {"exchange": {"pair": "BTCEUR", "rate": "1.0"}}),
        ("channel_payment", ("exchange",), {"status": "on_hold", "status_context": "channel_disabled", "risk": None}),
        ("channel_payment", (), {"status": "refunded", "refund_address": "x", "coin_withdrawal_id": PAYMENT_ID}),
        ("channel_payment", ("status_context",), {"hosted_page_url": "https://hosted.gateway.example/channels/1"}),
        ("withdrawal", (), {"id": None}),
        ("withdrawal", ("network", "customer_id", "description", "exchange"), {"txid": "AB" * 32, "status": "sent"}),
        ("withdrawal", (), {"exchange": {"pair": "BTCEUR", "rate": "1.0"}, "fee_currency": "USD"}),
        ("transfer", ("exchange",), {"custom_id": "x", "received_currency": "EUR"}),
        ("subscription", (), {"status": "cancelled", "cancelled_at": "2024-02-04T04:05:06+00:00"}),
        ("subscription", ("product_description", "current_period_ends_at"), {"current_period_paid": True}),
        ("row", (), {"amount": "0.00214203", "fee": None, "fee_currency": None, "reference_type": "CoinDeposit"}),
        ("row", (), {"status": "on_hold", "status_context": "illicit_resource", "amount": "-0.00214203"}),
    ],
)
def test_what_is_read_is_written_again_as_it_was(kind, without, changes):
    message = read(kind, *without, **changes)

    assert not message.notes
    assert not message.extra
    assert parse_json(dump_json(message.to_wire())) == over_the_wire(thing(kind, *without, **changes))


def test_values_have_the_types_that_they_stand_for():
    payment, row, subscription = read("channel_payment"), read("row"), read("subscription")

    assert (payment.id, payment.channel_id) == (UUID(PAYMENT_ID), UUID(CHANNEL_ID))
    assert (payment.received_amount, payment.exchange.rate) == (Decimal("99.0"), Decimal("40000.0"))
    assert payment.created_at == datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert (row.amount, row.balance, row.reference_id) == (Decimal("-100.0"), Decimal("1134.5"), UUID(TRANSFER_ID))
    assert (subscription.period_quantity, subscription.current_period_paid) == (3, False)


FACTS = {
    "channel": ("id", "status", "pay_currency", "receiver_currency"),
    "channel_payment": (
        "id", "channel_id", "txid", "status", "paid_amount", "paid_currency", "received_amount", "received_currency",
    ),
    "withdrawal": (
        "status", "address", "charged_amount", "charged_currency", "received_amount", "received_currency",
    ),
    "network_fee": ("level", "fee", "currency"),
    "transfer": ("id", "charged_amount", "charged_currency", "received_amount", "received_currency"),
    "subscription": ("id", "status", "amount", "currency", "current_period_paid"),
    "account": ("id", "currency", "balance"),
    "row": ("id", "reference_type", "amount", "currency", "balance"),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "fact"), [(kind, fact) for kind, facts in FACTS.items() for fact in facts])
def test_a_fact_is_there_and_in_its_form_or_nothing_is_read(kind, fact):
    for change in ({"without": (fact,)}, {fact: None}, {fact: [5]}):
        with pytest.raises(WireError) as refused:
            read(kind, *change.pop("without", ()), **change)
        assert refused.value.field == fact


@pytest.mark.parametrize("kind", KINDS)
def test_what_only_informs_may_be_odd_and_is_kept_aside_and_noted(kind):
    known = KINDS[kind]
    for name in thing(kind):
        if known.facts is None or name in known.facts:
            continue

        message = read(kind, **{name: [{"odd": 1}]})

        assert getattr(message, name) is None
        assert message.extra == {name: [{"odd": 1}]}
        assert [note.startswith(name) for note in message.notes] == [True]


@pytest.mark.parametrize(
    ("kind", "fact"),
    [
        ("channel", "custom_id"), ("channel", "address"), ("channel", "network"), ("channel_payment", "status_context"),
        ("withdrawal", "custom_id"), ("withdrawal", "id"), ("withdrawal", "network"), ("transfer", "custom_id"),
        ("subscription", "custom_id"), ("row", "status"), ("row", "status_context"), ("row", "fee"),
        ("row", "fee_currency"), ("network_fee", "network"),
    ],
)  # fmt: skip
def test_a_fact_that_may_be_null_may_not_be_odd(kind, fact):
    assert getattr(read(kind, **{fact: None}), fact) is None

    with pytest.raises(WireError):
        read(kind, **{fact: [5]})


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("channel", {"status": "paused", "pay_currency": "NEW", "network": "newnet"}),
        ("channel_payment", {"status": "returned", "status_context": "under_review", "paid_currency": "NEW"}),
        ("withdrawal", {"status": "queued", "network_fee_level": "turbo", "network": "newnet"}),
        ("subscription", {"status": "paused", "period": "quarter"}),
        ("row", {"reference_type": "GiftCard", "status": "given"}),
    ],
)
def test_a_status_coin_network_or_type_of_another_version_is_kept_as_it_is(kind, changes):
    message = read(kind, **changes, added={"deep": [1, None]})

    assert {name: getattr(message, name) for name in changes} == changes
    assert message.extra == {"added": {"deep": [1, None]}}
    assert not message.notes


@pytest.mark.parametrize("reference", ["17", None, 5])
def test_a_row_about_a_thing_without_an_id_of_the_usual_form_counts_all_the_same(reference):
    row = read("row", reference_type="ManualBalanceTransaction", reference_id=reference)

    assert (row.amount, row.reference_id) == (Decimal("-100.0"), None)


@pytest.mark.parametrize(
    ("amount", "read_as"),
    [
        ("-0.00214203", "-0.00214203"),
        ("0.0", "0.0"),
        (-5, "-5"),
        (Decimal("-1.50"), "-1.5"),
        (7, "7"),
        (Decimal("0.5"), "0.5"),
        ("-12345678901234567890.123456789012345678", "-12345678901234567890.123456789012345678"),
        (Decimal("-12345678901234567890.123456789012345678"), "-12345678901234567890.123456789012345678"),
    ],
)
def test_an_amount_of_the_ledger_may_be_negative_as_text_or_number(amount, read_as):
    row = LedgerTransaction.from_wire({**over_the_wire(thing("row")), "amount": amount})

    assert row.amount == Decimal(read_as)


@pytest.mark.parametrize("amount", ["--1", "-", "+1", "-1e5", "- 1", True, "-" + "9" * 21])
def test_what_is_no_amount_of_the_ledger_is_refused(amount):
    with pytest.raises(WireError):
        LedgerTransaction.from_wire({**over_the_wire(thing("row")), "amount": amount})


@pytest.mark.parametrize(
    ("address", "parted"),
    [
        ("rExample?dt=17", ("rExample", "17")),
        ("GEXAMPLE?memoId=17", ("GEXAMPLE", "17")),
        ("bcrt1qplain", ("bcrt1qplain", None)),
        (None, (None, None)),
    ],
)
def test_a_channels_address_is_parted_from_its_tag(address, parted):
    assert read("channel", address=address).address_and_tag == parted


def callback(kind, event, data):
    return parse_callback(json.dumps({"type": kind, "event": event, "data": data}).encode())


def test_a_callback_of_a_channel_payment_is_read_as_an_invoices_is():
    body = {"type": "ChannelPayment", "event": "completed", "data": thing("channel_payment")}

    message = callback("ChannelPayment", "completed", thing("channel_payment"))

    assert message.channel_payment == read("channel_payment")
    assert message.invoice is None
    assert not message.extra
    assert parse_json(dump_json(message.to_wire())) == over_the_wire(body)


def test_what_is_odd_in_a_channel_payments_callback_is_noted():
    message = callback("ChannelPayment", "completed", thing("channel_payment", fee="-1"))

    assert message.channel_payment.fee is None
    assert [note.startswith("data.fee") for note in message.notes] == [True]


@pytest.mark.parametrize("data", [None, {}, [], thing("channel_payment", "txid"), thing("channel_payment", id="x")])
def test_a_channel_payments_callback_without_its_facts_is_not_read(data):
    with pytest.raises(WireError) as refused:
        callback("ChannelPayment", "created", data)

    assert refused.value.field.startswith("data")


@pytest.mark.parametrize("kind", ["CoinWithdrawal", "Subscription", "Unheard"])
def test_data_of_other_types_stays_as_it_is(kind):
    message = callback(kind, "created", {"id": "x", "odd": []})

    assert (message.invoice, message.channel_payment) == (None, None)
    assert message.extra == {"data": {"id": "x", "odd": []}}
    assert message.to_wire()["data"] == {"id": "x", "odd": []}


def test_a_callback_made_here_need_not_be_about_anything():
    assert CallbackMessage("Unheard", "of").channel_payment is None


def test_a_beneficiary_may_have_members_that_are_not_known_here():
    beneficiary = Beneficiary(
        type="natural_person", name="Ann", address=BeneficiaryAddress(country="DE"), extra={"wallet": "hosted"}
    )

    assert beneficiary.to_wire()["wallet"] == "hosted"


def test_a_rate_of_a_conversion_may_lack_its_fee():
    assert read("withdrawal", exchange={**EXCHANGE, "fee": None}).exchange.fee is None

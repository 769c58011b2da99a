"""The calls of every family but invoices: what each asks for, what it takes for an answer, what it never sends."""

import inspect
import json
import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from traceback import walk_tb
from uuid import UUID

import pytest

from cryptopay_django.exceptions import (
    CustomIdError,
    GatewayAnswerError,
    GatewayFaultError,
    GatewayUnreachableError,
    GatewayValidationError,
    TransferRequestError,
)
from cryptopay_django.gateway.client import Client
from cryptopay_django.gateway.sent_mark import MARK_LIFE, Mark
from cryptopay_django.gateway.strictjson import dump_json, parse_json
from cryptopay_django.gateway.withdrawals import Beneficiary, BeneficiaryAddress
from tests.sandbox.shapes import ENDPOINTS

from . import examples
from .families import (
    ACCOUNT_ID,
    CHANNEL_ID,
    PAYMENT_ID,
    PROJECT_ID,
    SUBSCRIPTION_ID,
    TRANSFER_ID,
    WITHDRAWAL_ID,
    thing,
)
from .server import data, error

MORE = PROJECT_ID
NOON = datetime(2024, 2, 3, 12, 0, tzinfo=UTC)
WITHDRAWAL = {"address": "bcrt1qpayout", "charged_currency": "EUR", "received_currency": "BTC"}
EXCHANGED = {"charged_currency": "EUR", "received_currency": "BTC"}
CLUB = {
    "name": "Club", "amount": Decimal("20.00"), "currency": "EUR", "period": "month", "period_quantity": 3,
    "starts_at": NOON, "payer_email": "ann@example.com",
}  # fmt: skip
NEWER_WAY = {
    "amount": Decimal(100),
    "amount_currency": "EUR",
    "amount_includes_processing_fee": True,
    "amount_includes_network_fee": False,
}
BENEFICIARY = Beneficiary(
    type="legal_person",
    name="Ann & Co",
    address=BeneficiaryAddress(country="DE", city="Köln"),
    extra={"wallet": "own"},
)

# Method, arguments, what is asked for, the body that is sent, the answer.
CALLS = [
    (
        "create_channel", (), {"name": "Top up", "pay_currency": "XRP", "receiver_currency": "EUR", "network": "ripple",
        "description": "d", "custom_id": "wallet-7", "customer_id": "ann"},
        "POST /api/channels",
        {"name": "Top up", "pay_currency": "XRP", "receiver_currency": "EUR", "network": "ripple", "description": "d",
         "custom_id": "wallet-7", "customer_id": "ann"},
        thing("channel"),
    ),
    (
        "update_channel", (UUID(CHANNEL_ID),), {"name": "n", "description": "", "customer_id": "ann"},
        f"PATCH /api/channels/{CHANNEL_ID}", {"name": "n", "description": "", "customer_id": "ann"}, thing("channel"),
    ),
    (
        "update_channel", (CHANNEL_ID,), {"status": "disabled"},
        f"PATCH /api/channels/{CHANNEL_ID}", {"status": "disabled"}, thing("channel", status="disabled"),
    ),
    ("retrieve_channel", (CHANNEL_ID.upper(),), {}, f"GET /api/channels/{CHANNEL_ID.upper()}", None, thing("channel")),
    (
        "retrieve_channel_by_custom_id", ("wallet/7",), {},
        "GET /api/channels/custom_id/wallet%2F7", None, thing("channel", custom_id="wallet/7"),
    ),
    ("list_channels", (), {}, "GET /api/channels", None, [thing("channel")]),
    (
        "list_channels", (), {"customer_id": "a b", "starting_after": MORE},
        f"GET /api/channels?customer_id=a%20b&starting_after={MORE}", None, [],
    ),
    (
        "list_channel_payments", (UUID(CHANNEL_ID),), {"starting_after": UUID(MORE)},
        f"GET /api/channels/{CHANNEL_ID}/payments?starting_after={MORE}", None, [thing("channel_payment")],
    ),
    (
        "retrieve_channel_payment", (CHANNEL_ID, PAYMENT_ID), {},
        f"GET /api/channels/{CHANNEL_ID}/payments/{PAYMENT_ID}", None, thing("channel_payment"),
    ),
    (
        "create_withdrawal", (), {**WITHDRAWAL, "charged_amount": Decimal("1E+2"), "network": "bitcoin",
        "custom_id": "payout-7", "customer_id": "ann", "network_fee_level": "slow", "force_commit": True},
        "POST /api/coin_withdrawals",
        {**WITHDRAWAL, "network": "bitcoin", "custom_id": "payout-7", "customer_id": "ann", "network_fee_level": "slow",
         "force_commit": True, "charged_amount": "100"},
        thing("withdrawal", status="pending"),
    ),
    (
        "create_withdrawal", (), {**WITHDRAWAL, "charged_amount_to_send": Decimal("99.5")}, "POST /api/coin_withdrawals",
        {**WITHDRAWAL, "force_commit": False, "charged_amount_to_send": "99.5"}, thing("withdrawal"),
    ),
    (
        "create_withdrawal", (), {**WITHDRAWAL, "received_amount": Decimal("0.0024")}, "POST /api/coin_withdrawals",
        {**WITHDRAWAL, "force_commit": False, "received_amount": "0.0024"}, thing("withdrawal", id=None),
    ),
    (
        "create_withdrawal", (), {**WITHDRAWAL, **NEWER_WAY, "travel_rule_compliant": True, "beneficiary": BENEFICIARY},
        "POST /api/coin_withdrawals",
        {**WITHDRAWAL, "travel_rule_compliant": True,
         "beneficiary": {"type": "legal_person", "name": "Ann & Co", "address": {"country": "DE", "city": "Köln"},
                         "wallet": "own"},
         "force_commit": False, **NEWER_WAY, "amount": "100"},
        thing("withdrawal"),
    ),
    (
        "create_withdrawal", (), {**WITHDRAWAL, **NEWER_WAY, "amount_currency": "BTC",
        "beneficiary": Beneficiary(type="natural_person", name="Ann"), "travel_rule_compliant": False},
        "POST /api/coin_withdrawals",
        {**WITHDRAWAL, "travel_rule_compliant": False, "beneficiary": {"type": "natural_person", "name": "Ann"},
         "force_commit": False, **NEWER_WAY, "amount": "100", "amount_currency": "BTC"},
        thing("withdrawal"),
    ),
    (
        "commit_withdrawal", (WITHDRAWAL_ID,), {},
        f"POST /api/coin_withdrawals/{WITHDRAWAL_ID}/commit", None, thing("withdrawal", status="pending"),
    ),
    (
        "retrieve_withdrawal", (UUID(WITHDRAWAL_ID),), {},
        f"GET /api/coin_withdrawals/{WITHDRAWAL_ID}", None, thing("withdrawal"),
    ),
    (
        "retrieve_withdrawal_by_custom_id", ("payout-7",), {},
        "GET /api/coin_withdrawals/custom_id/payout-7", None, thing("withdrawal"),
    ),
    (
        "list_withdrawals", (), {"customer_id": "ann", "starting_after": MORE},
        f"GET /api/coin_withdrawals?customer_id=ann&starting_after={MORE}", None, [thing("withdrawal")],
    ),
    ("list_network_fees", (), {}, "GET /api/coin_withdrawals/network_fees", None, [thing("network_fee")]),
    (
        "list_network_fees", (), {"all_networks": True},
        "GET /api/coin_withdrawals/network_fees?all_networks=true", None, [],
    ),
    (
        "create_exchange_transfer", (), {**EXCHANGED, "charged_amount": Decimal(100)}, "POST /api/exchange_transfers",
        {**EXCHANGED, "charged_amount": "100", "received_amount": None, "force_commit": False}, thing("transfer"),
    ),
    (
        "create_exchange_transfer", (),
        {**EXCHANGED, "received_amount": Decimal("0.5"), "custom_id": "x", "force_commit": True},
        "POST /api/exchange_transfers",
        {**EXCHANGED, "charged_amount": None, "received_amount": "0.5", "custom_id": "x", "force_commit": True},
        thing("transfer", custom_id="x"),
    ),
    (
        "commit_exchange_transfer", (UUID(TRANSFER_ID),), {},
        f"POST /api/exchange_transfers/{TRANSFER_ID}/commit", None, thing("transfer"),
    ),
    (
        "retrieve_exchange_transfer", (TRANSFER_ID,), {},
        f"GET /api/exchange_transfers/{TRANSFER_ID}", None, thing("transfer"),
    ),
    (
        "create_subscription", (),
        {**CLUB, "payer_name": "Ann", "custom_id": "club-7", "product_name": "p", "product_description": "d",
         "success_redirect_url": "https://shop.example/", "unsuccess_redirect_url": "app://no"},
        "POST /api/subscriptions",
        {**CLUB, "amount": "20.00", "starts_at": "2024-02-03T12:00:00+00:00", "payer_name": "Ann", "custom_id": "club-7",
         "product_name": "p", "product_description": "d", "success_redirect_url": "https://shop.example/",
         "unsuccess_redirect_url": "app://no"},
        thing("subscription"),
    ),
    (
        "cancel_subscription", (SUBSCRIPTION_ID,), {},
        f"POST /api/subscriptions/{SUBSCRIPTION_ID}/cancel", None, thing("subscription", status="cancelled"),
    ),
    (
        "retrieve_subscription", (UUID(SUBSCRIPTION_ID),), {},
        f"GET /api/subscriptions/{SUBSCRIPTION_ID}", None, thing("subscription"),
    ),
    (
        "retrieve_subscription_by_custom_id", ("club-7",), {},
        "GET /api/subscriptions/custom_id/club-7", None, thing("subscription"),
    ),
    (
        "list_subscriptions", (), {"starting_after": MORE},
        f"GET /api/subscriptions?starting_after={MORE}", None, [thing("subscription")],
    ),
    ("list_accounts", (), {}, "GET /api/accounts", None, [thing("account")]),
    (
        "list_account_transactions", (UUID(ACCOUNT_ID),), {"starting_after": MORE},
        f"GET /api/accounts/{ACCOUNT_ID}/transactions?starting_after={MORE}", None, [thing("row")],
    ),
    ("list_transactions", (), {}, "GET /api/transactions", None, [thing("row")]),
    (
        "list_transactions", (),
        {"created_at_from": NOON, "created_at_to": NOON.astimezone(timezone(timedelta(hours=2))),
         "reference_type": "Invoice", "currency": "EUR", "status": "new", "risk_level": "low", "starting_after": MORE},
        ("GET /api/transactions?created_at_from=2024-02-03T12%3A00%3A00%2B00%3A00"
        "&created_at_to=2024-02-03T14%3A00%3A00%2B02%3A00"
        f"&reference_type=Invoice&currency=EUR&status=new&risk_level=low&starting_after={MORE}"), None, [],
    ),
    (
        "list_invoices", (), {"subscription_id": UUID(SUBSCRIPTION_ID)},
        f"GET /api/invoices?subscription_id={SUBSCRIPTION_ID}", None, [examples.invoice()],
    ),
    (
        "create_recalculation", (examples.INVOICE_ID,), {"force_commit": True},
        f"POST /api/invoices/{examples.INVOICE_ID}/recalculations", {"force_commit": True}, examples.recalculation(),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("method", "args", "named", "asked", "body", "answer"), CALLS)
def test_a_call_asks_for_the_right_thing_and_reads_the_answer(
    method, args, named, asked, body, answer, gateway, client
):
    gateway.answers(data(answer, 201 if asked.startswith("POST") else 200))

    result = getattr(client, method)(*args, **named)

    (request,) = gateway.received
    assert f"{request.method} {request.path}" == asked
    assert request.body == (
        b"" if body is None else json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    )
    shown = [item.to_wire() for item in result] if isinstance(answer, list) else result.to_wire()
    assert parse_json(dump_json(shown)) == parse_json(json.dumps(answer).encode())


def test_there_is_a_call_for_every_endpoint_of_the_table():
    paths = {re.sub(r"\{\w+\}", "{}", endpoint) for endpoint in ENDPOINTS}
    source = inspect.getsource
    written = {
        re.sub(r"\{\w+\}", "{}", template)
        for base in Client.__mro__
        if base.__module__.startswith("cryptopay_django.gateway.endpoints")
        for template in re.findall(r'"(/api/[^"]*)"', source(base))
    }

    assert {path.partition(" ")[2] for path in paths} == written


ELSEWHERE = [
    ("retrieve_channel", (MORE,), {}, thing("channel")),
    ("retrieve_channel_by_custom_id", ("WALLET-7",), {}, thing("channel")),
    ("retrieve_channel_by_custom_id", ("wallet-7",), {}, thing("channel", custom_id=None)),
    ("update_channel", (MORE,), {"status": "disabled"}, thing("channel")),
    ("create_channel", (), {"name": "n", "pay_currency": "XRP", "receiver_currency": "EUR", "custom_id": "x"},
     thing("channel")),
    ("retrieve_channel_payment", (MORE, PAYMENT_ID), {}, thing("channel_payment")),
    ("retrieve_channel_payment", (CHANNEL_ID, MORE), {}, thing("channel_payment")),
    ("create_withdrawal", (), {**WITHDRAWAL, "charged_amount": Decimal(1), "custom_id": "x"}, thing("withdrawal")),
    ("commit_withdrawal", (MORE,), {}, thing("withdrawal")),
    ("commit_withdrawal", (WITHDRAWAL_ID,), {}, thing("withdrawal", id=None)),
    ("retrieve_withdrawal", (MORE,), {}, thing("withdrawal")),
    ("retrieve_withdrawal_by_custom_id", ("x",), {}, thing("withdrawal")),
    ("create_exchange_transfer", (), {**EXCHANGED, "charged_amount": Decimal(1), "custom_id": "x"}, thing("transfer")),
    ("commit_exchange_transfer", (MORE,), {}, thing("transfer")),
    ("retrieve_exchange_transfer", (MORE,), {}, thing("transfer")),
    ("create_subscription", (), {**CLUB, "custom_id": "x"}, thing("subscription")),
    ("cancel_subscription", (MORE,), {}, thing("subscription")),
    ("retrieve_subscription", (MORE,), {}, thing("subscription")),
    ("retrieve_subscription_by_custom_id", ("x",), {}, thing("subscription")),
    ("retrieve_customer", ("x",), {}, examples.customer()),
    ("update_customer", ("x",), {"currency": "EUR"}, examples.customer()),
]  # fmt: skip


@pytest.mark.parametrize(("method", "args", "named", "answer"), ELSEWHERE)
def test_an_answer_about_another_thing_is_not_taken_and_leaves_the_outcome_open(
    method, args, named, answer, gateway, client
):
    gateway.answers(data(answer))

    with pytest.raises(GatewayAnswerError, match="was answered with another") as refused:
        getattr(client, method)(*args, **named)

    assert refused.value.outcome_unknown


def test_a_payment_of_another_channel_is_left_out_of_a_channels_list(gateway, client, caplog):
    gateway.answers(data([thing("channel_payment", channel_id=MORE, id=MORE), thing("channel_payment")]))

    page = client.list_channel_payments(CHANNEL_ID)

    assert [str(payment.id) for payment in page] == [PAYMENT_ID]
    assert [str(known) for known in page.ids] == [MORE, PAYMENT_ID]
    assert "data[0].channel_id: is another channel" in caplog.text


@pytest.mark.parametrize(
    "method",
    ["retrieve_channel_by_custom_id", "retrieve_withdrawal_by_custom_id", "retrieve_subscription_by_custom_id",
     "retrieve_channel", "commit_withdrawal", "commit_exchange_transfer", "list_account_transactions"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["", ".", ".."])
def test_an_id_that_would_change_the_path_is_not_asked_for(method, name, gateway, client):
    with pytest.raises(CustomIdError):
        getattr(client, method)(name)

    assert not gateway.received


@pytest.mark.parametrize(
    ("amounts", "says"),
    [
        ({}, "exactly one of charged_amount, charged_amount_to_send, received_amount, amount: there is none"),
        ({"charged_amount": Decimal(1), "received_amount": Decimal(1)}, "not charged_amount and received_amount"),
        ({"charged_amount": Decimal(1), **NEWER_WAY}, "not charged_amount and amount"),
        ({"charged_amount": Decimal(1), "amount_currency": "EUR"}, "without amount there is no amount_currency"),
        ({"received_amount": Decimal(1), "amount_includes_network_fee": False}, "no amount_includes_network_fee"),
        ({**NEWER_WAY, "amount_currency": None}, "give amount_currency too"),
        ({**NEWER_WAY, "amount_includes_network_fee": None}, "give amount_includes_network_fee too"),
        ({**NEWER_WAY, "amount_includes_processing_fee": None}, "give amount_includes_processing_fee too"),
        ({**NEWER_WAY, "amount_currency": "USD"}, "amount_currency must be EUR or BTC"),
        ({"charged_amount": Decimal(0)}, "charged_amount must be above zero, not 0"),
        ({**NEWER_WAY, "amount": Decimal("-1.5")}, "amount must be above zero, not -1.5"),
        ({"charged_amount": Decimal(1), "travel_rule_compliant": True}, "say who the beneficiary is"),
    ],
)
def test_a_withdrawal_that_cannot_be_is_not_asked_for(amounts, says, gateway, client):
    with pytest.raises(TransferRequestError, match=says):
        client.create_withdrawal(**WITHDRAWAL, **amounts)

    assert not gateway.received


@pytest.mark.parametrize("amounts", [{}, {"charged_amount": Decimal(1), "received_amount": Decimal(1)}])
def test_an_exchange_has_exactly_one_amount(amounts, gateway, client):
    with pytest.raises(TransferRequestError, match="exactly one of charged_amount, received_amount"):
        client.create_exchange_transfer(**EXCHANGED, **amounts)

    assert not gateway.received


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.create_withdrawal(**WITHDRAWAL, charged_amount=1.5),
        lambda client: client.create_withdrawal(**WITHDRAWAL, received_amount="1"),
        lambda client: client.create_withdrawal(**WITHDRAWAL, charged_amount=Decimal("NaN")),
        lambda client: client.create_withdrawal(**WITHDRAWAL, charged_amount=Decimal(1), force_commit="false"),
        lambda client: client.create_withdrawal(**WITHDRAWAL, **{**NEWER_WAY, "amount_includes_network_fee": "no"}),
        lambda client: client.create_exchange_transfer(**EXCHANGED, charged_amount=1),
        lambda client: client.create_exchange_transfer(**EXCHANGED, charged_amount=Decimal(1), force_commit=1),
        lambda client: client.create_recalculation(examples.INVOICE_ID, force_commit="false"),
        lambda client: client.create_subscription(**{**CLUB, "amount": None}),
        lambda client: client.create_subscription(**{**CLUB, "starts_at": datetime(2024, 2, 3)}),  # noqa: DTZ001
        lambda client: client.create_subscription(**{**CLUB, "starts_at": "2024-02-03"}),
        lambda client: client.list_transactions(created_at_from=datetime(2024, 2, 3)),  # noqa: DTZ001
    ],
)
def test_an_amount_a_flag_or_a_time_of_another_type_is_not_sent(call, gateway, client):
    with pytest.raises(TypeError):
        call(client)

    assert not gateway.received


MOVING = [
    ("commit_withdrawal", (WITHDRAWAL_ID,), {}, thing("withdrawal")),
    ("create_withdrawal", (), {**WITHDRAWAL, "charged_amount": Decimal(1), "force_commit": True}, thing("withdrawal")),
    ("commit_exchange_transfer", (TRANSFER_ID,), {}, thing("transfer")),
    ("create_exchange_transfer", (), {**EXCHANGED, "charged_amount": Decimal(1), "force_commit": True},
     thing("transfer")),
    ("create_recalculation", (examples.INVOICE_ID,), {"force_commit": True}, examples.recalculation()),
]  # fmt: skip


@pytest.mark.parametrize(("method", "args", "named", "answer"), MOVING)
def test_what_moves_money_is_signed_with_its_mark_and_is_not_sent_late(
    method, args, named, answer, gateway, client, time
):
    gateway.answers(data(answer))
    mark = Mark(time.now(), time.clock())
    time.passed += MARK_LIFE / 2

    getattr(client, method)(*args, **named, mark=mark)

    (request,) = gateway.received
    assert request.headers["Date"] == "Sat, 03 Feb 2024 04:05:06 GMT"
    time.passed += MARK_LIFE
    with pytest.raises(GatewayUnreachableError, match="nothing was sent"):
        getattr(client, method)(*args, **named, mark=mark)
    assert len(gateway.received) == 1


@pytest.mark.parametrize(("method", "args", "named", "answer"), MOVING)
def test_what_moves_money_is_sent_once_whatever_becomes_of_it(method, args, named, answer, gateway, client):
    gateway.answers(error(503), data(answer))

    with pytest.raises(GatewayFaultError) as failed:
        getattr(client, method)(*args, **named)

    assert failed.value.outcome_unknown
    assert len(gateway.received) == 1


@pytest.mark.parametrize(("method", "args"), [("list_transactions", ()), ("retrieve_withdrawal", (WITHDRAWAL_ID,))])
def test_what_only_reads_is_tried_again(method, args, gateway, client):
    gateway.answers(error(503), data([] if method.startswith("list") else thing("withdrawal")))

    getattr(client, method)(*args)

    assert len(gateway.received) == 2


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.create_withdrawal(**WITHDRAWAL, charged_amount=Decimal(1), beneficiary=BENEFICIARY),
        lambda client: client.create_subscription(**CLUB),
    ],
)
def test_no_frame_of_a_failed_call_names_the_person_it_is_about(call, gateway, client):
    gateway.answers(error(422, "invalid"))

    with pytest.raises(GatewayValidationError) as refused:
        call(client)

    ours = [frame for frame, _ in walk_tb(refused.value.__traceback__) if "/gateway/" in frame.f_code.co_filename]
    frames = [frame for frame in ours if "tests" not in frame.f_code.co_filename]
    assert frames
    assert not any("Ann" in repr(frame.f_locals) or "ann@" in repr(frame.f_locals) for frame in frames)

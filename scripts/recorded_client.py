"""Plays a recorded exchange to our client: does it send the recorded request, and read all of the recorded answer?"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from cryptopay_django.exceptions import CryptopayError, GatewayRefusedError
from cryptopay_django.gateway.answers import Answer
from cryptopay_django.gateway.client import Client
from cryptopay_django.gateway.lists import Page, notes_on
from cryptopay_django.gateway.market_answers import CustomerAddress
from cryptopay_django.gateway.message_base import WireObject
from cryptopay_django.gateway.schemas import parse_callback
from cryptopay_django.gateway.strictjson import dump_json, parse_json
from cryptopay_django.gateway.subscriptions import Subscription
from cryptopay_django.gateway.withdrawals import CoinWithdrawal

if TYPE_CHECKING:
    from .recordings import Exchange

# The client's method for each endpoint of the table.
CALLS = {
    "POST /api/invoices": "create_invoice",
    "GET /api/invoices": "list_invoices",
    "GET /api/invoices/{id}": "retrieve_invoice",
    "GET /api/invoices/custom_id/{custom_id}": "retrieve_invoice_by_custom_id",
    "POST /api/invoices/{id}/recalculations": "create_recalculation",
    "POST /api/invoices/{id}/recalculations/{id}/commit": "commit_recalculation",
    "POST /api/invoices/{id}/refunds": "create_refund",
    "GET /api/invoices/{id}/refunds": "list_refunds",
    "GET /api/coins": "list_coins",
    "GET /api/rates": "list_rates",
    "GET /api/rates/{base}/{quote}": "retrieve_rate",
    "POST /api/risks/score": "score_risk",
    "POST /api/customers": "create_customer",
    "GET /api/customers": "list_customers",
    "GET /api/customers/{id}": "retrieve_customer",
    "PATCH /api/customers/{id}": "update_customer",
    "POST /api/channels": "create_channel",
    "GET /api/channels": "list_channels",
    "GET /api/channels/{id}": "retrieve_channel",
    "PATCH /api/channels/{id}": "update_channel",
    "GET /api/channels/custom_id/{custom_id}": "retrieve_channel_by_custom_id",
    "GET /api/channels/{id}/payments": "list_channel_payments",
    "GET /api/channels/{id}/payments/{id}": "retrieve_channel_payment",
    "POST /api/coin_withdrawals": "create_withdrawal",
    "POST /api/coin_withdrawals/{id}/commit": "commit_withdrawal",
    "GET /api/coin_withdrawals": "list_withdrawals",
    "GET /api/coin_withdrawals/network_fees": "list_network_fees",
    "GET /api/coin_withdrawals/{id}": "retrieve_withdrawal",
    "GET /api/coin_withdrawals/custom_id/{custom_id}": "retrieve_withdrawal_by_custom_id",
    "POST /api/exchange_transfers": "create_exchange_transfer",
    "POST /api/exchange_transfers/{id}/commit": "commit_exchange_transfer",
    "GET /api/exchange_transfers/{id}": "retrieve_exchange_transfer",
    "POST /api/subscriptions": "create_subscription",
    "POST /api/subscriptions/{id}/cancel": "cancel_subscription",
    "GET /api/subscriptions": "list_subscriptions",
    "GET /api/subscriptions/{id}": "retrieve_subscription",
    "GET /api/subscriptions/custom_id/{custom_id}": "retrieve_subscription_by_custom_id",
    "GET /api/accounts": "list_accounts",
    "GET /api/accounts/{id}/transactions": "list_account_transactions",
    "GET /api/transactions": "list_transactions",
}
_CALLED: dict[str, type[WireObject]] = {"CoinWithdrawal": CoinWithdrawal, "Subscription": Subscription}
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d) ?(?:Z|UTC|\+00:00)")


def misread(exchange: Exchange) -> Iterator[str]:
    """Yield what of an exchange our client sends or reads otherwise than it was recorded."""
    if exchange.is_refusal:
        yield from _misread_refusal(exchange)
        return
    if exchange.endpoint not in CALLS:
        yield "the client has no call for it"
        return
    service = _Service(exchange)
    client = Client("key-of-nobody", "secret-of-nobody", "https://service.test", adapter=service)
    positional, named = _arguments(exchange)
    log = logging.getLogger("cryptopay_django")
    was_disabled, log.disabled = log.disabled, True  # what it would say is yielded
    try:
        result = getattr(client, CALLS[exchange.endpoint])(*positional, **named)
    except (CryptopayError, TypeError) as error:
        yield f"{type(error).__name__}: {error}"
        return
    finally:
        log.disabled = was_disabled
    if _plain(service.sent) != _plain((exchange.method, exchange.path, exchange.request)):
        yield f"sends {service.sent}"
    yield from map(str, notes_on(result))
    yield from _unlike(result, exchange.response)


def misread_callback(body: dict[str, Any]) -> Iterator[str]:
    """Yield what of a recorded callback is not read, or is written otherwise."""
    raw = json.dumps(body).encode()
    try:
        message = parse_callback(raw)
        subject: WireObject | None = message.invoice or message.channel_payment
        if subject is None and message.type in _CALLED:
            subject = _CALLED[message.type].from_wire(message.extra["data"], "data")
    except CryptopayError as error:
        yield f"{type(error).__name__}: {error}"
        return
    if subject is None:
        yield f"nothing reads what a {message.type} is"
        return
    yield from (*message.notes, *subject.notes)
    yield from (f"data.{name} has no place in {type(subject).__name__}" for name in subject.extra)
    if _plain(parse_json(dump_json(message.to_wire()))) != _plain(parse_json(raw)):
        yield "is written otherwise"


def _misread_refusal(exchange: Exchange) -> Iterator[str]:
    body = json.dumps(exchange.response).encode()
    error = Answer(f"{exchange.method} {exchange.path}", exchange.status or 422, body).to_error()
    said = exchange.response["error"]
    if not isinstance(error, GatewayRefusedError):
        yield f"is read as {type(error).__name__}"
    if (error.code, error.request_id) != (said["code"], exchange.response["meta"]["request_id"]):
        yield f"code and request are read as {error.code} and {error.request_id}"
    if [*error.details] != said["details"]:
        yield "its details are lost"
    yield from (
        f"its message does not say {one['message']!r}" for one in said["details"] if one["message"] not in str(error)
    )


def _arguments(exchange: Exchange) -> tuple[list[str], dict[str, Any]]:
    """Return the arguments with which our client makes a recorded call."""
    template = exchange.endpoint.partition(" ")[2]
    split = urlsplit(exchange.path)
    pieces = zip(template.split("/"), split.path.split("/"), strict=True)
    positional = [unquote(piece) for pattern, piece in pieces if pattern.startswith("{")]
    given = {**dict(parse_qsl(split.query)), **(exchange.request or {})}
    return positional, {
        "kind" if (name, exchange.endpoint) == ("type", "POST /api/risks/score") else name: _argument(name, value)
        for name, value in given.items()
        if value is not None
    }


def _argument(name: str, value: Any) -> Any:
    if name == "amount" or name.endswith("_amount") or name == "charged_amount_to_send":
        return Decimal(value)
    if name == "addresses":
        return [CustomerAddress.from_wire(address) for address in value]
    if found := _TIME.fullmatch(value) if isinstance(value, str) else None:
        return datetime.fromisoformat(f"{found[1]}T{found[2]}").replace(tzinfo=UTC)
    return value


def _unlike(result: Any, response: dict[str, Any]) -> Iterator[str]:
    """Yield what was not read, or would be written otherwise."""
    data = response["data"]
    if isinstance(result, Page):
        yield from _unlike_each(list(result), data)
        meta = response.get("meta", {"total": None, "has_more": None})
        if {"total": result.total, "has_more": result.has_more} != meta:
            yield f"meta is read as {result.total} and {result.has_more}"
        return
    if isinstance(result, dict):
        yield from _unlike_each(list(result.values()), list(data.values()))
        return
    yield from _unlike_each([result], [data])


def _unlike_each(read: list[WireObject], recorded: list[Any]) -> Iterator[str]:
    if len(read) != len(recorded):
        yield f"{len(read)} of {len(recorded)} are read"
        return
    for one, other in zip(read, recorded, strict=True):
        yield from (f"{name} has no place in {type(one).__name__}" for name in one.extra)
        if _plain(one.to_wire()) != _plain(parse_json(json.dumps(other).encode())):
            yield f"{type(one).__name__} is written otherwise"


def _plain(value: Any) -> Any:
    """Return a value with all spellings of a moment alike."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    return f"{found[1]}T{found[2]}+00:00" if found else value


class _Service(BaseAdapter):
    """Answers with what was recorded, and keeps what was sent."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__()
        self.exchange = exchange
        self.sent: tuple[Any, ...] = ()

    def send(self, request: PreparedRequest, **_: Any) -> Response:  # type: ignore[override]
        body = json.loads(request.body) if request.body else None
        self.sent = (request.method, request.path_url, body)
        response = Response()
        response.status_code = self.exchange.status or 200
        raw = json.dumps(self.exchange.response).encode()
        response.raw = HTTPResponse(BytesIO(raw), status=response.status_code, preload_content=False)
        response.request, response.url = request, request.url or ""
        return response

    def close(self) -> None:
        pass

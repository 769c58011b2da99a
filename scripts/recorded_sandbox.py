"""Asks the sandbox what was asked of the service: can its answer be told from the recorded one?

The sandbox has things of its own: a recorded id is replaced by that of such a thing, which is made for the call.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from cryptopay_django.gateway.signing import sign_request
from cryptopay_django.sandbox import channel_controls
from cryptopay_django.sandbox.account import Account
from cryptopay_django.sandbox.callbacks import Answer
from cryptopay_django.sandbox.core import Sandbox
from cryptopay_django.sandbox.invoices import Risk
from cryptopay_django.sandbox.risks import make_wallet
from cryptopay_django.sandbox.routing import Request
from tests.sandbox.comparing import differences
from tests.sandbox.shapes import ENDPOINTS, SHAPES

if TYPE_CHECKING:
    from .recordings import Exchange

_BTC = "2Mz3bcjSVHG8uQJpNjmCxp24VdTjwaqmFcJ"
ORDER = {"price_amount": "100.0", "price_currency": "EUR", "pay_currency": "BTC"}
CHANNEL = {"name": "Channel name", "pay_currency": "BTC", "receiver_currency": "EUR"}
WITHDRAWAL = {"address": _BTC, "charged_amount": "100.0", "charged_currency": "EUR", "received_currency": "BTC"}
_TRANSFER = {"charged_currency": "EUR", "charged_amount": "100.0", "received_currency": "BTC", "received_amount": None}
SUBSCRIPTION = {
    "name": "Subscription name", "amount": "100.0", "currency": "EUR", "period": "month", "period_quantity": 3,
    "starts_at": "", "payer_email": "user@example.com",
}  # fmt: skip
_RISK = {"address": _BTC, "currency": "BTC", "type": "source_of_funds"}

_FAMILIES: dict[str, dict[str, Any]] = {
    "invoices": ORDER, "channels": CHANNEL, "coin_withdrawals": WITHDRAWAL, "exchange_transfers": _TRANSFER,
    "subscriptions": SUBSCRIPTION,
}  # fmt: skip
_SOME_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class Impostor:
    """A sandbox that has to pass for the service. What it may say of a thing is what all recordings say of such."""

    def __init__(self, recorded: list[Exchange]) -> None:
        account = Account(callback_url="https://shop.test/", rate_limit=None)
        self._sandbox = Sandbox(account=account, post=lambda *_: Answer(200, b""))
        for currency in ("EUR", "BTC"):
            account.credit(currency, Decimal(100_000))
        self._wallet = make_wallet(self._sandbox.state.seed, "bitcoin", Risk.HIGH)
        self._seen: dict[str, list[list[str]]] = {}
        for exchange in recorded:
            for shape, thing in _things_of(exchange):
                self._seen.setdefault(shape, []).append(list(thing))

    def differences(self, exchange: Exchange) -> Iterator[str]:
        """Yield what gives the sandbox's answer away."""
        try:
            path, body = self._path(exchange), self._body(exchange)
        except _UnmadeError as unmade:
            yield f"it cannot make what the call is about: {unmade}"
            return
        said = exchange.response
        self._sandbox.account.ip_allowed = said.get("error", {}).get("code") != "ip_not_allowed"
        status, headers, answer = self._call(exchange.method, path, body)
        self._sandbox.account.ip_allowed = True
        if headers != {"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store"}:
            yield f"headers {headers}"
        if status != exchange.status and (exchange.status is not None or status < 400):
            code = answer.get("error", {}).get("code", "")
            yield f"status {status} {code}, recorded {exchange.status}"
        elif answer.keys() != said.keys():
            yield f"has {', '.join(answer)}, recorded {', '.join(said)}"
        elif exchange.is_refusal:
            yield from _otherwise_refused(answer["error"], said["error"])
        else:
            if answer.get("meta", {}).keys() != said.get("meta", {}).keys():
                yield f"meta has {', '.join(answer['meta'])}"
            yield from differences(ENDPOINTS[exchange.endpoint][1], answer["data"])
            for shape, thing in _things_of(replace(exchange, response=answer)):
                yield from self._unlike(shape, list(thing))

    def _unlike(self, shape: str, members: list[str]) -> Iterator[str]:
        """Compare members with those that were recorded: with all, and with the newest, which gives their order."""
        known = self._seen.get(shape, [members])
        yield from (f"{shape}.{name} was never recorded" for name in set(members).difference(*known))
        yield from (f"{shape}.{name} is missing" for name in set(known[0]) - set(members) - {"exchange"})
        if not any(in_one_order(members, names) for names in known):
            yield f"{shape} has its members in another order"

    def _path(self, exchange: Exchange) -> str:
        """Return the recorded path with things of the sandbox in it."""
        path, mark, query = exchange.path.partition("?")
        pieces: list[str] = []
        things: list[str] = []
        family = ""
        template = exchange.endpoint.partition(" ")[2]
        patterns = template.split("/") if template and not exchange.is_refusal else path.split("/")
        for pattern, piece in zip(patterns, path.split("/"), strict=True):
            made = piece
            if pattern == "{custom_id}":
                self._call("POST", f"/api/{family}", {**self._order(family), "custom_id": unquote(piece)})
            elif pattern == "{id}" and family == "customers":
                self._call("POST", "/api/customers", {"id": unquote(piece), "currency": "EUR"})
            elif pattern == "{id}":
                made = self._make(family, things)
                things.append(made)
            if not pattern.startswith("{") and pattern != "custom_id":
                family = pattern
            pieces.append(made)
        if exchange.endpoint == "GET /api/invoices/{id}/refunds":
            self._call("POST", "/".join(pieces), None)
        return "/".join(pieces) + mark + query

    def _make(self, family: str, owners: list[str]) -> str:
        """Make a thing of a family, with all that belongs to it, and return its id."""
        if family == "accounts":
            return next(str(one["id"]) for one in self._data("GET", "/api/accounts") if one["currency"] == "EUR")
        if family == "recalculations":
            return str(self._data("POST", f"/api/invoices/{owners[0]}/recalculations")["id"])
        if family == "payments":
            return str(self._data("GET", f"/api/channels/{owners[0]}/payments")[0]["id"])
        thing = str(self._data("POST", f"/api/{family}", self._order(family))["id"])
        if family == "invoices":
            self._sandbox.pay(thing, factor="2")
            self._sandbox.confirm(thing)
        if family == "channels":
            channel_controls.pay(self._sandbox, thing, "0.01")
            channel_controls.confirm(self._sandbox, thing)
            channel_controls.pay(self._sandbox, thing, "0.02")
        return thing

    def _order(self, family: str) -> dict[str, Any]:
        order = dict(_FAMILIES[family])
        if family == "subscriptions":
            order["starts_at"] = f"{datetime.now(UTC) + timedelta(days=7):%Y-%m-%dT%H:%M:%S+00:00}"
        return order

    def _body(self, exchange: Exchange) -> dict[str, Any] | None:
        """Return the recorded request, or one that is refused as the recorded one was, which nobody kept."""
        if exchange.is_refusal and exchange.request is None and exchange.method == "POST":
            return self._refused_body(exchange)
        body: dict[str, Any] | None = exchange.request
        if body and "starts_at" in body:
            soon = f"{datetime.now(UTC) + timedelta(days=7):%Y-%m-%d}"
            body = {**body, "starts_at": _SOME_DAY.sub(soon, body["starts_at"])}
        if exchange.endpoint == "POST /api/invoices/{id}/refunds" and body:
            # The recorded invoice was in another coin.
            body = {**body, "address": _BTC}
        return body

    def _refused_body(self, exchange: Exchange) -> dict[str, Any]:
        error = exchange.response["error"]
        match (exchange.path, error["code"], [one["target"] for one in error["details"]]):
            case ("/api/coin_withdrawals", "high_risk_address", _):
                return {**WITHDRAWAL, "address": self._wallet}
            case ("/api/coin_withdrawals", _, ["charged_amount_to_send"]):
                small = {name: value for name, value in WITHDRAWAL.items() if name != "charged_amount"}
                return {**small, "charged_amount_to_send": "1.0"}
            case ("/api/coin_withdrawals", _, _):
                return {**WITHDRAWAL, "charged_amount": "1000000000.0"}
            case ("/api/risks/score", _, ["currency"]):
                return {**_RISK, "currency": "XXX"}
            case ("/api/risks/score", _, _):
                return {**_RISK, "address": "nowhere"}
            case (path, _, _):
                again = {**self._order(path.rpartition("/")[2]), "custom_id": "AGAIN"}
                self._call("POST", path, again)
                return again

    def _data(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        status, _, answer = self._call(method, path, body)
        if status >= 400:
            raise _UnmadeError(f"{method} {path} is answered {status} {answer['error']['code']}")
        return answer["data"]

    def _call(self, method: str, path: str, body: dict[str, Any] | None) -> tuple[int, dict[str, str], dict[str, Any]]:
        return ask(self._sandbox, method, path, body)


def ask(
    sandbox: Sandbox, method: str, path: str, body: dict[str, Any] | None
) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Send a signed request to the sandbox and return status, headers and body of its answer."""
    raw = b"" if body is None else json.dumps(body).encode()
    account, date = sandbox.account, format_datetime(datetime.now(UTC), usegmt=True)
    signature = sign_request(secret=account.api_secret, method=method, path=path, date=date, body=raw)
    headers = {"Authorization": f"HMAC {account.api_key}:{signature}", "Date": date}
    response = sandbox.handle(Request(method, path, {**headers, "Content-Type": "application/json"}, raw))
    return response.status, {"Content-Type": response.content_type, **response.headers}, json.loads(response.body)


class _UnmadeError(Exception):
    pass


def _things_of(exchange: Exchange) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each thing in the data of an answer, with its shape, the newest first."""
    if exchange.is_refusal or not exchange.endpoint:
        return
    shape, data = ENDPOINTS[exchange.endpoint][1], exchange.response["data"]
    if shape.removesuffix("[]") in SHAPES:
        yield from ((shape.removesuffix("[]"), thing) for thing in (data if isinstance(data, list) else [data]))


def in_one_order(names: list[str], others: list[str]) -> bool:
    """Return whether the names that both lists have come in the same order."""
    return [name for name in names if name in others] == [name for name in others if name in names]


def _otherwise_refused(error: dict[str, Any], recorded: dict[str, Any]) -> Iterator[str]:
    for name in ("code", "message"):
        if error[name] != recorded[name]:
            yield f"its {name} is {error[name]!r}"
    if _words(error["details"]) != _words(recorded["details"]):
        yield f"its details are {error['details']}"


def _words(details: list[dict[str, Any]]) -> list[Any]:
    """Return details without amounts and lists of currencies, which are those of one account on one day."""
    masked = re.sub(r"\d+(\.\d+)?", "N", json.dumps(details))
    masked = re.sub(r'must be one of: [^"]*', "must be one of", masked)
    return sorted(({**one, "args": sorted(one["args"])} for one in json.loads(masked)), key=str)

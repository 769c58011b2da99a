"""Parses request bodies, and reports one detail for each field that is wrong."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from .addresses import is_address
from .amounts import decimal_places
from .coins import COINS, FIAT, Coin, places_of
from .refusals import Detail, RefusalError, detail, invalid, not_one_of

CURRENCIES = (*FIAT, *COINS)
LONGEST_TEXT = 1_000
LARGEST_AMOUNT = Decimal(10) ** 15
_RISK_TYPES = ("source_of_funds", "destination_of_funds")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_TEXTS = ("name", "description", "success_redirect_url", "unsuccess_redirect_url", "payer_email")


@dataclass(frozen=True, slots=True)
class InvoiceForm:
    """A checked request for an invoice."""

    price_amount: Decimal
    price_currency: str
    coin: Coin
    network: str
    custom_id: str | None
    customer_id: str | None
    metadata: dict[str, str] | None
    texts: dict[str, str | None]


class Problems:
    """The mistakes in a body, one line a field."""

    def __init__(self) -> None:
        self.details: list[Detail] = []

    def add(self, *details: Detail) -> None:
        """Note that a field is wrong."""
        self.details += details

    def check(self) -> None:
        """Refuse (422) when anything was noted."""
        if self.details:
            raise invalid(*self.details)


def wrong_address(target: str, currency: str) -> Detail:
    """Return the detail for an address that is none of the coin's."""
    message = f"must be a valid {currency} address"
    return detail("invalid_coin_address", target, message, currency=currency)


def is_missing(target: str) -> Detail:
    """Return the detail for a field that has to be there."""
    return detail("is_missing", target, "is missing")


def check_uuid(text: str, target: str) -> str:
    """Return an id of the service's from a path or a query; RefusalError (422) when it cannot be one."""
    if not _UUID.fullmatch(text):
        raise invalid(detail("must_be_uuid", target, "must match uuid format"))
    return text


def parse_body(body: bytes) -> dict[str, Any]:
    """Parse a body; none at all is the same as {}. RefusalError (400) when it is no JSON object."""
    if not body:
        return {}
    try:
        parsed = json.loads(body, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise RefusalError(400, "bad_request", "The body is not valid JSON") from error
    if not isinstance(parsed, dict):
        raise RefusalError(400, "bad_request", "The body is not a JSON object")
    return parsed


def parse_amount(value: object) -> Decimal | None:
    """Read an amount that is a string or a JSON number; None when it is neither."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    try:
        amount = Decimal(value)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and abs(amount) < LARGEST_AMOUNT else None


def read_invoice(body: dict[str, Any]) -> InvoiceForm:
    """Check a request for an invoice."""
    problems = Problems()
    price_currency = _read_price_currency(body, problems)
    coin = _read_coin(body, problems)
    amount = _read_price(body, price_currency, problems)
    network = _read_network(body, coin, problems)
    custom_id = _read_text(body, "custom_id", problems)
    customer_id = _read_text(body, "customer_id", problems)
    metadata = _read_metadata(body, problems)
    texts = {name: _read_text(body, name, problems) for name in _TEXTS}
    for name in ("success_redirect_url", "unsuccess_redirect_url"):
        if texts[name] and not str(texts[name]).startswith(("http://", "https://")):
            problems.add(detail("invalid_format", name, "must be a valid URL"))
    problems.check()
    assert coin is not None  # noqa: S101 - a missing coin was noted as a problem
    return InvoiceForm(amount, price_currency, coin, network, custom_id or None, customer_id or None, metadata, texts)


def read_customer(body: dict[str, Any], *, known: dict[str, Any] | None) -> dict[str, Any]:
    """Check a request for a customer and return the customer object. `known` is the one to change."""
    problems = Problems()
    customer_id = known["id"] if known else _read_text(body, "id", problems)
    if not customer_id:
        problems.add(is_missing("id"))
    currency = body.get("currency", known["currency"] if known else None)
    if currency is None:
        problems.add(is_missing("currency"))
    elif currency not in CURRENCIES:
        problems.add(not_one_of("currency", CURRENCIES))
    addresses = body.get("addresses", known["addresses"] if known else [])
    if not isinstance(addresses, list):
        problems.add(detail("must_be_array", "addresses", "must be an array"))
        addresses = []
    checked = [_read_address(entry, index, problems) for index, entry in enumerate(addresses)]
    problems.check()
    return {
        "id": customer_id,
        "currency": currency,
        "refund_addresses": {entry["currency"]: entry["address"] for entry in checked},
        "addresses": checked,
    }


def read_risk_subject(body: dict[str, Any]) -> tuple[str, str]:
    """Check a request for a risk score and return address and coin."""
    problems = Problems()
    address, currency = body.get("address"), body.get("currency")
    if currency not in COINS:
        problems.add(not_one_of("currency", COINS))
    elif not isinstance(address, str) or not any(is_address(network, address) for network in COINS[currency].networks):
        problems.add(wrong_address("address", currency))
    if body.get("type") not in _RISK_TYPES:
        problems.add(not_one_of("type", _RISK_TYPES))
    problems.check()
    return str(address), str(currency)


def read_flag(body: dict[str, Any], name: str) -> bool:
    """Read an optional boolean; left out, it is false."""
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        problems = Problems()
        problems.add(detail("must_be_boolean", name, "must be boolean"))
        problems.check()
    return bool(value)


def read_optional_text(body: dict[str, Any], name: str) -> str | None:
    """Read an optional string; empty is the same as left out."""
    problems = Problems()
    text = _read_text(body, name, problems)
    problems.check()
    return text or None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _read_text(body: dict[str, Any], name: str, problems: Problems) -> str | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        problems.add(detail("must_be_string", name, "must be a string"))
        return None
    if len(value) > LONGEST_TEXT:
        message = f"size cannot be greater than {LONGEST_TEXT}"
        problems.add(detail("size_cannot_be_greater_than", name, message, value=str(LONGEST_TEXT)))
    return value


def _read_price_currency(body: dict[str, Any], problems: Problems) -> str:
    currency = body.get("price_currency")
    if not isinstance(currency, str) or currency not in CURRENCIES:
        problems.add(is_missing("price_currency") if currency is None else not_one_of("price_currency", CURRENCIES))
        return ""
    return currency


def _read_coin(body: dict[str, Any], problems: Problems) -> Coin | None:
    code = body.get("pay_currency")
    if not isinstance(code, str) or code not in COINS:
        problems.add(is_missing("pay_currency") if code is None else not_one_of("pay_currency", COINS))
        return None
    return COINS[code]


def _read_price(body: dict[str, Any], currency: str, problems: Problems) -> Decimal:
    value = body.get("price_amount")
    amount = parse_amount(value)
    if value is None:
        problems.add(is_missing("price_amount"))
    elif amount is None:
        problems.add(detail("must_be_decimal", "price_amount", "must be a decimal"))
    elif amount <= 0:
        problems.add(detail("must_be_greater_than", "price_amount", "must be greater than 0", value="0"))
    elif currency and decimal_places(amount) > places_of(currency):
        places = str(places_of(currency))
        message = f"must not have more than {places} decimal places"
        problems.add(detail("invalid_precision", "price_amount", message, value=places))
    return amount or Decimal(0)


def _read_network(body: dict[str, Any], coin: Coin | None, problems: Problems) -> str:
    network = body.get("network")
    if coin is None:
        return ""
    if network is None:
        return coin.networks[0]
    if network not in coin.networks:
        problems.add(not_one_of("network", coin.networks))
        return ""
    return str(network)


def _read_metadata(body: dict[str, Any], problems: Problems) -> dict[str, str] | None:
    metadata = body.get("metadata")
    if metadata is None:
        return None
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        problems.add(detail("must_be_hash", "metadata", "must be a hash of strings"))
        return None
    return metadata


def _read_address(entry: object, index: int, problems: Problems) -> dict[str, str]:
    field = f"addresses[{index}]"
    if not isinstance(entry, dict):
        problems.add(detail("must_be_hash", field, "must be a hash"))
        return {"address": "", "currency": "", "network": ""}
    address, currency = entry.get("address"), entry.get("currency")
    if not isinstance(currency, str) or currency not in COINS:
        problems.add(not_one_of(f"{field}.currency", COINS))
        return {"address": "", "currency": "", "network": ""}
    network = entry.get("network") or COINS[currency].networks[0]
    if network not in COINS[currency].networks:
        problems.add(not_one_of(f"{field}.network", COINS[currency].networks))
    elif not isinstance(address, str) or not is_address(network, address):
        problems.add(wrong_address(f"{field}.address", currency))
    return {"address": str(address), "currency": currency, "network": str(network)}

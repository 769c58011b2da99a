"""Parses request bodies, and reports one detail for each field that is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from .amounts import decimal_places
from .refusals import Detail, RefusalError, detail, invalid, is_too_small, not_one_of
from .simulated_coins import COINS, Coin, currencies_of, places_of

CURRENCIES = currencies_of(COINS)
LONGEST_TEXT = 1_000
LARGEST_AMOUNT = Decimal(10) ** 15
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


def check_url(url: str | None, target: str, problems: Problems) -> None:
    """Note that a URL that is given is none for a browser."""
    if url and not url.startswith(("http://", "https://")):
        problems.add(detail("invalid_format", target, "must be a valid URL"))


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


def read_invoice(body: dict[str, Any], coins: Mapping[str, Coin] = COINS) -> InvoiceForm:
    """Check a request for an invoice; `coins` are those that can be paid in."""
    problems = Problems()
    price_currency = read_currency(body, "price_currency", problems, known=currencies_of(coins))
    coin = coins.get(read_currency(body, "pay_currency", problems, known=coins))
    amount = read_amount(body, "price_amount", price_currency, problems)
    network = read_network(body, coin, problems)
    custom_id = read_text(body, "custom_id", problems)
    customer_id = read_text(body, "customer_id", problems)
    metadata = _read_metadata(body, problems)
    texts = {name: read_text(body, name, problems) for name in _TEXTS}
    for name in ("success_redirect_url", "unsuccess_redirect_url"):
        check_url(texts[name], name, problems)
    problems.check()
    assert coin is not None  # noqa: S101 - a missing coin was noted as a problem
    return InvoiceForm(amount, price_currency, coin, network, custom_id or None, customer_id or None, metadata, texts)


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
    text = read_text(body, name, problems)
    problems.check()
    return text or None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def read_text(body: dict[str, Any], name: str, problems: Problems) -> str | None:
    """Read a string that may be left out."""
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


def only_one_of(body: Mapping[str, Any], names: Collection[str], problems: Problems) -> str | None:
    """Return which of these is given, null being none; a problem when it is not exactly one."""
    given = [name for name in names if body.get(name) is not None]
    if len(given) == 1:
        return given[0]
    if given:
        problems.add(*(detail("must_be_empty", name, f"must be empty beside {given[0]}") for name in given[1:]))
    else:
        problems.add(is_missing(next(iter(names))))
    return None


def read_currency(body: dict[str, Any], name: str, problems: Problems, *, known: Collection[str] = CURRENCIES) -> str:
    """Read a currency that has to be there; empty when it is none of the known ones."""
    currency = body.get(name)
    if not isinstance(currency, str) or currency not in known:
        problems.add(is_missing(name) if currency is None else not_one_of(name, known))
        return ""
    return currency


def read_amount(body: dict[str, Any], name: str, currency: str, problems: Problems) -> Decimal:
    """Read an amount that has to be there, above 0 and no finer than its currency."""
    value = body.get(name)
    amount = parse_amount(value)
    if value is None:
        problems.add(is_missing(name))
    elif amount is None:
        problems.add(detail("must_be_decimal", name, "must be a decimal"))
    elif amount <= 0:
        problems.add(is_too_small(name))
    elif currency and decimal_places(amount) > places_of(currency):
        places = str(places_of(currency))
        message = f"must not have more than {places} decimal places"
        problems.add(detail("invalid_precision", name, message, value=places))
    return amount or Decimal(0)


def read_network(body: dict[str, Any], coin: Coin | None, problems: Problems) -> str:
    """Read the network of a coin, which is its first one where none is given."""
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

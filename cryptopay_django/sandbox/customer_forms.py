"""Parses requests for customers and for risk scores."""

from __future__ import annotations

from typing import Any

from .addresses import is_address
from .forms import CURRENCIES, Problems, is_missing, read_text, wrong_address
from .refusals import detail, not_one_of
from .simulated_coins import COINS, oldest_first

_RISK_TYPES = ("source_of_funds", "destination_of_funds")


def read_customer(body: dict[str, Any], *, known: dict[str, Any] | None, merged: bool = False) -> dict[str, Any]:
    """Check a request for a customer and return the customer object.

    `known` is the one to change; `merged` keeps its addresses of other coins and networks.
    """
    problems = Problems()
    customer_id = known["id"] if known else read_text(body, "id", problems)
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
    if known and merged:
        kept = {(entry["currency"], entry["network"]): entry for entry in (*known["addresses"], *checked)}
        checked = list(kept.values())
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
        problems.add(not_one_of("currency", oldest_first(COINS)))
    elif not isinstance(address, str) or not any(is_address(network, address) for network in COINS[currency].networks):
        problems.add(wrong_address("address", currency))
    if body.get("type") not in _RISK_TYPES:
        problems.add(not_one_of("type", _RISK_TYPES))
    problems.check()
    return str(address), str(currency)


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

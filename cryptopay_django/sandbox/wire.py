"""Writes what leaves the sandbox as JSON: answers and the bodies of callbacks, in the variant that is played."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any

from .open_questions import Variants

_AMOUNTS = frozenset(
    {
        "price_amount", "pay_amount", "paid_amount", "received_amount", "charged_amount", "amount", "fee",
        "network_fee", "balance", "rate", "buy_rate", "sell_rate", "previous_price_amount", "previous_pay_amount",
        "previous_exchange_rate",
    }
)  # fmt: skip
_AMOUNT = re.compile(r"-?\d+\.\d+")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")
# Of the merchant's own making: neither its values nor its order are the service's to write.
_FOREIGN = frozenset({"metadata"})


def spell_json(value: Any, variants: Variants) -> bytes:
    """Return JSON without spaces; amounts, times and the order of keys are those of the variant."""
    as_numbers, sorted_keys = variants["amounts"] == "numbers", variants["key_order"] == "database"
    with_z = variants["times"] == "zulu"
    if not (as_numbers or sorted_keys or with_z):
        return _spell(value).encode()

    def write(value: Any, key: str = "") -> str:
        if isinstance(value, dict) and key not in _FOREIGN:
            names = sorted(value, key=lambda name: (len(name), name)) if sorted_keys else value
            return "{" + ",".join(f"{_spell(name)}:{write(value[name], name)}" for name in names) + "}"
        if isinstance(value, list):
            return "[" + ",".join(write(entry, key) for entry in value) + "]"
        if isinstance(value, str):
            if as_numbers and key in _AMOUNTS and _AMOUNT.fullmatch(value):
                return value
            if with_z and key.endswith("_at") and _TIME.fullmatch(value):
                value = value.replace("+00:00", "Z")
        return _spell(value)

    return write(value).encode()


def as_of_2022(data: dict[str, Any], absent: Collection[str]) -> dict[str, Any]:
    """Return the object of a callback with the members that callbacks of 2022 had, in their order."""
    names = [name for name in data if name not in absent]
    if "metadata" in data:
        names.remove("custom_id")
        names.insert(names.index("metadata") + 1, "custom_id")
    known = {name: data[name] for name in names}
    if known.get("exchange"):
        known["exchange"] = {name: known["exchange"][name] for name in ("pair", "rate")}
    return known


def _spell(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))

"""Parses requests for coin withdrawals: where to, and an amount in one of the two ways that the service takes."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .addresses import is_address
from .forms import (
    Problems,
    is_missing,
    only_one_of,
    read_amount,
    read_currency,
    read_flag,
    read_network,
    read_text,
    wrong_address,
)
from .network_fees import LEVELS, levels_of
from .refusals import detail, not_one_of
from .simulated_coins import NETWORKS, Coin, currencies_of

_OLD_WAY = ("charged_amount", "charged_amount_to_send", "received_amount")
_BENEFICIARY_TYPES = ("legal_person", "natural_person")
_COUNTRY = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True, slots=True)
class WithdrawalForm:
    """A checked request. The amount is in one of the two currencies, and has the fees in it or on top."""

    address: str
    network: str
    charged_currency: str
    received_currency: str
    amount: Decimal
    amount_currency: str
    includes_processing_fee: bool
    includes_network_fee: bool
    custom_id: str | None
    customer_id: str | None
    level: str
    force_commit: bool


def read_withdrawal(body: dict[str, Any], coins: Mapping[str, Coin]) -> WithdrawalForm:
    """Check a request for a withdrawal; `coins` are those that there are."""
    problems = Problems()
    charged = read_currency(body, "charged_currency", problems, known=currencies_of(coins))
    coin = coins.get(read_currency(body, "received_currency", problems, known=coins))
    received = coin.code if coin else ""
    network = read_network(body, coin, problems)
    address = _read_address(body, received, network, problems)
    level = _read_choice(body, "network_fee_level", problems, known=levels_of(received, network), default="average")
    amount, currency, flags = _read_amount(body, charged, received, problems)
    custom_id, customer_id = (read_text(body, name, problems) for name in ("custom_id", "customer_id"))
    if read_flag(body, "travel_rule_compliant"):
        _check_beneficiary(body.get("beneficiary"), problems)
    force_commit = read_flag(body, "force_commit")
    problems.check()
    return WithdrawalForm(
        address=address,
        network=network,
        charged_currency=charged,
        received_currency=received,
        amount=amount,
        amount_currency=currency,
        includes_processing_fee=flags[0],
        includes_network_fee=flags[1],
        custom_id=custom_id or None,
        customer_id=customer_id or None,
        level=level,
        force_commit=force_commit,
    )


def _read_amount(
    body: dict[str, Any], charged: str, received: str, problems: Problems
) -> tuple[Decimal, str, tuple[bool, bool]]:
    """Return the amount, its currency, and which fees are in it: that of the service, that of the network."""
    name = only_one_of(body, ("charged_amount", "charged_amount_to_send", "received_amount", "amount"), problems)
    if name is None:
        return Decimal(0), charged, (False, False)
    if name in _OLD_WAY:
        currency = received if name == "received_amount" else charged
        included = name == "charged_amount"
        return read_amount(body, name, currency, problems), currency, (included, included)
    currency = read_currency(body, "amount_currency", problems, known=[code for code in (charged, received) if code])
    processing, network = (read_flag(body, f"amount_includes_{fee}_fee") for fee in ("processing", "network"))
    return read_amount(body, name, currency, problems), currency, (processing, network)


def _read_address(body: dict[str, Any], coin: str, network: str, problems: Problems) -> str:
    """Read the destination. On ripple it has to carry its tag, even if that is 0."""
    address = body.get("address")
    if address is None:
        problems.add(is_missing("address"))
        return ""
    if not network:
        return ""
    # A newer guide spells the tag of stellar like this.
    plain = address.replace("?memoId=", "?dt=") if isinstance(address, str) and network == "stellar" else address
    tagged = isinstance(plain, str) and (not NETWORKS[network].tag_required or "?dt=" in plain)
    if not tagged or not is_address(network, plain):
        problems.add(wrong_address("address", coin))
        return ""
    return str(address)


def _read_choice(body: dict[str, Any], name: str, problems: Problems, *, known: Collection[str], default: str) -> str:
    value = body.get(name)
    if value is None:
        return default
    if value not in known:
        problems.add(not_one_of(name, known if value in LEVELS else LEVELS))
        return default
    return str(value)


def _check_beneficiary(beneficiary: object, problems: Problems) -> None:
    """Note what is missing of the person who gets the coins, as the strictest of the official clients has it."""
    if not isinstance(beneficiary, dict):
        problems.add(is_missing("beneficiary"))
        return
    if beneficiary.get("type") not in _BENEFICIARY_TYPES:
        problems.add(not_one_of("beneficiary.type", _BENEFICIARY_TYPES))
    if not isinstance(beneficiary.get("name"), str) or not beneficiary["name"]:
        problems.add(is_missing("beneficiary.name"))
    address = beneficiary.get("address")
    country = address.get("country") if isinstance(address, dict) else None
    if not isinstance(country, str):
        problems.add(is_missing("beneficiary.address.country"))
    elif not _COUNTRY.fullmatch(country):
        problems.add(detail("invalid_format", "beneficiary.address.country", "must be a country of two letters"))

"""Keeps the merchant's account: credentials, permissions, the settings for unresolved invoices, balances."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, fields
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from .amounts import EXACT, FEE_RATE, ZERO, spell
from .refusals import Detail, detail, invalid

# Recognisable at a glance, so that they are not taken for credentials of the real service.
SANDBOX_API_KEY = "sandbox-api-key"
SANDBOX_API_SECRET = "sandbox-api-secret"  # noqa: S105
SANDBOX_CALLBACK_SECRET = "sandbox-callback-secret"  # noqa: S105


class Handling(StrEnum):
    """The account's automatic treatment of an unresolved invoice."""

    MANUAL = "manual"
    REFUND = "refund"
    RECALCULATE = "recalculate"


@dataclass(slots=True)
class Account:
    """One merchant account. `callback_secrets` has the one in force first, then those it replaced."""

    name: str = "default"
    api_key: str = SANDBOX_API_KEY
    api_secret: str = field(default=SANDBOX_API_SECRET, repr=False)
    callback_secrets: list[str] = field(default_factory=lambda: [SANDBOX_CALLBACK_SECRET], repr=False)
    callback_url: str = ""
    underpaid: Handling = Handling.MANUAL
    overpaid: Handling = Handling.MANUAL
    paid_late: Handling = Handling.MANUAL
    # How a refund of an overpaid invoice ends: the service is known to do either.
    overpaid_refund_ends: str = "completed"
    # Resources that this API key may not use (403): "invoices", "refunds", "recalculations", ...
    denied: frozenset[str] = frozenset()
    # Whether the address that requests come from is white-listed.
    ip_allowed: bool = True
    # The share of a price that the service keeps: what it agreed with the merchant.
    fee_rate: Decimal = FEE_RATE
    # The same of a conversion, in withdrawals and exchange transfers, and of coins that are sent as they are.
    exchange_fee_rate: Decimal = FEE_RATE
    withdrawal_fee_rate: Decimal = ZERO
    # In EUR: withdrawals that are worth more are refused, or put on hold; None for no limit.
    withdrawal_maximum: Decimal | None = None
    hold_withdrawals_above: Decimal | None = None
    # Requests a minute before 429; None for no limit.
    rate_limit: int | None = 200
    balances: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))

    def credit(self, currency: str, amount: Decimal) -> None:
        """Add money to a balance."""
        self.balances[currency] = EXACT.add(self.balances[currency], amount)

    def handling_of(self, context: str) -> Handling:
        """Return the automatic setting for a context; invoices on hold never have one."""
        return Handling(getattr(self, context, Handling.MANUAL))

    def change(self, values: dict[str, Any]) -> None:
        """Change settings, all or none of them. RefusalError (422) names each that cannot be."""
        details: list[Detail] = []
        checked: dict[str, Any] = {}
        for name, value in values.items():
            try:
                checked[name] = _SETTINGS[name](value)
            except KeyError:
                details.append(detail("unknown", name, f"is no setting; known are {', '.join(_SETTINGS)}"))
            except (TypeError, ValueError, InvalidOperation) as error:
                details.append(detail("invalid_value", name, str(error)))
        if details:
            raise invalid(*details)
        secret = checked.pop("callback_secret", None)
        if secret and secret != self.callback_secrets[0]:
            self.callback_secrets = [secret, *(old for old in self.callback_secrets if old != secret)]
        for name, value in checked.items():
            setattr(self, name, value)

    def describe(self) -> dict[str, Any]:
        """Return what may be shown: settings and balances, no secret."""
        hidden = {"api_secret", "callback_secrets", "balances", "denied"}
        shown = {spec.name: getattr(self, spec.name) for spec in fields(self) if spec.name not in hidden}
        shown |= {name: f"{value:f}" for name, value in shown.items() if isinstance(value, Decimal)}
        balances = {currency: spell(amount) for currency, amount in sorted(self.balances.items())}
        return shown | {"denied": sorted(self.denied), "balances": balances}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("must be a string")
    return value


def _secret(value: object) -> str:
    if not _text(value):
        raise ValueError("must not be empty")
    return _text(value)


def _handling(value: object) -> Handling:
    if value not in set(Handling):
        raise ValueError(f"must be one of {', '.join(Handling)}")
    return Handling(_text(value))


def _ending(value: object) -> str:
    if value not in {"completed", "refunded"}:
        raise ValueError("must be completed or refunded")
    return _text(value)


def _names(value: object) -> frozenset[str]:
    if not isinstance(value, list | tuple | set | frozenset):
        raise TypeError("must be a list of strings")
    return frozenset(_text(name) for name in value)


def _share(value: object) -> Decimal:
    share = Decimal(_text(value))
    if not 0 <= share < 1:
        raise ValueError("must be a share from 0 to below 1, such as 0.0085")
    return share


def _euros(value: object) -> Decimal | None:
    if value is None:
        return None
    amount = Decimal(_text(value))
    if not (amount.is_finite() and amount > 0):
        raise ValueError("must be an amount in EUR above 0, such as 1000, or null for no limit")
    return amount


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("must be true or false")
    return value


def _limit(value: object) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ValueError("must be a positive whole number, or null for no limit")
    return value


_SETTINGS = {
    "underpaid": _handling,
    "overpaid": _handling,
    "paid_late": _handling,
    "overpaid_refund_ends": _ending,
    "callback_url": _text,
    "callback_secret": _secret,
    "denied": _names,
    "ip_allowed": _flag,
    "fee_rate": _share,
    "exchange_fee_rate": _share,
    "withdrawal_fee_rate": _share,
    "withdrawal_maximum": _euros,
    "hold_withdrawals_above": _euros,
    "rate_limit": _limit,
}

"""Sums refunds by month for bookkeeping, and exports every column as CSV, for the rows that the filters leave."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from ..fields import EXACT, canonical
from ..gateway.tags import is_same_place
from ..models import Refund, RefundStatus
from ..spreadsheets import Cell, safe_cell
from . import display
from .export import in_pages

MOST = 10_000
"""How many refunds are added up at most: the newest."""


@dataclass
class Total:
    """The refunds of a month that are in one state and coin."""

    count: int = 0
    coins: Decimal = Decimal(0)
    values: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    fees: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    unvalued: int = 0


def totals_context(refunds: QuerySet[Refund]) -> dict[str, Any]:
    """Return the totals of refunds by month, state and coin, newest first. One query; adds exact amounts."""
    columns = (
        "created_at", "status", "currency", "amount", "value_amount", "invoice__price_currency", "fee_amount",
        "fee_currency",
    )  # fmt: skip
    found = list(refunds.order_by("-created_at", "-pk").values_list(*columns)[: MOST + 1])
    totals: dict[tuple[str, str, str], Total] = defaultdict(Total)
    for at, status, coin, coins, value, price_currency, fee, fee_currency in found[:MOST]:
        total = totals[f"{timezone.localtime(at):%Y-%m}", status, coin]
        total.count += 1
        total.coins = EXACT.add(total.coins, coins)
        if value is None:
            total.unvalued += 1
        else:
            total.values[price_currency] = EXACT.add(total.values[price_currency], value)
        if fee is not None:
            total.fees[fee_currency] = EXACT.add(total.fees[fee_currency], fee)
    lines = [
        {
            "month": month,
            "state": RefundStatus(status).label,
            "count": total.count,
            "coins": display.amount(canonical(total.coins), coin),
            "values": _amounts(total.values),
            "unvalued": total.unvalued,
            "fees": _amounts(total.fees),
        }
        for (month, status, coin), total in sorted(totals.items(), key=_newest_first)
    ]
    return {"totals": lines, "totals_are_cut": len(found) > MOST, "most_totalled": MOST}


def _newest_first(item: tuple[tuple[str, str, str], Total]) -> tuple[int, str, str]:
    (month, status, coin), _total = item
    return -int(month.replace("-", "")), status, coin


def _amounts(sums: dict[str, Decimal]) -> list[str]:
    return [display.amount(canonical(total), currency) for currency, total in sorted(sums.items())]


def refund_csv(refunds: QuerySet[Refund]) -> Iterator[list[str]]:
    """Return a header and a row for each refund, newest first: its columns, its invoice, and what was asked."""
    columns = [*_OF_REFUND, *_OF_INVOICE, *_OF_DECISION]
    yield [name for name, _read in columns]
    for refund in in_pages(refunds.select_related("invoice", "resolution")):
        yield [safe_cell(read(refund)) for _name, read in columns]


def asked_place(refund: Refund) -> str | None:
    """Return the address that a person here asked for, "" for our own coin account; None if nobody here asked."""
    if refund.resolution is None:
        return None
    return str(refund.resolution.parameters.get("address") or "")


def is_as_asked(refund: Refund) -> bool:
    """Return whether the coins go where a person here asked; also if nobody did."""
    asked = asked_place(refund)
    if asked is None:
        return True
    tag = f"?dt={refund.destination_tag}" if refund.destination_tag else ""
    return is_same_place(asked, f"{refund.address}{tag}" if refund.address else None)


def _value(value: Any) -> Cell:
    return value if value is None or isinstance(value, Decimal | int) or hasattr(value, "tzinfo") else str(value)


def _column(name: str) -> Callable[[Refund], Cell]:
    return lambda refund: _value(getattr(refund, name))


def _of(name: str) -> Callable[[Refund], Cell]:
    return lambda refund: _value(getattr(refund.invoice, name))


def _decided(read: Callable[[Any], Any]) -> Callable[[Refund], Cell]:
    return lambda refund: None if refund.resolution is None else _value(read(refund.resolution))


Column = tuple[str, Callable[[Refund], Cell]]

_OF_REFUND: list[Column] = [(one.attname, _column(one.attname)) for one in Refund._meta.concrete_fields]
_OF_INVOICE: list[Column] = [
    *((f"invoice_{name}", _of(name)) for name in ("custom_id", "account", "environment", "gateway_id", "status")),
    ("order", _of("order_object_id")),
    *((name, _of(name)) for name in ("price_amount", "price_currency", "settled_amount")),
    *((name, _of(name)) for name in ("pay_amount", "paid_amount", "pay_currency")),
]
_OF_DECISION: list[Column] = [
    ("by", _decided(lambda one: one.actor)),
    ("confirmed_by", _decided(lambda one: one.approver)),
    ("reason", _decided(lambda one: one.reason)),
    ("asked_address", asked_place),
    ("asked_amount", _decided(lambda one: one.parameters.get("amount"))),
    ("asked_currency", _decided(lambda one: one.parameters.get("currency"))),
    ("is_as_asked", lambda refund: "yes" if is_as_asked(refund) else "no"),
]

"""Defines the columns of a statement, the same in every form of a file, and how amounts are written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from ...exceptions import CurrencyError
from ...fields import EXACT
from ...gateway.currencies import precision_of
from .statement import Statement, StatementLine, decimals_of

_MOST_PLACES = 18

Cell = str | Decimal | datetime | None
"""A text, an amount that is written already, or a time."""


def places_of(currency: str) -> int:
    """Return how many decimals amounts of a currency are written with; of a coin not known here, 18."""
    try:
        return precision_of(currency)
    except CurrencyError:
        return _MOST_PLACES


def write_amount(amount: Decimal | None, currency: str) -> str:
    """Write an amount with all decimals of its currency, and more where it has them: a tool may count them."""
    if amount is None:
        return ""
    places = max(places_of(currency), decimals_of(amount))
    return f"{amount.quantize(Decimal(1).scaleb(-places), context=EXACT):f}"


def write_time(moment: datetime, zone: str = "UTC") -> str:
    """Write a time with its offset, to the second; in UTC with a Z."""
    if zone == "UTC":
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return moment.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")


AMOUNTS: dict[str, Callable[[StatementLine], tuple[Decimal | None, str]]] = {
    "gross": lambda line: (line.gross, line.entry.currency),
    "fee": lambda line: (line.entry.fee_amount, line.entry.currency),
    "amount": lambda line: (line.entry.amount, line.entry.currency),
    "balance": lambda line: (line.balance, line.entry.currency),
    "value": lambda line: (line.entry.value_amount, line.entry.value_currency),
    "coin_amount": lambda line: (line.entry.coin_amount, line.entry.coin),
    "network_fee": lambda line: (line.entry.network_fee_amount, line.entry.coin),
}
"""The columns that are amounts, with their currency."""

TEXTS: dict[str, Callable[[StatementLine], str]] = {
    "kind": lambda line: line.entry.kind,
    "status": lambda line: line.entry.status,
    "currency": lambda line: line.entry.currency,
    "value_currency": lambda line: line.entry.value_currency if line.entry.value_amount is not None else "",
    "rate": lambda line: "" if line.entry.rate is None else f"{line.entry.rate:f}",
    "rate_source": lambda line: line.entry.rate_source,
    "coin": lambda line: line.entry.coin,
    "reference": lambda line: str(line.entry.reference) if line.entry.family else "",
    "custom_id": lambda line: line.entry.custom_id,
    "order": lambda line: line.entry.order_id,
    "txid": lambda line: line.entry.txid,
    "happened_at": lambda line: write_time(line.entry.happened_at),
    "note": lambda line: line.entry.note,
}
"""The columns that are texts."""

COLUMNS = (
    "date", "time", "kind", "status", "currency", "gross", "fee", "amount", "balance", "value", "value_currency",
    "rate", "rate_source", "coin_amount", "coin", "network_fee", "reference", "custom_id", "order", "txid",
    "happened_at", "note",
)  # fmt: skip
"""All columns, in the order of a file. The date is in the statement's time zone, and times are in UTC."""


def cells_of(statement: Statement, line: StatementLine) -> dict[str, str]:
    """Return every column of a line as text, amounts with all their decimals."""
    cells = {name: read(line) for name, read in TEXTS.items()}
    for name, read in AMOUNTS.items():
        cells[name] = write_amount(*read(line))
    cells["date"] = str(statement.period.day_of(line.entry.booked_at))
    cells["time"] = write_time(line.entry.booked_at)
    return cells


def edge_cells(statement: Statement, name: str, currency: str, balance: Decimal) -> dict[str, str]:
    """Return the columns of an opening or a closing balance."""
    period = statement.period
    day = period.first if name == "opening" else period.last
    at = period.since if name == "opening" else period.until
    cells = {"date": str(day), "time": write_time(at), "kind": f"{name} balance", "currency": currency}
    return cells | {"balance": write_amount(balance, currency)}

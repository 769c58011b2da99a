"""Invoices as CSV: every row that the list's filters leave, streamed, and safe to open in a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, F, OuterRef, Prefetch, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..models import Invoice, InvoiceStatus, Resolution
from . import display

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as StrPromise

Cell = str | Decimal | datetime | int | None
Column = tuple[str, Callable[[Invoice], Cell]]

CHUNK = 1000
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@dataclass(frozen=True)
class Preset:
    """A kind of file: its rows among those that were filtered, and its columns."""

    title: StrPromise | str
    columns: list[Column]
    rows: Q = Q()  # noqa: RUF009  never changed


def rows_of(preset: Preset, invoices: QuerySet[Invoice]) -> Iterator[list[str]]:
    """Return the header and one row an invoice, read from the database in pieces."""
    yield [name for name, _column in preset.columns]
    resolutions = Prefetch("resolutions", Resolution.objects.order_by("created_at"))
    found = invoices.filter(preset.rows).prefetch_related(None).prefetch_related("payments", resolutions)
    for invoice in found.iterator(chunk_size=CHUNK):
        yield [safe_cell(read(invoice)) for _name, read in preset.columns]


class _Echo:
    def write(self, line: str) -> str:
        return line


def csv_lines(rows: Iterable[list[str]]) -> Iterator[str]:
    """Return CSV, line by line, with the mark by which spreadsheets know UTF-8."""
    writer: Any = csv.writer(_Echo())
    yield "\ufeff"
    for row in rows:
        yield writer.writerow(row)


def safe_cell(value: Cell) -> str:
    """Return a cell that no spreadsheet takes for a formula. Amounts stay numbers: none of ours is negative."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return timezone.localtime(value).isoformat(timespec="seconds")
    text = str(value).replace("\x00", "")
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_STARTS) else text


def _excess(invoice: Invoice, *, missing: bool) -> display.Difference | None:
    found = display.difference(invoice)
    return found if found and found.is_missing is missing else None


def _coin(*, missing: bool) -> Callable[[Invoice], Cell]:
    return lambda invoice: found.coin if (found := _excess(invoice, missing=missing)) else None


def _price(*, missing: bool) -> Callable[[Invoice], Cell]:
    return lambda invoice: found.price if (found := _excess(invoice, missing=missing)) else None


def _risk(invoice: Invoice) -> Cell:
    payment = display.highest_risk(invoice.payments.all())
    return payment.risk_level if payment else None


def _resolution(read: Callable[[Resolution], object]) -> Callable[[Invoice], Cell]:
    return lambda invoice: "; ".join(str(read(one) or "") for one in invoice.resolutions.all())


def _field(name: str) -> Column:
    return name, lambda invoice: getattr(invoice, name)


_WHO: list[Column] = [
    ("id", lambda invoice: str(invoice.pk)),
    *map(_field, ("custom_id", "account", "environment")),
    ("gateway_id", lambda invoice: str(invoice.gateway_id or "")),
    ("order", lambda invoice: invoice.order_object_id),
    *map(_field, ("status", "status_context", "created_at", "finished_at")),
]
_PRICE: list[Column] = [*map(_field, ("price_amount", "price_currency"))]
_PAID: list[Column] = [*map(_field, ("pay_amount", "paid_amount", "pay_currency", "network", "exchange_rate"))]
_SETTLED: list[Column] = [*map(_field, ("settled_amount", "fee_amount", "fee_currency"))]
_RESOLUTIONS: list[Column] = [
    ("resolutions", _resolution(lambda one: f"{one.kind} {one.status}")),
    ("by", _resolution(lambda one: one.actor)),
    ("confirmed_by", _resolution(lambda one: one.approver)),
    ("reasons", _resolution(lambda one: one.reason)),
    ("refund_amount", _resolution(lambda one: one.result.get("amount"))),
    ("refund_currency", _resolution(lambda one: one.result.get("currency"))),
    ("refund_fee", _resolution(lambda one: one.result.get("fee_amount"))),
    ("refund_address", _resolution(lambda one: one.result.get("address") or one.parameters.get("address"))),
    ("refund_id", _resolution(lambda one: one.result.get("refund_id"))),
]

_REFUNDING = Resolution.objects.filter(invoice=OuterRef("pk"), parameters__call="create_refund")

PRESETS: dict[str, Preset] = {
    "all": Preset(
        _("all columns"),
        [
            *_WHO,
            *_PRICE,
            *_PAID,
            ("missing_coin", _coin(missing=True)),
            ("missing_price", _price(missing=True)),
            ("overage_coin", _coin(missing=False)),
            ("overage_price", _price(missing=False)),
            *_SETTLED,
            ("risk", _risk),
            *map(_field, ("quarantine_reason", "address")),
            ("txids", lambda invoice: " ".join(payment.txid for payment in invoice.payments.all())),
        ],
    ),
    "fees": Preset(
        _("fees"), [*_WHO, *_PRICE, *_SETTLED], Q(status=InvoiceStatus.COMPLETED, fee_amount__isnull=False)
    ),
    "overage": Preset(
        _("overage"),
        [
            *_WHO,
            *_PRICE,
            *_PAID,
            ("overage_coin", _coin(missing=False)),
            ("overage_price", _price(missing=False)),
            *_SETTLED[:1],
            *_RESOLUTIONS,
        ],
        Q(paid_amount__gt=F("pay_amount")),
    ),
    "refunds": Preset(
        _("refunds"),
        [*_WHO, *_PRICE, *_PAID, *_RESOLUTIONS],
        Q(status=InvoiceStatus.REFUNDED) | Q(Exists(_REFUNDING)),
    ),
}

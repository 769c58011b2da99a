"""Exports invoices as CSV: every row that the list's filters leave, streamed, and safe to open in a spreadsheet."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, AnyStr, TypeVar

from asgiref.sync import sync_to_async
from django.contrib.admin import ModelAdmin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG
from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.db.models import Exists, F, Model, OuterRef, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponseRedirect, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..models import Invoice, InvoiceStatus, Resolution
from ..spreadsheets import Cell, csv_lines, safe_cell
from . import display

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as StrPromise

M = TypeVar("M", bound=Model)
Column = tuple[str, Callable[[Invoice], Cell]]

CHUNK = 1000
_AT_ONCE = 200


@dataclass(frozen=True)
class Preset:
    """A kind of file: its rows among those that were filtered, and its columns."""

    title: StrPromise | str
    columns: list[Column]
    rows: Q = Q()  # noqa: RUF009  never changed


def rows_of(preset: Preset, invoices: QuerySet[Invoice]) -> Iterator[list[str]]:
    """Return the header and one row an invoice, newest first, read from the database a page at a time."""
    yield [name for name, _column in preset.columns]
    resolutions = Prefetch("resolutions", Resolution.objects.order_by("created_at"))
    found = invoices.filter(preset.rows).prefetch_related(None).prefetch_related("payments", resolutions)
    for invoice in in_pages(found):
        yield [safe_cell(read(invoice)) for _name, read in preset.columns]


def in_pages(found: QuerySet[M]) -> Iterator[M]:
    """Yield rows, the newest `created_at` first, by pages, each after the last one's key.

    It holds neither a cursor nor more than a page. A cursor of a server would be lost behind a pooler that changes
    connections between transactions, and drivers of MySQL read the whole answer first.
    """
    rows, after = found.order_by("-created_at", "-pk"), Q()
    while page := list(rows.filter(after)[:CHUNK]):
        yield from page
        last: Any = page[-1]
        # The first condition says less than the second: it is what an index serves.
        after = Q(created_at__lte=last.created_at)
        after &= Q(created_at__lt=last.created_at) | Q(created_at=last.created_at, pk__lt=last.pk)


def filtered_csv(
    page: ModelAdmin[M], request: HttpRequest, name: str, read: Callable[[QuerySet[M]], Iterable[list[str]]]
) -> StreamingHttpResponse | HttpResponseRedirect:
    """Return the rows that the list's filters leave as a file, also those behind its last page.

    A query that the list does not understand leads back to the list, which says so.
    """
    if not page.has_view_permission(request):
        raise PermissionDenied
    try:
        found = page.get_changelist_instance(request).get_queryset(request)
    except IncorrectLookupParameters:
        opts = page.opts
        changelist = reverse(f"{page.admin_site.name}:{opts.app_label}_{opts.model_name}_changelist")
        return HttpResponseRedirect(f"{changelist}?{ERROR_FLAG}=1")
    return csv_response(request, name, read(found))


def csv_response(request: HttpRequest, name: str, rows: Iterable[list[str]]) -> StreamingHttpResponse:
    """Return rows as a file that is streamed, named with today's date."""
    lines = csv_lines(rows)
    streamed = in_threads(lines) if isinstance(request, ASGIRequest) else lines
    response = StreamingHttpResponse(streamed, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}-{timezone.localdate():%Y-%m-%d}.csv"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


async def in_threads(lines: Iterator[AnyStr]) -> AsyncIterator[AnyStr]:
    """Yield lines by hundreds, read in a thread: under ASGI Django would read a plain iterator to its end first."""
    while some := await sync_to_async(lambda: list(islice(lines, _AT_ONCE)))():
        yield some[0][:0].join(some)


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
    ("refund_id", _resolution(lambda one: one.result.get("refund_id") or one.result.get("withdrawal_id"))),
]

_REFUNDING = Resolution.objects.filter(
    invoice=OuterRef("pk"), parameters__call__in=["create_refund", "create_withdrawal"]
)

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

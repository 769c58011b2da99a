"""Finds the rows of ours that the books are about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from ...fields import EXACT
from ...gateway.tags import parted
from ...gateway.withdrawals import CoinWithdrawal
from ...models import Books, ChannelPayment, Invoice, Refund

T = TypeVar("T")

_AT_ONCE = 200


def ours(books: Books, references: Sequence[UUID]) -> Iterator[Any]:
    """Yield our rows with these ids of the gateway. Three queries."""
    mine = {"account": books.account, "environment": books.environment, "gateway_id__in": references}
    yield from Invoice.objects.primary().filter(**mine)
    yield from ChannelPayment.objects.primary().filter(**mine).select_related("channel")
    refunds = Refund.objects.primary().filter(
        gateway_id__in=references, invoice__account=books.account, invoice__environment=books.environment
    )
    yield from refunds.select_related("invoice")


def delivered_by(books: Books, withdrawal: CoinWithdrawal) -> Refund | None:
    """Return the gateway's refund whose coins a withdrawal of the gateway's own sends on, as far as can be told.

    Nothing names it: the place, the coin and the amount are compared.
    """
    if withdrawal.custom_id or withdrawal.charged_currency != withdrawal.received_currency:
        return None
    address, _tag = parted(withdrawal.address)
    refunds = Refund.objects.primary().filter(
        address=address,
        currency=withdrawal.charged_currency,
        withdrawal_status="",
        invoice__account=books.account,
        invoice__environment=books.environment,
    )
    for refund in refunds.select_related("invoice").order_by("-created_at"):
        if EXACT.subtract(refund.amount, refund.fee_amount or Decimal(0)) == withdrawal.charged_amount:
            return refund
    return None


def rows_since(books: Books) -> Iterator[Any]:
    """Yield our rows that ended, or were made, since the books begin."""
    mine = {"account": books.account, "environment": books.environment, "finished_at__gte": books.begin_at}
    yield from Invoice.objects.primary().filter(**mine).iterator()
    yield from ChannelPayment.objects.primary().filter(**mine).select_related("channel").iterator()
    refunds = Refund.objects.primary().filter(
        created_at__gte=books.begin_at, invoice__account=books.account, invoice__environment=books.environment
    )
    yield from refunds.select_related("invoice").iterator()


def rows_of(events: Any) -> Iterator[tuple[type[Any], UUID]]:
    """Yield the model and the key of what events are about, each once."""
    seen: set[tuple[type[Any], UUID]] = set()
    columns = ("invoice_id", "channel_payment_id", "refund_id")
    for invoice, payment, refund in events.order_by("pk").values_list(*columns).iterator():
        for one in ((Invoice, invoice), (ChannelPayment, payment), (Refund, refund)):
            if one[1] is not None and one not in seen:
                seen.add(one)
                yield one


def of_account(books: Books, keys: Iterable[tuple[type[Any], UUID]]) -> Iterator[Any]:
    """Yield the rows of these keys that are of the account, as they are now."""
    mine = {"account": books.account, "environment": books.environment}
    of_invoice = {f"invoice__{name}": value for name, value in mine.items()}
    wanted: dict[type[Any], list[UUID]] = {}
    for model, key in keys:
        wanted.setdefault(model, []).append(key)
    if Invoice in wanted:
        yield from Invoice.objects.primary().filter(pk__in=wanted[Invoice], **mine)
    if ChannelPayment in wanted:
        payments = ChannelPayment.objects.primary().filter(pk__in=wanted[ChannelPayment], **mine)
        yield from payments.select_related("channel")
    if Refund in wanted:
        yield from Refund.objects.primary().filter(pk__in=wanted[Refund], **of_invoice).select_related("invoice")


def in_parts(items: Iterable[T]) -> Iterator[list[T]]:
    part: list[T] = []
    for item in items:
        part.append(item)
        if len(part) == _AT_ONCE:
            yield part
            part = []
    if part:
        yield part

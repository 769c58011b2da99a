"""Finds our rows for a comparison with the ledger: those that it names, and those that it must have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from ...conf import get_account
from ...gateway.ledger import LedgerTransaction
from ...models import ChannelPayment, ChannelPaymentStatus, Invoice, InvoiceStatus, Refund, RefundStatus, Resolution
from ..resolution.judge_outcome import WITHDRAWAL as WITHDRAWAL_CALL
from ..snapshots.withdrawal_rows import resolution_id_of
from .ledger_differences import FAMILY_OF, WITHDRAWAL, Row, family_of

MARGIN = timedelta(hours=1)
"""How far around a period the ledger is read, and how long the ledger may lag behind our rows."""


class OurRows:
    """The rows of an account at its present gateway."""

    def __init__(self, account: str) -> None:
        self.mine: dict[str, Any] = {"account": account, "environment": get_account(account).environment}

    def listed(self, page: Iterable[LedgerTransaction]) -> dict[tuple[str, UUID | None], Row]:
        """Return the rows of a page of the ledger, by family and the gateway's id. Makes three queries.

        An invoice whose creation has no answer yet is found by its custom_id.
        """
        listed = {entry.reference_id: entry.custom_id for entry in page if entry.reference_id is not None}
        names = {name: key for key, name in listed.items() if name}
        is_listed, unanswered = Q(gateway_id__in=listed), Q(gateway_id=None, custom_id__in=names)
        rows: list[Row] = [
            *Invoice.objects.primary().filter(is_listed | unanswered, **self.mine),
            *ChannelPayment.objects.primary().filter(is_listed, **self.mine).select_related("channel"),
            *Refund.objects.primary().filter(is_listed, **self._of_invoice()),
        ]
        keyed: dict[tuple[str, UUID | None], Row] = {}
        for row in rows:
            key = row.gateway_id or (names.get(row.custom_id) if isinstance(row, Invoice) else None)
            keyed[family_of(row), key] = row
        return keyed

    def requested_withdrawals(self, page: Iterable[LedgerTransaction]) -> set[UUID | None]:
        """Return the ids of the withdrawals of a page that our resolutions asked for. A query, if it has any."""
        made = {entry.reference_id: entry.custom_id for entry in page if entry.reference_type == WITHDRAWAL}
        named = {key: resolution for key, name in made.items() if (resolution := resolution_id_of(name))}
        if not named:
            return set()
        rows = Resolution.objects.primary().filter(pk__in=named.values(), **self._of_invoice())
        ours = set(rows.filter(parameters__call=WITHDRAWAL_CALL).values_list("pk", flat=True))
        return {key for key, resolution in named.items() if resolution in ours}

    def credited(self, since: datetime, until: datetime) -> Iterator[tuple[str, QuerySet[Any]]]:
        """Yield by family the rows of a period that the ledger must have; not yet what has ended within MARGIN."""
        settled = timezone.now() - MARGIN
        invoices = Invoice.objects.primary().filter(
            **self.mine, status=InvoiceStatus.COMPLETED, finished_at__lt=settled, gateway_id__isnull=False
        )
        payments = ChannelPayment.objects.primary().filter(
            **self.mine,
            status=ChannelPaymentStatus.COMPLETED,
            finished_at__lt=settled,
            seen_at__gte=since - MARGIN,  # by the index: none is seen before it is made
        )
        refunds = Refund.objects.primary().filter(
            Q(withdrawal_status="", status=RefundStatus.SUCCEEDED, succeeded_at__lt=settled) | _taken(settled),
            **self._of_invoice(),
            created_at__gte=since - MARGIN,
        )
        within = {"moment__gte": since, "moment__lt": until}
        yield FAMILY_OF[Invoice], invoices.filter(created_at__gte=since, created_at__lt=until)
        seen = payments.annotate(moment=Coalesce("gateway_created_at", "seen_at"))
        yield FAMILY_OF[ChannelPayment], seen.filter(**within).select_related("channel")
        made = refunds.annotate(moment=Coalesce("gateway_created_at", "created_at"))
        yield FAMILY_OF[Refund], made.filter(**within, withdrawal_status="")
        yield WITHDRAWAL, made.filter(**within).exclude(withdrawal_status="")

    def _of_invoice(self) -> dict[str, Any]:
        return {f"invoice__{name}": value for name, value in self.mine.items()}


def _taken(settled: datetime) -> Q:
    """Return the filter for refunds of completed orders that are taken from the account: from their beginning on."""
    return ~Q(withdrawal_status="") & ~Q(status=RefundStatus.FAILED) & Q(created_at__lt=settled)


def fresh(row: Row) -> Row:
    """Return a row as it is now, or as it was if it is gone."""
    rows: Any = type(row).objects.primary()
    found: Row | None = rows.filter(pk=row.pk).first()
    return found or row


def span_of(row: Row) -> tuple[datetime, datetime]:
    """Return when the ledger can have booked a row of ours: from its creation to its end."""
    if isinstance(row, Invoice):
        begin, end = row.created_at, row.finished_at
    elif isinstance(row, ChannelPayment):
        begin, end = row.gateway_created_at or row.seen_at, row.finished_at
    else:
        begin, end = row.gateway_created_at or row.created_at, row.succeeded_at
    return begin, max(end or begin, begin)

"""Lists an account's invoices that were not made here (orphans), from the callbacks that are stored of them.

Payment links, pages of the account and other systems make them. They are never linked to a row by their custom_id,
which anyone can choose, only by the gateway's id; so what they say of a custom_id is shown, and proves nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from ...exceptions import WireError
from ...gateway.schemas import INVOICE_TYPE, InvoiceSnapshot
from ...models import Callback, CallbackOutcome, Invoice
from .compare import OUR_KEY, rank_of

MOST = 2000
"""How many callbacks are looked at: the newest."""

_MOST_OF_ONE = 20
"""How many callbacks of one invoice are read: the newest."""


@dataclass(frozen=True, slots=True)
class OrphanInvoice:
    """An invoice that is not ours, as the furthest of its callbacks shows it. `named_like`: of ours with this name."""

    account: str
    gateway_id: UUID
    snapshot: InvoiceSnapshot | None
    callback_id: int
    callbacks: int
    last_seen_at: datetime
    named_like: Invoice | None = None

    @property
    def is_paid(self) -> bool:
        """Return whether money has arrived for it."""
        return self.snapshot is not None and self.snapshot.paid_amount > 0

    @property
    def is_marked(self) -> bool:
        """Return whether it carries the key of a row: of another installation on the account, or of one that is lost.

        Or of a payer who has written it there.
        """
        return self.snapshot is not None and OUR_KEY in (self.snapshot.metadata or {})


@dataclass(slots=True)
class _Group:
    """The callbacks of one invoice, the newest first."""

    callback_ids: list[int]
    last_seen_at: datetime


def find_orphan_invoices(*, since: datetime | None = None, most: int = MOST) -> tuple[list[OrphanInvoice], bool]:
    """Return the invoices that are not ours, the last seen first, and whether older ones were left out.

    Three queries, however many there are, and the bytes of their callbacks.
    """
    rows = Callback.objects.filter(outcome=CallbackOutcome.ORPHAN, event__startswith=f"{INVOICE_TYPE} ")
    rows = rows.exclude(gateway_id=None)
    if since is not None:
        rows = rows.filter(received_at__gte=since)
    light = rows.order_by("-received_at", "-pk")
    found = list(light.values_list("pk", "account", "gateway_id", "received_at", "last_received_at")[: most + 1])
    groups: dict[tuple[str, UUID], _Group] = {}
    for key, account, gateway_id, received_at, last_received_at in found[:most]:
        assert gateway_id is not None  # noqa: S101  for the type checker
        seen_at = max(received_at, last_received_at or received_at)
        group = groups.setdefault((account, gateway_id), _Group([], seen_at))
        group.callback_ids.append(key)
        group.last_seen_at = max(group.last_seen_at, seen_at)
    ordered = sorted(groups.items(), key=lambda item: item[1].last_seen_at, reverse=True)
    return _read(ordered), len(found) > most


def _read(groups: Sequence[tuple[tuple[str, UUID], _Group]]) -> list[OrphanInvoice]:
    keys = [key for _, group in groups for key in group.callback_ids[:_MOST_OF_ONE]]
    shown = {row.pk: _snapshot(row) for row in Callback.objects.filter(pk__in=keys).only("body").iterator()}
    invoices = [_furthest(account, gateway_id, group, shown) for (account, gateway_id), group in groups]
    return _with_names(invoices)


def _furthest(
    account: str, gateway_id: UUID, group: _Group, shown: dict[int, InvoiceSnapshot | None]
) -> OrphanInvoice:
    """Return an invoice as the callback shows it whose status is the furthest; of several, the newest."""
    read = [(key, snapshot) for key in group.callback_ids if (snapshot := shown.get(key)) is not None]
    key, snapshot = max(read, key=lambda one: (rank_of(one[1].status), one[0]), default=(group.callback_ids[0], None))
    return OrphanInvoice(account, gateway_id, snapshot, key, len(group.callback_ids), group.last_seen_at)


def _snapshot(callback: Callback) -> InvoiceSnapshot | None:
    try:
        return callback.message.invoice
    except WireError:  # another release could read it
        return None


def _with_names(invoices: Iterable[OrphanInvoice]) -> list[OrphanInvoice]:
    """Put beside each the invoice of ours that has its custom_id, where there is one."""
    found = list(invoices)
    names: dict[str, set[str]] = defaultdict(set)
    for one in found:
        if one.snapshot is not None and one.snapshot.custom_id:
            names[one.account].add(one.snapshot.custom_id)
    ours = {
        (row.account, row.custom_id): row
        for account, custom_ids in names.items()
        for row in Invoice.objects.filter(account=account, custom_id__in=custom_ids)
    }
    return [_named(one, ours) for one in found]


def _named(one: OrphanInvoice, ours: dict[tuple[str, str], Invoice]) -> OrphanInvoice:
    custom_id = one.snapshot.custom_id if one.snapshot else None
    like = ours.get((one.account, custom_id)) if custom_id else None
    return one if like is None else replace(one, named_like=like)

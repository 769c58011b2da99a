"""Callbacks that come again: what was merged into a state of its invoice brings nothing more to that state.

The gateway repeats a callback until it is answered, a merchant can have it sent again, and who has seen a body can
replay it. A merge depends on the row and the snapshot alone, and taking a snapshot twice is the same as once. So a
process keeps in mind which bodies it has merged lately, and into which version of the invoice. It decides nothing by
having seen a body: it reads the row, and where the version is another one, the callback goes the whole road.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from ..models import CallbackOutcome, Invoice
from .intake import Claim

_AT_MOST = 1024

_judged: dict[tuple[str, str], Judged] = {}


@dataclass(frozen=True)
class Judged:
    """The state of an invoice into which a body was merged, and to which it brings nothing more."""

    invoice_id: UUID
    version: int
    updated_at: datetime
    event: str


def keep_in_mind(claim: Claim, invoice: Invoice) -> None:
    """Remember that this callback was merged without a doubt, and the state in which that has left the invoice.

    Not one that the gateway's later answer has outrun: what it says of amounts was left aside. If the merge is rolled
    back, there never was such a state: nothing is found by it.
    """
    callback = claim.callback
    is_done = callback.outcome in (CallbackOutcome.APPLIED, CallbackOutcome.STALE)
    if not is_done or callback.error or claim.is_older_than(invoice.polled_at):
        return
    if len(_judged) >= _AT_MOST:
        _judged.clear()
    _judged[callback.account, callback.digest] = Judged(invoice.pk, invoice.version, invoice.updated_at, claim.title)


def find_repeated(account: str, digest: str) -> Judged | None:
    """Return what the body with this digest was merged into, if the invoice is still in that state.

    One SELECT for a body that is remembered, none for another. The answer holds for the moment of the read.
    """
    judged = _judged.get((account, digest))
    if judged is None:
        return None
    rows = Invoice.objects.find(_state, pk=judged.invoice_id)
    is_same = any((row.version, row.updated_at) == (judged.version, judged.updated_at) for row in rows)
    return judged if is_same else None


def _state(invoices: QuerySet[Invoice]) -> QuerySet[Invoice]:
    return invoices.only("version", "updated_at")

"""Callbacks that come again: what was merged into a state of its invoice brings nothing more to that state.

The gateway repeats a callback until it is answered, a merchant can have it sent again, and who has seen a body can
replay it. A merge depends on the row and the snapshot alone, and taking a snapshot twice is the same as once. So a
process keeps in mind which bodies it has merged lately, and into which version of the invoice. It decides nothing by
having seen a body: the statement that stores it looks at the row, and where the version is another one, the callback
goes the whole road.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ..models import Callback, CallbackOutcome, Invoice
from .intake import Claim, tell_outcome

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


def store_repeated(**known: Any) -> Callback | None:
    """Store a callback, of which this is known, as stale, if its body was merged into the state of its invoice.

    One statement for a body that is remembered: it looks at the state and stores, or does nothing. None for another.
    """
    judged = _judged.get((known["account"], known["digest"]))
    if judged is None:
        return None
    callback = Callback(
        **known,
        outcome=CallbackOutcome.STALE,
        event=judged.event,
        invoice_id=judged.invoice_id,
        processed_at=known["received_at"],
    )
    state = {"pk": judged.invoice_id, "version": judged.version, "updated_at": judged.updated_at}
    if not Callback.objects.insert_if(callback, Invoice, **state):
        return None
    tell_outcome(callback)
    return callback

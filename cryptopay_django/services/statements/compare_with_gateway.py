"""Compares the books with the gateway: each balance, and each row of the ledger that was read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from uuid import UUID

from ...conf import client_for
from ...exceptions import ChannelBusyError, GatewayError, InvoiceBusyError
from ...fields import EXACT, canonical
from ...gateway.ledger import LedgerTransaction
from ...models import Books, ChannelPayment, Invoice
from ..channels.switch import refresh_channel_payment
from ..rate_limit_by_use import Share
from ..reconciliation.reconcile_invoices import refresh_invoice
from .movements import ZERO
from .our_rows import in_parts, ours
from .post_entries import booked_of
from .read_ledger import IN_DOUBT, LedgerReading, moved_by

_REFRESHED = 20
"""How many rows of ours are refreshed at most by one check. More of them is work for cryptopay_reconcile."""


def read_balances(account: str, share: Share) -> dict[str, Decimal]:
    """Return the balance of each currency at the gateway. Raises GatewayError."""
    found = share.call(partial(client_for(account).list_accounts))
    return {one.currency: one.balance for one in found}


def missing_in_books(there: Mapping[str, Decimal], here: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Return what the books lack of each balance at the gateway; negative where they have too much."""
    missing = {name: EXACT.subtract(there.get(name, ZERO), here.get(name, ZERO)) for name in sorted({*there, *here})}
    return {name: amount for name, amount in missing.items() if amount}


def compare_balances(there: Mapping[str, Decimal], here: Mapping[str, Decimal]) -> list[str]:
    """Return in words how the gateway's balances differ from those of the books."""
    return [
        f"balance of {name}: {_text(here.get(name, ZERO))} in the books, {_text(there.get(name, ZERO))} at the gateway"
        for name in missing_in_books(there, here)
    ]


def compare_rows(books: Books, reading: LedgerReading) -> list[str]:
    """Return in words how rows of the ledger that were read differ from the books."""
    return [_line(*one) for one in _unlike(books, reading)]


def compare_settled_rows(books: Books, reading: LedgerReading) -> list[str]:
    """Return the same, without rows of ours that have changed since the books were brought up to date."""
    unlike = list(_unlike(books, reading))
    references = {entry.reference_id for entry, _, _ in unlike if entry.reference_id is not None}
    fresh: set[UUID] = set()
    for some in in_parts(references):
        fresh |= {row.gateway_id for row in ours(books, some) if row.updated_at > books.read_until}
    return [_line(*one) for one in unlike if one[0].reference_id not in fresh]


def rows_behind(books: Books, reading: LedgerReading) -> list[Invoice | ChannelPayment]:
    """Return our rows that differ from the ledger and can be refreshed."""
    references = [entry.reference_id for entry, _, _ in _unlike(books, reading) if entry.reference_id is not None]
    found: list[Invoice | ChannelPayment] = []
    for some in in_parts(references):
        found += [row for row in ours(books, some) if isinstance(row, Invoice | ChannelPayment)]
    return found


def refresh(rows: Sequence[Invoice | ChannelPayment]) -> None:
    """Refresh the first rows from the gateway. What cannot be read stays as it is."""
    for row in rows[:_REFRESHED]:
        try:
            if isinstance(row, Invoice):
                refresh_invoice(row)
            else:
                refresh_channel_payment(row)
        except (ChannelBusyError, GatewayError, InvoiceBusyError):
            continue


def _unlike(books: Books, reading: LedgerReading) -> Iterator[tuple[LedgerTransaction, Decimal, Decimal]]:
    """Yield the rows of the ledger that moved something else than is booked, with both amounts.

    What happened before the books begin is in their opening balance. What a row of some families has moved is
    compared where the ledger's balances show it.
    """
    for part in in_parts(reading.entries):
        booked = booked_of(books, {entry.reference_id or entry.id for entry in part})
        for entry in part:
            known = booked.get((entry.reference_type, entry.reference_id or entry.id, entry.currency))
            if known is None and entry.created_at is not None and entry.created_at < books.begin_at:
                continue
            if entry.id not in reading.moved and entry.reference_type in IN_DOUBT:
                continue
            moved, amount = moved_by(entry, reading), known.amount if known else ZERO
            if moved != amount:
                yield entry, amount, moved


def _line(entry: LedgerTransaction, booked: Decimal, moved: Decimal) -> str:
    return (
        f"{entry.reference_type} {entry.reference_id or entry.id}: {_text(booked)} {entry.currency} in the books, "
        f"{_text(moved)} in the ledger"
    )


def _text(amount: Decimal) -> str:
    return f"{canonical(amount):f}"

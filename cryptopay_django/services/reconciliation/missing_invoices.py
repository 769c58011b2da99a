"""Finds invoices that the gateway has and we do not: made after a backup that was restored, or elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ...conf import account_names, client_for, get_account
from ...fields import canonical
from ...gateway.schemas import InvoiceSnapshot
from ...models import Invoice

# A place within the rate limit can be a minute away; a run is in no hurry.
_PATIENCE = 75.0


@dataclass(frozen=True, slots=True)
class MissingInvoice:
    """An invoice of the gateway's that has no row here."""

    account: str
    gateway: InvoiceSnapshot

    def __str__(self) -> str:
        found = self.gateway
        name = repr(found.custom_id) if found.custom_id else "without custom_id"
        price = f"{canonical(found.price_amount):f} {found.price_currency} in {found.pay_currency}"
        made = f", made {found.created_at:%Y-%m-%d %H:%M %Z}" if found.created_at else ""
        return f"{name} ({found.id}, account {self.account}): {found.status}, {price}{made}"


def find_missing_invoices(*, since: datetime) -> list[MissingInvoice]:
    """Return what every account's list has of invoices made since then that we do not know, newest first.

    Reads a page of fifty a call, within the gateway's rate limit. Changes nothing. Raises GatewayError.
    """
    return [
        MissingInvoice(account, snapshot)
        for account in account_names()
        for page in _pages(account, since)
        for snapshot in _unknown(account, page)
    ]


def _pages(account: str, since: datetime) -> Iterator[list[InvoiceSnapshot]]:
    """Yield the account's list by the page, without what is older."""
    client, after = client_for(account), None
    while (page := client.list_invoices(starting_after=after, timeout=_PATIENCE)).ids:
        recent = [entry for entry in page if entry.created_at is None or entry.created_at >= since]
        yield recent
        if len(recent) < len(page) or page.ids[-1] == after:
            return
        after = page.ids[-1]


def _unknown(account: str, page: Sequence[InvoiceSnapshot]) -> list[InvoiceSnapshot]:
    rows = Invoice.objects.primary().filter(account=account, environment=get_account(account).environment)
    known: set[UUID | str | None] = {
        *rows.filter(gateway_id__in=[entry.id for entry in page]).values_list("gateway_id", flat=True),
        # Those whose creation is still without an answer.
        *rows.filter(
            gateway_id=None, custom_id__in=[entry.custom_id for entry in page if entry.custom_id]
        ).values_list("custom_id", flat=True),
    }
    return [entry for entry in page if entry.id not in known and entry.custom_id not in known]

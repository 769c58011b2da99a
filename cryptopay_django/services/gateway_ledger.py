"""Reads an account's balances and ledger from the gateway for the admin. Stores nothing.

It has its own share of the account's calls, so that it takes none from payments. `reconciliation/channel_ledger.py`
compares the ledger with our rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from ..conf import client_for, get_account
from ..gateway.ledger import Account, LedgerTransaction
from ..gateway.lists import Page
from ..models import ChannelPayment, Invoice
from .rate_limit_by_use import Use, spend

FAMILIES = (
    "Invoice", "InvoiceRefund", "ChannelPayment", "CoinWithdrawal", "CoinDeposit", "ExchangeTransfer", "BankDeposit",
    "BankWithdrawal", "ManualBalanceTransaction",
)  # fmt: skip
"""The subjects of ledger rows: the gateway's `reference_type`."""


def read_balances(account: str) -> Page[Account]:
    """Return the merchant's accounts with their balances. One call; raises GatewayError."""
    spend(account, Use.LEDGER)
    return client_for(account).list_accounts()


def read_transactions(
    account: str,
    *,
    since: datetime,
    until: datetime,
    family: str | None = None,
    starting_after: UUID | None = None,
) -> Page[LedgerTransaction]:
    """Return one page of the ledger of a period, newest first. One call; raises GatewayError."""
    spend(account, Use.LEDGER)
    return client_for(account).list_transactions(
        created_at_from=since, created_at_to=until, reference_type=family or None, starting_after=starting_after
    )


def rows_of(account: str, entries: Iterable[LedgerTransaction]) -> dict[UUID, Invoice | ChannelPayment]:
    """Return our rows that the entries refer to, by the gateway's id. Makes two queries."""
    keys = {entry.reference_id for entry in entries if entry.reference_id is not None}
    mine = {"account": account, "environment": get_account(account).environment, "gateway_id__in": keys}
    rows: list[Invoice | ChannelPayment] = [*Invoice.objects.filter(**mine), *ChannelPayment.objects.filter(**mine)]
    return {row.gateway_id: row for row in rows if row.gateway_id is not None}

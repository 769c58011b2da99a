"""Makes the calls about the merchant's accounts and their ledger. They only read."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ..ledger import Account, LedgerTransaction
from ..lists import Page
from .base import Endpoints, route_to, with_query


class LedgerEndpoints(Endpoints):
    """`/api/accounts` and `/api/transactions`."""

    def list_accounts(self, *, timeout: float | None = None) -> Page[Account]:
        """Return the merchant's accounts with their balances, one a currency, all at once."""
        return self._get_page(route_to("/api/accounts"), Account.from_wire, timeout)

    def list_account_transactions(
        self, account_id: UUID | str, *, starting_after: UUID | str | None = None, timeout: float | None = None
    ) -> Page[LedgerTransaction]:
        """Return one page of the ledger of one account, newest first."""
        route = route_to("/api/accounts/{account_id}/transactions", account_id=account_id)
        return self._get_page(with_query(route, starting_after=starting_after), LedgerTransaction.from_wire, timeout)

    def list_transactions(
        self,
        *,
        created_at_from: datetime | None = None,
        created_at_to: datetime | None = None,
        reference_type: str | None = None,
        currency: str | None = None,
        status: str | None = None,
        risk_level: str | None = None,
        starting_after: UUID | str | None = None,
        timeout: float | None = None,
    ) -> Page[LedgerTransaction]:
        """Return one page of the ledger of all accounts, newest first. Times need a time zone.

        `reference_type` is `Invoice`, `ChannelPayment`, `CoinWithdrawal` or another family; `status` is of the thing,
        and as it is now.
        """
        route = with_query(
            route_to("/api/transactions"),
            created_at_from=created_at_from,
            created_at_to=created_at_to,
            reference_type=reference_type,
            currency=currency,
            status=status,
            risk_level=risk_level,
            starting_after=starting_after,
        )
        return self._get_page(route, LedgerTransaction.from_wire, timeout)

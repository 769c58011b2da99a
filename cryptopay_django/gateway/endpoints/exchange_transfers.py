"""Makes the calls about exchanges between the merchant's own accounts. They move money."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from ..exchange_transfers import ExchangeTransfer
from ..sent_mark import Mark
from .base import Endpoints, flags, given, one_amount, route_to


class ExchangeTransferEndpoints(Endpoints):
    """`/api/exchange_transfers`. No call lists them: see `list_transactions`."""

    def create_exchange_transfer(
        self,
        *,
        charged_currency: str,
        received_currency: str,
        charged_amount: Decimal | None = None,
        received_amount: Decimal | None = None,
        custom_id: str | None = None,
        force_commit: bool = False,
        mark: Mark | None = None,
        timeout: float | None = None,
    ) -> ExchangeTransfer:
        """Preview an exchange, to be committed within 30 seconds; with `force_commit` make it at once.

        One amount says how much: what is charged, fee included, or what is received. The answer to a preview looks as
        that to an exchange that was made: only `list_transactions`, with `reference_type="ExchangeTransfer"`, shows
        which it is. `mark` as in `commit_exchange_transfer`. Raises TransferRequestError, and sends nothing, for what
        cannot be.
        """
        amounts = one_amount(charged_amount=charged_amount, received_amount=received_amount)
        params = {
            "charged_currency": charged_currency,
            "received_currency": received_currency,
            # The one that is not given has to be there as null.
            "charged_amount": amounts.get("charged_amount"),
            "received_amount": amounts.get("received_amount"),
            **given(custom_id=custom_id),
            **flags(force_commit=force_commit),
        }
        route = route_to("/api/exchange_transfers")
        return self._send("POST", route, params, ExchangeTransfer.from_wire, timeout, mark=mark, custom_id=custom_id)

    def commit_exchange_transfer(
        self, transfer_id: UUID | str, *, mark: Mark | None = None, timeout: float | None = None
    ) -> ExchangeTransfer:
        """Make a previewed exchange, at most 30 seconds after its preview. Moves money.

        With a `mark` it is signed with that moment, and is not sent at all when it is seconds ago.
        """
        route = route_to("/api/exchange_transfers/{transfer_id}/commit", transfer_id=transfer_id)
        return self._send("POST", route, {}, ExchangeTransfer.from_wire, timeout, mark=mark, id=transfer_id)

    def retrieve_exchange_transfer(self, transfer_id: UUID | str, *, timeout: float | None = None) -> ExchangeTransfer:
        """Return an exchange by the gateway's id. That it is there does not prove that it was made."""
        route = route_to("/api/exchange_transfers/{transfer_id}", transfer_id=transfer_id)
        return self._get(route, ExchangeTransfer.from_wire, timeout, id=transfer_id)

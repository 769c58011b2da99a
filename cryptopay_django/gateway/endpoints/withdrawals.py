"""Makes the calls about withdrawals of coins. They move money, so each request is checked before it is sent."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from ...exceptions import TransferRequestError
from ...redaction import hide_locals
from ..lists import Page
from ..sent_mark import Mark
from ..strictjson import Json
from ..withdrawals import Beneficiary, CoinWithdrawal, NetworkFee
from .base import Endpoints, flags, given, one_amount, route_to, with_query


class WithdrawalEndpoints(Endpoints):
    """`/api/coin_withdrawals` and what is below it."""

    @hide_locals
    def create_withdrawal(
        self,
        *,
        address: str,
        charged_currency: str,
        received_currency: str,
        charged_amount: Decimal | None = None,
        charged_amount_to_send: Decimal | None = None,
        received_amount: Decimal | None = None,
        amount: Decimal | None = None,
        amount_currency: str | None = None,
        amount_includes_processing_fee: bool | None = None,
        amount_includes_network_fee: bool | None = None,
        network: str | None = None,
        custom_id: str | None = None,
        customer_id: str | None = None,
        network_fee_level: str | None = None,
        travel_rule_compliant: bool | None = None,
        beneficiary: Beneficiary | None = None,
        force_commit: bool = False,
        mark: Mark | None = None,
        timeout: float | None = None,
    ) -> CoinWithdrawal:
        """Preview a withdrawal, to be committed within 30 seconds; with `force_commit` make it at once.

        One amount says how much. In the older way: `charged_amount` is debited, `charged_amount_to_send` is the value
        sent in the charged currency with the fees on top, `received_amount` the coins that arrive. In the newer way:
        `amount`, with its currency and both flags, since what the gateway takes them for when left out is not known.

        The `custom_id` makes it safe to ask again: a second one raises GatewayConflictError. `mark` as in
        `commit_withdrawal`. Raises TransferRequestError, and sends nothing, for what cannot be. Compare the answer
        with what was asked.
        """
        params = given(
            address=address,
            charged_currency=charged_currency,
            received_currency=received_currency,
            network=network,
            custom_id=custom_id,
            customer_id=customer_id,
            network_fee_level=network_fee_level,
            travel_rule_compliant=travel_rule_compliant,
            beneficiary=_beneficiary(beneficiary, is_needed=bool(travel_rule_compliant)),
            **flags(force_commit=force_commit),
            **one_amount(
                charged_amount=charged_amount,
                charged_amount_to_send=charged_amount_to_send,
                received_amount=received_amount,
                amount=amount,
            ),
            **_terms(
                amount,
                (charged_currency, received_currency),
                amount_currency=amount_currency,
                amount_includes_processing_fee=amount_includes_processing_fee,
                amount_includes_network_fee=amount_includes_network_fee,
            ),
        )
        route = route_to("/api/coin_withdrawals")
        return self._send("POST", route, params, CoinWithdrawal.from_wire, timeout, mark=mark, custom_id=custom_id)

    def commit_withdrawal(
        self, withdrawal_id: UUID | str, *, mark: Mark | None = None, timeout: float | None = None
    ) -> CoinWithdrawal:
        """Make a previewed withdrawal, at most 30 seconds after its preview. Moves money.

        With a `mark` it is signed with that moment, and is not sent at all when it is seconds ago.
        """
        route = route_to("/api/coin_withdrawals/{withdrawal_id}/commit", withdrawal_id=withdrawal_id)
        return self._send("POST", route, {}, CoinWithdrawal.from_wire, timeout, mark=mark, id=withdrawal_id)

    def retrieve_withdrawal(self, withdrawal_id: UUID | str, *, timeout: float | None = None) -> CoinWithdrawal:
        """Return a withdrawal by the gateway's id."""
        route = route_to("/api/coin_withdrawals/{withdrawal_id}", withdrawal_id=withdrawal_id)
        return self._get(route, CoinWithdrawal.from_wire, timeout, id=withdrawal_id)

    def retrieve_withdrawal_by_custom_id(self, custom_id: str, *, timeout: float | None = None) -> CoinWithdrawal:
        """Return a withdrawal by the id that the shop gave it."""
        route = route_to("/api/coin_withdrawals/custom_id/{custom_id}", custom_id=custom_id)
        return self._get(route, CoinWithdrawal.from_wire, timeout, custom_id=custom_id)

    def list_withdrawals(
        self,
        *,
        customer_id: str | None = None,
        starting_after: UUID | str | None = None,
        timeout: float | None = None,
    ) -> Page[CoinWithdrawal]:
        """Return one page of withdrawals, newest first; those that refunds made are among them."""
        route = with_query(route_to("/api/coin_withdrawals"), customer_id=customer_id, starting_after=starting_after)
        return self._get_page(route, CoinWithdrawal.from_wire, timeout)

    def list_network_fees(self, *, all_networks: bool = False, timeout: float | None = None) -> Page[NetworkFee]:
        """Return what networks take now: those that the coins use by default, or all, at once. They change often."""
        route = with_query(
            route_to("/api/coin_withdrawals/network_fees"), all_networks="true" if all_networks else None
        )
        return self._get_page(route, NetworkFee.from_wire, timeout)


def _terms(
    amount: Decimal | None, currencies: tuple[str, str], *, amount_currency: str | None, **includes: bool | None
) -> dict[str, Json]:
    """Return the currency and the flags that belong to `amount`, all of them or none."""
    terms = {"amount_currency": amount_currency, **includes}
    if amount is None:
        if alone := ", ".join(given(**terms)):
            raise TransferRequestError(f"without amount there is no {alone}: give amount too, or leave them out")
        return {}
    if missing := ", ".join(name for name, value in terms.items() if value is None):
        raise TransferRequestError(f"with amount, give {missing} too: it is not known what the gateway assumes")
    if amount_currency not in currencies:
        raise TransferRequestError(
            f"amount_currency must be {' or '.join(dict.fromkeys(currencies))}, one of the two currencies of the "
            f"withdrawal, not {amount_currency}"
        )
    return {"amount_currency": amount_currency, **flags(**includes)}


def _beneficiary(beneficiary: Beneficiary | None, *, is_needed: bool) -> Json:
    if beneficiary is None:
        if is_needed:
            raise TransferRequestError("with travel_rule_compliant, say who the beneficiary is")
        return None
    members = given(**beneficiary.to_wire())
    if beneficiary.address is not None:
        members["address"] = given(**beneficiary.address.to_wire())
    return members

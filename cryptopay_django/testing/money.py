"""Plays the account's money in the in-process sandbox: balances, the ledger, withdrawals, transfers, subscriptions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from decimal import Decimal

from ..sandbox import ledger, money_controls
from ..sandbox.core import Sandbox
from ..sandbox.invoices import Invoice
from ..sandbox.refusals import RefusalError
from ..sandbox.subscriptions import Subscription
from ..sandbox.transfers import Transfer
from ..sandbox.withdrawals import Withdrawal

DEFAULT_ACCOUNT = "default"


class MoneyHands(ABC):
    """Shows a test the money at the gateway, and moves it from outside the API.

    A withdrawal or a subscription is the object, a row of ours with `gateway_id`, or its id at the gateway.
    """

    @abstractmethod
    def account(self, name: str = DEFAULT_ACCOUNT) -> Sandbox:
        """Return the sandbox of one account."""

    @abstractmethod
    def all_accounts(self) -> Iterable[Sandbox]:
        """Return the sandboxes of all accounts that were used."""

    def balance(self, currency: str, account: str = DEFAULT_ACCOUNT) -> Decimal:
        """Return the balance of the account in this currency."""
        return ledger.balance_of(self._settled(account).state, currency)

    def deposit(self, currency: str, amount: str | Decimal, account: str = DEFAULT_ACCOUNT) -> ledger.Row:
        """Credit money from outside: coins to the account's own wallet, or a transfer from a bank."""
        return money_controls.deposit(self.account(account), currency, amount)

    def transactions(self, account: str = DEFAULT_ACCOUNT) -> list[ledger.Row]:
        """Return the rows of the ledger, newest first: `reference_type`, `reference_id`, `amount`, `moves`, ..."""
        return list(reversed(self._settled(account).state.rows.values()))

    def withdrawals(self, account: str = DEFAULT_ACCOUNT) -> list[Withdrawal]:
        """Return the coin withdrawals, newest first; previews too, whose status is new."""
        return list(reversed(self._settled(account).state.withdrawals.values()))

    def withdrawal(self, withdrawal: object) -> Withdrawal:
        """Return the gateway's own view of a withdrawal: `status`, `txid`, `charged_amount`, `timeline`, ..."""
        sandbox, withdrawal_id = self._find("withdrawals", withdrawal)
        return sandbox.state.withdrawals[withdrawal_id]

    def decide_withdrawal(self, withdrawal: object, decision: str) -> Withdrawal:
        """Let the gateway "hold", "release", "fail", "complete" or "cancel" a withdrawal, without moving the clock."""
        sandbox, withdrawal_id = self._find("withdrawals", withdrawal)
        return money_controls.decide_withdrawal(sandbox, withdrawal_id, decision)

    def exchange_transfers(self, account: str = DEFAULT_ACCOUNT) -> list[Transfer]:
        """Return the exchange transfers, newest first; previews too."""
        return list(reversed(self._settled(account).state.transfers.values()))

    def subscriptions(self, account: str = DEFAULT_ACCOUNT) -> list[Subscription]:
        """Return the subscriptions, newest first."""
        return list(reversed(self._settled(account).state.subscriptions.values()))

    def bill(self, subscription: object, pay_currency: str = "BTC", network: str | None = None) -> Invoice:
        """Let the payer open a subscription's mail and choose a coin; `pay` pays the invoice that is returned."""
        sandbox, subscription_id = self._find("subscriptions", subscription)
        return money_controls.bill(sandbox, subscription_id, pay_currency, network)

    def _settled(self, account: str) -> Sandbox:
        sandbox = self.account(account)
        sandbox.run_due()
        return sandbox

    def _find(self, family: str, reference: object) -> tuple[Sandbox, str]:
        own = reference.id if isinstance(reference, Withdrawal | Subscription) else reference
        gateway_id = str(getattr(own, "gateway_id", own))
        for sandbox in self.all_accounts():
            if gateway_id in getattr(sandbox.state, family):
                sandbox.run_due()
                return sandbox, gateway_id
        raise RefusalError(404, "not_found", f"the sandbox has no {gateway_id} among its {family}")

"""Whatever happens to an account: each balance is what its rows have moved, counted from the wire alone."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cryptopay_django.sandbox import channel_controls, money_controls
from cryptopay_django.sandbox.account import Account
from cryptopay_django.sandbox.clock import Clock
from cryptopay_django.sandbox.core import Sandbox
from cryptopay_django.sandbox.refusals import RefusalError
from tests.sandbox.conftest import Merchant, Shop, pass_time
from tests.sandbox.withdrawing import ADDRESS, form

COINS, PRICES = ("BTC", "ETH", "USDT"), ("EUR", "USD", "JPY", "BTC")
DECISIONS = (("hold",), ("hold", "release"), ("hold", "cancel"), ("fail", "cancel"), ("fail", "complete"))
MOVING = frozenset({"InvoiceRefund", "CoinDeposit", "BankDeposit", "ExchangeTransfer"})


class Hands:
    """Everything that can be done, each by number; what the sandbox refuses is refused."""

    def __init__(self) -> None:
        account = Account(callback_url="https://shop.test/", rate_limit=None)
        self.sandbox = Sandbox(account=account, clock=Clock(), post=Shop().receive)
        self.merchant = Merchant(self.sandbox)
        for currency, amount in (("EUR", "500"), ("BTC", "0.05"), ("ETH", "0.5")):
            money_controls.deposit(self.sandbox, currency, amount)

    def do(self, action: str, dice: int) -> None:
        with contextlib.suppress(RefusalError):
            getattr(self, action)(dice)

    def order(self, dice: int) -> None:
        currency = PRICES[dice % 4]
        amount = "0.002" if currency == "BTC" else "7500" if currency == "JPY" else "51.37"
        self._post("/api/invoices", price_amount=amount, price_currency=currency, pay_currency=COINS[dice % 3])

    def pay(self, dice: int) -> None:
        invoice = self._pick(self.sandbox.state.invoices, dice)
        factor, risk = ("1", "0.9", "1.5", "1")[dice % 4], ("low", "low", "medium", "high")[dice % 4]
        self.sandbox.pay(invoice, factor=factor, risk=risk)
        self.sandbox.confirm(invoice)

    def decide(self, dice: int) -> None:
        self.sandbox.decide(self._pick(self.sandbox.state.invoices, dice), ("complete", "refund")[dice % 2])

    def refund(self, dice: int) -> None:
        invoice = self._pick(self.sandbox.state.invoices, dice)
        self._post(f"/api/invoices/{invoice}/refunds", **({} if dice % 2 else {"address": ADDRESS}))

    def recalculate(self, dice: int) -> None:
        invoice = self._pick(self.sandbox.state.invoices, dice)
        self._post(f"/api/invoices/{invoice}/recalculations", force_commit=True)

    def withdraw(self, dice: int) -> None:
        amount = {"charged_amount": "30.5"} if dice % 2 else {"received_amount": "0.0007"}
        charged = "EUR" if dice % 3 else "BTC"
        if charged == "BTC":
            amount = {"received_amount": "0.0007"}
        self._post("/api/coin_withdrawals", **form(charged_currency=charged, force_commit=dice % 5 > 0, **amount))

    def commit(self, dice: int) -> None:
        self._post(f"/api/coin_withdrawals/{self._pick(self.sandbox.state.withdrawals, dice)}/commit")

    def decide_withdrawal(self, dice: int) -> None:
        if not self.sandbox.state.withdrawals:
            self.withdraw(1)
        withdrawal = self._pick(self.sandbox.state.withdrawals, dice)
        for decision in DECISIONS[dice % 5]:
            money_controls.decide_withdrawal(self.sandbox, withdrawal, decision)

    def exchange(self, dice: int) -> None:
        charged, received = (("EUR", "BTC"), ("BTC", "EUR"), ("ETH", "BTC"), ("EUR", "USD"))[dice % 4]
        amount = {"charged_amount": "20" if charged == "EUR" else "0.003"}
        self._post(
            "/api/exchange_transfers",
            charged_currency=charged,
            received_currency=received,
            force_commit=dice % 3 > 0,
            **amount,
        )

    def channel(self, dice: int) -> None:
        if not self.sandbox.state.channels:
            channel_controls.create(
                self.sandbox, {"name": "Wallet", "pay_currency": "BTC", "receiver_currency": "EUR"}
            )
        channel = self._pick(self.sandbox.state.channels, dice)
        payment = channel_controls.pay(self.sandbox, channel, "0.001", risk=("low", "high")[dice % 2])
        channel_controls.confirm(self.sandbox, channel)
        if dice % 4 > 1:
            channel_controls.decide(self.sandbox, payment.id, ("complete", "refund")[dice // 4 % 2])

    def wait(self, dice: int) -> None:
        pass_time(self.sandbox, minutes=(1, 11, 60, 60 * 24 * 15)[dice % 4])

    def _post(self, path: str, **body: Any) -> None:
        assert self.merchant.call("POST", path, body).status in {200, 201, 404, 409, 422}

    def _pick(self, things: dict[str, Any], dice: int) -> str:
        return list(things)[dice % len(things)] if things else "00000000-0000-4000-8000-000000000000"


ACTIONS = sorted(name for name in vars(Hands) if not name.startswith("_") and name != "do")


def read_all(merchant: Merchant) -> list[dict[str, Any]]:
    """Return the whole ledger, page by page, oldest first."""
    rows: list[dict[str, Any]] = []
    while page := merchant.data("GET", "/api/transactions" + (f"?starting_after={rows[-1]['id']}" if rows else "")):
        rows += page
    return rows[::-1]


def moves(row: dict[str, Any], never_credited: set[str]) -> Decimal:
    """Return what a row has moved, by what the wire shows of it."""
    kind, amount = row["reference_type"], Decimal(row["amount"])
    if kind in MOVING or (kind in {"Invoice", "ChannelPayment"} and row["status"] == "completed"):
        return amount
    if kind == "CoinWithdrawal" and row["status"] != "cancelled" and row["reference_id"] not in never_credited:
        return amount
    return Decimal(0)


@given(story=st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 59)), min_size=5, max_size=40))
@settings(max_examples=60, deadline=None)
def test_each_balance_is_what_its_rows_have_moved(story: list[tuple[str, int]]) -> None:
    hands = Hands()
    for action, dice in story:
        hands.do(action, dice)

    merchant, state = hands.merchant, hands.sandbox.state
    sent_back = {
        str(payment.coin_withdrawal_id) for channel in state.channels.values() for payment in channel.payments
    }
    balances: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in read_all(merchant):
        balances[row["currency"]] += moves(row, sent_back)
        assert Decimal(row["balance"]) == balances[row["currency"]], row
        assert balances[row["currency"]] >= 0, row

    shown = {one["currency"]: Decimal(one["balance"]) for one in merchant.data("GET", "/api/accounts")}
    assert {code: amount for code, amount in shown.items() if amount} == {
        code: amount for code, amount in balances.items() if amount
    }
    assert {code: amount for code, amount in shown.items() if amount} == {
        code: amount for code, amount in state.account.balances.items() if amount
    }

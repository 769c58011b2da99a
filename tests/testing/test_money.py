"""What the fixture shows of the money at the gateway, and does to it."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from cryptopay_django.sandbox.money_controls import cancel_subscription
from cryptopay_django.sandbox.refusals import RefusalError
from cryptopay_django.sandbox.simulated_coins import COINS
from cryptopay_django.sandbox.subscription_forms import read_subscription
from cryptopay_django.sandbox.subscriptions import Subscription, create_subscription
from cryptopay_django.sandbox.withdrawal_forms import read_withdrawal
from cryptopay_django.sandbox.withdrawal_orders import create_withdrawal
from cryptopay_django.sandbox.withdrawals import Withdrawal
from cryptopay_django.testing.inprocess import InProcessSandbox

pytestmark = pytest.mark.django_db


def withdraw(sandbox: InProcessSandbox, account: str = "default", **values: Any) -> Withdrawal:
    body = {
        "address": "2Mz3bcjSVHG8uQJpNjmCxp24VdTjwaqmFcJ", "charged_currency": "EUR", "charged_amount": "100",
        "received_currency": "BTC", "force_commit": True,
    }  # fmt: skip
    with sandbox.account(account).acting() as (state, now):
        return create_withdrawal(state, read_withdrawal(body | values, COINS), now)


def subscribe(sandbox: InProcessSandbox) -> Subscription:
    with sandbox.account().acting() as (state, now):
        body = {
            "name": "Gold", "amount": "10", "currency": "EUR", "period": "day", "period_quantity": 1,
            "payer_email": "user@example.com", "starts_at": "2100-01-01T00:00:00Z",
        }  # fmt: skip
        return create_subscription(state, read_subscription(body, now), now)


def test_each_account_has_its_own_money(cryptopay_sandbox: InProcessSandbox) -> None:
    cryptopay_sandbox.deposit("BTC", "0.5")
    cryptopay_sandbox.deposit("EUR", Decimal(20), account="second")

    assert cryptopay_sandbox.balance("BTC") == Decimal("0.5")
    assert cryptopay_sandbox.balance("BTC", account="second") == 0
    assert cryptopay_sandbox.balance("EUR", account="second") == 20
    (row,) = cryptopay_sandbox.transactions(account="second")
    assert (row.reference_type, row.amount) == ("BankDeposit", Decimal(20))


def test_a_withdrawal_goes_its_way_by_time_or_by_hand(cryptopay_sandbox: InProcessSandbox) -> None:
    cryptopay_sandbox.deposit("EUR", "500")
    first, second = withdraw(cryptopay_sandbox), withdraw(cryptopay_sandbox, custom_id="W-2")

    cryptopay_sandbox.decide_withdrawal(second, "hold")
    cryptopay_sandbox.advance(hours=1)
    cryptopay_sandbox.decide_withdrawal(second.id, "cancel")

    assert [one.id for one in cryptopay_sandbox.withdrawals()] == [second.id, first.id]
    row_of_ours = SimpleNamespace(gateway_id=first.id)
    assert cryptopay_sandbox.withdrawal(row_of_ours).status == "completed"
    assert cryptopay_sandbox.withdrawal(second).status == "cancelled"
    assert cryptopay_sandbox.balance("EUR") == 400
    assert [callback.status for callback in cryptopay_sandbox.callbacks(first.id)] == [
        "pending", "processing", "sent", "completed",
    ]  # fmt: skip


def test_a_subscription_is_billed_and_paid(cryptopay_sandbox: InProcessSandbox) -> None:
    subscription = subscribe(cryptopay_sandbox)

    invoice = cryptopay_sandbox.bill(subscription, "USDT", network="tron")
    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.confirm(invoice)

    (paid,) = cryptopay_sandbox.subscriptions()
    assert paid.current_period_paid
    assert (invoice.network, invoice.subscription_id) == ("tron", subscription.id)
    cancel_subscription(cryptopay_sandbox.account(), subscription.id)
    assert [callback.event for callback in cryptopay_sandbox.callbacks(subscription.id)] == ["paid", "cancelled"]


def test_what_is_not_there_is_refused_by_name(cryptopay_sandbox: InProcessSandbox) -> None:
    assert cryptopay_sandbox.withdrawals() == cryptopay_sandbox.exchange_transfers() == []
    for find in (cryptopay_sandbox.withdrawal, cryptopay_sandbox.bill):
        with pytest.raises(RefusalError, match="has no 4711"):
            find("4711")

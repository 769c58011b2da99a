"""The account's money survives a restart, in the middle of whatever was under way."""

from __future__ import annotations

from pathlib import Path

import pytest

from cryptopay_django.sandbox import money_controls
from cryptopay_django.sandbox.core import Sandbox
from cryptopay_django.sandbox.storage import StateFile
from tests.sandbox.conftest import Merchant, Shop, pass_time
from tests.sandbox.test_subscriptions import subscribe
from tests.sandbox.withdrawing import balance, withdraw

pytestmark = pytest.mark.usefixtures("money")


def restart(sandbox: Sandbox, shop: Shop, path: Path) -> Merchant:
    """Return a merchant at the sandbox that a new process makes of the state file."""
    file = StateFile(path)
    file.save(sandbox.state)
    state = StateFile(path).load()
    assert state is not None
    return Merchant(Sandbox(state=state, post=shop.receive))


def test_everything_about_money_is_as_it_was(merchant: Merchant, sandbox: Sandbox, shop: Shop, tmp_path: Path) -> None:
    sandbox.change_settings({"hold_withdrawals_above": "70", "withdrawal_fee_rate": "0.001"})
    withdraw(merchant, custom_id="W-1")
    withdraw(merchant, charged_amount="50")
    pass_time(sandbox, hours=1)
    withdraw(merchant, charged_amount="50", force_commit=False)
    merchant.data(
        "POST",
        "/api/exchange_transfers",
        {"charged_currency": "EUR", "charged_amount": "10", "received_currency": "BTC", "force_commit": True},
        status=201,
    )
    subscribe(merchant, custom_id="S-1")
    paths = (
        "/api/accounts", "/api/transactions", "/api/coin_withdrawals", "/api/coin_withdrawals/custom_id/W-1",
        "/api/subscriptions", "/api/subscriptions/custom_id/S-1", "/api/coin_withdrawals/network_fees",
    )  # fmt: skip
    before = [merchant.data("GET", path) for path in paths]

    again = restart(sandbox, shop, tmp_path / "state.json")

    assert [again.data("GET", path) for path in paths] == before
    assert again.sandbox.state.transfers == sandbox.state.transfers
    assert again.sandbox.account.describe() == sandbox.account.describe()


def test_what_was_under_way_goes_on(merchant: Merchant, sandbox: Sandbox, shop: Shop, tmp_path: Path) -> None:
    withdraw(merchant)
    preview = withdraw(merchant, charged_amount="50", force_commit=False)
    subscription = subscribe(merchant)

    again = restart(sandbox, shop, tmp_path / "state.json")
    again.data("POST", f"/api/coin_withdrawals/{preview['id']}/commit")
    pass_time(again.sandbox, days=8)

    assert {one["status"] for one in again.data("GET", "/api/coin_withdrawals")} == {"completed"}
    assert again.data("GET", f"/api/subscriptions/{subscription['id']}")["status"] == "cancelled"
    assert balance(again.sandbox) == 850


def test_a_saved_row_is_written_anew_when_it_changes(
    merchant: Merchant, sandbox: Sandbox, shop: Shop, tmp_path: Path
) -> None:
    file = StateFile(tmp_path / "state.json")
    order = merchant.order()
    file.save(sandbox.state)
    sandbox.pay(order["id"])
    sandbox.confirm(order["id"])

    file.save(sandbox.state)

    state = StateFile(tmp_path / "state.json").load()
    assert state is not None
    assert [row.status for row in state.rows.values()][-1] == "completed"
    assert state.rows == sandbox.state.rows


def test_a_reset_forgets_the_money(merchant: Merchant, sandbox: Sandbox) -> None:
    withdraw(merchant)
    sandbox.reset()

    assert {account["balance"] for account in merchant.data("GET", "/api/accounts")} == {"0.0"}
    assert merchant.data("GET", "/api/transactions") == merchant.data("GET", "/api/coin_withdrawals") == []
    money_controls.deposit(sandbox, "EUR", "1")
    assert balance(sandbox) == 1

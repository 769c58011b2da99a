"""The ledger: a row for each thing from its first moment, balances after each, lists with filters and pages."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest

from cryptopay_django.sandbox import money_controls
from cryptopay_django.sandbox.core import Sandbox
from cryptopay_django.sandbox.ledger import record
from tests.sandbox.conftest import Merchant, pass_time

NOBODY = "00000000-0000-4000-8000-000000000000"
ROW = [
    "id", "custom_id", "customer_id", "amount", "currency", "balance", "fee", "fee_currency", "reference_id",
    "reference_type", "description", "status", "status_context", "risk", "created_at",
]  # fmt: skip


def rows(merchant: Merchant, **query: str) -> list[dict[str, Any]]:
    return merchant.data("GET", f"/api/transactions?{urlencode(query)}")


def accounts(merchant: Merchant) -> dict[str, dict[str, Any]]:
    return {account["currency"]: account for account in merchant.data("GET", "/api/accounts")}


def refusal(merchant: Merchant, path: str, *, status: int = 422) -> list[dict[str, Any]]:
    response = merchant.call("GET", path)
    assert response.status == status, response.body
    return json.loads(response.body)["error"]["details"]


def test_an_invoice_is_in_the_ledger_before_anybody_paid(merchant: Merchant) -> None:
    order = merchant.order(custom_id="O-1", customer_id="C-1", description="two chairs")

    (row,) = rows(merchant)

    assert list(row) == ROW
    assert row == row | {
        "custom_id": "O-1", "customer_id": "C-1", "amount": "99.0", "currency": "EUR", "balance": "0.0", "fee": "1.0",
        "fee_currency": "EUR", "reference_id": order["id"], "reference_type": "Invoice", "description": "two chairs",
        "status": "new", "status_context": None, "risk": None, "created_at": order["created_at"],
    }  # fmt: skip
    assert row["id"] != order["id"]


def test_the_row_of_an_invoice_follows_its_status_and_moves_the_balance_once_completed(
    merchant: Merchant, sandbox: Sandbox
) -> None:
    order = merchant.order()
    (first,) = rows(merchant)
    sandbox.pay(order["id"], factor="0.9")
    sandbox.confirm(order["id"])
    pass_time(sandbox, minutes=11)

    (unresolved,) = rows(merchant)
    merchant.data("POST", f"/api/invoices/{order['id']}/recalculations", {"force_commit": True}, status=201)
    (completed,) = rows(merchant)

    assert (unresolved["status"], unresolved["status_context"]) == ("unresolved", "underpaid")
    assert (unresolved["amount"], unresolved["balance"], unresolved["risk"]["level"]) == ("99.0", "0.0", "low")
    assert (completed["id"], completed["created_at"]) == (first["id"], first["created_at"])
    assert (completed["status"], completed["status_context"]) == ("completed", None)
    settled = merchant.read(order)
    assert Decimal(completed["amount"]) == Decimal(settled["price_amount"]) - Decimal(settled["fee"])
    assert completed["balance"] == completed["amount"] == accounts(merchant)["EUR"]["balance"]


def test_a_cancelled_invoice_keeps_its_amount_and_moves_nothing(merchant: Merchant, sandbox: Sandbox) -> None:
    merchant.order()

    pass_time(sandbox, days=15)

    (row,) = rows(merchant)
    assert (row["status"], row["amount"], row["balance"]) == ("cancelled", "99.0", "0.0")


def test_an_invoice_that_is_paid_later_counts_in_the_balance_of_its_own_row(
    merchant: Merchant, sandbox: Sandbox
) -> None:
    """Recorded: a withdrawal three seconds younger than the invoice that it pays stands on the invoice's credit."""
    order = merchant.order()
    pass_time(sandbox, seconds=3)
    money_controls.deposit(sandbox, "EUR", "10")

    sandbox.pay(order["id"])
    sandbox.confirm(order["id"])

    assert [row["balance"] for row in rows(merchant)] == ["109.0", "99.0"]


def test_a_refund_to_the_own_account_has_one_row_and_one_to_an_address_two(
    merchant: Merchant, sandbox: Sandbox
) -> None:
    for address in (None, "2Mz3bcjSVHG8uQJpNjmCxp24VdTjwaqmFcJ"):
        order = merchant.order()
        sandbox.pay(order["id"], factor="0.9")
        sandbox.confirm(order["id"])
        pass_time(sandbox, minutes=11)
        body = {} if address is None else {"address": address}
        merchant.data("POST", f"/api/invoices/{order['id']}/refunds", body, status=201)

    newest, refund, _, own_refund, _ = rows(merchant)

    assert (newest["reference_type"], refund["reference_type"]) == ("CoinWithdrawal", "InvoiceRefund")
    assert Decimal(newest["amount"]) == -Decimal(refund["amount"])
    assert (refund["status"], refund["status_context"], refund["currency"]) == (None, None, "BTC")
    assert own_refund["reference_type"] == "InvoiceRefund"
    assert newest["balance"] == own_refund["balance"] == own_refund["amount"]


def test_a_deposit_has_no_fee(merchant: Merchant, sandbox: Sandbox) -> None:
    money_controls.deposit(sandbox, "BTC", "0.5")
    money_controls.deposit(sandbox, "EUR", "10.5")

    fiat, coins = rows(merchant)

    assert (coins["reference_type"], coins["amount"], coins["status"]) == ("CoinDeposit", "0.5", "completed")
    assert (coins["fee"], coins["fee_currency"]) == (None, None)
    assert (fiat["reference_type"], fiat["balance"]) == ("BankDeposit", "10.5")


def test_recording_the_same_thing_again_moves_nothing(sandbox: Sandbox) -> None:
    state, now = sandbox.state, sandbox.clock.now()
    for moves in (5, 5, 7, 0, 7):
        record(
            state,
            reference_type="ChannelPayment",
            reference_id=NOBODY,
            currency="EUR",
            amount=Decimal(moves),
            moves=Decimal(moves),
            at=now,
        )

    assert len(state.rows) == 1
    assert sandbox.account.balances["EUR"] == 7


def test_every_coin_and_the_great_fiat_currencies_have_an_account_and_others_with_their_first_row(
    merchant: Merchant,
) -> None:
    before = accounts(merchant)
    merchant.order(price_currency="UAH", price_amount="5000")

    after = accounts(merchant)

    assert {"BTC", "EUR", "USD", "GBP", "USDT"} <= before.keys()
    assert "UAH" not in before
    assert after.keys() - before.keys() == {"UAH"}
    assert next(iter(after)) == "UAH"
    assert list(after)[-1] == "BTC"
    assert {account["balance"] for account in after.values()} == {"0.0"}
    assert len({account["id"] for account in after.values()}) == len(after)
    assert len({account["project_id"] for account in after.values()}) == 1
    assert list(before["BTC"]) == ["id", "balance", "currency", "project_id"]


def test_accounts_are_given_all_at_once(merchant: Merchant) -> None:
    body = json.loads(merchant.call("GET", "/api/accounts").body)

    assert body["meta"] == {"total": len(body["data"]), "has_more": False}


def test_an_account_lists_its_own_rows(merchant: Merchant, sandbox: Sandbox) -> None:
    merchant.order()
    money_controls.deposit(sandbox, "BTC", "1")
    account = accounts(merchant)["BTC"]

    (row,) = merchant.data("GET", f"/api/accounts/{account['id']}/transactions")

    assert (row["currency"], row["balance"]) == ("BTC", "1.0")


def test_rows_are_filtered_by_everything_that_the_service_filters_by(merchant: Merchant, sandbox: Sandbox) -> None:
    order = merchant.order(customer_id="C-1")
    sandbox.pay(order["id"], risk="medium")
    sandbox.confirm(order["id"])
    pass_time(sandbox, hours=1)
    later = sandbox.clock.now().isoformat(timespec="seconds")
    money_controls.deposit(sandbox, "BTC", "1")

    def types(**query: str) -> list[str]:
        return [row["reference_type"] for row in rows(merchant, **query)]

    assert types() == ["CoinDeposit", "Invoice"]
    assert types(reference_type="Invoice") == types(currency="EUR") == types(customer_id="C-1") == ["Invoice"]
    assert types(risk_level="medium") == ["Invoice"]
    assert types(risk_level="high") == types(status="new") == types(customer_id="C-2") == []
    assert types(status="completed") == ["CoinDeposit", "Invoice"]
    assert types(created_at_from=later) == ["CoinDeposit"]
    assert types(created_at_to=later) == ["CoinDeposit", "Invoice"]
    assert types(created_at_from=order["created_at"], created_at_to=order["created_at"]) == ["Invoice"]
    assert types(created_at_to=order["created_at"].replace("+00:00", "Z"), currency="EUR", status="") == ["Invoice"]


def test_the_balance_of_a_filtered_row_is_that_of_the_whole_account(merchant: Merchant, sandbox: Sandbox) -> None:
    money_controls.deposit(sandbox, "EUR", "10")
    merchant.order()
    money_controls.deposit(sandbox, "EUR", "5")

    assert [row["balance"] for row in rows(merchant, reference_type="Invoice")] == ["10.0"]
    assert [row["balance"] for row in rows(merchant, reference_type="BankDeposit")] == ["15.0", "10.0"]


def test_pages_of_fifty_lead_through_the_whole_ledger(merchant: Merchant, sandbox: Sandbox) -> None:
    for _ in range(55):
        money_controls.deposit(sandbox, "EUR", "1")
    money_controls.deposit(sandbox, "BTC", "1")

    first = json.loads(merchant.call("GET", "/api/transactions?currency=EUR").body)
    after = first["data"][-1]["id"]
    second = json.loads(merchant.call("GET", f"/api/transactions?currency=EUR&starting_after={after.upper()}").body)

    assert (len(first["data"]), first["meta"]) == (50, {"total": 55, "has_more": True})
    assert (len(second["data"]), second["meta"]) == (5, {"total": 55, "has_more": False})
    assert [row["balance"] for row in second["data"]] == ["5.0", "4.0", "3.0", "2.0", "1.0"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("reference_type=Refund", "must_be_included_in"),
        ("currency=XYZ", "must_be_included_in"),
        ("risk_level=severe", "must_be_included_in"),
        ("created_at_from=yesterday", "must_be_date_time"),
        ("created_at_to=2026-13-01", "must_be_date_time"),
        ("starting_after=7", "must_be_uuid"),
    ],
)
def test_a_filter_that_cannot_be_is_refused_by_name(merchant: Merchant, query: str, code: str) -> None:
    (problem,) = refusal(merchant, f"/api/transactions?{query}")

    assert (problem["code"], problem["target"]) == (code, query.partition("=")[0])


def test_an_account_is_found_by_a_uuid_that_exists(merchant: Merchant) -> None:
    (problem,) = refusal(merchant, "/api/accounts/7/transactions")

    assert problem == {
        "code": "must_be_uuid", "target": "account_id", "message": "must match uuid format", "args": {},
    }  # fmt: skip
    assert refusal(merchant, f"/api/accounts/{NOBODY}/transactions", status=404) == []
    assert refusal(merchant, f"/api/transactions?starting_after={NOBODY}", status=404) == []


def test_forgotten_invoices_leave_the_ledger_and_the_balance_stays(merchant: Merchant, sandbox: Sandbox) -> None:
    sandbox.state.invoices_kept = 10
    for _ in range(10):
        order = merchant.order()
        sandbox.pay(order["id"])
        sandbox.confirm(order["id"])
    merchant.order()

    left = rows(merchant)

    assert len(left) == 10
    assert accounts(merchant)["EUR"]["balance"] == "990.0" == left[0]["balance"]

"""The desk's pages of money, and the control API behind their buttons."""

from __future__ import annotations

import html
import json
from typing import Any

import pytest

from cryptopay_django.sandbox import control
from cryptopay_django.sandbox.core import Sandbox
from tests.sandbox.conftest import Merchant, Shop, pass_time
from tests.sandbox.test_pages import HOSTILE, read
from tests.sandbox.test_subscriptions import subscribe
from tests.sandbox.withdrawing import NOBODY, withdraw

pytestmark = pytest.mark.usefixtures("money")


def press(sandbox: Sandbox, action: str, *, status: int = 200, **body: Any) -> dict[str, Any]:
    answer = control.respond(sandbox, "POST", f"/control/{action}", json.dumps(body).encode())
    assert answer.status == status, answer.body
    return json.loads(answer.body)


def test_the_ledger_shows_balances_and_rows(sandbox: Sandbox, merchant: Merchant) -> None:
    merchant.order(custom_id="O-1")

    page = read(sandbox, "/ledger").text

    for word in ("BTC", "1000", "Invoice", "O-1", "99 EUR", "balance 1000", "fee 1 EUR", "CoinDeposit", "BankDeposit"):
        assert word in page


def test_withdrawals_have_the_buttons_that_fit_their_status(sandbox: Sandbox, merchant: Merchant) -> None:
    made = withdraw(merchant, custom_id="W-1")

    def buttons() -> list[str]:
        pressed = read(sandbox, "/withdrawals").buttons()
        return [body["decision"] for action, body in pressed if action == "withdrawal"]

    assert buttons() == ["hold", "fail", "complete"]
    assert press(sandbox, "withdrawal", withdrawal_id=made["id"], decision="hold")["withdrawal"]["status"] == "on_hold"
    assert buttons() == ["release", "cancel"]
    press(sandbox, "withdrawal", withdrawal_id=made["id"], decision="release")
    press(sandbox, "withdrawal", withdrawal_id=made["id"], decision="fail")
    assert buttons() == ["complete", "cancel"]
    done = press(sandbox, "withdrawal", withdrawal_id=made["id"], decision="complete")
    assert [callback["event"] for callback in done["callbacks"]] == ["status_changed"]
    assert buttons() == []


def test_a_subscription_is_billed_and_cancelled_by_its_buttons(
    sandbox: Sandbox, merchant: Merchant, shop: Shop
) -> None:
    subscribe(merchant, name="Gold")

    (billed, subject), (cancelled, _) = read(sandbox, "/subscriptions").buttons()[-2:]
    invoice = press(sandbox, billed, **subject)["invoice"]
    press(sandbox, "pay", invoice_id=invoice["id"])
    press(sandbox, "confirm", invoice_id=invoice["id"])

    assert invoice["subscription_id"] == subject["subscription_id"]
    page = read(sandbox, "/subscriptions")
    assert "paid until" in page.text
    assert [action for action, _ in page.buttons() if action in {"bill", "cancel_subscription"}] == [cancelled]
    assert press(sandbox, cancelled, **subject)["subscription"]["status"] == "cancelled"
    assert shop.story[-2:] == ["paid(active)", "cancelled(cancelled)"]


def test_money_is_paid_in(sandbox: Sandbox) -> None:
    account = press(sandbox, "deposit", currency="EUR", amount="0.5")["account"]

    assert account["balances"]["EUR"] == "1000.5"
    assert press(sandbox, "deposit", currency="EUR", amount="-1", status=422)
    assert press(sandbox, "deposit", currency="XXX", amount="1", status=422)
    assert press(sandbox, "deposit", status=422)


def test_what_is_not_there_is_not_decided_on(sandbox: Sandbox) -> None:
    for action, subject in (
        ("withdrawal", {"withdrawal_id": NOBODY, "decision": "hold"}),
        ("bill", {"subscription_id": NOBODY}),
        ("cancel_subscription", {"subscription_id": NOBODY}),
    ):
        press(sandbox, action, status=404, **subject)
        press(sandbox, action, status=422)


def test_the_state_tells_of_the_money(sandbox: Sandbox, merchant: Merchant) -> None:
    made, subscription = withdraw(merchant), subscribe(merchant)

    state = json.loads(control.respond(sandbox, "GET", "/control/state", b"").body)

    assert state["withdrawals"] == [made]
    assert state["subscriptions"] == [subscription]
    assert state["exchange_transfers"] == []
    assert state["transactions"][0]["reference_id"] == made["id"]


def test_settings_of_money_are_checked_and_shown(sandbox: Sandbox) -> None:
    account = press(
        sandbox, "settings", exchange_fee_rate="0.005", withdrawal_maximum="1000.5", hold_withdrawals_above=None
    )["account"]

    assert (account["exchange_fee_rate"], account["withdrawal_maximum"]) == ("0.005", "1000.5")
    assert account["hold_withdrawals_above"] is None
    for name, value in (("withdrawal_fee_rate", "1"), ("withdrawal_maximum", "0"), ("hold_withdrawals_above", 5)):
        assert press(sandbox, "settings", status=422, **{name: value})["error"]["details"][0]["target"] == name


def test_no_page_of_money_contains_markup_that_came_from_outside(sandbox: Sandbox, merchant: Merchant) -> None:
    withdraw(merchant, custom_id=HOSTILE)
    subscribe(merchant, name=HOSTILE, custom_id=HOSTILE)
    merchant.data(
        "POST",
        "/api/exchange_transfers",
        {"charged_currency": "EUR", "charged_amount": "10", "received_currency": "BTC", "custom_id": HOSTILE},
        status=201,
    )
    pass_time(sandbox, days=1)

    for path in ("/ledger", "/withdrawals", "/subscriptions"):
        page = read(sandbox, path)
        assert HOSTILE in html.unescape(" ".join(page.words)), path
        assert [attrs.get("src") for tag, attrs in page.tags if tag == "script"] == ["/static/sandbox.js"]

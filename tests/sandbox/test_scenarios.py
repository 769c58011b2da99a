"""Every scenario is one request, and one click on the pages: how each ends, and what the merchant is told."""

from __future__ import annotations

import json

import pytest

from cryptopay_django.sandbox import control
from cryptopay_django.sandbox.core import Sandbox
from cryptopay_django.sandbox.scenarios import SCENARIOS

from .conftest import Merchant, Shop

SEEN = ["transaction_created(new)", "transaction_confirmed(new)"]
CANCELLED = "status_changed(cancelled)"


def unresolved(context: str, *, ends: str, by: str = "") -> list[str]:
    resolved = [f"{by}({ends})"] if by else []
    return [*SEEN, f"status_changed(unresolved, {context})", *resolved, f"status_changed({ends})"]


TOLD = {
    "paid_in_full": [*SEEN, "status_changed(completed)"],
    "topped_up": [*SEEN, *SEEN, "status_changed(completed)"],
    "underpaid_settled": unresolved("underpaid", ends="completed", by="recalculated"),
    "underpaid_refunded": unresolved("underpaid", ends="refunded", by="refunded"),
    "overpaid_settled": unresolved("overpaid", ends="completed", by="recalculated"),
    "overpaid_refunded": unresolved("overpaid", ends="completed", by="refunded"),
    "late_settled": unresolved("paid_late", ends="completed", by="recalculated"),
    "late_refunded": unresolved("paid_late", ends="refunded", by="refunded"),
    "held_completed": unresolved("illicit_resource", ends="completed"),
    "held_refunded": unresolved("illicit_resource", ends="refunded"),
    "never_paid": [CANCELLED],
    "double_spent": ["transaction_created(new)", CANCELLED],
}


def play(sandbox: Sandbox, **body: str) -> tuple[int, dict[str, object]]:
    response = control.respond(sandbox, "POST", "/control/scenario", json.dumps(body).encode())
    return response.status, json.loads(response.body)


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("fresh", [True, False], ids=["on a fresh invoice", "on the merchant's"])
def test_the_merchant_is_told(sandbox: Sandbox, merchant: Merchant, shop: Shop, name: str, fresh: bool) -> None:
    chosen = {} if fresh else {"invoice_id": merchant.order()["id"]}

    status, data = play(sandbox, scenario=name, **chosen)

    assert status == 200
    assert shop.story == TOLD[name]
    assert len(data["callbacks"]) == len(TOLD[name])
    assert len(sandbox.state.invoices) == 1


@pytest.mark.parametrize("handling", ["refund", "recalculate"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_the_accounts_own_settings_come_first(sandbox: Sandbox, name: str, handling: str) -> None:
    sandbox.change_settings(dict.fromkeys(("underpaid", "overpaid", "paid_late"), handling))

    status, data = play(sandbox, scenario=name)

    assert status == 200
    assert data["invoice"]["status"] in {"completed", "refunded", "cancelled"}


def test_a_scenario_needs_an_invoice_that_nobody_has_paid(sandbox: Sandbox, merchant: Merchant) -> None:
    invoice = merchant.order()["id"]
    sandbox.pay(invoice)

    assert play(sandbox, scenario="paid_in_full", invoice_id=invoice)[0] == 422
    assert play(sandbox, scenario="bankrupt")[0] == 422
    assert play(sandbox, scenario="paid_in_full", invoice_id="no such id")[0] == 404


def test_trouble_is_made_and_stopped_by_request(sandbox: Sandbox) -> None:
    def trouble(**body: object) -> tuple[int, dict[str, object]]:
        response = control.respond(sandbox, "POST", "/control/trouble", json.dumps(body).encode())
        return response.status, json.loads(response.body).get("trouble", {})

    made = trouble(drop=0.25, next=[{"fault": "timeout", "after_effect": True, "count": 2}])
    stopped = trouble(off=True)

    assert made[1]["probabilities"] == {"drop": "0.25"}
    assert made[1]["planned"] == [{"fault": "timeout", "after_effect": True}] * 2
    assert (stopped[1]["probabilities"], stopped[1]["planned"]) == ({}, [])
    for bad in (
        {"drop": 7},
        {"next": "cut"},
        {"next": [{"fault": "rain"}]},
        {"next": [{"fault": "cut", "count": "2"}]},
    ):
        assert trouble(**bad)[0] == 422

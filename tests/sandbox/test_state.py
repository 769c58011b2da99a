"""What is forgotten when there is too much to remember: old invoices that are final, and nothing else."""

from __future__ import annotations

from cryptopay_django.sandbox.core import Sandbox

from .conftest import Merchant, pass_time


def test_the_oldest_final_invoices_are_forgotten_and_open_ones_never(sandbox: Sandbox, merchant: Merchant) -> None:
    sandbox.account.rate_limit = None
    sandbox.state.invoices_kept = 50
    still_open = [merchant.order()["id"] for _ in range(3)]

    for number in range(200):
        invoice = merchant.order(custom_id=f"order-{number}")["id"]
        sandbox.pay(invoice)
        sandbox.confirm(invoice)

    assert len(sandbox.state.invoices) <= 55
    assert set(still_open) < set(sandbox.state.invoices)
    assert len(sandbox.state.by_custom_id) == len(sandbox.state.invoices) - len(still_open)
    assert {entry[3] for entry in sandbox.state.agenda} <= set(sandbox.state.invoices)
    assert merchant.order(custom_id="order-0")["status"] == "new"
    pass_time(sandbox, days=15)

"""Subscriptions: made, billed, paid, renewed, and cancelled by the merchant or by time."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cryptopay_django.sandbox import money_controls
from cryptopay_django.sandbox.core import Sandbox
from cryptopay_django.sandbox.refusals import RefusalError
from cryptopay_django.sandbox.subscriptions import Period, add_period
from tests.sandbox.conftest import Merchant, Shop, pass_time

NOBODY = "00000000-0000-4000-8000-000000000000"
MEMBERS = [
    "id", "status", "custom_id", "name", "amount", "currency", "period", "period_quantity",
    "current_period_starts_at", "current_period_ends_at", "current_period_paid", "payer_email", "payer_name",
    "product_name", "product_description", "success_redirect_url", "unsuccess_redirect_url", "created_at",
    "cancelled_at",
]  # fmt: skip


def form(sandbox: Sandbox, **values: Any) -> dict[str, Any]:
    body = {
        "name": "Subscription name", "amount": "100.0", "currency": "EUR", "period": "month", "period_quantity": 3,
        "payer_email": "user@example.com",
        "starts_at": (sandbox.clock.now() + timedelta(days=7)).isoformat(timespec="seconds"),
    }  # fmt: skip
    return {name: value for name, value in (body | values).items() if value is not ...}


def subscribe(merchant: Merchant, **values: Any) -> dict[str, Any]:
    return merchant.data("POST", "/api/subscriptions", form(merchant.sandbox, **values), status=201)


def read(merchant: Merchant, subscription: dict[str, Any]) -> dict[str, Any]:
    return merchant.data("GET", f"/api/subscriptions/{subscription['id']}")


def pay(sandbox: Sandbox, subscription: dict[str, Any], factor: str = "1") -> str:
    invoice = money_controls.bill(sandbox, subscription["id"])
    sandbox.pay(invoice.id, factor=factor)
    sandbox.confirm(invoice.id)
    return invoice.id


def told(shop: Shop) -> list[str]:
    """What was posted about subscriptions."""
    bodies = [json.loads(body) for _, body in shop.posts]
    return [f"{body['event']}({body['data']['status']})" for body in bodies if body["type"] == "Subscription"]


def test_a_subscription_is_active_and_unpaid_from_its_creation(merchant: Merchant, sandbox: Sandbox) -> None:
    made = subscribe(merchant, custom_id="S-1")

    now = sandbox.clock.now().isoformat(timespec="seconds")
    ends_at = (sandbox.clock.now() + timedelta(days=7)).isoformat(timespec="seconds")
    assert list(made) == MEMBERS
    assert made == made | {
        "status": "active", "custom_id": "S-1", "amount": "100.0", "period": "month", "period_quantity": 3,
        "current_period_starts_at": now, "current_period_ends_at": ends_at, "current_period_paid": False,
        "payer_name": None, "created_at": now, "cancelled_at": None,
    }  # fmt: skip
    assert merchant.data("GET", "/api/subscriptions/custom_id/S-1") == read(merchant, made) == made


def test_its_invoices_carry_its_id(merchant: Merchant, sandbox: Sandbox) -> None:
    merchant.order()
    made = subscribe(merchant, product_name="Gold", product_description="a year of gold")

    invoice = money_controls.bill(sandbox, made["id"], "XRP")

    (listed,) = merchant.data("GET", f"/api/invoices?subscription_id={made['id']}")
    assert listed["id"] == invoice.id
    assert listed == listed | {
        "subscription_id": made["id"], "price_amount": "100.0", "pay_currency": "XRP", "custom_id": None,
        "name": "Gold", "description": "a year of gold",
    }  # fmt: skip
    assert merchant.data("GET", f"/api/invoices?subscription_id={NOBODY}") == []


def test_the_first_payment_begins_the_first_period(merchant: Merchant, sandbox: Sandbox, shop: Shop) -> None:
    made = subscribe(merchant, starts_at="2030-01-31T10:00:00+00:00", period_quantity=1)

    pay(sandbox, made)
    sandbox.deliver()

    paid = read(merchant, made)
    assert paid == made | {
        "current_period_starts_at": "2030-01-31T10:00:00+00:00",
        "current_period_ends_at": "2030-02-28T10:00:00+00:00",
        "current_period_paid": True,
    }
    body = json.loads(shop.posts[-1][1])
    assert (body["type"], body["event"], body["data"]) == ("Subscription", "paid", paid)
    with pytest.raises(RefusalError):
        money_controls.bill(sandbox, made["id"])


def test_each_period_is_paid_before_it_ends_or_is_the_last(merchant: Merchant, sandbox: Sandbox, shop: Shop) -> None:
    made = subscribe(merchant, period="week", period_quantity=1)
    pay(sandbox, made)
    pass_time(sandbox, days=15)
    second = read(merchant, made)
    pay(sandbox, made)
    pass_time(sandbox, days=7)
    third = read(merchant, made)

    pass_time(sandbox, days=7)

    assert (second["status"], second["current_period_paid"]) == ("active", False)
    assert (third["status"], third["current_period_paid"]) == ("active", False)
    last = read(merchant, made)
    assert (last["status"], last["cancelled_at"]) == ("cancelled", third["current_period_ends_at"])
    assert told(shop) == ["paid(active)", "paid(active)", "cancelled(cancelled)"]


def test_a_subscription_unpaid_at_its_deadline_is_cancelled(merchant: Merchant, sandbox: Sandbox, shop: Shop) -> None:
    made = subscribe(merchant)
    pay(sandbox, made, factor="0.5")

    pass_time(sandbox, days=8)

    shown = read(merchant, made)
    assert (shown["status"], shown["current_period_paid"]) == ("cancelled", False)
    assert shown["cancelled_at"] == made["current_period_ends_at"]
    assert told(shop) == ["cancelled(cancelled)"]


def test_an_invoice_that_settles_for_less_does_not_pay_the_period(
    merchant: Merchant, sandbox: Sandbox, shop: Shop
) -> None:
    sandbox.change_settings({"underpaid": "recalculate"})
    made = subscribe(merchant)

    pay(sandbox, made, factor="0.5")
    pass_time(sandbox, days=1)

    assert read(merchant, made)["current_period_paid"] is False
    assert told(shop) == []


def test_a_payment_after_the_deadline_comes_too_late(merchant: Merchant, sandbox: Sandbox, shop: Shop) -> None:
    made = subscribe(merchant)
    invoice = money_controls.bill(sandbox, made["id"])
    pass_time(sandbox, days=8)

    sandbox.pay(invoice.id)
    sandbox.confirm(invoice.id)
    sandbox.deliver()

    assert read(merchant, made)["status"] == "cancelled"
    assert told(shop) == ["cancelled(cancelled)"]


def test_the_merchant_cancels(merchant: Merchant, sandbox: Sandbox, shop: Shop) -> None:
    made = subscribe(merchant)

    cancelled = merchant.data("POST", f"/api/subscriptions/{made['id']}/cancel")
    pass_time(sandbox, days=30)

    assert (cancelled["status"], cancelled["cancelled_at"]) == ("cancelled", made["created_at"])
    assert read(merchant, made) == cancelled
    assert told(shop) == ["cancelled(cancelled)"]
    assert merchant.call("POST", f"/api/subscriptions/{made['id']}/cancel").status == 422
    with pytest.raises(RefusalError):
        money_controls.bill(sandbox, made["id"])


def test_the_list_is_paged_newest_first(merchant: Merchant) -> None:
    made = [subscribe(merchant)["id"] for _ in range(51)]

    first = json.loads(merchant.call("GET", "/api/subscriptions").body)
    rest = merchant.data("GET", f"/api/subscriptions?starting_after={first['data'][-1]['id']}")

    assert first["meta"] == {"total": 51, "has_more": True}
    assert [one["id"] for one in (*first["data"], *rest)] == made[::-1]


def test_a_start_is_taken_as_an_official_client_writes_it(merchant: Merchant) -> None:
    made = subscribe(merchant, starts_at="2030-07-24 08:46:28 UTC")

    assert made["current_period_ends_at"] == "2030-07-24T08:46:28+00:00"


@pytest.mark.parametrize(
    ("values", "code", "target"),
    [
        ({"name": ...}, "is_missing", "name"),
        ({"amount": ...}, "is_missing", "amount"),
        ({"amount": "0"}, "must_be_greater_than", "amount"),
        ({"currency": "XXX"}, "must_be_included_in", "currency"),
        ({"period": "decade"}, "must_be_included_in", "period"),
        ({"period": ...}, "is_missing", "period"),
        ({"period_quantity": "3"}, "must_be_integer", "period_quantity"),
        ({"period_quantity": True}, "must_be_integer", "period_quantity"),
        ({"period_quantity": 0}, "must_be_greater_than", "period_quantity"),
        ({"period_quantity": 10**9}, "must_be_less_than_or_equal", "period_quantity"),
        ({"period_quantity": ...}, "is_missing", "period_quantity"),
        ({"starts_at": ...}, "is_missing", "starts_at"),
        ({"starts_at": "soon"}, "must_be_date_time", "starts_at"),
        ({"starts_at": "0001-01-01T00:00:00+14:00"}, "must_be_date_time", "starts_at"),
        ({"starts_at": "2020-01-01T00:00:00Z"}, "must_be_greater_than_or_equal", "starts_at"),
        ({"payer_email": ...}, "is_missing", "payer_email"),
        ({"payer_email": "user"}, "invalid_format", "payer_email"),
        ({"success_redirect_url": "javascript:x"}, "invalid_format", "success_redirect_url"),
    ],
)
def test_a_request_that_cannot_be_is_refused_by_name(
    merchant: Merchant, sandbox: Sandbox, values: dict[str, Any], code: str, target: str
) -> None:
    response = merchant.call("POST", "/api/subscriptions", form(sandbox, **values))

    problem = json.loads(response.body)["error"]["details"][0]
    assert (response.status, problem["code"], problem["target"]) == (422, code, target)


def test_there_is_no_subscription_that_was_not_made(merchant: Merchant) -> None:
    subscribe(merchant, custom_id="S-1")

    assert merchant.call("GET", f"/api/subscriptions/{NOBODY}").status == 404
    assert merchant.call("GET", "/api/subscriptions/7").status == 422
    assert merchant.call("GET", "/api/subscriptions/custom_id/S-2").status == 404
    assert merchant.call("POST", "/api/subscriptions", form(merchant.sandbox, custom_id="S-1")).status == 409


@pytest.mark.parametrize(
    ("period", "quantity", "end"),
    [
        (Period.DAY, 3, datetime(2024, 2, 3, tzinfo=UTC)),
        (Period.WEEK, 2, datetime(2024, 2, 14, tzinfo=UTC)),
        (Period.MONTH, 1, datetime(2024, 2, 29, tzinfo=UTC)),
        (Period.MONTH, 11, datetime(2024, 12, 31, tzinfo=UTC)),
        (Period.MONTH, 12, datetime(2025, 1, 31, tzinfo=UTC)),
        (Period.YEAR, 2, datetime(2026, 1, 31, tzinfo=UTC)),
    ],
)
def test_a_period_ends_on_the_same_day_or_the_last_of_a_short_month(
    period: Period, quantity: int, end: datetime
) -> None:
    assert add_period(datetime(2024, 1, 31, tzinfo=UTC), period, quantity) == end

"""Each sequence that is normal, as a whole story: the order, the customer, the callbacks, the shop's row.

What is expected is the same in process and over HTTP. Signals of one story are listed in their order. Where the account's
own setting resolves an invoice at once, the gateway has moved on before it is asked about `unresolved`: no such event.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from cryptopay_django.models import Callback, CallbackOutcome, Invoice, InvoiceEvent
from cryptopay_django.services import create_invoice
from cryptopay_django.services.worker import due_work

from .conftest import Shop
from .hands import (
    Hands,
    confirm,
    decide,
    double_spend,
    expire,
    pay,
    pay_the_rest,
    wait_two_weeks,
)

PRICE = Decimal(100)
SEEN = ["invoice_created", "payment_detected", "payment_confirmed"]

Step = Callable[[Hands, Invoice], None]


@pytest.fixture(autouse=True)
def nothing_overdue() -> None:
    """Let no callback follow refunds that are due: on a slow machine they are overdue before a story is over."""
    due_work.overdue_throttle.pause(3600)


@dataclass(frozen=True)
class Story:
    """`settled` is "ordered", "less" or "more" than the price, or "" for nothing; `paid` a factor of what was asked."""

    name: str
    steps: list[Step]
    ends: tuple[str, str]
    signals: list[str]
    paid: str
    settled: str = ""
    settings: dict[str, str] = field(default_factory=dict)


PAID_IN_FULL = [
    Story(
        "paid in full",
        [pay("1"), confirm],
        ("completed", ""),
        [*SEEN, "invoice_completed"],
        paid="1",
        settled="ordered",
    ),
    Story(
        "topped up in time",
        [pay("0.9"), confirm, pay_the_rest, confirm],
        ("completed", ""),
        [*SEEN, *SEEN[1:], "invoice_completed"],
        paid="1",
        settled="ordered",
    ),
    Story(
        "confirmed only after the expiry",
        [pay("1"), expire, confirm],
        ("completed", ""),
        [*SEEN, "invoice_completed"],
        paid="1",
        settled="ordered",
    ),
]

UNDERPAID = [
    Story(
        "underpaid, left to the merchant",
        [pay("0.9"), confirm, expire],
        ("unresolved", "underpaid"),
        [*SEEN, "invoice_unresolved"],
        paid="0.9",
    ),
    Story(
        "underpaid, recalculated",
        [pay("0.9"), confirm, expire],
        ("completed", ""),
        [*SEEN, "invoice_settled_short"],
        paid="0.9",
        settled="less",
        settings={"underpaid": "recalculate"},
    ),
    Story(
        "underpaid, refunded",
        [pay("0.9"), confirm, expire],
        ("refunded", ""),
        [*SEEN, "invoice_refunded"],
        paid="0.9",
        settings={"underpaid": "refund"},
    ),
]

OVERPAID = [
    Story(
        "overpaid, left to the merchant",
        [pay("1.5"), confirm],
        ("unresolved", "overpaid"),
        [*SEEN, "invoice_unresolved"],
        paid="1.5",
    ),
    Story(
        "overpaid, the overage refunded",
        [pay("1.5"), confirm],
        ("completed", ""),
        [*SEEN, "invoice_completed"],
        paid="1.5",
        settled="ordered",
        settings={"overpaid": "refund"},
    ),
    Story(
        "overpaid, all of it refunded",
        [pay("1.5"), confirm],
        ("refunded", ""),
        [*SEEN, "invoice_refunded"],
        paid="1.5",
        settings={"overpaid": "refund", "overpaid_refund_ends": "refunded"},
    ),
    Story(
        "overpaid, recalculated",
        [pay("1.5"), confirm],
        ("completed", ""),
        [*SEEN, "invoice_completed"],
        paid="1.5",
        settled="more",
        settings={"overpaid": "recalculate"},
    ),
    Story(
        "paid twice, the overage refunded",
        [pay("1"), pay("1"), confirm],
        ("completed", ""),
        ["invoice_created", *["payment_detected"] * 2, *["payment_confirmed"] * 2, "invoice_completed"],
        paid="2",
        settled="ordered",
        settings={"overpaid": "refund"},
    ),
]  # fmt: skip

PAID_LATE = [
    Story(
        "paid late, left to the merchant",
        [expire, pay("1"), confirm],
        ("unresolved", "paid_late"),
        [*SEEN, "invoice_unresolved"],
        paid="1",
    ),
    Story(
        "paid late, recalculated, enough",
        [expire, pay("1.2"), confirm],
        ("completed", ""),
        [*SEEN, "invoice_completed"],
        paid="1.2",
        settled="more",
        settings={"paid_late": "recalculate"},
    ),
    Story(
        "paid late, recalculated, too little",
        [expire, pay("0.8"), confirm],
        ("completed", ""),
        [*SEEN, "invoice_settled_short"],
        paid="0.8",
        settled="less",
        settings={"paid_late": "recalculate"},
    ),
    Story(
        "paid late, refunded",
        [expire, pay("1"), confirm],
        ("refunded", ""),
        [*SEEN, "invoice_refunded"],
        paid="1",
        settings={"paid_late": "refund"},
    ),
    Story(
        "topped up too late",
        [pay("0.9"), confirm, expire, pay_the_rest, confirm],
        ("unresolved", "paid_late"),
        [*SEEN, "invoice_unresolved", *SEEN[1:], "invoice_unresolved"],
        paid="1",
    ),
]

ON_HOLD = [
    Story(
        "on hold, and no setting touches it",
        [pay("1", risk="high"), confirm],
        ("unresolved", "illicit_resource"),
        [*SEEN, "invoice_unresolved"],
        paid="1",
        settings={"underpaid": "refund", "overpaid": "refund", "paid_late": "refund"},
    ),
    Story(
        "on hold, completed by the desk",
        [pay("1", risk="high"), confirm, decide("complete")],
        ("completed", ""),
        [*SEEN, "invoice_unresolved", "invoice_completed"],
        paid="1",
        settled="ordered",
    ),
    Story(
        "on hold, refunded by the desk",
        [pay("1", risk="high"), confirm, decide("refund")],
        ("refunded", ""),
        [*SEEN, "invoice_unresolved", "invoice_refunded"],
        paid="1",
    ),
]

NEVER_PAID = [
    Story("expired, which is no status", [expire], ("new", ""), ["invoice_created"], paid="0"),
    Story(
        "never paid",
        [expire, wait_two_weeks],
        ("cancelled", ""),
        ["invoice_created", "invoice_cancelled"],
        paid="0",
    ),
    Story(
        "double spent",
        [double_spend, wait_two_weeks],
        ("cancelled", ""),
        ["invoice_created", "payment_detected", "invoice_cancelled"],
        paid="1",
    ),
]

STORIES = [*PAID_IN_FULL, *UNDERPAID, *OVERPAID, *PAID_LATE, *ON_HOLD, *NEVER_PAID]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name.replace(" ", "-"))
def test_the_story_ends_as_told_and_the_shop_writes_each_row_once(story: Story, hands: Hands, shop: Shop) -> None:
    hands.settings(**story.settings)
    invoice = create_invoice(price_amount=PRICE, price_currency="EUR", pay_currency="BTC")

    for step in story.steps:
        step(hands, invoice)

    check(story, invoice, shop)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name.replace(" ", "-"))
def test_the_story_told_once_more_backwards_changes_nothing(story: Story, hands: Hands, shop: Shop) -> None:
    hands.settings(**story.settings)
    invoice = create_invoice(price_amount=PRICE, price_currency="EUR", pay_currency="BTC")
    for step in story.steps:
        step(hands, invoice)

    resent = hands.resend_everything(invoice)

    assert sum(1 + callback.repeats for callback in Callback.objects.filter(invoice=invoice)) == 2 * resent
    check(story, invoice, shop)


def check(story: Story, invoice: Invoice, shop: Shop) -> None:
    ended = Invoice.objects.get(pk=invoice.pk)
    assert shop.heard == story.signals
    assert (ended.status, ended.status_context, ended.quarantine_reason) == (*story.ends, "")
    assert ended.price_amount == PRICE
    assert settled_of(ended) == story.settled
    asked = ended.pay_amount
    assert ended.paid_amount == (asked * Decimal(story.paid)).quantize(Decimal("0.00000001"))
    for kind in set(story.signals):
        assert shop.rows(ended, kind) == story.signals.count(kind)
    assert not InvoiceEvent.objects.filter(invoice=ended, next_attempt_at__isnull=False).exists()
    outcomes = set(Callback.objects.values_list("outcome", flat=True))
    assert outcomes <= {CallbackOutcome.APPLIED, CallbackOutcome.STALE}


def settled_of(invoice: Invoice) -> str:
    if invoice.settled_amount is None:
        return ""
    if invoice.settled_amount == PRICE:
        return "ordered"
    return "less" if invoice.settled_amount < PRICE else "more"

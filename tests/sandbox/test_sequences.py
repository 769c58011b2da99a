"""Each sequence that is normal, as a table: what the customer and the clock do, what the merchant is told."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from cryptopay_django.sandbox.core import Sandbox

from .conftest import Merchant, Shop, pass_time

SEEN = ["transaction_created(new)", "transaction_confirmed(new)"]


@dataclass(frozen=True)
class Story:
    """Steps are `pay FACTOR`, `risky`, `double`, `confirm`, `wait MINUTES`, `desk DECISION`."""

    name: str
    steps: list[str]
    told: list[str]
    settings: dict[str, str] = field(default_factory=dict)


STORIES = [
    Story("paid in full", ["pay 1", "confirm"], [*SEEN, "status_changed(completed)"]),
    Story("paid in full, at the network's pace", ["pay 1", "wait 11"], [*SEEN, "status_changed(completed)"]),
    Story(
        "confirmed only after the expiry",
        ["wait 9", "pay 1", "wait 30"],
        [*SEEN, "status_changed(completed)"],
    ),
    Story("underpaid, before the expiry", ["pay 0.9", "confirm", "wait 9"], SEEN),
    Story("underpaid", ["pay 0.9", "confirm", "wait 10"], [*SEEN, "status_changed(unresolved, underpaid)"]),
    Story(
        "underpaid, confirmed after the expiry",
        ["wait 9", "pay 0.9", "wait 30"],
        [*SEEN, "status_changed(unresolved, underpaid)"],
    ),
    Story(
        "underpaid, recalculated",
        ["pay 0.9", "confirm", "wait 10"],
        [*SEEN, "status_changed(unresolved, underpaid)", "recalculated(completed)", "status_changed(completed)"],
        {"underpaid": "recalculate"},
    ),
    Story(
        "underpaid, refunded",
        ["pay 0.9", "confirm", "wait 10"],
        [*SEEN, "status_changed(unresolved, underpaid)", "refunded(refunded)", "status_changed(refunded)"],
        {"underpaid": "refund"},
    ),
    Story(
        "topped up in time",
        ["pay 0.9", "confirm", "pay 0.1", "confirm"],
        [*SEEN, *SEEN, "status_changed(completed)"],
    ),
    Story("overpaid", ["pay 1.5", "confirm"], [*SEEN, "status_changed(unresolved, overpaid)"]),
    Story(
        "overpaid, the overage refunded",
        ["pay 1.5", "confirm"],
        [*SEEN, "status_changed(unresolved, overpaid)", "refunded(completed)", "status_changed(completed)"],
        {"overpaid": "refund"},
    ),
    Story(
        "overpaid, all of it refunded",
        ["pay 1.5", "confirm"],
        [*SEEN, "status_changed(unresolved, overpaid)", "refunded(refunded)", "status_changed(refunded)"],
        {"overpaid": "refund", "overpaid_refund_ends": "refunded"},
    ),
    Story(
        "overpaid, recalculated",
        ["pay 1.5", "confirm"],
        [*SEEN, "status_changed(unresolved, overpaid)", "recalculated(completed)", "status_changed(completed)"],
        {"overpaid": "recalculate"},
    ),
    Story(
        "paid twice",
        ["pay 1", "pay 1", "confirm"],
        ["transaction_created(new)"] * 2
        + ["transaction_confirmed(new)"] * 2
        + ["status_changed(unresolved, overpaid)"],
    ),
    Story(
        "paid late",
        ["wait 11", "pay 1", "confirm"],
        [*SEEN, "status_changed(unresolved, paid_late)"],
    ),
    Story(
        "paid late, recalculated",
        ["wait 11", "pay 1", "confirm"],
        [*SEEN, "status_changed(unresolved, paid_late)", "recalculated(completed)", "status_changed(completed)"],
        {"paid_late": "recalculate"},
    ),
    Story(
        "paid late, refunded",
        ["wait 11", "pay 1", "confirm"],
        [*SEEN, "status_changed(unresolved, paid_late)", "refunded(refunded)", "status_changed(refunded)"],
        {"paid_late": "refund"},
    ),
    Story(
        "underpaid, topped up too late",
        ["pay 0.9", "confirm", "wait 10", "wait 1", "pay 0.1", "confirm"],
        [
            *SEEN,
            "status_changed(unresolved, underpaid)",
            "transaction_created(unresolved, underpaid)",
            "transaction_confirmed(unresolved, underpaid)",
            "status_changed(unresolved, paid_late)",
        ],
    ),
    Story(
        "underpaid by so much that it has no price, recalculated",
        ["pay 0.00005", "confirm", "wait 11"],
        [*SEEN, "status_changed(unresolved, underpaid)"],
        {"underpaid": "recalculate"},
    ),
    Story(
        "held, whatever the account's settings",
        ["risky", "confirm", "wait 30000"],
        [*SEEN, "status_changed(unresolved, illicit_resource)"],
        {"underpaid": "refund", "overpaid": "refund", "paid_late": "refund"},
    ),
    Story(
        "held, then let through",
        ["risky", "confirm", "desk complete"],
        [*SEEN, "status_changed(unresolved, illicit_resource)", "status_changed(completed)"],
    ),
    Story(
        "held, then refunded",
        ["risky", "confirm", "desk refund"],
        [*SEEN, "status_changed(unresolved, illicit_resource)", "status_changed(refunded)"],
    ),
    Story("never paid, before the 14 days", ["wait 20159"], []),
    Story("never paid", ["wait 20160"], ["status_changed(cancelled)"]),
    Story("double spent", ["double", "wait 20160"], ["transaction_created(new)", "status_changed(cancelled)"]),
    Story(
        "double spent, then paid",
        ["double", "pay 1", "confirm"],
        ["transaction_created(new)", *SEEN, "status_changed(completed)"],
    ),
]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name.replace(" ", "-"))
def test_the_merchant_is_told(story: Story, sandbox: Sandbox, merchant: Merchant, shop: Shop) -> None:
    sandbox.change_settings(story.settings)
    invoice = merchant.order()["id"]

    for step in story.steps:
        perform(sandbox, invoice, step)

    assert shop.story == story.told


def perform(sandbox: Sandbox, invoice: str, step: str) -> None:
    verb, _, argument = step.partition(" ")
    if verb == "pay":
        sandbox.pay(invoice, factor=argument)
    elif verb == "risky":
        sandbox.pay(invoice, risk="high")
    elif verb == "double":
        sandbox.pay(invoice, double_spend=True)
    elif verb == "confirm":
        sandbox.confirm(invoice)
    elif verb == "desk":
        sandbox.decide(invoice, argument)
    elif verb == "wait":
        pass_time(sandbox, minutes=int(argument))
    sandbox.deliver()

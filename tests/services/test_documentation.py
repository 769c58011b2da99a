"""The page on signals and handlers: its blocks run, and its tables miss no event and no decorator."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.dispatch import Signal

from cryptopay_django import handlers, signals
from cryptopay_django.services.events.outbox import SIGNALS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "signals.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def run(block):
    names = {"__name__": "shop.cryptopay_handlers", "__package__": "example_project.shop"}
    exec(compile(block, "docs/signals.md", "exec"), names)
    return names


@pytest.mark.parametrize(
    ("signal", "receiver"), [(signals.invoice_completed, "mark_paid"), (signals.refund_succeeded, "book")]
)
def test_the_receivers_of_the_page_are_connected(signal, receiver):
    (block,) = [block for block in BLOCKS if f"def {receiver}(" in block]

    names = run(block)

    assert signal.disconnect(names[receiver])


def test_the_handlers_of_the_page_are_registered():
    (block,) = [block for block in BLOCKS if "@on_payment_detected" in block]

    names = run(block)

    try:
        assert handlers.paths_for("invoice_completed") == ["shop.cryptopay_handlers.ship"]
        assert handlers.paths_for("payment_detected") == ["shop.cryptopay_handlers.inform_customer"]
    finally:
        handlers.unregister(names["ship"])
        handlers.unregister(names["inform_customer"])


def test_the_test_of_the_page_passes(db, cryptopay_sandbox):
    (block,) = [block for block in BLOCKS if "def test_" in block]

    run(block)["test_a_paid_order_is_shipped_once"](db, cryptopay_sandbox)


@pytest.mark.parametrize("kind", sorted(SIGNALS))
def test_every_event_is_in_the_table(kind):
    assert f"| `{kind}` |" in PAGE


def test_every_signal_is_named():
    names = [name for name, value in vars(signals).items() if isinstance(value, Signal)]

    assert [name for name in names if f"`{name}`" not in PAGE] == []

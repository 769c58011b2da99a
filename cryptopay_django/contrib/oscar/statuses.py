"""Moves an order through the shop's own pipeline. `OSCAR_CRYPTOPAY_STATUSES` says which status means what.

OSCAR_CRYPTOPAY_STATUSES = {"paid": "Being processed", "attention": "Needs attention", "cancelled": "Cancelled"}

If a meaning has no status, or if the pipeline does not allow the move, the order stays where it is and gets a note.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from oscar.core.loading import get_class, get_model

Order = get_model("order", "Order")

PAID, ATTENTION, CANCELLED = "paid", "attention", "cancelled"
REFUNDED, PARTLY_REFUNDED = "refunded", "partly_refunded"
MEANINGS = (PAID, ATTENTION, CANCELLED, REFUNDED, PARTLY_REFUNDED)
DEFAULT = {PAID: "Being processed", CANCELLED: "Cancelled"}
"""The statuses of the pipeline that oscar's documentation begins with."""

PAID_EVENT = "Paid"
"""The type of oscar's payment event for an order that is paid as a whole."""


def status_for(meaning: str) -> str:
    """Return the shop's status for a meaning, or "" if it has none."""
    return str(_chosen().get(meaning, ""))


def paid_event_of(order: Any) -> Any:
    """Return the payment event that says by which invoice an order was paid, or None. Its reference is the id."""
    return order.payment_events.filter(event_type__name=PAID_EVENT).order_by("pk").first()


def waits(order: Any) -> bool:
    """Return whether an order waits for its payment: nobody has paid it, cancelled it, or moved it on by hand."""
    return order.status in (_first(), status_for(ATTENTION)) and paid_event_of(order) is None


def move(order: Any, meaning: str, message: str) -> None:
    """Give a locked order the status for a meaning, and write a note that staff read in the dashboard.

    The move goes through oscar's EventHandler, so whatever the shop does when a status changes happens too.
    """
    new = status_for(meaning)
    if not new or new == order.status:
        note(order, message)
    elif new in order.available_statuses():
        get_class("order.processing", "EventHandler")().handle_order_status_change(order, new, note_msg=message)
    else:
        note(order, f'{message} The pipeline does not allow "{new}" after "{order.status}": please decide.')


def note(order: Any, message: str) -> None:
    """Write a note for staff on an order."""
    order.notes.create(message=message, note_type=order.notes.model.SYSTEM)


def check_statuses(**kwargs: Any) -> list[CheckMessage]:
    """Return an error for each entry of OSCAR_CRYPTOPAY_STATUSES that cannot work.

    Return a warning if the pipeline does not lead from the status of new orders to the one of paid orders.
    """
    chosen, known = _chosen(), Order.all_statuses()
    found: list[CheckMessage] = [
        Error(
            f'OSCAR_CRYPTOPAY_STATUSES has the key "{meaning}"',
            hint=f"The keys are: {', '.join(MEANINGS)}.",
            id="cryptopay_oscar.E001",
        )
        for meaning in chosen
        if meaning not in MEANINGS
    ]
    found += [
        Error(
            f'OSCAR_ORDER_STATUS_PIPELINE has no status "{status}", which OSCAR_CRYPTOPAY_STATUSES names',
            hint=f"It has: {', '.join(known) or 'none'}.",
            id="cryptopay_oscar.E002",
        )
        for status in chosen.values()
        if status not in known
    ]
    if chosen.get(PAID) not in Order.pipeline.get(_first(), ()):
        found.append(
            CheckWarning(
                f'an order that is paid stays "{_first()}": the pipeline does not lead to "{chosen.get(PAID, "")}"',
                hint="Set OSCAR_INITIAL_ORDER_STATUS, OSCAR_ORDER_STATUS_PIPELINE and OSCAR_CRYPTOPAY_STATUSES.",
                id="cryptopay_oscar.W001",
            )
        )
    return found


def _chosen() -> dict[str, str]:
    chosen: dict[str, str] = getattr(settings, "OSCAR_CRYPTOPAY_STATUSES", DEFAULT)
    return chosen


def _first() -> str:
    return str(getattr(settings, "OSCAR_INITIAL_ORDER_STATUS", ""))

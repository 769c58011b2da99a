"""Moves an order through the shop's own pipeline. `OSCAR_CRYPTOPAY_STATUSES` says which status means what.

OSCAR_CRYPTOPAY_STATUSES = {"paid": "Being processed", "attention": "Needs attention", "cancelled": "Cancelled"}

If a meaning has no status, or if the pipeline does not allow the move, the order stays where it is and gets a note.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from oscar.core.loading import get_class, get_model

from cryptopay_django.adapters import OrderState

from .sources import expects_coins

Order = get_model("order", "Order")

MEANINGS = [state.name.lower() for state in OrderState if state != OrderState.OPEN]
DEFAULT = {"paid": "Being processed", "cancelled": "Cancelled"}
"""The statuses of the pipeline that oscar's documentation begins with."""

PAID_EVENT = "Paid"
"""The type of oscar's payment event for an order that is paid as a whole."""


def status_for(state: OrderState) -> str:
    """Return the shop's status for a state, or "" if it has none."""
    return str(chosen().get(state.name.lower(), ""))


def paid_event_of(order: Any) -> Any:
    """Return the payment event that says by which invoice an order was paid, or None. Its reference is the id."""
    return order.payment_events.filter(event_type__name=PAID_EVENT).order_by("pk").first()


def waits(order: Any) -> bool:
    """Return whether an order waits for coins: nobody has paid it, cancelled it, or moved it on by hand."""
    is_open = order.status in (first_status(), status_for(OrderState.ATTENTION)) and paid_event_of(order) is None
    return is_open and expects_coins(order)


def move(order: Any, state: OrderState, message: str) -> None:
    """Give a locked order the status for a state, and write a note that staff read in the dashboard.

    The move goes through oscar's EventHandler, so whatever the shop does when a status changes happens too.
    """
    new = status_for(state)
    if not new or new == order.status:
        note(order, message)
    elif new in order.available_statuses():
        get_class("order.processing", "EventHandler")().handle_order_status_change(order, new, note_msg=message)
    else:
        note(order, f'{message} The pipeline does not allow "{new}" after "{order.status}": please decide.')


def note(order: Any, message: str) -> None:
    """Write a note for staff on an order, once: events can be delivered again."""
    order.notes.get_or_create(message=message, note_type=order.notes.model.SYSTEM)


def chosen() -> dict[str, str]:
    """Return the shop's status for each meaning."""
    statuses: dict[str, str] = getattr(settings, "OSCAR_CRYPTOPAY_STATUSES", DEFAULT)
    return statuses


def first_status() -> str:
    """Return the status of an order that was just placed."""
    return str(getattr(settings, "OSCAR_INITIAL_ORDER_STATUS", ""))

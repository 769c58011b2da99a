"""The verbs. Everything that changes an invoice is one of these."""

from .callbacks import process_callback, process_overdue, receive_callback
from .checkout import create_invoice
from .events import deliver_events
from .reconciliation import reconcile_invoices, refresh_invoice
from .resolution import release_invoice

__all__ = [
    "create_invoice",
    "deliver_events",
    "process_callback",
    "process_overdue",
    "receive_callback",
    "reconcile_invoices",
    "refresh_invoice",
    "release_invoice",
]

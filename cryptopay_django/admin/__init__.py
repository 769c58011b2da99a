"""What staff see. Read-only: the state of an invoice moves through `services` alone."""

from .invoice import CallbackAdmin, InvoiceAdmin

__all__ = ["CallbackAdmin", "InvoiceAdmin"]

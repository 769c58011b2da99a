"""The pages of the staff. Rows are read-only here: every act is a call of `services`, with its permission checked."""

from .callback import CallbackAdmin
from .invoice import InvoiceAdmin
from .refund import RefundAdmin
from .resolution import ResolutionAdmin

__all__ = ["CallbackAdmin", "InvoiceAdmin", "RefundAdmin", "ResolutionAdmin"]

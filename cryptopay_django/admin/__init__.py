"""Serves the pages of the staff. Rows are read-only here: each action calls `services`, which check its permission."""

from .approval_list import ApprovalAdmin
from .callback import CallbackAdmin
from .channel import ChannelAdmin
from .channel_payment import ChannelPaymentAdmin
from .invoice import InvoiceAdmin
from .order import OrderInvoicesInline
from .payment_link import PaymentLinkAdmin
from .refund import RefundAdmin
from .resolution import ResolutionAdmin

__all__ = [
    "ApprovalAdmin",
    "CallbackAdmin",
    "ChannelAdmin",
    "ChannelPaymentAdmin",
    "InvoiceAdmin",
    "OrderInvoicesInline",
    "PaymentLinkAdmin",
    "RefundAdmin",
    "ResolutionAdmin",
]

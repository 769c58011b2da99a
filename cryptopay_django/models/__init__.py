"""The nouns. What may change them: `services`."""

from .callback import Callback, CallbackOutcome
from .delivery import HandlerDelivery
from .event import EventKind, InvoiceEvent
from .invoice import Invoice, InvoiceStatus, StatusContext
from .notice import NoticeKind, NoticeSchedule
from .payment import Payment, PaymentStatus
from .refund import Refund, RefundCause, RefundStatus
from .resolution import Resolution, ResolutionKind, ResolutionStatus
from .risk import RiskLevel
from .schedule import Schedule

__all__ = [
    "Callback",
    "CallbackOutcome",
    "EventKind",
    "HandlerDelivery",
    "Invoice",
    "InvoiceEvent",
    "InvoiceStatus",
    "NoticeKind",
    "NoticeSchedule",
    "Payment",
    "PaymentStatus",
    "Refund",
    "RefundCause",
    "RefundStatus",
    "Resolution",
    "ResolutionKind",
    "ResolutionStatus",
    "RiskLevel",
    "Schedule",
    "StatusContext",
]

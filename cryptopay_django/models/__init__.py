"""Defines the models. Only `services` change their money facts."""

from .books import BookEntry, Books, ClosedPeriod, EntryKind, RateSource
from .callback import Callback, CallbackOutcome
from .channel import Channel, ChannelStatus
from .channel_payment import ChannelPayment, ChannelPaymentContext, ChannelPaymentStatus
from .event import EventKind, InvoiceEvent, Subject, subject_of
from .handler_delivery import HandlerDelivery
from .invoice import Invoice, InvoiceStatus, StatusContext
from .notice import NoticeKind, NoticeSchedule
from .payment import Payment, PaymentStatus
from .payment_link import PaymentLink, PaymentLinkKind, PaymentLinkUse
from .rate_limit_slot import RateLimitSlot
from .refund import Refund, RefundCause, RefundStatus
from .refund_link import RefundLink
from .resolution import Resolution, ResolutionKind, ResolutionStatus
from .risk import RiskLevel
from .schedule import Schedule

__all__ = [
    "BookEntry",
    "Books",
    "Callback",
    "CallbackOutcome",
    "Channel",
    "ChannelPayment",
    "ChannelPaymentContext",
    "ChannelPaymentStatus",
    "ChannelStatus",
    "ClosedPeriod",
    "EntryKind",
    "EventKind",
    "HandlerDelivery",
    "Invoice",
    "InvoiceEvent",
    "InvoiceStatus",
    "NoticeKind",
    "NoticeSchedule",
    "Payment",
    "PaymentLink",
    "PaymentLinkKind",
    "PaymentLinkUse",
    "PaymentStatus",
    "RateLimitSlot",
    "RateSource",
    "Refund",
    "RefundCause",
    "RefundLink",
    "RefundStatus",
    "Resolution",
    "ResolutionKind",
    "ResolutionStatus",
    "RiskLevel",
    "Schedule",
    "StatusContext",
    "Subject",
    "subject_of",
]

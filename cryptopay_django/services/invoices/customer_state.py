"""Reads the customer's state of a payment: one word (`State`), exact amounts, and the seconds left.

After the expiry, `_open_state` decides the state. The texts of the states are in `pages/state_texts.py`. Nothing here
shows risk, source addresses, metadata or people's names. `read_progress` makes one query; the pages and the API both
use it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.utils import timezone

from ...fields import EXACT, canonical
from ...models import (
    EventKind,
    Invoice,
    InvoiceEvent,
    InvoiceStatus,
    Payment,
    PaymentStatus,
    Refund,
    RefundStatus,
    StatusContext,
)
from ..accounts import is_in_force
from .current_invoice import ENDED_UNPAID


class State(StrEnum):
    """The state that the customer sees. Only `completed` means paid.

    `elsewhere`: money came in for another invoice of the same order. This has nothing to do with environments.
    """

    PREPARING = "preparing"
    WAITING = "waiting"
    PARTLY_PAID = "partly_paid"
    SEEN = "seen"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    EXPIRED = "expired"
    ELSEWHERE = "elsewhere"
    UNDERPAID = "underpaid"
    OVERPAID = "overpaid"
    LATE = "late"
    HELD = "held"
    REVIEW = "review"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"
    UNAVAILABLE = "unavailable"


PAYABLE = frozenset({State.WAITING, State.PARTLY_PAID})
"""States in which coins may be sent."""

FINAL = frozenset({State.COMPLETED, State.REFUNDED, State.CANCELLED, State.UNAVAILABLE})
"""States that nobody needs to watch any more."""

# What pages and a shop's hook need. Metadata, customer and e-mail are not even loaded.
_SHOWN = (
    "status", "status_context", "quarantine_reason", "price_amount", "price_currency", "pay_amount", "pay_currency",
    "paid_amount", "exchange_rate", "network", "address", "destination_tag", "uri", "hosted_page_url", "name",
    "description", "success_redirect_url", "unsuccess_redirect_url", "version", "created_at", "expires_at",
    "polled_at", "account", "environment", "custom_id", "gateway_id", "order_content_type", "order_object_id",
    "attempt",
)  # fmt: skip

_SHOWN_OF_REFUND = (
    "txid", "status", "amount", "received_amount", "currency", "network", "address", "created_at",
)  # fmt: skip
_SHOWN_AT_MOST = 10
_SOON = timedelta(minutes=1)

_UNRESOLVED: dict[str, State] = {
    StatusContext.UNDERPAID: State.UNDERPAID,
    StatusContext.OVERPAID: State.OVERPAID,
    StatusContext.PAID_LATE: State.LATE,
    StatusContext.ILLICIT_RESOURCE: State.HELD,
}


@dataclass(frozen=True, slots=True)
class Progress:
    """The state of an invoice at one moment. `invoice` is for our own pages; `public` may be shown to anybody."""

    invoice: Invoice
    state: State
    has_payment: bool
    seconds_left: int | None
    paid_elsewhere: UUID | None = None
    """The invoice of the same order for which money has come in since this one was made, in the state `elsewhere`."""
    is_overdue: bool = False
    """True if the gateway has not given an address for a minute: the customer may start a new payment."""

    @property
    def due_amount(self) -> Decimal | None:
        """The amount that is still to be sent, exactly, in the coin; None if no coins may be sent."""
        if self.state not in PAYABLE or self.invoice.pay_amount is None:
            return None
        return canonical(EXACT.subtract(self.invoice.pay_amount, self.invoice.paid_amount))

    @property
    def is_final(self) -> bool:
        """True if nobody needs to watch the payment any more."""
        return self.state in FINAL

    @property
    def has_receipt(self) -> bool:
        """True if the invoice is paid, or was refunded."""
        return self.has_payment and self.state in (State.COMPLETED, State.REFUNDED)

    @property
    def etag(self) -> str:
        """The HTTP ETag. It changes with the row, and with what the clock changes: the state and `is_overdue`."""
        late = "-overdue" if self.is_overdue else ""
        return f'W/"{self.invoice.pk.hex}-{self.invoice.version}-{self.state}{late}"'

    @property
    def public(self) -> dict[str, Any]:
        """The data for anybody who knows the invoice's id, ready for JSON; amounts are strings."""
        invoice = self.invoice
        return {
            "id": str(invoice.pk),
            "state": str(self.state),
            "is_final": self.is_final,
            "price_amount": _plain(invoice.price_amount),
            "price_currency": invoice.price_currency,
            "pay_amount": _plain(invoice.pay_amount),
            "pay_currency": invoice.pay_currency,
            "paid_amount": _plain(invoice.paid_amount),
            "due_amount": _plain(self.due_amount),
            "network": invoice.network,
            "expires_at": invoice.expires_at.isoformat() if invoice.expires_at else None,
            "seconds_left": self.seconds_left,
        }


def read_progress(invoice_id: UUID, *, now: datetime | None = None) -> Progress | None:
    """Return how far an invoice has come, or None if there is no such invoice. One query, by primary key.

    Reads from the primary database: a replica may not have a new invoice yet, and may ask to pay one that is paid.
    """
    invoice = next(iter(_with_facts().using(Invoice.objects.primary().db).filter(pk=invoice_id)), None)
    if invoice is None:
        return None
    now = now or timezone.now()
    facts: Any = invoice
    state = _state(invoice, now, facts)
    left = None
    if state in PAYABLE and invoice.expires_at is not None:
        left = max(0, int((invoice.expires_at - now).total_seconds()))
    elsewhere = facts.paid_elsewhere if state is State.ELSEWHERE else None
    is_overdue = state is State.PREPARING and now - invoice.created_at > _SOON
    return Progress(invoice, state, facts.has_payment or invoice.paid_amount > 0, left, elsewhere, is_overdue)


def read_movements(progress: Progress) -> tuple[list[Payment], list[Refund]]:
    """Return the transactions that paid an invoice and its refunds, oldest first, as the customer may know them.

    A refund to the shop's own coin account is not among them: it brings the customer nothing. Two queries, and none
    while nothing has arrived.
    """
    if not progress.has_payment:
        return [], []
    invoice = progress.invoice
    payments = Payment.objects.primary().filter(invoice=invoice).order_by("detected_at", "pk")
    refunds = refunds_to_customer(invoice)
    return (
        list(payments.only("txid", "status")[:_SHOWN_AT_MOST]),
        list(refunds.only(*_SHOWN_OF_REFUND)[:_SHOWN_AT_MOST]),
    )


def refunds_to_customer(invoice: Invoice) -> QuerySet[Refund]:
    """Return the refunds that went, or may go, to an address of the customer, oldest first."""
    refunds = Refund.objects.primary().filter(invoice=invoice).exclude(status=RefundStatus.FAILED).exclude(address="")
    return refunds.order_by("created_at", "pk")


@cache
def _with_facts() -> QuerySet[Invoice]:
    """Return the query of all invoices with what their state depends on. Cached, because it is slow to build."""
    payments = Payment.objects.filter(invoice=OuterRef("pk"))
    completed = InvoiceEvent.objects.filter(invoice=OuterRef("pk"), once=EventKind.INVOICE_COMPLETED)
    # Money that came in before this invoice was made does not count: this invoice asks for the rest. Invoices that the
    # shop has named itself do not count either: an order may have several of them at once, such as instalments.
    came_in = Payment.objects.filter(invoice=OuterRef("pk"), detected_at__gt=OuterRef(OuterRef("created_at")))
    same = ("order_content_type", "order_object_id", "environment")
    others = Invoice.objects.filter(Exists(came_in), attempt__isnull=False, **{name: OuterRef(name) for name in same})
    others = others.exclude(pk=OuterRef("pk")).exclude(status__in=ENDED_UNPAID)
    return Invoice.objects.annotate(
        paid_elsewhere=Subquery(others.order_by("created_at").values("pk")[:1]),
        has_payment=Exists(payments),
        is_unconfirmed=Exists(payments.filter(status=PaymentStatus.DETECTED)),
        has_completed_event=Exists(completed),
    ).only(*_SHOWN)


def _state(invoice: Invoice, now: datetime, facts: Any) -> State:
    """Return the state. An invoice in quarantine is "review".

    So is a completed one without the event `invoice_completed`, which tells the shop.
    Checked before that: an open invoice at a gateway that the account does not use any more is "unavailable". The
    customer cannot pay it, and we would not see a payment.
    """
    if not invoice.is_final and not is_in_force(invoice):
        return State.UNAVAILABLE
    if invoice.quarantine_reason:
        return State.REVIEW
    if invoice.status == InvoiceStatus.COMPLETED:
        return State.COMPLETED if facts.has_completed_event else State.REVIEW
    if invoice.status == InvoiceStatus.UNRESOLVED:
        return _UNRESOLVED.get(invoice.status_context, State.REVIEW)
    if invoice.status in (InvoiceStatus.REFUNDED, InvoiceStatus.CANCELLED):
        return State(invoice.status)
    return _open_state(invoice, now, facts)


def _open_state(invoice: Invoice, now: datetime, facts: Any) -> State:
    is_one_at_a_time = invoice.attempt is not None
    if facts.paid_elsewhere and is_one_at_a_time and not facts.has_payment and not invoice.paid_amount:
        return State.ELSEWHERE
    if not invoice.address or invoice.pay_amount is None:
        return State.PREPARING
    is_expired = invoice.is_expired(now)
    if 0 < invoice.paid_amount < invoice.pay_amount:
        return State.UNDERPAID if is_expired else State.PARTLY_PAID
    if facts.has_payment or invoice.paid_amount > 0:
        return State.SEEN if facts.is_unconfirmed or not facts.has_payment else State.CONFIRMED
    return State.EXPIRED if is_expired else State.WAITING


def _plain(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"

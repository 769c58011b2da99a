"""Decides which mail an event leads to, by the present state of the payment. An old event sends no outdated mail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..models import Invoice, InvoiceEvent, Refund, RefundStatus
from ..services.events.outbox import MAIL_OF
from ..services.invoices.customer_state import Progress, State, read_progress
from ..services.invoices.receipt import Receipt, read_receipt

REVIEWED = frozenset({State.UNDERPAID, State.OVERPAID, State.LATE, State.HELD, State.REVIEW})


@dataclass(frozen=True, slots=True)
class Facts:
    """The subject of a mail. `invoice` is the whole row; `topic` distinguishes mails of one kind."""

    kind: str
    invoice: Invoice
    progress: Progress
    topic: str = ""
    receipt: Receipt | None = None
    refund: Refund | None = None

    @property
    def once(self) -> str:
        """The key of a mail that a customer gets only once."""
        return f"mail {self.kind} {self.topic}".strip()


def facts_of(event: InvoiceEvent) -> Facts | None:
    """Return what the mail of an event is about, or None if there is nothing to say any more."""
    invoice = event.invoice
    progress = read_progress(invoice.pk) if invoice is not None else None
    if invoice is None or progress is None:
        return None
    kind = MAIL_OF[event.kind]
    topic = _TOPICS[kind](event, invoice, progress)
    if topic is None:
        return None
    receipt = read_receipt(invoice.pk) if kind == "paid" else None
    return Facts(kind, invoice, progress, topic, receipt, event.refund if kind == "refunded" else None)


# Each returns the topic, or None if the mail would not be true.


def _while(state: State) -> Callable[[InvoiceEvent, Invoice, Progress], str | None]:
    return lambda event, invoice, progress: "" if progress.state is state else None


def _partly_paid(event: InvoiceEvent, invoice: Invoice, progress: Progress) -> str | None:
    """One mail for the newest payment, whichever the event has reported: it says what is missing now."""
    newest = invoice.payments.order_by("-pk").first()
    return str(newest.pk) if progress.state is State.PARTLY_PAID and newest is not None else None


def _expired(event: InvoiceEvent, invoice: Invoice, progress: Progress) -> str | None:
    """Nothing is said of an invoice that the customer has left behind for another one of the same order."""
    order = {"order_content_type": invoice.order_content_type_id, "order_object_id": invoice.order_object_id}
    later = Invoice.objects.primary().filter(**order, created_at__gt=invoice.created_at)
    is_left = invoice.order_content_type_id is not None and later.exists()
    return "" if progress.state is State.EXPIRED and not is_left else None


def _review(event: InvoiceEvent, invoice: Invoice, progress: Progress) -> str | None:
    """One mail for each reason: that of now, whichever the event has reported."""
    if progress.state not in REVIEWED or invoice.quarantine_reason:
        return None
    return "short" if progress.state is State.REVIEW else invoice.status_context


def _refunded(event: InvoiceEvent, invoice: Invoice, progress: Progress) -> str | None:
    """One mail for each refund that was sent to an address. What went to the merchant's account is no news."""
    refund = event.refund
    if refund is None or refund.status != RefundStatus.SUCCEEDED or not refund.address or invoice.quarantine_reason:
        return None
    return str(refund.pk)


_TOPICS: dict[str, Callable[[InvoiceEvent, Invoice, Progress], str | None]] = {
    "created": _while(State.WAITING),
    "partly_paid": _partly_paid,
    "expired": _expired,
    "paid": _while(State.COMPLETED),
    "review": _review,
    "refunded": _refunded,
}

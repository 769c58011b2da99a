"""Makes samples of the mails from rows that are in no database, for the preview by `cryptopay_mails`."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from django.utils import timezone

from ..models import Invoice, InvoiceStatus, Payment, PaymentStatus, Refund, RefundStatus, StatusContext
from ..services.invoices.customer_state import Progress, State
from ..services.invoices.receipt import Receipt
from .choose_mail import Facts
from .message import CustomerMail

_ADDRESS = "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"
_WHOLE = Decimal("0.00189500")
_REASONS = {
    "underpaid": (State.UNDERPAID, StatusContext.UNDERPAID, _WHOLE / 2),
    "overpaid": (State.OVERPAID, StatusContext.OVERPAID, _WHOLE * 2),
    "late": (State.LATE, StatusContext.PAID_LATE, _WHOLE),
    "held": (State.HELD, StatusContext.ILLICIT_RESOURCE, _WHOLE),
}


def sample_mails(*, account: str, address: str, language: str) -> dict[str, CustomerMail]:
    """Return a sample of each mail by its name; "review" has one for each reason. Makes no query."""
    facts = {name: make(account) for name, make in _SAMPLES.items()}
    return {name: CustomerMail(one, address, language) for name, one in facts.items()}


def _facts(kind: str, account: str, state: State, *, payment: bool = True, refund: bool = False, **row: Any) -> Facts:
    now = timezone.now()
    invoice = Invoice(
        pk=uuid.uuid4(), gateway_id=uuid.uuid4(), custom_id="sample", account=account, environment="sandbox",
        price_amount=Decimal("100.00"), price_currency="EUR", pay_amount=_WHOLE, pay_currency="BTC", network="bitcoin",
        address=_ADDRESS, exchange_rate=Decimal("52770.448549"), description="Order 7QX2M9KD",
        payer_email="ada@example.org", created_at=now, expires_at=now + timedelta(minutes=10), **row,
    )  # fmt: skip
    progress = Progress(invoice, state, has_payment=payment, seconds_left=600)
    paid = Payment(
        invoice=invoice, txid="4a5e1e4b" * 8, status=PaymentStatus.CONFIRMED, detected_at=now, confirmed_at=now
    )
    receipt = Receipt(invoice, (paid,), ()) if kind == "paid" else None
    return Facts(kind, invoice, progress, "", receipt, _refund(invoice) if refund else None)


def _refund(invoice: Invoice) -> Refund:
    now = timezone.now()
    return Refund(
        invoice=invoice, gateway_id=uuid.uuid4(), status=RefundStatus.SUCCEEDED, amount=_WHOLE, currency="BTC",
        received_amount=_WHOLE - Decimal("0.00002"), address=_ADDRESS, network="bitcoin", txid="9f1c03d2" * 8,
        created_at=now, updated_at=now, succeeded_at=now,
    )  # fmt: skip


def _review(account: str, reason: str) -> Facts:
    state, context, paid = _REASONS[reason]
    return _facts("review", account, state, status=InvoiceStatus.UNRESOLVED, status_context=context, paid_amount=paid)


_SAMPLES: Mapping[str, Callable[[str], Facts]] = {
    "created": lambda account: _facts("created", account, State.WAITING, payment=False),
    "partly_paid": lambda account: _facts("partly_paid", account, State.PARTLY_PAID, paid_amount=_WHOLE / 2),
    "expired": lambda account: _facts("expired", account, State.EXPIRED, payment=False),
    "paid": lambda account: _facts(
        "paid", account, State.COMPLETED, status=InvoiceStatus.COMPLETED, paid_amount=_WHOLE,
        settled_amount=Decimal("100.00"),
    ),
    **{f"review-{reason}": partial(_review, reason=reason) for reason in _REASONS},
    "refunded": lambda account: _facts(
        "refunded", account, State.REFUNDED, refund=True, status=InvoiceStatus.REFUNDED, paid_amount=_WHOLE
    ),
}  # fmt: skip

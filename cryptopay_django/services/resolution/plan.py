"""Plans a money operation: reads the invoice anew, checks it under its lock, and commits a row. Sends nothing yet.

The next step is `send.py`. If the process dies before it, `resolve_pending_resolutions` (`unknown_outcome.py`) marks
the operation failed: the gateway was asked only for reads and quotes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from django.db import IntegrityError
from django.utils import timezone

from ...exceptions import (
    InvoiceChangedError,
    NotResolvableError,
    Obstacle,
    QuoteExpiredError,
    RefundAmountError,
    ResolutionActiveError,
)
from ...fields import EXACT
from ...models import (
    EventKind,
    Invoice,
    RefundStatus,
    Resolution,
    ResolutionKind,
    ResolutionStatus,
    StatusContext,
)
from ...models.locking import committed, write_transaction
from ...permissions import acts_of
from ..accounts import client_of
from ..events.deliver import deliver_or_dispatch
from ..snapshots.apply import poll_invoice
from ..snapshots.refund_rows import expect_refunds, refunds_of
from .judge_outcome import WITHDRAWAL
from .people import Person, check_permitted
from .refundable_amount import refundable_amount_of
from .resolution_row import LEASE, note
from .rules import check_resolvable, check_returnable, needs_second_person
from .unknown_outcome import resolve_unknown

Check = Callable[[Invoice], None]
"""What an invoice must be: raises NotResolvableError."""


def check_of(call: str) -> Check:
    """Return what an invoice must be for a call of the gateway's that moves money."""
    return check_returnable if call == WITHDRAWAL else check_resolvable


def read_anew(
    invoice: Invoice,
    *,
    expected_version: int | None,
    besides: Resolution | None = None,
    check: Check = check_resolvable,
) -> Invoice:
    """Read the invoice from the gateway, merge what it shows, and return the invoice if it can still be resolved.

    `check` raises if the invoice does not qualify. `besides` is the one active resolution that is allowed. A
    resolution that a person had ended is read once more first: if it took effect after all, it is active again. Raises
    InvoiceChangedError if the invoice does not have the expected version, NotResolvableError, ResolutionActiveError,
    GatewayError and TransactionOpenError.
    """
    with committed(Invoice, "a settlement or refund"):
        pass  # it is refused before anything is asked
    row = Invoice.objects.primary().get(pk=invoice.pk)
    check_version(row, expected_version)
    check(row)
    _check_inactive(row, besides=besides)
    resolutions = Resolution.objects.primary().filter(invoice_id=row.pk)
    for ended in resolutions.filter(status=ResolutionStatus.FAILED, next_attempt_at__isnull=False):
        resolve_unknown(ended)
        _check_inactive(row, besides=besides)
    taken = poll_invoice(row)
    if taken.changed:
        deliver_or_dispatch(taken.invoice, taken.events)
    check_version(taken.invoice, expected_version)
    check(taken.invoice)
    return taken.invoice


def known_refunds(invoice: Invoice) -> list[str]:
    """Return the ids of the refunds that the gateway has now, odd ones too: what comes to them later is ours.

    Raises NotResolvableError if they send back already what a refund would: somebody has made one in the account, or
    a setting of the account has. The gateway may need hours until the invoice shows it, and a settlement meanwhile
    would credit what goes back.
    """
    page = client_of(invoice).list_refunds(str(invoice.gateway_id))
    rows = refunds_of(invoice)
    failed = {row.gateway_id for row in rows if row.status == RefundStatus.FAILED}
    sent = Decimal(0)
    for refund in page:
        if refund.id not in failed and (refund.invoice_id, refund.amount_currency) == (
            invoice.gateway_id,
            invoice.pay_currency,
        ):
            sent = EXACT.add(sent, refund.amount)
    if sent and sent >= _due_back(invoice):
        with write_transaction(Invoice):
            expect_refunds(lock_invoice(invoice), at=timezone.now())
        raise NotResolvableError(
            f"the gateway lists refunds of {sent:f} {invoice.pay_currency} for invoice {invoice.pk} already, which "
            "nobody has made here: nothing was sent. Look for them in the account at the gateway",
            obstacle=Obstacle.NOTHING_LEFT,
        )
    return [str(known) for known in page.ids]


def _due_back(invoice: Invoice) -> Decimal:
    """Return how much of the coin a refund sends back at least: all, or of an overpaid invoice the overage."""
    if invoice.status_context == StatusContext.OVERPAID and invoice.pay_amount is not None:
        return EXACT.subtract(invoice.paid_amount, invoice.pay_amount)
    return invoice.paid_amount


def plan(
    invoice: Invoice,
    *,
    kind: ResolutionKind,
    person: Person,
    reason: str,
    parameters: Mapping[str, Any],
    refund_ids: Sequence[str],
    key: UUID | None = None,
) -> Resolution:
    """Write a resolution, planned, and commit it; the invoice must be what it was when `invoice` was read.

    Locks the invoice first. Raises ResolutionActiveError if another resolution is active (a database constraint
    decides that), InvoiceChangedError and NotPermittedError. `key` is the primary key that a quote brings:
    QuoteExpiredError if a resolution with this key exists. For a refund of a completed invoice, the refundable amount
    is checked under the lock.
    """
    now = timezone.now()
    try:
        with write_transaction(Invoice, durable=True):
            locked = lock_invoice(invoice)
            check_version(locked, invoice.version)
            _check_inactive(locked)
            check_of(parameters["call"])(locked)
            check_permitted(person, *acts_of(kind, parameters))
            if key is not None and Resolution.objects.primary().filter(pk=key).exists():
                raise QuoteExpiredError(f"this quote for invoice {invoice.pk} was used before: ask for another")
            check_refundable_amount(locked, parameters)
            is_waiting = needs_second_person(locked, charged=_charged(parameters))
            resolution = Resolution(
                id=key or uuid4(),
                invoice=locked,
                kind=kind,
                actor=person.name,
                actor_user_id=person.user_id,
                reason=reason,
                needs_approval=is_waiting,
                parameters={**facts(locked), **parameters},
                known_refund_ids=list(refund_ids),
                next_attempt_at=None if is_waiting else now + LEASE,
            )
            Resolution.objects.insert(resolution)
            note(
                resolution,
                EventKind.RESOLUTION_PLANNED,
                at=now,
                actor=person.name,
                reason=reason,
                needs_approval=is_waiting,
                **resolution.parameters,
            )
            if is_waiting:
                once = f"{EventKind.APPROVAL_REQUESTED}:{resolution.pk}"
                note(resolution, EventKind.APPROVAL_REQUESTED, at=now, once=once, planned_by=person.name)
    except IntegrityError as error:
        _check_inactive(invoice, cause=error)
        raise
    return resolution


def facts(invoice: Invoice) -> dict[str, Any]:
    """Return what a person decides on, as JSON: kept with the resolution, compared when it is approved."""
    return {
        "invoice_version": invoice.version,
        "status_context": invoice.status_context,
        "paid_amount": f"{invoice.paid_amount:f}",
        "pay_amount": None if invoice.pay_amount is None else f"{invoice.pay_amount:f}",
        "pay_currency": invoice.pay_currency,
        "network": invoice.network,
    }


def lock_invoice(invoice: Invoice) -> Invoice:
    """Lock the invoice's row and return it; raise InvoiceChangedError when it is gone."""
    locked = Invoice.objects.lock(pk=invoice.pk)
    if locked is None:
        raise InvoiceChangedError(f"invoice {invoice.pk} does not exist any more")
    return locked


def check_refundable_amount(invoice: Invoice, parameters: Mapping[str, Any]) -> None:
    """Raise RefundAmountError unless what a refund of a locked, completed invoice returns is left of it.

    Raises InvoiceChangedError where less is left than the person saw: another refund has begun since.
    """
    if parameters["call"] != WITHDRAWAL:
        return
    left, wanted = refundable_amount_of(invoice, refunds_of(invoice)).value_amount, Decimal(parameters["value_amount"])
    if wanted > left:
        raise RefundAmountError(
            f"{wanted:f} {invoice.price_currency} is more than is left to refund of invoice {invoice.pk}: "
            f"{left:f} {invoice.price_currency}"
        )
    seen = Decimal(parameters["left_value_amount"])
    if left < seen:
        raise InvoiceChangedError(
            f"another refund of invoice {invoice.pk} began after the quote was made: {left:f} "
            f"{invoice.price_currency} is left now, and it was {seen:f}. Check that yours is not the same one; "
            "nothing was sent"
        )


def check_version(invoice: Invoice, expected_version: int | None, *, then: str = "nothing was sent") -> None:
    """Raise InvoiceChangedError unless the invoice has the version that a person saw; `then` ends the message."""
    if expected_version is not None and invoice.version != expected_version:
        raise InvoiceChangedError(
            f"invoice {invoice.pk} has changed since it was shown: it is {invoice.status} {invoice.status_context} "
            f"now. Look at it again; {then}"
        )


def _charged(parameters: Mapping[str, Any]) -> Decimal | None:
    return Decimal(parameters["charged_amount"]) if parameters["call"] == WITHDRAWAL else None


def _check_inactive(invoice: Invoice, *, besides: Resolution | None = None, cause: Exception | None = None) -> None:
    active = Resolution.objects.primary().filter(invoice_id=invoice.pk, active=True).first()
    if active is not None and active != besides:
        raise ResolutionActiveError(
            f"{active.actor} began to {active.kind} invoice {invoice.pk} at {active.created_at:%Y-%m-%d %H:%M:%S %Z}, "
            f"which is {active.status}: one at a time"
        ) from cause

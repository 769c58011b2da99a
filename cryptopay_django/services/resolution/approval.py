"""Approves or withdraws a resolution that waits for a second person, and fails one that no longer fits its invoice."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils import timezone

from ...exceptions import (
    ApprovalError,
    InvoiceChangedError,
    NotResolvableError,
    QuoteExpiredError,
    RefundAmountError,
    SamePersonError,
)
from ...models import EventKind, Invoice, Resolution
from ...models.locking import write_transaction
from ...permissions import acts_of
from .call_parameters import commit_of, version_of, withdrawal_of
from .judge_outcome import SETTLEMENT, WITHDRAWAL
from .people import Actor, Person, check_permitted
from .plan import check_of, check_refundable_amount, facts, known_refunds, read_anew
from .refund_quote import RefundQuote, quote_again
from .resolution_row import LEASE, fail_locked, lock_resolution, note
from .rules import check_person
from .send import send
from .settlement_quote import SettlementQuote, quote_for


def approve_resolution(
    resolution: Resolution, *, actor: Actor, quote: SettlementQuote | RefundQuote | None = None
) -> Resolution:
    """Confirm, as the second person, a resolution that waits for one; then send it, and return it as it is then.

    A settlement, or a refund of a completed invoice, is committed at `quote`, or at one made now: the one that the
    first person saw is long expired. Such a refund may charge 5 % more than that person saw; else it is dropped, with
    InvoiceChangedError. Raises ApprovalError, SamePersonError, QuoteExpiredError; InvoiceChangedError when the invoice
    is not what was decided on any more, which ends the resolution; NotPermittedError.
    """
    row = Resolution.objects.primary().select_related("invoice").get(pk=resolution.pk)
    person = check_person(row.invoice, actor=actor, reason=row.reason)
    check_permitted(person, *acts_of(row.kind, row.parameters))
    _check_waiting(row, approver=person)
    try:
        check = check_of(row.parameters["call"])
        invoice = read_anew(row.invoice, expected_version=None, besides=row, check=check)
        refund_ids = [] if row.parameters["call"] == WITHDRAWAL else known_refunds(invoice)
        fresh = _fresh_of(row, invoice, quote)
    except (NotResolvableError, RefundAmountError) as error:
        _drop(row, f"{error}")
        raise InvoiceChangedError(f"{error}. The resolution has been dropped; nothing was sent") from error
    now = timezone.now()
    with write_transaction(Resolution, durable=True):
        locked = lock_resolution(row)
        check_permitted(person, *acts_of(locked.kind, locked.parameters))
        _check_waiting(locked, approver=person)
        changes = _changes(locked, fresh)
        if changes:
            fail_locked(locked, changes, at=now)
        else:
            locked.approve(person.name, user_id=person.user_id, at=now)
            locked.parameters = {**locked.parameters, **fresh, "invoice_version": locked.invoice.version}
            locked.known_refund_ids = refund_ids
            locked.next_attempt_at = now + LEASE
            Resolution.objects.write(locked)
            note(locked, EventKind.RESOLUTION_APPROVED, at=now, actor=person.name, planned_by=locked.actor, **fresh)
    if changes:
        raise InvoiceChangedError(f"{changes}. The resolution has been dropped; nothing was sent")
    return send(locked)


def withdraw_resolution(resolution: Resolution, *, actor: Actor, reason: str) -> Resolution:
    """Drop a resolution that waits for a second person; it ends as failed. Its planner may do that, too.

    Raises ApprovalError when it does not wait any more, and NotPermittedError. Locks and commits; makes no call.
    """
    person = check_person(resolution.invoice, actor=actor, reason=reason)
    now = timezone.now()
    with write_transaction(Resolution):
        locked = lock_resolution(resolution)
        check_permitted(person, *acts_of(locked.kind, locked.parameters))
        _check_waiting(locked)
        locked.fail(error=f"withdrawn by {person.name}: {reason}"[:2000], at=now)
        Resolution.objects.write(locked)
        note(locked, EventKind.RESOLUTION_WITHDRAWN, at=now, actor=person.name, reason=reason, planned_by=locked.actor)
    return locked


def _fresh_of(row: Resolution, invoice: Invoice, quote: SettlementQuote | RefundQuote | None) -> dict[str, Any]:
    """Return what is asked of the gateway now, where the first person's quote has expired; else nothing."""
    if row.parameters["call"] == WITHDRAWAL:
        # The limit is that of the first person's quote, which both have seen.
        most = row.parameters["most_charged_amount"]
        return {**_fresh_withdrawal(row, invoice, quote), "most_charged_amount": most}
    if row.parameters["call"] != SETTLEMENT:
        return {}
    if quote is not None:
        version_of(quote, invoice, invoice.version)
    if isinstance(quote, RefundQuote):
        raise QuoteExpiredError("the quote is one for a refund, and a settlement waits: ask for another")
    return commit_of(quote or quote_for(invoice))


def _fresh_withdrawal(
    row: Resolution, invoice: Invoice, quote: SettlementQuote | RefundQuote | None
) -> dict[str, Any]:
    """Return what is asked of the gateway now for a refund that waits: the same refund, at a new quote."""
    if quote is None:
        return withdrawal_of(invoice, quote_again(row))
    version_of(quote, invoice, invoice.version)
    fresh = withdrawal_of(invoice, quote) if isinstance(quote, RefundQuote) else {}
    names = ("amount", "currency", "address", "without_tag", "network_fee_borne_by", "value_amount")
    is_same = all(fresh.get(name) == row.parameters[name] for name in names)
    if not isinstance(quote, RefundQuote) or quote.resolution_id != row.pk or not is_same:
        raise QuoteExpiredError(f"the quote is not for resolution {row.pk}: ask for another, nothing was sent")
    return fresh


def _check_waiting(resolution: Resolution, *, approver: Person | None = None) -> None:
    if not resolution.awaits_approval:
        raise ApprovalError(f"resolution {resolution.pk} is {resolution.status}: it does not wait for a second person")
    if approver is not None and approver.is_same(resolution.actor, resolution.actor_user_id):
        raise SamePersonError(f"{approver.name} planned resolution {resolution.pk}: another person has to confirm it")


def _changes(resolution: Resolution, fresh: Mapping[str, Any]) -> str:
    """Return in words what has changed of what the first person decided on; empty when nothing has."""
    try:
        check_of(resolution.parameters["call"])(resolution.invoice)
        check_refundable_amount(resolution.invoice, resolution.parameters)
    except (InvoiceChangedError, NotResolvableError, RefundAmountError) as error:
        return str(error)
    if resolution.parameters["call"] == WITHDRAWAL:
        most, charged = resolution.parameters["most_charged_amount"], fresh["charged_amount"]
        if Decimal(charged) > Decimal(most):
            currency = resolution.parameters["charged_currency"]
            return f"it would now take {charged} {currency} from the account, and {most} is the most that was agreed"
    now = facts(resolution.invoice)
    changed = [name for name in ("status_context", "paid_amount") if resolution.parameters[name] != now[name]]
    return "; ".join(f"{name} was {resolution.parameters[name]} and is {now[name]}" for name in changed)


def _drop(resolution: Resolution, why: str) -> None:
    """End a resolution that waits for an approval which can no longer be given."""
    with write_transaction(Resolution):
        locked = lock_resolution(resolution)
        if locked.awaits_approval:
            fail_locked(locked, why, at=timezone.now())

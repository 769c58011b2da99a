"""Executes a money operation: planned, sent, decided by the answer. Each step is committed by itself.

What happens when the process dies
    before it is planned   nothing was asked of the gateway but reads and quotes
    planned                nothing was sent; the resolver fails it
    sent                   only reading can show whether the call left; the resolver reads
    accepted               the resolver waits until the invoice is final

A call leaves within seconds of being marked sent, or not at all, and is signed with the time of the mark: the
gateway refuses a signature that is ten minutes old. So a process that was suspended cannot send what a person has
ended meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeAlias
from uuid import UUID, uuid4

from django.db import IntegrityError
from django.utils import timezone

from ...exceptions import (
    CryptopayError,
    GatewayAnswerError,
    GatewayError,
    GatewayRefusedError,
    InvoiceChangedError,
    QuoteExpiredError,
    RefundAmountError,
    ResolutionActiveError,
    TransactionOpenError,
)
from ...gateway.calls import Mark
from ...gateway.schemas import Refund
from ...gateway.withdrawals import CoinWithdrawal
from ...models import EventKind, Invoice, InvoiceEvent, Resolution, ResolutionKind, ResolutionStatus
from ...models.locking import write_transaction
from ...permissions import acts_of
from ..accounts import client_of
from ..events.delivery import deliver_or_dispatch
from ..snapshots.apply import poll_invoice
from ..snapshots.refund_rows import expect_refunds, refunds_of, take_refunds
from ..snapshots.withdrawal_rows import PREVIEW, take_withdrawal
from .left import left_of
from .outcome import (
    LEASE,
    UNDECIDED,
    fail_locked,
    find_withdrawal,
    lock_resolution,
    lose_track_locked,
    note,
    raise_alarm,
    resolve_unknown,
    resume_locked,
)
from .people import Person, check_permitted
from .rules import check_resolvable, check_returnable, needs_second_person
from .verdicts import (
    COMMIT,
    ODD,
    WITHDRAWAL,
    oddities_of_commit,
    oddities_of_refund,
    oddities_of_withdrawal,
    refund_figures,
    withdrawal_figures,
)

Shown: TypeAlias = Sequence[Refund] | CoinWithdrawal
"""What a call's answer shows of the coins that are sent back."""


Check = Callable[[Invoice], None]
"""What an invoice must be: raises NotResolvableError."""


def check_of(call: str) -> Check:
    """Return what an invoice must be for a call of the gateway's that moves money."""
    return check_returnable if call == WITHDRAWAL else check_resolvable


def look_at(
    invoice: Invoice,
    *,
    expected_version: int | None,
    besides: Resolution | None = None,
    check: Check = check_resolvable,
) -> Invoice:
    """Bring the invoice up to date by the one door, and return it if it still can be resolved.

    `check` is what it must be. `besides` is the one active resolution that may be there. One that a person had ended
    is looked at once more: if it took effect after all, it is active again. Raises InvoiceChangedError when a version
    was expected and it is not that one, NotResolvableError, ResolutionActiveError, GatewayError, TransactionOpenError.
    """
    _refuse_open_transaction()
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
    """Return the ids of the refunds that the gateway has now, odd ones too: what comes to them later is ours."""
    return [str(known) for known in client_of(invoice).list_refunds(str(invoice.gateway_id)).ids]


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

    Locks the invoice first. Raises ResolutionActiveError when another one is under way, which the
    database's constraint decides, InvoiceChangedError, and NotPermittedError. `key` is the primary key that a quote
    brings: QuoteExpiredError where it was used. What is sent back of a completed invoice must be left under the lock.
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
            check_left(locked, parameters)
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
            resolution.save(force_insert=True)
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


def send(resolution: Resolution) -> Resolution:
    """Send a planned resolution and follow it as far as can be seen now; return the row as it is then.

    1. Mark it sent, and commit: from here on nobody can say that nothing happened.
    2. Call. Holds no transaction and no lock.
    3. Refused by the gateway's own word, or nothing sent: failed, with the reason. No clear answer: unknown.
    4. Accepted: compared with what was asked and written down, then the invoice is read. It has succeeded when the
       invoice is final.
    """
    mark = Mark(timezone.now(), time.monotonic())
    with write_transaction(Resolution, durable=True):
        row = lock_resolution(resolution)
        if row.status != ResolutionStatus.PLANNED or row.awaits_approval:
            return row
        row.send(at=mark.at)
        row.next_attempt_at = mark.at + LEASE
        row.save()
        note(row, EventKind.RESOLUTION_SENT, at=mark.at, actor=row.approver or row.actor, **row.parameters)
    try:
        result, shown = _call(row, mark)
    except GatewayError as error:
        return _write_refusal(row, error)
    deliver_or_dispatch(*_write_acceptance(row, result, shown))
    return _follow_up(row)


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


def check_left(invoice: Invoice, parameters: Mapping[str, Any]) -> None:
    """Raise RefundAmountError unless what a refund of a locked, completed invoice returns is left of it.

    Raises InvoiceChangedError where less is left than the person saw: another refund has begun since.
    """
    if parameters["call"] != WITHDRAWAL:
        return
    left, wanted = left_of(invoice, refunds_of(invoice)).value_amount, Decimal(parameters["value_amount"])
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


def _charged(parameters: Mapping[str, Any]) -> Decimal | None:
    return Decimal(parameters["charged_amount"]) if parameters["call"] == WITHDRAWAL else None


def _call(row: Resolution, mark: Mark) -> tuple[dict[str, Any], Shown]:
    """Make the one call that moves money; return what the gateway says it did, what was not asked, and its refund."""
    if row.parameters["call"] == WITHDRAWAL:
        done = _commit_withdrawal(row, mark)
        different = oddities_of_withdrawal(row, done)
        return withdrawal_figures(done) | ({ODD: "; ".join(different)} if different else {}), done
    client, gateway_id = client_of(row.invoice), str(row.invoice.gateway_id)
    refunds: list[Refund] = []
    if row.parameters["call"] == COMMIT:
        made = client.commit_recalculation(gateway_id, row.parameters["recalculation_id"], mark=mark)
        odd = oddities_of_commit(row, made)
        figures: dict[str, Any] = {
            "recalculation_id": str(made.id),
            "credited_amount": f"{made.price_amount:f}",
            "price_currency": made.price_currency,
        }
    else:
        refund = client.create_refund(gateway_id, address=row.parameters["address"], mark=mark)
        refunds, figures, odd = [refund], refund_figures(refund), oddities_of_refund(row, refund)
    return figures | ({ODD: "; ".join(odd)} if odd else {}), refunds


def _commit_withdrawal(row: Resolution, mark: Mark) -> CoinWithdrawal:
    """Commit a previewed withdrawal, and return it.

    A refusal counts once reading has shown that nothing was committed: a proxy may have sent the call twice, and then
    the answer is the refusal of the second one. Raises GatewayError; GatewayAnswerError where that stays open.
    """
    try:
        made = client_of(row.invoice).commit_withdrawal(row.parameters["withdrawal_id"], mark=mark)
    except GatewayRefusedError as refusal:
        try:
            found = find_withdrawal(row)
        except GatewayError as error:
            raise GatewayAnswerError(f"{refusal} Whether it was committed before is not known: {error}") from error
        if found is None or found.status == PREVIEW:
            raise
        return found
    if made.status == PREVIEW:
        raise GatewayAnswerError(f"withdrawal {made.id} is still a preview after its commit: the outcome is unknown")
    return made


def _write_refusal(resolution: Resolution, error: GatewayError) -> Resolution:
    """Write down that nothing happened: failed. Or that the outcome is not known: unknown, to be read."""
    now, why = timezone.now(), f"{type(error).__name__}: {error}"
    with write_transaction(Resolution):
        row = lock_resolution(resolution)
        if row.status == ResolutionStatus.SENT and error.outcome_unknown:
            lose_track_locked(row, why, at=now)
        elif row.status in UNDECIDED and not error.outcome_unknown:
            fail_locked(row, why, at=now)
        elif row.is_watched and not error.outcome_unknown:
            row.next_attempt_at = None
            row.save()
    if row.status == ResolutionStatus.FAILED:
        _refresh(row)
    return row


def _write_acceptance(
    resolution: Resolution, result: Mapping[str, Any], shown: Shown
) -> tuple[Invoice, list[InvoiceEvent]]:
    """Write down what the gateway did, with an alarm where that is not what was asked; return what is to be delivered.

    One that was ended meanwhile is active again, with an alarm, unless another one is.
    """
    now = timezone.now()
    with write_transaction(Resolution):
        row = lock_resolution(resolution)
        row.result = {**row.result, **result}
        if row.status in UNDECIDED:
            row.next_attempt_at = now
        row.save()
        note(row, EventKind.RESOLUTION_ACCEPTED, at=now, **row.result)
        if row.status == ResolutionStatus.FAILED:
            resume_locked(row, at=now)
        if row.result.get(ODD):
            raise_alarm(row, row.result[ODD], at=now)
        if shown:
            expect_refunds(row.invoice, at=now)
        if isinstance(shown, CoinWithdrawal):
            return row.invoice, take_withdrawal(row, shown, at=now)
        return row.invoice, take_refunds(row.invoice, shown, at=now)


def _follow_up(resolution: Resolution) -> Resolution:
    """Look at the outcome now. Where that fails, the resolver does it: the resolution is due."""
    try:
        return resolve_unknown(resolution)
    except CryptopayError:
        return Resolution.objects.primary().select_related("invoice").get(pk=resolution.pk)


def _refresh(resolution: Resolution) -> None:
    """After a refusal: show what the invoice is now. The resolution has ended whatever comes of it."""
    try:
        taken = poll_invoice(resolution.invoice)
    except CryptopayError:
        return
    resolution.invoice = taken.invoice
    deliver_or_dispatch(taken.invoice, taken.events)


def check_version(invoice: Invoice, expected_version: int | None) -> None:
    if expected_version is not None and invoice.version != expected_version:
        raise InvoiceChangedError(
            f"invoice {invoice.pk} has changed since it was shown: it is {invoice.status} {invoice.status_context} "
            "now. Look at it again; nothing was sent"
        )


def _check_inactive(invoice: Invoice, *, besides: Resolution | None = None, cause: Exception | None = None) -> None:
    active = Resolution.objects.primary().filter(invoice_id=invoice.pk, active=True).first()
    if active is not None and active != besides:
        raise ResolutionActiveError(
            f"{active.actor} began to {active.kind} invoice {invoice.pk} at {active.created_at:%Y-%m-%d %H:%M:%S %Z}, "
            f"which is {active.status}: one at a time"
        ) from cause


def _refuse_open_transaction() -> None:
    try:
        with write_transaction(Invoice, durable=True):
            pass
    except RuntimeError as error:
        raise TransactionOpenError(
            "a settlement or refund must run outside of transaction.atomic(), so that it is on record before the "
            "gateway is called; under ATOMIC_REQUESTS decorate the view with @transaction.non_atomic_requests"
        ) from error

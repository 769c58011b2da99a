"""Sends a planned settlement or refund once, and writes down the answer. Commits each step by itself.

The answer of the gateway decides the status:
    refused, or nothing was sent    failed, with the reason: another resolution can begin
    accepted                        stays `sent`, with the figures in `result`; alarm if they differ from the request
    no clear answer                 `unknown`: the call may have taken effect, so it is never sent again

What follows is in `unknown_outcome.py`. It reads the gateway's data, also if this process dies:
    planned                         nothing was sent: it marks the resolution failed
    sent, no answer                 reads; after a minute the resolution is `unknown`
    unknown                         reads until the data shows the result
    sent, accepted                  reads until the invoice is final (for a withdrawal: until the gateway shows it)

A call is sent within seconds after it was marked sent, or not at all (`gateway/sent_mark.py`). Its signature has the
time of the mark, and the gateway refuses a signature that is ten minutes old. So a process that was suspended cannot
send a call late, after a person has ended its resolution.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from django.utils import timezone

from ...exceptions import (
    CryptopayError,
    GatewayAnswerError,
    GatewayError,
    GatewayRefusedError,
)
from ...gateway.schemas import Refund
from ...gateway.sent_mark import Mark
from ...gateway.withdrawals import CoinWithdrawal
from ...models import EventKind, Invoice, InvoiceEvent, Resolution, ResolutionStatus
from ...models.locking import write_transaction
from ..accounts import client_of
from ..events.deliver import deliver_or_dispatch
from ..snapshots.apply import poll_invoice
from ..snapshots.refund_rows import expect_refunds, store_refunds
from ..snapshots.withdrawal_rows import PREVIEW, take_withdrawal
from .judge_outcome import (
    NOT_AS_ASKED,
    SETTLEMENT,
    WITHDRAWAL,
    oddities_of_commit,
    oddities_of_refund,
    oddities_of_withdrawal,
    refund_figures,
    withdrawal_figures,
)
from .resolution_row import (
    LEASE,
    UNDECIDED,
    fail_locked,
    lock_resolution,
    mark_unknown_locked,
    note,
    raise_alarm,
    resume_locked,
)
from .unknown_outcome import find_withdrawal, resolve_unknown

Shown: TypeAlias = Sequence[Refund] | CoinWithdrawal
"""What a call's answer shows of the coins that are sent back."""


def send(resolution: Resolution) -> Resolution:
    """Send a planned resolution and follow it as far as can be seen now; return the row as it is then.

    1. Mark it sent, and commit: from here on nobody can say that nothing happened.
    2. Call. No transaction is open and nothing is locked meanwhile.
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
        Resolution.objects.write(row)
        note(row, EventKind.RESOLUTION_SENT, at=mark.at, actor=row.approver or row.actor, **row.parameters)
    try:
        result, shown = _call(row, mark)
    except GatewayError as error:
        return _write_failed_call(row, error)
    deliver_or_dispatch(*_write_acceptance(row, result, shown))
    return _follow_up(row)


def _call(row: Resolution, mark: Mark) -> tuple[dict[str, Any], Shown]:
    """Make the one call that moves money; return the answer's figures, and the refunds or the withdrawal in it.

    What the gateway did otherwise than asked is in the figures, under `NOT_AS_ASKED`.
    """
    if row.parameters["call"] == WITHDRAWAL:
        done = _commit_withdrawal(row, mark)
        different = oddities_of_withdrawal(row, done)
        return withdrawal_figures(done) | ({NOT_AS_ASKED: "; ".join(different)} if different else {}), done
    client, gateway_id = client_of(row.invoice), str(row.invoice.gateway_id)
    refunds: list[Refund] = []
    if row.parameters["call"] == SETTLEMENT:
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
    return figures | ({NOT_AS_ASKED: "; ".join(odd)} if odd else {}), refunds


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


def _write_failed_call(resolution: Resolution, error: GatewayError) -> Resolution:
    """Write down that nothing happened: failed. Or that the outcome is not known: unknown, to be read."""
    now, why = timezone.now(), f"{type(error).__name__}: {error}"
    with write_transaction(Resolution):
        row = lock_resolution(resolution)
        if row.status == ResolutionStatus.SENT and error.outcome_unknown:
            mark_unknown_locked(row, why, at=now)
        elif row.status in UNDECIDED and not error.outcome_unknown:
            fail_locked(row, why, at=now)
        elif row.is_followed_after_end and not error.outcome_unknown:
            row.next_attempt_at = None
            Resolution.objects.write(row)
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
        Resolution.objects.write(row)
        note(row, EventKind.RESOLUTION_ACCEPTED, at=now, **row.result)
        if row.status == ResolutionStatus.FAILED:
            resume_locked(row, at=now)
        if row.result.get(NOT_AS_ASKED):
            raise_alarm(row, row.result[NOT_AS_ASKED], at=now)
        if shown:
            expect_refunds(row.invoice, at=now)
        if isinstance(shown, CoinWithdrawal):
            return row.invoice, take_withdrawal(row, shown, at=now)
        return row.invoice, store_refunds(row.invoice, shown, at=now)


def _follow_up(resolution: Resolution) -> Resolution:
    """Read the outcome now. If that fails, `resolve_pending_resolutions` does it: the resolution is due."""
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

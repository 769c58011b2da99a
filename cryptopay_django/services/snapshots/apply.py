"""Applies a snapshot to our row, in one transaction: locks the row, merges the snapshot, writes everything.

This is the one door into the state machine: callbacks, polls, answers to a creation and staff actions all enter here.
No call to the gateway is made while a row is locked. An answer that was fetched before the lock counts only if the
row still has the version that it had then.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from ...conf import app_settings, get_account
from ...exceptions import GatewayAnswerError, InvoiceBusyError
from ...gateway.schemas import InvoiceSnapshot
from ...logs import about, once_committed
from ...models import Callback, CallbackOutcome, Invoice, InvoiceEvent, InvoiceStatus, Payment
from ...models.locking import retried_while_locked, write_transaction
from ...tracing import Note, span
from ..accounts import client_of
from ..events.outbox import write_events
from .compare import (
    Relation,
    brings_news,
    contradictions,
    is_forward,
    needs_confirmation,
    relation,
    state_of,
)
from .find_at_gateway import find_at_gateway
from .finish_callback import finish_callback
from .merge import Merge, Source, merge_snapshot
from .quarantine_unreadable import quarantine_unreadable
from .refund_rows import is_completed_though_returned, name_refunds, shows_refund

REFUNDED_EVENT = "refunded"

_POLL_ROUNDS = 5


@dataclass(frozen=True)
class IncomingCallback:
    """A callback that is being applied: the row to mark as done, and what it says."""

    callback: Callback
    event: str
    snapshot: InvoiceSnapshot

    @property
    def title(self) -> str:
        """The gateway's type and event, for people."""
        return f"Invoice {self.event}"[:64]

    def is_older_than(self, polled_at: datetime | None) -> bool:
        """Return whether it had arrived when the gateway was asked: then the answer knew all that it can say."""
        return polled_at is not None and (self.callback.last_received_at or self.callback.received_at) <= polled_at


@dataclass(frozen=True)
class Poll:
    """A GET: the version of our row before it, and when it was sent. `is_page`: a page of the list, which can lag."""

    version: int
    at: datetime
    is_page: bool = False


@dataclass(frozen=True)
class Applied:
    """The result of a snapshot. `confirmed` is False if the gateway does not (yet) say what the callback says."""

    invoice: Invoice
    snapshot: InvoiceSnapshot
    events: tuple[InvoiceEvent, ...]
    changed: bool
    confirmed: bool = True


@retried_while_locked
def apply_snapshot(
    invoice_id: UUID,
    snapshot: InvoiceSnapshot,
    *,
    poll: Poll | None = None,
    incoming: IncomingCallback | None = None,
) -> Applied | None:
    """Merge an answer of the gateway into an invoice and commit. The first statement locks the invoice's row.

    With `poll`, the snapshot is the answer to a GET. Without, it is the answer to a creation, which may be older than
    our row. Returns None, and changes nothing, if the row has changed since it was read before the GET, or if an entry
    of a list does not move it forward. An `incoming` callback is marked done in the same transaction, unless the
    gateway's answer denies what it says.
    """
    with span("cryptopay.merge", invoice_id=invoice_id) as note, write_transaction(Invoice):
        invoice = Invoice.objects.lock(pk=invoice_id)
        if invoice is None or (poll and invoice.version != poll.version):
            note(outcome="moved on")
            return None
        if poll and poll.is_page and not is_forward(invoice, snapshot):
            note(outcome="to be asked for alone")
            return None
        known = _known_payments(invoice, snapshot, incoming)
        return _apply_locked(invoice, known, snapshot, note, poll=poll, incoming=incoming)


@retried_while_locked
def apply_callback(incoming: IncomingCallback) -> Applied | Invoice | None:
    """Merge what a callback says and commit, unless the gateway must be asked first. First locks the invoice's row.

    Returns None if no invoice has the gateway's id. If the gateway must be asked first, it changes nothing and returns
    the invoice, which is not locked any more.
    """
    with span("cryptopay.merge", account=incoming.callback.account) as note, write_transaction(Invoice):
        account = get_account(incoming.callback.account)
        invoice = Invoice.objects.lock(
            account=account.name, environment=account.environment, gateway_id=incoming.snapshot.id
        )
        if invoice is None:
            note(outcome="unknown")
            return None
        note(invoice_id=invoice.pk)
        must_ask, known = needs_confirmation(invoice, incoming.snapshot) or _is_denied(invoice, incoming), {}
        if not must_ask:
            known = _known_payments(invoice, incoming.snapshot)
            must_ask = _is_unproven(invoice, known, incoming)
        if must_ask:
            note(outcome="to be confirmed")
            return invoice
        return _apply_locked(invoice, known, incoming.snapshot, note, poll=None, incoming=incoming)


def _is_denied(invoice: Invoice, incoming: IncomingCallback) -> bool:
    """Return whether a callback was here before the gateway was asked, and says what its answer did not."""
    return relation(invoice, incoming.snapshot) is Relation.AHEAD and incoming.is_older_than(invoice.polled_at)


def _is_unproven(invoice: Invoice, payments: Mapping[str, Payment], incoming: IncomingCallback) -> bool:
    """Return whether a callback about the status that the invoice is in adds what the gateway has to confirm."""
    if not app_settings.CONFIRM_WITH_API or relation(invoice, incoming.snapshot) is not Relation.SAME:
        return False
    return not incoming.is_older_than(invoice.polled_at) and brings_news(invoice, payments, incoming.snapshot)


def _known_payments(
    invoice: Invoice, snapshot: InvoiceSnapshot, incoming: IncomingCallback | None = None
) -> dict[str, Payment]:
    """Return the invoice's payments by txid; none where neither the snapshot nor the callback lists any."""
    is_listed = snapshot.transactions or (incoming and incoming.snapshot.transactions)
    known = Payment.objects.find(invoice_id=invoice.pk) if is_listed else []
    return {payment.txid: payment for payment in known}


def poll_invoice(
    invoice: Invoice, *, timeout: float | None = None, incoming: IncomingCallback | None = None
) -> Applied:
    """Ask the gateway about an invoice and merge its answer; `timeout` in seconds, for each call.

    Raises GatewayError if it does not answer or has no such invoice of ours, OtherEnvironmentError, or
    InvoiceBusyError if the row changes each time. An answer that lacks a fact is an error too, and quarantines the
    invoice. No transaction is open and no row is locked during the call.
    """
    client = client_of(invoice)
    for _ in range(_POLL_ROUNDS):
        poll = Poll(invoice.version, timezone.now())
        try:
            if invoice.gateway_id is None:
                snapshot = find_at_gateway(invoice, timeout=timeout)
            else:
                snapshot = client.retrieve_invoice(str(invoice.gateway_id), timeout=timeout)
        except GatewayAnswerError as error:
            quarantine_unreadable(invoice.pk, error)
            raise
        applied = apply_snapshot(invoice.pk, snapshot, poll=poll, incoming=incoming)
        if applied is not None:
            return applied
        invoice = Invoice.objects.primary().get(pk=invoice.pk)
    raise InvoiceBusyError(f"invoice {invoice.pk} changed {_POLL_ROUNDS} times while the gateway was asked about it")


def _apply_locked(
    invoice: Invoice,
    payments: Mapping[str, Payment],
    snapshot: InvoiceSnapshot,
    note: Note,
    *,
    poll: Poll | None,
    incoming: IncomingCallback | None,
) -> Applied:
    """Merge a snapshot into a locked row, write what changed, and mark the callback done unless it is denied."""
    now, before, was_final = timezone.now(), state_of(invoice), invoice.finished_at is not None
    merge = merge_snapshot(
        invoice,
        payments,
        snapshot,
        source=_source(poll, incoming),
        outdated=poll is None and incoming is not None and incoming.is_older_than(invoice.polled_at),
        is_returned=is_completed_though_returned(invoice, snapshot),
        at=now,
        message=incoming.event if incoming else "",
    )
    if was_final:
        merge.events = _without_repeated(invoice, merge.events)
    name_refunds(invoice, merge.events)
    _log_move(invoice, before)
    # A list can lag. A later `polled_at` makes older callbacks no news, so a page does not set it while some wait.
    polled = {"polled_at": poll.at} if poll and not (poll.is_page and incoming) else {}
    if ("status" in merge.changed and (was_final or shows_refund(snapshot))) or _is_being_refunded(invoice, incoming):
        polled["refunds_due_at"] = now
    _write(invoice, merge, polled, at=now)
    note(account=invoice.account, status=invoice.status, outcome="changed" if merge else "no news")
    known = {**payments, **{payment.txid: payment for payment in merge.new_payments}}
    confirmed = incoming is None or _is_confirmed(invoice, known, snapshot, incoming, poll)
    if incoming is not None and confirmed:
        _finish_incoming(incoming, invoice, known, changed=bool(merge), at=now)
    return Applied(invoice, snapshot, tuple(merge.events), bool(merge), confirmed)


def _is_confirmed(
    invoice: Invoice,
    payments: Mapping[str, Payment],
    snapshot: InvoiceSnapshot,
    incoming: IncomingCallback,
    poll: Poll | None,
) -> bool:
    """Return whether a callback says nothing that the gateway, when asked, did not say.

    A page of the list can lag: it confirms only what our row says now too, and never denies.
    """
    how = relation(invoice, incoming.snapshot)
    if poll is None or not poll.is_page:
        return incoming.snapshot.status == snapshot.status or how is not Relation.AHEAD
    must_ask = how is Relation.AHEAD or needs_confirmation(invoice, incoming.snapshot)
    return not must_ask and not (how is Relation.SAME and brings_news(invoice, payments, incoming.snapshot))


def _source(poll: Poll | None, incoming: IncomingCallback | None) -> Source:
    if poll is not None and not poll.is_page:
        return Source.GET
    return Source.CALLBACK if poll is None and incoming is not None else Source.ANSWER


def _without_repeated(invoice: Invoice, events: list[InvoiceEvent]) -> list[InvoiceEvent]:
    """Leave out what happens once to an invoice and has happened: an end that the gateway took back and repeats."""
    once = [event.once for event in events if event.once]
    if not once:
        return events
    written = InvoiceEvent.objects.primary().filter(invoice=invoice, once__in=once)
    happened = set(written.values_list("once", flat=True))
    return [event for event in events if event.once not in happened]


def _is_being_refunded(invoice: Invoice, incoming: IncomingCallback | None) -> bool:
    """Return whether a callback is about a refund that the status does not show: the list of refunds says more."""
    is_said = incoming is not None and incoming.event == REFUNDED_EVENT
    is_open_to_it = invoice.status in (InvoiceStatus.UNRESOLVED, InvoiceStatus.COMPLETED)
    return is_said and is_open_to_it and invoice.refunds_due_at is None


def _write(invoice: Invoice, merge: Merge, polled: Mapping[str, datetime], *, at: datetime) -> None:
    """Write what a merge changed, and when the gateway was asked or will be.

    The version grows with every change of the former, and with nothing else.
    """
    changed = {name: getattr(invoice, name) for name in sorted(merge.changed)}
    if merge:
        changed |= {"version": invoice.version + 1, "updated_at": at}
    changed |= polled
    if changed:
        Invoice.objects.change(invoice, **changed)
    for payment in merge.new_payments:
        Payment.objects.insert(payment)
    for payment, names in merge.changed_payments.items():
        Payment.objects.change(payment, **{name: getattr(payment, name) for name in sorted(names)})
    write_events(merge.events)
    if "gateway_id" in merge.changed:
        expect_orphans(invoice)


def expect_orphans(invoice: Invoice) -> None:
    """Make callbacks due that arrived before the invoice had its id. In the transaction that writes the id."""
    orphans = Callback.objects.filter(
        account=invoice.account, gateway_id=invoice.gateway_id, outcome=CallbackOutcome.ORPHAN
    )
    orphans.update(next_attempt_at=timezone.now())


def _log_move(invoice: Invoice, before: str) -> None:
    """Log that the status moved, once that is committed."""
    after = state_of(invoice)
    if after != before:
        extra = about(invoice, status=invoice.status, status_context=invoice.status_context, status_before=before)
        once_committed(Invoice, logging.INFO, "invoice %s: from %s to %s", invoice.pk, before, after, extra=extra)


def _finish_incoming(
    incoming: IncomingCallback,
    invoice: Invoice,
    payments: Mapping[str, Payment],
    *,
    changed: bool,
    at: datetime,
) -> None:
    """Mark a callback done, with what the gateway denied of it: when it comes again, that may have changed."""
    denied, how = contradictions(invoice, incoming.snapshot), relation(invoice, incoming.snapshot)
    if how is Relation.CONFLICT:
        denied.append(f"it says {state_of(incoming.snapshot)}, but the gateway, when asked, said {state_of(invoice)}")
    elif how is Relation.SAME and brings_news(invoice, payments, incoming.snapshot):
        denied.append("it says more of payments than the gateway, when asked, said")
    finish_callback(
        incoming.callback,
        CallbackOutcome.APPLIED if changed else CallbackOutcome.STALE,
        invoice=invoice,
        event=incoming.title,
        error="; ".join(denied)[:2000],
        taken_version=None if denied else invoice.version,
        at=at,
    )

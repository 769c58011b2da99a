"""Processes a stored callback: reads it, asks the gateway if it must be confirmed, merges it, delivers its events.

Which process does it, and when: `worker/due_work.py`. A callback that cannot be decided now stays pending, with the
reason, and is due again after a pause (`services/backoff.py`).
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from ...conf import get_account
from ...exceptions import CryptopayError, GatewayNotFoundError, GatewayRateLimitError, WireError
from ...fields import storable_text
from ...gateway.rate_limit import Purpose, calling_for
from ...gateway.schemas import CallbackMessage, InvoiceSnapshot, parse_callback
from ...logs import about, named
from ...models import Callback, CallbackOutcome, Invoice
from ...models.locking import locks_wait_until
from ...tracing import span
from ..accounts import in_force
from ..backoff import backoff
from ..channels.apply import IncomingPaymentCallback
from ..channels.payment_callbacks import UnconfirmedError, process_payment_callback
from ..events.deliver import deliver_written
from ..events.outbox import Written
from ..snapshots.apply import Applied, IncomingCallback, apply_callback, poll_invoice
from ..snapshots.confirm_by_list import Pages
from ..snapshots.finish_callback import finish_callback
from ..time_for_a_call import NoTimeLeftError, time_for_a_call
from .other_types import process_other_type
from .unreadable import note_oddities, process_unreadable
from .withdrawals import WITHDRAWAL_TYPE, process_withdrawal_callback

logger = logging.getLogger("cryptopay_django")

_MAX_UNCONFIRMED = 10
_SHORTEST_WAIT = timedelta(seconds=1)


def process_callback(callback: Callback, *, deadline: float | None = None) -> Callback:
    """Read, confirm and merge one stored callback; return it with its outcome.

    A callback that cannot be decided now (no answer from the gateway, a row that changes each time) stays
    pending with the reason in `error`, due again after a back-off. `deadline` is on `time.monotonic()`:
    no call to the gateway, and no wait for a row that another transaction has locked, outlasts it. Commits; locks the
    invoice's row while merging, not while asking.
    """
    process(callback, deadline)
    return callback


@calling_for(Purpose.CONFIRMATION)
def process(callback: Callback, deadline: float | None, pages: Pages | None = None) -> Written | None:
    """Process a callback; return the row that it changed, with its new events, or None.

    With `pages`, one that must be confirmed is gathered there until they are read, and is then confirmed by them.
    """
    if callback.is_counted_only or callback.outcome not in (CallbackOutcome.PENDING, CallbackOutcome.ORPHAN):
        return None
    with span("cryptopay.process_callback", callback_id=callback.pk, account=callback.account) as note:
        message = _read(callback)
        with locks_wait_until(deadline):
            written = _try_message(callback, message, deadline, pages)
        if isinstance(message, CallbackMessage):
            note(event=message.event, invoice_id=callback.invoice_id)
        note(outcome=callback.outcome)
    return written


def _read(callback: Callback) -> CallbackMessage | WireError:
    try:
        message = parse_callback(bytes(callback.body))
    except WireError as error:
        return error
    note_oddities(callback, message)
    return message


def process_and_deliver(
    callback: Callback, deadline: float | None = None, *, patient: bool = False, pages: Pages | None = None
) -> None:
    """Process a callback, and deliver the events that it has brought. One that brought nothing new has none.

    `patient` as for `deliver_written`, `pages` as for `process`.
    """
    deliver_brought(process(callback, deadline, pages), deadline, patient=patient)


def deliver_brought(written: Written | None, deadline: float | None, *, patient: bool = False) -> None:
    """Deliver the events that a callback has brought, if any; `patient` as for `deliver_written`."""
    if written is not None and written.events:
        deliver_written(written.about, written.events, deadline=deadline, patient=patient)


def _try_message(
    callback: Callback, message: CallbackMessage | WireError, deadline: float | None, pages: Pages | None
) -> Written | None:
    """Process a callback by what was read, or by why nothing was; leave it pending, with the reason, if that fails."""
    invoice = None
    try:
        if isinstance(message, WireError) or message.invoice is None:
            return _process_other(callback, message, deadline)
        incoming = IncomingCallback(callback, message.event, message.invoice)
        applied = _apply_invoice(incoming, pages)
        if isinstance(applied, Invoice):
            invoice = applied
            if pages is not None and pages.gather(callback, invoice):
                return None
            if pages is not None:
                pages.check(invoice)
            applied = _confirm(incoming, invoice, deadline)
        return _written(applied)
    except GatewayRateLimitError as error:
        if pages is not None and invoice is not None:
            pages.refuse(invoice, error)
        _await_place(callback, error, invoice)
    except NoTimeLeftError as error:
        _postpone(callback, str(error), invoice, at_once=True)
    except CryptopayError as error:
        _postpone(callback, f"{type(error).__name__}: {error}", invoice)
        return error.written if isinstance(error, UnconfirmedError) else None
    except Exception as error:
        # The callback is stored and stays pending; an error in one must not stop the others.
        extra = about(invoice, callback_id=callback.pk, account=callback.account)
        logger.exception(
            "callback %s, %s: could not be processed; it will be retried",
            callback.pk,
            named(invoice),
            extra=extra,
        )
        _postpone(callback, f"{type(error).__name__}: {error}", invoice, is_logged=True)
    return None


def _apply_invoice(incoming: IncomingCallback, pages: Pages | None) -> Applied | Invoice | None:
    """Merge what a page or the callback says; return the invoice if the gateway must be asked first."""
    by_page = pages.take(incoming) if pages else None
    applied = by_page or apply_callback(incoming) or find_invoice(incoming.callback.account, incoming.snapshot)
    if applied is None:
        _leave_orphan(incoming)
    return applied


def _written(applied: Applied | None) -> Written | None:
    return None if applied is None else Written(applied.invoice, applied.events)


def _process_other(callback: Callback, message: CallbackMessage | WireError, deadline: float | None) -> Written | None:
    """Process a callback that is not about an invoice, or cannot be read."""
    if isinstance(message, WireError):
        return process_unreadable(callback, message, deadline)
    if message.channel_payment is None:
        if message.type == WITHDRAWAL_TYPE:
            process_withdrawal_callback(callback, message, deadline=deadline)
        return process_other_type(callback, message)
    incoming = IncomingPaymentCallback(callback, message.event, message.channel_payment)
    return process_payment_callback(incoming, deadline=deadline)


def find_invoice(account: str, snapshot: InvoiceSnapshot) -> Invoice | None:
    """Find our row by the gateway's id, or by custom_id where the gateway's answer is still on its way."""
    match = Q(gateway_id=snapshot.id)
    if snapshot.custom_id:
        match |= Q(gateway_id=None, custom_id=snapshot.custom_id)
    environment = get_account(account).environment
    found = list(Invoice.objects.primary().filter(match, account=account, environment=environment))
    return next((row for row in found if row.gateway_id == snapshot.id), found[0] if found else None)


def _leave_orphan(incoming: IncomingCallback) -> None:
    """Keep a callback for an invoice that is not here (yet). It falls due again when an invoice gets this id.

    An invoice can get it just before the orphan is committed, and find no orphan to mark: hence the look afterwards.
    """
    callback, snapshot = incoming.callback, incoming.snapshot
    finish_callback(
        callback,
        CallbackOutcome.ORPHAN,
        event=incoming.title,
        gateway_id=snapshot.id,
        attempts=callback.attempts + 1,
        error=f"no invoice {snapshot.id} in account {callback.account}",
        at=timezone.now(),
    )
    # Only one that a callback can be for: what another environment has would make this due again for ever.
    here = Invoice.objects.primary().filter(in_force(), account=callback.account, gateway_id=snapshot.id)
    if here.exists():
        Callback.objects.filter(pk=callback.pk, outcome=CallbackOutcome.ORPHAN).update(next_attempt_at=timezone.now())


def _confirm(incoming: IncomingCallback, invoice: Invoice, deadline: float | None) -> Applied | None:
    """Ask the gateway, and merge its answer instead of the callback.

    A status that the gateway does not confirm yet leaves the callback pending; after ten refusals it is
    stale: only the gateway's own word counts. An invoice without an id is asked for by its custom_id; where
    the gateway has none of ours under it, the callback is an orphan until a creation has brought this id.
    """
    callback, snapshot = incoming.callback, incoming.snapshot
    try:
        applied = poll_invoice(invoice, timeout=time_for_a_call(deadline), incoming=incoming)
    except GatewayNotFoundError:  # also one that is not ours
        if invoice.gateway_id is not None:
            raise
        _leave_orphan(incoming)
        return None
    if applied.confirmed:
        return applied
    error = f"it says {snapshot.status}, but the gateway, when asked, says {applied.invoice.status}"
    if callback.attempts + 1 < _MAX_UNCONFIRMED:
        _postpone(callback, error, invoice)
    else:
        finish_callback(
            callback,
            CallbackOutcome.STALE,
            invoice=applied.invoice,
            event=incoming.title,
            error=error,
            at=timezone.now(),
        )
    return applied


def _await_place(callback: Callback, error: GatewayRateLimitError, invoice: Invoice | None) -> None:
    """Leave a callback pending until there is room for a call. That is no attempt: the gateway was not asked."""
    text = f"{type(error).__name__}: {error}"
    extra = about(invoice, callback_id=callback.pk, account=callback.account)
    logger.info("callback %s, %s: waits for room for a call: %s", callback.pk, named(invoice), text, extra=extra)
    callback.error = text[:2000]
    callback.next_attempt_at = timezone.now() + max(_SHORTEST_WAIT, timedelta(seconds=error.retry_after or 0))
    unfinished = Callback.objects.filter(pk=callback.pk, next_attempt_at__isnull=False)
    unfinished.update(error=callback.error, next_attempt_at=callback.next_attempt_at)


def _postpone(
    callback: Callback, error: str, invoice: Invoice | None, *, at_once: bool = False, is_logged: bool = False
) -> None:
    """Leave a callback pending, with the reason, until its back-off is over."""
    if not is_logged:
        extra = about(invoice, callback_id=callback.pk, account=callback.account)
        logger.warning(
            "callback %s, %s: stays pending and will be retried: %s", callback.pk, named(invoice), error, extra=extra
        )
    callback.attempts += 1
    callback.error = storable_text(error)[:2000]
    callback.next_attempt_at = timezone.now() if at_once else timezone.now() + backoff(callback.attempts)
    unfinished = Callback.objects.filter(pk=callback.pk, next_attempt_at__isnull=False)
    unfinished.update(attempts=callback.attempts, error=callback.error, next_attempt_at=callback.next_attempt_at)

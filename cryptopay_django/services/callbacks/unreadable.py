"""Processes callbacks in a form that we do not know: asks the gateway, and notes the parts that were left out."""

from __future__ import annotations

import logging
from uuid import UUID

from django.utils import timezone

from ...exceptions import GatewayAnswerError, GatewayNotFoundError, WireError
from ...gateway.schemas import CallbackMessage, read_invoice_id, read_payment_ids
from ...gateway.values import first_notes
from ...logs import about
from ...models import Callback, CallbackOutcome, Channel, Invoice
from ..accounts import in_force
from ..channels.apply import poll_payment
from ..events.outbox import Written
from ..snapshots.apply import poll_invoice
from ..snapshots.finish_callback import finish_callback
from ..snapshots.quarantine_unreadable import lacks_a_fact
from ..time_for_a_call import time_for_a_call

logger = logging.getLogger("cryptopay_django")


def note_oddities(callback: Callback, message: CallbackMessage) -> None:
    """Put notes on what was left out of a callback onto its row, which keeps them once it is done; log them once."""
    notes = "\n".join(first_notes(message.notes))
    if notes and not callback.attempts and notes != callback.notes:
        extra = about(callback_id=callback.pk, account=callback.account)
        logger.warning("callback %s: odd parts were left out: %s", callback.pk, notes, extra=extra)
    callback.notes = notes


def process_unreadable(callback: Callback, error: WireError, deadline: float | None) -> Written | None:
    """Finish a callback that cannot be read, but not before the gateway was asked about its invoice or payment.

    If the gateway's answer cannot be read either, our row of it is quarantined. Raises GatewayError
    when there is no answer.
    """
    if ids := read_payment_ids(bytes(callback.body)):
        return _poll_payment(callback, error, *ids, deadline=deadline)
    applied, invoice = None, None
    if known := read_invoice_id(bytes(callback.body)):
        here = Invoice.objects.primary().filter(in_force(), account=callback.account, gateway_id=known)
        invoice = here.first()
    if invoice is not None:
        try:
            applied = poll_invoice(invoice, timeout=time_for_a_call(deadline))
        except GatewayAnswerError as answer:
            if not lacks_a_fact(answer):
                raise
    error_text = str(error)[:2000]
    finish_callback(callback, CallbackOutcome.UNREADABLE, invoice=invoice, error=error_text, at=timezone.now())
    return None if applied is None else Written(applied.invoice, applied.events)


def _poll_payment(
    callback: Callback, error: WireError, channel_id: UUID, payment_id: UUID, *, deadline: float | None
) -> Written | None:
    applied = None
    here = Channel.objects.primary().filter(in_force(), account=callback.account, gateway_id=channel_id)
    if channel := here.first():
        try:
            applied = poll_payment(channel, payment_id, timeout=time_for_a_call(deadline))
        except GatewayNotFoundError:
            pass
        except GatewayAnswerError as answer:
            if not lacks_a_fact(answer):
                raise
    finish_callback(
        callback,
        CallbackOutcome.UNREADABLE,
        channel_payment_id=applied.payment.pk if applied else None,
        error=str(error)[:2000],
        at=timezone.now(),
    )
    return None if applied is None else Written(applied.payment, applied.events)

"""Sends mails to customers: durable calls like those of handlers, each sent by itself, outside of any transaction.

The records are written with the events (`add_mail_deliveries` in `outbox.py`). A worker or a task sends them, never a
request: a mail server that hangs delays no payment. What a mail says: the package `mails`. Retries: `retry.py`.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Protocol

from django.utils import timezone

from ...logs import about_event
from ...models import EventKind, HandlerDelivery, Invoice, InvoiceEvent, Payment, Refund
from ...models.locking import write_transaction
from ...redaction import hide_locals
from ...tracing import Note, span
from .attempt import Attempt, AttemptResult
from .delivery_kind import DeliveryKind
from .outbox import new_event, refresh_about, write_events
from .withholding import sendable

logger = logging.getLogger("cryptopay_django")

LEASE = timedelta(minutes=10)
"""How long an attempt keeps a mail from other processes: longer than a mail server may take."""


class Mail(Protocol):
    """A mail that can be sent now. `once` names what a customer gets once only; `detail` is for the timeline."""

    @property
    def once(self) -> str: ...

    @property
    def detail(self) -> Mapping[str, Any]: ...

    def send(self) -> None: ...


Find = Callable[[InvoiceEvent], Mail | None]
"""Returns the mail of an event, or None if there is nothing to say any more."""


class _WithheldError(Exception):
    """The event is not true any more, or its invoice is quarantined: the mail waits."""


def send_due_mails(find: Find, *, limit: int = 100) -> int:
    """Send the mails that are due; return how many were sent, or dropped because there was nothing to say any more.

    None waits for another. One that fails is retried after a back-off, and given up after
    CRYPTOPAY_HANDLER_ATTEMPTS failures, like the call of a handler. Any number of processes may run this.
    """
    due = sendable(HandlerDelivery.objects.primary()).filter(next_attempt_at__lte=timezone.now())
    calls = due.select_related("event").order_by("next_attempt_at", "pk")[:limit]
    kind = DeliveryKind(
        span="cryptopay.send_mail",
        rows=HandlerDelivery.objects,
        claimable=sendable,
        markable=sendable,
        call=partial(_send, find),
        event_of=_event_of,
        gives_up=True,
        lease=LEASE,
    )
    done = 0
    for call in calls:
        fields = about_event(call.event, handler=call.handler, delivery_id=call.pk)
        attempt = _MailAttempt(kind, call.pk, call.event.named, "mail to the customer", fields, loaded=call)
        done += attempt.make() is AttemptResult.DELIVERED
    return done


class _MailAttempt(Attempt[HandlerDelivery]):
    """One attempt to send a mail."""

    def make(self) -> AttemptResult:
        """Make the attempt; return what became of it.

        1. Count it, and commit that: for LEASE no other process makes one.
        2. Send the mail, without a transaction, and mark it. A process that ends between the mail server's answer and
           the commit sends it once more, with the same Message-ID.

        What a template, a hook or a mail server raises is stored, and the mail is retried.
        """
        begun_at = timezone.now()
        stopped = self._count(begun_at)
        if stopped is not None or self.loaded is None:
            return stopped or AttemptResult.NOT_CLAIMED
        try:
            with span(self.kind.span, **self.fields) as note:
                self.kind.call(self.loaded, note)
        except _WithheldError:
            self._uncount(begun_at)
            return AttemptResult.NOT_CLAIMED
        except Exception as error:  # noqa: BLE001
            return self._failed(error)
        return AttemptResult.DELIVERED

    def _failed(self, error: BaseException) -> AttemptResult:
        """Store a failure. The log gets its type only: a mail server's answer names the customer's address."""
        reason = type(error).__name__
        logger.error("%s: mail to the customer failed: %s", self.named, reason, extra=dict(self.fields))
        self.store_failure("".join(traceback.format_exception(error)))
        return AttemptResult.FAILED


@hide_locals  # the customer's address is among them
def _send(find: Find, delivery: HandlerDelivery, note: Note) -> None:
    """Send the mail of an event, unless the customer has had it, and mark it delivered."""
    event = _event_of(delivery)
    refresh_about(event)
    if event.payment_id is not None:
        event.payment = Payment.objects.primary().get(pk=event.payment_id)
    if event.refund_id is not None:
        event.refund = Refund.objects.primary().get(pk=event.refund_id)
    mail = find(event)
    if not sendable(HandlerDelivery.objects.primary()).filter(pk=delivery.pk).exists():
        raise _WithheldError
    sent = InvoiceEvent.objects.primary().filter(subject=event.subject, once=mail.once) if mail else None
    if mail is None or sent is None or sent.exists():
        note(outcome="nothing to say any more")
        _mark(delivery)
    else:
        mail.send()
        note(outcome="sent")
        _mark(delivery, event.invoice, mail)


def _mark(delivery: HandlerDelivery, invoice: Invoice | None = None, mail: Mail | None = None) -> None:
    """Mark a mail as done, and write into the timeline that it was sent."""
    now = timezone.now()
    with write_transaction(HandlerDelivery):
        row = HandlerDelivery.objects.lock(pk=delivery.pk)
        if row is None:
            return
        if invoice is not None and mail is not None:
            detail = dict(mail.detail)
            write_events([new_event(invoice, EventKind.CUSTOMER_MAILED, at=now, once=mail.once, detail=detail)])
        attempts = max(row.attempts - 1, 0)
        HandlerDelivery.objects.change(row, delivered_at=now, next_attempt_at=None, begun_at=None, attempts=attempts)


def _event_of(delivery: HandlerDelivery) -> InvoiceEvent:
    return InvoiceEvent.objects.primary().get(pk=delivery.event_id)

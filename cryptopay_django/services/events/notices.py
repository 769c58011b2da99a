"""Sends notices to staff, as a digest for each kind: by e-mail, or by the function that CRYPTOPAY_NOTIFIER names.

What has to be reported is marked on its event (`notice_due_at`) in the transaction of what happened, so nothing is
lost. The mark is removed after the notice was sent: a crash between the two sends it twice, never zero times. The
worker does this in a thread of its own, and `cryptopay_worker --once` does it; never a request, so a mail server
that hangs delays no payment.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.core.mail import send_mail
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from ... import signals
from ...conf import app_settings
from ...fields import storable_text
from ...models import (
    EventKind,
    Invoice,
    InvoiceEvent,
    NoticeKind,
    NoticeSchedule,
    Resolution,
    StatusContext,
)
from ...models.locking import write_transaction
from ...models.resolution import awaiting_approval
from ..backoff import backoff
from .notice_items import Notice, item_of

logger = logging.getLogger("cryptopay_django")

_LISTED = 100
_AT_ONCE = 5000
_STOPPED = Q(kind__in=[EventKind.INVOICE_UNRESOLVED, EventKind.CHANNEL_PAYMENT_ON_HOLD])
_HELD = _STOPPED & Q(detail__context=StatusContext.ILLICIT_RESOURCE)
_EVENTS = {
    NoticeKind.UNRESOLVED: _STOPPED & ~_HELD,
    NoticeKind.HELD: _HELD,
    NoticeKind.QUARANTINED: Q(kind__in=[EventKind.INVOICE_QUARANTINED, EventKind.CHANNEL_PAYMENT_QUARANTINED]),
    NoticeKind.HIGH_RISK: Q(kind=EventKind.RISK_HIGH),
    NoticeKind.UNDELIVERED: Q(
        kind__in=[EventKind.DELIVERY_FAILING, EventKind.HANDLER_GIVEN_UP, EventKind.HOOK_FAILED]
    ),
    NoticeKind.APPROVAL: Q(kind=EventKind.APPROVAL_REQUESTED),
    NoticeKind.UNKNOWN_RESOLUTION: Q(kind__in=[EventKind.RESOLUTION_STUCK, EventKind.RESOLUTION_ALARM]),
}


def send_notices() -> int:
    """Send a notice of each kind that has something to report and is not too early; return how many were sent.

    Accounts that have recipients of their own get notices of their own.
    At most one a kind in CRYPTOPAY_NOTICE_INTERVAL seconds; a failed one is tried again after a back-off.
    Whatever the notifier raises is written down and logged, not raised. Any number of processes may run this.
    """
    now = timezone.now()
    due = InvoiceEvent.objects.primary().filter(notice_due_at__lte=now)
    if not due.exists():
        return 0
    _drop_outdated(due)
    sent = 0
    # Asked before any of their events are read: on a bad day thousands wait, and this runs every second.
    early = set(NoticeSchedule.objects.primary().filter(next_attempt_at__gt=now).values_list("kind", flat=True))
    for kind, events in _EVENTS.items():
        if kind in early:
            continue
        matching = due.filter(events).order_by("pk")
        account = Coalesce("invoice__account", "channel_payment__account", "callback__account", Value(""))
        found = list(matching.values_list("pk", account)[:_AT_ONCE])
        if found and _claim(kind, at=now):
            left: list[bool] = []
            for recipients, keys in _by_recipients(kind, found).items():
                listed = (
                    matching.filter(pk__in=keys[:_LISTED])
                    .select_related("invoice", "channel_payment__channel", "callback")
                    .defer("callback__body")
                )
                notice = Notice(kind, tuple(map(item_of, listed)), more=max(len(keys) - _LISTED, 0))
                left.append(_send(notice, recipients, keys))
            if all(left):
                NoticeSchedule.objects.filter(kind=kind).update(attempts=0, last_error="")
            sent += sum(left)
    return sent


def _by_recipients(kind: NoticeKind, found: list[tuple[int, str]]) -> dict[tuple[str, ...], list[int]]:
    """Gather the events whose accounts have the same recipients: they get one digest."""
    people = {
        account: tuple(app_settings.of(account).NOTICE_RECIPIENTS.get(kind.value, ()))
        for account in {account for _, account in found}
    }
    keys: dict[tuple[str, ...], list[int]] = {}
    for key, account in found:
        keys.setdefault(people[account], []).append(key)
    return keys


def mail_notice(notice: Notice, recipients: Sequence[str]) -> None:
    """Send a notice as a plain e-mail from DEFAULT_FROM_EMAIL; without recipients it sends none."""
    if recipients:
        send_mail(notice.subject, notice.text, None, list(recipients))


def _claim(kind: NoticeKind, *, at: datetime) -> bool:
    """Take the next notice of a kind by compare-and-swap: it is the one of this interval."""
    if not NoticeSchedule.objects.primary().filter(kind=kind).exists():
        NoticeSchedule.objects.add_missing(NoticeSchedule(kind=kind, next_attempt_at=at))
    free = NoticeSchedule.objects.filter(kind=kind, next_attempt_at__lte=at)
    return bool(free.update(next_attempt_at=at + timedelta(seconds=app_settings.NOTICE_INTERVAL)))


def _send(notice: Notice, recipients: tuple[str, ...], keys: list[int]) -> bool:
    schedule = NoticeSchedule.objects.primary().get(kind=notice.kind)
    try:
        notifier = app_settings.NOTIFIER or mail_notice
        notifier(notice, recipients)
    except Exception:
        # Whatever a mail server or a notifier of the shop does: it is tried again, and nothing else waits.
        logger.exception("the notice of kind %s did not leave; it will be tried again", notice.kind)
        attempts = schedule.attempts + 1
        error = storable_text(traceback.format_exc())[-20_000:]
        NoticeSchedule.objects.filter(pk=schedule.pk).update(
            attempts=attempts, next_attempt_at=timezone.now() + backoff(attempts), last_error=error
        )
        return False
    for start in range(0, len(keys), 500):
        _unmark(keys[start : start + 500])
    signals.notice_sent.send_robust(sender=Invoice, notice=notice)
    return True


def _drop_outdated(due: QuerySet[InvoiceEvent]) -> None:
    """Remove the marks of requests for an approval that is not needed any more: there is nothing to approve.

    The event's detail names the resolution. Another resolution of the invoice that waits now keeps its own mark.
    """
    requests = list(due.filter(_EVENTS[NoticeKind.APPROVAL]).values_list("pk", "detail__resolution")[:_AT_ONCE])
    if not requests:
        return
    waiting = {
        str(key) for key in Resolution.objects.primary().filter(awaiting_approval()).values_list("pk", flat=True)
    }
    if outdated := [key for key, resolution in requests if resolution not in waiting]:
        _unmark(outdated)


def _unmark(keys: Sequence[int]) -> None:
    """Remove the marks of events. One whose receivers run now is locked: its notice is sent once more."""
    with write_transaction(InvoiceEvent):
        InvoiceEvent.objects.update_free(InvoiceEvent.objects.primary().filter(pk__in=keys), notice_due_at=None)

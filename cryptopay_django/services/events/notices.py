"""Notices to staff: by e-mail or by what CRYPTOPAY_NOTIFIER names, as a digest for each kind.

What has to be reported is marked on its event (`notice_due_at`) in the transaction of what happened, so nothing is
lost. The mark is removed after the notice was sent: a crash between the two sends it twice, never zero times. The
worker does this in a thread of its own, and `cryptopay_worker --once` does it; never a request, so a mail server
that hangs delays no payment.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.core.mail import send_mail
from django.db.models import Q
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from ... import signals
from ...conf import app_settings
from ...links import url_of
from ...models import EventKind, Invoice, InvoiceEvent, NoticeKind, NoticeSchedule, StatusContext
from ...models.locking import write_transaction
from .outbox import backoff

logger = logging.getLogger("cryptopay_django")

_LISTED = 100
_AT_ONCE = 5000
_HELD = Q(kind=EventKind.INVOICE_UNRESOLVED, detail__context=StatusContext.ILLICIT_RESOURCE)
_EVENTS = {
    NoticeKind.UNRESOLVED: Q(kind=EventKind.INVOICE_UNRESOLVED) & ~_HELD,
    NoticeKind.HELD: _HELD,
    NoticeKind.QUARANTINED: Q(kind=EventKind.INVOICE_QUARANTINED),
    NoticeKind.HIGH_RISK: Q(kind=EventKind.RISK_HIGH),
    NoticeKind.UNDELIVERED: Q(
        kind__in=[EventKind.DELIVERY_FAILING, EventKind.HANDLER_GIVEN_UP, EventKind.HOOK_FAILED]
    ),
    NoticeKind.UNKNOWN_RESOLUTION: Q(kind__in=[EventKind.RESOLUTION_STUCK, EventKind.RESOLUTION_ALARM]),
}


@dataclass(frozen=True, slots=True)
class NoticeItem:
    """One thing to tell of: ids, amounts and a link. No names, no addresses, no secrets."""

    invoice_id: UUID
    custom_id: str
    account: str
    status: str
    ordered: str
    paid: str
    happened_at: datetime
    url: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A digest of one kind: what happened since the last one. `more` is how many are not listed."""

    kind: NoticeKind
    items: tuple[NoticeItem, ...]
    more: int

    @property
    def subject(self) -> str:
        """One line."""
        count = len(self.items) + self.more
        told = ngettext("%(count)d invoice", "%(count)d invoices", count) % {"count": count}
        return f"Cryptopay: {self.kind.label} ({told})"

    @property
    def text(self) -> str:
        """Plain text, two lines an invoice."""
        lines = [f"{self.kind.label}:", ""]
        for item in self.items:
            lines.append(
                gettext("%(id)s (%(account)s): ordered %(ordered)s, paid %(paid)s, now %(status)s; %(at)s")
                % {
                    "id": item.custom_id,
                    "account": item.account,
                    "ordered": item.ordered,
                    "paid": item.paid,
                    "status": item.status,
                    "at": f"{item.happened_at:%Y-%m-%d %H:%M %Z}",
                }
            )
            lines.append(f"  {item.url or item.invoice_id}")
        if self.more:
            lines += ["", gettext("… and %(count)d more.") % {"count": self.more}]
        return "\n".join(lines) + "\n"


def send_notices() -> int:
    """Send a notice of each kind that has something to tell and is not too early; return how many left.

    Accounts that have recipients of their own are told of apart.
    At most one a kind in CRYPTOPAY_NOTICE_INTERVAL seconds; a failed one is tried again after a back-off.
    Whatever the notifier raises is written down and logged, not raised. Any number of processes may run this.
    """
    now = timezone.now()
    due = InvoiceEvent.objects.primary().filter(notice_due_at__lte=now)
    if not due.exists():
        return 0
    sent = 0
    for kind, events in _EVENTS.items():
        matching = due.filter(events).order_by("pk")
        found = list(matching.values_list("pk", "invoice__account")[:_AT_ONCE])
        if found and _claim(kind, at=now):
            left: list[bool] = []
            for recipients, keys in _by_recipients(kind, found).items():
                listed = matching.filter(pk__in=keys[:_LISTED]).select_related("invoice")
                notice = Notice(kind, tuple(map(_item, listed)), more=max(len(keys) - _LISTED, 0))
                left.append(_send(notice, recipients, keys))
            if all(left):
                NoticeSchedule.objects.filter(kind=kind).update(attempts=0, last_error="")
            sent += sum(left)
    return sent


def _by_recipients(kind: NoticeKind, found: list[tuple[int, str]]) -> dict[tuple[str, ...], list[int]]:
    """Gather the events whose accounts have the same people to tell: they are told in one digest."""
    people = {
        account: tuple(app_settings.of(account).NOTICE_RECIPIENTS.get(kind.value, ()))
        for account in {account for _, account in found}
    }
    keys: dict[tuple[str, ...], list[int]] = {}
    for key, account in found:
        keys.setdefault(people[account], []).append(key)
    return keys


def mail_notice(notice: Notice, recipients: Sequence[str]) -> None:
    """Send a notice as a plain e-mail from DEFAULT_FROM_EMAIL; without recipients nobody is told."""
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
        error = traceback.format_exc().replace("\x00", "\\0")[-20_000:]
        NoticeSchedule.objects.filter(pk=schedule.pk).update(
            attempts=attempts, next_attempt_at=timezone.now() + backoff(attempts), last_error=error
        )
        return False
    for start in range(0, len(keys), 500):
        _unmark(keys[start : start + 500])
    signals.notice_sent.send_robust(sender=Invoice, notice=notice)
    return True


def _unmark(keys: Sequence[int]) -> None:
    """Take the marks of events away. One whose receivers run now is locked: its notice is sent once more."""
    with write_transaction(InvoiceEvent):
        InvoiceEvent.objects.update_free(InvoiceEvent.objects.primary().filter(pk__in=keys), notice_due_at=None)


def _item(event: InvoiceEvent) -> NoticeItem:
    invoice = event.invoice
    status = invoice.get_status_display()
    return NoticeItem(
        invoice_id=invoice.pk,
        custom_id=invoice.custom_id,
        account=invoice.account,
        status=f"{status} ({invoice.status_context})" if invoice.status_context else status,
        ordered=f"{invoice.price_amount:f} {invoice.price_currency}",
        paid=f"{invoice.paid_amount:f} {invoice.pay_currency}",
        happened_at=event.created_at,
        url=_url(invoice),
    )


def _url(invoice: Invoice) -> str:
    if not app_settings.SITE_URL:
        return ""
    try:
        return url_of(reverse("admin:cryptopay_django_invoice_change", args=[invoice.pk]))
    except NoReverseMatch:
        return ""

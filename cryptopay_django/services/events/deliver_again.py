"""Delivers events once more that were delivered already, with the same uuid, when a person asks for it.

The retry of an event that failed: `retry.py`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import router
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from ... import handlers
from ...exceptions import RedeliveryError
from ...models import EventKind, HandlerDelivery, InvoiceEvent, Subject, subject_of
from ...models.locking import write_transaction
from .deliver import deliver_or_dispatch
from .outbox import CUSTOMER_MAIL, SIGNALS, new_event, write_events
from .withholding import is_true


def deliver_again(
    about: Subject,
    *,
    actor: str,
    reason: str = "",
    kinds: Collection[str] = (),
    since: datetime | None = None,
    until: datetime | None = None,
) -> int:
    """Deliver the delivered events of an invoice or of another callback once more; return how many events.

    `kinds` are names of signals, all if empty; `since` and `until` limit when the events happened. Receivers see
    `event.is_repetition`. What is pending, was given up, or is not true any more is left out. A handler that was
    registered since gets them for the first time. No order is promised, and nothing waits for a repeated event. Locks
    and commits; `actor` and `reason` go into the timeline. The permission `cryptopay_django.deliver_events_again` is
    the caller's to check. Raises RedeliveryError.
    """
    if not actor.strip():
        raise RedeliveryError(f"delivering events of {_named(about)} again needs an actor: who asks for it?")
    if unknown := sorted(set(kinds) - set(SIGNALS)):
        raise RedeliveryError(f"{', '.join(unknown)}: not an event that is delivered; there are {', '.join(SIGNALS)}")
    events = repeatable_events(kinds, since=since, until=until).filter(subject=subject_of(about))
    now = timezone.now()
    anew = {"delivered_at": None, "next_attempt_at": now, "attempts": 0, "begun_at": None, "last_error": ""}
    with write_transaction(InvoiceEvent):
        # Events are locked before what they are about is referred to, in the order of a delivery.
        chosen = {event.pk: event for event in events.order_by("pk")}
        signals = InvoiceEvent.objects.primary().filter(pk__in=chosen, delivered_at__isnull=False)
        InvoiceEvent.objects.update_free(signals, **anew, repetitions=F("repetitions") + 1)
        calls = HandlerDelivery.objects.primary().filter(event_id__in=chosen, delivered_at__isnull=False)
        calls = calls.exclude(handler=CUSTOMER_MAIL)  # a customer gets a mail once, whatever the shop has lost
        HandlerDelivery.objects.update_free(calls, **anew, repetitions=F("repetitions") + 1)
        _add_new_handlers(list(chosen.values()), at=now)
        if not chosen:
            return 0
        detail = {"events": ", ".join(dict.fromkeys(event.kind for event in chosen.values())), "reason": reason}
        write_events([new_event(about, EventKind.DELIVERY_REPEATED, at=now, actor=actor, detail=detail)])
    deliver_or_dispatch(about)
    return len(chosen)


def _named(about: Subject) -> str:
    return f"{about._meta.verbose_name_raw} {about.pk}"


def repeatable_events(
    kinds: Collection[str] = (), *, since: datetime | None = None, until: datetime | None = None
) -> QuerySet[InvoiceEvent]:
    """Return the events that were delivered and are still true, of these kinds and of this time."""
    happened = Q(created_at__gte=since) if since else Q()
    if until:
        happened &= Q(created_at__lt=until)
    calls = HandlerDelivery.objects.filter(delivered_at__isnull=False).exclude(handler=CUSTOMER_MAIL)
    delivered = Q(delivered_at__isnull=False) | Q(pk__in=calls.values("event_id"))
    events = InvoiceEvent.objects.primary().filter(is_true(), happened, kind__in=list(kinds or SIGNALS))
    events = events.exclude(kind=EventKind.CALLBACK_RECEIVED, callback=None)  # its bytes are pruned
    return events.filter(pk__in=InvoiceEvent.objects.filter(delivered).values("pk"))


def _add_new_handlers(events: Collection[InvoiceEvent], *, at: datetime) -> None:
    """Write a record for each handler that has none for an event: it was registered later."""
    known = set(HandlerDelivery.objects.primary().filter(event__in=events).values_list("event_id", "handler"))
    using = router.db_for_write(HandlerDelivery)
    HandlerDelivery.objects.using(using).bulk_create(
        HandlerDelivery(event=event, handler=path, next_attempt_at=at)
        for event in events
        for path in handlers.paths_for(event.kind)
        if (event.pk, path) not in known
    )

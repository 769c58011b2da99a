"""Deletes old callbacks and events after the time that is set, and personal data on request. Keeps money records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet

from ..models import (
    Callback,
    CallbackOutcome,
    Channel,
    ChannelPayment,
    ChannelStatus,
    EventKind,
    HandlerDelivery,
    Invoice,
    InvoiceEvent,
    Payment,
    Resolution,
)
from ..models.channel_payment import open_payments, quarantined_payments
from ..models.invoice import FINAL_STATUSES, open_invoices, quarantined_invoices
from ..models.locking import write_transaction
from .events.call_handlers import pending_calls
from .events.withholding import is_true
from .personal_data import (
    callbacks_of_customer,
    erase_callback,
    erase_link,
    erase_named_addresses,
    invoices_of_links,
    links_of_customer,
    rename_in_log,
)

M = TypeVar("M", bound=models.Model)

BATCH = 1000

# What later decisions and the books rest on is not here: how an invoice or a payment ended, all that people did, and
# that a callback of another type was taken in: by this its bytes are known when they come again.
_PASSING = (
    EventKind.INVOICE_CREATED,
    EventKind.PAYMENT_DETECTED,
    EventKind.PAYMENT_CONFIRMED,
    EventKind.INVOICE_UNRESOLVED,
    EventKind.INVOICE_QUARANTINED,
    EventKind.RISK_HIGH,
    EventKind.CHANNEL_PAYMENT_CREATED,
    EventKind.CHANNEL_PAYMENT_ON_HOLD,
    EventKind.CHANNEL_PAYMENT_QUARANTINED,
    EventKind.DELIVERY_FAILING,
    EventKind.HANDLER_GIVEN_UP,
    EventKind.HOOK_FAILED,
)
_UNDER_WAY = (
    Q(invoice__in=Invoice.objects.filter(open_invoices() | quarantined_invoices())),
    Q(channel_payment__in=ChannelPayment.objects.filter(open_payments() | quarantined_payments())),
)
_ERASED: dict[str, Any] = {
    "customer_id": "",
    "payer_email": "",
    "name": "",
    "description": "",
    "metadata": {},
    "success_redirect_url": "",
    "unsuccess_redirect_url": "",
}


@dataclass
class Pruning:
    """How many rows went, or would go."""

    callbacks: int = 0
    events: int = 0


@dataclass
class Erasure:
    """How many invoices, channels and payment links have no personal data any more, and which have it still, and why.

    `callbacks` is how many were deleted beside them, because they name the customer; `left_callbacks` are those that
    could not be deleted yet, by key, and why.
    """

    erased: int = 0
    left: dict[UUID, str] = field(default_factory=dict)
    callbacks: int = 0
    left_callbacks: dict[int, str] = field(default_factory=dict)


def prune_records(*, before: datetime, batch: int = BATCH, dry_run: bool = False) -> Pruning:
    """Delete callbacks and events from before a time, in batches that are committed one by one.

    What is pending stays, whatever its age, and so does all that belongs to an invoice or a channel payment that is
    open or quarantined, or that a row of the shop points at. Events that a later decision needs stay too: how an
    invoice ended, what people did, and that a callback of another type was received. Any number of processes may run
    this; one that is stopped continues where it was.
    """
    done = Pruning()
    done.callbacks = _delete(prunable_callbacks(before), batch=batch, dry_run=dry_run)
    done.events = _delete(prunable_events(before), batch=batch, dry_run=dry_run)
    return done


def prunable_callbacks(before: datetime) -> QuerySet[Callback]:
    """Return the processed callbacks that arrived before a time."""
    processed = Callback.objects.primary().exclude(outcome=CallbackOutcome.PENDING)
    processed = processed.filter(next_attempt_at=None, received_at__lt=before)
    owed = HandlerDelivery.objects.filter(event=OuterRef("pk"), delivered_at=None)
    waiting = Q(next_attempt_at__isnull=False) | Q(notice_due_at__isnull=False) | Q(Exists(owed))
    needed = InvoiceEvent.objects.filter(waiting, callback=OuterRef("pk"))
    return _unreferenced(_ended(processed).exclude(Exists(needed)))


def prunable_events(before: datetime) -> QuerySet[InvoiceEvent]:
    """Return the events that were delivered before a time, are told of, and decide nothing any more.

    To receivers and to every handler: a call that is pending or was given up keeps its event. The records go
    with it.
    """
    passed = InvoiceEvent.objects.primary().filter(kind__in=_PASSING, created_at__lt=before)
    passed = passed.filter(next_attempt_at=None, notice_due_at=None).exclude(delivered_at__gte=before)
    owed = HandlerDelivery.objects.filter(event=OuterRef("pk")).exclude(delivered_at__lt=before)
    passed = passed.exclude(Exists(owed))
    return _unreferenced(_ended(passed))


def erase_customer(*, customer_id: str = "", payer_email: str = "") -> Erasure:
    """Erase the personal data of a customer, found by the shop's id or the e-mail address; money records stay.

    Amounts, addresses that money went to, transactions and what staff decided, with their reasons, are the books.
    Names, texts, metadata, links, addresses that the coins came from, and those that no coins went to, go, and so do
    the callbacks that repeat them. An invoice that has not ended, is quarantined or has pending callbacks is left, and
    named; so is a channel that is enabled, or has such payments. Channels are found by the shop's id alone. Of payment
    links that are the customer's, and are over, the texts go; `links_of_customer` finds them. In the end go the stored
    callbacks of other types that name the customer: of channel payments, withdrawals, subscriptions, invoices that are
    not ours. Locks and commits one of them at a time. What the gateway keeps is not touched.
    """
    if not customer_id and not payer_email:
        raise ValueError("name a customer: customer_id or payer_email")
    named = {"customer_id": customer_id, "payer_email": payer_email}
    wanted = Q(customer_id=customer_id) if customer_id else Q()
    if payer_email:
        wanted |= Q(payer_email__iexact=payer_email)
    done = Erasure()
    invoices = Invoice.objects.primary().filter(wanted).order_by("created_at")
    links = links_of_customer(invoices, **named)
    of_links = invoices_of_links(links).order_by("created_at")
    channels = Channel.objects.primary().filter(customer_id=customer_id).exclude(customer_id="").order_by("created_at")
    found: tuple[tuple[list[UUID], Callable[[UUID], str]], ...] = (
        (list(dict.fromkeys([*_keys(invoices), *_keys(of_links)])), _erase_invoice),
        (_keys(channels), _erase_channel),
        (links, erase_link),
    )
    for keys, erase in found:
        for key in keys:
            if obstacle := erase(key):
                done.left[key] = obstacle
            else:
                done.erased += 1
    for callback in callbacks_of_customer(**named):
        if obstacle := erase_callback(callback.pk):
            done.left_callbacks[callback.pk] = obstacle
        else:
            done.callbacks += 1
    return done


def _erase_invoice(key: UUID) -> str:
    """Erase one invoice's personal data under its lock; return why not, or nothing."""
    with write_transaction(Invoice):
        invoice = Invoice.objects.lock(pk=key)
        if invoice is None:
            return "it is gone"
        if invoice.status not in FINAL_STATUSES:
            return f"it is {invoice.status}: money may still come or go"
        if invoice.quarantine_reason:
            return "it is held for a person"
        if any(one.is_followed_after_end for one in Resolution.objects.primary().filter(invoice=invoice)):
            return "a refund of it that was ended by hand may still be made"
        if obstacle := _erase_traces(invoice=invoice):
            return obstacle
        Invoice.objects.filter(pk=key).update(**_ERASED)
        Payment.objects.filter(invoice=invoice).update(source_addresses=[])
        erase_named_addresses(invoice)
    return ""


def _erase_channel(key: UUID) -> str:
    """Erase one channel's personal data under its lock; return why not, or nothing."""
    with write_transaction(Channel):
        channel = Channel.objects.lock(pk=key)
        if channel is None:
            return "it is gone"
        if channel.status == ChannelStatus.ENABLED:
            return "it is enabled: money may still come. Disable it first"
        payments = ChannelPayment.objects.primary().filter(channel=channel)
        if payments.filter(open_payments() | quarantined_payments()).exists():
            return "payments of it are open, or held for a person"
        if obstacle := _erase_traces(channel_payment__channel=channel):
            return obstacle
        channel.customer_id = channel.name = channel.description = ""
        Channel.objects.filter(pk=key).update(customer_id="", name="", description="")
        rename_in_log(channel)
    return ""


def _erase_traces(**of: models.Model) -> str:
    """Delete the callbacks of something, and the errors of its deliveries; return why not, or nothing."""
    callbacks = Callback.objects.primary().filter(**of)
    events = InvoiceEvent.objects.primary().filter(**of)
    of_event = {f"event__{name}": row for name, row in of.items()}
    deliveries = HandlerDelivery.objects.primary().filter(**of_event)
    # What is withheld stays so: it has ended in another way, and is not held.
    waiting = (callbacks, events.filter(is_true()), pending_calls().filter(**of_event))
    if any(rows.filter(next_attempt_at__isnull=False).exists() for rows in waiting):
        return "callbacks or events of it are pending"
    # By key: a database may refuse an UPDATE that joins other tables.
    InvoiceEvent.objects.filter(pk__in=list(events.values_list("pk", flat=True))).update(last_error="")
    HandlerDelivery.objects.filter(pk__in=list(deliveries.values_list("pk", flat=True))).update(last_error="")
    callbacks.delete()
    return ""


def _keys(rows: QuerySet[Any]) -> list[UUID]:
    return list(rows.values_list("pk", flat=True))


def _delete(rows: QuerySet[M], *, batch: int, dry_run: bool) -> int:
    if dry_run:
        return rows.count()
    return sum(_batches(rows, batch))


def _batches(rows: QuerySet[M], batch: int) -> Iterator[int]:
    """Delete by key, a batch a transaction; what became pending in between is not among them any more.

    Each batch begins after the last key of the one before it: in front of that stand dead rows and what is kept.
    """
    ordered = rows.order_by("pk").values_list("pk", flat=True)
    keys = list(ordered[:batch])
    while keys:
        chosen = rows.model._base_manager.using(rows.db).filter(pk__in=keys, next_attempt_at=None)
        _, by_model = chosen.delete()
        yield by_model.get(rows.model._meta.label, 0)
        keys = list(ordered.filter(pk__gt=keys[-1])[:batch])


def _ended(rows: QuerySet[M]) -> QuerySet[M]:
    """Leave out what belongs to an invoice or a channel payment that is open or quarantined."""
    for is_under_way in _UNDER_WAY:
        rows = rows.exclude(is_under_way)
    return rows


def _unreferenced(rows: QuerySet[M]) -> QuerySet[M]:
    """Leave out what a row of the shop points at: deleting it could take the shop's row along."""
    for relation in rows.model._meta.get_fields(include_hidden=True):
        if isinstance(relation, models.ManyToOneRel) and relation.related_model not in (HandlerDelivery, InvoiceEvent):
            pointing = relation.related_model._base_manager.filter(**{relation.field.name: OuterRef("pk")})
            rows = rows.exclude(Exists(pointing))
    return rows

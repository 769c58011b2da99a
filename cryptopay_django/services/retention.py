"""Keeps records as long as is set: old callbacks and events go, personal data on request; money records stay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet

from ..models import Callback, CallbackOutcome, EventKind, HandlerDelivery, Invoice, InvoiceEvent, Payment
from ..models.invoice import FINAL_STATUSES, held_invoices, open_invoices
from ..models.locking import write_transaction
from .events.handler_lane import pending_calls
from .events.withholding import is_true

M = TypeVar("M", bound=models.Model)

BATCH = 1000

# What later decisions and the books rest on is not here: how an invoice ended, and all that people did.
_PASSING = (
    EventKind.INVOICE_CREATED,
    EventKind.PAYMENT_DETECTED,
    EventKind.PAYMENT_CONFIRMED,
    EventKind.INVOICE_UNRESOLVED,
    EventKind.INVOICE_QUARANTINED,
    EventKind.RISK_HIGH,
    EventKind.DELIVERY_FAILING,
    EventKind.HANDLER_GIVEN_UP,
    EventKind.HOOK_FAILED,
)
_UNDER_WAY = Q(invoice__in=Invoice.objects.filter(open_invoices() | held_invoices()))
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
    """Whose personal data is gone, and which invoices could not be erased yet, with the reason."""

    erased: int = 0
    left: dict[UUID, str] = field(default_factory=dict)


def prune_records(*, before: datetime, batch: int = BATCH, dry_run: bool = False) -> Pruning:
    """Delete callbacks and events from before a time, in batches that are committed one by one.

    What is pending stays, whatever its age, and so does all that belongs to an invoice that is open or held, or
    that a row of the shop points at. Of events go those that no later decision needs: how an invoice ended and
    what people did stays. Any number of processes may run this; one that is stopped goes on where it was.
    """
    done = Pruning()
    done.callbacks = _delete(prunable_callbacks(before), batch=batch, dry_run=dry_run)
    done.events = _delete(prunable_events(before), batch=batch, dry_run=dry_run)
    return done


def prunable_callbacks(before: datetime) -> QuerySet[Callback]:
    """Return the processed callbacks that arrived before a time."""
    processed = Callback.objects.primary().exclude(outcome=CallbackOutcome.PENDING)
    processed = processed.filter(next_attempt_at=None, received_at__lt=before)
    return _unreferenced(processed.exclude(_UNDER_WAY))


def prunable_events(before: datetime) -> QuerySet[InvoiceEvent]:
    """Return the events that were delivered before a time, are told of, and decide nothing any more.

    To receivers and to every handler: a call that is pending or was given up keeps its event. The records go
    with it.
    """
    passed = InvoiceEvent.objects.primary().filter(kind__in=_PASSING, created_at__lt=before)
    passed = passed.filter(next_attempt_at=None, notice_due_at=None).exclude(delivered_at__gte=before)
    owed = HandlerDelivery.objects.filter(event=OuterRef("pk")).exclude(delivered_at__lt=before)
    passed = passed.exclude(Exists(owed))
    return _unreferenced(passed.exclude(_UNDER_WAY))


def erase_customer(*, customer_id: str = "", payer_email: str = "") -> Erasure:
    """Erase the personal data of a customer, found by the shop's id or the e-mail address; money records stay.

    Amounts, addresses that money went to, transactions and what staff decided are the books. Names, texts,
    metadata, links and addresses that the coins came from go, and so do the callbacks that repeat them. An
    invoice that has not ended, is held or has callbacks pending is left, and named. Locks and commits one
    invoice at a time. What the gateway keeps is not touched.
    """
    if not customer_id and not payer_email:
        raise ValueError("name a customer: customer_id or payer_email")
    wanted = Q(customer_id=customer_id) if customer_id else Q()
    if payer_email:
        wanted |= Q(payer_email__iexact=payer_email)
    done = Erasure()
    for key in list(Invoice.objects.primary().filter(wanted).order_by("created_at").values_list("pk", flat=True)):
        obstacle = _erase_one(key)
        if obstacle:
            done.left[key] = obstacle
        else:
            done.erased += 1
    return done


def _erase_one(key: UUID) -> str:
    """Erase one invoice's personal data under its lock; return why not, or nothing."""
    with write_transaction(Invoice):
        invoice = Invoice.objects.lock(pk=key)
        if invoice is None:
            return "it is gone"
        if invoice.status not in FINAL_STATUSES:
            return f"it is {invoice.status}: money may still come or go"
        if invoice.quarantine_reason:
            return "it is held for a person"
        callbacks = Callback.objects.primary().filter(invoice=invoice)
        events = InvoiceEvent.objects.primary().filter(invoice=invoice)
        deliveries = HandlerDelivery.objects.primary().filter(event__invoice=invoice)
        # What is withheld stays so: the invoice has ended in another way, and is not held.
        waiting = (callbacks, events.filter(is_true()), pending_calls().filter(event__invoice=invoice))
        if any(rows.filter(next_attempt_at__isnull=False).exists() for rows in waiting):
            return "callbacks or events of it are pending"
        Invoice.objects.filter(pk=key).update(**_ERASED)
        Payment.objects.filter(invoice=invoice).update(source_addresses=[])
        events.update(last_error="")
        deliveries.update(last_error="")
        callbacks.delete()
    return ""


def _delete(rows: QuerySet[M], *, batch: int, dry_run: bool) -> int:
    if dry_run:
        return rows.count()
    return sum(_batches(rows, batch))


def _batches(rows: QuerySet[M], batch: int) -> Iterator[int]:
    """Delete by key, a batch a transaction; what became pending in between is not among them any more."""
    while keys := list(rows.order_by("pk").values_list("pk", flat=True)[:batch]):
        chosen = rows.model._base_manager.using(rows.db).filter(pk__in=keys, next_attempt_at=None)
        _, by_model = chosen.delete()
        deleted = by_model.get(rows.model._meta.label, 0)
        yield deleted
        if not deleted:
            return


def _unreferenced(rows: QuerySet[M]) -> QuerySet[M]:
    """Leave out what a row of the shop points at: deleting it could take the shop's row along."""
    for relation in rows.model._meta.get_fields(include_hidden=True):
        if isinstance(relation, models.ManyToOneRel) and relation.related_model is not HandlerDelivery:
            pointing = relation.related_model._base_manager.filter(**{relation.field.name: OuterRef("pk")})
            rows = rows.exclude(Exists(pointing))
    return rows

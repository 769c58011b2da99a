"""Releases an invoice from quarantine, or accepts a shortfall. Makes no call to the gateway."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from ...exceptions import InvoiceChangedError, ReleaseError
from ...models import EventKind, Invoice, InvoiceEvent, InvoiceStatus
from ...models.locking import write_transaction
from ...permissions import Act
from ..events.deliver import deliver_or_dispatch
from ..events.outbox import SIGNALS, new_event, write_events
from ..snapshots.apply import expect_orphans
from ..snapshots.merge import status_event
from ..snapshots.refund_rows import name_refunds
from .people import Actor, Person, check_permitted, person_of


def release_invoice(
    invoice: Invoice,
    *,
    actor: Actor,
    reason: str,
    accept_shortfall: bool = False,
    expected_version: int | None = None,
) -> Invoice:
    """Take an invoice out of quarantine, or accept that it was settled short; return the row as it is then.

    What the gateway says otherwise than our row (`Invoice.contradicted`: an address, a network, a price ..) is
    accepted: the row takes it over, and is not quarantined for it again. The event of its status is written now,
    unless the shop has had it. `accept_shortfall` makes that invoice_completed for a settlement below the ordered
    amount.

    `actor`, a user or a name, and `reason` go into the timeline, with what was accepted. Only what the person saw is
    released: the version must be `expected_version`, or that of the object given. Of a user the permission
    `cryptopay_django.release_invoice` is checked, under the lock. Commits; calls nobody. Raises InvoiceChangedError,
    NotPermittedError, ReleaseError.
    """
    person = person_of(actor)
    if not person.name:
        raise ReleaseError(f"releasing invoice {invoice.pk} needs an actor: who decides it")
    if not reason.strip():
        raise ReleaseError(f"releasing invoice {invoice.pk} needs a reason")
    expected = invoice.version if expected_version is None else expected_version
    try:
        with write_transaction(Invoice):
            locked, events = _release(invoice, expected, person, reason=reason, accept_shortfall=accept_shortfall)
    except IntegrityError as error:
        raise ReleaseError(
            f"invoice {invoice.pk} cannot be released: another invoice here has the id or custom_id that would be "
            f"accepted: {invoice.contradicted}"
        ) from error
    deliver_or_dispatch(locked, events)
    return locked


def settled_short() -> QuerySet[InvoiceEvent]:
    """Return the events of settlements below the ordered amount that no person has accepted."""
    accepted = InvoiceEvent.objects.filter(invoice=OuterRef("invoice"), once=EventKind.INVOICE_COMPLETED)
    return InvoiceEvent.objects.primary().filter(~Exists(accepted), kind=EventKind.INVOICE_SETTLED_SHORT)


def is_settled_short(invoice: Invoice) -> bool:
    """Return whether an invoice was settled short, and no person has accepted it."""
    return invoice.status == InvoiceStatus.COMPLETED and settled_short().filter(invoice=invoice).exists()


def _release(
    invoice: Invoice, expected: int, person: Person, *, reason: str, accept_shortfall: bool
) -> tuple[Invoice, list[InvoiceEvent]]:
    """Check and write the release under the lock of the row."""
    now = timezone.now()
    locked = Invoice.objects.lock(pk=invoice.pk)
    if locked is None:
        raise ReleaseError(f"invoice {invoice.pk} does not exist any more")
    check_permitted(person, Act.RELEASE)
    if locked.version != expected:
        raise InvoiceChangedError(f"invoice {invoice.pk} has changed meanwhile. Look at it again")
    signalled = InvoiceEvent.objects.primary().filter(invoice=locked, kind__in=SIGNALS)
    told = set(signalled.values_list("kind", flat=True))
    is_accepting = accept_shortfall and locked.status == InvoiceStatus.COMPLETED
    # Wider than is_settled_short: a row without the event of its short settlement, imported say, can be accepted too.
    if not locked.quarantine_reason and not (is_accepting and EventKind.INVOICE_COMPLETED not in told):
        raise ReleaseError(f"invoice {invoice.pk} is neither quarantined nor settled short")
    accepted = _accept(locked) if locked.quarantine_reason else {}
    detail = {
        "reason": reason,
        "was": locked.quarantine_reason,
        "shortfall_accepted": is_accepting,
        "accepted": {name: [_text(old), _text(new)] for name, (old, new) in accepted.items()},
    }
    events = [new_event(locked, EventKind.INVOICE_RELEASED, at=now, actor=person.name, detail=detail)]
    if EventKind.INVOICE_CREATED not in told and "gateway_id" in accepted:
        events.append(new_event(locked, EventKind.INVOICE_CREATED, at=now, once=EventKind.INVOICE_CREATED))
    if locked.status != InvoiceStatus.NEW:
        due = status_event(locked, at=now, is_shortfall_accepted=is_accepting)
        if due.kind not in told or due.once is None:
            events.append(due)
    name_refunds(locked, events)
    changed: dict[str, Any] = {name: new for name, (_, new) in accepted.items()}
    # A status unknown here cannot be taken over: it stays, so that the invoice is not quarantined for it again.
    changed["contradicted"] = {name: value for name, value in locked.contradicted.items() if name not in accepted}
    Invoice.objects.change(locked, **changed, quarantine_reason="", version=locked.version + 1, updated_at=now)
    write_events(events)
    if "gateway_id" in accepted:
        expect_orphans(locked)
    return locked, events


def _accept(invoice: Invoice) -> dict[str, tuple[Any, Any]]:
    """Set on the object what the gateway says otherwise; return old and new values by column."""
    accepted: dict[str, tuple[Any, Any]] = {}
    for name, value in invoice.contradicted.items():
        if name == "status":
            continue
        old, new = getattr(invoice, name), _column(name).to_python(value)
        setattr(invoice, name, new)
        accepted[name] = old, new
    return accepted


def _column(name: str) -> Any:
    return Invoice._meta.get_field(name)


def _text(value: object) -> str | None:
    return None if value is None else value.isoformat() if isinstance(value, datetime) else str(value)

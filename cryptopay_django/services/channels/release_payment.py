"""Takes a payment on a channel out of quarantine, when a person decides so. No call to the gateway."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from ...exceptions import InvoiceChangedError, ReleaseError
from ...models import ChannelPayment, EventKind, InvoiceEvent
from ...models.locking import write_transaction
from ...permissions import Act
from ..events.deliver import deliver_or_dispatch
from ..events.outbox import new_event, write_events
from ..resolution.people import Actor, Person, check_permitted, person_of
from .merge import STATUS_KINDS, payment_event

_TAKEN_OVER = ("txid", "paid_amount", "paid_currency", "received_amount", "received_currency")


def release_channel_payment(
    payment: ChannelPayment, *, actor: Actor, reason: str, expected_version: int | None = None
) -> ChannelPayment:
    """Take a payment out of quarantine; return the row as it is then.

    What the gateway says otherwise (`ChannelPayment.contradicted`) is accepted: the row takes over amounts and
    currencies, and is not quarantined for it again. The event of its status is written now, unless
    the shop has had it.

    `actor`, a user or a name, and `reason` go into the timeline, with what was accepted. Only what the person saw is
    released: the version must be `expected_version`, or that of the object given. Of a user the permission
    `cryptopay_django.release_channelpayment` is checked, under the lock. Commits; makes no call. Raises
    InvoiceChangedError, NotPermittedError, ReleaseError.
    """
    person = person_of(actor)
    if not person.name:
        raise ReleaseError(f"releasing channel payment {payment.pk} needs an actor: who decides it")
    if not reason.strip():
        raise ReleaseError(f"releasing channel payment {payment.pk} needs a reason")
    expected = payment.version if expected_version is None else expected_version
    with write_transaction(ChannelPayment):
        locked, events = _release(payment, expected, person, reason)
    deliver_or_dispatch(locked, events)
    return locked


def _release(
    payment: ChannelPayment, expected: int, person: Person, reason: str
) -> tuple[ChannelPayment, list[InvoiceEvent]]:
    """Check and write the release under the lock of the row."""
    now = timezone.now()
    locked = ChannelPayment.objects.lock(pk=payment.pk, related=("channel",))
    if locked is None:
        raise ReleaseError(f"channel payment {payment.pk} does not exist any more")
    check_permitted(person, Act.RELEASE_PAYMENT)
    if locked.version != expected:
        raise InvoiceChangedError(f"channel payment {payment.pk} has changed meanwhile. Look at it again")
    if not locked.quarantine_reason:
        raise ReleaseError(f"channel payment {payment.pk} is not held here")
    accepted = _accept(locked)
    detail = {"reason": reason, "was": locked.quarantine_reason, "accepted": accepted}
    events = [new_event(locked, EventKind.CHANNEL_PAYMENT_RELEASED, at=now, actor=person.name, detail=detail)]
    due = payment_event(locked, at=now)
    if due is not None and not _has_had(locked, due):
        events.append(due)
    changed: dict[str, Any] = {name: getattr(locked, name) for name in accepted}
    ChannelPayment.objects.change(locked, **changed, quarantine_reason="", version=locked.version + 1, updated_at=now)
    write_events(events)
    return locked, events


def _accept(payment: ChannelPayment) -> dict[str, list[str]]:
    """Set on the object the amounts and currencies that the gateway says otherwise; return old and new texts."""
    accepted: dict[str, list[str]] = {}
    for name in _TAKEN_OVER:
        said = payment.contradicted.get(name)
        if said is None:
            continue
        column: Any = ChannelPayment._meta.get_field(name)
        old, new = getattr(payment, name), column.to_python(said)
        if old != new:
            setattr(payment, name, new)
            accepted[name] = [str(old), str(new)]
    return accepted


def _has_had(payment: ChannelPayment, due: InvoiceEvent) -> bool:
    """Return whether the event of a payment's present status was written; one that can repeat, as the last of all."""
    written = InvoiceEvent.objects.primary().filter(subject=payment.pk)
    if due.once is not None:
        return written.filter(kind=due.kind).exists()
    last = written.filter(kind__in=STATUS_KINDS.values()).order_by("-pk").first()
    return last is not None and last.kind == due.kind and last.detail.get("context") == payment.status_context

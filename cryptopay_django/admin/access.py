"""Who may do what to an invoice as it stands, and what waits for whom.

Every road (button, list action, crafted POST) asks here; the services below do not.
"""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Exists, OuterRef, Q, QuerySet

from ..models import (
    EventKind,
    Invoice,
    InvoiceEvent,
    InvoiceStatus,
    Resolution,
    ResolutionStatus,
    StatusContext,
)
from ..permissions import Act, acts_of, may
from ..services.resolution.people import person_of

RESOLVABLE_CONTEXTS = (StatusContext.UNDERPAID, StatusContext.OVERPAID, StatusContext.PAID_LATE)


MOST_WAITING = 2000


def may_refund(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Tell whether a user may refund in one of the two ways."""
    return may(user, Act.REFUND) or may(user, Act.REFUND_TO_ADDRESS)


def may_decide(user: AbstractBaseUser | AnonymousUser, resolution: Resolution) -> bool:
    """Tell whether a user has the permissions of what a resolution does; planner and approver need the same."""
    return may(user, *acts_of(resolution.kind, resolution.parameters))


def is_planner(user: AbstractBaseUser | AnonymousUser, resolution: Resolution) -> bool:
    """Tell whether a user is, or may be, the one who planned a resolution: by id, or by name where no id is kept."""
    return person_of(user).is_same(resolution.actor, resolution.actor_user_id)


def waiting_for_approval() -> QuerySet[Resolution]:
    """Return the resolutions that a second person has to confirm before anything is sent."""
    return Resolution.objects.filter(active=True, status=ResolutionStatus.PLANNED, needs_approval=True, approver="")


def resolvable() -> Q:
    """Return the filter for invoices that staff can settle or refund now."""
    active = Resolution.objects.filter(invoice=OuterRef("pk"), active=True)
    # The columns first: a database may look in this order, and the subquery costs most.
    held = Q(status=InvoiceStatus.UNRESOLVED, status_context__in=RESOLVABLE_CONTEXTS, quarantine_reason="")
    return held & Q(~Exists(active))


def quarantined() -> Q:
    """Return the filter for invoices that are held for a person."""
    return ~Q(quarantine_reason="")


def settled_short() -> QuerySet[InvoiceEvent]:
    """Return the events of settlements below the ordered amount that nobody has accepted."""
    accepted = InvoiceEvent.objects.filter(invoice=OuterRef("invoice"), once=EventKind.INVOICE_COMPLETED)
    return InvoiceEvent.objects.filter(~Exists(accepted), kind=EventKind.INVOICE_SETTLED_SHORT)


def is_settled_short(invoice: Invoice) -> bool:
    """Tell whether an invoice was settled short, and nobody has accepted it."""
    return invoice.status == InvoiceStatus.COMPLETED and settled_short().filter(invoice=invoice).exists()


def waiting_for(user: AbstractBaseUser | AnonymousUser) -> Q:
    """Return the filter for what this user's permissions allow to bring forward.

    Keys are read first, the newest MOST_WAITING of a kind, so that a database can answer each part by an index.
    """
    person = person_of(user)
    found = Q(pk__in=[])
    if may(user, Act.SETTLE) or may_refund(user):
        own = Q(actor_user_id=person.user_id) | Q(actor_user_id="", actor__iexact=person.name)
        others = waiting_for_approval().exclude(own).order_by("-created_at")
        keys = [one.invoice_id for one in others[:MOST_WAITING] if may_decide(user, one)]
        found |= resolvable() | Q(pk__in=keys)
    if may(user, Act.RELEASE):
        short = settled_short().order_by("-created_at").values_list("invoice_id", flat=True)
        found |= quarantined() | Q(pk__in=list(short[:MOST_WAITING]))
    return found

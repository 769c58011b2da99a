"""Decides which actions a user may do on an invoice now, and which invoices wait for that user.

All entries (button, list action, crafted POST) ask here; the services check again.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Exists, OuterRef, Q

from ..models import InvoiceStatus, Resolution, StatusContext
from ..models.invoice import quarantined_invoices
from ..models.resolution import awaiting_approval
from ..permissions import Act, acts_of, may
from ..services.resolution.people import person_of
from ..services.resolution.release import settled_short

RESOLVABLE_CONTEXTS = (StatusContext.UNDERPAID, StatusContext.OVERPAID, StatusContext.PAID_LATE)


MOST_WAITING = 2000


def may_refund(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Return whether a user may refund in one of the two ways."""
    return may(user, Act.REFUND) or may(user, Act.REFUND_TO_ADDRESS)


def may_view_callbacks(user: Any) -> bool:
    """Return whether a user may view callbacks; without it a timeline has no links to them."""
    return any(user.has_perm(f"cryptopay_django.{act}_callback") for act in ("view", "change"))


def may_decide(user: AbstractBaseUser | AnonymousUser, resolution: Resolution) -> bool:
    """Return whether a user has the permissions of what a resolution does; planner and approver need the same."""
    return may(user, *acts_of(resolution.kind, resolution.parameters))


def is_planner(user: AbstractBaseUser | AnonymousUser, resolution: Resolution) -> bool:
    """Return whether a user is, or may be, the one who planned a resolution: by id, or by name where no id is kept."""
    return person_of(user).is_same(resolution.actor, resolution.actor_user_id)


def resolvable() -> Q:
    """Return the filter for invoices that staff can settle or refund now."""
    active = Resolution.objects.filter(invoice=OuterRef("pk"), active=True)
    # The columns first: a database may look in this order, and the subquery costs most.
    resolvable = Q(status=InvoiceStatus.UNRESOLVED, status_context__in=RESOLVABLE_CONTEXTS, quarantine_reason="")
    return resolvable & Q(~Exists(active))


def awaits_second_person() -> Exists:
    """Return the condition for invoices with a resolution that waits for a second person."""
    return Exists(Resolution.objects.filter(awaiting_approval(), invoice=OuterRef("pk")))


def waiting_for(user: AbstractBaseUser | AnonymousUser) -> Q:
    """Return the filter for what this user's permissions allow to bring forward.

    Keys are read first, the newest MOST_WAITING of a kind, so that a database can answer each part by an index.
    """
    person = person_of(user)
    found = Q(pk__in=[])
    if may(user, Act.SETTLE) or may_refund(user):
        own = Q(actor_user_id=person.user_id) | Q(actor_user_id="", actor__iexact=person.name)
        others = Resolution.objects.filter(awaiting_approval()).exclude(own).order_by("-created_at")
        keys = [one.invoice_id for one in others[:MOST_WAITING] if may_decide(user, one)]
        found |= resolvable() | Q(pk__in=keys)
    if may(user, Act.RELEASE):
        short = settled_short().order_by("-created_at").values_list("invoice_id", flat=True)
        found |= quarantined_invoices() | Q(pk__in=list(short[:MOST_WAITING]))
    return found

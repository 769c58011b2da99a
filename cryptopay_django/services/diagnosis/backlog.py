"""Finds what waits in our tables, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from django.db.models import Count, Max, Min, QuerySet

from ...models import (
    Callback,
    CallbackOutcome,
    Invoice,
    NoticeSchedule,
    Refund,
    RefundStatus,
    Resolution,
    ResolutionStatus,
)
from ...models.invoice import held_invoices, open_invoices
from ...models.resolution import awaiting_approval
from ..accounts import of_other_environments
from ..events import handler_lane, signal_lane, unheard, withholding
from .sign import Level, Sign, level_of_age, spell_age

_A_WEEK = timedelta(days=7)
_A_DAY = timedelta(days=1)
_AN_HOUR = timedelta(hours=1)
_SOON = timedelta(minutes=10)


def pending_callbacks(now: datetime) -> Sign:
    """Stored callbacks that are not processed."""
    pending = Callback.objects.filter(outcome=CallbackOutcome.PENDING)
    remedy = "Is cryptopay_worker running (or cron's cryptopay_worker --once)?"
    sign = _waiting("pending callbacks", pending, "received_at", now, remedy=remedy)
    if sign.level is Level.OK:
        return sign
    reason = pending.exclude(error="").order_by("received_at").values_list("error", flat=True).first()
    return replace(sign, remedy=f"{remedy} The oldest says: {reason}") if reason else sign


def check_callbacks(now: datetime) -> Iterator[Sign]:
    """Stored callbacks that are not processed, speak of no invoice of ours, or cannot be read."""
    yield pending_callbacks(now)
    recent = Callback.objects.filter(received_at__gte=now - _A_WEEK)
    for outcome, remedy in (
        (CallbackOutcome.ORPHAN, "They are linked when the invoice appears. Is another site using the same account?"),
        (CallbackOutcome.UNREADABLE, "Their bytes are kept: see the admin, and the changelog for a newer version."),
    ):
        count = recent.filter(outcome=outcome).count()
        level = Level.WARNING if count else Level.OK
        yield Sign(f"{outcome.value} callbacks", level, f"{count} in the last seven days", remedy if count else "")


def pending_events(now: datetime) -> Sign:
    """Events that receivers have not had, and what the last one that failed said."""
    pending = signal_lane.pending_events()
    sign = _waiting("pending events", pending, "created_at", now, remedy="Is cryptopay_worker running?")
    if sign.level is Level.OK:
        return sign
    worst = pending.filter(attempts__gt=0).order_by("-attempts", "pk").first()
    if worst is None:
        return sign
    last_line = (worst.last_error.strip().splitlines() or ["?"])[-1]
    told = f"A receiver of {worst.kind} failed {worst.attempts} times for invoice {worst.invoice_id}: {last_line}"
    return replace(sign, remedy=told)


def unheard_events() -> Sign:
    """Required events that nothing receives in a process of this project."""
    kinds = sorted(unheard.unheard_kinds())
    if not kinds:
        return Sign("events without a receiver", Level.OK, "none")
    waiting = unheard.unheard_events().count()
    found = f"neither a receiver nor a handler is connected to {', '.join(kinds)}; {waiting} events wait"
    remedy = (
        "Put the receiver into cryptopay_handlers.py of an installed app, or take the kind out of "
        "CRYPTOPAY_REQUIRED_EVENTS."
    )
    return Sign("events without a receiver", Level.ERROR, found, remedy)


def withheld_events() -> Sign:
    """Events that are not delivered because they are not true any more."""
    withheld = withholding.withheld_events()
    count, held = withheld.count(), withheld.exclude(invoice__quarantine_reason="").count()
    if not held:
        return Sign("withheld events", Level.OK, f"{count}, none of a held invoice" if count else "none")
    remedy = "They wait for a person: look at these invoices in the admin, and release them."
    return Sign("withheld events", Level.WARNING, f"{count}, {held} of them of held invoices", remedy)


def check_events(now: datetime) -> Iterator[Sign]:
    """Events that receivers or handlers have not had, those that are withheld, and notices that have not left."""
    yield pending_events(now)
    yield unheard_events()
    yield withheld_events()
    waiting = handler_lane.pending_calls()
    remedy = "See their last_error in the admin, on the page of the invoice."
    yield _waiting("pending handlers", waiting, "event__created_at", now, remedy=remedy)
    dead = handler_lane.dead_calls()
    names = ", ".join(sorted(set(dead.order_by("-given_up_at").values_list("handler", flat=True)[:100])))
    if names:
        remedy = "Mend the handler, then let the admin try it again."
        yield Sign("given-up handlers", Level.WARNING, f"{dead.count()} deliveries: {names}", remedy)
    else:
        yield Sign("given-up handlers", Level.OK, "none")
    stuck = list(NoticeSchedule.objects.filter(attempts__gt=0))
    if stuck:
        found = ", ".join(f"{row.kind} ({row.attempts} times)" for row in stuck)
        yield Sign(
            "notices", Level.WARNING, f"could not be sent: {found}", "See their last_error; is the mail server up?"
        )
    else:
        yield Sign("notices", Level.OK, "none has failed")


def undecided_resolutions(now: datetime) -> Sign:
    """Settlements and refunds whose outcome nobody knows."""
    undecided = Resolution.objects.filter(active=True, status__in=[ResolutionStatus.UNKNOWN, ResolutionStatus.SENT])
    remedy = "The worker looks for their outcome. Nothing else can be sent for these invoices meanwhile."
    return _waiting("undecided resolutions", undecided, "created_at", now, remedy=remedy)


def check_resolutions(now: datetime) -> Iterator[Sign]:
    """Settlements and refunds whose outcome is unknown, or that wait for a second person; refunds still under way."""
    yield undecided_resolutions(now)
    waiting = Resolution.objects.filter(awaiting_approval()).count()
    yield Sign("approvals", Level.OK, f"{waiting} resolutions wait for a second person")
    remedy = "The gateway shows no transaction for them: ask its support. After fourteen days they are not read again."
    pending = Refund.objects.filter(status=RefundStatus.PENDING)
    yield _waiting("pending refunds", pending, "created_at", now, remedy=remedy, warning=_A_DAY, error=_A_WEEK)


def check_invoices(now: datetime) -> Iterator[Sign]:
    """Invoices that are held, that the gateway may not have, or that nobody has asked about for long."""
    held = Invoice.objects.filter(held_invoices()).aggregate(count=Count("pk"), oldest=Min("created_at"))
    if held["count"]:
        found = f"{held['count']}, the oldest made {spell_age(now - held['oldest'])} ago"
        yield Sign("quarantined invoices", Level.WARNING, found, "Look at each in the admin, and release it.")
    else:
        yield Sign("quarantined invoices", Level.OK, "none")
    askable = Invoice.objects.exclude(of_other_environments())
    nameless = askable.filter(gateway_id=None, created_at__lte=now - _AN_HOUR)
    remedy = "Their creation was never answered: cryptopay_reconcile looks for them by custom_id."
    yield _waiting("invoices without an answer", nameless, "created_at", now, remedy=remedy, error=timedelta(days=1))
    yield _elsewhere()
    overdue = askable.filter(open_invoices(), created_at__lte=now - timedelta(days=1))
    asked = overdue.aggregate(count=Count("pk"), last=Max("polled_at"))
    if asked["count"] and (asked["last"] is None or now - asked["last"] > timedelta(days=1)):
        last = "never" if asked["last"] is None else f"{spell_age(now - asked['last'])} ago"
        found = f"{asked['count']} open invoices are older than a day; the gateway was last asked about one {last}"
        yield Sign("reconciliation", Level.WARNING, found, "Let cron run cryptopay_reconcile.")
    else:
        yield Sign("reconciliation", Level.OK, f"{asked['count']} open invoices are older than a day")


def _elsewhere() -> Sign:
    """Count the open invoices that can neither be paid nor asked about, for their account is elsewhere now."""
    rows = Invoice.objects.filter(open_invoices(), of_other_environments()).order_by()
    counted = rows.values_list("account", "environment").annotate(count=Count("pk"))
    names = [f"{count} of account {account} in {place or 'no environment'}" for account, place, count in counted]
    if not names:
        return Sign("environments", Level.OK, "every open invoice is in its account's environment")
    remedy = (
        "They are neither asked about nor paid while BASE_URL leads elsewhere. If it is the same gateway by another "
        'name, see "From the test environment to production" in docs/accounts.md.'
    )
    return Sign("environments", Level.WARNING, ", ".join(sorted(names)), remedy)


def _waiting(
    subject: str,
    rows: QuerySet,  # type: ignore[type-arg]
    field: str,
    now: datetime,
    *,
    remedy: str,
    warning: timedelta = _SOON,
    error: timedelta = _AN_HOUR,
) -> Sign:
    found = rows.aggregate(count=Count("pk"), oldest=Min(field))
    if not found["count"]:
        return Sign(subject, Level.OK, "none")
    age = now - found["oldest"]
    level = level_of_age(age, warning=warning, error=error)
    return Sign(
        subject, level, f"{found['count']}, the oldest {spell_age(age)} old", remedy if level != Level.OK else ""
    )

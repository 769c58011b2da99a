"""Finds what waits in our tables, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from django.db.models import Count, Max, Min, Q, QuerySet

from ...gateway.schemas import INVOICE_TYPE
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
from ...models.invoice import open_invoices, quarantined_invoices
from ...models.resolution import awaiting_approval
from ..accounts import of_other_environments
from ..events import call_handlers, send_signals, unheard, withholding
from ..snapshots import orphan_invoices
from .check_result import CheckResult, Level, level_of_age, spell_age

_A_WEEK = timedelta(days=7)
_A_DAY = timedelta(days=1)
_AN_HOUR = timedelta(hours=1)
_SOON = timedelta(minutes=10)


def pending_callbacks(now: datetime) -> CheckResult:
    """Stored callbacks that are not processed."""
    pending = Callback.objects.filter(outcome=CallbackOutcome.PENDING)
    remedy = "Is cryptopay_worker running (or cron's cryptopay_worker --once)?"
    result = _waiting("pending callbacks", pending, "received_at", now, remedy=remedy)
    if result.level is Level.OK:
        return result
    reason = pending.exclude(error="").order_by("received_at").values_list("error", flat=True).first()
    return replace(result, remedy=f"{remedy} The oldest says: {reason}") if reason else result


def check_callbacks(now: datetime) -> Iterator[CheckResult]:
    """Stored callbacks that are not processed, speak of nothing of ours, or cannot be read."""
    yield pending_callbacks(now)
    yield _foreign_invoices(now)
    recent = Callback.objects.filter(received_at__gte=now - _A_WEEK)
    for subject, rows, remedy in (
        (
            "orphan callbacks",
            recent.filter(outcome=CallbackOutcome.ORPHAN).exclude(event__startswith=f"{INVOICE_TYPE} "),
            "They speak of a channel that is not here. Is another site using the same account?",
        ),
        (
            "unreadable callbacks",
            recent.filter(outcome=CallbackOutcome.UNREADABLE),
            "Their bytes are kept: see the admin, and the changelog for a newer version.",
        ),
    ):
        count = rows.count()
        level = Level.WARNING if count else Level.OK
        yield CheckResult(subject, level, f"{count} in the last seven days", remedy if count else "")


def _foreign_invoices(now: datetime) -> CheckResult:
    """Count the invoices that were not made here; warn only of those that look like ours, and for a week."""
    found, is_cut = orphan_invoices.find_orphan_invoices(since=now - _A_WEEK)
    count, paid = len(found), sum(one.is_paid for one in found)
    number = f"{count} or more" if is_cut else f"{count}"
    text = f"{number} in the last seven days, {paid} of them paid" if count else "none in the last seven days"
    alike = sum(one.named_like is not None or one.is_marked for one in found)
    if not alike:
        return CheckResult("invoices that are not ours", Level.OK, text)
    remedy = (
        "These have the custom_id of an invoice here, or the mark of this app. They are never linked by it. Does "
        "another installation use the account, was a backup restored (cryptopay_reconcile --missing-since), or has a "
        "payer chosen a name of ours? See “Invoices that are not ours” at the callbacks in the admin."
    )
    return CheckResult("invoices that are not ours", Level.WARNING, f"{text}; {alike} look like ours", remedy)


def pending_events(now: datetime) -> CheckResult:
    """Events that receivers have not had, and what the last one that failed said."""
    pending = send_signals.pending_events()
    result = _waiting("pending events", pending, "created_at", now, remedy="Is cryptopay_worker running?")
    if result.level is Level.OK:
        return result
    worst = pending.filter(attempts__gt=0).order_by("-attempts", "pk").first()
    if worst is None:
        return result
    last_line = (worst.last_error.strip().splitlines() or ["?"])[-1]
    told = f"A receiver of {worst.kind} failed {worst.attempts} times for {worst.named}: {last_line}"
    return replace(result, remedy=told)


def unheard_events() -> CheckResult:
    """Required events that nothing receives in a process of this project."""
    kinds = sorted(unheard.unheard_kinds())
    if not kinds:
        return CheckResult("events without a receiver", Level.OK, "none")
    waiting = unheard.unheard_events().count()
    found = f"neither a receiver nor a handler is connected to {', '.join(kinds)}; {waiting} events wait"
    remedy = (
        "Put the receiver into cryptopay_handlers.py of an installed app, or take the kind out of "
        "CRYPTOPAY_REQUIRED_EVENTS."
    )
    return CheckResult("events without a receiver", Level.ERROR, found, remedy)


def withheld_events() -> CheckResult:
    """Events that are not delivered because they are not true any more."""
    withheld = withholding.withheld_events()
    of_quarantined = ~Q(invoice__quarantine_reason="") & Q(invoice__isnull=False) | (
        ~Q(channel_payment__quarantine_reason="") & Q(channel_payment__isnull=False)
    )
    count, quarantined = withheld.count(), withheld.filter(of_quarantined).count()
    if not quarantined:
        return CheckResult(
            "withheld events", Level.OK, f"{count}, none about quarantined payments" if count else "none"
        )
    remedy = "They wait for a person: look at the quarantined payments in the admin, and release them."
    return CheckResult(
        "withheld events", Level.WARNING, f"{count}, {quarantined} of them about quarantined payments", remedy
    )


def check_events(now: datetime) -> Iterator[CheckResult]:
    """Events that receivers or handlers have not had, those that are withheld, and notices that have not left."""
    yield pending_events(now)
    yield unheard_events()
    yield withheld_events()
    waiting = call_handlers.pending_calls()
    remedy = "See their last_error in the admin, on the page of what they are about."
    yield _waiting("pending handlers", waiting, "event__created_at", now, remedy=remedy)
    dead = call_handlers.dead_calls()
    names = ", ".join(sorted(set(dead.order_by("-given_up_at").values_list("handler", flat=True)[:100])))
    if names:
        remedy = "Mend the handler, then let the admin try it again."
        yield CheckResult("given-up handlers", Level.WARNING, f"{dead.count()} deliveries: {names}", remedy)
    else:
        yield CheckResult("given-up handlers", Level.OK, "none")
    stuck = list(NoticeSchedule.objects.filter(attempts__gt=0))
    if stuck:
        found = ", ".join(f"{row.kind} ({row.attempts} times)" for row in stuck)
        yield CheckResult(
            "notices", Level.WARNING, f"could not be sent: {found}", "See their last_error; is the mail server up?"
        )
    else:
        yield CheckResult("notices", Level.OK, "none has failed")


def undecided_resolutions(now: datetime) -> CheckResult:
    """Settlements and refunds whose outcome nobody knows."""
    undecided = Resolution.objects.filter(active=True, status__in=[ResolutionStatus.UNKNOWN, ResolutionStatus.SENT])
    remedy = "The worker looks for their outcome. Nothing else can be sent for these invoices meanwhile."
    return _waiting("undecided resolutions", undecided, "created_at", now, remedy=remedy)


def check_resolutions(now: datetime) -> Iterator[CheckResult]:
    """Settlements and refunds whose outcome is unknown, or that wait for a second person; refunds still under way."""
    yield undecided_resolutions(now)
    waiting = Resolution.objects.filter(awaiting_approval()).count()
    yield CheckResult("approvals", Level.OK, f"{waiting} resolutions wait for a second person")
    remedy = "The gateway shows no transaction for them: ask its support. After fourteen days they are not read again."
    pending = Refund.objects.filter(status=RefundStatus.PENDING)
    yield _waiting("pending refunds", pending, "created_at", now, remedy=remedy, warning=_A_DAY, error=_A_WEEK)


def check_invoices(now: datetime) -> Iterator[CheckResult]:
    """Invoices that are quarantined, that the gateway may not have, or that nobody has asked about for long."""
    quarantined = Invoice.objects.filter(quarantined_invoices()).aggregate(count=Count("pk"), oldest=Min("created_at"))
    if quarantined["count"]:
        found = f"{quarantined['count']}, the oldest made {spell_age(now - quarantined['oldest'])} ago"
        yield CheckResult("quarantined invoices", Level.WARNING, found, "Look at each in the admin, and release it.")
    else:
        yield CheckResult("quarantined invoices", Level.OK, "none")
    askable = Invoice.objects.exclude(of_other_environments())
    nameless = askable.filter(gateway_id=None, created_at__lte=now - _AN_HOUR)
    remedy = "Their creation was never answered: cryptopay_reconcile looks for them by custom_id."
    yield _waiting("invoices without an answer", nameless, "created_at", now, remedy=remedy, error=timedelta(days=1))
    yield _in_other_environments()
    overdue = askable.filter(open_invoices(), created_at__lte=now - timedelta(days=1))
    asked = overdue.aggregate(count=Count("pk"), last=Max("polled_at"))
    if asked["count"] and (asked["last"] is None or now - asked["last"] > timedelta(days=1)):
        last = "never" if asked["last"] is None else f"{spell_age(now - asked['last'])} ago"
        found = f"{asked['count']} open invoices are older than a day; the gateway was last asked about one {last}"
        yield CheckResult("reconciliation", Level.WARNING, found, "Let cron run cryptopay_reconcile.")
    else:
        yield CheckResult("reconciliation", Level.OK, f"{asked['count']} open invoices are older than a day")


def _in_other_environments() -> CheckResult:
    """Count the open invoices of another environment than their account uses: they cannot be paid or asked about."""
    rows = Invoice.objects.filter(open_invoices(), of_other_environments()).order_by()
    counted = rows.values_list("account", "environment").annotate(count=Count("pk"))
    names = [f"{count} of account {account} in {place or 'no environment'}" for account, place, count in counted]
    if not names:
        return CheckResult("environments", Level.OK, "every open invoice is in its account's environment")
    remedy = (
        "They are neither asked about nor paid while BASE_URL leads elsewhere. If it is the same gateway by another "
        'name, see "From the test environment to production" in docs/accounts.md.'
    )
    return CheckResult("environments", Level.WARNING, ", ".join(sorted(names)), remedy)


def _waiting(
    subject: str,
    rows: QuerySet,  # type: ignore[type-arg]
    field: str,
    now: datetime,
    *,
    remedy: str,
    warning: timedelta = _SOON,
    error: timedelta = _AN_HOUR,
) -> CheckResult:
    found = rows.aggregate(count=Count("pk"), oldest=Min(field))
    if not found["count"]:
        return CheckResult(subject, Level.OK, "none")
    age = now - found["oldest"]
    level = level_of_age(age, warning=warning, error=error)
    return CheckResult(
        subject, level, f"{found['count']}, the oldest {spell_age(age)} old", remedy if level != Level.OK else ""
    )

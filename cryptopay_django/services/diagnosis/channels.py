"""Finds what waits of channels and their payments, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Count, Max, Min

from ...models import Channel, ChannelPayment, ChannelPaymentStatus, Schedule
from ...models.channel_payment import quarantined_payments
from ...models.schedule import CHANNEL_LEDGER
from ..accounts import in_force
from .check_result import CheckResult, Level, level_of_age, since, spell_age

_AN_HOUR = timedelta(hours=1)
_A_DAY = timedelta(days=1)
_A_WEEK = timedelta(days=7)


def check_channels(now: datetime) -> Iterator[CheckResult]:
    """Yield results about late or quarantined payments, unanswered or quarantined channels, and polling."""
    if not Channel.objects.exists():
        yield CheckResult("channels", Level.OK, "none")
        return
    payments = ChannelPayment.objects.all()
    yield _oldest(
        "quarantined channel payments",
        payments.filter(quarantined_payments()).aggregate(count=Count("pk"), oldest=Min("seen_at")),
        now,
        remedy="Look at each in the admin, and release it.",
        warning=timedelta(0),
    )
    yield _oldest(
        "channel payments on hold",
        payments.filter(status=ChannelPaymentStatus.ON_HOLD).aggregate(count=Count("pk"), oldest=Min("seen_at")),
        now,
        remedy="The gateway holds them: high risk, or the channel is disabled. Ask its support.",
    )
    yield _oldest(
        "late channel payments",
        payments.filter(status=ChannelPaymentStatus.PENDING).aggregate(count=Count("pk"), oldest=Min("seen_at")),
        now,
        remedy="The network has not confirmed them. The gateway cancels such a payment after fourteen days.",
    )
    yield _quarantined_channels(now)
    yield _followed(now)


def _quarantined_channels(now: datetime) -> CheckResult:
    rows = Channel.objects.filter(in_force())
    quarantined = rows.exclude(quarantine_reason="").count()
    unanswered = rows.filter(gateway_id=None, created_at__lte=now - _AN_HOUR).count()
    if not quarantined and not unanswered:
        return CheckResult("channels", Level.OK, f"{rows.count()}, none quarantined or unanswered")
    found = f"{quarantined} quarantined, {unanswered} without an answer to their creation for an hour"
    return CheckResult(
        "channels", Level.WARNING, found, "Look at them in the admin; call create_channel again for an owner."
    )


def _followed(now: datetime) -> CheckResult:
    """Return whether channels are read without callbacks."""
    ledgers = Schedule.objects.filter(name__startswith=f"{CHANNEL_LEDGER} ")
    last = ledgers.aggregate(last=Max("read_until"))["last"]
    read = "never read" if last is None else f"last read {since(last, now)}"
    found = f"the ledger of their payments was {read}"
    if last is not None and now - last < _AN_HOUR:
        return CheckResult("channel reconciliation", Level.OK, found)
    remedy = "Is cryptopay_worker running (or cron's cryptopay_reconcile)? A lost callback is found by it."
    return CheckResult("channel reconciliation", Level.WARNING, found, remedy)


def _oldest(
    subject: str, found: dict[str, object], now: datetime, *, remedy: str, warning: timedelta = _A_DAY
) -> CheckResult:
    oldest = found["oldest"]
    if not isinstance(oldest, datetime):
        return CheckResult(subject, Level.OK, "none")
    level = level_of_age(now - oldest, warning=warning, error=_A_WEEK)
    text = f"{found['count']}, the oldest {spell_age(now - oldest)} old"
    return CheckResult(subject, level, text, remedy if level is not Level.OK else "")

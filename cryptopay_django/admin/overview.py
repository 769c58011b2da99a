"""Shows on one page how payments are doing. Every figure is bounded in what it reads, and reads by an index.

Sums are made here from exact amounts: a database may add decimals as floats.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Any

from django.contrib.admin.sites import AdminSite
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from ..fields import EXACT
from ..models import (
    EventKind,
    Invoice,
    InvoiceEvent,
    InvoiceStatus,
    Payment,
    StatusContext,
)
from ..services.events.call_handlers import count_undelivered
from ..services.events.withholding import withheld_events
from . import display
from .charts import Bar, bars, stacked_columns
from .todo import read_tasks

DAYS = 30
MOST_UNRESOLVED = 10_000
MOST_PAYMENTS = 1_000
MOST_COUNTED = 100_000
_AGES = (timedelta(days=1), timedelta(days=3), timedelta(days=7))


@dataclass(frozen=True)
class Unresolved:
    """The invoices that wait for a decision, by context and age, and the amounts held meanwhile, by coin."""

    rows: list[tuple[str, list[int], int]]
    suspended: list[tuple[str, str, int]]
    total: int
    is_cut: bool


def overview_context(request: HttpRequest, site: AdminSite, *, now: datetime) -> dict[str, Any]:
    """Return what the overview shows. As many queries for a million invoices as for one."""
    since = now - timedelta(days=DAYS)
    unresolved = unresolved_now(now)
    made = _made_since(since, now)
    days, completed = completed_by_day(now)
    coins = sorted(completed, key=lambda coin: -sum(completed[coin]))
    ended = made[InvoiceStatus.COMPLETED]
    decided = sum(made.values())
    wrong = _wrong_since(since)
    paid = _paid_since(since) + unresolved.total
    return {
        "days": DAYS,
        "open_count": _counted(Q(status=InvoiceStatus.NEW)),
        "unresolved": unresolved,
        "age_names": [_("≤ 1 day"), _("1–3 days"), _("3–7 days"), _("older")],
        "unresolved_chart": bars([Bar(name, total, _tone(name)) for name, _ages, total in unresolved.rows]),
        "completed_chart": stacked_columns([f"{day:%d}" for day in days], {coin: completed[coin] for coin in coins}),
        "completed_coins": coins,
        "completed_rows": [
            (day, [completed[coin][index] for coin in coins], sum(completed[coin][index] for coin in coins))
            for index, day in reversed(list(enumerate(days)))
        ],
        "completed_count": sum(map(sum, completed.values())),
        "conversion": _percent(ended, decided),
        "conversion_of": (ended, decided),
        "wrong": _percent(min(wrong, paid), paid),
        "wrong_of": (min(wrong, paid), paid),
        "confirm_times": confirm_times(),
        "tasks": [(task, display.age(task.since, now)) for task in read_tasks(request, site)],
        "failing": count_undelivered(now).failing,
        "withheld": withheld_events().count(),
    }


def unresolved_now(now: datetime) -> Unresolved:
    """Read what is unresolved, at most MOST_UNRESOLVED invoices, the newest."""
    found = list(
        Invoice.objects.filter(status=InvoiceStatus.UNRESOLVED)
        .order_by("-created_at")
        .values_list("status_context", "created_at", "pay_currency", "paid_amount")[: MOST_UNRESOLVED + 1]
    )
    is_cut = len(found) > MOST_UNRESOLVED
    ages: dict[str, list[int]] = {str(context): [0] * (len(_AGES) + 1) for context in StatusContext}
    money: dict[str, Decimal] = defaultdict(Decimal)
    counts: Counter[str] = Counter()
    for context, created_at, coin, paid in found[:MOST_UNRESOLVED]:
        step = sum(now - created_at > age for age in _AGES)
        ages.setdefault(context, [0] * (len(_AGES) + 1))[step] += 1
        money[coin] = EXACT.add(money[coin], paid)
        counts[coin] += 1
    rows = [(display.context_name(context) or _("unresolved"), steps, sum(steps)) for context, steps in ages.items()]
    suspended = [(coin, display.amount(total, coin), counts[coin]) for coin, total in sorted(money.items())]
    return Unresolved(rows, suspended, min(len(found), MOST_UNRESOLVED), is_cut)


def completed_by_day(now: datetime) -> tuple[list[datetime], Mapping[str, list[int]]]:
    """Count what was completed on each of the last days, in the time zone in force, by coin. One query."""
    today = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    days = [_local_midnight(today, back) for back in range(DAYS - 1, -1, -1)]
    ends = [*days[1:], _local_midnight(today, -1)]
    within = {
        f"day_{index}": Count("pk", filter=Q(finished_at__gte=start, finished_at__lt=end))
        for index, (start, end) in enumerate(zip(days, ends, strict=True))
    }
    rows: Any = (
        Invoice.objects.filter(status=InvoiceStatus.COMPLETED, finished_at__gte=days[0])
        .order_by()
        .values("pay_currency")
        .annotate(**within)
    )
    return days, {row["pay_currency"]: [row[f"day_{index}"] for index in range(DAYS)] for row in rows}


def confirm_times() -> list[tuple[str, str, int]]:
    """Return the median time from seen to confirmed, by coin, of the payments confirmed last."""
    latest = (
        Payment.objects.filter(confirmed_at__isnull=False)
        .order_by("-confirmed_at")
        .values_list("invoice__pay_currency", "detected_at", "confirmed_at")[:MOST_PAYMENTS]
    )
    spans: dict[str, list[float]] = defaultdict(list)
    for coin, detected_at, confirmed_at in latest:
        if confirmed_at is not None:
            spans[coin].append((confirmed_at - detected_at).total_seconds())
    return [(coin, _duration(median(found)), len(found)) for coin, found in sorted(spans.items())]


def _made_since(since: datetime, now: datetime) -> Counter[str]:
    """Count the invoices made since then by status, without those that can still be paid in time."""
    made = Invoice.objects.filter(created_at__gte=since).exclude(status=InvoiceStatus.NEW, expires_at__gte=now)
    counted: Any = made.order_by().values_list("status").annotate(count=Count("pk"))
    return Counter(dict(counted))


def _wrong_since(since: datetime) -> int:
    """Count the invoices that became unresolved since then."""
    events = InvoiceEvent.objects.filter(kind=EventKind.INVOICE_UNRESOLVED, created_at__gte=since)
    return events.order_by().values("invoice").distinct()[:MOST_COUNTED].count()


def _paid_since(since: datetime) -> int:
    ended = Q(status__in=[InvoiceStatus.COMPLETED, InvoiceStatus.REFUNDED], finished_at__gte=since)
    return _counted(ended)


def _counted(rows: Q) -> int:
    return _bounded(Invoice.objects.filter(rows))


def _bounded(rows: QuerySet[Any]) -> int:
    return rows.order_by()[:MOST_COUNTED].count()


def _local_midnight(today: datetime, back: int) -> datetime:
    """Return a local midnight some days before; a day may have 23 or 25 hours."""
    day = today.replace(tzinfo=None) - timedelta(days=back)
    return timezone.make_aware(day)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else display.NOTHING


def _tone(name: str) -> str:
    return "alarm" if name == display.context_name(StatusContext.ILLICIT_RESOURCE) else "warning"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return _("%d s") % round(seconds)
    return display.span(timedelta(seconds=seconds))

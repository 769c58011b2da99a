"""Filters the lists of invoices, channels and payments. The choices are fixed, so they need no query."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet, TextChoices
from django.http import HttpRequest
from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..conf import account_names, app_settings
from ..gateway.currencies import FIAT
from ..models import Invoice, InvoiceStatus, RiskLevel, StatusContext
from ..models.invoice import quarantined_invoices
from ..services.events.call_handlers import dead_calls, failing_calls
from .access import awaits_second_person, waiting_for

Choices = list[tuple[str, Any]]

_MONTHS = 12
_DAYS = {"today": 0, "7": 6, "30": 29}


class WaitingFilter(admin.SimpleListFilter):
    """The invoices that the user's permissions can bring to an end."""

    title = gettext_lazy("what waits")
    parameter_name = "waits"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("me", _("waits for me")), ("second", _("waits for a second person"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> QuerySet[Invoice]:
        if self.value() == "second":
            return queryset.filter(awaits_second_person())
        return queryset.filter(waiting_for(request.user)) if self.value() == "me" else queryset


class StatusFilter(admin.SimpleListFilter):
    """The gateway's status, and what is new but past its time."""

    title = gettext_lazy("status")
    parameter_name = "status"
    statuses: type[TextChoices] = InvoiceStatus

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return list(self.statuses.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(status=self.value()) if self.value() in self.statuses else queryset


class ContextFilter(admin.SimpleListFilter):
    """The reason why an invoice is unresolved."""

    title = gettext_lazy("why unresolved")
    parameter_name = "context"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return list(StatusContext.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> QuerySet[Invoice]:
        if self.value() not in StatusContext:
            return queryset
        return queryset.filter(status=InvoiceStatus.UNRESOLVED, status_context=self.value())


class QuarantineFilter(admin.SimpleListFilter):
    """Filters by quarantine."""

    title = gettext_lazy("quarantine")
    parameter_name = "quarantined"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("yes", _("quarantined")), ("no", _("not quarantined"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "yes":
            return queryset.filter(quarantined_invoices())
        return queryset.exclude(quarantined_invoices()) if self.value() == "no" else queryset


class RiskFilter(admin.SimpleListFilter):
    """The gravest risk of its payments."""

    title = gettext_lazy("risk")
    parameter_name = "risk"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return list(reversed(RiskLevel.choices))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(risk_level=self.value()) if self.value() in RiskLevel else queryset


class FoldedFilter(admin.SimpleListFilter):
    """A filter with many choices, folded until one is chosen."""

    template = "admin/cryptopay_django/invoice/folded_filter.html"


class HandlerFilter(FoldedFilter):
    """Invoices with an event that a durable handler has not received."""

    title = gettext_lazy("handlers")
    parameter_name = "handlers"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("given_up", _("given up")), ("failing", _("tried again"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> QuerySet[Invoice]:
        """Read the keys first, by their index: they are few."""
        calls = {"given_up": dead_calls, "failing": failing_calls}.get(self.value() or "")
        return queryset.filter(pk__in=calls().values("event__invoice_id").distinct()) if calls else queryset


def all_currencies() -> Choices:
    """Return the coins and fiat currencies that are known here, as choices."""
    return [(name, name) for name in sorted({*app_settings.coins, *FIAT})]


class CoinFilter(FoldedFilter):
    """The coin of the payment."""

    title = gettext_lazy("coin")
    parameter_name = "coin"
    column = "pay_currency"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(coin, coin) for coin in sorted(app_settings.coins)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.column: self.value()}) if self.value() else queryset


class AccountFilter(admin.SimpleListFilter):
    """The account; not shown where there is only one."""

    title = gettext_lazy("account")
    parameter_name = "account"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        names = account_names()
        return [(name, name) for name in names] if len(names) > 1 else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(account=self.value()) if self.value() else queryset


class PeriodFilter(FoldedFilter):
    """Today, the last days, or one of the last twelve months, in the time zone in force."""

    column: str  # not `field`: grappelli takes a filter that has one for a filter of that field

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        today = timezone.localdate()
        months = [_month_before(today, back) for back in range(_MONTHS)]
        return [
            ("today", _("today")),
            ("7", _("last 7 days")),
            ("30", _("last 30 days")),
            *((f"{month:%Y-%m}", format_date(month, "F Y")) for month in months),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value in _DAYS:
            first = timezone.localdate() - timedelta(days=_DAYS[value])
            return queryset.filter(**{f"{self.column}__gte": _midnight(first)})
        try:
            month = datetime.strptime(value or "", "%Y-%m").date()  # noqa: DTZ007  a month, in the zone in force
        except ValueError:
            return queryset
        after = _month_before(month, -1)
        return queryset.filter(**{f"{self.column}__gte": _midnight(month), f"{self.column}__lt": _midnight(after)})


class CreatedFilter(PeriodFilter):
    """The time when it was made."""

    title = gettext_lazy("created")
    parameter_name = column = "created_at"


class FinishedFilter(PeriodFilter):
    """The time when it ended, by which finance closes a month."""

    title = gettext_lazy("finished")
    parameter_name = column = "finished_at"


def _month_before(day: date, back: int) -> date:
    index = day.year * 12 + day.month - 1 - back
    return date(index // 12, index % 12 + 1, 1)


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime(day.year, day.month, day.day))  # noqa: DTZ001  made aware

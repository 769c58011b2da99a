"""Lists what waits for a person now: how much of it, its value, and since when. The most urgent comes first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.contrib.admin.sites import AdminSite
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from ..fields import EXACT
from ..models import (
    Channel,
    ChannelPayment,
    ChannelPaymentStatus,
    Invoice,
    InvoiceStatus,
    Resolution,
    ResolutionStatus,
    StatusContext,
)
from ..models.channel_payment import quarantined_payments
from ..models.invoice import quarantined_invoices
from ..models.resolution import awaiting_approval
from ..services.events.call_handlers import dead_calls
from ..services.events.unheard import unheard_events
from ..services.resolution.release import settled_short
from ..services.snapshots.refund_rows import value_of
from . import display
from .access import resolvable

MOST = 2_000
"""How many rows of a kind are read at most, the oldest first; more are shown as `2000+`."""

NOTHING = Decimal(0)
_OF_PAYMENT = ("pk", "paid_amount", "paid_currency")
_OF_INVOICE = ("pk", "paid_amount", "pay_currency", "price_currency", "exchange_rate", "price_amount", "pay_amount")


@dataclass(frozen=True)
class Task:
    """One kind of work: what to do, how many wait, what was paid for them, since when, and where they are listed."""

    label: str
    url: str
    tone: str
    count: int
    is_cut: bool
    money: list[str]
    since: datetime


@dataclass(frozen=True)
class _Kind:
    """Which rows make a kind of work, and which of their columns say what was paid: those of an invoice, or fewer."""

    label: str
    page: str
    query: str
    rows: QuerySet[Any]
    columns: tuple[str, ...] = _OF_INVOICE
    tone: str = "alarm"
    since: str = "created_at"

    def is_for(self, request: HttpRequest, site: AdminSite) -> bool:
        """Return whether the user may see the page that lists it."""
        model = apps.get_model("cryptopay_django", self.page.partition("_")[0])
        return site.is_registered(model) and site.get_model_admin(model).has_view_or_change_permission(request)

    def read(self, site: AdminSite) -> Task | None:
        """Return the work, or None if there is none. One query."""
        found = list(self.rows.order_by(self.since).values_list(self.since, *self.columns)[: MOST + 1])
        if not found:
            return None
        url = reverse(f"{site.name}:cryptopay_django_{self.page}") + (f"?{self.query}" if self.query else "")
        # An invoice may be there several times, and some events have none.
        subjects = {key: values for _since, key, *values in found[:MOST] if key is not None}
        count = len(subjects) + sum(key is None for _since, key, *_values in found[:MOST])
        return Task(self.label, url, self.tone, count, len(found) > MOST, _sums(subjects.values()), found[0][0])


def _of(path: str) -> tuple[str, ...]:
    return tuple(f"{path}__{name}" for name in _OF_INVOICE)


def read_tasks(request: HttpRequest, site: AdminSite) -> list[Task]:
    """Return the kinds of work that wait and that the user may see. As many queries for a million rows as for one."""
    return [task for kind in _kinds() if kind.is_for(request, site) and (task := kind.read(site)) is not None]


def _kinds() -> Iterator[_Kind]:
    invoices = Invoice.objects.all()
    yield _Kind(
        _("Clear up: quarantined here, the shop was not told"),
        "invoice_changelist",
        "quarantined=yes",
        invoices.filter(quarantined_invoices()),
    )
    unknown = Resolution.objects.filter(status=ResolutionStatus.UNKNOWN)
    yield _Kind(
        _("Look: a decision whose outcome is not known"),
        "resolution_changelist",
        "state=unknown",
        unknown,
        _of("invoice"),
    )
    yield _Kind(
        _("Repair: the shop's handlers have given up"),
        "invoice_changelist",
        "handlers=given_up",
        dead_calls(),
        _of("event__invoice"),
        since="given_up_at",
    )
    yield _Kind(
        _("Repair: nothing in the shop receives these events"), "invoice_doctor", "", unheard_events(), _of("invoice")
    )
    yield _Kind(
        _("Clear up: channel payments quarantined here"),
        "channelpayment_changelist",
        "quarantined=yes",
        ChannelPayment.objects.filter(quarantined_payments()),
        _OF_PAYMENT,
        since="seen_at",
    )
    yield _Kind(
        _("Clear up: quarantined channels"),
        "channel_changelist",
        "quarantined=yes",
        Channel.objects.exclude(quarantine_reason=""),
        ("pk",),
    )
    approvals = Resolution.objects.filter(awaiting_approval())
    yield _Kind(
        _("Confirm as the second person"), "approval_changelist", "", approvals, _of("invoice"), tone="warning"
    )
    yield _Kind(
        _("Settle or refund: underpaid, overpaid, paid late"),
        "invoice_changelist",
        "status=unresolved",
        invoices.filter(resolvable()),
        tone="warning",
    )
    yield _Kind(
        _("Accept the shortfall, or refund: settled below the price"),
        "invoice_changelist",
        "waits=me",
        settled_short(),
        _of("invoice"),
        tone="warning",
    )
    yield _Kind(
        _("Wait: held by the gateway's monitoring team"),
        "invoice_changelist",
        f"context={StatusContext.ILLICIT_RESOURCE}",
        invoices.filter(Q(status=InvoiceStatus.UNRESOLVED, status_context=StatusContext.ILLICIT_RESOURCE)),
        tone="quiet",
    )
    yield _Kind(
        _("Wait: channel payments on hold at the gateway"),
        "channelpayment_changelist",
        "status=on_hold",
        ChannelPayment.objects.filter(status=ChannelPaymentStatus.ON_HOLD),
        _OF_PAYMENT,
        since="seen_at",
        tone="quiet",
    )


def _sums(rows: Iterable[list[Any]]) -> list[str]:
    """Return what was paid: in the price currency at the order's rate, or in the coin where there is none."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        paid, currency = _paid(*row)
        sums[currency] = EXACT.add(sums[currency], paid)
    return [display.amount(total, currency) for currency, total in sorted(sums.items()) if total]


def _paid(paid: Decimal = NOTHING, coin: str = "", *of_invoice: Any) -> tuple[Decimal, str]:
    if not of_invoice:
        return paid, coin
    invoice = Invoice(paid_amount=paid, pay_currency=coin, **dict(zip(_OF_INVOICE[3:], of_invoice, strict=True)))
    worth = value_of(invoice, paid)
    return (paid, coin) if worth is None else (worth, invoice.price_currency)

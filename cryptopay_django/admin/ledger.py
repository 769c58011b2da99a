"""Shows the balances of an account, its ledger of a period, and where it differs from our rows. Nothing is stored."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib.admin.sites import AdminSite
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models.options import Options
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..atomic_requests import non_atomic_requests
from ..conf import account_names
from ..exceptions import GatewayError
from ..gateway.ledger import LedgerTransaction
from ..gateway.lists import Page
from ..models import ChannelPayment, Invoice, Refund
from ..permissions import Act, may
from ..services import LedgerComparison, LedgerDifference, compare_ledger
from ..services.gateway_ledger import FAMILIES, read_balances, read_transactions, rows_of
from ..services.reconciliation.ledger_differences import NOTHING, DifferenceKind
from . import display
from .invoice_columns import page_of
from .own_page import own_page

if TYPE_CHECKING:
    from .readonly import ModelAdmin as Base
else:
    Base = object

T = TypeVar("T")

DAYS = 7
"""The length of the default period."""

_KINDS = {
    DifferenceKind.MISSING_HERE: gettext_lazy("missing here"),
    DifferenceKind.MISSING_THERE: gettext_lazy("missing in the ledger"),
    DifferenceKind.TWICE: gettext_lazy("twice in the ledger"),
    DifferenceKind.STATUS: gettext_lazy("another status"),
    DifferenceKind.AMOUNT: gettext_lazy("another amount"),
    DifferenceKind.CURRENCY: gettext_lazy("another currency"),
    DifferenceKind.FEE: gettext_lazy("another fee"),
}


_VALUES = {NOTHING: gettext_lazy("nothing"), "booked": gettext_lazy("booked")}
_FAMILIES = {
    "Invoice": gettext_lazy("invoice"),
    "InvoiceRefund": gettext_lazy("refund"),
    "ChannelPayment": gettext_lazy("channel payment"),
    "CoinWithdrawal": gettext_lazy("coin withdrawal"),
    "CoinDeposit": gettext_lazy("coin deposit"),
    "ExchangeTransfer": gettext_lazy("exchange"),
    "BankDeposit": gettext_lazy("bank deposit"),
    "BankWithdrawal": gettext_lazy("bank withdrawal"),
    "ManualBalanceTransaction": gettext_lazy("adjustment"),
}


def day_field(label: Any) -> forms.DateField:
    """Return a day that may be left out."""
    return forms.DateField(
        label=label,
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),  # the browser takes no other
        validators=[MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2999, 12, 31))],
    )


class LedgerForm(forms.Form):
    """The account, period and kind of row; `after` continues a list. All is from the URL, so nothing is required."""

    account = forms.ChoiceField(label=gettext_lazy("Account"), required=False)
    since = day_field(gettext_lazy("From"))
    until = day_field(gettext_lazy("To"))
    family = forms.ChoiceField(
        label=gettext_lazy("Kind"),
        required=False,
        choices=[("", gettext_lazy("all")), *((family, _FAMILIES[family]) for family in FAMILIES)],
    )
    after = forms.UUIDField(required=False, widget=forms.HiddenInput)
    compare = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account: Any = self.fields["account"]
        account.choices = [(name, name) for name in account_names()]

    def clean(self) -> dict[str, Any]:
        """Fill in defaults: the first account, the last days."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        today = timezone.localdate()
        values["account"] = values.get("account") or next(iter(account_names()), "")
        values["until"] = values.get("until") or today
        values["since"] = values.get("since") or values["until"] - timedelta(days=DAYS - 1)
        if values["since"] > values["until"]:
            self.add_error("since", _("The period ends before it starts."))
        return values


class LedgerPages(Base):
    """Mixed into the admin of invoices: the page of the ledger."""

    admin_site: AdminSite
    opts: Options[Any]

    def ledger_urls(self) -> list[URLPattern]:
        """Return the URL of the page; not wrapped into a request's transaction, because it calls the gateway."""
        view = non_atomic_requests(self.admin_site.admin_view(self.ledger_view))
        return [path("ledger/", view, name="cryptopay_django_invoice_ledger")]

    def ledger_view(self, request: HttpRequest) -> HttpResponse:
        """Show balances and ledger rows, or why they cannot be read. Changes nothing."""
        if not may(request.user, Act.VIEW_LEDGER):
            raise PermissionDenied
        form = LedgerForm(request.GET)
        context = {
            "title": _("Accounts and ledger"),
            "form": form,
            **(ledger_context(form, self.admin_site, request) if form.is_valid() else {}),
        }
        # The form shows the defaults that were filled in.
        form.data = {**request.GET.dict(), **{name: value for name, value in form.cleaned_data.items() if value}}
        return own_page(self, request, "ledger", context)


def ledger_context(form: LedgerForm, site: AdminSite, request: HttpRequest) -> dict[str, Any]:
    """Read the gateway and return the context. A page that continues a list reads no balances."""
    wanted = form.cleaned_data
    account, after = wanted["account"], wanted.get("after")
    problems: list[str] = []
    listed = None if after else _answer(problems, lambda: read_balances(account))
    page = _answer(
        problems,
        lambda: read_transactions(
            account,
            since=_midnight(wanted["since"]),
            until=_after(wanted["until"]) - timedelta(seconds=1),
            family=wanted.get("family"),
            starting_after=after,
        ),
    )
    found = page or Page(())
    compared = wanted["compare"] and not problems and _compare(account, wanted["since"], wanted["until"])
    accounts = sorted(listed or (), key=lambda one: one.currency)
    ours = rows_of(account, found) if found else {}
    follows = found.keys[-1] if found.keys and found.has_more is not False else ""
    return {
        "problems": list(dict.fromkeys(problems)),
        "balances": [(one.currency, display.amount(one.balance, one.currency)) for one in accounts if one.balance],
        "empty": [one.currency for one in accounts if not one.balance],
        "asked_balances": listed is not None,
        "rows": [
            _row(one, _url_of(ours.get(one.reference_id) if one.reference_id else None, site, request))
            for one in found
        ],
        "was_read": page is not None,
        "left_out": len(found.keys) - len(found),
        "older_url": f"?{urlencode({**_query(wanted), 'after': follows})}" if follows else "",
        "is_continued": after is not None,
        "comparison": comparison_context(compared, site, request) if compared else None,
    }


def _compare(account: str, since: date, until: date) -> LedgerComparison:
    return compare_ledger(account, since=_midnight(since), until=_after(until))


def comparison_context(found: LedgerComparison, site: AdminSite, request: HttpRequest) -> dict[str, Any]:
    """Return what the page shows of a comparison: differences, doubts, and what was not read."""
    return {
        "is_balanced": found.is_balanced,
        "compared": found.compared,
        "others": len(found.others),
        "unreadable": found.unreadable,
        "stopped": found.stopped,
        "rows": [
            *(_difference(one, _url_of(one.row, site, request), is_certain=True) for one in found.differences),
            *(_difference(one, _url_of(one.row, site, request), is_certain=False) for one in found.unproven),
        ],
    }


def _difference(one: LedgerDifference, url: str, *, is_certain: bool) -> dict[str, Any]:
    return {
        "family": _FAMILIES.get(one.family, one.family),
        "name": _name_of(one.family, one.reference, one.gateway_id),
        "url": url,
        "kind": _KINDS[one.kind],
        "here": _in_words(one.here, one.row.status if one.row else None),
        "there": _in_words(one.there, one.entry.status if one.entry else None),
        "is_certain": is_certain,
    }


def _in_words(value: str, status: str | None) -> str:
    """Return a value of a difference with the status that is in it in our words."""
    if value in _VALUES:
        return str(_VALUES[value])
    return value.replace(status, display.status_name(status)) if status else value


def _url_of(row: Invoice | ChannelPayment | Refund | None, site: AdminSite, request: HttpRequest) -> str:
    """Return the page of a row of ours, or nothing. A refund is on the page of its invoice."""
    return page_of(row.invoice if isinstance(row, Refund) else row, site, request)


def _answer(problems: list[str], ask: Callable[[], T]) -> T | None:
    """Return the gateway's answer, or None with a message in `problems`."""
    if problems:
        return None
    try:
        return ask()
    except GatewayError as error:
        problems.append(_("The gateway could not be reached: %(error)s") % {"error": error})
    except ImproperlyConfigured as error:
        problems.append(_("The account is not configured: %(error)s") % {"error": error})
    return None


def _row(entry: LedgerTransaction, url: str) -> dict[str, Any]:
    """Return a row of the ledger as the page shows it."""
    context = display.context_name(entry.status_context) if entry.status_context else ""
    status = display.status_name(entry.status) if entry.status else display.NOTHING
    return {
        "at": entry.created_at,
        "family": _FAMILIES.get(entry.reference_type, entry.reference_type),
        "name": _name_of(entry.reference_type, entry.custom_id, entry.reference_id or entry.id),
        "url": url,
        "state": f"{status} ({context})" if context else status,
        "amount": display.amount(entry.amount, entry.currency),
        "fee": display.amount(entry.fee, entry.fee_currency or ""),
        "balance": display.amount(entry.balance, entry.currency),
    }


def _name_of(family: str, custom_id: str | None, gateway_id: UUID | None) -> SafeString:
    """Return the custom_id, or the gateway's id. All payments on a channel have the channel's custom_id."""
    return display.short_id(str(gateway_id) if family == "ChannelPayment" or not custom_id else custom_id)


def _query(wanted: dict[str, Any]) -> dict[str, str]:
    return {name: str(wanted[name]) for name in ("account", "since", "until", "family") if wanted.get(name)}


def _after(day: date) -> datetime:
    return _midnight(day + timedelta(days=1))


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime(day.year, day.month, day.day))  # noqa: DTZ001  made aware

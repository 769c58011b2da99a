"""Shows the statement of an account and a period, offers its files, and brings the books up to date on request."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.db.models.options import Options
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from ..atomic_requests import non_atomic_requests
from ..conf import account_names
from ..exceptions import BooksError, GatewayError
from ..models import Books, ClosedPeriod, EntryKind
from ..permissions import Act, may
from ..services import Period, Statement, find_books, keep_books, read_statement, verify_period
from ..services.statements.columns import write_amount
from ..services.statements.file_formats import FORMS, can_write
from ..services.statements.movements import ZERO
from ..services.statements.periods import find_zone
from ..services.statements.statement import Sum, Totals
from . import display
from .export import in_threads
from .ledger import day_field
from .own_page import own_page

if TYPE_CHECKING:
    from .readonly import ModelAdmin as Base
else:
    Base = object

_PERIODS_SHOWN = 12
_DIFFERENCES_SHOWN = 10
_DAYS_SHOWN = 400

FORM_NAMES = {
    "csv": gettext_lazy("all entries (CSV)"),
    "totals": gettext_lazy("totals (CSV)"),
    "xlsx": gettext_lazy("workbook (XLSX)"),
    "ledger": gettext_lazy("journal for Ledger and hledger"),
    "beancount": gettext_lazy("journal for Beancount"),
}


class StatementForm(forms.Form):
    """The account and the period, read from the URL: by default last month, or what younger books hold."""

    account = forms.ChoiceField(label=gettext_lazy("Account"), required=False)
    since = day_field(gettext_lazy("From"))
    until = day_field(gettext_lazy("To"))
    zone = forms.CharField(label=gettext_lazy("Time zone"), required=False, max_length=64)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account: Any = self.fields["account"]
        account.choices = [(name, name) for name in account_names()]

    def clean(self) -> dict[str, Any]:
        """Fill in defaults, and make the period."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        today = timezone.localdate()
        values["account"] = values.get("account") or next(iter(account_names()), "")
        values["zone"] = values.get("zone") or timezone.get_current_timezone_name()
        begin = None if values.get("since") or values.get("until") else _first_day(values["account"], values["zone"])
        last_month = today.replace(day=1) - timedelta(days=1)
        values["until"] = values.get("until") or (today if begin and begin > last_month else last_month)
        values["since"] = values.get("since") or max(values["until"].replace(day=1), begin or date.min)
        try:
            values["period"] = Period(values["since"], values["until"] + timedelta(days=1), values["zone"])
        except BooksError as error:
            self.add_error(None, str(error))
        return values


class StatementPages(Base):
    """Mixed into the admin of invoices: the page of a statement, its files, and the button that asks the gateway."""

    admin_site: AdminSite
    opts: Options[Any]

    def statement_urls(self) -> list[URLPattern]:
        """Return the URLs; the one that calls the gateway is not wrapped into a request's transaction."""
        view = self.admin_site.admin_view
        name = "cryptopay_django_invoice_statement"
        return [
            path("statement/", view(self.statement_view), name=name),
            path("statement/<slug:form>/", view(self.statement_file_view), name=f"{name}_file"),
            path("statement-update/", non_atomic_requests(view(self.statement_update_view)), name=f"{name}_update"),
        ]

    def statement_view(self, request: HttpRequest) -> HttpResponse:
        """Show opening, closing and totals of a period, and its files. Calls nobody and changes nothing."""
        _check(request)
        form = StatementForm(request.GET)
        context = {
            "title": _("Statement"),
            "form": form,
            **(statement_context(form, self.admin_site.name) if form.is_valid() else {}),
        }
        # The form shows the defaults that were filled in.
        form.data = {**request.GET.dict(), **{name: value for name, value in form.cleaned_data.items() if value}}
        return own_page(self, request, "statement", context)

    def statement_file_view(self, request: HttpRequest, form: str) -> HttpResponse | StreamingHttpResponse:
        """Stream the statement as a file of this form."""
        _check(request)
        asked = StatementForm(request.GET)
        if not asked.is_valid() or form not in FORMS or not can_write(form):
            return HttpResponseBadRequest(_("There is no such statement."))
        try:
            statement = read_statement(asked.cleaned_data["account"], asked.cleaned_data["period"])
            verify_period(statement)
        except BooksError as error:
            return HttpResponseBadRequest(str(error), content_type="text/plain; charset=utf-8")
        pieces: Any = FORMS[form].write(statement)
        streamed = in_threads(pieces) if isinstance(request, ASGIRequest) else pieces
        response = StreamingHttpResponse(streamed, content_type=FORMS[form].media_type)
        response["Content-Disposition"] = f'attachment; filename="{statement.name}.{FORMS[form].ending}"'
        response["X-Content-Type-Options"] = "nosniff"
        return response

    @method_decorator(require_POST)
    def statement_update_view(self, request: HttpRequest) -> HttpResponse:
        """Bring the books up to date, say what differs, and go back to the page."""
        _check(request)
        form = StatementForm(request.POST)
        if not form.is_valid():
            return HttpResponseBadRequest(_("There is no such statement."))
        try:
            check = keep_books(form.cleaned_data["account"])
        except (BooksError, GatewayError, ImproperlyConfigured) as error:
            messages.error(request, str(error))
        else:
            problems = [*check.differences, *check.unreadable]
            for problem in problems[:_DIFFERENCES_SHOWN]:
                messages.warning(request, _("The books and the gateway differ: %s") % problem)
            if len(problems) > _DIFFERENCES_SHOWN:
                more = len(problems) - _DIFFERENCES_SHOWN
                messages.warning(request, _("There are more differences: %(count)d.") % {"count": more})
            if not problems:
                messages.success(request, _("The books are up to date, and agree with the gateway."))
        name = f"{self.admin_site.name}:cryptopay_django_invoice_statement"
        return HttpResponseRedirect(f"{reverse(name)}?{_query(form)}")


def statement_context(form: StatementForm, site_name: str) -> dict[str, Any]:
    """Return what the page shows of a statement, or why there is none."""
    asked = form.cleaned_data
    query, url = _query(form), f"{site_name}:cryptopay_django_invoice_statement"
    books = find_books(asked["account"])
    context: dict[str, Any] = {"books": books, "query": query, "update_url": reverse(f"{url}_update")}
    # As a machine writes them: a day in the words of a language could not be read back.
    context["asked"] = [(name, str(asked[name])) for name in ("account", "since", "until", "zone")]
    context["periods"] = _periods(books, asked["account"]) if books else []
    own, compared = {"account": asked["account"]}, {"since": asked["since"], "until": asked["until"], "compare": 1}
    context["books_url"] = f"{reverse(f'{site_name}:cryptopay_django_invoice_books')}?{urlencode(own)}"
    context["ledger_url"] = f"{reverse(f'{site_name}:cryptopay_django_invoice_ledger')}?{urlencode(own | compared)}"
    try:
        statement = read_statement(asked["account"], asked["period"])
    except BooksError as error:
        return context | {"problem": str(error)}
    totals = statement.totals()
    files = [(FORM_NAMES[form], f"{reverse(f'{url}_file', args=[form])}?{query}") for form in FORMS if can_write(form)]
    return context | {
        "statement": statement,
        "period": asked["period"],
        "count": totals.count,
        "differences": statement.closed.differences if statement.closed else [],
        "balances": list(balance_rows(statement, totals)),
        "statuses": kind_rows(totals),
        "coins": [
            (f"{write_amount(found.coins, coin)} {coin}", *_cells(found, currency))
            for (coin, currency), found in sorted(totals.coins.items())
        ],
        "days": [
            (day, *_cells(found, currency)) for (day, currency), found in sorted(totals.days.items())[:_DAYS_SHOWN]
        ],
        "days_are_cut": len(totals.days) > _DAYS_SHOWN,
        "files": files,
    }


def _first_day(account: str, zone: str) -> date | None:
    """Return the first whole day of the books of an account, up to today. None without books or such a zone."""
    books = find_books(account)
    if books is None:
        return None
    try:
        begin = books.begin_at.astimezone(find_zone(zone))
    except BooksError:  # the period says it
        return None
    return min(begin.date() + timedelta(days=begin.time() > time.min), timezone.localdate())


def _check(request: HttpRequest) -> None:
    if not may(request.user, Act.VIEW_LEDGER):
        raise PermissionDenied


def _query(form: StatementForm) -> str:
    return urlencode({name: form.cleaned_data[name] for name in ("account", "since", "until", "zone")})


def balance_rows(statement: Statement, totals: Totals) -> Iterator[tuple[str, ...]]:
    """Yield each currency with its opening, incoming, outgoing and closing amounts, and the fees, as text."""
    for currency, closing in totals.closing.items():
        found = totals.currencies.get(currency, Sum())
        opening = statement.opening.get(currency, ZERO)
        amounts = (opening, found.incoming, found.outgoing, closing, found.fee)
        yield currency, *(write_amount(amount, currency) for amount in amounts)


def kind_rows(totals: Totals) -> list[tuple[Any, ...]]:
    """Return the sums by kind and status as rows of a table."""
    return [
        (EntryKind(kind).label, display.status_name(status) or display.NOTHING, *_cells(found, currency))
        for (kind, status, currency), found in sorted(totals.statuses.items())
    ]


def _cells(found: Sum, currency: str) -> tuple[Any, ...]:
    amounts = (found.gross, found.fee, found.amount)
    return found.count, *(f"{write_amount(amount, currency)} {currency}" for amount in amounts)


def days_of(row: ClosedPeriod) -> tuple[date, date]:
    """Return the first and the last day of a closed period, in its time zone."""
    zone = ZoneInfo(row.time_zone)
    return row.since.astimezone(zone).date(), row.until.astimezone(zone).date() - timedelta(days=1)


def _periods(books: Books, account: str) -> list[tuple[str, str, ClosedPeriod]]:
    """Return the newest closed periods: their days, the query of their page, and the row."""
    found = []
    for row in ClosedPeriod.objects.filter(books=books).order_by("-since")[:_PERIODS_SHOWN]:
        first, last = days_of(row)
        query = urlencode({"account": account, "since": first, "until": last, "zone": row.time_zone})
        found.append((f"{first} – {last}", query, row))
    return found

"""Lists the closed periods of an account, and closes the next one after a page that shows its figures.

The statement of each period, and its files: `statement.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.core.paginator import Paginator
from django.db.models.options import Options
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..atomic_requests import non_atomic_requests
from ..conf import account_names
from ..exceptions import BooksChangedError, BooksDifferError, BooksError, GatewayError, NotPermittedError
from ..models import Books, ClosedPeriod
from ..permissions import Act, may
from ..services import Period, Statement, close_period, find_books, read_statement
from ..services.statements.close_period import WAIT, digest_of, is_closable, next_period
from ..services.statements.columns import write_amount
from ..services.statements.file_formats import FORMS, can_write
from . import display
from .ledger import day_field
from .own_page import own_page
from .statement import FORM_NAMES, balance_rows, days_of, kind_rows

if TYPE_CHECKING:
    from .readonly import ModelAdmin as Base
else:
    Base = object

_A_PAGE = 24
_NAME = "cryptopay_django_invoice_books"


class BooksForm(forms.Form):
    """The account whose books are shown: the first one by default."""

    account = forms.ChoiceField(label=gettext_lazy("Account"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account: Any = self.fields["account"]
        account.choices = [(name, name) for name in account_names()]

    def clean(self) -> dict[str, Any]:
        """Fill in the account, and find its books."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        values["account"] = values.get("account") or next(iter(account_names()), "")
        try:
            values["books"] = find_books(values["account"]) if not self.errors else None
        except ImproperlyConfigured as error:
            self.add_error("account", str(error))
        return values


class CloseForm(BooksForm):
    """The period to close: it begins where the books are closed, and ends with a month by default.

    A button posts `since` and `seen` with it: the first day and the figures that the person has looked at.
    """

    until = day_field(gettext_lazy("To"))
    zone = forms.CharField(label=gettext_lazy("Time zone"), required=False, max_length=64)
    since = forms.DateField(required=False, widget=forms.HiddenInput)
    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    accept = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        """Fill in the end of the month and the time zone of the period before, and make the period."""
        values = super().clean()
        books: Books | None = values.get("books")
        if books is None or self.errors:
            return values
        values["zone"] = values.get("zone") or _zone_of(books)
        try:
            usual = next_period(books, values["zone"])
            after = values["until"] + timedelta(days=1) if values.get("until") else usual.after
            values["period"] = Period(values.get("since") or usual.first, after, values["zone"])
        except BooksError as error:
            self.add_error(None, str(error))
        return values


class BooksPages(Base):
    """Mixed into the admin of invoices: the list of closed periods, and the page that closes the next one."""

    admin_site: AdminSite
    opts: Options[Any]

    def books_urls(self) -> list[URLPattern]:
        """Return the URLs; the one that calls the gateway is not wrapped into a request's transaction."""
        view = self.admin_site.admin_view
        return [
            path("books/", view(self.books_view), name=_NAME),
            path("books/close/", non_atomic_requests(view(self.books_close_view)), name=f"{_NAME}_close"),
        ]

    def books_view(self, request: HttpRequest) -> HttpResponse:
        """List the closed periods of an account, newest first, and say which is next. Calls nobody."""
        if not may(request.user, Act.VIEW_LEDGER):
            raise PermissionDenied
        form = BooksForm(request.GET)
        context: dict[str, Any] = {}
        if form.is_valid() and (books := form.cleaned_data["books"]) is not None:
            rows = ClosedPeriod.objects.filter(books=books).order_by("-since")
            page = Paginator(rows, _A_PAGE).get_page(request.GET.get("p"))
            context = {
                "books": books,
                "page": page,
                "rows": [self._books_row(books, row) for row in page],
                **self._next_books(request, books),
            }
        return self._render_books(request, "books", form, {"title": _("Closed periods"), **context})

    def books_close_view(self, request: HttpRequest) -> HttpResponse:
        """Show the figures of the next period; a POST closes it, by the person's name, if they are still the same."""
        if not may(request.user, Act.VIEW_LEDGER, Act.CLOSE_BOOKS):
            raise PermissionDenied
        is_post = request.method == "POST"
        # What a link brings along as figures that somebody has seen, or accepted, counts for nothing.
        asked = request.POST if is_post else {name: request.GET.get(name, "") for name in ("account", "until", "zone")}
        form = CloseForm(asked)
        if not form.is_valid() or (period := form.cleaned_data.get("period")) is None:
            return self._render_books(request, "books_close", form, {"title": _("Close a period")})
        differences: tuple[str, ...] = ()
        if is_post and form.cleaned_data["since"] and form.cleaned_data["seen"]:
            try:
                return self._close_books(request, form.cleaned_data, period)
            except BooksDifferError as error:
                differences = error.differences
            except BooksChangedError:
                messages.warning(request, _("The figures have changed since you saw them. Look again, then close."))
            except NotPermittedError as error:
                raise PermissionDenied from error
            except (BooksError, GatewayError, ImproperlyConfigured) as error:
                messages.error(request, str(error))
        return self._render_books(request, "books_close", form, self._books_close_context(form, period, differences))

    def _close_books(self, request: HttpRequest, asked: dict[str, Any], period: Period) -> HttpResponse:
        """Close the period, say by whom it was closed, and go to its statement."""
        known = read_statement(asked["account"], period).closed
        statement = close_period(
            asked["account"],
            period,
            actor=request.user,
            accept_differences=asked["accept"],
            seen=asked["seen"],
        )
        closed = statement.closed
        assert closed is not None  # noqa: S101  close_period has closed it
        values = {"days": _days(period), "by": closed.closed_by, "at": display.moment_text(closed.closed_at)}
        if known is None and closed.closed_by == request.user.get_username():
            self.log_addition(request, closed, f"Closed {period} of account {asked['account']}")
            messages.success(request, _("%(days)s is closed. Its figures do not change any more.") % values)
        else:
            messages.info(request, _("%(days)s was closed already, by %(by)s at %(at)s.") % values)
        return HttpResponseRedirect(f"{self._books_url('statement')}?{_query(asked['account'], period)}")

    def _books_close_context(self, form: CloseForm, period: Period, differences: tuple[str, ...]) -> dict[str, Any]:
        """Return the figures of a period as they are now, and why it cannot be closed, if it cannot."""
        asked, books = form.cleaned_data, form.cleaned_data["books"]
        context: dict[str, Any] = {
            "title": _("Close %(days)s") % {"days": _days(period)},
            "books": books,
            "period": period,
            "differences": differences,
        }
        try:
            statement = read_statement(asked["account"], period)
        except BooksError as error:
            return context | {"problem": str(error)}
        totals = statement.totals()
        problem = _problem(statement)
        given = {"account": asked["account"], "since": period.first, "until": period.last, "zone": period.zone}
        return context | {
            "problem": problem,
            "can_close": not problem,
            "count": totals.count,
            "balances": list(balance_rows(statement, totals)),
            "statuses": kind_rows(totals),
            # As a machine writes them: a day in the words of a language could not be read back.
            "posted": [*((name, str(value)) for name, value in given.items()), ("seen", digest_of(statement))],
            "asked": [(name, str(value)) for name, value in given.items()],
            "compare_url": self._books_compare_url(asked["account"], period),
        }

    def _next_books(self, request: HttpRequest, books: Books) -> dict[str, Any]:
        """Return what is closed next, when, and where this person does that."""
        period = next_period(books, _zone_of(books))
        is_over = is_closable(period, timezone.now())
        url = f"{self._books_url('books_close')}?{urlencode({'account': books.account})}"
        return {
            "next": _days(period),
            "next_url": f"{self._books_url('statement')}?{_query(books.account, period)}",
            "from_when": "" if is_over else display.moment_text(period.until + WAIT),
            "close_url": url if may(request.user, Act.VIEW_LEDGER, Act.CLOSE_BOOKS) else "",
        }

    def _books_row(self, books: Books, row: ClosedPeriod) -> dict[str, Any]:
        """Return a closed period as the list shows it."""
        first, last = days_of(row)
        query = urlencode({"account": books.account, "since": first, "until": last, "zone": row.time_zone})
        mails = {address: state.get("sent_at") for address, state in row.mails.items()}
        return {
            "days": f"{first} – {last}",
            "url": f"{self._books_url('statement')}?{query}",
            "period": row,
            "balances": [f"{amount} {currency}" for currency, amount in _balances(row)],
            "files": [
                (FORM_NAMES[form], f"{self._books_url('statement_file', form)}?{query}")
                for form in FORMS
                if can_write(form)
            ],
            "mailed": [address for address, sent_at in mails.items() if sent_at],
        }

    def _render_books(self, request: HttpRequest, name: str, form: BooksForm, context: dict[str, Any]) -> HttpResponse:
        # The form shows the defaults that were filled in.
        shown = {field: value for field, value in form.cleaned_data.items() if value and field in form.fields}
        period = form.cleaned_data.get("period")
        form.data = {**form.data, **shown, **({"until": period.last} if period else {})}
        context = {
            "form": form,
            "has_accounts": len(account_names()) > 1,
            "statement_url": self._books_url("statement"),
            "books_url": self._books_url("books"),
            **context,
        }
        return own_page(self, request, name, context)

    def _books_url(self, name: str, *args: str) -> str:
        return reverse(f"{self.admin_site.name}:cryptopay_django_invoice_{name}", args=args)

    def _books_compare_url(self, account: str, period: Period) -> str:
        asked = {"account": account, "since": period.first, "until": period.last, "compare": 1}
        return f"{self._books_url('ledger')}?{urlencode(asked)}"


def _problem(statement: Statement) -> str:
    """Return why a period cannot be closed now, or nothing."""
    books, period = statement.books, statement.period
    if statement.closed is not None:
        return _("It is closed already.")
    if period.since != books.closed_until:
        values = {"at": display.moment_text(books.closed_until)}
        return _("The books are closed until %(at)s: a period is closed after the one before, without a gap.") % values
    if not is_closable(period, timezone.now()):
        values = {"at": display.moment_text(period.until + WAIT)}
        return _("It can be closed from %(at)s on, an hour after its end.") % values
    return ""


def _balances(row: ClosedPeriod) -> Iterator[tuple[str, str]]:
    for currency, balance in sorted(row.balances.items()):
        if amount := Decimal(balance):
            yield currency, write_amount(amount, currency)


def _zone_of(books: Books) -> str:
    """Return the time zone of the period that was closed last, or that of the site."""
    last = ClosedPeriod.objects.filter(books=books).order_by("-since").first()
    return last.time_zone if last else timezone.get_current_timezone_name()


def _days(period: Period) -> str:
    return display.in_order(f"{period.first} – {period.last}")


def _query(account: str, period: Period) -> str:
    return urlencode({"account": account, "since": period.first, "until": period.last, "zone": period.zone})

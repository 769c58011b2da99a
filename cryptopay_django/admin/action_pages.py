"""Serves the pages on which staff do one action to one row: a preview, a form, the action, a message.

Each page checks its permission itself. A typed error becomes a message; if a retry is possible, the form is shown
again, with fresh amounts. None of these views runs in a transaction: a money operation commits its own steps. The
actions on invoices: `invoice_actions.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import UUID

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.core.exceptions import PermissionDenied
from django.db.models.options import Options
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from ..atomic_requests import non_atomic_requests
from ..exceptions import AddressError, CryptopayError, InvoiceChangedError, QuoteExpiredError
from ..models import Channel, ChannelPayment, Invoice
from . import display
from .forms import ActForm
from .own_page import own_page

if TYPE_CHECKING:
    from .readonly import ModelAdmin as Base
else:
    Base = object

View = Callable[..., HttpResponse]
R = TypeVar("R", Invoice, Channel, ChannelPayment)


class ActPages(Generic[R], Base):
    """Mixed into the admin of invoices, of channels, and of payments on channels."""

    admin_site: AdminSite
    opts: Options[Any]

    def urls_of_acts(self, views: Mapping[str, View]) -> list[URLPattern]:
        """Return the URLs of acts on a row; none of their views is wrapped into a request's transaction."""
        return [
            path(f"<uuid:pk>/{name}/", self.act(view), name=f"cryptopay_django_{self.opts.model_name}_{name}")
            for name, view in views.items()
        ]

    def act(self, view: View) -> View:
        """Wrap a view: staff only, with CSRF, outside of transactions."""
        wrapped: View = non_atomic_requests(self.admin_site.admin_view(view))
        return wrapped

    def is_over(self, row: R) -> bool:
        """Return whether nothing can be done to a row any more; then its page is shown, without a form."""
        return False

    def permitted(self, request: HttpRequest, pk: UUID, allowed: bool) -> R:  # noqa: FBT001  one fact, checked first
        """Return the row as the database has it, or refuse: 403 before 404, so that nothing is disclosed."""
        if not allowed or not self.has_view_permission(request):
            raise PermissionDenied
        row: R | None = self._rows().filter(pk=pk).first()
        if row is None:
            raise Http404
        return row

    def to_page(self, pk: UUID) -> HttpResponseRedirect:
        """Go to the row's page."""
        name = f"{self.admin_site.name}:cryptopay_django_{self.opts.model_name}_change"
        return HttpResponseRedirect(reverse(name, args=[pk]))

    def run(
        self,
        request: HttpRequest,
        row: R,
        form_class: type[Any],
        perform: Callable[[Any], None],
        context_of: Callable[[R], dict[str, Any]],
    ) -> HttpResponse:
        """Show a form, or do what it asks; show it again, with fresh amounts, when that was not possible."""
        posted = request.POST if request.method == "POST" else None
        form: ActForm = form_class(posted, row=row, user=request.user)
        if form.is_bound and form.is_valid():
            try:
                perform(form)
            except AddressError as error:
                form.add_error(error.field if error.field in form.fields else "address", str(error))
            except (InvoiceChangedError, QuoteExpiredError) as error:
                messages.warning(request, str(error))
                return self.show_again(request, row, form_class, context_of)
            except CryptopayError as error:
                messages.error(request, str(error))
                return self.to_page(row.pk)
            else:
                return self.to_page(row.pk)
        return self.show(request, row, form, context_of)

    def show_again(
        self,
        request: HttpRequest,
        row: R,
        form_class: type[Any],
        context_of: Callable[[R], dict[str, Any]],
    ) -> HttpResponse:
        """Show a form for the current row, with the previous input; or its page, if it is over."""
        fresh: R = self._rows().get(pk=row.pk)
        if self.is_over(fresh):
            return self.to_page(fresh.pk)
        kept = {name: value for name, value in request.POST.items() if name not in ("version", "quote")}
        return self.show(request, fresh, form_class(row=fresh, user=request.user, initial=kept), context_of)

    def show(
        self,
        request: HttpRequest,
        row: R,
        form: ActForm,
        context_of: Callable[[R], dict[str, Any]],
    ) -> HttpResponse:
        """Render a form with its preview."""
        try:
            context = context_of(row)
        except CryptopayError as error:
            messages.error(request, str(error))
            return self.to_page(row.pk)
        fresh = {"version": str(row.version), "quote": context.get("sealed_quote", "")}
        if form.is_bound:
            if form.data.get("version") != fresh["version"]:
                text = _("The %(kind)s has changed meanwhile. The amounts below are current.")
                messages.warning(request, text % {"kind": self.opts.verbose_name})
            data = request.POST.copy()
            for name, value in fresh.items():
                data[name] = value
            form.data = data
        else:
            form.initial = {**form.initial, **fresh}
        return self.render_act(request, row, {"form": form, **context})

    def render_act(self, request: HttpRequest, row: R, context: dict[str, Any]) -> HttpResponse:
        """Render the page of an act."""
        url = self.to_page(row.pk).url
        context = {
            "subject_url": url,
            "subject_name": display.title_of(row),
            "page_url": url,
            **context,
        }
        return own_page(self, request, "invoice/act", context)

    def _rows(self) -> Any:
        manager: Any = self.model._default_manager
        return manager.primary()

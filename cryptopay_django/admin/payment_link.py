"""Shows payment links: the list, the form that makes one, and the page with its URL, QR code and payments."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.options import ShowFacets
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..conf import account_names
from ..exceptions import NotPermittedError, PaymentLinkRequestError
from ..links import path_of
from ..models import PaymentLink
from ..permissions import Act, may, may_view
from ..qr import qr_svg
from ..services import cancel_payment_link, create_payment_link
from ..services.payment_links.totals import Paid, invoices_of_link, paid_by_links
from . import display, filters
from .own_page import own_page
from .paging import CappedPaginator
from .payment_link_display import (
    amount_text,
    mail_of,
    meaning_of,
    opened_text,
    paid_text,
    snippet_of,
    state_of,
    url_of_link,
)
from .payment_link_filters import LinkKindFilter, LinkStateFilter
from .payment_link_form import PaymentLinkForm
from .readonly import ReadOnlyAdmin, ReadOnlyList
from .search import SearchByName, find_payment_links

MOST_INVOICES = 50
"""The page of a link shows its newest invoices, at most this many."""


class PaymentLinkList(ReadOnlyList):
    """A page of the list, with what was paid by each link: one query for all of them."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: Any = list(self.result_list)
        paid = paid_by_links(row.pk for row in rows)
        for row in rows:
            row.paid_by_link = paid[row.pk]
        self.result_list = rows


@admin.register(PaymentLink)
class PaymentLinkAdmin(SearchByName, ReadOnlyAdmin):
    """Links by which customers pay without an order of the shop. They are made and cancelled, never edited."""

    list_display = ["link", "amount", "came", "opened", "state", "maker", "account"]
    list_filter = [LinkStateFilter, LinkKindFilter, filters.AccountFilter, filters.CreatedFilter]
    sortable_by = ()
    search_fields = ["reference"]
    search_help_text = gettext_lazy("Enter a reference or an id, complete or its beginning, or a complete link.")
    show_facets = ShowFacets.NEVER
    paginator = CappedPaginator
    list_per_page = 25
    ordering = ["-created_at"]
    actions = ["cancel_selected"]
    fieldsets = [
        (
            gettext_lazy("Names"),
            {"classes": ["collapse"], "fields": ["id", "reference", "account", "environment", "actor", "created_at"]},
        ),
    ]
    change_form_template = "admin/cryptopay_django/payment_link/page.html"
    change_list_template = "admin/cryptopay_django/payment_link/list.html"

    class Media:
        css = {"all": ["cryptopay_django/admin/admin.css"]}

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request.user, Act.MAKE_LINK)

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may cancel links; the list asks before it offers the action."""
        return may(request.user, Act.CANCEL_LINK)

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Without the account where there is but one."""
        hidden = () if len(account_names()) > 1 else ("account",)
        return [name for name in self.list_display if name not in hidden]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return PaymentLinkList

    def named(self, term: str) -> Q:
        """Return the links that a text names: by their reference, their id, or the link itself."""
        return Q(pk__in=find_payment_links(term))

    def get_urls(self) -> list[URLPattern]:
        """Put our own pages before those of the admin, whose last pattern takes everything."""
        view = self.admin_site.admin_view
        cancel = path("<uuid:pk>/cancel/", view(self.cancel_view), name="cryptopay_django_paymentlink_cancel")
        code = path("<uuid:pk>/qr/", view(self.qr_view), name="cryptopay_django_paymentlink_qr")
        return [cancel, code, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list, with the buttons for a new link and the counter."""
        may_make = self.has_add_permission(request)
        extra = {"may_make": may_make, "counter_url": _counter_url() if may_make else "", **(extra_context or {})}
        return super().changelist_view(request, extra)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask what the link is for, and make it."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = PaymentLinkForm(request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            try:
                link = create_payment_link(actor=request.user, **form.cleaned_data)
            except PaymentLinkRequestError as error:
                form.add_error(error.field if error.field in form.fields else None, str(error))
            except NotPermittedError as error:
                raise PermissionDenied from error
            else:
                self.log_addition(request, link, "Made a payment link")
                messages.success(request, _("The link is ready. Copy it, or show its QR code."))
                return self._to_page(link.pk)
        context = {
            "form": form,
            "title": _("Make a payment link"),
            "list_url": reverse(f"{self.admin_site.name}:cryptopay_django_paymentlink_changelist"),
        }
        return own_page(self, request, "invoice/form", context)

    def cancel_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Cancel a link. POST only."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_cancel_permission(request):
            raise PermissionDenied
        self._cancel(request, self._find(pk))
        messages.success(request, _("The link is cancelled."))
        return self._to_page(pk)

    def qr_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Return the QR code as a file, to print it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        link = self._find(pk)
        code = qr_svg(url_of_link(request, link), str(link))
        response = HttpResponse(f"{code}\n", content_type="image/svg+xml")
        response["Content-Disposition"] = f'attachment; filename="payment-link-{pk}.svg"'
        return response

    @admin.action(description=gettext_lazy("Cancel the selected links"), permissions=["cancel"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[PaymentLink]) -> None:
        """Cancel those that are not cancelled yet, and say how many."""
        links = list(queryset.filter(cancelled_at=None))
        for link in links:
            self._cancel(request, link)
        messages.success(request, _("Cancelled links: %(count)d.") % {"count": len(links)})

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the page of a link: what it means, how to send it, and what came by it."""
        link, now = kwargs.get("obj") or args[-1], timezone.now()
        paid = paid_by_links([link.pk])[link.pk]
        tone, name = state_of(link, paid, now)
        rows = list(invoices_of_link(link)[: MOST_INVOICES + 1])
        try:
            url = url_of_link(request, link)
        except NoReverseMatch:
            url = ""
        context |= {
            "buttons": [],
            "may_refresh": False,
            "timeline": None,
            "short_name": str(link),
            "badges": display.badge(tone, name),
            "meaning": meaning_of(link, paid, now),
            "facts": [
                (_("amount"), amount_text(link)),
                (_("for"), link.get_kind_display()),
                (_("can be paid"), _("any number of times") if link.is_reusable else _("once")),
                (_("paid"), paid_text(link, paid)),
                (_("opened"), opened_text(link, now)),
                (_("valid until"), display.moment_text(link.expires_at) if link.expires_at else _("always")),
                (_("made by"), link.actor),
                (_("gateway"), display.environment(link)),
            ],
            "link_url": url,
            "qr": qr_svg(url, _("QR code of the payment page")) if url else "",
            "mail_url": mail_of(link, url),
            "snippet": snippet_of(link, url) if url and link.is_reusable else "",
            "is_open": tone == "waiting",
            "may_cancel": tone == "waiting" and self.has_cancel_permission(request),
            "invoices": [
                (row, display.name_of(row), display.amount(row.price_amount, row.price_currency),
                 display.amount(row.settled_amount, row.price_currency), display.state_badges(row, now))
                for row in rows[:MOST_INVOICES]
            ],
            "has_more": len(rows) > MOST_INVOICES,
            "sees_invoices": may_view(request.user),
        }  # fmt: skip
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=gettext_lazy("link"))
    def link(self, link: PaymentLink) -> SafeString:
        """Its text and its reference."""
        return format_html('{}<br><span class="cp-quiet">{}</span>', link, link.reference or link.get_kind_display())

    @admin.display(description=gettext_lazy("amount"))
    def amount(self, link: PaymentLink) -> str:
        """The amount, or the bounds."""
        return amount_text(link)

    @admin.display(description=gettext_lazy("paid"))
    def came(self, link: PaymentLink) -> str:
        """What was credited by it."""
        return paid_text(link, getattr(link, "paid_by_link", Paid()))

    @admin.display(description=gettext_lazy("opened, last"))
    def opened(self, link: PaymentLink) -> SafeString | str:
        """How often it was opened, and when last."""
        return opened_text(link, timezone.now())

    @admin.display(description=gettext_lazy("state, age"))
    def state(self, link: PaymentLink) -> SafeString:
        """Its state and its age."""
        now = timezone.now()
        badge = display.badge(*state_of(link, getattr(link, "paid_by_link", Paid()), now))
        return format_html('{}<br><span class="cp-quiet">{}</span>', badge, display.age(link.created_at, now))

    @admin.display(description=gettext_lazy("made by"))
    def maker(self, link: PaymentLink) -> str:
        """Who made it."""
        return link.actor

    def _cancel(self, request: HttpRequest, link: PaymentLink) -> None:
        try:
            cancel_payment_link(link, actor=request.user)
        except NotPermittedError as error:
            raise PermissionDenied from error
        self.log_change(request, link, "Cancelled the payment link")

    def _find(self, pk: UUID) -> PaymentLink:
        link = PaymentLink.objects.primary().filter(pk=pk).first()
        if link is None:
            raise Http404
        return link

    def _to_page(self, pk: UUID) -> HttpResponseRedirect:
        return HttpResponseRedirect(reverse(f"{self.admin_site.name}:cryptopay_django_paymentlink_change", args=[pk]))


def _counter_url() -> str:
    try:
        return path_of("counter")
    except NoReverseMatch:
        return ""

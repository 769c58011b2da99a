"""Shows payments on channels: the list, the page of one with its timeline, and the release of a quarantined one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.options import ShowFacets
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..conf import account_names
from ..exceptions import CryptopayError
from ..models import ChannelPayment, ChannelPaymentStatus
from ..permissions import Act, may
from ..services import refresh_channel_payment, release_channel_payment
from . import display, filters
from .access import may_view_callbacks
from .action_pages import ActPages
from .channel_display import credited, payment_badges, payment_meaning, place_of, rate
from .channel_filters import (
    ChannelFilter,
    OnHoldFilter,
    PaidCoinFilter,
    PaymentStatusFilter,
    SeenFilter,
    WaitingPaymentFilter,
)
from .deliver_again import DeliverAgain
from .deliver_now import Retries
from .fact_names import fact_name
from .forms import ActForm
from .invoice_columns import link_to
from .invoice_page import Button
from .paging import CappedPaginator
from .readonly import ReadOnlyAdmin, request_of
from .search import SearchByName, find_channel_payments
from .timeline import timeline_of


@admin.register(ChannelPayment)
class ChannelPaymentAdmin(Retries, DeliverAgain, ActPages[ChannelPayment], SearchByName, ReadOnlyAdmin):
    """All payments on channels: what was paid and credited, and what waits for a person."""

    list_display = ["seen", "channel_link", "came", "state", "risk", "transaction", "account"]
    list_filter = [
        WaitingPaymentFilter,
        PaymentStatusFilter,
        OnHoldFilter,
        filters.QuarantineFilter,
        filters.RiskFilter,
        filters.AccountFilter,
        SeenFilter,
        PaidCoinFilter,
        ChannelFilter,
    ]
    actions = ["deliver_events_again"]
    list_select_related = ["channel"]
    sortable_by = ()
    search_fields = ["=id"]
    search_help_text = _(
        "Enter a complete value: our id, the gateway's id, transaction id, or any name of its channel."
    )
    show_facets = ShowFacets.NEVER
    paginator = CappedPaginator
    list_per_page = 25
    ordering = ["-seen_at"]
    fieldsets = [
        (_("Refund"), {"classes": ["collapse"], "fields": ["refund_address", "coin_withdrawal_id"]}),
        (
            _("Times"),
            {
                "classes": ["collapse"],
                "fields": ["gateway_created_at", "seen_at", "finished_at", "polled_at", "poll_due_at", "updated_at"],
            },
        ),
        (
            _("Names"),
            {"classes": ["collapse"], "fields": ["id", "gateway_id", "txid", "account", "environment", "version"]},
        ),
    ]
    change_form_template = "admin/cryptopay_django/channel/payment.html"
    change_list_template = "admin/cryptopay_django/capped_list.html"

    class Media:
        css = {"all": ["cryptopay_django/admin/admin.css"]}

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Without the account where there is but one."""
        hidden = () if len(account_names()) > 1 else ("account",)
        return [name for name in self.list_display if name not in hidden]

    def named(self, term: str) -> Q:
        """Return the payments that a text names, by a name of their own or of their channel."""
        return Q(pk__in=find_channel_payments(term))

    def get_urls(self) -> list[URLPattern]:
        """Put our own pages before those of the admin, whose last pattern takes everything."""
        acts = self.urls_of_acts({"release": self.release_view, "refresh": self.refresh_view})
        return [*acts, *self.retry_urls(), *self.again_urls(), *super().get_urls()]

    def is_over(self, row: ChannelPayment) -> bool:
        """Return whether a payment is no longer quarantined."""
        return not row.quarantine_reason

    def release_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Release: end a quarantine, and accept what the gateway reports."""
        payment = self.permitted(request, pk, may(request.user, Act.RELEASE_PAYMENT))

        def perform(form: ActForm) -> None:
            reason, version = form.cleaned_data["reason"], form.cleaned_data["version"]
            done = release_channel_payment(payment, actor=request.user, reason=reason, expected_version=version)
            self.log_change(request, done, f"Release. Reason: {reason}")
            text = gettext("Released. The payment is %(status)s.") % {"status": done.get_status_display()}
            messages.success(request, text)

        return self.run(request, payment, ActForm, perform, release_context)

    def refresh_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Poll the payment now. POST only."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        payment = self.permitted(request, pk, may(request.user, Act.REFRESH))
        before = payment.version
        try:
            payment = refresh_channel_payment(payment)
        except CryptopayError as error:
            messages.error(request, gettext("The gateway could not be reached: %(error)s") % {"error": error})
        else:
            self.log_change(request, payment, "Refreshed from the gateway")
            is_news = payment.version != before
            text = gettext("The payment was updated.") if is_news else gettext("The gateway reports no change.")
            messages.success(request, text)
        return self.to_page(payment.pk)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the page of a payment: what it means, what can be done, and what happened."""
        payment = kwargs.get("obj") or args[-1]
        timeline = timeline_of(payment, site_name=self.admin_site.name)
        context |= {
            "payment": payment,
            "short_name": display.title_of(payment),
            "badges": payment_badges(payment),
            "meaning": payment_meaning(payment, is_delivered=timeline.is_delivered),
            "facts": [
                (_("channel"), self.channel_link(payment)),
                (_("paid"), display.amount(payment.paid_amount, payment.paid_currency)),
                (_("credited"), credited(payment)),
                (_("fee"), display.amount(payment.fee_amount, payment.fee_currency)),
                (_("rate"), rate(payment)),
                (_("risk"), self.risk(payment)),
                (_("source"), _source(payment)),
                (
                    _("transaction"),
                    display.transaction_link(payment.txid, payment.channel.network, payment.channel.environment),
                ),
                (_("seen"), self.seen(payment)),
                (_("gateway"), display.environment(payment)),
            ],
            "timeline": timeline,
            "contact": display.monitoring_contact(payment.account)
            if payment.status == ChannelPaymentStatus.ON_HOLD
            else "",
            "buttons": self._buttons(payment, request.user),
            "may_refresh": may(request.user, Act.REFRESH),
            "may_view_callbacks": may_view_callbacks(request.user),
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def _buttons(self, payment: ChannelPayment, user: Any) -> list[Button]:
        if not payment.quarantine_reason:
            return []
        promise = gettext(
            "Ends the quarantine. The withheld events are delivered to the shop at once. This moves no money."
        )
        why_not = "" if may(user, Act.RELEASE_PAYMENT) else gettext("You may not release payments.")
        return [Button("release", gettext("Release…"), promise, why_not)]

    @admin.display(description=_("seen"))
    def seen(self, payment: ChannelPayment) -> SafeString:
        """How long ago it was first seen."""
        return display.age(payment.seen_at, timezone.now())

    @admin.display(description=_("channel"))
    def channel_link(self, payment: ChannelPayment) -> SafeString | str:
        """Its channel, as a link if the user may open it."""
        return link_to(payment.channel, self.admin_site, request_of(payment), display.title_of(payment.channel))

    @admin.display(description=_("paid, credited"))
    def came(self, payment: ChannelPayment) -> SafeString:
        """The coins that were paid, and what the gateway has credited for them."""
        paid = display.amount(payment.paid_amount, payment.paid_currency)
        return format_html('{}<br><span class="cp-quiet">{}</span>', paid, credited(payment))

    @admin.display(description=_("state"))
    def state(self, payment: ChannelPayment) -> SafeString:
        """Status, context and hold."""
        return payment_badges(payment)

    @admin.display(description=_("risk"))
    def risk(self, payment: ChannelPayment) -> SafeString | str:
        """Its risk level and score."""
        return display.risk_badge(payment)

    @admin.display(description=_("transaction"))
    def transaction(self, payment: ChannelPayment) -> SafeString:
        """The transaction, shortened, as a link where there is an explorer."""
        return display.transaction_link(
            payment.txid, payment.channel.network, payment.channel.environment, is_short=True
        )


def release_context(payment: ChannelPayment) -> dict[str, Any]:
    """Lay out why a payment is quarantined, and what a release accepts."""
    said = [
        (fact_name(name), str(value), gettext("as the gateway reports it"))
        for name, value in payment.contradicted.items()
    ]
    return {
        "title": gettext("Release payment %(name)s") % {"name": display.title_of(payment)},
        "amounts": [
            (gettext("channel"), str(payment.channel), ""),
            (gettext("address"), place_of(payment.channel), ""),
            (gettext("paid"), display.amount(payment.paid_amount, payment.paid_currency), ""),
            (gettext("credited"), credited(payment), ""),
            (gettext("fee"), display.amount(payment.fee_amount, payment.fee_currency), ""),
            *said,
        ],
        "consequences": [
            gettext("The payment takes over the amounts and currencies that the gateway reports."),
            gettext("The withheld events are delivered to the shop at once. It may credit the customer."),
            gettext("This moves no money. First check that you can explain the reason above."),
        ],
        "alarms": [gettext("Held because: %(reason)s") % {"reason": display.in_order(payment.quarantine_reason)}],
        "submit": gettext("Release"),
    }


def _source(payment: ChannelPayment) -> str:
    parts = (payment.risk_resource_name, payment.risk_resource_category)
    return ", ".join(part for part in parts if part) or display.NOTHING

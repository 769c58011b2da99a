"""Shows channels: the list, and the page of one. The actions of staff are in `channel_switch.py`."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.options import ShowFacets
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..conf import account_names
from ..models import Channel
from ..permissions import Act, may, may_view
from ..services.channels.totals import Totals, credited_totals
from . import display, filters
from .channel_display import channel_badges, channel_meaning, credited, payment_badges, place_of, totals_text
from .channel_filters import ChannelStatusFilter, ReceiverFilter
from .channel_switch import ChannelSwitch
from .invoice_columns import link_to
from .paging import CappedPaginator
from .readonly import ReadOnlyAdmin, ReadOnlyList, request_of
from .search import SearchByName, find_channels

MOST_PAYMENTS = 50
"""The page of a channel shows its newest payments, at most this many."""


class ChannelList(ReadOnlyList):
    """A page of the list, with the credited amounts of each channel: one query for all of them."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: Any = list(self.result_list)
        totals = credited_totals(row.pk for row in rows)
        for row in rows:
            row.totals = totals[row.pk]
        self.result_list = rows


@admin.register(Channel)
class ChannelAdmin(ChannelSwitch, SearchByName, ReadOnlyAdmin):
    """All channels: their owners, their addresses, and what they received."""

    list_display = ["channel", "owner_link", "coins", "came", "state", "where", "account"]
    list_filter = [
        ChannelStatusFilter,
        filters.QuarantineFilter,
        filters.AccountFilter,
        filters.CreatedFilter,
        filters.CoinFilter,
        ReceiverFilter,
    ]
    sortable_by = ()
    search_fields = ["=id"]
    search_help_text = _(
        "Enter a complete value: our id, the gateway's id, custom_id, address, owner or transaction id."
    )
    show_facets = ShowFacets.NEVER
    paginator = CappedPaginator
    list_per_page = 25
    ordering = ["-created_at"]
    fieldsets = [
        (_("What the shop sent"), {"classes": ["collapse"], "fields": ["name", "description", "customer_id"]}),
        (
            _("Where to pay"),
            {
                "classes": ["collapse"],
                "fields": ["network", "address", "destination_tag", "uri", "hosted_page_url"],
            },
        ),
        (
            _("Times"),
            {
                "classes": ["collapse"],
                "fields": ["created_at", "paid_at", "polled_at", "payments_read_at", "payments_due_at", "updated_at"],
            },
        ),
        (
            _("Names"),
            {
                "classes": ["collapse"],
                "fields": ["id", "custom_id", "gateway_id", "account", "environment", "version"],
            },
        ),
    ]
    change_form_template = "admin/cryptopay_django/channel/page.html"
    change_list_template = "admin/cryptopay_django/capped_list.html"

    class Media:
        css = {"all": ["cryptopay_django/admin/admin.css"]}

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Without the account where there is but one."""
        hidden = () if len(account_names()) > 1 else ("account",)
        return [name for name in self.list_display if name not in hidden]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ChannelList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Channel]:
        """With the owners of a whole page, in one query for each kind of owner."""
        return super().get_queryset(request).prefetch_related("owner")

    def named(self, term: str) -> Q:
        """Return the channels that a text names."""
        return Q(pk__in=find_channels(term))

    def get_urls(self) -> list[URLPattern]:
        """Put our own pages before those of the admin, whose last pattern takes everything."""
        return [*self.switch_urls(), *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the page of a channel: what its state means, the possible actions, and its payments."""
        channel = kwargs.get("obj") or args[-1]
        totals = credited_totals([channel.pk])[channel.pk]
        rows = list(channel.payments.order_by("-seen_at", "-pk")[: MOST_PAYMENTS + 1])
        context |= {
            "channel": channel,
            "timeline": None,
            "short_name": display.title_of(channel),
            "badges": channel_badges(channel),
            "meaning": channel_meaning(channel),
            "facts": [
                (_("owner"), link_to(channel.owner, self.admin_site, request)),
                (_("coin"), self.coins(channel)),
                (_("address"), place_of(channel)),
                (_("last payment"), _last_payment(channel)),
                (_("credited"), totals_text(totals)),
                (_("payments credited"), totals.count),
                (_("created"), display.age(channel.created_at, timezone.now())),
                (_("gateway"), display.environment(channel)),
            ],
            "payments": [
                {
                    "payment": payment,
                    "transaction": display.transaction_link(
                        payment.txid, channel.network, channel.environment, is_short=True
                    ),
                    "paid": display.amount(payment.paid_amount, payment.paid_currency),
                    "credited": credited(payment),
                    "badges": payment_badges(payment),
                    "risk": display.risk_badge(payment),
                }
                for payment in rows[:MOST_PAYMENTS]
            ],
            "has_more": len(rows) > MOST_PAYMENTS,
            "sees_payments": may_view(request.user, "channelpayment"),
            "buttons": self.buttons_for(channel, request.user),
            "may_refresh": may(request.user, Act.REFRESH),
        }
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=_("channel"))
    def channel(self, channel: Channel) -> str:
        """Its name."""
        return channel.name or str(channel.pk)

    @admin.display(description=_("owner"))
    def owner_link(self, channel: Channel) -> SafeString | str:
        """The owner, as a link where the admin has a page for it that the user may open."""
        return link_to(channel.owner, self.admin_site, request_of(channel))

    @admin.display(description=_("coin"))
    def coins(self, channel: Channel) -> SafeString:
        """The coin and network that is paid in, and the currency that is credited."""
        coins = f"{channel.pay_currency} → {channel.receiver_currency}"
        return format_html('{}<br><span class="cp-quiet">{}</span>', coins, channel.network)

    @admin.display(description=_("address"))
    def where(self, channel: Channel) -> SafeString | str:
        """The address, shortened, with its tag."""
        return place_of(channel, is_short=True)

    @admin.display(description=_("state, age"))
    def state(self, channel: Channel) -> SafeString:
        """Its status and quarantine, and its age."""
        age = display.age(channel.created_at, timezone.now())
        return format_html('{}<br><span class="cp-quiet">{}</span>', channel_badges(channel), age)

    @admin.display(description=_("credited, last payment"))
    def came(self, channel: Channel) -> SafeString | str:
        """The credited amounts of all its payments, and when the last one was detected."""
        totals: Totals = getattr(channel, "totals", Totals())
        text = totals_text(totals)
        if channel.paid_at is None:
            return text
        return format_html('{}<br><span class="cp-quiet">{}</span>', text, _last_payment(channel))


def _last_payment(channel: Channel) -> SafeString | str:
    return display.NOTHING if channel.paid_at is None else display.age(channel.paid_at, timezone.now())

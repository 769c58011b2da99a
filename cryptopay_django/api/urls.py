"""Routes the API. A shop adds its own view for creation.

The shop includes it: `path("cryptopay/api/", include("cryptopay_django.api.urls"))`.
"""

from django.urls import path, re_path

from . import (
    base,
    channels,
    order_summary,
    payment_links,
    public,
    refund_links,
    refund_quote,
    schema,
    staff_actions,
    staff_channels,
    staff_reads,
)

app_name = "cryptopay_django_api"

urlpatterns = [
    path("schema/", schema.SchemaView.as_view(), name="schema"),
    path("coins/", public.CoinsView.as_view(), name="coins"),
    path("invoices/<uuid:invoice_id>/", public.InvoiceStateView.as_view(), name="invoice-state"),
    path("channels/<uuid:channel_id>/", channels.ChannelStateView.as_view(), name="channel-state"),
    path("desk/invoices/", staff_reads.InvoiceListView.as_view(), name="invoices"),
    path("desk/invoices/<uuid:invoice_id>/", staff_reads.InvoiceDetailView.as_view(), name="invoice"),
    path("desk/invoices/<uuid:invoice_id>/timeline/", staff_reads.TimelineView.as_view(), name="timeline"),
    path("desk/invoices/<uuid:invoice_id>/quote/", staff_actions.QuoteView.as_view(), name="quote"),
    path("desk/invoices/<uuid:invoice_id>/settle/", staff_actions.SettleView.as_view(), name="settle"),
    path("desk/invoices/<uuid:invoice_id>/refund-quote/", refund_quote.ReturnQuoteView.as_view(), name="refund-quote"),
    path("desk/invoices/<uuid:invoice_id>/refund/", staff_actions.RefundView.as_view(), name="refund"),
    path("desk/invoices/<uuid:invoice_id>/refund-links/", refund_links.RefundLinksView.as_view(), name="refund-links"),
    path("desk/invoices/<uuid:invoice_id>/end/", staff_actions.EndView.as_view(), name="end"),
    path("desk/invoices/<uuid:invoice_id>/release/", staff_actions.ReleaseView.as_view(), name="release"),
    path("desk/summary/", order_summary.SummaryView.as_view(), name="summary"),
    path("desk/channels/", staff_channels.ChannelListView.as_view(), name="channels"),
    path("desk/channels/<uuid:channel_id>/", staff_channels.ChannelDetailView.as_view(), name="channel"),
    path("desk/channels/<uuid:channel_id>/enable/", staff_channels.EnableView.as_view(), name="channel-enable"),
    path("desk/channels/<uuid:channel_id>/disable/", staff_channels.DisableView.as_view(), name="channel-disable"),
    path("desk/channel-payments/", staff_channels.PaymentListView.as_view(), name="channel-payments"),
    path(
        "desk/channel-payments/<uuid:payment_id>/",
        staff_channels.PaymentDetailView.as_view(),
        name="channel-payment",
    ),
    path(
        "desk/channel-payments/<uuid:payment_id>/timeline/",
        staff_channels.PaymentTimelineView.as_view(),
        name="channel-payment-timeline",
    ),
    path(
        "desk/channel-payments/<uuid:payment_id>/release/",
        staff_channels.PaymentReleaseView.as_view(),
        name="channel-payment-release",
    ),
    path("desk/payment-links/", payment_links.PaymentLinkListView.as_view(), name="payment-links"),
    path("desk/payment-links/<uuid:link_id>/", payment_links.PaymentLinkDetailView.as_view(), name="payment-link"),
    path(
        "desk/payment-links/<uuid:link_id>/cancel/",
        payment_links.CancelPaymentLinkView.as_view(),
        name="payment-link-cancel",
    ),
    # So that an unknown URL gets the same kind of error as all others.
    re_path(r"", base.NotFoundView.as_view()),
]

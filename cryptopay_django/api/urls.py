"""`path("cryptopay/api/", include("cryptopay_django.api.urls"))`. A shop adds its own view for creation."""

from django.urls import path, re_path

from . import (
    acts,
    base,
    channel_desk,
    channels,
    desk,
    payment_links,
    public,
    refund_links,
    returns,
    schema,
    summary,
)

app_name = "cryptopay_django_api"

urlpatterns = [
    path("schema/", schema.SchemaView.as_view(), name="schema"),
    path("coins/", public.CoinsView.as_view(), name="coins"),
    path("invoices/<uuid:invoice_id>/", public.InvoiceStateView.as_view(), name="invoice-state"),
    path("channels/<uuid:channel_id>/", channels.ChannelStateView.as_view(), name="channel-state"),
    path("desk/invoices/", desk.InvoiceListView.as_view(), name="invoices"),
    path("desk/invoices/<uuid:invoice_id>/", desk.InvoiceDetailView.as_view(), name="invoice"),
    path("desk/invoices/<uuid:invoice_id>/timeline/", desk.TimelineView.as_view(), name="timeline"),
    path("desk/invoices/<uuid:invoice_id>/quote/", acts.QuoteView.as_view(), name="quote"),
    path("desk/invoices/<uuid:invoice_id>/settle/", acts.SettleView.as_view(), name="settle"),
    path("desk/invoices/<uuid:invoice_id>/refund-quote/", returns.ReturnQuoteView.as_view(), name="refund-quote"),
    path("desk/invoices/<uuid:invoice_id>/refund/", acts.RefundView.as_view(), name="refund"),
    path("desk/invoices/<uuid:invoice_id>/refund-links/", refund_links.RefundLinksView.as_view(), name="refund-links"),
    path("desk/invoices/<uuid:invoice_id>/end/", acts.EndView.as_view(), name="end"),
    path("desk/invoices/<uuid:invoice_id>/release/", acts.ReleaseView.as_view(), name="release"),
    path("desk/summary/", summary.SummaryView.as_view(), name="summary"),
    path("desk/channels/", channel_desk.ChannelListView.as_view(), name="channels"),
    path("desk/channels/<uuid:channel_id>/", channel_desk.ChannelDetailView.as_view(), name="channel"),
    path("desk/channels/<uuid:channel_id>/enable/", channel_desk.EnableView.as_view(), name="channel-enable"),
    path("desk/channels/<uuid:channel_id>/disable/", channel_desk.DisableView.as_view(), name="channel-disable"),
    path("desk/channel-payments/", channel_desk.PaymentListView.as_view(), name="channel-payments"),
    path(
        "desk/channel-payments/<uuid:payment_id>/",
        channel_desk.PaymentDetailView.as_view(),
        name="channel-payment",
    ),
    path(
        "desk/channel-payments/<uuid:payment_id>/timeline/",
        channel_desk.PaymentTimelineView.as_view(),
        name="channel-payment-timeline",
    ),
    path(
        "desk/channel-payments/<uuid:payment_id>/release/",
        channel_desk.PaymentReleaseView.as_view(),
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

"""`path("cryptopay/api/", include("cryptopay_django.api.urls"))`. A shop adds its own view for creation."""

from django.urls import path, re_path

from . import acts, base, desk, public, schema

app_name = "cryptopay_django_api"

urlpatterns = [
    path("schema/", schema.SchemaView.as_view(), name="schema"),
    path("coins/", public.CoinsView.as_view(), name="coins"),
    path("invoices/<uuid:invoice_id>/", public.InvoiceStateView.as_view(), name="invoice-state"),
    path("desk/invoices/", desk.InvoiceListView.as_view(), name="invoices"),
    path("desk/invoices/<uuid:invoice_id>/", desk.InvoiceDetailView.as_view(), name="invoice"),
    path("desk/invoices/<uuid:invoice_id>/timeline/", desk.TimelineView.as_view(), name="timeline"),
    path("desk/invoices/<uuid:invoice_id>/quote/", acts.QuoteView.as_view(), name="quote"),
    path("desk/invoices/<uuid:invoice_id>/settle/", acts.SettleView.as_view(), name="settle"),
    path("desk/invoices/<uuid:invoice_id>/refund/", acts.RefundView.as_view(), name="refund"),
    path("desk/invoices/<uuid:invoice_id>/end/", acts.EndView.as_view(), name="end"),
    path("desk/invoices/<uuid:invoice_id>/release/", acts.ReleaseView.as_view(), name="release"),
    # So that an unknown address gets the same kind of error as all others.
    re_path(r"", base.NotFoundView.as_view()),
]

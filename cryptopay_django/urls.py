"""`path("cryptopay/", include("cryptopay_django.urls"))`."""

from django.urls import path

from . import webhook
from .pages import live, views

app_name = "cryptopay_django"

urlpatterns = [
    path("callbacks/", webhook.callback, name="callback"),
    path("callbacks/<slug:account>/", webhook.callback, name="account-callback"),
    # Without the slash, too: the gateway follows no redirect, so what APPEND_SLASH answers would be lost.
    path("callbacks", webhook.callback),
    path("callbacks/<slug:account>", webhook.callback),
    path("checkout/<uuid:invoice_id>/", views.checkout, name="checkout"),
    path("checkout/<uuid:invoice_id>/status/", views.invoice_status, name="invoice-status"),
    path("checkout/<uuid:invoice_id>/events/", live.invoice_events, name="invoice-events"),
]

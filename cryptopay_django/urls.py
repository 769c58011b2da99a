"""`path("cryptopay/", include("cryptopay_django.urls"))`."""

from django.urls import path

from . import webhook
from .pages import channel, counter, event_stream, payment_link, payment_page, receipt, refund_link

app_name = "cryptopay_django"

urlpatterns = [
    path("callbacks/", webhook.callback, name="callback"),
    path("callbacks/<slug:account>/", webhook.callback, name="account-callback"),
    # Also without the slash: the gateway does not follow the redirect of APPEND_SLASH.
    path("callbacks", webhook.callback),
    path("callbacks/<slug:account>", webhook.callback),
    path("checkout/<uuid:invoice_id>/", payment_page.checkout, name="checkout"),
    path("checkout/<uuid:invoice_id>/receipt/", receipt.receipt, name="receipt"),
    path("checkout/<uuid:invoice_id>/status/", payment_page.invoice_status, name="invoice-status"),
    path("checkout/<uuid:invoice_id>/events/", event_stream.invoice_events, name="invoice-events"),
    path("checkout/<uuid:invoice_id>/refund/", refund_link.ask_for_link, name="ask-refund-address"),
    path("refund/<slug:token>/", refund_link.refund_address, name="refund-address"),
    path("pay/<slug:token>/", payment_link.PaymentLinkView.as_view(), name="payment-link"),
    path("pay/<slug:token>/<slug:key>/", payment_link.PaymentLinkView.as_view(), name="payment-link-use"),
    path("counter/", counter.keypad, name="counter"),
    path("counter/<uuid:link_id>/", counter.payment, name="counter-payment"),
    path("counter/<uuid:link_id>/status/", counter.payment_status, name="counter-status"),
    path("channels/<uuid:channel_id>/", channel.channel, name="channel"),
    path("channels/<uuid:channel_id>/status/", channel.channel_status, name="channel-status"),
]

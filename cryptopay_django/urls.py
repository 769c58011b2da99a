"""`path("cryptopay/", include("cryptopay_django.urls"))`."""

from django.urls import path

from . import webhook

app_name = "cryptopay_django"

urlpatterns = [
    path("callbacks/", webhook.callback, name="callback"),
    path("callbacks/<slug:account>/", webhook.callback, name="account-callback"),
]

"""A project that includes the URLs below a namespace of its own."""

from django.urls import include, path

_checkout = ([path("crypto/", include("cryptopay_django.urls"))], "checkout")

urlpatterns = [path("pay/", include(_checkout))]

"""A project with a language in the URLs of its own pages, and our URLs below two namespaces of its own."""

from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.urls import include, path

_payments = ([path("crypto/", include("cryptopay_django.urls"))], "payments")
_checkout = ([path("pay/", include(_payments)), path("api/", include("cryptopay_django.api.urls"))], "checkout")

urlpatterns = [path("", include(_checkout)), *i18n_patterns(path("staff/", admin.site.urls))]

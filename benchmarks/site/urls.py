"""Every road of the benchmark."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from benchmarks.site.views import floor

urlpatterns = [
    path("floor/", floor),
    path("cryptopay/", include("cryptopay_django.urls")),
    path("admin/", admin.site.urls),
]
if settings.PEERS:
    urlpatterns += [
        path("stripe/", include("djstripe.urls", namespace="djstripe")),
        path("payments/", include("payments.urls")),
    ]

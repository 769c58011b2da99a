"""The page, customers, orders, payments, and staff."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(url="/static/shop/index.html")),
    path("admin/", admin.site.urls),
    path("_allauth/", include("allauth.headless.urls")),
    path("cryptopay/", include("cryptopay_django.urls")),
    path("cryptopay/api/", include("cryptopay_django.api.urls")),
    path("api/", include("shop.urls")),
]

"""The shop's pages. A row may put other apps' pages before them: STACK_URLS."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from . import views

urlpatterns = [
    *(path(prefix, include(module)) for prefix, module in settings.STACK_URLS),
    path("admin/", admin.site.urls),
    path("cryptopay/", include("cryptopay_django.urls")),
    path("cryptopay/", include("cryptopay_django.health_urls")),
    path("buy/", views.buy),
    path("orders/", views.orders),
    path("about/", views.about),
]

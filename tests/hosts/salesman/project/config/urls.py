"""The URLs of salesman's API, and of the payment pages."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", include("salesman.urls")),
    path("cryptopay/", include("cryptopay_django.urls")),
]

"""What a host project mounts: the app under a prefix of its own, the API, and the admin."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("cryptopay/", include("cryptopay_django.urls")),
    path("cryptopay/", include("cryptopay_django.health_urls")),
    path("cryptopay/api/", include("cryptopay_django.api.urls")),
]

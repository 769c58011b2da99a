"""The shop at the root, the gateway's callbacks under /cryptopay/, staff under /admin/, the API under /api/."""

from django.contrib import admin
from django.urls import include, path

admin.site.site_header = admin.site.site_title = "Tern & Tide, back office"

urlpatterns = [
    path("cryptopay/", include("cryptopay_django.urls")),
    path("admin/", admin.site.urls),
    path("api/", include("cryptopay_django.api.urls")),
    path("", include("example_project.shop.urls")),
]

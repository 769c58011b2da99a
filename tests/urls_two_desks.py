"""A project with two admin sites, both of which have our pages."""

from django.contrib import admin
from django.urls import include, path

backoffice = admin.AdminSite(name="backoffice")
for model, page in admin.site._registry.items():
    if model._meta.app_label == "cryptopay_django":
        backoffice.register(model, type(page))

urlpatterns = [
    path("admin/", admin.site.urls),
    path("backoffice/", backoffice.urls),
    path("cryptopay/", include("cryptopay_django.urls")),
]

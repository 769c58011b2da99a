"""A project that has the API, and none of the pages."""

from django.urls import include, path

urlpatterns = [path("cryptopay/api/", include("cryptopay_django.api.urls"))]

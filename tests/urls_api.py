"""A project that has the API, and not our pages."""

from django.urls import include, path

urlpatterns = [path("api/", include("cryptopay_django.api.urls"))]

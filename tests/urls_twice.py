"""A project that includes the URLs twice: below each of its organizers, where they need its name, and once at the root."""

from django.urls import include, path

_organizers = ([path("<slug:organizer>/crypto/", include("cryptopay_django.urls", namespace="of_organizer"))], "shops")
_root = ([path("crypto/", include("cryptopay_django.urls"))], "root")

urlpatterns = [path("", include(_organizers)), path("", include(_root))]

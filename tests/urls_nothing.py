"""A project that has forgotten to include the URLs."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []

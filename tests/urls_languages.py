"""A project that puts all its pages below a language."""

from django.conf.urls.i18n import i18n_patterns

from .urls import urlpatterns as pages

urlpatterns = i18n_patterns(*pages)

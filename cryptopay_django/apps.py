"""Configures the Django app."""

from django.apps import AppConfig, apps
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class CryptopayConfig(AppConfig):
    """Registers models, system checks, and the receivers and durable handlers of the installed apps."""

    name = "cryptopay_django"
    verbose_name = _("Cryptopay")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks  # noqa: F401, PLC0415  checks register themselves, once the apps are there

        if apps.is_installed("django.contrib.admin"):
            from .checks import selects  # noqa: F401, PLC0415  cannot be imported without the admin's models

        autodiscover_modules("cryptopay_handlers")

"""Configures the Django app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import AppConfig
from django.db.models import Field
from django.utils import translation
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from .gateway.rate_limit import Limiter


class CryptopayConfig(AppConfig):
    """Registers models, system checks, and the receivers and durable handlers of the installed apps."""

    name = "cryptopay_django"
    verbose_name = _("Cryptopay")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks  # noqa: F401, PLC0415  checks register themselves, once the apps are there
        from .conf import limit_with  # noqa: PLC0415

        self._translate_field_names()
        limit_with(_shared_limiter)
        autodiscover_modules("cryptopay_handlers")

    def _translate_field_names(self) -> None:
        """Let the admin show fields in the language of its user: Django names them after the column, in English."""
        for model in self.get_models():
            for field in model._meta.get_fields():
                if isinstance(field, Field):
                    field.verbose_name = translation.gettext_lazy(str(field.verbose_name))


def _shared_limiter(api_key: str, spare: float) -> Limiter:
    from .services.shared_rate_limit import SharedLimiter  # noqa: PLC0415  needs the models, and is needed by who calls

    return SharedLimiter(api_key, spare=spare)

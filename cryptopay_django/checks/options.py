"""Checks the CRYPTOPAY_* settings: their types, their values, and their names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import FieldError, ImproperlyConfigured, ValidationError

from ..conf import AppSettings, Option, app_settings


def check_options(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Return E002 for every CRYPTOPAY_* setting with a wrong type or value, and W008 for an unknown one."""
    names = option_names()
    known = {*(f"CRYPTOPAY_{name}" for name in names), "CRYPTOPAY_ACCOUNTS"}
    return [
        *check_values(app_settings, names),
        *_order_fields(),
        *(
            CheckWarning(
                f"{name} is not a setting of cryptopay_django",
                hint=f"There are: {', '.join(sorted(known))}.",
                id="cryptopay.W008",
            )
            for name in dir(settings)
            if name.startswith("CRYPTOPAY_") and name not in known
        ),
    ]


def option_names() -> list[str]:
    """Return the names of all settings, without their prefix."""
    return [name for name, option in vars(AppSettings).items() if isinstance(option, Option)]


def check_values(values: AppSettings, names: Sequence[str]) -> Iterator[CheckMessage]:
    """Yield E002 for each of these settings with a wrong value."""
    for name in names:
        try:
            getattr(values, name)
        except ImproperlyConfigured as error:
            yield Error(str(error), id="cryptopay.E002")


def _order_fields() -> Iterator[CheckMessage]:
    """Yield E002 for each model or field of CRYPTOPAY_ORDER_SEARCH that is not there, or that nothing can equal."""
    try:
        searched = app_settings.ORDER_SEARCH
    except ImproperlyConfigured:
        return  # said already
    for label, field in searched.items():
        # What the field does with a value is seen when one is looked for.
        with suppress(ValueError, TypeError, ArithmeticError, ValidationError):
            try:
                apps.get_model(label)._default_manager.filter(**{field: "17"})
            except (LookupError, FieldError) as error:
                yield Error(f'CRYPTOPAY_ORDER_SEARCH: "{label}" by "{field}": {error}', id="cryptopay.E002")

"""Checks the CRYPTOPAY_* settings: their types, their values, and their names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured

from ..conf import AppSettings, Option, app_settings


@register("cryptopay")
def check_options(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """E002 for every CRYPTOPAY_* option of a wrong type or value, W008 for one that does not exist."""
    names = option_names()
    known = {*(f"CRYPTOPAY_{name}" for name in names), "CRYPTOPAY_ACCOUNTS"}
    return [
        *check_values(app_settings, names),
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
    """Return the names of all options, without their prefix."""
    return [name for name, option in vars(AppSettings).items() if isinstance(option, Option)]


def check_values(values: AppSettings, names: Sequence[str]) -> Iterator[CheckMessage]:
    """Yield E002 for each of these options whose value is not right."""
    for name in names:
        try:
            getattr(values, name)
        except ImproperlyConfigured as error:
            yield Error(str(error), id="cryptopay.E002")

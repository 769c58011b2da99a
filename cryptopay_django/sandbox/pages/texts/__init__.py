"""The hosted pages' texts for a customer, in the seven languages of the service; one module each.

The service calls Japanese `jp`, which is no code of a language: a browser asks for `ja`, and so does the markup.
"""

from __future__ import annotations

from collections.abc import Mapping

from . import de, en, es, fr, jp, pt, ru

DEFAULT_LOCALE = "en"
_MODULES = {"en": en, "de": de, "fr": fr, "es": es, "pt": pt, "ru": ru, "jp": jp}

PHASES: Mapping[str, Mapping[str, tuple[str, str]]] = {code: module.PHASES for code, module in _MODULES.items()}
LABELS: Mapping[str, Mapping[str, str]] = {code: module.LABELS for code, module in _MODULES.items()}
STATUSES: Mapping[str, Mapping[str, str]] = {code: module.STATUSES for code, module in _MODULES.items()}


def choose_locale(wanted: str, accepted: str = "") -> str:
    """Return the locale asked for, such as de or de-AT; else the first of the browser's; else English.

    `accepted` is the browser's header Accept-Language.
    """
    for entry in (wanted, *("jp" if _language(one) == "ja" else one for one in accepted.split(","))):
        if _language(entry) in PHASES:
            return _language(entry)
    return DEFAULT_LOCALE


def language_of(locale: str) -> str:
    """Return the code of a locale's language, as markup has it."""
    return "ja" if locale == "jp" else locale


def _language(locale: str) -> str:
    return locale.replace("_", "-").partition(";")[0].partition("-")[0].strip().lower()

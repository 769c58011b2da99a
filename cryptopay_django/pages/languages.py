"""Selects the language of a customer's page, and lists the languages that the page offers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation

LANGUAGES = {
    "de": "Deutsch", "en": "English", "es": "Español", "fr": "Français", "it": "Italiano", "nl": "Nederlands",
    "pl": "Polski", "pt": "Português", "tr": "Türkçe", "ru": "Русский", "uk": "Українська", "ar": "العربية",
    "zh-hans": "简体中文", "ja": "日本語", "ko": "한국어",
}  # fmt: skip
"""The languages of the pages, each with its own name. A page offers those that the site has too."""

_PROBE = "Waiting for your payment"


def language_of(request: HttpRequest) -> str:
    """Return the language in which to show a page: that of the URL if the site has it, otherwise the active one.

    Without texts in that language it is English, so that the page can mark them as English.
    """
    wanted = request.GET.get("lang", "")[:16]
    try:
        language: str | None = translation.get_supported_language_variant(wanted)
    except LookupError:
        language = translation.get_language()
    return shown_language(language)


def shown_language(language: str | None) -> str:
    """Return a language of the site if there are texts in it, otherwise English.

    The texts are ours, or the shop's own in LOCALE_PATHS. Django itself shows a missing text in the language of
    LANGUAGE_CODE.
    """
    if not language or not settings.USE_I18N:
        return "en"
    if family(language) or _has_texts(language):
        return language
    return "en"


@contextmanager
def page_language() -> Iterator[None]:
    """Activate the language in which to show a part of a page of the shop: the active one, or English."""
    with translation.override(shown_language(translation.get_language())):
        yield


def marked_language() -> dict[str, str]:
    """Return the `lang` and `dir` of the texts in the active language, for markup."""
    language = shown_language(translation.get_language())
    return {"lang": language, "dir": direction(language)}


def languages_of(page: str) -> list[dict[str, Any]]:
    """Return the available languages, each with its own name, or none if there is only one."""
    active = family(shown_language(translation.get_language()))
    offered = {ours: site for ours in LANGUAGES if (site := _of_site(ours))} if settings.USE_I18N else {}
    return [
        {
            "code": site,
            "dir": direction(site),
            "name": LANGUAGES[ours],
            "url": f"{page}?{urlencode({'lang': site})}",
            "is_active": ours == active,
        }
        for ours, site in offered.items()
        if len(offered) > 1
    ]


def family(language: str) -> str:
    """Return which of `LANGUAGES` a language is, such as pt for pt-br, or ""."""
    return next((ours for ours in LANGUAGES if language == ours or language.startswith(f"{ours}-")), "")


def direction(language: str) -> str:
    """Return rtl or ltr."""
    return "rtl" if language.partition("-")[0] in settings.LANGUAGES_BIDI else "ltr"


def _of_site(ours: str) -> str:
    """Return the code that the site has for one of `LANGUAGES`, such as pt-br if it has no pt, or ""."""
    codes = [code for code, _ in settings.LANGUAGES]
    return ours if ours in codes else next((code for code in codes if family(code) == ours), "")


def _has_texts(language: str) -> bool:
    with translation.override(language):
        text = translation.gettext(_PROBE)
    with translation.override(settings.LANGUAGE_CODE):
        usual = translation.gettext(_PROBE)
    return text != _PROBE and (text != usual or language == settings.LANGUAGE_CODE)

"""Helps to write the checks of an adapter: are its URLs mounted, do its accounts exist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from ..conf import get_account


def check_url(name: str, arguments: Sequence[Any], *, include: str, check_id: str) -> list[CheckMessage]:
    """Return an error if the URLs of an adapter are not mounted: its pages, and links to them, would fail."""
    try:
        reverse(name, args=arguments)
    except NoReverseMatch:
        text = f'the URL "{name}" cannot be found, and without it nothing can be paid'
        return [Error(text, hint=f'Add path("...", include("{include}")) to the URLs.', id=check_id)]
    return []


def check_account(name: str | None) -> str:
    """Return why an account cannot be used; empty if it can. None is the account that the app chooses."""
    try:
        if name is not None:
            get_account(name)
    except ImproperlyConfigured as error:
        return str(error)
    return ""


def check_method(path: str, kind: type, options: Mapping[str, Any] | None = None) -> str:
    """Return why a payment method that a setting of the host names cannot work; empty if it can.

    Only subclasses of `kind` are ours. They are made with the options, and have an `account`.
    """
    try:
        found = import_string(path)
        is_ours = isinstance(found, type) and issubclass(found, kind)
        return check_account(found(**(options or {})).account) if is_ours else ""
    except (ImportError, ImproperlyConfigured, TypeError) as error:
        return str(error)

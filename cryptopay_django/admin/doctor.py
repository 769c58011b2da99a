"""The doctor's page: the findings of `cryptopay_doctor`. For users who may see invoices. Only a button asks
the service."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from ..services.call_budget import Use, may_call
from ..services.diagnosis import Level, Sign, diagnose

SAMPLE = 5
_ORDER = (Level.ERROR, Level.WARNING, Level.OK)
_TONES = {Level.ERROR: "alarm", Level.WARNING: "warning", Level.OK: "good"}


def doctor_context(*, asks_service: bool) -> dict[str, Any]:
    """Return the signs, the worst first, and a sentence on all of them.

    Asks the service at most once in twenty seconds, however often the button is pressed.
    """
    is_too_soon = asks_service and not may_call("all", Use.DOCTOR)
    asks_service = asks_service and not is_too_soon
    signs = sorted(diagnose(sample=SAMPLE, offline=not asks_service), key=lambda sign: _ORDER.index(sign.level))
    return {
        "asked_service": asks_service,
        "is_too_soon": is_too_soon,
        "rows": [(sign, _TONES[sign.level], _name(sign.level)) for sign in signs],
        "verdict": _verdict(signs),
        "sample": SAMPLE,
    }


def _verdict(signs: list[Sign]) -> str:
    errors, warnings = (sum(sign.level is level for sign in signs) for level in (Level.ERROR, Level.WARNING))
    if errors:
        return _("Something holds up money or callbacks. Errors: %(errors)d, warnings: %(warnings)d.") % {
            "errors": errors,
            "warnings": warnings,
        }
    if warnings:
        return _("Nothing is held up. Warnings, which can wait for the morning: %(warnings)d.") % {
            "warnings": warnings
        }
    return _("All is well.")


def _name(level: Level) -> str:
    return {Level.ERROR: _("error"), Level.WARNING: _("warning"), Level.OK: _("well")}[level]

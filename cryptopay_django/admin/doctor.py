"""Shows the findings of `cryptopay_doctor` to users who may view invoices. Only a button asks the gateway."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from ..services.diagnosis import CheckResult, Level, diagnose
from ..services.rate_limit_by_use import Use, may_call

SAMPLE = 5
_ORDER = (Level.ERROR, Level.WARNING, Level.OK)
_TONES = {Level.ERROR: "alarm", Level.WARNING: "warning", Level.OK: "good"}


def doctor_context(*, asks_gateway: bool) -> dict[str, Any]:
    """Return the results, the worst first, and a sentence on all of them.

    Asks the gateway at most once in twenty seconds, however often the button is pressed.
    """
    is_too_soon = asks_gateway and not may_call("all", Use.DOCTOR)
    asks_gateway = asks_gateway and not is_too_soon
    results = sorted(diagnose(sample=SAMPLE, offline=not asks_gateway), key=lambda result: _ORDER.index(result.level))
    return {
        "asked_gateway": asks_gateway,
        "is_too_soon": is_too_soon,
        "rows": [(result, _TONES[result.level], _name(result.level)) for result in results],
        "verdict": _verdict(results),
        "sample": SAMPLE,
    }


def _verdict(results: list[CheckResult]) -> str:
    errors, warnings = (sum(result.level is level for result in results) for level in (Level.ERROR, Level.WARNING))
    if errors:
        return _("Something delays money or callbacks. Errors: %(errors)d, warnings: %(warnings)d.") % {
            "errors": errors,
            "warnings": warnings,
        }
    if warnings:
        return _("Nothing is delayed. Warnings, which can wait until the morning: %(warnings)d.") % {
            "warnings": warnings
        }
    return _("All is well.")


def _name(level: Level) -> str:
    return {Level.ERROR: _("error"), Level.WARNING: _("warning"), Level.OK: _("well")}[level]

"""How grave the gateway finds a payment, and which of several payments counts."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import models
from django.utils.translation import gettext_lazy as _


class RiskLevel(models.TextChoices):
    """The gateway's risk levels, in its spelling, the gravest last."""

    LOW = "low", _("low")
    MEDIUM = "medium", _("medium")
    HIGH = "high", _("high")


def gravest_risk(levels: Iterable[str]) -> str:
    """Return the gravest of the levels that are known here; empty where there is none."""
    return max((RiskLevel(level) for level in levels if level in RiskLevel), key=list(RiskLevel).index, default="")

"""Defines the gateway's risk levels, and chooses the highest of several payments."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..fields import EXACT


class RiskLevel(models.TextChoices):
    """The gateway's risk levels, in its spelling, the highest last."""

    LOW = "low", _("low")
    MEDIUM = "medium", _("medium")
    HIGH = "high", _("high")


_GRAVITY = [RiskLevel.LOW, RiskLevel.MEDIUM, "", RiskLevel.HIGH]


def gravest_risk(levels: Iterable[str]) -> str:
    """Return the highest of these levels.

    An unknown level counts as just below high, because a person must judge it.
    """
    return max(filter(None, levels), key=_gravity, default="")


def _gravity(level: str) -> int:
    return _GRAVITY.index(level if level in RiskLevel else "")


def storable_score(score: Decimal) -> Decimal | None:
    """Return a score rounded for the column, or None if it is too large."""
    rounded = score.quantize(Decimal(1).scaleb(-12), context=EXACT)
    return rounded if rounded.adjusted() < 20 else None

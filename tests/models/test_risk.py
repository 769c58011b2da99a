"""The gravest risk of an invoice's payments."""

from __future__ import annotations

import pytest

from cryptopay_django.models.risk import gravest_risk


@pytest.mark.parametrize(
    ("levels", "gravest"),
    [
        ([], ""),
        ([""], ""),
        (["low"], "low"),
        (["medium", "low", ""], "medium"),
        (["low", "high", "medium"], "high"),
        (["heard of nowhere"], ""),
        (["heard of nowhere", "high"], "high"),
    ],
)
def test_the_gravest_of_the_known_levels_counts(levels, gravest):
    assert gravest_risk(level for level in levels) == gravest

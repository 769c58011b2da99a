"""The gravest risk of an invoice's payments."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cryptopay_django.models.risk import gravest_risk, storable_score


@pytest.mark.parametrize(
    ("levels", "gravest"),
    [
        ([], ""),
        ([""], ""),
        (["low"], "low"),
        (["medium", "low", ""], "medium"),
        (["low", "high", "medium"], "high"),
        (["heard of nowhere"], "heard of nowhere"),
        (["heard of nowhere", "medium", "low"], "heard of nowhere"),
        (["heard of nowhere", "high"], "high"),
    ],
)
def test_the_gravest_level_counts_and_one_that_is_not_known_stays_visible(levels, gravest):
    assert gravest_risk(level for level in levels) == gravest


@pytest.mark.parametrize(
    ("score", "stored"),
    [
        ("3.4027701288128616", "3.402770128813"),
        ("0", "0"),
        ("1e-40", "0"),
        ("9" * 20, "9" * 20),
        ("99999999999999999999.5", "99999999999999999999.5"),
        ("99999999999999999999.9999999999999", None),
    ],
)
def test_a_score_is_rounded_to_what_its_column_holds(score, stored):
    assert storable_score(Decimal(score)) == (None if stored is None else Decimal(stored))

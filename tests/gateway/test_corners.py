"""Corners of what is read: a base URL that is none, and scores of another form."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cryptopay_django.gateway.credentials import check_base_url
from cryptopay_django.gateway.rate_and_risk import Risk


@pytest.mark.parametrize(
    "url", ["https://[::1", "ftp://gateway.test", "https://user:secret@gateway.test", "https://gateway.test/api"]
)
def test_what_is_no_root_of_a_site_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ValueError, match="the base URL must be") as refused:
        check_base_url(url)

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("score", [True, [], {}])
def test_a_score_that_is_no_number_is_left_out(score: object) -> None:
    assert Risk.from_wire({"score": score, "level": "low"}).score is None


def test_a_score_may_be_written_as_text() -> None:
    assert Risk.from_wire({"score": "7.30", "level": "low"}).score == Decimal("7.3")

"""Whoever asks for a second person names who is notified that one is needed."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.checks import run_checks

LIMIT = {"EUR": Decimal(500)}


def warned():
    return [message for message in run_checks(tags=["cryptopay"]) if message.id == "cryptopay.W031"]


def notify(notice, recipients):
    """Stand for a notifier of the project's own."""


def test_without_a_limit_nobody_has_to_be_named(settings):
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = {}
    settings.CRYPTOPAY_NOTICE_RECIPIENTS = {}

    assert warned() == []


@pytest.mark.parametrize("recipients", [{}, {"approval": []}, {"held": ["desk@shop.example"]}])
def test_a_limit_of_which_nobody_hears_is_a_warning(settings, recipients):
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = LIMIT
    settings.CRYPTOPAY_NOTICE_RECIPIENTS = recipients

    found = warned()

    assert [warning.msg.partition(":")[0] for warning in found] == ["account default", "account second"]
    assert 'CRYPTOPAY_NOTICE_RECIPIENTS["approval"]' in found[0].hint


def test_somebody_who_is_named_is_enough(settings):
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = LIMIT
    settings.CRYPTOPAY_NOTICE_RECIPIENTS = {"approval": ["finance@shop.example"]}

    assert warned() == []


def test_each_account_is_looked_at_with_its_own_settings(settings):
    settings.CRYPTOPAY_NOTICE_RECIPIENTS = {"approval": ["finance@shop.example"]}
    loud, quiet = settings.CRYPTOPAY_ACCOUNTS["default"], settings.CRYPTOPAY_ACCOUNTS["second"]
    settings.CRYPTOPAY_ACCOUNTS = {
        "default": {**loud, "OPTIONS": {"FOUR_EYES_ABOVE": LIMIT}},
        "second": {**quiet, "OPTIONS": {"FOUR_EYES_ABOVE": LIMIT, "NOTICE_RECIPIENTS": {}}},
    }

    assert [warning.msg.partition(":")[0] for warning in warned()] == ["account second"]


def test_a_notifier_of_the_project_knows_by_itself_whom_to_notify(settings):
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = LIMIT
    settings.CRYPTOPAY_NOTICE_RECIPIENTS = {}
    settings.CRYPTOPAY_NOTIFIER = notify

    assert warned() == []


@pytest.mark.parametrize("name", ["FOUR_EYES_ABOVE", "NOTICE_RECIPIENTS", "ACCOUNTS"])
def test_what_cannot_be_read_is_said_by_another_check(settings, name):
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = LIMIT
    setattr(settings, f"CRYPTOPAY_{name}", 7)

    assert warned() == []
    assert {message.id for message in run_checks(tags=["cryptopay"])} & {"cryptopay.E001", "cryptopay.E002"}

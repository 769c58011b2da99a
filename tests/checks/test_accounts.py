"""Accounts and options: each mistake is named before a customer meets it."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks
from django.db import ProgrammingError

GOOD = {
    "API_KEY": "key",
    "API_SECRET": "an-api-secret-of-the-account",
    "CALLBACK_SECRETS": ["a-callback-secret-of-the-account"],
    "BASE_URL": "production",
}


def found(settings, **account):
    settings.CRYPTOPAY_ACCOUNTS = {"default": {**GOOD, **account}}
    return {message.id: message.msg for message in run_checks(tags=["cryptopay"])}


def test_good_settings_pass(settings):
    assert set(found(settings)) <= {"cryptopay.W010"}


@pytest.mark.parametrize("accounts", [None, {}, {"default": {}}, {"a b": GOOD}])
def test_missing_or_malformed_accounts_are_named(settings, accounts):
    settings.CRYPTOPAY_ACCOUNTS = accounts

    messages = [message for message in run_checks(tags=["cryptopay"]) if message.id == "cryptopay.E001"]

    assert messages
    assert "CRYPTOPAY_ACCOUNTS" in messages[0].msg


@pytest.mark.parametrize(
    ("account", "id_"),
    [
        ({"BASE_URL": "http://127.0.0.1:8100"}, "cryptopay.E003"),
        ({"BASE_URL": "http://localhost:8100"}, "cryptopay.E003"),
        ({"BASE_URL": "http://[::1]:8100"}, "cryptopay.E003"),
        ({"BASE_URL": "http://gateway.test"}, "cryptopay.E004"),
        ({"CALLBACK_SECRETS": [GOOD["API_SECRET"]]}, "cryptopay.E005"),
        ({"CALLBACK_SECRETS": GOOD["CALLBACK_SECRETS"] * 2}, "cryptopay.W006"),
        ({"CALLBACK_SECRETS": ["short"]}, "cryptopay.W007"),
    ],
)
def test_a_trap_in_an_account_is_said_and_no_secret_with_it(settings, account, id_):
    messages = found(settings, **account)

    assert 'CRYPTOPAY_ACCOUNTS["default"]' in messages[id_]
    assert not any(GOOD["API_SECRET"] in text or "short" in text for text in messages.values())


def test_the_sandbox_on_this_machine_is_fine_while_debugging(settings):
    settings.DEBUG = True

    assert "cryptopay.E003" not in found(settings, BASE_URL="http://127.0.0.1:8100")


def test_an_option_of_a_wrong_type_is_named(settings):
    settings.CRYPTOPAY_SHORTFALL_TOLERANCE = 0.01

    assert "CRYPTOPAY_SHORTFALL_TOLERANCE" in found(settings)["cryptopay.E002"]


def test_an_option_that_does_not_exist_is_named(settings):
    settings.CRYPTOPAY_CONFIRM_WITH_APl = True

    assert "CRYPTOPAY_CONFIRM_WITH_APl" in found(settings)["cryptopay.W008"]


def said_of(settings, accounts):
    settings.CRYPTOPAY_ACCOUNTS = accounts
    return {message.id: message for message in run_checks(tags=["cryptopay"])}


def test_a_table_of_accounts_that_is_not_there_yet_does_not_stop_migrate(settings):
    def no_table():
        raise ProgrammingError("no such table: shops")

    messages = said_of(settings, no_table)

    assert "ProgrammingError" in messages["cryptopay.W028"].msg
    assert not [message for message in messages.values() if message.is_serious()]


def test_a_table_without_an_account_yet_is_no_error_and_a_dictionary_without_one_is(settings):
    assert "cryptopay.E001" not in said_of(settings, dict)
    assert "cryptopay.E001" in said_of(settings, {})


def test_accounts_of_a_callable_are_checked_like_others(settings):
    assert "cryptopay.E001" in said_of(settings, lambda: {"default": {}})
    assert "cryptopay.E001" in said_of(settings, lambda: [GOOD])
    assert "cryptopay.W007" in said_of(settings, lambda: {"default": {**GOOD, "CALLBACK_SECRETS": ["short"]}})

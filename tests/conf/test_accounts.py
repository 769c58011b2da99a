"""Accounts and clients: every mistake named, no secret shown, and a client kept for each thread."""

from __future__ import annotations

import threading

import pytest
from django.core.exceptions import ImproperlyConfigured
from requests.adapters import HTTPAdapter

from cryptopay_django.conf import account_names, app_settings, client_for, get_account

GOOD = {"API_KEY": "key", "API_SECRET": "secret", "CALLBACK_SECRETS": ["callback"], "BASE_URL": "sandbox"}


def make_adapter(account):
    return HTTPAdapter()


def test_an_account_is_read_with_its_secrets_and_shows_none():
    account = get_account("default")

    assert account.base_url == "https://business-sandbox.cryptopay.me"
    assert len(account.callback_secrets) == 2
    for secret in (account.api_key, account.api_secret, *account.callback_secrets):
        assert secret not in repr(account)


@pytest.mark.parametrize(
    ("word", "url"),
    [
        ("production", "https://business.cryptopay.me"),
        ("http://127.0.0.1:8100", "http://127.0.0.1:8100"),
        ("https://gateway.test/", "https://gateway.test"),
    ],
)
def test_a_base_url_is_a_word_or_a_root(settings, word, url):
    settings.CRYPTOPAY_ACCOUNTS = {"default": {**GOOD, "BASE_URL": word}}

    assert get_account("default").base_url == url


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"API_KEY": ""}, r'\["API_KEY"\] must be a non-empty string'),
        ({"API_SECRET": None}, r'\["API_SECRET"\] must be'),
        ({"CALLBACK_SECRETS": "one"}, r'\["CALLBACK_SECRETS"\] must be a list'),
        ({"CALLBACK_SECRETS": []}, r'\["CALLBACK_SECRETS"\] must be a list'),
        ({"CALLBACK_SECRETS": ["ok", ""]}, r'\["CALLBACK_SECRETS"\] must be a list'),
        ({"BASE_URL": "staging"}, r'\["BASE_URL"\] must be "sandbox", "production"'),
        ({"BASE_URL": "ftp://gateway.test"}, r'\["BASE_URL"\] must be'),
        ({"BASE_URL": "https://gateway.test/api"}, r'\["BASE_URL"\] must be'),
        ({"BASE_URL": None}, r'\["BASE_URL"\] must be'),
        ({"APIKEY": "x"}, "unknown keys: APIKEY"),
    ],
)
def test_an_account_that_is_not_right_is_named_without_its_secrets(settings, changes, says):
    settings.CRYPTOPAY_ACCOUNTS = {"default": {**GOOD, "API_SECRET": "canary", **changes}}

    with pytest.raises(ImproperlyConfigured, match=says) as error:
        get_account("default")

    assert 'CRYPTOPAY_ACCOUNTS["default"]' in str(error.value)
    assert "canary" not in str(error.value)


@pytest.mark.parametrize("accounts", [None, [], "default", {1: GOOD}])
def test_accounts_that_are_no_dictionary_are_named(settings, accounts):
    settings.CRYPTOPAY_ACCOUNTS = accounts

    with pytest.raises(ImproperlyConfigured, match="CRYPTOPAY_ACCOUNTS must be a dictionary"):
        account_names()


def test_an_account_with_a_name_that_no_url_can_have_is_refused(settings):
    settings.CRYPTOPAY_ACCOUNTS = {"My Shop": GOOD}

    with pytest.raises(ImproperlyConfigured, match="part of a URL"):
        get_account("My Shop")


def test_an_entry_that_is_no_dictionary_is_refused(settings):
    settings.CRYPTOPAY_ACCOUNTS = {"default": "secret"}

    with pytest.raises(ImproperlyConfigured, match="must be a dictionary with API_KEY"):
        get_account("default")


def test_a_client_is_kept_for_its_thread_until_settings_change(settings):
    first = client_for("default")
    in_thread = []
    thread = threading.Thread(target=lambda: in_thread.append(client_for("default")))
    thread.start()
    thread.join()

    assert client_for("default") is first
    assert in_thread[0] is not first
    assert client_for("second") is not first
    settings.CRYPTOPAY_TOTAL_TIMEOUT = 3
    assert client_for("default") is not first


def test_the_adapter_may_be_named_by_its_path(settings):
    settings.CRYPTOPAY_HTTP_ADAPTER = "tests.conf.test_accounts.make_adapter"

    assert app_settings.HTTP_ADAPTER is make_adapter
    assert client_for("default")


def test_an_entry_that_is_changed_in_place_is_read_again(settings):
    entry = {"API_KEY": "key", "API_SECRET": "secret", "CALLBACK_SECRETS": ["old"], "BASE_URL": "sandbox"}
    entry["OPTIONS"] = {"SHOP_NAME": threading.Lock()}  # a value of a shop's own, which cannot be copied
    settings.CRYPTOPAY_ACCOUNTS = {"default": entry}
    before = get_account("default")
    assert get_account("default") is before

    entry["CALLBACK_SECRETS"].insert(0, "new")
    assert get_account("default").callback_secrets == ("new", "old")

    entry["OPTIONS"]["HTTP_ADAPTER"] = None
    with pytest.raises(ImproperlyConfigured, match="HTTP_ADAPTER"):
        get_account("default")


def test_the_marks_of_secrets_stay_those_that_stored_callbacks_have(settings):
    settings.SECRET_KEY = "the key of one site"
    settings.CRYPTOPAY_ACCOUNTS = {"default": GOOD}

    assert get_account("default").secret_marks == ("a4a0a0cce6e55f52",)


def accounts_of_a_table():
    return {"default": {**GOOD, "OPTIONS": {"SHOP_NAME": "From the table"}}, "tenant-7": {**GOOD, "API_KEY": "seven"}}


@pytest.mark.parametrize("value", [accounts_of_a_table, f"{__name__}.accounts_of_a_table"])
def test_accounts_may_come_from_a_callable_and_are_asked_for_each_time(settings, value):
    settings.CRYPTOPAY_ACCOUNTS = value

    assert account_names() == ["default", "tenant-7"]
    assert get_account("tenant-7").api_key == "seven"
    assert app_settings.of("default").SHOP_NAME == "From the table"
    with pytest.raises(ImproperlyConfigured, match=r"has no account .typo. \(it has: default, tenant-7\)"):
        get_account("typo")


def test_a_new_key_of_a_callables_account_is_used_at_once(settings):
    table = {"default": {**GOOD}}
    settings.CRYPTOPAY_ACCOUNTS = lambda: table
    before = client_for("default")

    table["default"]["API_KEY"] = "newer"

    assert get_account("default").api_key == "newer"
    assert client_for("default") is not before


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("tests.no_such.place", r"CRYPTOPAY_ACCOUNTS must be a dictionary, or importable"),
        (f"{__name__}.GOOD", r"CRYPTOPAY_ACCOUNTS must be a dictionary, or None, a callable"),
        (lambda: [GOOD], r"or a callable that returns one"),
        (lambda: None, r"or a callable that returns one"),
    ],
)
def test_what_is_no_callable_or_gives_no_dictionary_is_told_of(settings, value, says):
    settings.CRYPTOPAY_ACCOUNTS = value

    with pytest.raises(ImproperlyConfigured, match=says):
        account_names()


def test_an_error_of_the_callable_is_its_own_and_not_taken_for_a_wrong_setting(settings):
    def away():
        raise ConnectionRefusedError("the vault is away")

    settings.CRYPTOPAY_ACCOUNTS = away

    with pytest.raises(ConnectionRefusedError):
        get_account("default")

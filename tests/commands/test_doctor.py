"""The doctor's command: text for people, JSON and an exit status for programs, and the self-test over HTTP."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from cryptopay_django.models import Callback, CallbackOutcome
from cryptopay_django.testing.factories import CallbackFactory, InvoiceFactory


@pytest.fixture(autouse=True)
def _debug(settings):
    settings.DEBUG = True


@pytest.fixture
def kept_connections(monkeypatch):
    """What the doctor asks for on a server database, for tests that open no connection beside their own."""
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 60)


def run(**options) -> tuple[str, int]:
    output, status = StringIO(), 0
    try:
        call_command("cryptopay_doctor", stdout=output, **options)
    except CommandError as error:
        status = error.returncode
    return output.getvalue(), status


def test_a_healthy_shop_is_told_so(db, cryptopay_sandbox, kept_connections):
    output, status = run()

    assert status == 0
    assert output.splitlines()[-1] == "all is well"
    assert "ok       second: credentials: a signed GET was answered" in output


def test_a_warning_exits_with_one_and_an_error_with_two(db):
    InvoiceFactory(quarantine_reason="another price")
    assert run(offline=True)[1] == 1

    CallbackFactory(received_at=timezone.now() - timedelta(hours=3))
    assert run(offline=True)[1] == 2


def test_problems_alone_can_be_asked_for_as_json(db, kept_connections):
    InvoiceFactory(quarantine_reason="another price")

    output, status = run(offline=True, json=True, problems=True)

    told = json.loads(output)
    assert (told["level"], status) == ("warning", 1)
    assert [result["subject"] for result in told["signs"]] == ["quarantined invoices"]


def test_the_self_test_goes_over_the_wire_and_is_ignored_as_a_callback(transactional_db, live_server):
    output, _ = run(offline=True, callback_url=[f"{live_server.url}/cryptopay/callbacks/"])

    assert "answered 200 to a signed self-test and 401 to a forged one" in output
    assert [row.outcome for row in Callback.objects.all()] == [CallbackOutcome.IGNORED]


def test_without_a_url_every_account_is_tried_at_its_own(transactional_db, live_server, settings):
    settings.CRYPTOPAY_SITE_URL = live_server.url

    output, _ = run(offline=True, callback_url=[""])

    assert f"second: callback URL: {live_server.url}/cryptopay/callbacks/second/ answered 200" in output
    assert set(Callback.objects.values_list("account", flat=True)) == {"default", "second"}


def test_without_a_url_the_site_must_be_known(db):
    with pytest.raises(CommandError, match="needs CRYPTOPAY_SITE_URL"):
        call_command("cryptopay_doctor", callback_url=[""])


def test_an_account_that_is_not_there_is_named(db):
    with pytest.raises(CommandError, match="there is no account third"):
        call_command("cryptopay_doctor", callback_url=["third=https://shop.example/"])

"""What Django writes about an error, for its page under DEBUG and for mails to ADMINS, shows no secret of ours.

Under DEBUG a developer may see the signature of the callback that he has just sent; mails to ADMINS show none.
"""

from __future__ import annotations

import sys

import pytest
from django.db import OperationalError, connection
from django.test import RequestFactory
from django.views.debug import ExceptionReporter

from cryptopay_django.conf import client_for, get_account
from cryptopay_django.services import create_invoice, receive_callback, refresh_invoice
from cryptopay_django.testing.factories import InvoiceFactory, callback_headers
from tests.wire import ScriptedGateway

pytestmark = pytest.mark.django_db


class BugError(Exception):
    """Something that nobody thought of."""


def buggy(*_: object) -> object:
    raise BugError


def reports(act) -> str:
    """Return both reports, as HTML and as text, of what an act raises, with every local variable of every frame."""
    request = RequestFactory().post(
        "/cryptopay/callbacks/", b"{}", content_type="application/json", headers=callback_headers(b"{}")
    )
    try:
        act()
    except (BugError, OperationalError):
        reporter = ExceptionReporter(request, *sys.exc_info())
    else:
        pytest.fail("nothing was raised")
    return reporter.get_traceback_html() + reporter.get_traceback_text()


def away(execute, sql, params, many, context):
    raise OperationalError("the server closed the connection")


def no_database() -> None:
    with connection.execute_wrapper(away):
        receive_callback(b"{}", signature())


ACTS = {
    "a database that is away": no_database,
    "a bug in the transport, while asking": lambda: client_for("default").retrieve_invoice(
        InvoiceFactory().gateway_id
    ),
    "a bug in the transport, while refreshing": lambda: refresh_invoice(InvoiceFactory()),
    "a bug in the transport, while creating": lambda: create_invoice(
        price_amount="100", price_currency="EUR", pay_currency="BTC"
    ),
}


@pytest.mark.shows_secrets
@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("name", ACTS)
def test_a_report_shows_no_secret_and_no_signature(settings, debug, name):
    settings.DEBUG = debug
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: ScriptedGateway(buggy)

    report = reports(ACTS[name])

    secrets = [secret for key in ("default", "second") for secret in secrets_of(key)]
    assert not [secret for secret in secrets if secret in report]
    assert debug or signature() not in report
    assert "HMAC " not in report


def signature() -> str:
    return callback_headers(b"{}")["X-Cryptopay-Signature"]


def secrets_of(name: str) -> list[str]:
    account = get_account(name)
    return [account.api_key, account.api_secret, *account.callback_secrets]

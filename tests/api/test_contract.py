"""Schemathesis against the API, in process: what the document promises holds for whatever is sent.

A few examples for each operation. CRYPTOPAY_SCHEMA_EXAMPLES=500 looks longer.
"""

from __future__ import annotations

import os
from base64 import b64encode
from functools import cache

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from cryptopay_django.models import Invoice
from cryptopay_django.services import create_channel, create_payment_link
from cryptopay_django.testing.factories import ChannelPaymentFactory
from tests.api.conftest import EVERYTHING
from tests.services.desk import unresolved

EXAMPLES = int(os.environ.get("CRYPTOPAY_SCHEMA_EXAMPLES", "4"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]
OPERATIONS = [
    "list_coins", "read_invoice_state", "list_invoices", "read_invoice", "read_timeline",
    "quote_settlement", "settle_invoice", "refund_invoice", "release_invoice", "quote_refund",
    "read_channel_state", "list_channels", "read_channel", "enable_channel", "disable_channel",
    "list_channel_payments", "read_channel_payment", "read_channel_payment_timeline", "release_channel_payment",
    "read_payment_summary", "list_refund_links", "make_refund_link",
    "list_payment_links", "create_payment_link", "read_payment_link", "cancel_payment_link",
]  # fmt: skip


@pytest.fixture
def unlimited(settings):
    scopes = ("public", "create", "desk", "money")
    settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": {f"cryptopay_{scope}": None for scope in scopes}}


@pytest.fixture
def one_connection():
    """Keep the test's own connection open after a request, as Django's test client does."""
    ends = (request_started, request_finished)
    for end in ends:
        end.disconnect(close_old_connections)
    yield
    for end in ends:
        end.connect(close_old_connections)


@pytest.fixture
def api(unlimited, one_connection, cryptopay_sandbox):
    return _load()


@cache
def _load():
    return schemathesis.openapi.from_wsgi("/cryptopay/api/schema/", get_wsgi_application())


@pytest.mark.django_db
@pytest.mark.parametrize("mode", ["positive", "negative"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_the_document_holds(name, mode, api, staff, cryptopay_sandbox):
    made = unresolved(cryptopay_sandbox)
    user = staff(*EVERYTHING).user
    channel = create_channel(user, pay_currency="BTC", receiver_currency="EUR")
    held = ChannelPaymentFactory(channel=channel, status="on_hold", quarantine_reason="odd")
    link = create_payment_link(actor="ada", price_currency="EUR", price_amount="5")
    rows = {"invoice_id": made, "channel_id": channel, "payment_id": held, "link_id": link}
    user.set_password("password")
    user.save()
    credentials = b64encode(f"{user.username}:password".encode()).decode()
    operation = next(one.ok() for one in api.get_all_operations() if one.ok().definition.raw["operationId"] == name)
    generation = schemathesis.GenerationMode(mode)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=generation))
    def look(case):
        for key, row in rows.items():
            if key in case.path_parameters and mode == "positive":
                case.path_parameters[key] = str(row.pk)
                if isinstance(case.body, dict) and "expected_version" in case.body:
                    case.body["expected_version"] = row.version
        case.call_and_validate(headers={"Authorization": f"Basic {credentials}"}, checks=CHECKS)

    look()

    assert Invoice.objects.filter(pk=made.pk).exists()

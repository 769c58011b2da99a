"""The OpenAPI document: all of it is there, with examples that are true; and what a shop without DRF has."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from django.urls import include
from django.urls import path as url
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.settings import spectacular_settings
from rest_framework import serializers
from rest_framework.generics import GenericAPIView

from cryptopay_django.api import urls
from cryptopay_django.api.channel_serializers import ChannelPaymentQuerySerializer, ChannelQuerySerializer
from cryptopay_django.api.payment_links import PaymentLinkQuerySerializer
from cryptopay_django.api.problems import RULES
from cryptopay_django.api.schema import document as make_document
from cryptopay_django.api.staff_reads import InvoiceQuerySerializer
from cryptopay_django.exceptions import CryptopayError
from cryptopay_django.services.channels.owner_state import ChannelState, ReceiptState
from cryptopay_django.services.invoices.customer_state import State

SCHEMA_URL = "/cryptopay/api/schema/"


@pytest.fixture
def document(client) -> dict[str, Any]:
    return client.get(SCHEMA_URL).json()


def operations(document):
    return [(path, method, one) for path, item in document["paths"].items() for method, one in item.items()]


def test_the_document_is_where_it_says_and_names_where_it_is(client):
    answer = client.get(SCHEMA_URL)

    assert answer["Content-Type"] == "application/vnd.oai.openapi+json"
    assert answer.json()["servers"] == [{"url": "/cryptopay/api"}]


def test_what_the_project_does_to_its_own_document_does_not_change_this_one(document, monkeypatch):
    def rename(result: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {**result, "components": {}}

    monkeypatch.setattr(spectacular_settings, "POSTPROCESSING_HOOKS", [rename])
    monkeypatch.setattr(spectacular_settings, "PREPROCESSING_HOOKS", [lambda endpoints: []])
    monkeypatch.setattr(spectacular_settings, "CAMELIZE_NAMES", True)
    monkeypatch.setattr(spectacular_settings, "SCHEMA_PATH_PREFIX_INSERT", "/v1")

    here = document["servers"][0]["url"]
    assert make_document.__wrapped__(here) == document
    assert [rename] == spectacular_settings.POSTPROCESSING_HOOKS


def test_every_address_is_described_but_the_documents_own(document):
    described = {re.sub(r"\{(\w+)\}", r"<uuid:\1>", path.lstrip("/")) for path in document["paths"]}
    mounted = {str(entry.pattern) for entry in urls.urlpatterns if entry.name}

    assert described == mounted - {"schema/"}


def test_every_operation_has_a_name_words_and_answers(document):
    names = [one["operationId"] for _, _, one in operations(document)]

    assert sorted(names) == sorted(
        [
            "list_coins", "read_invoice_state", "list_invoices", "read_invoice", "read_timeline",
            "quote_settlement", "quote_refund", "settle_invoice", "refund_invoice", "release_invoice", "end_resolution",
            "read_channel_state", "list_channels", "read_channel", "enable_channel", "disable_channel",
            "list_channel_payments", "read_channel_payment", "read_channel_payment_timeline",
            "release_channel_payment", "read_payment_summary", "list_refund_links", "make_refund_link",
            "list_payment_links", "create_payment_link", "read_payment_link", "cancel_payment_link",
        ]
    )  # fmt: skip
    for path, method, one in operations(document):
        assert one["description"], (path, method)
        assert "429" in one["responses"], (path, method)
        assert {"200", "201"} & set(one["responses"]), (path, method)


def test_errors_are_problem_details_everywhere(document):
    for path, method, one in operations(document):
        for status, response in one["responses"].items():
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"], (path, method, status)


def test_examples_are_what_their_schema_says(document):
    checked = 0
    for _, _, one in operations(document):
        contents = [response.get("content", {}) for response in one["responses"].values()]
        contents.append(one.get("requestBody", {}).get("content", {}))
        for media in (media for content in contents for media in content.values()):
            validator = jsonschema_rs.validator_for(
                {**_without_nullable(media["schema"]), "components": _without_nullable(document["components"])}
            )
            for example in media.get("examples", {}).values():
                validator.validate(example["value"])
                checked += 1
    assert checked >= 20


def _without_nullable(schema):
    """Turn OpenAPI 3.0's `nullable` into JSON Schema."""
    if isinstance(schema, list):
        return [_without_nullable(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    turned = {name: _without_nullable(value) for name, value in schema.items() if name != "nullable"}
    return {"anyOf": [turned, {"type": "null"}]} if schema.get("nullable") is True else turned


def test_a_body_takes_no_member_that_it_does_not_know(document):
    for name in ("CryptopaySettle", "CryptopayRefund", "CryptopayRelease"):
        assert document["components"]["schemas"][name]["additionalProperties"] is False


def test_no_amount_is_a_number(document):
    for name, schema in document["components"]["schemas"].items():
        for member, described in schema.get("properties", {}).items():
            if member.endswith("_amount") or member == "amount":
                assert "number" not in str(described), (name, member)


def test_every_error_of_the_tree_has_an_answer():
    def below(kind: type) -> list[type]:
        return [kind, *(deeper for child in kind.__subclasses__() for deeper in below(child))]

    unanswered = [kind.__name__ for kind in below(CryptopayError) if not any(base in RULES for base in kind.__mro__)]

    assert unanswered == []


@pytest.mark.parametrize("host", [{}, {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}])
def test_the_hosts_own_document_has_the_shops_view_too(host, settings):
    settings.REST_FRAMEWORK = host

    found = SchemaGenerator(urlconf="tests.api.urls").get_schema(request=None, public=True)

    own = found["paths"]["/my/channels/"]
    assert (own["get"]["operationId"], own["post"]["operationId"]) == ("list_own_channels", "create_channel")
    pay = found["paths"]["/pay/{id}/"]["post"]
    assert {"200", "201", "400", "503"} <= set(pay["responses"])
    assert pay["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/CryptopayCoinChoice")


def test_the_components_of_the_hosts_document_keep_their_names(settings):
    """A shop has an Order and a state of its own; ours stand beside them under names of our own."""

    class OrderSerializer(serializers.Serializer):
        state = serializers.ChoiceField(choices=["open", "sent"])
        source = serializers.ChoiceField(choices=["web", "shop"])

    class OrdersView(GenericAPIView):
        schema = AutoSchema()
        serializer_class = OrderSerializer

        def get(self, request):
            raise AssertionError("only described")

    patterns = [
        url("orders/", OrdersView.as_view()),
        url("cryptopay/", include("cryptopay_django.api.urls")),
    ]

    components = SchemaGenerator(patterns=patterns).get_schema(request=None, public=True)["components"]["schemas"]

    theirs = {name for name in components if not name.startswith("Cryptopay")}
    assert theirs == {"Order", "StateEnum", "SourceEnum"}
    assert components["StateEnum"]["enum"] == ["open", "sent"]


def test_the_guide_names_every_code_state_and_filter():
    guide = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
    names = {rule.code for rule in RULES.values()} | {str(state) for state in State}
    names |= {str(state) for state in (*ChannelState, *ReceiptState)}
    for filters in (
        InvoiceQuerySerializer,
        ChannelQuerySerializer,
        ChannelPaymentQuerySerializer,
        PaymentLinkQuerySerializer,
    ):
        names |= set(filters().fields) - {"cursor"}

    assert {name for name in names if f"`{name}`" not in guide} == set()


def test_without_the_framework_all_the_rest_is_there():
    script = (
        "import sys; sys.modules['rest_framework'] = sys.modules['drf_spectacular'] = None\n"
        "import django; django.setup()\n"
        "import cryptopay_django.urls, cryptopay_django.services, cryptopay_django.pages, cryptopay_django.admin\n"
        "from django.core.checks import run_checks\n"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr

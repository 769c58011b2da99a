"""Describes this API and its errors as an OpenAPI document. It names no other address of the host."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.urls import reverse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import patched_settings
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from .. import __version__
from .base import ApiView
from .examples import PROBLEMS
from .problems import CONTENT_TYPE
from .throttling import PublicThrottle

_DESCRIPTION = (
    "Invoices in coins: what a customer can pay with and the progress of a payment, and for the back office how to "
    "find, settle, refund and release invoices. Amounts are strings. Every error is problem details (RFC 9457); "
    "programs go by `code`. New members, states and codes may appear."
)

_MEANINGS = {
    400: "What was sent cannot be taken; `errors` says what of it.",
    401: "Not authenticated.",
    403: "Not permitted.",
    404: "There is no such thing.",
    409: "Not in this state; nothing was done. `code` says why.",
    413: "The body is too long.",
    415: "The body is not application/json.",
    422: "Refused: see `code`.",
    429: "Too many requests; Retry-After says how long to wait.",
    502: "The payment service has failed or refused.",
    503: "Not now; Retry-After says how long to wait.",
    504: "The payment service does not answer.",
}

# What a project may do to its own document, such as names in camel case, would make ours untrue.
_NOT_OF_THE_PROJECT = {
    "PREPROCESSING_HOOKS": [],
    "POSTPROCESSING_HOOKS": [],
    "CAMELIZE_NAMES": False,
    "SCHEMA_PATH_PREFIX": None,
    "SCHEMA_PATH_PREFIX_INSERT": "",
}


class FieldErrorSerializer(serializers.Serializer[Any]):
    """A mistake in one field."""

    field = serializers.CharField(help_text='Dotted path; "" for the whole.')
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """Problem details (RFC 9457)."""

    type = serializers.CharField(help_text="A URN that ends in the code.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField(help_text="What programs go by.")
    errors = FieldErrorSerializer(many=True, required=False)  # type: ignore[assignment]
    obstacle = serializers.CharField(required=False, help_text="Why an invoice cannot be resolved by staff.")


def problems(*statuses: int) -> dict[Any, OpenApiResponse]:
    """Return the responses that describe these errors."""
    return {
        (status, CONTENT_TYPE): OpenApiResponse(
            ProblemSerializer,
            description=_MEANINGS[status],
            examples=[PROBLEMS[status]] if status in PROBLEMS else [],
        )
        for status in statuses
    }


@cache
def document(mounted_at: str) -> dict[str, Any]:
    """Return the OpenAPI document for where the API is mounted."""
    generator: Any = SchemaGenerator(urlconf="cryptopay_django.api.urls")  # type: ignore[no-untyped-call]
    with patched_settings(_NOT_OF_THE_PROJECT):
        found: dict[str, Any] = generator.get_schema(request=None, public=True)
    found["info"] = {"title": "Cryptopay", "version": __version__, "description": _DESCRIPTION}
    found["servers"] = [{"url": mounted_at}]
    return found


class SchemaView(ApiView):
    """The OpenAPI document, as JSON."""

    authentication_classes = []
    permission_classes = []
    throttle_classes = [PublicThrottle]
    schema = None
    cache_control = "public, max-age=300"

    def get(self, request: Request) -> Response:
        here = reverse(f"{request.resolver_match.namespace}:schema") if request.resolver_match else request.path
        return Response(document(here.removesuffix("/schema/")), content_type="application/vnd.oai.openapi+json")

"""Defines the base of all API views: strict JSON in, JSON or problem details out, never inside a transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import IO, Any, TypeVar

from django.http.response import HttpResponseBase
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import APIException, NotFound, ParseError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.schemas.inspectors import ViewInspector
from rest_framework.views import APIView

from ..atomic_requests import non_atomic_requests
from ..exceptions import WireError
from ..gateway.strictjson import parse_json
from .fields import StrictSerializer
from .problems import problem_response

F = TypeVar("F", bound=Callable[..., Response])

LARGEST_BODY = 64 * 1024


class BodyTooLargeError(APIException):
    """The request body is larger than this API accepts."""

    status_code = 413
    default_detail = f"A body may have {LARGEST_BODY} bytes at most."
    default_code = "too_large"


class StrictJSONParser(BaseParser):
    """Parses unambiguous JSON only: no duplicate keys, no NaN, UTF-8, limited depth."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = stream.read(LARGEST_BODY + 1)
        if len(body) > LARGEST_BODY:
            raise BodyTooLargeError
        try:
            return parse_json(body)
        except WireError as error:
            raise ParseError(f"The body is not valid: {error}") from error


class ApiSchema(AutoSchema):
    """Takes the operation's name from the view, and documents that bodies accept no unknown field."""

    def get_operation_id(self) -> str:
        return str(getattr(self.view, "operation", super().get_operation_id()))

    def get_tags(self) -> list[str]:
        return [str(getattr(self.view, "tag", "cryptopay"))]

    def _get_serializer_name(self, serializer: Any, direction: Any, bypass_extensions: bool = False) -> str:  # noqa: FBT001, FBT002  as in the base class
        """Return the component's name with our prefix, so that it does not collide with the shop's components."""
        name = super()._get_serializer_name(serializer, direction, bypass_extensions)
        return f"Cryptopay{name}"

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        schema = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if isinstance(serializer, StrictSerializer):
            schema["additionalProperties"] = False
        for name, field in schema.get("properties", {}).items():
            if "enum" in field:
                # Without a name, it would become a component with the field's name, and could rename the shop's own.
                schema["properties"][name] = _wrap_choices(field)
        return schema


def _wrap_choices(field: dict[str, Any]) -> dict[str, Any]:
    outside = {key: value for key, value in field.items() if key in ("description", "default", "readOnly")}
    return {**outside, "allOf": [{key: value for key, value in field.items() if key not in outside}]}


def describe(**what: Any) -> Callable[[F], F]:
    """Describe a view's method for the OpenAPI document, independent of the project's own schema class."""

    def decorate(method: F) -> F:
        method.__dict__["kwargs"] = {"schema": ApiSchema}
        described: F = extend_schema(**what)(method)
        return described

    return decorate


class ApiView(APIView):
    """Answers only in JSON. With `shows_errors`, staff see the error's own message."""

    renderer_classes = [JSONRenderer]
    parser_classes = [StrictJSONParser]
    content_negotiation_class = DefaultContentNegotiation
    metadata_class = None
    versioning_class = None
    schema: ViewInspector | None = ApiSchema()
    shows_errors = False
    cache_control = "no-store, private"

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:  # type: ignore[override]
        """Return the view, outside of ATOMIC_REQUESTS: a request to the gateway is committed before it is sent."""
        return non_atomic_requests(super().as_view(**initkwargs))

    def get_exception_handler(self) -> Callable[[Exception, Any], Response | None]:
        """Return our handler for problem details, independent of the project's own handler."""
        return lambda error, context: problem_response(error, is_staff=self.shows_errors)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers.setdefault("Cache-Control", self.cache_control if response.status_code < 400 else "no-store")
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "no-referrer")
        return response

    def read(self, serializer: type[StrictSerializer], data: Any, **context: Any) -> dict[str, Any]:
        """Return the validated body; raise ValidationError."""
        bound = serializer(data=data, context={"request": self.request, **context})
        bound.is_valid(raise_exception=True)
        found: dict[str, Any] = bound.validated_data
        return found

    def read_query(self, serializer: type[StrictSerializer]) -> dict[str, Any]:
        """Return the validated query parameters. If a name is repeated, the last value counts."""
        return self.read(serializer, self.request.query_params.dict())


class NotFoundView(ApiView):
    """Answers every unknown URL below the API."""

    authentication_classes = []
    permission_classes = []
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound("There is nothing at this address. Addresses end with a slash.")

"""Defines strict fields: an amount is text, a number is no text, and unknown fields are refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

_MOST_NAMED = 20


@extend_schema_field({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$", "example": "0.001895"})
class AmountField(serializers.Field[Decimal, Any, str, Any]):
    """An amount in an answer: text with all digits, independent of the project's decimal settings."""

    def to_representation(self, value: Decimal) -> str:
        return f"{value:f}"


class TextField(serializers.CharField):
    """A text. A number is refused, not converted."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class VersionField(serializers.IntegerField):
    """The version of the row that the person saw: a JSON integer."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            min_value=0,
            max_value=2**31 - 1,
            help_text="The `version` as it was looked at. If it has changed since, nothing is done.",
            **options,
        )

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)


class FlagField(serializers.BooleanField):
    """JSON true or false. "yes" and 1 are refused."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class MomentField(serializers.DateTimeField):
    """A time that every database can store in every time zone."""

    default_error_messages = {"year": "The year must be from 2000 to 2999."}

    def to_internal_value(self, value: Any) -> datetime:
        moment = super().to_internal_value(value)
        if not 2000 <= moment.year < 3000:
            self.fail("year")
        return moment


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses unknown fields, because a mistyped `address` must not refund to another place."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := sorted(set(data) - set(self.fields))):
            message = serializers.ErrorDetail("There is no such field.", code="unknown")
            # Naming each of ten thousand unknown fields would make a huge answer.
            raise serializers.ValidationError({name: [message] for name in unknown[:_MOST_NAMED]})
        return super().to_internal_value(data)

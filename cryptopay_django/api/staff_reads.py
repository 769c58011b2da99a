"""Serves the reads of staff: the list of invoices, one invoice, its timeline. The actions: `staff_actions.py`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from django.db import router
from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from ..conf import account_names
from ..models import Invoice, InvoiceStatus, Payment, RiskLevel
from ..models.invoice import quarantined_invoices
from . import examples
from .access import MayView
from .base import ApiView, describe
from .fields import MomentField, StrictSerializer, TextField
from .schema import problems
from .staff_serializers import InvoiceDetailSerializer, InvoiceRowSerializer, TimelineSerializer, timeline_of
from .throttling import DeskThrottle


class InvoiceQuerySerializer(StrictSerializer):
    """The filters of the list. They can be combined; each uses an index."""

    status = serializers.ChoiceField(choices=InvoiceStatus.choices, required=False)
    status_context = TextField(required=False, max_length=32, help_text="Why unresolved; only unresolved ones.")
    is_quarantined = serializers.BooleanField(required=False, help_text="Whether it is held for a person.")
    account = TextField(required=False, max_length=32)
    environment = TextField(required=False, max_length=255)
    pay_currency = TextField(required=False, max_length=32)
    risk_level = serializers.ChoiceField(
        choices=RiskLevel.choices, required=False, help_text="Of its payments, the gravest."
    )
    custom_id = TextField(required=False, max_length=128)
    gateway_id = serializers.UUIDField(required=False)
    address = TextField(required=False, max_length=256)
    txid = TextField(required=False, max_length=256)
    order_type = TextField(required=False, max_length=201, help_text='With order_id: the model, as in "shop.order".')
    order_id = TextField(required=False, max_length=64)
    created_from = MomentField(required=False)
    created_before = MomentField(required=False)
    finished_from = MomentField(required=False)
    finished_before = MomentField(required=False)
    limit = serializers.IntegerField(required=False, min_value=1, max_value=200, help_text="Rows; 50 by default.")
    cursor = TextField(required=False, max_length=500, help_text="From `next` or `previous` of another page.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("order_type" in attrs) != ("order_id" in attrs):
            raise serializers.ValidationError("Give order_type and order_id, or neither.", code="incomplete")
        return attrs


class InvoicePageSerializer(serializers.Serializer[Any]):
    """A page of the list. It has no total count, because counting a million rows is slower than the page."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = InvoiceRowSerializer(many=True)


class NewestFirst(CursorPagination):
    """Paginates with the newest first. An invalid cursor is a 404, not a database error."""

    ordering = ("-created_at", "-pk")
    page_size_query_param = "limit"
    page_size = 50
    max_page_size = 200

    def decode_cursor(self, request: Request) -> Cursor | None:
        cursor = super().decode_cursor(request)
        if cursor is None or cursor.position is None:
            return cursor
        try:
            moment = parse_datetime(str(cursor.position))
        except ValueError:
            moment = None
        if moment is None or not is_aware(moment) or not 2000 <= moment.year < 3000:
            raise NotFound(self.invalid_cursor_message)
        return cursor


_PLAIN = {
    "status": "status",
    "account": "account",
    "environment": "environment",
    "pay_currency": "pay_currency",
    "risk_level": "risk_level",
    "address": "address",
    "created_from": "created_at__gte",
    "created_before": "created_at__lt",
    "finished_from": "finished_at__gte",
    "finished_before": "finished_at__lt",
}


def filtered(wanted: dict[str, Any]) -> QuerySet[Invoice]:
    """Return the invoices that match the filters."""
    found = Invoice.objects.filter(**{lookup: wanted[name] for name, lookup in _PLAIN.items() if name in wanted})
    if "status_context" in wanted:
        found = found.filter(status=InvoiceStatus.UNRESOLVED, status_context=wanted["status_context"])
    if "is_quarantined" in wanted:
        found = found.filter(quarantined_invoices() if wanted["is_quarantined"] else ~quarantined_invoices())
    if "account" not in wanted and not {"custom_id", "gateway_id"}.isdisjoint(wanted):
        # The account is first, as in the unique constraints that these lookups use.
        found = found.filter(account__in=account_names())
    found = found.filter(**{name: wanted[name] for name in ("custom_id", "gateway_id") if name in wanted})
    if "txid" in wanted:
        found = found.filter(pk__in=Payment.objects.filter(txid=wanted["txid"]).values("invoice_id"))
    if "order_type" in wanted:
        found = found.filter(**pointer("order", wanted["order_type"], wanted["order_id"]))
    return found


def pointer(name: str, label: str, key: str) -> dict[str, Any]:
    """Return the lookup of an order or owner; raise ValidationError if the model does not exist."""
    app, _, model = label.lower().partition(".")
    try:
        kind = ContentType.objects.db_manager(router.db_for_write(Invoice)).get_by_natural_key(app, model)
    except ContentType.DoesNotExist:
        raise serializers.ValidationError({f"{name}_type": "There is no such model."}, code="no_model") from None
    return {f"{name}_content_type": kind, f"{name}_object_id": key}


class DeskView(ApiView):
    """Base of the views for staff: the project's authentication, and Django's permissions."""

    tag = "desk"
    model: type[Any] = Invoice
    permission_classes = [MayView]
    throttle_classes = [DeskThrottle]
    shows_errors = True

    def find(self, key: UUID) -> Any:
        """Return the row from the primary database, or raise NotFound."""
        row = self.model.objects.primary().filter(pk=key).first()
        if row is None:
            raise NotFound
        return row


class InvoiceListView(DeskView):
    """List invoices, the newest first, in pages."""

    operation = "list_invoices"

    @describe(
        parameters=[InvoiceQuerySerializer],
        responses={
            200: OpenApiResponse(InvoicePageSerializer, examples=[examples.INVOICES]),
            **problems(400, 401, 403, 404, 429),
        },
    )
    def get(self, request: Request) -> Response:
        wanted = self.read_query(InvoiceQuerySerializer)
        pagination = NewestFirst()
        page = pagination.paginate_queryset(filtered(wanted), request, view=self) or []
        return pagination.get_paginated_response(InvoiceRowSerializer(page, many=True).data)


class InvoiceDetailView(DeskView):
    """Return an invoice with its payments and resolutions."""

    operation = "read_invoice"

    @describe(responses={200: InvoiceDetailSerializer, **problems(401, 403, 404, 429)})
    def get(self, request: Request, invoice_id: UUID) -> Response:
        return Response(InvoiceDetailSerializer(self.find(invoice_id)).data)


class TimelineView(DeskView):
    """Return an invoice's timeline: callbacks, events and actions of staff."""

    operation = "read_timeline"

    @describe(responses={200: TimelineSerializer, **problems(401, 403, 404, 429)})
    def get(self, request: Request, invoice_id: UUID) -> Response:
        return Response(TimelineSerializer(timeline_of(self.find(invoice_id))).data)

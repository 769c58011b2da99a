"""Serves payment links to staff or their tools: the list, one link, create, cancel."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.urls import NoReverseMatch
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from ..links import API, path_of, site_url_of
from ..models import PaymentLink, PaymentLinkKind
from ..permissions import Act, may, may_view
from ..services import cancel_payment_link, create_payment_link
from ..services.payment_links.totals import Paid, paid_by_links
from . import examples
from .base import describe
from .fields import AmountField, FlagField, MomentField, StrictSerializer, TextField
from .schema import problems
from .staff_reads import DeskView, NewestFirst


class MayUseLinks(BasePermission):
    """Allows to read links with the permission to view them, and to write with the view's `act`."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.method in SAFE_METHODS:
            return may_view(request.user, "paymentlink")
        return may(request.user, view.act)


class PaymentLinkQuerySerializer(StrictSerializer):
    """The filters of the list. They can be combined."""

    kind = serializers.ChoiceField(choices=PaymentLinkKind.choices, required=False)
    reference = TextField(required=False, max_length=128)
    account = TextField(required=False, max_length=32)
    is_cancelled = serializers.BooleanField(required=False)
    created_from = MomentField(required=False)
    created_before = MomentField(required=False)
    limit = serializers.IntegerField(required=False, min_value=1, max_value=200, help_text="Rows; 50 by default.")
    cursor = TextField(required=False, max_length=500, help_text="From `next` or `previous` of another page.")


class NewPaymentLinkSerializer(StrictSerializer):
    """A link to make: with a fixed amount, or with an amount that the customer chooses within bounds."""

    price_amount = TextField(required=False, max_length=64, help_text='As text: "49.90". Without: customers choose.')
    price_currency = TextField(max_length=32)
    least_amount = TextField(required=False, max_length=64, help_text="Only without `price_amount`.")
    most_amount = TextField(required=False, max_length=64, help_text="Only without `price_amount`.")
    description = TextField(required=False, max_length=255, help_text="What the customer reads.")
    reference = TextField(required=False, max_length=128, help_text="For staff, such as an order number.")
    kind = serializers.ChoiceField(choices=PaymentLinkKind.choices, default=PaymentLinkKind.LINK.value)
    is_reusable = FlagField(default=False, help_text="Each payment is one of its own. Otherwise it is paid once.")
    expires_at = MomentField(required=False)
    account = TextField(required=False, max_length=32)


class PaymentLinkSerializer(serializers.Serializer[Any]):
    """A payment link."""

    id = serializers.UUIDField()
    url = serializers.SerializerMethodField(help_text="What customers open. Empty if the site has no such page.")
    kind = serializers.CharField()
    account = serializers.CharField()
    environment = serializers.CharField(help_text="The gateway of the link: sandbox, production, or a host.")
    price_amount = AmountField(allow_null=True, help_text="Null: the customer chooses.")
    price_currency = serializers.CharField()
    least_amount = AmountField(allow_null=True)
    most_amount = AmountField(allow_null=True)
    description = serializers.CharField()
    reference = serializers.CharField()
    is_reusable = serializers.BooleanField()
    actor = serializers.CharField(help_text="Who made it.")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    cancelled_at = serializers.DateTimeField(allow_null=True)
    opened_count = serializers.IntegerField(help_text="Also by messengers that show a preview.")
    opened_at = serializers.DateTimeField(allow_null=True)
    paid_amount = serializers.SerializerMethodField(help_text="Credited by the gateway, in the price currency.")
    paid_count = serializers.SerializerMethodField(help_text="By how many invoices.")

    def get_url(self, link: PaymentLink) -> str:
        """Return the link's URL."""
        try:
            return site_url_of(path_of("payment-link", link.token), self.context["request"])
        except NoReverseMatch:
            return ""

    def get_paid_amount(self, link: PaymentLink) -> str:
        """Return the sum of what was credited."""
        return f"{self._paid(link).amount:f}"

    def get_paid_count(self, link: PaymentLink) -> int:
        """Return the number of completed invoices."""
        return self._paid(link).count

    def _paid(self, link: PaymentLink) -> Paid:
        paid: Paid = self.context["paid"][link.pk]
        return paid


class PaymentLinkPageSerializer(serializers.Serializer[Any]):
    """A page of the list."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = PaymentLinkSerializer(many=True)


class LinkView(DeskView):
    """Base of the views of payment links."""

    model = PaymentLink
    act = Act.MAKE_LINK
    permission_classes = [MayUseLinks]

    def shown(self, links: list[PaymentLink]) -> Any:
        """Return the data of links, with what was paid by them."""
        context = {"request": self.request, "paid": paid_by_links(link.pk for link in links)}
        return PaymentLinkSerializer(links, many=True, context=context).data


_PLAIN = {
    "kind": "kind",
    "reference": "reference",
    "account": "account",
    "created_from": "created_at__gte",
    "created_before": "created_at__lt",
}


class PaymentLinkListView(LinkView):
    """List payment links, the newest first, in pages; or make one."""

    @describe(
        operation_id="list_payment_links",
        parameters=[PaymentLinkQuerySerializer],
        responses={
            200: OpenApiResponse(PaymentLinkPageSerializer, examples=[examples.PAYMENT_LINKS]),
            **problems(400, 401, 403, 404, 429),
        },
    )
    def get(self, request: Request) -> Response:
        """List payment links, the newest first, in pages."""
        wanted = self.read_query(PaymentLinkQuerySerializer)
        found = PaymentLink.objects.filter(**{look: wanted[name] for name, look in _PLAIN.items() if name in wanted})
        if "is_cancelled" in wanted:
            found = found.filter(cancelled_at__isnull=not wanted["is_cancelled"])
        pagination = NewestFirst()
        page = pagination.paginate_queryset(found, request, view=self) or []
        return pagination.get_paginated_response(self.shown(list(page)))

    @describe(
        operation_id="create_payment_link",
        request=NewPaymentLinkSerializer,
        examples=[examples.NEW_PAYMENT_LINK],
        responses={
            201: OpenApiResponse(PaymentLinkSerializer, examples=[examples.PAYMENT_LINK]),
            **problems(400, 401, 403, 413, 415, 422, 429),
        },
    )
    def post(self, request: Request) -> Response:
        """Make a payment link. No invoice is made before a customer opens it and chooses a coin."""
        asked = self.read(NewPaymentLinkSerializer, request.data)
        link = create_payment_link(actor=request.user, **asked)
        response = Response(self.shown([link])[0], status=201)
        response["Location"] = path_of("payment-link", link.pk, app=API)
        return response


class PaymentLinkDetailView(LinkView):
    """Return a payment link, with how often it was opened and what was paid by it."""

    operation = "read_payment_link"

    @describe(responses={200: PaymentLinkSerializer, **problems(401, 403, 404, 429)})
    def get(self, request: Request, link_id: UUID) -> Response:
        return Response(self.shown([self.find(link_id)])[0])


class CancelPaymentLinkView(LinkView):
    """Cancel a payment link. One that is cancelled already stays as it is."""

    operation = "cancel_payment_link"
    act = Act.CANCEL_LINK

    @describe(request=None, responses={200: PaymentLinkSerializer, **problems(401, 403, 404, 429)})
    def post(self, request: Request, link_id: UUID) -> Response:
        return Response(self.shown([cancel_payment_link(self.find(link_id), actor=request.user)])[0])

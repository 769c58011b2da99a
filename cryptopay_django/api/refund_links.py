"""Serves the links by which customers give the address for a refund: staff make and read them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.urls import NoReverseMatch
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ..links import path_of, site_url_of
from ..models import RefundLink
from ..permissions import Act
from ..redaction import hide_locals
from ..services import make_refund_link
from . import examples
from .base import describe
from .fields import StrictSerializer
from .schema import problems
from .staff_actions import ActView


class RefundLinkSerializer(serializers.Serializer[Any]):
    """A link, and the customer's answer. The link itself can only be read when it is made."""

    id = serializers.UUIDField()
    invoice_id = serializers.UUIDField()
    state = serializers.SerializerMethodField()
    actor = serializers.CharField(help_text="Who made it; empty for the customer, on the payment page.")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    revoked_at = serializers.DateTimeField(allow_null=True, help_text="When a newer link or answer took its place.")
    used_at = serializers.DateTimeField(allow_null=True, help_text="When the customer named the address.")
    address = serializers.CharField(help_text="Without its tag; empty where none is named.")
    destination_tag = serializers.CharField()
    without_tag = serializers.BooleanField(help_text="The customer said that the address needs no tag.")
    network = serializers.CharField(help_text="That the address was checked for.")

    @extend_schema_field({"type": "string", "description": "open, used, revoked or expired."})
    def get_state(self, link: RefundLink) -> str:
        """Name the state."""
        if link.used_at is not None:
            return "used"
        if link.revoked_at is not None:
            return "revoked"
        return "open" if link.is_open(timezone.now()) else "expired"


class RefundLinksSerializer(serializers.Serializer[Any]):
    """All links of an invoice, the newest first."""

    links = RefundLinkSerializer(many=True)


class MadeLinkSerializer(RefundLinkSerializer):
    """A new link, with its URL."""

    url = serializers.URLField(help_text="Send it to the customer only: it can be read only now.")


class RefundLinksView(ActView):
    """List the links by which the customer can name an address for a refund; make one."""

    acts = (Act.REFUND_TO_ADDRESS,)

    @property
    def operation(self) -> str:
        """The name of the operation."""
        return "make_refund_link" if self.request.method == "POST" else "list_refund_links"

    @describe(
        responses={
            200: OpenApiResponse(RefundLinksSerializer, examples=[examples.REFUND_LINKS]),
            **problems(401, 403, 404, 429),
        },
    )
    def get(self, request: Request, invoice_id: UUID) -> Response:
        """List the links of an invoice, the newest first, with the address that was named."""
        links = self.find(invoice_id).refund_links.order_by("-created_at", "-pk")
        return Response(RefundLinksSerializer({"links": links}).data)

    @describe(
        request=None,
        responses={
            201: OpenApiResponse(MadeLinkSerializer, examples=[examples.MADE_REFUND_LINK]),
            **problems(400, 401, 403, 404, 409, 413, 415, 429, 503),
        },
    )
    @hide_locals
    def post(self, request: Request, invoice_id: UUID) -> Response:
        """Make a link. It takes the place of all earlier ones. Nothing is sent because of it. The body is empty."""
        self.read(StrictSerializer, request.data)
        try:
            path_of("refund-address", "token")
        except NoReverseMatch as error:
            raise ImproperlyConfigured("cryptopay_django.urls is not included: there is no page for a link") from error
        made = make_refund_link(self.find(invoice_id), actor=self.actor)
        url = site_url_of(path_of("refund-address", made.token), request)
        return Response({**RefundLinkSerializer(made.link).data, "url": url}, status=201)

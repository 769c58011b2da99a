"""Serves the actions of staff: quote, settle, refund, end, release. Each needs a permission and the version seen.

What staff read: `staff_reads.py`.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from ..exceptions import QuoteExpiredError
from ..models import Resolution, ResolutionStatus
from ..permissions import Act, may
from ..services import (
    RefundQuote,
    SettlementQuote,
    end_resolution,
    quote_settlement,
    refund_invoice,
    release_invoice,
    settle_invoice,
)
from . import examples
from .access import MayAct
from .base import describe
from .fields import AmountField, FlagField, StrictSerializer, TextField, VersionField
from .problems import problem
from .schema import problems
from .staff_reads import DeskView
from .staff_serializers import InvoiceDetailSerializer, ResolutionSerializer
from .throttling import MoneyThrottle

_ENDED = (ResolutionStatus.SUCCEEDED, ResolutionStatus.FAILED)
REFUSALS = (400, 401, 403, 404, 409, 413, 415, 422, 429, 502, 503, 504)


class QuoteSerializer(serializers.Serializer[Any]):
    """A quote to settle an invoice now, valid for 30 seconds. Rates are the price of one coin."""

    invoice_id = serializers.UUIDField()
    invoice_version = serializers.IntegerField()
    credited_amount = AmountField()
    price_currency = serializers.CharField()
    ordered_amount = AmountField()
    shortfall_amount = AmountField(help_text="Zero where the credit covers the order.")
    paid_amount = AmountField()
    pay_currency = serializers.CharField()
    exchange_rate = AmountField(allow_null=True)
    previous_exchange_rate = AmountField(allow_null=True)
    fee_amount = AmountField(allow_null=True)
    fee_currency = serializers.CharField(allow_null=True)
    expires_at = serializers.DateTimeField()
    quote = serializers.SerializerMethodField(help_text="Signed. Send it back unchanged to settle for these amounts.")

    def get_quote(self, quote: SettlementQuote) -> str:
        """Return the signed quote."""
        return quote.seal()


class ActSerializer(StrictSerializer):
    """The fields of every action: the reason, and the version of the invoice that the person saw."""

    expected_version = VersionField()
    reason = TextField(max_length=1000, help_text="For later readers: who asked for it, which ticket.")


class SettleSerializer(ActSerializer):
    """Commit a quote, or credit the ordered amount of an overpaid invoice."""

    quote = TextField(required=False, max_length=4000, help_text="From `quote_settlement`.")
    refund_overage = FlagField(
        default=False,
        help_text="Of an overpaid invoice: credit the ordered amount, refund the rest to the merchant's own account.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["refund_overage"] == ("quote" in attrs):
            message = "Give a quote, or refund_overage: a quote credits everything."
            raise serializers.ValidationError({"quote": message}, code="one_of_two")
        return attrs


class RefundSerializer(ActSerializer):
    """The destination of a refund. It has no default, because without an address the coins go to the merchant.

    For a completed invoice give the quote in its place.
    """

    quote = TextField(
        required=False, max_length=4000, help_text="From `quote_refund`, for a completed invoice: it has all in it."
    )
    destination = serializers.ChoiceField(
        choices=[("address", "to the customer's address"), ("own_account", "to the merchant's own coin account")],
        required=False,
    )
    address = TextField(required=False, max_length=256, help_text="With `address` only; checked for the network.")
    tag = TextField(
        required=False,
        max_length=64,
        help_text="The destination tag (XRP) or memo (Stellar) of the address; required there, unless it is in the "
        "address (`rn7b…?dt=275`) or `without_tag` is set.",
    )
    without_tag = FlagField(default=False, help_text="The address needs no tag: a wallet of the customer's own.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "quote" in attrs:
            others = [name for name in ("destination", "address", "tag") if name in attrs]
            if others or attrs["without_tag"]:
                message = "The quote has the destination in it: leave everything else out."
                raise serializers.ValidationError({"quote": message}, code="one_of_two")
            return attrs
        if "destination" not in attrs:
            raise serializers.ValidationError({"destination": "This field is required."}, code="required")
        if attrs["destination"] != "address" and ("tag" in attrs or attrs["without_tag"]):
            message = "Refused for a refund to the own account, which has none."
            raise serializers.ValidationError({"tag": message}, code="destination")
        if (attrs["destination"] == "address") != ("address" in attrs):
            message = "Required for a refund to an address, and refused for one to the own account."
            raise serializers.ValidationError({"address": message}, code="destination")
        return attrs


class ReleaseSerializer(ActSerializer):
    """End a quarantine, or accept a settlement of less than the ordered amount."""

    accept_shortfall = FlagField(default=False, help_text="The shop delivers, although less was credited.")


class EndSerializer(ActSerializer):
    """End a resolution by hand that was sent and that the gateway does not show."""

    resolution = serializers.UUIDField(help_text="The one that is under way, as `read_invoice` lists it.")
    checked = FlagField(
        default=False,
        help_text="Must be true: a person has read what was asked, and found in the account that it was not done.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs["checked"]:
            message = "Read what was asked, and look in the account whether it was done."
            raise serializers.ValidationError({"checked": message}, code="required")
        return attrs


class ActView(DeskView):
    """Base of the views that move money."""

    permission_classes = [MayAct]
    throttle_classes = [MoneyThrottle]
    acts: tuple[Act, ...] = ()

    @property
    def actor(self) -> Any:
        """The user who is recorded as the actor."""
        return self.request.user

    def answer_of(self, resolution: Resolution) -> Response:
        """Return 200 if it is done, 202 if it is not finished, and a problem if the gateway refused."""
        body = ResolutionSerializer(resolution).data
        if resolution.status == ResolutionStatus.SUCCEEDED and resolution.error:
            title = "The payment service did it, but not as asked"
            return problem(409, "resolution_not_as_asked", resolution.error, title=title, resolution=body)
        if resolution.status == ResolutionStatus.FAILED:
            title = "The payment service did not do it"
            return problem(422, "resolution_failed", resolution.error, title=title, resolution=body)
        return Response(body, status=200 if resolution.status in _ENDED else 202)


class QuoteView(ActView):
    """Quote the settlement of an unresolved invoice. Changes nothing. The quote is valid for 30 seconds."""

    operation = "quote_settlement"
    acts = (Act.SETTLE,)

    @describe(
        request=None,
        responses={
            200: OpenApiResponse(QuoteSerializer, examples=[examples.QUOTE]),
            **problems(400, 401, 403, 404, 409, 413, 415, 422, 429, 502, 503, 504),
        },
    )
    def post(self, request: Request, invoice_id: UUID) -> Response:
        self.read(StrictSerializer, request.data)
        return Response(QuoteSerializer(quote_settlement(self.find(invoice_id))).data)


_RESOLVED = {
    200: OpenApiResponse(ResolutionSerializer, description="Done.", examples=[examples.RESOLUTION]),
    202: OpenApiResponse(
        ResolutionSerializer,
        description="Not over: it waits for a second person, or the gateway has not said yet. Do not send it again.",
        examples=[examples.PENDING],
    ),
    **problems(*REFUSALS),
}


class SettleView(ActView):
    """Settle an unresolved invoice for a quote, or an overpaid one for the ordered amount."""

    operation = "settle_invoice"
    acts = (Act.SETTLE,)

    @describe(request=SettleSerializer, examples=[examples.SETTLE, examples.SETTLE_ORDERED], responses=_RESOLVED)
    def post(self, request: Request, invoice_id: UUID) -> Response:
        asked = self.read(SettleSerializer, request.data)
        if asked["refund_overage"] and not may(request.user, Act.REFUND):
            raise PermissionDenied
        invoice = self.find(invoice_id)
        quote = SettlementQuote.unseal(asked["quote"]) if "quote" in asked else None
        if quote is None and not asked["refund_overage"]:
            raise QuoteExpiredError("this is not a quote of this site: ask for another, nothing was sent")
        done = settle_invoice(
            invoice,
            actor=self.actor,
            reason=asked["reason"],
            quote=quote,
            refund_overage=asked["refund_overage"],
            expected_version=asked["expected_version"],
        )
        return self.answer_of(done)


class RefundView(ActView):
    """Refund an unresolved invoice to the customer's address or to our own coin account, a completed one by quote."""

    operation = "refund_invoice"
    acts = (Act.REFUND, Act.REFUND_TO_ADDRESS)

    @describe(
        request=RefundSerializer,
        examples=[
            examples.REFUND_TO_ADDRESS,
            examples.REFUND_TO_TAG,
            examples.REFUND_TO_OWN,
            examples.REFUND_COMPLETED,
        ],
        responses=_RESOLVED,
    )
    def post(self, request: Request, invoice_id: UUID) -> Response:
        asked = self.read(RefundSerializer, request.data)
        is_ours = asked.get("destination") == "own_account"
        if not may(request.user, Act.REFUND if is_ours else Act.REFUND_TO_ADDRESS):
            raise PermissionDenied
        quote = RefundQuote.unseal(asked["quote"]) if "quote" in asked else None
        if quote is None and "quote" in asked:
            raise QuoteExpiredError("this is not a quote of this site: ask for another, nothing was sent")
        done = refund_invoice(
            self.find(invoice_id),
            actor=self.actor,
            reason=asked["reason"],
            address=asked.get("address"),
            tag=asked.get("tag"),
            without_tag=asked["without_tag"],
            quote=quote,
            expected_version=asked["expected_version"],
        )
        return self.answer_of(done)


class EndView(ActView):
    """End a settlement or refund by hand that was sent, if the gateway shows nothing after 20 minutes."""

    operation = "end_resolution"
    acts = (Act.SETTLE, Act.REFUND, Act.REFUND_TO_ADDRESS)

    @describe(
        request=EndSerializer,
        examples=[examples.END],
        responses={
            200: OpenApiResponse(
                ResolutionSerializer, description="As it is now: `failed`, or what the gateway shows."
            ),
            **problems(*REFUSALS),
        },
    )
    def post(self, request: Request, invoice_id: UUID) -> Response:
        asked = self.read(EndSerializer, request.data)
        invoice = self.find(invoice_id)
        resolution = invoice.resolutions.using(invoice._state.db).filter(pk=asked["resolution"]).first()
        if resolution is None:
            raise NotFound
        ended = end_resolution(
            resolution, actor=self.actor, reason=asked["reason"], expected_version=asked["expected_version"]
        )
        return Response(ResolutionSerializer(ended).data)


class ReleaseView(ActView):
    """Release an invoice from quarantine, or accept a shortfall. Does not call the gateway."""

    operation = "release_invoice"
    acts = (Act.RELEASE,)

    @describe(
        request=ReleaseSerializer,
        examples=[examples.RELEASE],
        responses={200: InvoiceDetailSerializer, **problems(400, 401, 403, 404, 409, 413, 415, 429)},
    )
    def post(self, request: Request, invoice_id: UUID) -> Response:
        asked = self.read(ReleaseSerializer, request.data)
        released = release_invoice(
            self.find(invoice_id),
            actor=self.actor,
            reason=asked["reason"],
            accept_shortfall=asked["accept_shortfall"],
            expected_version=asked["expected_version"],
        )
        return Response(InvoiceDetailSerializer(released).data)

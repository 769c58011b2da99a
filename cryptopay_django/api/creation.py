"""Making an invoice for an order. The shop subclasses the view: its order, its price, its permission.

class PayOrder(CreateInvoiceView):
    permission_classes = [IsAuthenticated]

    def get_order(self):
        return get_object_or_404(Order, customer=self.request.user, reference=self.kwargs["reference"])

    def get_price(self, order):
        return order.total, "EUR"
"""

from __future__ import annotations

import contextlib
import re
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.urls import NoReverseMatch
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from ..exceptions import CreationUnknownError
from ..links import API, path_of
from ..models import Invoice, InvoiceStatus
from ..services import create_invoice, list_offers, read_progress, resolve_account
from ..services.allowance import spend_creation
from ..services.offers import Offer
from . import examples
from .base import ApiView, describe
from .fields import StrictSerializer, TextField
from .public import InvoiceStateSerializer, public_state
from .schema import problems
from .throttling import CreationThrottle

_FITS = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)
_LONG_ENOUGH = timedelta(minutes=2)


class CoinChoiceSerializer(StrictSerializer):
    """All that a customer chooses. There is no price to send, and one that is sent is refused."""

    currency = TextField(max_length=32, help_text="The coin, as `list_coins` names it.")
    network = TextField(max_length=32, required=False, help_text="May be left out where the coin has one.")


class CreateInvoiceView(ApiView):
    """Make the invoice for an order in the coin that is chosen, or return the one that waits already.

    The price is what `get_price` says. Asking twice, or again after a time-out, returns the same invoice. An
    order for which money has come in gets no other invoice: 200, and the one that it came in for.
    """

    operation = "create_invoice"
    permission_classes = [IsAuthenticated]
    throttle_classes = [CreationThrottle]
    account: str | None = None
    """Without one, CRYPTOPAY_ACCOUNT_RESOLVER chooses by the order."""

    def get_order(self) -> models.Model:
        """Return what is to be paid, a saved row that belongs to this customer, or raise Http404."""
        raise ImproperlyConfigured(f"{type(self).__name__} must define get_order()")

    def get_price(self, order: Any) -> tuple[Decimal, str]:
        """Return what the order costs, and the currency, from the shop's own records."""
        raise ImproperlyConfigured(f"{type(self).__name__} must define get_price()")

    def get_invoice_options(self, order: Any) -> dict[str, Any]:
        """Return further arguments of `create_invoice`: name, description, redirect URLs, metadata, ..."""
        return {}

    def get_custom_id(self, order: Any, offer: Offer) -> str:
        """Return the name that makes creation repeatable: the same for as long as the same invoice will do.

        By default it counts the order's invoices in this coin that are over, exactly as the page does where
        customers choose a coin, so that both lead to one invoice.
        """
        price = self.get_price(order)
        number = 1 + sum(_is_over(invoice, price) for invoice in self.find_invoices(order, offer))
        text = f"{order._meta.model_name}-{order.pk}-{offer.currency}-{offer.network}-{number}"
        return text if _FITS.fullmatch(text) else str(uuid.uuid5(uuid.NAMESPACE_URL, text))

    def find_invoices(self, order: Any, offer: Offer) -> list[Invoice]:
        """Return the order's invoices in this coin, those that are over too."""
        same_coin = Invoice.objects.for_order(order).filter(pay_currency=offer.currency, network=offer.network)
        return list(same_coin if self.account is None else same_coin.filter(account=self.account))

    def is_made_anew(self, order: Any, offer: Offer) -> bool:
        """Return whether the gateway has to be called, because no invoice waits to be paid already."""
        price = self.get_price(order)
        return not any(row.gateway_id for row in self.find_invoices(order, offer) if not _is_over(row, price))

    def get_payment_under_way(self, order: Any) -> Invoice | None:
        """Return the invoice for which money has come in already, the guard against paying twice."""
        closed = (InvoiceStatus.REFUNDED, InvoiceStatus.CANCELLED)
        paid = Invoice.objects.for_order(order).filter(payments__isnull=False).exclude(status__in=closed)
        return paid.distinct().first()

    @describe(
        request=CoinChoiceSerializer,
        examples=[examples.COIN_CHOICE],
        responses={
            200: OpenApiResponse(InvoiceStateSerializer, description="Money has come in for this order already."),
            201: OpenApiResponse(InvoiceStateSerializer, examples=[examples.WAITING]),
            **problems(400, 401, 403, 404, 409, 413, 415, 422, 429, 502, 503, 504),
        },
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        order = self.get_order()
        if under_way := self.get_payment_under_way(order):
            return self.answer(under_way, status=200)
        chosen = self.read(CoinChoiceSerializer, request.data)
        amount, currency = self.get_price(order)
        account = self.account or resolve_account(order, {"price_amount": amount, "price_currency": currency})
        offer = self.find_offer(chosen["currency"], chosen.get("network"), account=account)
        if self.is_made_anew(order, offer):
            spend_creation(account, order)
        invoice = create_invoice(
            order,
            price_amount=amount,
            price_currency=currency,
            pay_currency=offer.currency,
            network=offer.network,
            **{
                "custom_id": self.get_custom_id(order, offer),
                "account": self.account,
                **self.get_invoice_options(order),
            },
        )
        return self.answer(invoice, status=201)

    def find_offer(self, currency: str, network: str | None, *, account: str) -> Offer:
        """Return what the account offers under this name, or raise ValidationError."""
        offers = [offer for offer in list_offers(account=account) if offer.currency == currency]
        if not offers:
            raise serializers.ValidationError({"currency": "There is no such coin to pay with."}, code="no_coin")
        named = [offer for offer in offers if network in (None, offer.network)]
        if len(named) != 1:
            names = ", ".join(offer.network for offer in offers)
            raise serializers.ValidationError({"network": f"It must be one of: {names}."}, code="no_network")
        return named[0]

    def answer(self, invoice: Invoice, *, status: int) -> Response:
        """Return the public state of an invoice, and where to ask for it again."""
        progress = read_progress(invoice.pk)
        if progress is None:
            raise CreationUnknownError(f"invoice {invoice.pk} cannot be read yet: does a replica lag behind?")
        response = Response(public_state(progress), status=status)
        with contextlib.suppress(NoReverseMatch):  # the shop may have mounted this view alone
            response["Location"] = path_of("invoice-state", invoice.pk, app=API)
        return response


def _is_over(invoice: Invoice, price: tuple[Decimal, str]) -> bool:
    """Tell whether an invoice will not do any more: closed, held, too late, or of another price."""
    return (
        invoice.status != InvoiceStatus.NEW
        or bool(invoice.quarantine_reason)
        or invoice.is_expired(timezone.now() + _LONG_ENOUGH)
        or (invoice.price_amount, invoice.price_currency) != price
    )

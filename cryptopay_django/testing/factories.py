"""Factories for a host's tests and ours: rows as the services write them, bodies as the gateway sends them."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import factory
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from ..conf import get_account
from ..gateway.signing import sign_callback
from ..models import Callback, Invoice, InvoiceEvent, InvoiceStatus, Payment, Refund
from ..models.risk import gravest_risk
from ..services.events.withholding import TRUE_WHILE
from ..services.snapshots.compare import OUR_KEY


class InvoiceFactory(factory.django.DjangoModelFactory[Invoice]):
    """An invoice of 100 EUR to be paid with 0.002 BTC, as it stands after its creation."""

    class Meta:
        model = Invoice

    account = "default"
    environment = factory.LazyAttribute(lambda invoice: _environment(invoice.account))
    gateway_id = factory.LazyFunction(uuid.uuid4)
    custom_id = factory.Sequence("order-{}".format)
    price_amount = Decimal(100)
    price_currency = "EUR"
    pay_amount = Decimal("0.002")
    pay_currency = "BTC"
    network = "bitcoin"
    address = factory.Sequence("2N7eWx1pLbvcQhRfkz3dYt6sGm{:04d}".format)
    uri = factory.LazyAttribute(lambda invoice: f"bitcoin:{invoice.address}")
    exchange_rate = Decimal(50000)
    fee_amount = Decimal(1)
    fee_currency = "EUR"
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(minutes=10))


class PaymentFactory(factory.django.DjangoModelFactory[Payment]):
    """A detected transaction. Its invoice takes note of its risk, as it does in a merge."""

    class Meta:
        model = Payment

    invoice = factory.SubFactory(InvoiceFactory)
    txid = factory.Sequence("{:064x}".format)
    detected_at = factory.LazyFunction(timezone.now)

    @classmethod
    def _create(cls, model_class: type[Payment], *args: Any, **kwargs: Any) -> Payment:
        payment: Payment = super()._create(model_class, *args, **kwargs)  # type: ignore[no-untyped-call]
        if payment.risk_level:
            invoice = payment.invoice
            invoice.risk_level = gravest_risk(invoice.payments.values_list("risk_level", flat=True))
            Invoice.objects.change(invoice, risk_level=invoice.risk_level)
        return payment


class RefundFactory(factory.django.DjangoModelFactory[Refund]):
    """A refund of half of a paid invoice to the merchant's own coin account, under way."""

    class Meta:
        model = Refund

    invoice = factory.SubFactory(InvoiceFactory)
    gateway_id = factory.LazyFunction(uuid.uuid4)
    amount = Decimal("0.001")
    currency = "BTC"
    value_amount = Decimal(50)
    network = "bitcoin"
    created_at = updated_at = factory.LazyFunction(timezone.now)


class InvoiceEventFactory(factory.django.DjangoModelFactory[InvoiceEvent]):
    """A pending event, due now, of an invoice whose status it reports."""

    class Meta:
        model = InvoiceEvent

    invoice = factory.SubFactory(
        InvoiceFactory,
        status=factory.LazyAttribute(lambda made: TRUE_WHILE.get(made.factory_parent.kind, InvoiceStatus.NEW)),
    )
    kind = "invoice_created"
    created_at = factory.LazyFunction(timezone.now)
    next_attempt_at = factory.LazyFunction(timezone.now)


class CallbackFactory(factory.django.DjangoModelFactory[Callback]):
    """A stored callback, due now. Give `body`."""

    class Meta:
        model = Callback

    account = "default"
    body = b"{}"
    digest = factory.LazyAttribute(lambda callback: hashlib.sha256(callback.body).hexdigest())
    secret_index = 0
    secret_mark = factory.LazyAttribute(lambda row: get_account(row.account).secret_marks[row.secret_index])
    received_at = factory.LazyFunction(timezone.now)
    next_attempt_at = factory.LazyFunction(timezone.now)


def _environment(account: str) -> str:
    """Return where an account is; "sandbox" for one that is not in the settings, as of a shop that has left."""
    try:
        return get_account(account).environment
    except ImproperlyConfigured:
        return "sandbox"


def invoice_wire(invoice: Invoice, **changes: Any) -> dict[str, Any]:
    """Return the gateway's object for an invoice as ordered, with `changes` laid over it.

    It is unpaid, or paid in full where they say that it is completed.
    """
    tag = f"?dt={invoice.destination_tag}" if invoice.destination_tag else ""
    paid = invoice.pay_amount if changes.get("status") == "completed" and invoice.pay_amount else Decimal("0.0")
    made = (invoice.expires_at or timezone.now()) - timedelta(minutes=10)
    return {
        "id": str(invoice.gateway_id or uuid.uuid4()),
        "custom_id": invoice.custom_id,
        "customer_id": None,
        "status": "new",
        "status_context": None,
        "address": f"{invoice.address}{tag}",
        "network": invoice.network,
        "uri": invoice.uri or f"bitcoin:{invoice.address}",
        "price_amount": f"{invoice.price_amount:f}",
        "price_currency": invoice.price_currency,
        "pay_amount": f"{invoice.pay_amount or Decimal('0.002'):f}",
        "pay_currency": invoice.pay_currency,
        "fee": "1.0",
        "fee_currency": "EUR",
        "paid_amount": f"{paid:f}",
        "exchange": {"pair": "BTCEUR", "rate": "50000.0", "fee": "0.0", "fee_currency": "EUR"},
        "transactions": [],
        "name": None,
        "description": None,
        "metadata": {**invoice.metadata, OUR_KEY: str(invoice.pk)},
        "success_redirect_url": None,
        "unsuccess_redirect_url": None,
        "hosted_page_url": None,
        "created_at": made.isoformat(timespec="seconds"),
        "expires_at": (made + timedelta(minutes=10)).isoformat(timespec="seconds"),
        **changes,
    }


def transaction_wire(txid: str, *, level: str | None = "low") -> dict[str, Any]:
    """Return the gateway's object for a transaction; `level=None` for one not scored yet."""
    risk = {"score": 3.27, "level": level, "resource_name": "default", "resource_category": "unknown"}
    return {"txid": txid, "risk": risk if level else None}


def callback_body(data: Mapping[str, Any], event: str = "status_changed", *, type: str = "Invoice") -> bytes:  # noqa: A002
    """Return the raw body of a callback."""
    return json.dumps({"type": type, "event": event, "data": data}).encode()


def callback_headers(body: bytes, *, account: str = "default", secret: str | None = None) -> dict[str, str]:
    """Return the header that signs a body, with the account's newest secret by default."""
    return {"X-Cryptopay-Signature": sign_callback(body, secret=secret or get_account(account).callback_secrets[0])}

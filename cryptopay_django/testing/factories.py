"""Provides factories for tests: rows as services write them, bodies as the gateway sends them."""

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
from ..models import (
    Callback,
    Channel,
    ChannelPayment,
    ChannelStatus,
    Invoice,
    InvoiceEvent,
    InvoiceStatus,
    Payment,
    Refund,
)
from ..models.channel import slot_of
from ..models.risk import gravest_risk
from ..services.events.withholding import TRUE_WHILE
from ..services.snapshots.compare import OUR_KEY


class InvoiceFactory(factory.django.DjangoModelFactory[Invoice]):
    """A new invoice of 100 EUR, to be paid with 0.002 BTC."""

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
    """A detected transaction. It updates its invoice's risk level, like a merge."""

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
    """A pending refund of half of a paid invoice to the merchant's own coin account."""

    class Meta:
        model = Refund

    invoice = factory.SubFactory(InvoiceFactory)
    gateway_id = factory.LazyFunction(uuid.uuid4)
    amount = Decimal("0.001")
    currency = "BTC"
    value_amount = Decimal(50)
    network = "bitcoin"
    created_at = updated_at = factory.LazyFunction(timezone.now)


def _slot(channel: Any) -> str | None:
    """Return the slot of a channel that is made: its owner's, while it is enabled."""
    owner = getattr(channel, "owner", None)
    if owner is None or getattr(channel, "status", ChannelStatus.ENABLED) != ChannelStatus.ENABLED:
        return None
    names = ("pay_currency", "network", "receiver_currency", "account", "environment")
    return slot_of(owner, Channel(**{name: getattr(channel, name) for name in names}))


class ChannelFactory(factory.django.DjangoModelFactory[Channel]):
    """An enabled channel for BTC, credited in EUR, as it stands after its creation. Give `owner`, if any."""

    class Meta:
        model = Channel

    account = "default"
    environment = factory.LazyAttribute(lambda channel: _environment(channel.account))
    gateway_id = factory.LazyFunction(uuid.uuid4)
    custom_id = factory.LazyAttribute(lambda channel: str(channel.id))
    id = factory.LazyFunction(uuid.uuid4)
    name = factory.Sequence("customer {}".format)
    pay_currency = "BTC"
    network = "bitcoin"
    receiver_currency = "EUR"
    address = factory.Sequence("2N3cWx1pLbvcQhRfkz3dYt6sGm{:04d}".format)
    uri = factory.LazyAttribute(lambda channel: f"bitcoin:{channel.address}")
    slot = factory.LazyAttribute(_slot)


class ChannelPaymentFactory(factory.django.DjangoModelFactory[ChannelPayment]):
    """A pending payment of 0.01 BTC on a channel, as it stands after it was first seen."""

    class Meta:
        model = ChannelPayment

    channel = factory.SubFactory(ChannelFactory)
    account = factory.SelfAttribute("channel.account")
    environment = factory.SelfAttribute("channel.environment")
    gateway_id = factory.LazyFunction(uuid.uuid4)
    txid = factory.Sequence("{:064x}".format)
    paid_amount = Decimal("0.01")
    paid_currency = factory.SelfAttribute("channel.pay_currency")
    received_currency = factory.SelfAttribute("channel.receiver_currency")
    seen_at = updated_at = factory.LazyFunction(timezone.now)


class InvoiceEventFactory(factory.django.DjangoModelFactory[InvoiceEvent]):
    """A pending event, due now, of an invoice whose status it reports."""

    class Meta:
        model = InvoiceEvent

    invoice = factory.SubFactory(
        InvoiceFactory,
        status=factory.LazyAttribute(lambda made: TRUE_WHILE.get(made.factory_parent.kind, InvoiceStatus.NEW)),
    )
    subject = factory.SelfAttribute("invoice.pk")
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
    """Return the environment of an account; "sandbox" for an account that is not in the settings."""
    try:
        return get_account(account).environment
    except ImproperlyConfigured:
        return "sandbox"


def invoice_wire(invoice: Invoice, **changes: Any) -> dict[str, Any]:
    """Return the gateway's object for an invoice as ordered, updated with `changes`.

    It is unpaid, or paid in full if `changes` complete it.
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
    """Return the gateway's object for a transaction. `level=None` means that it has no score yet."""
    risk = {"score": 3.27, "level": level, "resource_name": "default", "resource_category": "unknown"}
    return {"txid": txid, "risk": risk if level else None}


def channel_wire(channel: Channel, **changes: Any) -> dict[str, Any]:
    """Return the gateway's object for a channel as asked for, with `changes` laid over it."""
    tag = f"?dt={channel.destination_tag}" if channel.destination_tag else ""
    return {
        "id": str(channel.gateway_id or uuid.uuid4()),
        "status": channel.status,
        "name": channel.name,
        "description": None,
        "receiver_currency": channel.receiver_currency,
        "pay_currency": channel.pay_currency,
        "address": f"{channel.address}{tag}",
        "network": channel.network,
        "project_id": str(uuid.uuid4()),
        "custom_id": channel.custom_id,
        "customer_id": None,
        "uri": channel.uri,
        "hosted_page_url": None,
        **changes,
    }


def channel_payment_wire(payment: ChannelPayment, **changes: Any) -> dict[str, Any]:
    """Return the gateway's object for a payment on a channel as it is here, with `changes` laid over it.

    A completed one that says nothing else is credited with 495 of 500, at a rate of 50,000.
    """
    is_credited = changes.get("status", payment.status) == "completed"
    exchange = {"exchange": {"pair": "BTCEUR", "rate": "50000.0", "fee": "0.0", "fee_currency": "EUR"}}
    return {
        "id": str(payment.gateway_id),
        "channel_id": str(payment.channel.gateway_id),
        "txid": payment.txid,
        "paid_amount": f"{payment.paid_amount:f}",
        "paid_currency": payment.paid_currency,
        "received_amount": "495.0" if is_credited else "0.0",
        "received_currency": payment.received_currency,
        "fee": "5.0" if is_credited else "0.0",
        "fee_currency": payment.received_currency,
        **(exchange if is_credited else {}),
        "status": payment.status,
        "status_context": payment.status_context or None,
        "refund_address": None,
        "coin_withdrawal_id": None,
        "custom_id": payment.channel.custom_id,
        "customer_id": None,
        "address": payment.channel.address,
        "network": payment.channel.network,
        "risk": None,
        "created_at": payment.seen_at.isoformat(timespec="seconds"),
        **changes,
    }


def callback_body(data: Mapping[str, Any], event: str = "status_changed", *, type: str = "Invoice") -> bytes:  # noqa: A002
    """Return the raw body of a callback."""
    return json.dumps({"type": type, "event": event, "data": data}).encode()


def callback_headers(body: bytes, *, account: str = "default", secret: str | None = None) -> dict[str, str]:
    """Return the header that signs a body, with the account's newest secret by default."""
    return {"X-Cryptopay-Signature": sign_callback(body, secret=secret or get_account(account).callback_secrets[0])}

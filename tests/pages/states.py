"""One invoice in each state that a customer can meet, as the services would have left it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import Group
from django.utils import timezone

from cryptopay_django.models import EventKind, Invoice
from cryptopay_django.testing.factories import InvoiceEventFactory, InvoiceFactory, PaymentFactory

WHOLE = Decimal("0.00189500")
ADDRESS = "2N44BYHaFmyYAaHfwYmKsPeqvErua4tmznT"
PAST = -timedelta(minutes=3)


def invoice(*, expires_in: timedelta = timedelta(minutes=9, seconds=41), **values: Any) -> Invoice:
    """Return a stored invoice of 100 EUR for 0.001895 BTC."""
    usual = {
        "price_amount": Decimal(100),
        "pay_amount": WHOLE,
        "address": ADDRESS,
        "uri": f"bitcoin:{ADDRESS}?amount=0.001895",
        "exchange_rate": Decimal("52905.1734"),
        "name": "Tern & Tide",
        "description": "Order 7QX2M9KD",
        "success_redirect_url": "https://shop.example/orders/7QX2M9KD/",
        "unsuccess_redirect_url": "https://shop.example/orders/7QX2M9KD/",
        "expires_at": timezone.now() + expires_in,
    }
    return InvoiceFactory.create(**usual | values)


def paid(*, part: str = "1", is_confirmed: bool = False, **values: Any) -> Invoice:
    """Return an invoice for which so much of the whole has arrived in one transaction."""
    made = invoice(paid_amount=WHOLE * Decimal(part), **values)
    confirmed = {"status": "confirmed", "confirmed_at": timezone.now()} if is_confirmed else {}
    PaymentFactory.create(
        invoice=made, risk_level="high", source_addresses=["1SourceAddressOfTheCustomer"], **confirmed
    )
    return made


def unresolved(context: str, *, part: str = "1", **values: Any) -> Invoice:
    return paid(part=part, status="unresolved", status_context=context, is_confirmed=True, expires_in=PAST, **values)


def completed(**values: Any) -> Invoice:
    made = paid(status="completed", settled_amount=Decimal(100), is_confirmed=True, **values)
    InvoiceEventFactory.create(invoice=made, kind=EventKind.INVOICE_COMPLETED, once=EventKind.INVOICE_COMPLETED)
    return made


def tagged(**values: Any) -> Invoice:
    address = "rn7bmpBgwFTXtqsF8vPnXkJXrXcoUqtnmX"
    usual = {
        "pay_currency": "XRP",
        "network": "ripple",
        "pay_amount": Decimal("106.246963"),
        "address": address,
        "destination_tag": "2751702755",
        "uri": f"ripple:{address}?amount=106.246963&dt=2751702755",
        "exchange_rate": Decimal("0.941203"),
    }
    return invoice(**usual | values)


def token(**values: Any) -> Invoice:
    address = "TXYZopYRdj2D9XRtbG411XZZ3kM5VkAeBf"
    usual = {
        "pay_currency": "USDT",
        "network": "tron",
        "pay_amount": Decimal("113.328"),
        "address": address,
        "uri": address,
        "exchange_rate": Decimal("0.8824"),
    }
    return invoice(**usual | values)


def elsewhere(**values: Any) -> Invoice:
    """Return an invoice of an order for which money came in with another one, in another coin."""
    order = Group.objects.create(name=f"order {uuid4()}")
    made = invoice(order=order, attempt=1, **values)
    PaymentFactory.create(invoice=token(order=order, attempt=2), detected_at=timezone.now())
    return made


# By the name of the state; what follows a dash is another face of the same one.
STATES: dict[str, Callable[[], Invoice]] = {
    "preparing": lambda: invoice(gateway_id=None, address="", uri="", pay_amount=None, exchange_rate=None),
    "waiting": invoice,
    "waiting-tag": tagged,
    "waiting-token": token,
    "partly_paid": lambda: paid(part="0.4"),
    "seen": paid,
    "confirmed": lambda: paid(is_confirmed=True),
    "completed": completed,
    "expired": lambda: invoice(expires_in=PAST),
    "elsewhere": elsewhere,
    "underpaid": lambda: unresolved("underpaid", part="0.4"),
    "overpaid": lambda: unresolved("overpaid", part="1.5"),
    "late": lambda: unresolved("paid_late"),
    "held": lambda: unresolved("illicit_resource"),
    "review": lambda: paid(quarantine_reason="price_amount is 1, ordered was 100"),
    "review-unpaid": lambda: invoice(quarantine_reason="price_amount is 1, ordered was 100"),
    "review-short": lambda: paid(status="completed", settled_amount=Decimal(51), is_confirmed=True),
    "refunded": lambda: paid(status="refunded", is_confirmed=True),
    "cancelled": lambda: invoice(status="cancelled", expires_in=PAST),
    "unavailable": lambda: invoice(environment="production"),
}

"""A shop that sends every mail, and a mail server that can be away."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import django
import pytest
from django.core import mail
from django.test import override_settings
from django.utils import timezone

from cryptopay_django.mails import send_customer_mails
from cryptopay_django.models import HandlerDelivery, Invoice
from cryptopay_django.services import create_invoice

EVERY = ["created", "partly_paid", "expired", "paid", "review", "refunded"]
ADA = "ada@example.org"


@pytest.fixture(autouse=True)
def mailing(settings) -> None:
    settings.CRYPTOPAY_CUSTOMER_MAILS = EVERY
    settings.CRYPTOPAY_SITE_URL = "https://shop.example"
    settings.CRYPTOPAY_SHOP_NAME = "Tern & Tide"
    settings.CRYPTOPAY_SUPPORT_EMAIL = "help@shop.example"
    settings.DEFAULT_FROM_EMAIL = "Tern & Tide <pay@shop.example>"


@pytest.fixture
def order(cryptopay_sandbox, db) -> Callable[..., Invoice]:
    """Make an invoice of 100 EUR, as a shop does."""

    def order(**values: Any) -> Invoice:
        usual = {"price_amount": "100", "price_currency": "EUR", "pay_currency": "BTC", "payer_email": ADA}
        return create_invoice(**usual | values)

    return order


@pytest.fixture
def sent(order) -> Callable[[], list[Any]]:
    """Send what is due, and return what has left since the last look."""

    def sent() -> list[Any]:
        send_customer_mails()
        left = list(mail.outbox)
        mail.outbox.clear()
        return left

    return sent


@contextmanager
def no_mail_server() -> Iterator[None]:
    """Nobody listens where mail is sent to."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host, port = free.getsockname()
    backend = "django.core.mail.backends.smtp.EmailBackend"
    changed: dict[str, Any] = {"EMAIL_BACKEND": backend, "EMAIL_HOST": host, "EMAIL_PORT": port}
    if django.VERSION >= (6, 1):
        changed = {"MAILERS": {"default": {"BACKEND": backend, "OPTIONS": {"host": host, "port": port}}}}
    with override_settings(**changed):
        yield


def subjects(mails: list[Any]) -> list[str]:
    return [one.subject.removesuffix(" · Tern & Tide") for one in mails]


def fall_due() -> None:
    HandlerDelivery.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=timezone.now())

"""What moves money, or tells of it, beside an invoice: settlements, refunds, withdrawals, channels, links, statements."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone

from cryptopay_django.conf import client_for, get_account
from cryptopay_django.models import Books
from cryptopay_django.services import (
    begin_books,
    create_channel,
    create_payment_link,
    keep_books,
    mail_statement,
    make_refund_link,
    name_refund_address,
    named_period,
    read_statement,
    refund_invoice,
    settle_invoice,
)
from cryptopay_django.testing.factories import InvoiceFactory

ADDRESS = "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"


def _desk() -> Any:
    return get_user_model().objects.get_or_create(username="ada", is_staff=True, is_superuser=True)[0]


def _underpaid() -> Any:
    return InvoiceFactory(status="unresolved", status_context="underpaid", paid_amount=Decimal("0.001"))


def _by_staff() -> dict[str, Callable[[], object]]:
    """Return what staff do with the money of an invoice."""

    def settle() -> None:
        settle_invoice(_underpaid(), actor=_desk(), reason="agreed")

    def refund() -> None:
        refund_invoice(_underpaid(), actor=_desk(), reason="agreed", address=ADDRESS)

    def send_back() -> None:
        invoice = InvoiceFactory(status="completed", paid_amount=Decimal("0.002"), settled_amount=Decimal(100))
        refund_invoice(invoice, actor=_desk(), reason="a return", address=ADDRESS, amount=10, currency="EUR")

    return {
        "settle": settle,
        "refund by staff": refund,
        "send back": send_back,
    }


def _by_api() -> dict[str, Callable[[], object]]:
    """Return calls of the client that move money."""
    terms = {"charged_currency": "BTC", "received_currency": "BTC", "charged_amount": Decimal("0.1")}
    exchange = {"charged_currency": "BTC", "received_currency": "EUR", "charged_amount": Decimal("0.1")}

    def channel() -> None:
        create_channel(_desk(), pay_currency="BTC", receiver_currency="EUR")

    return {
        "withdraw": lambda: client_for("default").create_withdrawal(address=ADDRESS, force_commit=True, **terms),
        "exchange": lambda: client_for("default").create_exchange_transfer(**exchange),
        "ledger": lambda: client_for("default").list_transactions(),
        "channel": channel,
    }


def _books() -> None:
    now = timezone.now()
    begun = {"begin_at": now - timedelta(days=90), "closed_until": now - timedelta(days=90), "read_until": now}
    Books.objects.get_or_create(account="default", environment=get_account("default").environment, defaults=begun)


def told_of() -> dict[str, Callable[[], object]]:
    """Return what tells of money, and asks the gateway for nothing."""

    def statement() -> None:
        _books()
        mail_statement(read_statement("default", named_period("last-month", "UTC")), ["books@shop.test"])

    def link() -> None:
        create_payment_link(actor=_desk(), price_currency="EUR", price_amount="100", description="a lamp")

    def refund_link() -> None:
        name_refund_address(make_refund_link(_underpaid(), actor=_desk()).token, address=ADDRESS)

    return {"statement": statement, "payment link": link, "refund link": refund_link}


def money_moves() -> dict[str, Callable[[], object]]:
    """Return what asks the gateway to move money, or for what has moved."""

    def keep() -> None:
        _books()
        keep_books("default")

    return {
        **_by_staff(),
        **_by_api(),
        "begin books": lambda: begin_books("second", at=timezone.now() - timedelta(days=1)),
        "keep books": keep,
    }

"""What tests of the books do and look at: a paid invoice, a top-up, the entries of a month."""

from __future__ import annotations

from cryptopay_django.models import ChannelPayment
from cryptopay_django.services import (
    create_channel,
    create_invoice,
    named_period,
    read_statement,
    write_statement,
)
from tests.services.topping import customer

JANUARY, FEBRUARY = named_period("2026-01", "UTC"), named_period("2026-02", "UTC")


def paid(shop, *, deliver=True, **order):
    asked = {"price_amount": "100", "price_currency": "EUR", "pay_currency": "BTC", **order}
    invoice = create_invoice(**asked)
    shop.sandbox.pay(invoice)
    shop.sandbox.confirm(invoice)
    if deliver:
        shop.sandbox.deliver()
    return invoice


def topped_up(shop, coin="ETH", **asked):
    channel = create_channel(customer(), pay_currency=coin, **{"receiver_currency": "EUR", **asked})
    shop.sandbox.pay(channel, "0.1")
    shop.sandbox.confirm(channel)
    shop.sandbox.deliver()
    return ChannelPayment.objects.latest("seen_at")


def csv_of(period):
    return b"".join(write_statement(read_statement("default", period), "csv")).decode()


def entries(period=JANUARY):
    return [line.entry for line in read_statement("default", period).lines()]


def closing(period=JANUARY):
    return {name: amount for name, amount in read_statement("default", period).totals().closing.items() if amount}

"""Small shops for the checklist, for invoices and for channels: right ones, and some that are broken in one place."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from cryptopay_django.models import Channel, ChannelPayment, Invoice
from cryptopay_django.services import create_channel, create_invoice
from cryptopay_django.signals import (
    channel_payment_completed,
    channel_payment_created,
    channel_payment_on_hold,
    invoice_completed,
    invoice_settled_short,
    invoice_unresolved,
)
from cryptopay_django.webhook import callback


class Shop:
    """Credits what was settled to the customer's balance, once, when told that it is there."""

    def __init__(self) -> None:
        self.balances: defaultdict[str, Decimal] = defaultdict(Decimal)

    def place_order(self, client: Client) -> Invoice:
        return create_invoice(
            price_amount="100",
            price_currency="EUR",
            pay_currency="BTC",
            success_redirect_url="https://testserver/thanks/",
        )

    def credited(self, invoice: Invoice) -> Decimal:
        return self.balances[str(invoice.gateway_id)]

    def credit(self, invoice: Invoice, **_: object) -> None:
        self.balances[str(invoice.gateway_id)] += invoice.settled_amount or 0

    def hold(self, invoice: Invoice, **_: object) -> None:
        """A person looks at it."""

    def receive(self, request: HttpRequest) -> Any:
        return callback(request)

    def thanks(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("Thank you. We wait for the payment.")

    @property
    def urls(self) -> tuple[Any, ...]:
        return (
            path("cryptopay/callbacks/", csrf_exempt(self.receive)),
            path("cryptopay/", include("cryptopay_django.urls")),
            path("thanks/", self.thanks),
        )

    @contextmanager
    def open(self) -> Iterator[None]:
        invoice_completed.connect(self.credit)
        invoice_settled_short.connect(self.credit)
        invoice_unresolved.connect(self.hold)
        yield
        invoice_completed.disconnect(self.credit)
        invoice_settled_short.disconnect(self.credit)
        invoice_unresolved.disconnect(self.hold)


class CreditsTwice(Shop):
    """Credits in a view of its own, whenever a callback says completed."""

    def credit(self, invoice: Invoice, **_: object) -> None:
        pass

    def receive(self, request: HttpRequest) -> Any:
        said = json.loads(request.body)
        answer = callback(request)
        if answer.status_code == 200 and (said["event"], said["data"]["status"]) == ("status_changed", "completed"):
            self.balances[said["data"]["id"]] += Decimal(said["data"]["price_amount"])
        return answer


class IgnoresOutOfOrder(Shop):
    """Takes a final status only after it has seen the confirmation."""

    def __init__(self) -> None:
        super().__init__()
        self.confirmed: set[str] = set()

    def receive(self, request: HttpRequest) -> Any:
        said = json.loads(request.body)
        if said["event"] == "transaction_confirmed":
            self.confirmed.add(said["data"]["id"])
        if said["data"]["status"] == "completed" and said["data"]["id"] not in self.confirmed:
            return HttpResponse("not now")
        return callback(request)


class FulfilsOnReturn(Shop):
    """Believes whoever opens the page for customers who have paid."""

    def place_order(self, client: Client) -> Invoice:
        self.newest = super().place_order(client)
        return self.newest

    def credit(self, invoice: Invoice, **_: object) -> None:
        self.balances[str(invoice.gateway_id)] = invoice.settled_amount or Decimal(0)

    def thanks(self, request: HttpRequest) -> HttpResponse:
        self.balances[str(self.newest.gateway_id)] = self.newest.price_amount
        return HttpResponse("Thank you. Your order is on its way.")


class GivesUpUnresolved(Shop):
    """Takes unresolved for cancelled, and will not hear of the order again."""

    def __init__(self) -> None:
        super().__init__()
        self.cancelled: set[str] = set()

    def hold(self, invoice: Invoice, **_: object) -> None:
        self.cancelled.add(str(invoice.gateway_id))

    def credit(self, invoice: Invoice, **_: object) -> None:
        if str(invoice.gateway_id) not in self.cancelled:
            super().credit(invoice)


class CannotReceive(Shop):
    """Has a receiver that raises."""

    def credit(self, invoice: Invoice, **_: object) -> None:
        raise RuntimeError("the ledger is closed")


class TopUpShop:
    """Credits each payment to a customer's channel with what the gateway credited."""

    def __init__(self) -> None:
        self.balances: defaultdict[str, Decimal] = defaultdict(Decimal)

    def open_channel(self, client: Client) -> Channel:
        customer, _ = User.objects.get_or_create(username="checklist")
        return create_channel(customer, pay_currency="BTC", receiver_currency="EUR")

    def credited(self, payment: ChannelPayment) -> Decimal:
        return self.balances[str(payment.gateway_id)]

    def notice(self, payment: ChannelPayment, **_: object) -> None:
        """A payment was seen: the customer reads that it is on its way."""

    def credit(self, payment: ChannelPayment, **_: object) -> None:
        self.balances[str(payment.gateway_id)] += payment.received_amount

    def hold(self, payment: ChannelPayment, **_: object) -> None:
        """A person looks at it."""

    def receive(self, request: HttpRequest) -> Any:
        return callback(request)

    @property
    def urls(self) -> tuple[Any, ...]:
        return (
            path("cryptopay/callbacks/", csrf_exempt(self.receive)),
            path("cryptopay/", include("cryptopay_django.urls")),
        )

    @contextmanager
    def open(self) -> Iterator[None]:
        connections = (
            (channel_payment_created, self.notice),
            (channel_payment_completed, self.credit),
            (channel_payment_on_hold, self.hold),
        )
        for signal, receiver in connections:
            signal.connect(receiver)
        yield
        for signal, receiver in connections:
            signal.disconnect(receiver)


class CreditsCoinsOnTheirWay(TopUpShop):
    """Believes in a payment that no block has confirmed, at a rate of its own."""

    def notice(self, payment: ChannelPayment, **_: object) -> None:
        self.balances[str(payment.gateway_id)] = payment.paid_amount * 50_000

    def credit(self, payment: ChannelPayment, **_: object) -> None:
        self.balances[str(payment.gateway_id)] = payment.received_amount


class CreditsByTheAddress(TopUpShop):
    """Takes what all payments carry, the channel's custom_id, for the name of one: the second is never credited."""

    def __init__(self) -> None:
        super().__init__()
        self.known: set[str] = set()

    def credit(self, payment: ChannelPayment, **_: object) -> None:
        if payment.channel.custom_id not in self.known:
            self.known.add(payment.channel.custom_id)
            super().credit(payment)


class CreditsHeldPayments(TopUpShop):
    """Credits what the gateway holds as if it were there."""

    def hold(self, payment: ChannelPayment, **_: object) -> None:
        self.balances[str(payment.gateway_id)] += payment.paid_amount * 50_000


class CreditsEveryCallback(TopUpShop):
    """Credits in a view of its own, whenever a callback says completed."""

    def credit(self, payment: ChannelPayment, **_: object) -> None:
        pass

    def receive(self, request: HttpRequest) -> Any:
        said = json.loads(request.body)
        answer = callback(request)
        if answer.status_code == 200 and said["event"] == "completed":
            self.balances[said["data"]["id"]] += Decimal(said["data"]["received_amount"])
        return answer


class CannotCredit(TopUpShop):
    """Has a receiver that raises."""

    def credit(self, payment: ChannelPayment, **_: object) -> None:
        raise RuntimeError("the ledger is closed")


class RefusesChannels(TopUpShop):
    """Knows callbacks about invoices only."""

    def receive(self, request: HttpRequest) -> Any:
        if json.loads(request.body)["type"] != "Invoice":
            return HttpResponse("what is that?", status=400)
        return callback(request)

"""Staff of every role, and invoices in every state that the desk is for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from cryptopay_django.models import Channel, ChannelPayment, Invoice
from cryptopay_django.services import create_channel, create_invoice
from cryptopay_django.testing.inprocess import InProcessSandbox

STAFF = {
    "bare": [],
    "viewer": [
        "view_invoice",
        "view_callback",
        "view_refund",
        "view_resolution",
        "view_channel",
        "view_channelpayment",
        "view_paymentlink",
    ],
    "support": "Cryptopay support",
    "finance": "Cryptopay finance",
    "fraud": "Cryptopay fraud",
    "monitoring": "Cryptopay monitoring",
    "counter": "Cryptopay counter",
}


@pytest.fixture
def login(db) -> Callable[[str], Client]:
    """Return a function that gives a logged-in client for a role; `anonymous` is not logged in."""
    call_command("cryptopay_groups", verbosity=0)

    def client_of(role: str, name: str = "") -> Client:
        client = Client()
        if role != "anonymous":
            user = User.objects.create(username=name or role, is_staff=True, is_superuser=role == "superuser")
            granted = STAFF.get(role, [])
            if isinstance(granted, str):
                user.groups.add(Group.objects.get(name=granted))
            else:
                user.user_permissions.set(Permission.objects.filter(codename__in=granted))
            client.force_login(user)
        return client

    return client_of


@dataclass
class Desk:
    """Invoices as the gateway makes them, and the pages about them."""

    sandbox: InProcessSandbox

    def ordered(self, amount: str = "100") -> Invoice:
        return create_invoice(price_amount=amount, price_currency="EUR", pay_currency="BTC")

    def paid(self, factor: str, *, risk: str = "low", late: bool = False, amount: str = "100") -> Invoice:
        """An invoice that was paid, confirmed, and past its time."""
        invoice = self.ordered(amount)
        if late:
            self.sandbox.advance(minutes=11)
        self.sandbox.pay(invoice, factor=factor, risk=risk)
        self.sandbox.confirm(invoice)
        self.sandbox.advance(minutes=11)
        self.sandbox.deliver()
        invoice.refresh_from_db()
        return invoice

    def underpaid(self, amount: str = "100") -> Invoice:
        return self.paid("0.9", amount=amount)

    def overpaid(self) -> Invoice:
        return self.paid("1.5")

    def late(self) -> Invoice:
        return self.paid("1", late=True)

    def paid_in(self, coin: str) -> Invoice:
        """An invoice that was paid in full, in this coin."""
        invoice = create_invoice(price_amount="100", price_currency="EUR", pay_currency=coin)
        self.sandbox.pay(invoice)
        self.sandbox.confirm(invoice)
        self.sandbox.deliver()
        invoice.refresh_from_db()
        return invoice

    def held(self) -> Invoice:
        return self.paid("1", risk="high")

    def channel(self, name: str = "anna", **request: Any) -> Channel:
        """The channel of a customer."""
        owner = User.objects.get_or_create(username=name)[0]
        return create_channel(owner, **{"pay_currency": "BTC", "receiver_currency": "EUR"} | request)

    def topped_up(self, channel: Channel | None = None, amount: str = "0.01", *, risk: str = "low") -> ChannelPayment:
        """A payment on a channel that the network has confirmed."""
        channel = channel or self.channel()
        self.sandbox.pay(channel, amount, risk=risk)
        self.sandbox.confirm(channel)
        self.sandbox.deliver()
        return channel.payments.latest("seen_at")

    def url(self, name: str, *args: object) -> str:
        return reverse(f"admin:cryptopay_django_{name}", args=args)


@pytest.fixture
def desk(db, cryptopay_sandbox) -> Desk:
    return Desk(cryptopay_sandbox)


def filled(response, **values: str) -> dict[str, str]:
    """Return what a browser posts of a form that was shown: its hidden fields, and what was filled in."""
    form = response.context["form"]
    hidden = {field.html_name: str(field.value() or "") for field in form.hidden_fields()}
    return {**hidden, **values}


def told(response) -> str:
    """Return the messages on a page, as one text."""
    return " ".join(str(message) for message in response.context["messages"])


def tasks(page: Any) -> dict[str, int]:
    """Return what the overview says that needs doing, and how many of each."""
    return {task.label: task.count for task, _oldest in page.context["tasks"]}

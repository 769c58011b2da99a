"""A shop that trades for a while, by a seed: orders of all endings, top-ups, refunds, payouts, exchanges, deposits.

The sandbox and the clock of the app go together. Between two acts nothing is under way for long, so that what happens
there and what is learned here are in the same month.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from cryptopay_django.conf import client_for
from cryptopay_django.models import ChannelPayment, Invoice, Schedule
from cryptopay_django.sandbox import ledger
from cryptopay_django.services import (
    create_channel,
    create_invoice,
    quote_refund,
    quote_settlement,
    refresh_channel_payment,
    refresh_invoice,
    refund_invoice,
    settle_invoice,
)
from tests.services.desk import ADDRESS, Wire
from tests.services.returning import work
from tests.services.topping import customer

COINS = ("BTC", "ETH", "USDT", "SHIB", "SOL", "LTC")
PRICES = (("EUR", "80"), ("USD", "49.99"), ("GBP", "120.10"), ("JPY", "9001"), ("EUR", "33.33"))


class Trade:
    """The acts of a shop's year, and its clock: `clock` is what moves the app's time."""

    def __init__(self, wire: Wire, clock: Any, *, seed: str = "a year") -> None:
        self.wire, self.sandbox, self.clock = wire, wire.sandbox, clock
        self.random = random.Random(seed)
        self.client = client_for("default")
        self.done: list[str] = []
        self.channels: list[Any] = []
        # The gateway's calls are shared by time, and the clock stands still while they are made.
        wire.after_each("GET /api/.*", lambda: Schedule.objects.filter(name__icontains="ledger").delete())
        for currency, amount in (("EUR", "5000"), ("BTC", "0.5"), ("JPY", "100000")):
            self.sandbox.deposit(currency, amount)
        self.acts: tuple[Callable[[], None], ...] = (
            self.paid, self.underpaid, self.overpaid, self.late, self.risky, self.never_paid, self.topped_up,
            self.risky_top_up, self.returned, self.paid_out, self.exchanged, self.deposited, self.of_another_shop,
            self.topped_up_in_coins, self.paid_out_in_vain, self.reversed_top_up, self.priced_in_coins,
        )  # fmt: skip

    def month(self, until: datetime, acts: int) -> None:
        """Act a number of times, some hours or days apart, and end shortly before a time with nothing under way."""
        step = (until - timedelta(hours=8) - timezone.now()) / (acts + 1)
        for _ in range(acts):
            self.pass_time(step * self.random.uniform(0.5, 1))
            act = self.acts[len(self.done) % len(self.acts)]
            self.done.append(act.__name__)
            act()
            self.settle_down()
        self.pass_time(until - timedelta(minutes=30) - timezone.now())
        self.settle_down()
        self.pass_time(until - timedelta(seconds=1) - timezone.now())

    def pass_time(self, delta: timedelta) -> None:
        """Let time pass for both, then deliver callbacks."""
        self.sandbox.advance(seconds=delta.total_seconds())
        self.clock.move_to(self.sandbox.now)
        self.sandbox.deliver()

    def settle_down(self) -> None:
        """Let all that is under way end, and the worker do what is due."""
        for _ in range(2):
            self.pass_time(timedelta(minutes=14))
        work()

    def order(self, **changes: Any) -> Invoice:
        currency, amount = self.random.choice(PRICES)
        asked = {"price_amount": amount, "price_currency": currency, "pay_currency": self.random.choice(COINS)}
        return create_invoice(**{**asked, **changes})

    def paid(self) -> None:
        invoice = self.order()
        self.sandbox.pay(invoice)
        self.sandbox.confirm(invoice)

    def underpaid(self) -> None:
        invoice = self.order()
        self.sandbox.pay(invoice, factor="0.6")
        self.sandbox.confirm(invoice)
        self.pass_time(timedelta(minutes=11))
        self.resolve(invoice)

    def overpaid(self) -> None:
        invoice = self.order()
        self.sandbox.pay(invoice, factor="1.5")
        self.sandbox.confirm(invoice)
        self.pass_time(timedelta(minutes=5))
        self.resolve(invoice)

    def late(self) -> None:
        invoice = self.order()
        self.pass_time(timedelta(minutes=11))
        self.sandbox.pay(invoice)
        self.sandbox.confirm(invoice)
        self.pass_time(timedelta(minutes=1))
        self.resolve(invoice)

    def resolve(self, invoice: Invoice) -> None:
        invoice = refresh_invoice(invoice)
        assert invoice.status == "unresolved"
        way = self.random.choice(("settle", "refund", "address"))
        if way == "settle":
            settle_invoice(invoice, actor="anna", reason="enough", quote=quote_settlement(invoice))
        elif way == "address" and invoice.pay_currency == "BTC":
            refund_invoice(invoice, actor="anna", reason="no", address=ADDRESS)
        else:
            refund_invoice(invoice, actor="anna", reason="no")

    def risky(self) -> None:
        invoice = self.order()
        self.sandbox.pay(invoice, risk="high")
        self.sandbox.confirm(invoice)
        self.pass_time(timedelta(minutes=5))
        self.sandbox.decide(invoice, self.random.choice(("complete", "refund")))

    def never_paid(self) -> None:
        self.order()

    def channel(self, **asked: Any) -> Any:
        return create_channel(customer(f"owner {len(self.done)}"), **asked)

    def topped_up(self) -> None:
        channel = self.channel(pay_currency="ETH", receiver_currency="EUR")
        self.sandbox.pay(channel, "0.1234567")
        self.sandbox.confirm(channel)

    def topped_up_in_coins(self) -> None:
        channel = self.channel(pay_currency="USDT", receiver_currency="USDT")
        self.sandbox.pay(channel, "77.654321")
        self.sandbox.confirm(channel)

    def risky_top_up(self) -> None:
        channel = self.channel(pay_currency="BTC", receiver_currency="EUR")
        self.sandbox.pay(channel, "0.02", risk="high")
        self.sandbox.confirm(channel)
        self.pass_time(timedelta(minutes=5))
        self.sandbox.decide(ChannelPayment.objects.latest("seen_at"), "refund")

    def reversed_top_up(self) -> None:
        self.topped_up()
        self.pass_time(timedelta(minutes=20))
        payment = ChannelPayment.objects.latest("seen_at")
        assert payment.status == "completed"
        self.sandbox.decide(payment, "refund")
        self.sandbox.deliver()
        refresh_channel_payment(payment)

    def returned(self) -> None:
        invoice = self.order(price_amount="90", price_currency="EUR", pay_currency="BTC")
        self.sandbox.pay(invoice)
        self.sandbox.confirm(invoice)
        self.settle_down()
        invoice = refresh_invoice(invoice)
        quote = quote_refund(invoice, amount=Decimal("40.50"), address=ADDRESS)
        refund_invoice(invoice, actor="ada", reason="came back", quote=quote)

    def paid_out(self) -> None:
        charged = self.random.choice(("EUR", "BTC"))
        amount = {"EUR": Decimal("250.01"), "BTC": Decimal("0.01234567")}[charged]
        self.pay_out(charged, amount)

    def pay_out(self, charged: str, amount: Decimal) -> Any:
        return self.client.create_withdrawal(
            address=ADDRESS,
            charged_currency=charged,
            received_currency="BTC",
            charged_amount=amount,
            force_commit=True,
        )

    def paid_out_in_vain(self) -> None:
        made = self.pay_out("EUR", Decimal("99.99"))
        self.sandbox.decide_withdrawal(str(made.id), "fail")
        self.sandbox.decide_withdrawal(str(made.id), "cancel")

    def exchanged(self) -> None:
        self.client.create_exchange_transfer(
            charged_currency="BTC", received_currency="EUR", charged_amount=Decimal("0.00321"), force_commit=True
        )

    def deposited(self) -> None:
        there = self.sandbox.account()
        ledger.deposit(there.state, "ETH", Decimal("0.123456789012345678"), there.clock.now())

    def of_another_shop(self) -> None:
        """An invoice that another system has made in the same account."""
        made = self.client.create_invoice(
            price_amount=Decimal("20.20"),
            price_currency="EUR",
            pay_currency="LTC",
            custom_id=f"other {len(self.done)}",
        )
        self.sandbox.pay(str(made.id))
        self.sandbox.confirm(str(made.id))

    def priced_in_coins(self) -> None:
        invoice = self.order(price_amount="0.00345678", price_currency="BTC", pay_currency="BTC")
        self.sandbox.pay(invoice)
        self.sandbox.confirm(invoice)

    def balances(self) -> dict[str, Decimal]:
        """Return what the gateway has now, by currency, without what is empty."""
        self.sandbox.transactions()
        return {name: amount for name, amount in self.sandbox.account().state.account.balances.items() if amount}

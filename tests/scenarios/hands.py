"""The customer's, the chain's and the gateway's hands, twice: in this process, and over HTTP by the control API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol

import requests

from cryptopay_django.models import Invoice
from cryptopay_django.sandbox.server import SandboxServer
from cryptopay_django.testing.inprocess import InProcessSandbox

EXPIRY = timedelta(minutes=10, seconds=1)
TWO_WEEKS = timedelta(days=14)


class Hands(Protocol):
    """What can be done to an invoice from outside the shop. All callbacks are delivered when a method returns."""

    def pay(self, invoice: Invoice, **how: Any) -> None: ...

    def confirm(self, invoice: Invoice) -> None: ...

    def decide(self, invoice: Invoice, decision: str) -> None: ...

    def advance(self, delta: timedelta) -> None: ...

    def settings(self, **values: str) -> None: ...

    def resend_everything(self, invoice: Invoice) -> int: ...


class InProcessHands:
    """Through the fixture `cryptopay_sandbox`: no socket, no thread."""

    def __init__(self, sandbox: InProcessSandbox) -> None:
        self.sandbox = sandbox

    def pay(self, invoice: Invoice, **how: Any) -> None:
        self.sandbox.pay(invoice, **how)
        self.sandbox.deliver()

    def confirm(self, invoice: Invoice) -> None:
        self.sandbox.confirm(invoice)
        self.sandbox.deliver()

    def decide(self, invoice: Invoice, decision: str) -> None:
        self.sandbox.decide(invoice, decision)
        self.sandbox.deliver()

    def advance(self, delta: timedelta) -> None:
        self.sandbox.advance(seconds=delta.total_seconds(), deliver=True)

    def settings(self, **values: str) -> None:
        self.sandbox.settings(**values)

    def resend_everything(self, invoice: Invoice) -> int:
        callbacks = self.sandbox.callbacks(invoice)
        for callback in reversed(callbacks):
            self.sandbox.resend(callback)
            self.sandbox.deliver()
        return len(callbacks)


class RemoteHands:
    """Through the control API of a sandbox that is served over HTTP."""

    def __init__(self, server: SandboxServer) -> None:
        self.url = server.url

    def control(self, action: str, **body: Any) -> Any:
        response = requests.post(f"{self.url}/control/{action}", json=body, timeout=30)
        assert response.ok, response.text
        return response.json()

    def pay(self, invoice: Invoice, **how: Any) -> None:
        self.control("pay", invoice_id=str(invoice.gateway_id), **how)

    def confirm(self, invoice: Invoice) -> None:
        self.control("confirm", invoice_id=str(invoice.gateway_id))

    def decide(self, invoice: Invoice, decision: str) -> None:
        self.control("decide", invoice_id=str(invoice.gateway_id), decision=decision)

    def advance(self, delta: timedelta) -> None:
        self.control("advance", seconds=int(delta.total_seconds()))

    def settings(self, **values: str) -> None:
        self.control("settings", **values)

    def resend_everything(self, invoice: Invoice) -> int:
        log = requests.get(f"{self.url}/control/state", timeout=30).json()["callbacks"]
        callbacks = [entry for entry in log if entry["subject_id"] == str(invoice.gateway_id)]
        for entry in reversed(callbacks):
            self.control("resend", callback_id=entry["id"])
        return len(callbacks)


def pay(factor: str, **how: Any) -> Callable[[Hands, Invoice], None]:
    return lambda hands, invoice: hands.pay(invoice, factor=factor, **how)


def pay_the_rest(hands: Hands, invoice: Invoice) -> None:
    hands.pay(invoice, amount="rest")


def double_spend(hands: Hands, invoice: Invoice) -> None:
    hands.pay(invoice, double_spend=True)


def confirm(hands: Hands, invoice: Invoice) -> None:
    hands.confirm(invoice)


def expire(hands: Hands, invoice: Invoice) -> None:
    hands.advance(EXPIRY)


def wait_two_weeks(hands: Hands, invoice: Invoice) -> None:
    hands.advance(TWO_WEEKS)


def decide(decision: str) -> Callable[[Hands, Invoice], None]:
    return lambda hands, invoice: hands.decide(invoice, decision)

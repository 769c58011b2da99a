"""The sandbox inside a test process: the gateway of every configured account, and the customer's hands.

def test_underpaid(cryptopay_sandbox, db):
    invoice = create_invoice(...)
    cryptopay_sandbox.pay(invoice, factor="0.9")
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.advance(minutes=11)
    cryptopay_sandbox.deliver()
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import urlsplit

from django.test import Client, override_settings
from requests.adapters import BaseAdapter

from ..conf import get_account
from ..links import path_of
from ..sandbox.account import Account
from ..sandbox.adapter import SandboxAdapter
from ..sandbox.callbacks import LOGGED_BYTES, Answer, Attempt, Callback
from ..sandbox.clock import Clock
from ..sandbox.core import Sandbox, travel
from ..sandbox.invoices import Invoice, Transaction
from ..sandbox.refusals import RefusalError, not_found

DEFAULT_ACCOUNT = "default"


class InvoiceRow(Protocol):
    """The needed part of a row of ours: its account, and its id at the gateway."""

    account: Any
    gateway_id: Any


InvoiceReference = InvoiceRow | str | object


class InProcessSandbox:
    """One sandbox for each entry of CRYPTOPAY_ACCOUNTS, made when first used, all on one clock.

    The clock starts at the real time and moves by `advance` only; the real clock, which the project
    under test reads, stays where it is. An `invoice` is a row of ours or an id at the gateway.
    """

    def __init__(self, *, seed: str = "test") -> None:
        self.clock = Clock()
        self.seed = seed
        self._sandboxes: dict[str, Sandbox] = {}
        self._client = Client(enforce_csrf_checks=True, raise_request_exception=False)
        self._override = override_settings(CRYPTOPAY_HTTP_ADAPTER=self.adapter_for)

    def __enter__(self) -> Self:
        self._override.enable()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._override.disable()

    def adapter_for(self, account_name: str) -> BaseAdapter:
        """Return the transport of an account; what the setting CRYPTOPAY_HTTP_ADAPTER asks for."""
        return SandboxAdapter(self.account(account_name))

    def account(self, name: str = DEFAULT_ACCOUNT) -> Sandbox:
        """Return the sandbox of one account, for what the shortcuts here do not cover."""
        if name not in self._sandboxes:
            self._sandboxes[name] = self._make(name)
        return self._sandboxes[name]

    @property
    def now(self) -> datetime:
        """The sandbox's time."""
        return self.clock.now()

    def invoice(self, invoice: InvoiceReference) -> Invoice:
        """Return the gateway's own view of an invoice: `status`, `context`, `paid_amount`, `timeline`, ..."""
        return self._locate(invoice)[1]

    def invoices(self, account: str = DEFAULT_ACCOUNT) -> list[Invoice]:
        """Return an account's invoices, newest first."""
        return list(reversed(self.account(account).state.invoices.values()))

    def callbacks(self, invoice: InvoiceReference) -> list[Callback]:
        """Return the invoice's callbacks in the order in which they happened, delivered or not."""
        sandbox, found = self._locate(invoice)
        return [callback for callback in sandbox.state.outbox.log.values() if callback.invoice_id == found.id]

    def pay(
        self,
        invoice: InvoiceReference,
        factor: str | Decimal = "1",
        amount: str | Decimal | None = None,
        risk: str = "low",
        *,
        double_spend: bool = False,
    ) -> Transaction:
        """Pay a factor of what the invoice asks for, or an amount; "rest" is what is still missing.

        The gateway sees it at once. A double spend never confirms. Nothing is posted before `deliver`.
        """
        sandbox, found = self._locate(invoice)
        return sandbox.pay(found.id, factor=factor, amount=amount, risk=risk, double_spend=double_spend)

    def confirm(self, invoice: InvoiceReference) -> Invoice:
        """Bring all confirmations that the invoice's payments need, without moving the clock."""
        sandbox, found = self._locate(invoice)
        return sandbox.confirm(found.id)

    def advance(
        self,
        *,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
        deliver: bool = False,
    ) -> list[Attempt]:
        """Move the sandbox's clock; with `deliver`, post what falls due on the way at its time."""
        sandboxes = list(self._sandboxes.values()) or [self.account()]
        delta = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        return travel(sandboxes, delta, deliver=deliver)

    def deliver(self) -> list[Attempt]:
        """Post every callback that is due now, and what that sets off; return each attempt, oldest first."""
        attempts: list[Attempt] = []
        while True:
            posted = [attempt for sandbox in self._sandboxes.values() for attempt in sandbox.deliver()]
            if not posted:
                return attempts
            attempts += posted

    def settings(self, account: str = DEFAULT_ACCOUNT, **values: Any) -> None:
        """Change an account's settings at the gateway: `underpaid="refund"`, `overpaid="recalculate"`, ..."""
        self.account(account).change_settings(values)

    def trouble(self, account: str = DEFAULT_ACCOUNT, **probabilities: object) -> None:
        """Make trouble with these chances from 0 to 1: `duplicate="0.2"`, `drop="0.1"`, `all="0.05"`, `all=0`."""
        self.account(account).trouble(probabilities)

    def fail_next(
        self, fault: str, *, after_effect: bool = False, count: int = 1, account: str = DEFAULT_ACCOUNT
    ) -> None:
        """Let the next callback or request to the API meet a fault for certain: "timeout", "error", "cut", ..."""
        self.account(account).fail_next(fault, after_effect=after_effect, count=count)

    def decide(self, invoice: InvoiceReference, decision: str) -> Invoice:
        """Let the monitoring desk "complete" or "refund" an invoice that is on hold."""
        sandbox, found = self._locate(invoice)
        return sandbox.decide(found.id, decision)

    def resend(self, callback: Callback | Attempt | str) -> Callback:
        """Queue a callback again with its old body, as "resend" in the account does; `deliver` posts it."""
        if isinstance(callback, str):
            callback_id = callback
        else:
            callback_id = callback.id if isinstance(callback, Callback) else callback.callback_id
        for sandbox in self._sandboxes.values():
            if callback_id in sandbox.state.outbox.log:
                return sandbox.resend(callback_id)
        raise not_found()

    def _locate(self, invoice: InvoiceReference) -> tuple[Sandbox, Invoice]:
        gateway_id = str(getattr(invoice, "gateway_id", invoice))
        for sandbox in self._sandboxes.values():
            if gateway_id in sandbox.state.invoices:
                return sandbox, sandbox.find(gateway_id)
        raise RefusalError(404, "not_found", f"the sandbox has no invoice {gateway_id}")

    def _make(self, name: str) -> Sandbox:
        configured = get_account(name)
        url = path_of("callback") if name == DEFAULT_ACCOUNT else path_of("account-callback", name)
        account = Account(
            name=name,
            api_key=configured.api_key,
            api_secret=configured.api_secret,
            callback_secrets=list(configured.callback_secrets),
            callback_url=url,
            rate_limit=None,
        )
        return Sandbox(
            account=account, seed=f"{self.seed} {name}", clock=self.clock, base_url="https://sandbox.invalid",
            post=self._post,
        )  # fmt: skip

    def _post(self, url: str, headers: dict[str, str], body: bytes) -> Answer:
        path = urlsplit(url).path
        extra = {name: value for name, value in headers.items() if name != "Content-Type"}
        response = self._client.post(path, data=body, content_type=headers["Content-Type"], headers=extra, secure=True)
        content = b"" if response.streaming else response.content[:LOGGED_BYTES]
        return Answer(response.status_code, content)

"""Runs the sandbox inside a test process. It replaces the gateway of every account, and plays the customer.

def test_underpaid(cryptopay_sandbox, db):
    invoice = create_invoice(...)
    cryptopay_sandbox.pay(invoice, factor="0.9")
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.advance(minutes=11)
    cryptopay_sandbox.deliver()
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import datetime, timedelta
from decimal import Decimal
from types import TracebackType
from typing import Any, Protocol, Self, overload
from urllib.parse import urlsplit

from django.test import Client, override_settings
from django.urls import get_script_prefix
from requests.adapters import BaseAdapter

from ..caching import empty_space
from ..conf import get_account
from ..links import path_of
from ..sandbox import channel_controls
from ..sandbox.account import Account
from ..sandbox.adapter import SandboxAdapter
from ..sandbox.callbacks import LOGGED_BYTES, Answer, Attempt, Callback
from ..sandbox.channels import Channel, ChannelPayment
from ..sandbox.clock import Clock
from ..sandbox.core import Sandbox, travel
from ..sandbox.invoices import Invoice, Transaction
from ..sandbox.refusals import RefusalError, not_found
from .channels import ChannelHands, ChannelPaymentRow, ChannelRow, id_of
from .money import DEFAULT_ACCOUNT, MoneyHands


class InvoiceRow(Protocol):
    """The needed attributes of an invoice: its account and its id at the gateway."""

    account: Any
    gateway_id: Any


InvoiceReference = InvoiceRow | str | object


class InProcessSandbox(ChannelHands, MoneyHands):
    """One sandbox for each entry of CRYPTOPAY_ACCOUNTS, created on first use. All share one clock.

    The clock starts at the real time and moves by `advance` only; the real clock, which the project
    under test reads, stays where it is. An invoice, a channel or a payment of a channel is named by a row of
    ours or by its id at the gateway.
    """

    def __init__(self, *, seed: str = "test") -> None:
        self.clock = Clock()
        self.seed = seed
        self._sandboxes: dict[str, Sandbox] = {}
        self._making = threading.Lock()
        self._client = Client(enforce_csrf_checks=True, raise_request_exception=False)
        self._override = override_settings(CRYPTOPAY_HTTP_ADAPTER=self.adapter_for)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(empty_space())
            stack.enter_context(self._override)
            self._entered = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._entered.close()

    def adapter_for(self, account_name: str) -> BaseAdapter:
        """Return the adapter of an account, for the setting CRYPTOPAY_HTTP_ADAPTER."""
        return SandboxAdapter(self.account(account_name))

    def account(self, name: str = DEFAULT_ACCOUNT) -> Sandbox:
        """Return the sandbox of one account, for methods without a shortcut here."""
        with self._making:  # threads of a test may be the first to use it, all at once
            if name not in self._sandboxes:
                self._sandboxes[name] = self._make(name)
            return self._sandboxes[name]

    def all_accounts(self) -> Iterable[Sandbox]:
        """Return the sandboxes of all accounts that were used."""
        return self._sandboxes.values()

    @property
    def now(self) -> datetime:
        """The time on the sandbox's clock."""
        return self.clock.now()

    def invoice(self, invoice: InvoiceReference) -> Invoice:
        """Return the gateway's data of an invoice: `status`, `context`, `paid_amount`, `timeline`, ..."""
        return self._locate(invoice)[1]

    def invoices(self, account: str = DEFAULT_ACCOUNT) -> list[Invoice]:
        """Return an account's invoices, newest first."""
        return list(reversed(self.account(account).state.invoices.values()))

    def callbacks(self, subject: InvoiceReference) -> list[Callback]:
        """Return the callbacks about an invoice or a payment of a channel, as they happened, delivered or not."""
        subject_id = id_of(subject)
        logs = (sandbox.state.outbox.log.values() for sandbox in self._sandboxes.values())
        return [callback for log in logs for callback in log if callback.subject_id == subject_id]

    @overload
    def pay(  # type: ignore[overload-overlap]  # a channel is no invoice, which the types cannot say
        self, subject: ChannelRow, amount: str | Decimal, /, *, risk: str = ..., double_spend: bool = ...
    ) -> ChannelPayment: ...

    @overload
    def pay(
        self,
        subject: InvoiceReference,
        factor: str | Decimal = ...,
        amount: str | Decimal | None = ...,
        risk: str = ...,
        *,
        double_spend: bool = ...,
    ) -> Transaction: ...

    def pay(
        self,
        subject: InvoiceReference,
        factor: str | Decimal | None = None,
        amount: str | Decimal | None = None,
        risk: str = "low",
        *,
        double_spend: bool = False,
    ) -> Transaction | ChannelPayment:
        """Pay an invoice a factor of what it asks for, or an amount ("rest": what is missing); a channel an amount.

        The gateway sees it at once. A double spend is never confirmed. Callbacks are posted by `deliver`.
        """
        if (found_channel := self._find_channel(subject)) is not None:
            sandbox, channel = found_channel
            coins = amount if factor is None else factor
            return channel_controls.pay(sandbox, channel.id, coins or "", risk=risk, double_spend=double_spend)
        sandbox, found = self._locate(subject)
        return sandbox.pay(
            found.id, factor="1" if factor is None else factor, amount=amount, risk=risk, double_spend=double_spend
        )

    @overload
    def confirm(self, subject: ChannelRow) -> Channel: ...  # type: ignore[overload-overlap]  # as above

    @overload
    def confirm(self, subject: InvoiceReference) -> Invoice: ...

    def confirm(self, subject: InvoiceReference) -> Invoice | Channel:
        """Bring all confirmations that the payments of an invoice or a channel need, without moving the clock."""
        if (found_channel := self._find_channel(subject)) is not None:
            sandbox, channel = found_channel
            return channel_controls.confirm(sandbox, channel.id)
        sandbox, found = self._locate(subject)
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
        """Move the sandbox's clock. With `deliver`, post callbacks when they become due."""
        sandboxes = list(self._sandboxes.values()) or [self.account()]
        delta = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        return travel(sandboxes, delta, deliver=deliver)

    def deliver(self) -> list[Attempt]:
        """Post every due callback, and those that follow from it; return each attempt, the oldest first."""
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
        """Cause random faults with these probabilities from 0 to 1, such as `duplicate="0.2"` or `all="0.05"`."""
        self.account(account).trouble(probabilities)

    def fail_next(
        self, fault: str, *, after_effect: bool = False, count: int = 1, account: str = DEFAULT_ACCOUNT
    ) -> None:
        """Cause a fault in the next callback or request: "timeout", "error", "cut", ..."""
        self.account(account).fail_next(fault, after_effect=after_effect, count=count)

    def variants(self, account: str = DEFAULT_ACCOUNT, **answers: str) -> None:
        """Answer what no source proves otherwise than by default: `refund_address="ignored"`, ..."""
        self.account(account).variants(answers)

    @overload
    def decide(  # type: ignore[overload-overlap]  # as above
        self, subject: ChannelPaymentRow, decision: str
    ) -> ChannelPayment: ...

    @overload
    def decide(self, subject: InvoiceReference, decision: str) -> Invoice: ...

    def decide(self, subject: InvoiceReference, decision: str) -> Invoice | ChannelPayment:
        """Let the monitoring team "complete" or "refund" an invoice, or a payment of a channel, that is on hold.

        A payment of a channel that was credited can be refunded too: the gateway goes back on its credit.
        """
        if (payment := self._find_payment(subject)) is not None:
            return channel_controls.decide(*payment, decision)
        sandbox, found = self._locate(subject)
        return sandbox.decide(found.id, decision)

    def resend(self, callback: Callback | Attempt | str) -> Callback:
        """Queue a callback again with its old body, like "resend" in the account. `deliver` posts it."""
        if isinstance(callback, str):
            callback_id = callback
        else:
            callback_id = callback.id if isinstance(callback, Callback) else callback.callback_id
        for sandbox in self._sandboxes.values():
            if callback_id in sandbox.state.outbox.log:
                return sandbox.resend(callback_id)
        raise not_found()

    def _locate(self, invoice: InvoiceReference) -> tuple[Sandbox, Invoice]:
        gateway_id = id_of(invoice)
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
        """Post a callback to the site as its proxy would: at its own host, and below its own path."""
        prefix = get_script_prefix()
        extra = {name: value for name, value in headers.items() if name != "Content-Type"}
        # The gateway is given the URL with "www.", which the test client's host has not.
        with override_settings(PREPEND_WWW=False):
            response = self._client.post(
                "/" + urlsplit(url).path.removeprefix(prefix),
                data=body,
                content_type=headers["Content-Type"],
                headers=extra,
                secure=True,
                SCRIPT_NAME=prefix.rstrip("/"),
            )
        content = b"" if response.streaming else response.content[:LOGGED_BYTES]
        return Answer(response.status_code, content)

"""The sandbox of one account: state, clock and lock, and everything that can be done to it from outside."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from . import api, chain, resolutions
from .account import Account
from .amounts import EXACT, round_half_up
from .callbacks import Answer, Attempt, Callback, Post, make_headers, sign
from .clock import Clock
from .coins import COINS
from .forms import parse_amount
from .invoices import Invoice, Risk, Transaction
from .refusals import RefusalError, not_found
from .state import State

DEFAULT_BASE_URL = "http://127.0.0.1:8100"
# Longer than one attempt can take, so that waiting for somebody else's attempt always ends.
PATIENCE_SECONDS = 30

_AGENDA: dict[str, Callable[[State, Invoice, str, datetime], None]] = {
    "expire": lambda state, invoice, _, at: chain.expire(state, invoice, at),
    "cancel": lambda state, invoice, _, at: chain.cancel(state, invoice, at),
    "confirm": chain.confirm,
    "broadcast_refund": resolutions.broadcast_refund,
}


def refuse_to_post(url: str, headers: dict[str, str], body: bytes) -> Answer:
    """Deliver nothing: what a sandbox does that was given no way to post."""
    return Answer(None, error="no callback URL is set")


class Sandbox:
    """One account at the gateway. Thread-safe: one lock, never held while a callback is on its way.

    `post` is how callbacks leave; `clock` can be shared by several sandboxes (see `travel`).
    """

    def __init__(
        self,
        *,
        account: Account | None = None,
        seed: str = "sandbox",
        clock: Clock | None = None,
        base_url: str = DEFAULT_BASE_URL,
        post: Post = refuse_to_post,
    ) -> None:
        self.clock = clock or Clock()
        self.post = post
        self.changed = threading.Condition(threading.RLock())
        self.state = State(seed=seed, clock=self.clock, account=account or Account(), base_url=base_url)
        self._resets = 0
        self._posting: set[int] = set()

    @property
    def account(self) -> Account:
        """The merchant's account."""
        return self.state.account

    def handle(self, request: api.Request) -> api.Response:
        """Answer a request to the REST API."""
        with self.changed:
            response = api.respond(self.state, request, self._settle_now())
            self.changed.notify_all()
            return response

    def find(self, invoice_id: str) -> Invoice:
        """Return an invoice by its id; RefusalError (404) when there is none."""
        with self.changed:
            self._settle_now()
            return self.state.find(invoice_id)

    def pay(
        self,
        invoice_id: str,
        *,
        factor: str | Decimal = "1",
        amount: str | Decimal | None = None,
        risk: str = "low",
        double_spend: bool = False,
    ) -> Transaction:
        """Pay from the customer's wallet: an amount, or a factor of what the invoice asks for.

        The amount "rest" is what is still missing. A double spend is seen but never confirms.
        """
        with self.changed:
            now = self._settle_now()
            invoice = self.state.find(invoice_id)
            transaction = chain.broadcast(
                self.state,
                invoice,
                amount=_choose_amount(invoice, factor, amount),
                risk=_choose_risk(risk),
                doomed=double_spend,
                at=now,
            )
            self.changed.notify_all()
            return transaction

    def confirm(self, invoice_id: str) -> Invoice:
        """Bring all confirmations that the invoice's payments still need, without moving the clock."""
        with self.changed:
            now = self._settle_now()
            invoice = self.state.find(invoice_id)
            chain.confirm_all(self.state, invoice, now)
            self.changed.notify_all()
            return invoice

    def decide(self, invoice_id: str, decision: str) -> Invoice:
        """Let the monitoring desk "complete" or "refund" an invoice on hold."""
        with self.changed:
            now = self._settle_now()
            invoice = self.state.find(invoice_id)
            resolutions.decide_by_desk(self.state, invoice, decision=decision, at=now)
            self.changed.notify_all()
            return invoice

    def change_settings(self, values: dict[str, Any]) -> None:
        """Change the account's settings; a new `callback_secret` signs from now on."""
        with self.changed:
            self.account.change(values)

    def resend(self, callback_id: str) -> Callback:
        """Queue a logged callback again, with its old body, signed with today's secret."""
        with self.changed:
            callback = self.state.outbox.log.get(callback_id)
            if callback is None:
                raise not_found("The callback")
            signature = sign(callback.body, self.account.callback_secrets[0])
            self.state.outbox.requeue(callback, due_at=self.clock.now(), signature=signature)
            self.changed.notify_all()
            return callback

    def reset(self) -> None:
        """Forget everything but the credentials and the callback URL; ids made afterwards are new ones."""
        with self.changed:
            self._resets += 1
            old = self.account
            account = Account(
                name=old.name,
                api_key=old.api_key,
                api_secret=old.api_secret,
                callback_secrets=old.callback_secrets[:1],
                callback_url=old.callback_url,
                rate_limit=old.rate_limit,
            )
            seed = f"{self.state.seed.partition('#')[0]}#{self._resets}"
            self.clock.restart()
            self.state = State(seed=seed, clock=self.clock, account=account, base_url=self.state.base_url)
            self.changed.notify_all()

    def next_due(self, *, deliver: bool) -> datetime | None:
        """Return when something falls due: on the agenda or, when told so, in the outbox."""
        with self.changed:
            times = [self.state.next_due(), self.state.outbox.next_due() if deliver else None]
            return min((moment for moment in times if moment is not None), default=None)

    def run_due(self) -> None:
        """Do what is due on the agenda by now."""
        with self.changed:
            self._settle_now()

    def deliver(self) -> list[Attempt]:
        """Post every callback that is due, oldest first, and return when each was delivered or tried."""
        attempts: list[Attempt] = []
        if threading.get_ident() in self._posting:
            return attempts
        patience = time.monotonic() + PATIENCE_SECONDS
        while True:
            with self.changed:
                state = self.state
                callback = state.outbox.claim(self._settle_now())
                if callback is None:
                    if not state.outbox.is_sending() or time.monotonic() > patience:
                        return attempts
                    self.changed.wait(1)
                    continue
                url, headers = self.account.callback_url, make_headers(callback.signature)
            answer = self._post(url, headers, callback.body)
            with self.changed:
                now = self.clock.now()
                attempt = Attempt(
                    callback.id, now, callback.event, callback.invoice_id, url, headers, callback.body, answer
                )
                state.outbox.record(callback, attempt, now=now)
                attempts.append(attempt)
                self.changed.notify_all()

    def _post(self, url: str, headers: dict[str, str], body: bytes) -> Answer:
        thread = threading.get_ident()
        self._posting.add(thread)
        try:
            return self.post(url, headers, body)
        except Exception as error:  # noqa: BLE001 - whatever the host does, the gateway goes on
            return Answer(None, error=f"{type(error).__name__}: {error}")
        finally:
            self._posting.discard(thread)

    def _settle_now(self) -> datetime:
        now = self.clock.now()
        while (due := self.state.take_due(now)) is not None:
            at, kind, invoice_id, subject = due
            _AGENDA[kind](self.state, self.state.find(invoice_id), subject, at)
        return now


def travel(sandboxes: Sequence[Sandbox], delta: timedelta, *, deliver: bool = True) -> list[Attempt]:
    """Move the clock that these sandboxes share, doing all that falls due on the way, in order."""
    clock = sandboxes[0].clock
    target = clock.now() + delta
    attempts: list[Attempt] = []
    while True:
        times = [sandbox.next_due(deliver=deliver) for sandbox in sandboxes]
        due = min((moment for moment in times if moment is not None), default=None)
        if due is None or due > target:
            break
        clock.jump_to(due)
        for sandbox in sandboxes:
            sandbox.run_due()
            if deliver:
                attempts += sandbox.deliver()
    clock.jump_to(target)
    return attempts


def _choose_amount(invoice: Invoice, factor: str | Decimal, amount: str | Decimal | None) -> Decimal:
    if amount == "rest":
        return EXACT.subtract(invoice.pay_amount, invoice.paid_amount)
    places = COINS[invoice.pay_currency].precision
    name, value = ("factor", factor) if amount is None else ("amount", amount)
    number = parse_amount(value)
    if number is None:
        details = [{"field": name, "message": "is not a number"}]
        raise RefusalError(422, "validation_error", "The payment is not valid", details)
    return round_half_up(EXACT.multiply(number, invoice.pay_amount) if amount is None else number, places)


def _choose_risk(risk: str) -> Risk:
    try:
        return Risk(risk)
    except ValueError as error:
        details = [{"field": "risk", "message": f"must be one of {', '.join(Risk)}"}]
        raise RefusalError(422, "validation_error", "The payment is not valid", details) from error

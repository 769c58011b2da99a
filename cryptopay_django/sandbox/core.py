"""Combines the sandbox of one account: state, clock and lock, and every action from outside."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from . import api, invoice_payments, resolutions
from .account import Account
from .agenda import AGENDA
from .amounts import EXACT, round_half_up
from .callbacks import Answer, Attempt, Callback, Post, sign
from .clock import Clock
from .deliver_callbacks import deliver_due
from .forms import parse_amount
from .invoices import Invoice, Risk, Transaction
from .refusals import detail, invalid, not_found, not_one_of
from .routing import Request, Response
from .simulated_coins import COINS
from .state import State

DEFAULT_BASE_URL = "http://127.0.0.1:8100"


def refuse_to_post(url: str, headers: dict[str, str], body: bytes) -> Answer:
    """Deliver nothing: what a sandbox does that was given no way to post."""
    return Answer(None, error="no callback URL is set")


class Sandbox:
    """One account at the gateway. Thread-safe: one lock, which is free while a callback is on its way.

    `post` is how callbacks leave; `keep` is given the state after every change; `clock` can be shared by
    several sandboxes (see `travel`). A `state` brings seed, clock, account and base URL of its own.
    """

    def __init__(
        self,
        *,
        account: Account | None = None,
        seed: str = "sandbox",
        clock: Clock | None = None,
        base_url: str = DEFAULT_BASE_URL,
        post: Post = refuse_to_post,
        keep: Callable[[State], None] = lambda state: None,
        state: State | None = None,
    ) -> None:
        clock = state.clock if state else clock or Clock()
        self.clock = clock
        self.post = post
        self.keep = keep
        self.changed = threading.Condition(threading.RLock())
        self.state = state or State(seed=seed, clock=clock, account=account or Account(), base_url=base_url)
        self._resets = 0
        # Whether duplicates leave at the same time; in one process without threads they leave in turn.
        self.parallel = False
        # The threads that are posting a callback now.
        self.posting: set[int] = set()

    @property
    def account(self) -> Account:
        """The merchant's account."""
        return self.state.account

    def handle(self, request: Request) -> Response:
        """Answer a request to the REST API."""
        with self.changed:
            now, state = self.settle_now(), self.state
            mishap = state.trouble.befall_request()
            if mishap is not None and not mishap.after_effect:
                return api.break_down(state, request, mishap, now)
            response = api.respond(state, request, now)
            if request.method != "GET":
                self.note_change()
            return response if mishap is None else api.break_down(state, request, mishap, now)

    @contextmanager
    def acting(self) -> Iterator[tuple[State, datetime]]:
        """Lock the state while something is done to it at this time, and keep it afterwards."""
        with self.changed:
            yield self.state, self.settle_now()
            self.note_change()

    def find(self, invoice_id: str) -> Invoice:
        """Return an invoice by its id; RefusalError (404) when there is none."""
        with self.changed:
            self.settle_now()
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
            now = self.settle_now()
            invoice = self.state.find(invoice_id)
            transaction = invoice_payments.broadcast(
                self.state,
                invoice,
                amount=_choose_amount(invoice, factor, amount),
                risk=choose_risk(risk),
                doomed=double_spend,
                at=now,
            )
            self.note_change()
            return transaction

    def confirm(self, invoice_id: str) -> Invoice:
        """Bring all confirmations that the invoice's payments still need, without moving the clock."""
        with self.changed:
            now = self.settle_now()
            invoice = self.state.find(invoice_id)
            invoice_payments.confirm_all(self.state, invoice, now)
            self.note_change()
            return invoice

    def decide(self, invoice_id: str, decision: str) -> Invoice:
        """Let the monitoring desk "complete" or "refund" an invoice on hold."""
        with self.changed:
            now = self.settle_now()
            invoice = self.state.find(invoice_id)
            resolutions.decide_by_desk(self.state, invoice, decision=decision, at=now)
            self.note_change()
            return invoice

    def change_settings(self, values: dict[str, Any]) -> None:
        """Change the account's settings; a new `callback_secret` signs from now on."""
        with self.changed:
            self.account.change(values)
            self.note_change()

    def resend(self, callback_id: str) -> Callback:
        """Queue a logged callback again, with its old body, signed with today's secret."""
        with self.changed:
            callback = self.state.outbox.log.get(callback_id)
            if callback is None:
                raise not_found()
            signature = sign(callback.body, self.account.callback_secrets[0])
            self.state.outbox.requeue(callback, due_at=self.clock.now(), signature=signature)
            self.note_change()
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
            self.note_change()

    def next_due(self, *, deliver: bool) -> datetime | None:
        """Return when something falls due: on the agenda or, on request, in the outbox."""
        with self.changed:
            times = [self.state.next_due(), self.state.outbox.next_due() if deliver else None]
            return min((moment for moment in times if moment is not None), default=None)

    def run_due(self) -> None:
        """Do what is due on the agenda by now."""
        with self.changed:
            self.settle_now()

    def deliver(self) -> list[Attempt]:
        """Post every callback that is due, oldest first, and return when each was delivered or tried."""
        return deliver_due(self)

    def trouble(self, values: Mapping[str, object]) -> None:
        """Set how often each fault happens: see `Trouble.set`."""
        with self.changed:
            self.state.trouble.set(values)
            self.note_change()

    def fail_next(self, fault: str, *, after_effect: bool = False, count: int = 1) -> None:
        """Let the next callbacks or requests meet a fault for certain: see `Trouble.plan`."""
        with self.changed:
            self.state.trouble.plan(fault, after_effect=after_effect, count=count)
            self.note_change()

    def variants(self, values: Mapping[str, object]) -> None:
        """Choose how open questions about the service are answered: see `variants.QUESTIONS`."""
        with self.changed:
            self.state.variants.change(values)
            self.note_change()

    def note_change(self) -> None:
        """Wake who waits for a change, and keep the state where it is to be kept. The caller has the lock."""
        self.changed.notify_all()
        self.keep(self.state)

    def settle_now(self) -> datetime:
        """Do what is due on the agenda, and return the time. The caller has the lock."""
        now = self.clock.now()
        while (due := self.state.take_due(now)) is not None:
            at, kind, subject_id, part = due
            AGENDA[kind](self.state, subject_id, part, at)
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
    for sandbox in sandboxes:
        with sandbox.changed:
            sandbox.note_change()
    return attempts


def _choose_amount(invoice: Invoice, factor: str | Decimal, amount: str | Decimal | None) -> Decimal:
    if amount == "rest":
        return EXACT.subtract(invoice.pay_amount, invoice.paid_amount)
    places = COINS[invoice.pay_currency].precision
    name, value = ("factor", factor) if amount is None else ("amount", amount)
    number = read_number(name, value)
    return round_half_up(EXACT.multiply(number, invoice.pay_amount) if amount is None else number, places)


def read_number(name: str, value: object) -> Decimal:
    """Read an amount or a factor; RefusalError (422) when it is neither."""
    number = parse_amount(value)
    if number is None:
        raise invalid(detail("must_be_decimal", name, "must be a decimal"))
    return number


def choose_risk(risk: str) -> Risk:
    """Read a level of risk; RefusalError (422) when it is none."""
    try:
        return Risk(risk)
    except ValueError as error:
        raise invalid(not_one_of("risk", Risk)) from error

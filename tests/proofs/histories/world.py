"""The plain world: customers who pay, time, trouble on the network, a shop that breaks, staff who resolve."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any
from uuid import UUID, uuid4

from django.test import override_settings
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from requests import PreparedRequest, Response

from cryptopay_django.exceptions import CreationUnknownError, CryptopayError
from cryptopay_django.models import Callback, HandlerDelivery, Invoice, InvoiceEvent, Resolution
from cryptopay_django.sandbox.invoices import Risk
from cryptopay_django.sandbox.refusals import RefusalError
from cryptopay_django.sandbox.risks import make_wallet
from cryptopay_django.services import (
    create_invoice,
    end_resolution,
    process_overdue,
    reconcile_invoices,
    refresh_invoice,
    refund_invoice,
    release_invoice,
    settle_invoice,
)
from cryptopay_django.services.events.retry import retry_delivery
from cryptopay_django.services.resolution.end_by_hand import ENDABLE_AFTER
from cryptopay_django.testing.factories import callback_headers
from tests.effects.handlers import HANDLERS, broken, registered
from tests.effects.models import Order

from . import promises
from .stage import Gateway, Ordered, Witness, as_a_process, empty_tables, when

QUEUES = (Callback, Resolution, InvoiceEvent, HandlerDelivery)
COINS = ["BTC", "ETH", "USDT", "XRP"]
PRICES = [Decimal("0.03"), Decimal(100), Decimal("2999.99")]
FACTORS = ["0.01", "0.5", "0.999", "1", "1", "1.001", "2"]
WAYS = ["manual", "refund", "recalculate"]
CHANCES = ["0", "0.05", "0.14"]  # seven kinds of trouble share one callback
BEARERS = ["merchant", "customer"]
FUNDS = Decimal(100_000)
picks = st.integers(min_value=0, max_value=10**6)
has_rows = when(lambda self: self.known)


class World(RuleBasedStateMachine):
    """The rules are everything that can happen; `teardown` stops the trouble and holds the promises against it."""

    actors: frozenset[str] = frozenset()
    """What acts in this world besides; promises ask for it where it may do what nothing else can."""

    shop_class: type[Witness] = Witness

    @initialize(confirm=st.booleans(), worker=st.booleans(), short=st.booleans())
    def open_shop(self, *, confirm: bool, worker: bool, short: bool) -> None:
        """Start with empty tables and one invoice. Commits are real."""
        self.stack = ExitStack()
        logging.disable(logging.CRITICAL)  # thousands of expected refusals
        self.stack.callback(logging.disable, logging.NOTSET)
        self.stack.callback(empty_tables)
        self.stack.enter_context(
            override_settings(
                CRYPTOPAY_CONFIRM_WITH_API=confirm,
                CRYPTOPAY_PROCESSING="worker" if worker else "request",
                CRYPTOPAY_FULFIL_SHORT_SETTLEMENTS=short,
                CRYPTOPAY_TOTAL_TIMEOUT=0.1,  # a troubled GET gives up soon
                CRYPTOPAY_HANDLER_ATTEMPTS=2,
            )
        )
        self.confirms = confirm
        self.known: list[UUID] = []
        self.orders: list[Ordered] = []
        self.made_for: dict[str, UUID] = {}
        self.answered: list[str] = []
        self.lost: set[str] = set()
        self.suspicious: set[str] = set()
        self.sandbox = self.stack.enter_context(Gateway(self))
        self.sandbox.deposit("EUR", FUNDS)
        self.shop = self.stack.enter_context(self.shop_class().open())
        self.stack.enter_context(registered())
        self.prepare()
        self.create(0, Decimal(100))

    def prepare(self) -> None:
        """Do what an actor needs before the first order."""

    def as_a_process(self, act: Callable[[], Any]) -> Any:
        return as_a_process(act)

    def sign(self, body: bytes) -> dict[str, str]:
        return callback_headers(body)

    def spell_callback(self, body: bytes) -> bytes:
        """Return a callback as this gateway spells it."""
        return body

    def answer_instead(self, request: PreparedRequest) -> Response | None:
        """Return the answer that takes the place of the sandbox's."""
        return None

    def change_answer(self, request: PreparedRequest, response: Response) -> Response:
        """Return an answer as this gateway spells it."""
        return response

    def pick(self, number: int) -> Invoice:
        """Return one of our rows that the gateway knows."""
        return Invoice.objects.get(pk=self.known[number % len(self.known)])

    def look_for_rows(self) -> None:
        """Take note of which of our rows the gateway knows."""
        named = Invoice.objects.exclude(gateway_id=None).order_by("created_at", "pk")
        self.known = [row.pk for row in named if str(row.gateway_id) in self.sandbox.here.state.invoices]

    @rule(coin=picks, price=st.sampled_from(PRICES))
    def create(self, coin: int, price: Decimal) -> None:
        """Order and check out by a name of the shop's own; after an unclear answer try once more."""
        self.order(coin, price, "order-{}")

    def order(self, coin: int, price: Decimal, name: str) -> None:
        """Save an order and check out; `name` may have a place for its key, and is empty where the shop gives none."""
        key = Order.objects.count()
        order = Ordered(key, uuid4(), price, COINS[coin % len(COINS)], name.format(key) or None)
        self.orders.append(order)
        row = Order.objects.create(key=key, real=order.real)
        for _ in range(2):
            with suppress(CreationUnknownError):
                self.check_out(order, row)
                break

    def check_out(self, order: Ordered, row: Order) -> None:
        """Ask for an invoice; take note of what the gateway makes for it. What it refuses is no order any more."""
        before = set(self.sandbox.here.state.invoices)
        try:
            self.as_a_process(lambda: create_invoice(row, **order.arguments))
        except CreationUnknownError:
            raise
        except CryptopayError:
            if not Invoice.objects.for_order(row).exists():
                self.orders.remove(order)
        finally:
            made = set(self.sandbox.here.state.invoices) - before
            self.made_for |= dict.fromkeys(made, order.real)
            self.look_for_rows()

    @rule(number=picks, factor=st.sampled_from(FACTORS), risk=st.sampled_from(["low", "low", "medium", "high"]))
    @has_rows
    def pay(self, number: int, factor: str, risk: str) -> None:
        self.attempt(lambda row: self.sandbox.pay(row, factor=factor, risk=risk), number)

    @rule(number=picks)
    @has_rows
    def double_spend(self, number: int) -> None:
        self.attempt(lambda row: self.sandbox.pay(row, double_spend=True), number)

    @rule(number=picks)
    @has_rows
    def confirm(self, number: int) -> None:
        self.attempt(self.sandbox.confirm, number)

    @rule(number=picks, decision=st.sampled_from(["complete", "refund"]))
    @has_rows
    def decide(self, number: int, decision: str) -> None:
        self.attempt(lambda row: self.sandbox.decide(row, decision), number)

    def attempt(self, act: Any, number: int) -> None:
        """Do what the gateway may refuse in the state its invoice is in."""
        with suppress(RefusalError):
            act(self.pick(number))

    @rule(number=picks, refund_overage=st.booleans())
    @has_rows
    def settle(self, number: int, *, refund_overage: bool) -> None:
        self.ask(settle_invoice, self.pick(number), actor="ada", reason="asked", refund_overage=refund_overage)

    @rule(number=picks)
    @has_rows
    def refund(self, number: int) -> None:
        self.ask(refund_invoice, self.pick(number), actor="ada", reason="asked")

    @rule(
        number=picks, part=st.sampled_from(["0.3", "0.5", "1"]), in_coin=st.booleans(), bearer=st.sampled_from(BEARERS)
    )
    @has_rows
    def send_back(self, number: int, part: str, *, in_coin: bool, bearer: str) -> None:
        """A person refunds part of a completed order, or all of it; again and again, as far as that is let."""
        paid = Invoice.objects.filter(pk__in=self.known, status="completed", price_amount__gt=50).order_by(
            "created_at"
        )
        if not paid:
            self.attempt(self.sandbox.pay, number)
            self.attempt(self.sandbox.confirm, number)
            self.ask(refresh_invoice, self.pick(number))
        row = paid[number % len(paid)] if paid else self.pick(number)
        whole = row.paid_amount if in_coin else row.settled_amount or Decimal(0)
        places = Decimal(1).scaleb(-6 if in_coin else -2)
        self.ask(
            refund_invoice,
            row,
            actor="ada",
            reason="it came back",
            amount=(whole * Decimal(part)).quantize(places, ROUND_DOWN),
            currency=row.pay_currency if in_coin else row.price_currency,
            address=make_wallet(self.sandbox.here.state.seed, row.network or "bitcoin", Risk.LOW),
            network_fee_borne_by=bearer,
        )

    @rule(which=picks, decision=st.sampled_from(["hold", "release", "fail", "complete", "cancel"]))
    def decide_withdrawal(self, which: int, decision: str) -> None:
        sent = [one for one in self.sandbox.withdrawals() if not one.is_preview]
        if sent:
            with suppress(RefusalError):
                self.sandbox.decide_withdrawal(sent[which % len(sent)], decision)

    @rule(which=picks)
    def replay_withdrawal(self, which: int) -> None:
        """Send any older body about a withdrawal again."""
        log = [one for one in self.sandbox.here.state.outbox.log.values() if b'"CoinWithdrawal"' in one.body]
        if log:
            self.sandbox.resend(log[which % len(log)])

    def ask(self, verb: Callable[..., Any], *subject: Any, **arguments: Any) -> Any:
        """Call a verb, in a process of its own; a refusal of ours or of the gateway's is an answer."""
        with suppress(CryptopayError):
            return self.as_a_process(lambda: verb(*subject, **arguments))
        return None

    @rule(minutes=st.sampled_from([1, 9, 11, 200]), deliver=st.booleans())
    def pass_time(self, minutes: int, *, deliver: bool) -> None:
        self.sandbox.advance(minutes=minutes, deliver=deliver)
        self.fall_due()

    @rule(days=st.sampled_from([1, 4, 14]), deliver=st.booleans())
    def pass_days(self, days: int, *, deliver: bool) -> None:
        self.sandbox.advance(days=days, deliver=deliver)
        self.fall_due()

    @rule(under=st.sampled_from(WAYS), over=st.sampled_from(WAYS), late=st.sampled_from(WAYS), by_mail=st.booleans())
    def set_up_account(self, under: str, over: str, late: str, *, by_mail: bool) -> None:
        """Choose what the account does by itself; a refund may wait until the customer has named an address by mail."""
        self.sandbox.settings(underpaid=under, overpaid=over, paid_late=late)
        self.sandbox.variants(email_refunds="on" if by_mail else "off")

    @rule()
    def deliver(self) -> None:
        self.sandbox.deliver()

    @rule(number=picks, which=picks)
    @has_rows
    def replay(self, number: int, which: int) -> None:
        """Send any older body again."""
        if sent := self.sandbox.callbacks(self.pick(number)):
            self.sandbox.resend(sent[which % len(sent)])

    @rule(kind=st.sampled_from(["duplicate", "reorder", "drop", "delay", "cut", "wrong_secret", "reset"]),
          chance=st.sampled_from(CHANCES))  # fmt: skip
    def trouble_callbacks(self, kind: str, chance: str) -> None:
        self.sandbox.trouble(**{kind: chance})

    @rule(kind=st.sampled_from(["error", "timeout"]), chance=st.sampled_from(["0", "0.1", "0.4"]))
    def trouble_api(self, kind: str, chance: str) -> None:
        self.sandbox.trouble(**{kind: chance})

    @rule(is_broken=st.booleans())
    def break_shop(self, *, is_broken: bool) -> None:
        self.shop.is_broken = is_broken

    @rule(number=picks, is_broken=st.booleans())
    def break_handler(self, number: int, *, is_broken: bool) -> None:
        name = HANDLERS[number % len(HANDLERS)].__name__
        broken.add(name) if is_broken else broken.discard(name)

    @rule()
    def try_handlers_again(self) -> None:
        for dead in HandlerDelivery.objects.filter(given_up_at__isnull=False):
            assert retry_delivery(dead)

    @rule(number=picks)
    @has_rows
    def refresh(self, number: int) -> None:
        self.ask(refresh_invoice, self.pick(number))

    @rule()
    def work(self) -> None:
        self.fall_due()
        self.ask(process_overdue)

    @rule()
    def reconcile(self) -> None:
        self.ask(reconcile_invoices, min_age=timedelta(0))

    @rule(number=picks)
    @has_rows
    def release(self, number: int) -> None:
        row = self.pick(number)
        if row.quarantine_reason:
            self.ask(release_invoice, row, actor="ada", reason="looked at it")

    def fall_due(self) -> list[int]:
        """Let every back-off end, for our own clock does not move with the sandbox's; return how many rows waited."""
        waiting = [model.objects.filter(next_attempt_at__isnull=False) for model in QUEUES]
        refunds = Invoice.objects.filter(refunds_due_at__isnull=False)
        counts = [rows.update(next_attempt_at=timezone.now()) for rows in waiting]
        return [*counts, refunds.update(refunds_due_at=timezone.now())]

    @invariant()
    def what_must_be_true_at_every_moment(self) -> None:
        if hasattr(self, "stack"):
            for promise in promises.AT_EVERY_MOMENT:
                promise(self)

    def teardown(self) -> None:
        if not hasattr(self, "stack"):
            return
        try:
            self.quiesce()
            for promise in promises.IN_THE_END:
                promise(self)
            self.ended()
        finally:
            self.stack.close()

    def ended(self) -> None:
        """Count one history."""

    def stop_trouble(self) -> None:
        """Let everything work from now on."""
        self.sandbox.trouble(all=0)
        self.stack.enter_context(override_settings(CRYPTOPAY_TOTAL_TIMEOUT=10))
        self.shop.is_broken = False
        broken.clear()

    def quiesce(self) -> None:
        """Trouble stops; callbacks are delivered; the worker works off what is due; one poll."""
        self.stop_trouble()
        for row in Invoice.objects.filter(gateway_id__in=self.suspicious):  # what is final is not polled
            self.ask(refresh_invoice, row)
        self.try_handlers_again()
        self.sandbox.advance(days=2, deliver=True)
        for order in list(self.orders):
            row = Order.objects.filter(key=order.key, real=order.real).first()
            if row is not None and Invoice.objects.for_order(row).filter(gateway_id=None).exists():
                self.check_out(order, row)
        result = reconcile_invoices(min_age=timedelta(0))
        assert result.failed == {}
        waiting: list[list[int]] = []
        while len(waiting) < 3 or waiting[-1] != waiting[-3] or waiting[-1][0]:  # no callback may stay
            waiting.append(self.fall_due())
            process_overdue()
            assert len(waiting) < 30, f"it never rests: {waiting[-1]}"
        self.end_what_was_lost()

    def end_what_was_lost(self) -> None:
        """A person ends, as the desk's guide says, what was sent and of which the gateway shows nothing."""
        lost = Resolution.objects.filter(active=True, status__in=["sent", "unknown"])
        lost.update(sent_at=timezone.now() - ENDABLE_AFTER)
        for resolution in lost:
            end_resolution(resolution, actor="ada", reason="nothing of it is in the account")

"""Generated histories: whatever the customer, the gateway, the network and the shop do, it ends right.

Hypothesis writes programs of what can happen; the real views, services and workers run them against the
sandbox. In the end trouble stops, what is due is worked off, one poll is made, and then our rows must be
the gateway's, and every effect must have happened once for its event, and for nothing else.

PROVE_PROGRAMS and PROVE_STEPS set how many programs of how many steps; `make prove` sets them high.
"""

from __future__ import annotations

import logging
import os
from contextlib import ExitStack, suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from cryptopay_django.exceptions import CreationUnknownError, CryptopayError, GatewayError
from cryptopay_django.models import Callback, HandlerDelivery, Invoice, InvoiceEvent, Resolution
from cryptopay_django.sandbox.refusals import RefusalError
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
from cryptopay_django.services.ending import ENDABLE_AFTER
from cryptopay_django.services.events import SIGNALS
from cryptopay_django.services.handling import retry_delivery
from cryptopay_django.services.merge import is_covered
from cryptopay_django.testing.inprocess import InProcessSandbox
from tests.effects.handlers import HANDLERS, broken, registered
from tests.effects.models import Effect, HandledEffect
from tests.effects.receivers import Shop
from tests.proofs.report import tried

PROGRAMS = int(os.environ.get("PROVE_PROGRAMS", "12"))
STEPS = int(os.environ.get("PROVE_STEPS", "20"))

COINS = ["BTC", "ETH", "USDT", "XRP"]
FACTORS = ["0.01", "0.5", "0.999", "1", "1", "1.001", "2"]
WAYS = ["manual", "refund", "recalculate"]
CHANCES = ["0", "0.05", "0.14"]  # seven kinds of trouble share one callback
picks = st.integers(min_value=0, max_value=10**6)


class Histories(RuleBasedStateMachine):
    """The rules are everything that can happen; `teardown` stops the trouble and looks."""

    @initialize(confirm=st.booleans(), worker=st.booleans(), short=st.booleans())
    def open_shop(self, *, confirm: bool, worker: bool, short: bool) -> None:
        """Start with one invoice, in one transaction that is rolled back in the end."""
        self.stack = ExitStack()
        logging.disable(logging.CRITICAL)  # thousands of expected refusals
        self.stack.callback(logging.disable, logging.NOTSET)
        everything = transaction.atomic()
        everything._from_testcase = True  # what lets a durable block run inside it, as in TestCase
        self.stack.enter_context(everything)
        self.stack.callback(transaction.set_rollback, True)
        self.stack.enter_context(
            override_settings(
                CRYPTOPAY_CONFIRM_WITH_API=confirm,
                CRYPTOPAY_PROCESSING="worker" if worker else "request",
                CRYPTOPAY_FULFIL_SHORT_SETTLEMENTS=short,
                CRYPTOPAY_TOTAL_TIMEOUT=0.1,  # a troubled GET gives up soon
                CRYPTOPAY_HANDLER_ATTEMPTS=2,
            )
        )
        self.sandbox = self.stack.enter_context(InProcessSandbox(seed="histories"))
        self.shop = self.stack.enter_context(Shop().open())
        self.stack.enter_context(registered())
        self.orders: dict[str, tuple[Decimal, str, str]] = {}
        self.released = 0
        self.create(0, Decimal(100))

    @property
    def rows(self) -> list[Invoice]:
        return list(Invoice.objects.exclude(gateway_id=None).order_by("created_at", "pk"))

    def pick(self, number: int) -> Invoice:
        return self.rows[number % len(self.rows)]

    has_rows = precondition(lambda self: bool(self.rows))

    @rule(coin=picks, price=st.sampled_from([Decimal("0.03"), Decimal(100), Decimal("2999.99")]))
    def create(self, coin: int, price: Decimal) -> None:
        """Order and check out; after an unclear answer try once more with the same custom_id."""
        custom_id = f"order-{len(self.orders)}"
        ordered = (price, "EUR", COINS[coin % len(COINS)])
        arguments = {
            "price_amount": price,
            "price_currency": "EUR",
            "pay_currency": ordered[2],
            "custom_id": custom_id,
        }
        if ordered[2] == "USDT":
            arguments["network"] = "ethereum"
        self.orders[custom_id] = ordered
        for _ in range(2):
            try:
                create_invoice(**arguments)
            except CreationUnknownError:
                continue
            except GatewayError:
                del self.orders[custom_id]
            break

    @has_rows
    @rule(number=picks, factor=st.sampled_from(FACTORS), risk=st.sampled_from(["low", "low", "medium", "high"]))
    def pay(self, number: int, factor: str, risk: str) -> None:
        self.attempt(lambda row: self.sandbox.pay(row, factor=factor, risk=risk), number)

    @has_rows
    @rule(number=picks)
    def double_spend(self, number: int) -> None:
        self.attempt(lambda row: self.sandbox.pay(row, double_spend=True), number)

    @has_rows
    @rule(number=picks)
    def confirm(self, number: int) -> None:
        self.attempt(self.sandbox.confirm, number)

    @has_rows
    @rule(number=picks, decision=st.sampled_from(["complete", "refund"]))
    def decide(self, number: int, decision: str) -> None:
        self.attempt(lambda row: self.sandbox.decide(row, decision), number)

    def attempt(self, act: Any, number: int) -> None:
        """Do what the gateway may refuse in the state its invoice is in."""
        with suppress(RefusalError):
            act(self.pick(number))

    @has_rows
    @rule(number=picks, refund_overage=st.booleans())
    def settle(self, number: int, *, refund_overage: bool) -> None:
        with suppress(CryptopayError):
            settle_invoice(self.pick(number), actor="ada", reason="asked", refund_overage=refund_overage)

    @has_rows
    @rule(number=picks)
    def refund(self, number: int) -> None:
        with suppress(CryptopayError):
            refund_invoice(self.pick(number), actor="ada", reason="asked")

    @rule(minutes=st.sampled_from([1, 9, 11, 200]), deliver=st.booleans())
    def pass_time(self, minutes: int, *, deliver: bool) -> None:
        self.sandbox.advance(minutes=minutes, deliver=deliver)
        self.fall_due()

    @rule(days=st.sampled_from([1, 14]), deliver=st.booleans())
    def pass_days(self, days: int, *, deliver: bool) -> None:
        self.sandbox.advance(days=days, deliver=deliver)
        self.fall_due()

    @rule(under=st.sampled_from(WAYS), over=st.sampled_from(WAYS), late=st.sampled_from(WAYS))
    def set_up_account(self, under: str, over: str, late: str) -> None:
        self.sandbox.settings(underpaid=under, overpaid=over, paid_late=late)

    @rule()
    def deliver(self) -> None:
        self.sandbox.deliver()

    @has_rows
    @rule(number=picks, which=picks)
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

    @has_rows
    @rule(number=picks)
    def refresh(self, number: int) -> None:
        with suppress(GatewayError):
            refresh_invoice(self.pick(number))

    @rule()
    def work(self) -> None:
        self.fall_due()
        process_overdue()

    @rule()
    def reconcile(self) -> None:
        reconcile_invoices(min_age=timedelta(0))

    @rule(number=picks)
    @has_rows
    def release(self, number: int) -> None:
        row = self.pick(number)
        if row.quarantine_reason:
            release_invoice(row, actor="ada", reason="looked at it")
            self.released += 1

    def fall_due(self) -> None:
        """Our own clock does not move with the sandbox's: let every back-off end."""
        for model in (Callback, InvoiceEvent, HandlerDelivery, Resolution):
            model.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=timezone.now())

    def teardown(self) -> None:
        if not hasattr(self, "stack"):
            return
        try:
            self.quiesce()
            self.check()
            tried(f"generated histories of up to {STEPS} steps", 1)
        finally:
            self.stack.close()

    def quiesce(self) -> None:
        """Trouble stops; callbacks are delivered; the worker works off what is due; one poll."""
        self.sandbox.trouble(all=0)
        self.stack.enter_context(override_settings(CRYPTOPAY_TOTAL_TIMEOUT=10))
        self.shop.is_broken = False
        broken.clear()
        self.try_handlers_again()
        self.sandbox.advance(days=2, deliver=True)
        for custom_id, (price, currency, coin) in self.orders.items():
            if Invoice.objects.filter(custom_id=custom_id, gateway_id=None).exists():
                network = {"network": "ethereum"} if coin == "USDT" else {}
                create_invoice(
                    price_amount=price, price_currency=currency, pay_currency=coin, custom_id=custom_id, **network
                )
        result = reconcile_invoices(min_age=timedelta(0))
        assert result.failed == {}
        for _ in range(15):
            self.fall_due()
            process_overdue()
        self.end_what_was_lost()

    def end_what_was_lost(self) -> None:
        """A person ends, as the desk's guide says, what was sent and of which the gateway shows nothing."""
        lost = Resolution.objects.filter(active=True, status__in=["sent", "unknown"])
        lost.update(sent_at=timezone.now() - ENDABLE_AFTER)
        for resolution in lost:
            end_resolution(resolution, actor="ada", reason="nothing of it is in the account")

    def check(self) -> None:
        theirs = {str(invoice.id): invoice for invoice in self.sandbox.invoices()}
        rows = Invoice.objects.all()
        assert {str(row.gateway_id) for row in rows} == set(theirs)
        assert {row.custom_id for row in rows} == set(self.orders)
        for row in rows:
            self.check_row(row, theirs[str(row.gateway_id)])
        assert not Callback.objects.filter(outcome__in=["pending", "orphan", "unreadable"]).exists()
        told = InvoiceEvent.objects.filter(kind__in=SIGNALS)
        assert not told.filter(delivered_at=None).exists()
        self.check_resolutions()
        effects = Effect.objects.values_list("event_uuid", flat=True)
        uuids = sorted(told.values_list("uuid", flat=True))
        assert sorted(effects) == uuids
        assert not HandlerDelivery.objects.filter(delivered_at=None).exists()
        for handler in HANDLERS:
            handled = HandledEffect.objects.filter(handler=handler.__name__)
            assert sorted(handled.values_list("event_uuid", flat=True)) == uuids

    def check_resolutions(self) -> None:
        """Every act has ended; coins went back once at most, and every refund that succeeded is really there."""
        assert not Resolution.objects.filter(active=True).exists()
        for row in Invoice.objects.all():
            made = self.sandbox.invoice(row).refunds
            succeeded = row.resolutions.filter(parameters__call="create_refund", status="succeeded")
            assert succeeded.count() <= len(made) <= 1

    def check_row(self, row: Invoice, theirs: Any) -> None:
        assert (row.price_amount, row.price_currency, row.pay_currency) == self.orders[row.custom_id]
        assert row.quarantine_reason == "", "nothing here contradicts an order"
        assert (row.status, row.status_context or None) == (str(theirs.status), theirs.context and str(theirs.context))
        assert row.paid_amount == theirs.paid_amount
        assert row.settled_amount == (theirs.price_amount if row.status == "completed" else None)
        kinds = list(row.events.values_list("kind", flat=True))
        assert kinds.count("invoice_created") == 1
        assert kinds.count("invoice_completed") == (row.status == "completed" and is_covered(row))
        assert kinds.count("invoice_settled_short") == (row.status == "completed" and not is_covered(row))
        for status in ("refunded", "cancelled"):
            assert kinds.count(f"invoice_{status}") == (row.status == status)
        listed = {transaction.txid for transaction in theirs.transactions}
        assert set(row.payments.values_list("txid", flat=True)) <= listed
        if row.status == "completed":
            assert not row.payments.exclude(status="confirmed").exists()


@pytest.mark.django_db
@pytest.mark.timeout(0)
def test_every_history_ends_right() -> None:
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=PROGRAMS,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )

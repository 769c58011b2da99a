"""Generated histories of channels: whatever happens on the way, each payment is credited once, and as the gateway has it.

Smaller than `test_histories.py`, and apart from it: customers who top up, trouble on the network, a signed body that says
too much, a shop that breaks, a channel that is switched here and there. In the end the trouble stops and what is due is
worked off. PROVE_PROGRAMS and PROVE_STEPS as there.
"""

from __future__ import annotations

import logging
import os
import uuid
from contextlib import ExitStack, suppress
from decimal import Decimal
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from cryptopay_django.exceptions import CryptopayError
from cryptopay_django.models import Callback, Channel, ChannelPayment, InvoiceEvent
from cryptopay_django.sandbox.refusals import RefusalError
from cryptopay_django.services import (
    deliver_events,
    disable_channel,
    enable_channel,
    process_overdue,
    reconcile_channels,
)
from cryptopay_django.testing.factories import ChannelPaymentFactory
from cryptopay_django.testing.inprocess import InProcessSandbox
from tests.effects.models import Effect
from tests.effects.receivers import Shop
from tests.proofs.histories.stage import empty_tables, when
from tests.proofs.report import tried
from tests.services.topping import channel_of, customer, fall_due, post

PROGRAMS = int(os.environ.get("PROVE_PROGRAMS", "6"))
STEPS = int(os.environ.get("PROVE_STEPS", "20"))

AMOUNTS = ["0.00000001", "0.0001", "0.01", "1.23456789"]
picks = st.integers(min_value=0, max_value=10**6)


class Channels(RuleBasedStateMachine):
    """The rules are everything that can happen; `teardown` stops the trouble and holds the promises against it."""

    @initialize(worker=st.booleans())
    def open_shop(self, *, worker: bool) -> None:
        self.stack = ExitStack()
        logging.disable(logging.CRITICAL)
        self.stack.callback(logging.disable, logging.NOTSET)
        self.stack.callback(empty_tables)
        processing = "worker" if worker else "request"
        self.stack.enter_context(override_settings(CRYPTOPAY_PROCESSING=processing, CRYPTOPAY_TOTAL_TIMEOUT=0.1))
        self.sandbox = self.stack.enter_context(InProcessSandbox(seed="channels"))
        self.shop = self.stack.enter_context(Shop().open())
        self.create(0, 0)

    @property
    def theirs(self) -> list[Any]:
        """The channels that the gateway has."""
        return list(self.sandbox.account().state.channels.values())

    def pick(self, number: int) -> Any:
        return self.theirs[number % len(self.theirs)]

    @rule(owner=st.integers(0, 1), coin=st.integers(0, 1))
    def create(self, owner: int, coin: int) -> None:
        request = [{"pay_currency": "BTC"}, {"pay_currency": "ETH", "receiver_currency": "ETH"}][coin]
        with suppress(CryptopayError):
            channel_of(customer(f"customer {owner}"), **request)

    @rule(number=picks, amount=st.sampled_from(AMOUNTS), risk=st.sampled_from(["low", "high"]), doomed=st.booleans())
    @when(lambda self: self.theirs)
    def pay(self, number: int, amount: str, risk: str, *, doomed: bool) -> None:
        self.sandbox.pay(self.pick(number).id, amount, risk=risk, double_spend=doomed)

    @rule(number=picks)
    @when(lambda self: self.theirs)
    def confirm(self, number: int) -> None:
        self.sandbox.confirm(self.pick(number).id)

    @rule(number=picks, decision=st.sampled_from(["complete", "refund"]))
    @when(lambda self: ChannelPayment.objects.exists())
    def decide(self, number: int, decision: str) -> None:
        rows = list(ChannelPayment.objects.order_by("pk"))
        with suppress(RefusalError):
            self.sandbox.decide(rows[number % len(rows)], decision)

    @rule(number=picks, status=st.sampled_from(["enabled", "disabled"]))
    @when(lambda self: self.theirs)
    def switch_in_the_account(self, number: int, status: str) -> None:
        self.sandbox.change_channel(self.pick(number).id, status)

    @rule(number=picks, switch=st.sampled_from([enable_channel, disable_channel]))
    @when(lambda self: Channel.objects.exists())
    def switch(self, number: int, switch: Any) -> None:
        rows = list(Channel.objects.order_by("pk"))
        with suppress(CryptopayError):
            switch(rows[number % len(rows)])

    @rule(fault=st.sampled_from(["timeout", "error", "cut"]), after_effect=st.booleans())
    def meet_a_fault(self, fault: str, *, after_effect: bool) -> None:
        self.sandbox.fail_next(fault, after_effect=after_effect)

    @rule(chance=st.sampled_from(["0", "0.05"]), lost=st.sampled_from(["0", "0.2", "0.6"]))
    def make_trouble(self, chance: str, lost: str) -> None:
        self.sandbox.trouble(all=chance, drop=lost)

    @rule(number=picks, status=st.sampled_from(["pending", "on_hold", "completed", "refunded", "cancelled"]))
    @when(lambda self: ChannelPayment.objects.exists())
    def say_too_much(self, number: int, status: str) -> None:
        """Post a body that is signed, and not true or not yet."""
        rows = list(ChannelPayment.objects.select_related("channel").order_by("pk"))
        context = "illicit_resource" if status == "on_hold" else None
        post(rows[number % len(rows)], status=status, status_context=context)

    @rule(number=picks)
    @when(lambda self: Channel.objects.exclude(gateway_id=None).exists())
    def invent(self, number: int) -> None:
        """Post a signed body about a payment that the gateway does not have."""
        rows = list(Channel.objects.exclude(gateway_id=None).order_by("pk"))
        post(ChannelPaymentFactory.build(channel=rows[number % len(rows)]), status="completed")

    @rule(is_broken=st.booleans())
    def break_the_shop(self, *, is_broken: bool) -> None:
        self.shop.is_broken = is_broken

    @rule(minutes=st.sampled_from([1, 30, 60 * 24, 60 * 24 * 15]), deliver=st.booleans())
    def wait(self, minutes: int, *, deliver: bool) -> None:
        self.sandbox.advance(minutes=minutes, deliver=deliver)

    @rule()
    def deliver(self) -> None:
        self.sandbox.deliver()

    @rule()
    def work(self) -> None:
        fall_due()
        process_overdue()

    @rule()
    def reconcile(self) -> None:
        fall_due()
        reconcile_channels()

    def teardown(self) -> None:
        """Stop the trouble, work off what is due, and hold the promises against what is there."""
        if not hasattr(self, "stack"):
            return
        with self.stack:
            self.sandbox.trouble(all=0)
            self.sandbox.account().state.trouble.planned.clear()
            self.shop.is_broken = False
            for row in Channel.objects.filter(gateway_id=None):
                with suppress(CryptopayError):
                    channel_of(row.owner, pay_currency=row.pay_currency, receiver_currency=row.receiver_currency)
            for _ in range(12):
                self.sandbox.deliver()
                fall_due()
                InvoiceEvent.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=timezone.now())
                process_overdue()
                reconcile_channels()
                deliver_events()
            self.assert_promises()
            tried(f"histories of channels of up to {STEPS} steps", 1)

    def assert_promises(self) -> None:
        ours = {row.custom_id: row for row in Channel.objects.exclude(gateway_id=None)}
        assert {there.custom_id for there in self.theirs} == set(ours), "no channel is made twice, or lost"
        for there in self.theirs:
            channel = ours[there.custom_id]
            assert (str(channel.gateway_id), channel.status) == (there.id, there.status)
            known = {str(row.gateway_id): row for row in channel.payments.all()}
            assert set(known) == {payment.id for payment in there.payments}, "no payment is lost, or invented"
            for payment in there.payments:
                self.assert_as_there(known[payment.id], payment.to_wire())
        assert not Callback.objects.filter(outcome="pending").exists()
        slots = [row.slot for row in ours.values() if row.slot]
        assert len(slots) == len(set(slots))

    def assert_as_there(self, row: ChannelPayment, there: dict[str, Any]) -> None:
        assert (row.status, row.status_context) == (there["status"], there["status_context"] or "")
        assert row.received_amount == Decimal(there["received_amount"])
        is_dust = row.status == "completed" and not row.received_amount
        # The monitoring team sends back what was credited, and the credit was known here: that waits for a person.
        is_taken_back = row.status == "refunded" and "from completed to refunded" in row.quarantine_reason
        assert bool(row.quarantine_reason) == (is_dust or is_taken_back), row.quarantine_reason
        effects = list(Effect.objects.filter(invoice_id=row.pk).order_by("pk"))
        heard = [effect.kind.removeprefix("channel_payment_") for effect in effects]
        assert heard.count("created") == 1
        for end in ("refunded", "cancelled"):
            assert heard.count(end) == (row.status == end and not is_taken_back)
        is_heard = row.status == "completed" and not is_dust
        if is_taken_back:
            assert row.events.filter(kind="status_overruled", detail__from="completed").exists()
            # If the shop had not heard of the credit before, that event is not true any more, and stays withheld.
            is_heard = row.events.get(kind="channel_payment_completed").delivered_at is not None
        assert heard.count("completed") == is_heard
        assert row.status != "on_hold" or "on_hold" in heard
        assert len({effect.event_uuid for effect in effects}) == len(effects), "no event is delivered twice"
        assert all(isinstance(effect.event_uuid, uuid.UUID) for effect in effects)


@pytest.mark.timeout(0)
@pytest.mark.django_db(transaction=True)
def test_every_history_of_channels_ends_right() -> None:
    run_state_machine_as_test(
        Channels,
        settings=settings(
            max_examples=PROGRAMS,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=list(Phase) if "PROVE_SHRINK" in os.environ else [Phase.explicit, Phase.generate],
            print_blob=True,
        ),
    )


@pytest.mark.parametrize("is_broken", [False, True])
@pytest.mark.django_db(transaction=True)
def test_a_credit_that_is_taken_back_ends_right_whether_or_not_the_shop_had_heard_of_it(is_broken: bool) -> None:
    history = Channels()
    history.open_shop(worker=True)
    history.break_the_shop(is_broken=is_broken)
    history.pay(number=0, amount="0.0001", risk="low", doomed=False)
    history.confirm(number=0)
    history.deliver()
    history.work()
    credited = ChannelPayment.objects.get()
    history.decide(number=0, decision="refund")
    history.teardown()

    assert credited.status == "completed"

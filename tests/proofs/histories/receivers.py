"""Receivers and durable handlers as shops really write them: they call us back, save our rows, raise, and end their process.

A mood is what one of them does after its effect is written, until the mood changes. The effect must be there once, whatever
the mood was at each attempt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from cryptopay_django import handlers
from cryptopay_django.exceptions import CryptopayError
from cryptopay_django.models import Callback, Invoice, InvoiceEvent, Payment
from cryptopay_django.services import (
    create_invoice,
    deliver_events,
    process_callback,
    process_overdue,
    quote_settlement,
    receive_callback,
    reconcile_invoices,
    refresh_invoice,
    refund_invoice,
    release_invoice,
    settle_invoice,
)
from cryptopay_django.services.events.outbox import SIGNALS
from tests.effects.models import Effect, HandledEffect
from tests.effects.receivers import BrokenShopError

from .stage import Witness

MOST_CALLS = 6
"""So often a receiver calls back while one step of a history lasts: a real one need not stop, a history must."""


def call_verb(verb: Callable[..., Any], *subject: Any, **arguments: Any) -> None:
    """Call a verb; what it refuses is an answer."""
    with suppress(CryptopayError):
        verb(*subject, **arguments)


def look_again(invoice: Invoice) -> None:
    call_verb(refresh_invoice, Invoice.objects.get(pk=invoice.pk))


def look_again_at_another(invoice: Invoice) -> None:
    for other in Invoice.objects.exclude(pk=invoice.pk).exclude(gateway_id=None)[:2]:
        call_verb(refresh_invoice, other)


def deliver_its_events(invoice: Invoice) -> None:
    call_verb(deliver_events, invoice)


def deliver_all_events(invoice: Invoice) -> None:
    call_verb(deliver_events)


def do_what_is_due(invoice: Invoice) -> None:
    call_verb(process_overdue)


def poll_all(invoice: Invoice) -> None:
    call_verb(reconcile_invoices, min_age=timedelta(0))


def resolve(invoice: Invoice) -> None:
    call_verb(quote_settlement, invoice)
    call_verb(settle_invoice, invoice, actor="ada", reason="by a receiver")
    call_verb(refund_invoice, invoice, actor="ada", reason="by a receiver")
    call_verb(release_invoice, invoice, actor="ada", reason="by a receiver")


def order_another(invoice: Invoice) -> None:
    """Inside a delivery's transaction this is refused: the order would not be on record."""
    call_verb(create_invoice, price_amount="1", price_currency="EUR", pay_currency="BTC", custom_id="by-a-receiver")


def take_a_callback(invoice: Invoice) -> None:
    sent = Callback.objects.filter(invoice=invoice).first()
    if sent is not None:
        call_verb(receive_callback, bytes(sent.body), "0" * 64)
        call_verb(process_callback, sent)


def save_ours(invoice: Invoice) -> None:
    """Keep a note in our row, by an object that was read a while ago."""
    old = Invoice.objects.get(pk=invoice.pk)
    with suppress(CryptopayError):
        refresh_invoice(invoice)
    old.metadata = {"seen": "1"}
    with suppress(CryptopayError, ValueError):
        old.save()
    for payment in Payment.objects.filter(invoice=old):
        with suppress(CryptopayError, ValueError):
            payment.save()


def fail(invoice: Invoice) -> None:
    raise BrokenShopError


def leave(invoice: Invoice) -> None:
    raise SystemExit(1)


def be_interrupted(invoice: Invoice) -> None:
    raise KeyboardInterrupt


def be_cancelled(invoice: Invoice) -> None:
    raise asyncio.CancelledError


def be_closed(invoice: Invoice) -> None:
    raise GeneratorExit


def fail_later(invoice: Invoice) -> None:
    transaction.on_commit(lambda: fail(invoice))


def leave_later(invoice: Invoice) -> None:
    transaction.on_commit(lambda: leave(invoice))


def look_again_later(invoice: Invoice) -> None:
    transaction.on_commit(lambda: look_again(invoice))


def roll_back(invoice: Invoice) -> None:
    transaction.set_rollback(True)


def break_off(invoice: Invoice) -> None:
    connection.close()


def swallow_an_error(invoice: Invoice) -> None:
    with suppress(DatabaseError), transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM a_table_that_is_not_there")


def write_in_vain(invoice: Invoice) -> None:
    """Write something else and take that back alone."""
    with suppress(BrokenShopError), transaction.atomic():
        Effect.objects.create(kind="in vain", event_uuid=invoice.pk, invoice_id=invoice.pk)
        raise BrokenShopError


CALLING = (
    look_again, look_again_at_another, deliver_its_events, deliver_all_events, do_what_is_due, poll_all, resolve,
    order_another, take_a_callback, save_ours, look_again_later, write_in_vain,
)  # fmt: skip
FAILING = (fail, leave, be_interrupted, be_cancelled, be_closed, roll_back, break_off, swallow_an_error)
FAILING_LATER = (fail_later, leave_later)
MOODS = {act.__name__: act for act in (*CALLING, *FAILING, *FAILING_LATER)}


class Temper:
    """What receivers and handlers do now, and how often they may still call back."""

    mood: str = ""
    calls = MOST_CALLS

    @classmethod
    def act(cls, invoice: Invoice) -> None:
        """Do what the mood says."""
        if cls.mood and cls.calls:
            cls.calls -= 1
            MOODS[cls.mood](invoice)


class MoodyShop(Witness):
    """Writes its effect, then does as its mood is."""

    def receive(self, event: InvoiceEvent, **more: Any) -> None:
        super().receive(event, **more)
        Temper.act(event.invoice)


def be_moody(invoice: Invoice, event: InvoiceEvent) -> None:
    """Do the same as a durable handler."""
    HandledEffect.objects.create(handler="be_moody", event_uuid=event.uuid, kind=event.kind, invoice_id=invoice.pk)
    Temper.act(invoice)


class Receivers:
    """The actor: receivers and handlers with moods."""

    shop_class = MoodyShop

    def prepare(self) -> None:
        super().prepare()
        for kind in SIGNALS:
            handlers.register(kind, be_moody)
        self.stack.callback(handlers.unregister, be_moody)
        self.stack.callback(setattr, Temper, "mood", "")

    @initialize(mood=st.sampled_from(["", *MOODS]))
    def begin_in_a_mood(self, mood: str) -> None:
        Temper.mood = mood

    @rule(mood=st.sampled_from(["", *MOODS]))
    def change_mood(self, mood: str) -> None:
        Temper.mood = mood

    def as_a_process(self, act: Callable[[], Any]) -> Any:
        Temper.calls = MOST_CALLS
        return super().as_a_process(act)

    def stop_trouble(self) -> None:
        Temper.mood = ""
        super().stop_trouble()

"""Every order and every duplication of every normal sequence of callbacks ends in the same state.

Not by sampling: from an invoice as created, every reachable state is explored by delivering every callback
of the sequence to it, over and over, through the real database code. Two states are the same when every
column that the code can read is the same; then what follows is the same too.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from django.db import transaction

from cryptopay_django.models import Callback, Invoice
from cryptopay_django.services import deliver_events, process_callback
from cryptopay_django.services.events.outbox import SIGNALS
from cryptopay_django.testing.factories import CallbackFactory, InvoiceFactory, callback_body, invoice_wire
from tests.wire import SEQUENCES, ScriptedGateway

pytestmark = pytest.mark.django_db

State = tuple[Any, ...]


@pytest.fixture(params=["callbacks are believed", "the gateway is asked"])
def gateway(request, settings):
    """Believe callbacks, or ask a gateway that has been at the sequence's end all along."""
    settings.CRYPTOPAY_CONFIRM_WITH_API = request.param == "the gateway is asked"
    scripted = ScriptedGateway(lambda method, path, body: (200, {"data": scripted.truth}))
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: scripted
    return scripted


def dump(invoice: Invoice) -> State:
    """Everything the code can read of an invoice, but for ids and times."""
    invoice = Invoice.objects.get(pk=invoice.pk)
    payments = [(p.txid, p.status, p.amount, p.risk_level) for p in invoice.payments.order_by("txid")]
    events = [(e.kind, e.once, str(e.detail)) for e in invoice.events.order_by("pk")]
    return (
        invoice.status,
        invoice.status_context,
        invoice.quarantine_reason,
        invoice.price_amount,
        invoice.settled_amount,
        invoice.pay_amount,
        invoice.paid_amount,
        invoice.fee_amount,
        tuple(payments),
        tuple(sorted(events, key=str)),
    )


def deliver(invoice: Invoice, step: tuple[str, Any]) -> Callback:
    event, changes = step
    body = callback_body(invoice_wire(invoice, **changes), event)
    return process_callback(CallbackFactory(body=body))


def play(gateway: ScriptedGateway, sequence: list[Any], order: tuple[int, ...]) -> State:
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice, **sequence[-1][1])
    for position in order:
        assert deliver(invoice, sequence[position]).outcome in ("applied", "stale")
    return dump(invoice)


def facts(state: State) -> State:
    """What must be the same in the end, whatever the order: amounts of single payments may stay unknown."""
    status, context, reason, price, settled, pay, paid, fee, _, events = state
    kinds = {kind for kind, _, _ in events} - {"invoice_unresolved", "payment_detected", "payment_confirmed"}
    return status, context, reason, price, settled, pay, paid, fee, frozenset(kinds)


def explore(gateway: ScriptedGateway, sequence: list[Any]) -> set[tuple[frozenset[int], State]]:
    """Return every reachable pair of what was delivered (once or more) and the state it led to."""
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice, **sequence[-1][1])
    seen: set[tuple[frozenset[int], State]] = set()

    def visit(delivered: frozenset[int]) -> None:
        for position in range(len(sequence)):
            with transaction.atomic():
                assert deliver(invoice, sequence[position]).outcome in ("applied", "stale")
                reached = (delivered | {position}, dump(invoice))
                if reached not in seen:
                    seen.add(reached)
                    visit(reached[0])
                transaction.set_rollback(True)

    visit(frozenset())
    return seen


@pytest.mark.parametrize("name", SEQUENCES)
def test_every_order_and_every_duplication_ends_alike(gateway, name):
    sequence, (status, settled, last_signal) = SEQUENCES[name]

    seen = explore(gateway, sequence)

    ends = [state for delivered, state in seen if len(delivered) == len(sequence)]
    assert len(seen) > len(sequence)
    assert len({facts(state) for state in ends}) == 1
    for state in ends:
        kinds = [kind for kind, _, _ in state[-1]]
        assert state[0] == status
        assert state[4] == (None if settled is None else Decimal(settled))
        assert state[3] == Decimal(100), "the ordered amount is sealed"
        assert kinds.count(last_signal) == 1
        assert kinds.count("invoice_completed") + kinds.count("invoice_settled_short") == (status == "completed")
        assert all(amount in (None, known_amount(name, txid)) for txid, _, amount, _ in state[-2])
        assert {paid for _, paid, _, _ in state[-2]} <= {"detected" if status == "cancelled" else "confirmed"}
        assert kinds.count("payment_confirmed") == (0 if status == "cancelled" else len(state[-2]))


def known_amount(name: str, txid: str) -> Decimal:
    halves = {"underpaid, recalculated", "underpaid, refunded", "topped up in time", "underpaid, then more but late"}
    return Decimal("0.001") if name in halves else Decimal("0.002")


def test_the_explorer_agrees_with_brute_force(gateway):
    """On the two callbacks that matter most; 2,520 arrangements of a doubled sequence would take a minute."""
    sequence, _ = SEQUENCES["paid in full"]
    sequence = sequence[-2:]
    explored = {facts(state) for delivered, state in explore(gateway, sequence) if len(delivered) == 2}

    ends = {facts(play(gateway, sequence, order)) for order in set(permutations([0, 1, 0, 1]))}

    assert ends == explored


@pytest.mark.parametrize("name", SEQUENCES)
def test_in_their_own_order_each_signal_is_sent_once_and_in_order(gateway, name):
    sequence, (_, _, last_signal) = SEQUENCES[name]
    invoice = InvoiceFactory()
    gateway.truth = None
    sent: list[str] = []
    receivers = {kind: lambda event, **_: sent.append(event.once or event.kind) for kind in SIGNALS}
    for kind, receiver in receivers.items():
        SIGNALS[kind].connect(receiver, weak=False)

    try:
        for step in sequence:
            gateway.truth = invoice_wire(invoice, **step[1])
            deliver(invoice, step)
            deliver_events(invoice)
    finally:
        for kind, receiver in receivers.items():
            SIGNALS[kind].disconnect(receiver)

    assert len(sent) == len(set(sent)) + sent.count("invoice_unresolved") - ("invoice_unresolved" in sent)
    assert sent[-1] == last_signal

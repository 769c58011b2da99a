"""What is promised, whatever happens: read this page first. Each promise is held against a world; see `world.py`.

A world is what our tables say, what the gateway says (`world.sandbox`), and what it has taken note of: `orders` that there
are, `made_for` which order each of the gateway's invoices was made, `answered` callbacks, invoices that are `lost` with tables
or in another environment, and `suspicious` ones, about which a thief has lied or the gateway has gone back on its word.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

from cryptopay_django.conf import get_account
from cryptopay_django.models import Callback, HandlerDelivery, Invoice, InvoiceEvent, Refund, Resolution
from cryptopay_django.services.events.outbox import SIGNALS
from cryptopay_django.services.snapshots.merge import is_covered
from tests.effects.models import Effect, HandledEffect

if TYPE_CHECKING:
    from .world import World

ENDED = ("applied", "stale", "ignored", "orphan", "unreadable")
FORGED_TXID = "f" * 64
"""The transaction of a thief who has the callback secret."""


def every_callback_that_was_answered_200_has_an_outcome(world: World) -> None:
    """It is stored, and ends as applied, stale, ignored, orphan or unreadable."""
    outcomes = dict(Callback.objects.values_list("digest", "outcome"))
    assert set(world.answered) <= set(outcomes)
    assert set(outcomes.values()) <= set(ENDED)


def honest_callbacks_are_read_and_find_their_invoice(world: World) -> None:
    """Only a thief's, and those of an invoice that was lost with the tables, may be orphans or unreadable."""
    if not world.actors & {"thief", "shops"}:
        assert not Callback.objects.filter(outcome__in=["orphan", "unreadable"]).exists()


def effects_happen_once_for_each_event(world: World) -> None:
    """What a receiver writes is there once for each event that is delivered, and for no other."""
    delivered = InvoiceEvent.objects.filter(kind__in=SIGNALS, delivered_at__isnull=False)
    assert Counter(Effect.objects.values_list("event_uuid", flat=True)) == Counter(
        delivered.values_list("uuid", flat=True)
    )


def effects_happen_in_the_order_of_events(world: World) -> None:
    """For each invoice, but for what was untrue for a while and became true again."""
    for row in Invoice.objects.exclude(gateway_id=None):
        if str(row.gateway_id) not in world.suspicious:
            effects = Effect.objects.filter(invoice_id=row.pk).order_by("pk").values_list("event_uuid", flat=True)
            delivered = row.events.filter(kind__in=SIGNALS, delivered_at__isnull=False).order_by("pk")
            assert list(effects) == list(delivered.values_list("uuid", flat=True))


def each_durable_handler_has_its_effect_once(world: World) -> None:
    """The same for every handler by itself, whatever the others do."""
    made = Counter(HandledEffect.objects.values_list("handler", "event_uuid"))
    owed = HandlerDelivery.objects.filter(delivered_at__isnull=False).values_list("handler", "event__uuid")
    assert made == Counter((path.rpartition(".")[2], uuid) for path, uuid in owed)


def nothing_is_left_to_be_delivered(world: World) -> None:
    """In the end every event that is true is delivered, to receivers and to handlers."""
    if "gateway" not in world.actors and "thief" not in world.actors:
        pending = InvoiceEvent.objects.filter(kind__in=SIGNALS, delivered_at=None)
        assert not pending.exclude(kind="callback_received").exists()  # nobody listens to that one
        assert not HandlerDelivery.objects.filter(delivered_at=None).exists()


def what_is_delivered_is_true(world: World) -> None:
    """An invoice is reported as completed only while it is completed and not held."""
    assert not Effect.objects.filter(was_true=False).exists()


def no_order_is_fulfilled_by_another_orders_payment(world: World) -> None:
    """The invoice whose payment fulfils an order was made for that order."""
    for gateway_id, real in Effect.objects.filter(kind="invoice_completed").values_list("gateway_id", "real_order"):
        if gateway_id is not None:
            assert world.made_for.get(str(gateway_id)) == real


def no_address_is_shown_that_the_gateway_did_not_give(world: World) -> None:
    """At every moment, what a customer is asked to pay to is the gateway's address of that invoice, or the row is held."""
    rows = Invoice.objects.filter(quarantine_reason="").exclude(address="")
    theirs = world.sandbox.here.state.invoices
    for gateway_id, address in rows.values_list("gateway_id", "address"):
        known = theirs.get(str(gateway_id))
        assert known is None or address == known.address
        assert known is not None or str(gateway_id) in world.lost, "an id that the gateway did not give"


def what_was_ordered_never_changes(world: World) -> None:
    """Price, currencies and account of a row are those of its order."""
    ordered = {str(order.key): order for order in world.orders}
    for row in Invoice.objects.exclude(order_object_id=""):
        order = ordered[row.order_object_id]
        assert (row.price_amount, row.price_currency, row.pay_currency) == (order.price, "EUR", order.coin)


def every_row_says_what_the_gateway_says(world: World) -> None:
    """In the end: the same status, context, amounts and transactions. One that is held was contradicted."""
    theirs = {str(invoice.id): invoice for invoice in world.sandbox.invoices()}
    names_of_lost = {invoice.custom_id for invoice in theirs.values() if str(invoice.id) in world.lost}
    for row in Invoice.objects.filter(environment=get_account("default").environment):
        if row.gateway_id is None:
            # A shop that gives a name again never gets an invoice under it. Only an unclear answer leaves a row.
            assert row.custom_id in names_of_lost
            continue
        if str(row.gateway_id) in world.lost:
            continue
        if row.quarantine_reason:
            assert str(row.gateway_id) in world.suspicious, "nothing here contradicts an order"
            continue
        gateway = theirs[str(row.gateway_id)]
        assert (row.status, row.status_context or None) == (
            str(gateway.status),
            gateway.context and str(gateway.context),
        )
        assert row.paid_amount == gateway.paid_amount
        assert row.settled_amount == (gateway.price_amount if row.status == "completed" else None)
        listed = {entry.txid for entry in gateway.transactions}
        # Where no callback is checked with the gateway, a forged one can add its transaction, and no other.
        forged = {FORGED_TXID} if not world.confirms and str(row.gateway_id) in world.suspicious else set()
        assert set(row.payments.values_list("txid", flat=True)) <= listed | forged
        if row.status == "completed":
            assert not row.payments.exclude(status="confirmed").exists()


def every_invoice_of_the_gateway_has_one_row(world: World) -> None:
    """None is lost but with the tables, and none is there twice."""
    named = Invoice.objects.exclude(gateway_id=None)
    rows = [str(gateway_id) for gateway_id in named.values_list("gateway_id", flat=True)]
    assert len(rows) == len(set(rows))
    assert set(rows) | world.lost >= set(world.sandbox.here.state.invoices)


def the_timeline_has_what_happened_once(world: World) -> None:
    """Created once; an end once, and only that end, unless the gateway has gone back on it."""
    for row in Invoice.objects.exclude(gateway_id=None):
        kinds = Counter(row.events.values_list("kind", flat=True))
        assert kinds["invoice_created"] == 1
        assert max(kinds["invoice_completed"], kinds["invoice_settled_short"], kinds["invoice_refunded"]) <= 1
        if row.quarantine_reason or str(row.gateway_id) in world.suspicious | world.lost:
            continue
        is_completed = row.status == "completed"
        assert kinds["invoice_completed"] == (is_completed and is_covered(row))
        assert kinds["invoice_settled_short"] == (is_completed and not is_covered(row))
        for status in ("refunded", "cancelled"):
            assert kinds[f"invoice_{status}"] == (row.status == status)


def money_goes_back_once(world: World) -> None:
    """Each resolution makes one refund at most, and one that has succeeded is really there."""
    for row in Invoice.objects.exclude(gateway_id=None):
        if str(row.gateway_id) in world.lost | world.suspicious:
            continue
        made = world.sandbox.invoice(row).refunds
        succeeded = row.resolutions.filter(parameters__call="create_refund", status="succeeded")
        assert succeeded.count() <= len(made) <= 1


def every_refund_of_the_gateway_is_on_record_once(world: World) -> None:
    """Each has one row, whoever started it, with its amount and its transaction; and the shop hears of it once."""
    for row in Invoice.objects.exclude(gateway_id=None):
        if str(row.gateway_id) in world.lost | world.suspicious or row.quarantine_reason:
            continue
        made = {refund.id: refund for refund in world.sandbox.invoice(row).refunds}
        known = {str(refund.gateway_id): refund for refund in row.refunds.filter(withdrawal_status="")}
        assert set(made) <= set(known)
        events = row.events.filter(refund__isnull=False, refund__withdrawal_status="")
        told = Counter(events.values_list("kind", "refund__gateway_id"))
        assert set(told.values()) <= {1}
        assert {str(key) for kind, key in told if kind == "refund_created"} == set(known)
        succeeded = {key for key, refund in known.items() if refund.status == "succeeded"}
        assert {str(key) for kind, key in told if kind == "refund_succeeded"} == succeeded
        if "gateway" not in world.actors:
            assert set(made) == succeeded == set(known)
            for key, refund in known.items():
                assert (refund.amount, refund.txid) == (made[key].amount, made[key].txid)
            if row.status == "refunded":
                amounts = row.events.get(kind="invoice_refunded").detail
                assert Decimal(amounts["amount"]) == sum(refund.amount for refund in known.values())


def every_withdrawal_that_a_person_made_is_on_record_once(world: World) -> None:
    """Each has one row, in the state that the gateway shows, and the shop hears of its beginning and its end once."""
    if world.actors & {"shops", "gateway"}:
        return
    rows = list(Refund.objects.exclude(withdrawal_status=""))
    theirs = {one.id: one for one in world.sandbox.withdrawals() if one.custom_id and not one.is_preview}
    assert sorted(str(row.gateway_id) for row in rows) == sorted(theirs)
    for row in rows:
        there = theirs[str(row.gateway_id)]
        assert (row.withdrawal_status, row.txid) == (str(there.status), there.txid or "")
        assert (row.charged_amount, row.received_amount) == (there.charged_amount, there.received_amount)
        end = {"completed": "succeeded", "cancelled": "failed"}.get(str(there.status))
        assert row.status == (end or "pending")
        told = Counter(row.events.values_list("kind", flat=True))
        assert told == Counter(["refund_created", *([f"refund_{end}"] if end else [])])


def no_more_is_sent_back_than_was_paid(world: World) -> None:
    """What is left of a completed invoice is never below zero, also by what the gateway has and we do not know yet."""
    sent = {one.id for one in world.sandbox.withdrawals() if not one.is_preview and str(one.status) != "cancelled"}
    for row in Invoice.objects.filter(status="completed"):
        asked = [one.parameters for one in row.resolutions.filter(parameters__call="create_withdrawal")]
        returned = [Decimal(one["value_amount"]) for one in asked if one["withdrawal_id"] in sent]
        assert sum(returned) <= (row.settled_amount or 0)


def the_account_pays_what_the_rows_say(world: World) -> None:
    """The ledger's debits for withdrawals are the charges of the refunds on record, and the balance has them."""
    if world.actors & {"shops", "gateway"}:
        return
    rows = world.sandbox.transactions()
    debits = [row.moves for row in rows if row.reference_type == "CoinWithdrawal" and row.custom_id]
    charged = Refund.objects.exclude(withdrawal_status="").exclude(status="failed")
    assert -sum(debits) == sum(charged.values_list("charged_amount", flat=True))
    assert world.sandbox.balance("EUR") == sum(row.moves for row in rows if row.currency == "EUR")


def no_resolution_is_left_open(world: World) -> None:
    """In the end each has ended, by what the gateway shows."""
    assert not Resolution.objects.filter(active=True).exists()


AT_EVERY_MOMENT = (no_address_is_shown_that_the_gateway_did_not_give, no_more_is_sent_back_than_was_paid)

WHILE_THE_TABLES_STAND = (
    effects_happen_once_for_each_event,
    effects_happen_in_the_order_of_events,
    each_durable_handler_has_its_effect_once,
    what_is_delivered_is_true,
    no_order_is_fulfilled_by_another_orders_payment,
    what_was_ordered_never_changes,
)
"""What is also held against the tables before they are emptied or set back."""

IN_THE_END = (
    *WHILE_THE_TABLES_STAND,
    every_callback_that_was_answered_200_has_an_outcome,
    honest_callbacks_are_read_and_find_their_invoice,
    nothing_is_left_to_be_delivered,
    every_row_says_what_the_gateway_says,
    every_invoice_of_the_gateway_has_one_row,
    the_timeline_has_what_happened_once,
    money_goes_back_once,
    every_refund_of_the_gateway_is_on_record_once,
    every_withdrawal_that_a_person_made_is_on_record_once,
    the_account_pays_what_the_rows_say,
    no_resolution_is_left_open,
)

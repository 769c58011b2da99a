"""Money operations without an answer: one effect at most, and each ends by reading, whatever goes wrong."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import partial

import pytest
from django.db import IntegrityError
from django.utils import timezone

from cryptopay_django.exceptions import GatewayError, InvoiceChangedError, ResolutionActiveError
from cryptopay_django.gateway.session import http_date
from cryptopay_django.models import Invoice, InvoiceEvent, Resolution
from cryptopay_django.services import (
    end_resolution,
    quote_settlement,
    refund_invoice,
    resolve_pending_resolutions,
    resolve_unknown,
    settle_invoice,
)
from cryptopay_django.services.resolution.people import Person
from cryptopay_django.services.resolution.plan import plan
from cryptopay_django.services.resolution.send import send
from cryptopay_django.services.resolution.unknown_outcome import _abandon
from cryptopay_django.testing.factories import InvoiceFactory

from .desk import (
    ADDRESS,
    COMMIT,
    MONEY,
    PREVIEW,
    READING,
    REFUND,
    REFUNDS,
    Killed,
    kinds,
    look,
    money_moved,
    resolve_by_setting,
    unresolved,
)

pytestmark = pytest.mark.django_db

BY_ADA = {"actor": "ada", "reason": "customer called"}
PLANNED = {
    "kind": "refund",
    "person": Person("ada"),
    "reason": "customer called",
    "parameters": {"call": "create_refund", "refund_overage": False, "address": None},
    "refund_ids": [],
}
FAULTS = ["timeout", "reset", "5xx", "unreadable", "proxy 408", "proxy 409", "proxy 429", "proxy 499"]
ACTS = {
    "settle": ("underpaid", partial(settle_invoice, **BY_ADA)),
    "refund the overage": ("overpaid", partial(settle_invoice, refund_overage=True, **BY_ADA)),
    "refund": ("paid_late", partial(refund_invoice, **BY_ADA)),
    "refund to an address": ("underpaid", partial(refund_invoice, address=ADDRESS, **BY_ADA)),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("act", ACTS)
def test_a_call_that_had_its_effect_is_found_and_never_made_again(wire, cryptopay_sandbox, act, fault):
    context, resolve = ACTS[act]
    invoice = unresolved(cryptopay_sandbox, context)
    wire.fail(MONEY, fault, after_effect=True)

    assert (resolve(invoice).status, money_moved(cryptopay_sandbox, invoice)) == ("unknown", 1)
    with pytest.raises(ResolutionActiveError):
        resolve(invoice)
    resolution = look()

    assert (resolution.status, resolution.active, wire.count(MONEY)) == ("succeeded", None, 1)
    assert Invoice.objects.get(pk=invoice.pk).status == cryptopay_sandbox.invoice(invoice).status
    assert kinds(invoice) == ["planned", "sent", "unknown", "succeeded"]
    assert money_moved(cryptopay_sandbox, invoice) == 1


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("act", ACTS)
def test_a_call_of_which_nothing_is_there_stays_open_until_a_person_ends_it(wire, cryptopay_sandbox, act, fault):
    context, resolve = ACTS[act]
    invoice = unresolved(cryptopay_sandbox, context)
    wire.fail(MONEY, fault)

    assert resolve(invoice).status == "unknown"
    wire.heal()
    assert (look().status, look(later=True).status) == ("unknown", "unknown"), "it may be accepted, and still unseen"
    with pytest.raises(ResolutionActiveError):
        resolve(invoice)
    resolution = end_resolution(Resolution.objects.get(), actor="bob", reason="nothing of it is in the account")

    assert (resolution.status, resolution.active, money_moved(cryptopay_sandbox, invoice)) == ("failed", None, 0)
    assert resolution.error == "ended by bob, where the gateway showed nothing: nothing of it is in the account"
    assert resolve(invoice).status == "succeeded"
    assert money_moved(cryptopay_sandbox, invoice) == 1


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_quote_that_gets_no_answer_has_changed_nothing(wire, cryptopay_sandbox, fault, after_effect):
    invoice = unresolved(cryptopay_sandbox)
    wire.fail(PREVIEW, fault, after_effect=after_effect)

    for act in (quote_settlement, partial(settle_invoice, **BY_ADA)):
        with pytest.raises(GatewayError):
            act(invoice)

    assert (Resolution.objects.count(), money_moved(cryptopay_sandbox, invoice)) == (0, 0)
    wire.heal()
    assert settle_invoice(invoice, **BY_ADA).status == "succeeded"
    assert money_moved(cryptopay_sandbox, invoice) == 1


@pytest.mark.parametrize(("after_effect", "ending"), [(False, "unknown"), (True, "succeeded")])
@pytest.mark.parametrize("act", ACTS)
def test_a_process_that_dies_in_the_call_leaves_what_reading_can_end(
    wire, cryptopay_sandbox, act, after_effect, ending
):
    context, resolve = ACTS[act]
    invoice = unresolved(cryptopay_sandbox, context)
    wire.fail(MONEY, "killed", after_effect=after_effect)

    with pytest.raises(Killed):
        resolve(invoice)
    wire.heal()
    assert Resolution.objects.get().status == "sent"
    resolution = look(later=True)

    assert (resolution.status, money_moved(cryptopay_sandbox, invoice)) == (ending, int(after_effect))


def test_a_process_that_dies_after_planning_has_sent_nothing(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    plan(invoice, **PLANNED)
    assert resolve_pending_resolutions() == 0, "it may be about to be sent"

    resolution = look()

    assert (resolution.status, resolution.active, wire.count(MONEY)) == ("failed", None, 0)
    assert "never sent" in resolution.error


def test_a_process_that_wakes_up_after_its_plan_was_given_up_sends_nothing(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    planned = plan(invoice, **PLANNED)
    look()

    resolution = send(planned)

    assert (resolution.status, wire.count(MONEY)) == ("failed", 0)


@pytest.mark.parametrize(("call", "act"), [(REFUND, refund_invoice), (COMMIT, settle_invoice)])
def test_a_call_carries_the_moment_at_which_it_was_marked_sent(wire, cryptopay_sandbox, call, act):
    resolution = act(unresolved(cryptopay_sandbox), **BY_ADA)

    (date,) = [date for asked, date in wire.dates.items() if re.fullmatch(call, asked)]
    assert date == http_date(resolution.sent_at)


def test_a_process_that_dies_with_the_answer_in_hand_has_succeeded(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    wire.just_before(REFUND, lambda: wire.fail(READING, "killed"))

    with pytest.raises(Killed):
        refund_invoice(invoice, **BY_ADA)
    wire.heal()

    assert Resolution.objects.get().result["refund_id"]
    assert (look().status, money_moved(cryptopay_sandbox, invoice)) == ("succeeded", 1)


def test_an_answer_that_comes_after_it_was_ended_makes_it_active_again_with_an_alarm(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    wire.after_each(REFUND, lambda: Resolution.objects.update(status="failed", active=None, next_attempt_at=None))

    resolution = refund_invoice(invoice, **BY_ADA)

    (refund,) = cryptopay_sandbox.invoice(invoice).refunds
    assert (resolution.status, resolution.result["refund_id"]) == ("succeeded", refund.id)
    assert "ended by a person" in resolution.error
    assert kinds(invoice) == ["planned", "sent", "accepted", "alarm", "succeeded"]
    assert InvoiceEvent.objects.get(kind="resolution_alarm").notice_due_at is not None


def test_an_accepted_refund_blocks_others_until_the_invoice_has_moved(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    wire.just_before(REFUND, lambda: wire.fail(READING, "unreadable"))

    resolution = refund_invoice(invoice, **BY_ADA)

    assert (resolution.status, resolution.active) == ("sent", True)
    wire.heal()
    with pytest.raises(ResolutionActiveError):
        refund_invoice(invoice, **BY_ADA)
    assert look().status == "succeeded"
    assert kinds(invoice) == ["planned", "sent", "accepted", "succeeded"]


def test_a_refund_that_somebody_else_made_to_another_place_is_not_ours(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    wire.fail(REFUND, "timeout")
    assert refund_invoice(invoice, address=ADDRESS, **BY_ADA).status == "unknown"
    resolve_by_setting(cryptopay_sandbox, invoice)

    resolution = look()

    assert (resolution.status, Invoice.objects.get(pk=invoice.pk).status) == ("failed", "refunded")
    assert f"by a refund to the merchant's own account, and to {ADDRESS} was asked" in resolution.error
    assert kinds(invoice) == ["planned", "sent", "unknown", "failed", "alarm"]
    assert money_moved(cryptopay_sandbox, invoice) == 1


def test_a_settlement_that_the_accounts_refund_has_overtaken_has_failed(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    wire.fail(COMMIT, "timeout")
    assert settle_invoice(invoice, **BY_ADA).status == "unknown"
    resolve_by_setting(cryptopay_sandbox, invoice)

    resolution = look()

    assert resolution.status == "failed"
    assert resolution.error == "the invoice ended as refunded, not by this settlement"
    assert money_moved(cryptopay_sandbox, invoice) == 1


def test_refunds_of_before_are_not_taken_for_this_one(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    wire.fail(REFUND, "timeout", after_effect=True)
    refund_invoice(invoice, **BY_ADA)
    (refund,) = cryptopay_sandbox.invoice(invoice).refunds

    Resolution.objects.update(known_refund_ids=[refund.id])

    assert (look().status, look(later=True).status) == ("unknown", "unknown")


def test_looking_again_changes_nothing(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    wire.fail(REFUND, "timeout", after_effect=True)
    first = refund_invoice(invoice, **BY_ADA)

    ended = resolve_unknown(first)
    again = resolve_unknown(first)

    assert (ended.status, again.status, again.finished_at) == ("succeeded", "succeeded", ended.finished_at)
    assert kinds(invoice).count("succeeded") == 1
    assert look().attempts == 1


def test_an_outcome_that_cannot_be_read_is_looked_for_later_and_told_of_once(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    wire.fail(REFUND, "timeout", after_effect=True)
    refund_invoice(invoice, **BY_ADA)
    wire.fail(READING, "unreadable")

    assert look().next_attempt_at > timezone.now()
    Resolution.objects.update(sent_at=timezone.now() - timedelta(minutes=6))
    assert [look().status, look().status] == ["unknown", "unknown"]
    assert InvoiceEvent.objects.filter(kind="resolution_stuck", notice_due_at__isnull=False).count() == 1

    wire.heal()
    assert look().status == "succeeded"


def test_whoever_sent_it_and_never_came_back_makes_it_unknown(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    wire.fail(REFUND, "killed")
    with pytest.raises(Killed):
        refund_invoice(invoice, **BY_ADA)

    assert look().status == "sent", "whoever sent it may still wait for the answer"
    Resolution.objects.update(sent_at=timezone.now() - timedelta(seconds=61))

    assert look().status == "unknown"
    assert kinds(invoice) == ["planned", "sent", "unknown"]


def test_one_that_cannot_be_looked_at_does_not_keep_others_from_it(wire, cryptopay_sandbox):
    broken, other = unresolved(cryptopay_sandbox), unresolved(cryptopay_sandbox)
    wire.fail(REFUND, "timeout", after_effect=True)
    for invoice in (broken, other):
        refund_invoice(invoice, **BY_ADA)
    Resolution.objects.filter(invoice=broken).update(parameters={"of": "another age"})

    look()

    assert Resolution.objects.get(invoice=broken).status == "unknown"
    assert "KeyError" in Resolution.objects.get(invoice=broken).error
    assert Resolution.objects.get(invoice=other).status == "succeeded"


def test_without_time_for_a_call_nothing_is_claimed(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    wire.fail(REFUND, "timeout", after_effect=True)
    due = refund_invoice(invoice, **BY_ADA).next_attempt_at
    wire.asked.clear()

    assert resolve_pending_resolutions(deadline=0) == 0

    assert (wire.asked, Resolution.objects.get().next_attempt_at) == ([], due)


def test_what_became_of_one_that_somebody_else_ended_meanwhile_is_left_as_it_is(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    wire.fail(REFUND, "timeout", after_effect=True)
    refund_invoice(invoice, **BY_ADA)
    wire.just_before(REFUNDS, lambda: Resolution.objects.update(status="failed", active=None, next_attempt_at=None))

    assert look().status == "failed"
    assert kinds(invoice) == ["planned", "sent", "unknown"]


@pytest.mark.parametrize(
    ("status", "answer", "ending", "steps"),
    [
        ("unknown", "unreachable", "failed", ["planned", "sent", "failed"]),
        ("unknown", "timeout", "unknown", ["planned", "sent"]),
        ("failed", "unreachable", "failed", ["planned", "sent"]),
    ],
)
def test_an_answer_that_others_did_not_wait_for_tells_what_it_can(
    wire, cryptopay_sandbox, status, answer, ending, steps
):
    invoice = unresolved(cryptopay_sandbox)
    active = None if status == "failed" else True
    wire.just_before(REFUND, lambda: Resolution.objects.update(status=status, active=active))
    wire.fail(REFUND, answer)

    resolution = refund_invoice(invoice, **BY_ADA)

    assert (resolution.status, kinds(invoice)) == (ending, steps)


def test_a_refusal_stands_even_where_the_invoice_cannot_be_read_after_it(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    wire.just_before(REFUND, lambda: wire.fail(".*", "unreachable"))

    resolution = refund_invoice(invoice, **BY_ADA)

    assert (resolution.status, resolution.active) == ("failed", None)


def test_an_invoice_that_is_gone_cannot_be_planned_for():
    gone = InvoiceFactory.build(status="unresolved", status_context="underpaid")

    with pytest.raises(InvoiceChangedError, match="does not exist any more"):
        plan(gone, **PLANNED)


def test_a_resolution_that_is_gone_is_not_sent(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    planned = plan(invoice, **PLANNED)
    Resolution.objects.filter(pk=planned.pk).delete()

    with pytest.raises(Resolution.DoesNotExist):
        send(planned)

    assert wire.count(MONEY) == 0


def test_a_plan_that_was_sent_just_as_it_was_to_be_given_up_is_left_to_its_sender(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    planned = plan(invoice, **PLANNED)
    Resolution.objects.update(status="sent", sent_at=timezone.now())

    assert _abandon(planned).status == "sent"
    assert kinds(invoice) == ["planned"]


def test_a_mistake_that_is_not_a_second_resolution_is_not_taken_for_one(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)

    with pytest.raises(IntegrityError):
        plan(invoice, **PLANNED | {"person": Person(None)})

    assert not Resolution.objects.exists()

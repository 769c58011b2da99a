"""A person ends what the gateway shows nothing of; and what becomes of it when the gateway acts after all."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from cryptopay_django.conf import client_for
from cryptopay_django.exceptions import (
    GatewayError,
    InvoiceChangedError,
    NotEndableError,
    NotResolvableError,
    ResolutionActiveError,
)
from cryptopay_django.models import Invoice, InvoiceEvent, Resolution
from cryptopay_django.sandbox.invoices import Context, Status
from cryptopay_django.sandbox.resolutions import create_refund
from cryptopay_django.services import end_resolution, refund_invoice, send_notices, settle_invoice
from cryptopay_django.services.resolution.end_by_hand import ENDABLE_AFTER, is_endable

from .desk import ADDRESS, COMMIT, MONEY, READING, REFUND, kinds, look, money_moved, unresolved

pytestmark = pytest.mark.django_db

BY_ADA = {"actor": "ada", "reason": "customer called"}
BY_BOB = {"actor": "bob", "reason": "nothing of it is in the account"}


def sent_long_ago(age=ENDABLE_AFTER):
    Resolution.objects.update(sent_at=timezone.now() - age)
    return Resolution.objects.select_related("invoice").get()


@pytest.fixture
def lost(wire, cryptopay_sandbox):
    """An invoice whose refund has had no answer, and has not been seen."""
    invoice = unresolved(cryptopay_sandbox)
    wire.fail(REFUND, "timeout")
    assert refund_invoice(invoice, address=ADDRESS, **BY_ADA).status == "unknown"
    wire.heal()
    return invoice


def act_late(sandbox, invoice, address=ADDRESS):
    """Let the gateway act on what it had accepted, unseen."""
    account = sandbox.account()
    with account.changed:
        create_refund(account.state, account.find(str(invoice.gateway_id)), address=address, at=account.clock.now())


def test_before_twenty_minutes_nobody_can_end_it(lost, wire):
    young = sent_long_ago(timedelta(minutes=19, seconds=55))
    wire.asked.clear()

    with pytest.raises(NotEndableError, match="still be on its way"):
        end_resolution(young, **BY_BOB)

    assert (is_endable(young), wire.asked, Resolution.objects.get().active) == (False, [], True)


def test_a_person_ends_it_by_name_and_reason_having_asked_the_gateway(lost, wire):
    resolution = sent_long_ago()
    assert is_endable(resolution)
    wire.asked.clear()

    ended = end_resolution(resolution, expected_version=lost.version, **BY_BOB)

    assert (ended.status, ended.active, ended.is_followed_after_end) == ("failed", None, True)
    assert wire.count(READING) == 2, "the invoice and its refunds are read first"
    told = InvoiceEvent.objects.get(kind="resolution_ended")
    assert (told.actor, told.detail["reason"], told.detail["planned_by"]) == ("bob", BY_BOB["reason"], "ada")
    assert told.detail["address"] == ADDRESS, "the timeline says what was asked"
    assert refund_invoice(lost, address=ADDRESS, **BY_BOB).status == "succeeded"


@pytest.mark.parametrize("person", [{"actor": " ", "reason": "x"}, {"actor": "bob", "reason": " "}])
def test_who_ends_it_must_be_named_and_say_why(lost, person):
    with pytest.raises(NotResolvableError):
        end_resolution(sent_long_ago(), **person)


def test_what_changed_since_it_was_seen_is_not_ended(lost):
    with pytest.raises(InvoiceChangedError, match="may have been sent and is still open, so do not send it again"):
        end_resolution(sent_long_ago(), expected_version=lost.version + 1, **BY_BOB)

    assert Resolution.objects.get().active


def test_a_gateway_that_does_not_answer_shows_nothing_and_hides_nothing(lost, wire):
    wire.fail(READING, "timeout")

    with pytest.raises(GatewayError):
        end_resolution(sent_long_ago(), **BY_BOB)

    assert Resolution.objects.get().active


def test_what_the_gateway_shows_decides_before_the_person_does(lost, cryptopay_sandbox):
    act_late(cryptopay_sandbox, lost)

    done = end_resolution(sent_long_ago(), **BY_BOB)

    assert (done.status, kinds(lost)) == ("succeeded", ["planned", "sent", "unknown", "succeeded"])


def test_an_accepted_one_cannot_be_ended_by_hand(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    wire.just_before(REFUND, lambda: wire.fail(READING, "unreadable"))
    assert refund_invoice(invoice, **BY_ADA).status == "sent"

    with pytest.raises(NotEndableError, match="has accepted"):
        end_resolution(sent_long_ago(), **BY_BOB)


def test_one_that_was_not_sent_or_has_ended_cannot_be_ended_by_hand(wire, cryptopay_sandbox):
    done = refund_invoice(unresolved(cryptopay_sandbox), **BY_ADA)

    with pytest.raises(NotEndableError, match="succeeded"):
        end_resolution(done, **BY_BOB)


def test_a_refund_that_acts_after_it_was_ended_is_adopted_with_an_alarm(lost, cryptopay_sandbox, settings, mailoutbox):
    settings.CRYPTOPAY_NOTICE_RECIPIENTS = {"unknown_resolution": ["desk@shop.example"]}
    end_resolution(sent_long_ago(), **BY_BOB)
    act_late(cryptopay_sandbox, lost)

    resolution = look()

    assert (resolution.status, resolution.result["address"]) == ("succeeded", ADDRESS)
    assert "ended by a person" in resolution.error
    assert kinds(lost)[-3:] == ["ended", "alarm", "succeeded"]
    send_notices()
    assert "not as asked" in mailoutbox[-1].subject


def test_the_next_refund_looks_for_the_ended_one_first(lost, wire, cryptopay_sandbox):
    """It acted, and the invoice has not moved yet: a second one would send the coins twice."""
    end_resolution(sent_long_ago(), **BY_BOB)
    act_late(cryptopay_sandbox, lost)
    there = cryptopay_sandbox.invoice(lost)
    there.status, there.context = Status.UNRESOLVED, Context.UNDERPAID

    with pytest.raises(ResolutionActiveError, match="ada"):
        refund_invoice(lost, address=ADDRESS, **BY_BOB)

    assert kinds(lost)[-2:] == ["ended", "alarm"]
    assert (wire.count(MONEY), money_moved(cryptopay_sandbox, lost)) == (1, 1)
    there.status, there.context = Status.REFUNDED, None
    assert look().status == "succeeded"


def test_an_ended_one_is_looked_at_ever_more_rarely_and_not_for_ever(lost):
    end_resolution(sent_long_ago(), **BY_BOB)

    for age, pause in ((timedelta(minutes=5), 5), (timedelta(days=1), 144), (timedelta(days=15), None)):
        Resolution.objects.update(finished_at=timezone.now() - age, next_attempt_at=timezone.now())
        resolution = look()
        left = resolution.next_attempt_at and (resolution.next_attempt_at - timezone.now()) / timedelta(minutes=1)
        assert left is None if pause is None else left == pytest.approx(pause, abs=1)
    assert resolution.status == "failed"


def test_a_settlement_can_be_ended_and_is_found_when_it_acts_late(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    wire.fail(COMMIT, "timeout")
    settle_invoice(invoice, **BY_ADA)
    wire.heal()
    end_resolution(sent_long_ago(), **BY_BOB)
    asked = Resolution.objects.get().parameters
    client_for("default").commit_recalculation(str(invoice.gateway_id), asked["recalculation_id"])

    resolution = look()

    assert resolution.status == "succeeded"
    assert "ended by a person" in resolution.error
    assert Invoice.objects.get(pk=invoice.pk).status == "completed"


def test_a_second_one_that_succeeded_is_not_taken_for_the_ended_one(lost, cryptopay_sandbox):
    end_resolution(sent_long_ago(), **BY_BOB)
    assert refund_invoice(lost, address=ADDRESS, **BY_BOB).status == "succeeded"

    look()

    assert sorted(Resolution.objects.values_list("status", flat=True)) == ["failed", "succeeded"]
    assert "alarm" not in kinds(lost)


def test_while_it_is_open_nothing_else_can_begin_however_long_it_takes(lost):
    Resolution.objects.update(sent_at=timezone.now() - timedelta(days=30))
    look()

    with pytest.raises(ResolutionActiveError):
        settle_invoice(lost, **BY_BOB)
    assert InvoiceEvent.objects.filter(kind="resolution_stuck", notice_due_at__isnull=False).count() == 1

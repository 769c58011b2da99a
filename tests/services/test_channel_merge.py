"""The merge of the gateway's answer about a payment: pure decisions on a row in memory."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from cryptopay_django.gateway.channels import ChannelPaymentSnapshot
from cryptopay_django.models import ChannelPaymentStatus
from cryptopay_django.services.channels.compare import brings_news, is_in_state, relation
from cryptopay_django.services.channels.merge import begin_payment, merge_payment
from cryptopay_django.services.snapshots.compare import Relation
from cryptopay_django.testing.factories import ChannelFactory, ChannelPaymentFactory, channel_payment_wire

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
FINAL = ("completed", "refunded", "cancelled")
HELD = {"status": "on_hold", "status_context": "illicit_resource"}


def row(**values):
    channel = values.pop("channel", None) or ChannelFactory.build(environment="sandbox")
    payment = ChannelPaymentFactory.build(channel=channel, **values)
    payment._state.adding = False
    return payment


def said(payment, **changes):
    return ChannelPaymentSnapshot.from_wire(channel_payment_wire(payment, **changes))


def take(payment, **changes):
    return merge_payment(payment, said(payment, **changes), at=NOW)


def kinds(merge):
    return [event.kind.removeprefix("channel_payment_") for event in merge.events]


def test_a_new_payment_is_created_and_then_what_it_has_become():
    known = row()
    for status, expected in {
        "pending": ["created"],
        "completed": ["created", "completed"],
        "refunded": ["created", "refunded"],
        "cancelled": ["created", "cancelled"],
    }.items():
        snapshot = said(known, status=status)

        payment = begin_payment(known.channel, snapshot, at=NOW)
        merge = merge_payment(payment, snapshot, at=NOW)

        assert (payment.status, kinds(merge)) == (status, expected)


def test_the_same_again_changes_nothing():
    payment = row()
    take(payment, status="completed")

    assert not take(payment, status="completed")
    assert relation(payment, said(payment, status="completed")) is Relation.SAME


def test_what_is_credited_is_sealed():
    payment = row()
    take(payment, status="completed")
    merge = take(payment, status="completed", received_amount="1000.0")

    assert payment.received_amount == Decimal("495")
    assert payment.contradicted == {"received_amount": "1000"}
    assert kinds(merge) == ["quarantined"]
    assert not take(payment, status="completed", received_amount="1000.00"), "it is held once"


@pytest.mark.parametrize(
    "changes",
    [
        {"paid_currency": "ETH"},
        {"received_currency": "USD"},
        {"network": "bnb_smart_chain"},
        {"address": "2N7eWx1pLbvcQhRfkz3dYt6sGm9999"},
        {"channel_id": "00000000-0000-4000-8000-000000000000"},
        {"txid": "f" * 64},
        {"paid_amount": "0.02"},
    ],
)
def test_a_completion_that_contradicts_the_channel_is_held_and_not_notified(changes):
    payment = row()

    merge = take(payment, status="completed", **changes)

    assert payment.status == "completed", "the row follows the gateway"
    assert (kinds(merge), payment.credited_amount) == (["quarantined"], 0)
    assert next(iter(changes)) in payment.quarantine_reason


def test_an_address_in_another_spelling_is_the_same():
    channel = ChannelFactory.build(
        environment="sandbox", pay_currency="USDT", network="bnb_smart_chain",
        address="0x42550dfb0aeaf2b6d4a3d0d8d2d2dfd1a6b0a6c5",
    )  # fmt: skip
    payment = row(channel=channel)

    take(payment, status="completed", address="0x42550Dfb0AeAf2B6D4A3d0D8d2D2dFD1a6B0A6c5")

    assert payment.quarantine_reason == ""


def test_an_address_may_be_reported_with_its_tag_or_without():
    channel = ChannelFactory.build(environment="sandbox", address="rn7bPcT4nKDmpV", destination_tag="275")
    for address in ("rn7bPcT4nKDmpV?dt=275", "rn7bPcT4nKDmpV", None):
        payment = row(channel=channel)
        take(payment, status="completed", address=address)
        assert payment.quarantine_reason == ""
    payment = row(channel=channel)
    take(payment, status="completed", address="rn7bPcT4nKDmpV?dt=276")
    assert "address" in payment.quarantine_reason


def test_a_completion_of_nothing_is_held():
    payment = row()

    merge = take(payment, status="completed", received_amount="0.0")

    assert (payment.status, kinds(merge)) == ("completed", ["quarantined"])
    assert not take(payment, status="completed", received_amount="0.0")


@pytest.mark.parametrize(("ours", "theirs"), list(itertools.permutations(FINAL, 2)))
def test_a_final_status_that_becomes_another_is_held_and_not_notified(ours, theirs):
    payment = row()
    take(payment, status=ours)

    merge = take(payment, status=theirs)

    assert (payment.status, kinds(merge)) == (theirs, ["status_overruled", "quarantined"])
    assert payment.credited_amount == 0
    assert (payment.received_amount > 0) == (theirs == "completed")


@pytest.mark.parametrize("ours", FINAL)
@pytest.mark.parametrize("theirs", [{"status": "pending"}, HELD])
def test_a_final_status_that_is_taken_back_is_held(ours, theirs):
    payment = row()
    take(payment, status=ours)

    merge = take(payment, **theirs)

    assert (payment.status, kinds(merge)) == (theirs["status"], ["status_overruled", "quarantined"])


def test_a_hold_that_is_lifted_before_the_end_is_nobodys_alarm():
    payment = row()
    take(payment, status="on_hold", status_context="channel_disabled")

    merge = take(payment, status="pending")

    assert (payment.status, payment.status_context, payment.quarantine_reason) == ("pending", "", "")
    assert kinds(merge) == ["status_overruled"]
    assert kinds(take(payment, status="completed")) == ["completed"]


def test_a_hold_for_another_reason_is_notified():
    payment = row()
    take(payment, **HELD)

    merge = take(payment, status="on_hold", status_context="channel_disabled")

    assert (kinds(merge), payment.status_context) == (["on_hold"], "channel_disabled")


def test_a_status_that_is_unknown_here_holds_the_payment_where_it_is():
    payment = row()

    merge = take(payment, status="frozen")

    assert (payment.status, kinds(merge)) == ("pending", ["quarantined"])
    assert "frozen" in payment.quarantine_reason
    assert not take(payment, status="frozen")


def test_a_risk_that_turns_out_high_is_reported_once():
    payment = row()
    risk = {"risk": {"score": 9.1, "level": "high", "resource_name": "x", "resource_category": "y"}}

    assert kinds(take(payment, **risk)) == ["risk_high"]
    assert not take(payment, **risk)
    assert not take(payment), "a snapshot without a risk takes none away"
    assert payment.risk_level == "high"


def test_a_score_in_other_digits_is_no_news_and_a_level_is():
    payment = row(risk_level="low", risk_score=Decimal("2.0522"))

    assert not brings_news(payment, said(payment, risk={"score": 2.05, "level": "low"}))
    assert brings_news(payment, said(payment, risk={"score": 2.0522, "level": "high"}))


def test_what_a_return_names_is_kept():
    payment = row()

    take(payment, status="refunded", refund_address="2N7", coin_withdrawal_id="11111111-1111-4111-8111-111111111111")

    assert (payment.refund_address, payment.coin_withdrawal_id[:8]) == ("2N7", "11111111")


@pytest.mark.parametrize(
    "path", [*itertools.permutations(["pending", "on_hold", "completed"]), *itertools.permutations(["pending", "on_hold", "refunded"])]
)  # fmt: skip
def test_whatever_the_order_the_end_is_notified_once_at_most(path):
    """A GET decides backwards too: then a person looks, and nothing is credited a second time by itself."""
    payment, heard = row(), []
    for status in path:
        heard += kinds(
            take(payment, status=status, status_context="illicit_resource" if status == "on_hold" else None)
        )

    end = next(status for status in path if status in FINAL)
    assert heard.count(end) == 1
    assert payment.status == path[-1]
    assert bool(payment.quarantine_reason) == (path[-1] not in FINAL)


def test_every_status_of_the_gateway_has_a_transition():
    for status in ChannelPaymentStatus.values:
        payment = row()
        take(payment, status=status)
        assert payment.status == status


def test_what_the_gateway_does_not_say_any_more_is_not_what_a_release_takes_over():
    payment = row()
    take(payment, paid_amount="2", received_currency="USD")
    assert payment.contradicted == {"paid_amount": "2", "received_currency": "USD"}

    merge = take(payment)

    assert payment.contradicted == {}
    assert payment.quarantine_reason, "what it has said is still for a person"
    assert (kinds(merge), merge.changed) == ([], {"contradicted"})


def test_what_is_said_of_a_credit_is_over_when_the_credit_is_taken_back():
    payment = row()
    take(payment, status="completed")
    take(payment, status="completed", received_amount="1000.0")

    take(payment, **HELD)
    take(payment, status="completed")

    assert (payment.received_amount, payment.contradicted) == (Decimal(495), {})


def test_a_status_that_is_unknown_here_holds_again_after_it_was_another_one():
    payment = row()
    take(payment, status="frozen")
    take(payment, status="completed")
    payment.quarantine_reason = ""

    assert kinds(take(payment, status="frozen")) == ["quarantined"]


@pytest.mark.parametrize("name", ["paid_currency", "received_currency"])
def test_a_currency_that_was_accepted_is_held_when_the_gateway_goes_back_to_the_channels_own(name):
    payment = row(**{name: "USD"}, contradicted={name: "USD"})
    own = {"paid_currency": payment.channel.pay_currency, "received_currency": payment.channel.receiver_currency}
    assert kinds(take(payment)) == [], "it was accepted"

    merge = take(payment, status="completed", **{name: own[name]})

    assert kinds(merge) == ["quarantined"]
    assert payment.contradicted == {name: own[name]}


def test_a_context_of_another_status_than_on_hold_is_no_news():
    payment = row()
    take(payment, status="completed", status_context="confirmed")

    assert is_in_state(payment, "completed", "confirmed")
    assert not take(payment, status="completed", status_context="confirmed")

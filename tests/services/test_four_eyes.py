"""Above an amount, a second person: planned, approved by somebody else, or withdrawn."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from cryptopay_django.exceptions import (
    ApprovalError,
    InvoiceChangedError,
    NotResolvableError,
    QuoteExpiredError,
    ResolutionActiveError,
    SamePersonError,
)
from cryptopay_django.models import Invoice, InvoiceEvent, Resolution
from cryptopay_django.services import (
    approve_resolution,
    quote_settlement,
    refund_invoice,
    settle_invoice,
    withdraw_resolution,
)
from cryptopay_django.services.resolution.rules import needs_second_person
from cryptopay_django.testing.factories import InvoiceFactory

from .desk import (
    ADDRESS,
    COMMIT,
    MONEY,
    READING,
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


@pytest.fixture(autouse=True)
def four_eyes(settings):
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = {"EUR": Decimal(99)}


@pytest.mark.parametrize(
    ("values", "needed"),
    [
        ({"price_amount": Decimal(99)}, False),
        ({"price_amount": Decimal("99.01")}, True),
        ({"price_amount": Decimal(10), "paid_amount": Decimal("0.002")}, True),
        ({"price_amount": Decimal(10), "paid_amount": Decimal("0.001")}, False),
        # A rate of another pair, far too low: fifty times what was asked for came in.
        ({"price_amount": Decimal(10), "paid_amount": Decimal("0.1"), "exchange_rate": Decimal("0.5")}, True),
        (
            {"price_amount": Decimal(99), "pay_amount": Decimal(7), "paid_amount": Decimal(7), "exchange_rate": 1},
            False,
        ),
        ({"price_amount": Decimal(1000), "price_currency": "USD"}, False),
    ],
)
def test_what_was_ordered_or_paid_decides_whether_two_are_needed(values, needed):
    assert needs_second_person(InvoiceFactory.build(**values)) is needed


def test_in_the_coin_itself_the_paid_amount_counts(settings):
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = {"BTC": Decimal(1)}
    coin = {"price_currency": "BTC", "price_amount": Decimal("0.5"), "exchange_rate": None}

    assert needs_second_person(InvoiceFactory.build(**coin, paid_amount=Decimal("1.1")))
    assert not needs_second_person(InvoiceFactory.build(**coin, paid_amount=Decimal(1)))


def test_nothing_is_sent_before_a_second_person_has_confirmed(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)

    planned = refund_invoice(invoice, address=ADDRESS, **BY_ADA)

    assert (planned.status, planned.awaits_approval, wire.count(MONEY)) == ("planned", True, 0)
    assert look(later=True).status == "planned", "the resolver leaves it alone"
    with pytest.raises(ResolutionActiveError, match="ada"):
        refund_invoice(invoice, **BY_ADA)

    approved = approve_resolution(planned, actor="bob")

    assert (approved.status, approved.actor, approved.approver) == ("succeeded", "ada", "bob")
    assert approved.approved_at is not None
    (refund,) = cryptopay_sandbox.invoice(invoice).refunds
    assert refund.address == ADDRESS
    assert kinds(invoice) == ["planned", "approved", "sent", "accepted", "succeeded"]
    told = InvoiceEvent.objects.get(kind="resolution_approved")
    assert (told.actor, told.detail["planned_by"]) == ("bob", "ada")


@pytest.mark.parametrize("actor", ["ada", "ADA", " ada "])
def test_nobody_confirms_their_own(wire, cryptopay_sandbox, actor):
    planned = refund_invoice(unresolved(cryptopay_sandbox), **BY_ADA)

    with pytest.raises(SamePersonError, match="another person"):
        approve_resolution(planned, actor=actor)

    assert (Resolution.objects.get().awaits_approval, wire.count(MONEY)) == (True, 0)


def test_who_may_not_confirm_is_told_before_the_gateway_is_asked(wire, cryptopay_sandbox):
    planned = refund_invoice(unresolved(cryptopay_sandbox), **BY_ADA)
    wire.asked.clear()

    with pytest.raises(SamePersonError):
        approve_resolution(planned, actor="ada")

    assert wire.asked == []


def test_who_confirms_or_withdraws_must_be_named_and_say_why(wire, cryptopay_sandbox):
    planned = refund_invoice(unresolved(cryptopay_sandbox), **BY_ADA)

    for act in (
        lambda: approve_resolution(planned, actor=" "),
        lambda: withdraw_resolution(planned, actor=" ", reason="wrong customer"),
        lambda: withdraw_resolution(planned, actor="bob", reason=" "),
    ):
        with pytest.raises(NotResolvableError, match=str(planned.invoice_id)):
            act()

    assert Resolution.objects.get().awaits_approval


@pytest.mark.parametrize("with_quote", [True, False])
def test_a_settlement_is_committed_at_a_rate_of_its_approval(wire, cryptopay_sandbox, with_quote):
    invoice = unresolved(cryptopay_sandbox)
    planned = settle_invoice(invoice, **BY_ADA)
    cryptopay_sandbox.advance(minutes=30)
    quote = quote_settlement(invoice) if with_quote else None

    approved = approve_resolution(planned, actor="bob", quote=quote)

    assert approved.status == "succeeded"
    assert approved.parameters["recalculation_id"] != planned.parameters["recalculation_id"]
    assert quote is None or approved.parameters["recalculation_id"] == str(quote.recalculation_id)
    assert approved.parameters["invoice_version"] == planned.parameters["invoice_version"]
    told = InvoiceEvent.objects.get(kind="resolution_approved")
    assert told.detail["recalculation_id"] == approved.parameters["recalculation_id"]
    assert (wire.count(COMMIT), money_moved(cryptopay_sandbox, invoice)) == (1, 1)
    assert wire.count(REFUNDS) == 2, "whether the payment goes back already, before each of the two decisions"


def test_what_was_decided_on_carries_the_version_that_was_approved(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    planned = refund_invoice(invoice, **BY_ADA)
    Invoice.objects.update(version=40)

    assert approve_resolution(planned, actor="bob").parameters["invoice_version"] == 40


def test_a_quote_of_before_the_invoice_changed_is_not_committed(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    planned = settle_invoice(invoice, **BY_ADA)
    quote = quote_settlement(invoice)
    Invoice.objects.update(version=40)

    with pytest.raises(InvoiceChangedError, match="since the quote was made"):
        approve_resolution(planned, actor="bob", quote=quote)

    assert (Resolution.objects.get().awaits_approval, wire.count(COMMIT)) == (True, 0)


def test_one_whose_process_dies_between_the_approval_and_the_sending_is_looked_at_soon(wire, cryptopay_sandbox):
    planned = refund_invoice(unresolved(cryptopay_sandbox), **BY_ADA)

    def die_when_sending(execute, sql, parameters, many, context):
        if "sent" in (parameters or ()):
            raise Killed
        return execute(sql, parameters, many, context)

    with pytest.raises(Killed), connection.execute_wrapper(die_when_sending):
        approve_resolution(planned, actor="bob")

    left = Resolution.objects.get()
    assert (left.status, left.approver) == ("planned", "bob")
    assert timedelta(0) < left.next_attempt_at - left.approved_at <= timedelta(minutes=1)


def test_a_second_person_with_an_old_quote_is_asked_again(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    planned = settle_invoice(invoice, **BY_ADA)
    quote = replace(quote_settlement(invoice), expires_at=timezone.now())

    with pytest.raises(QuoteExpiredError):
        approve_resolution(planned, actor="bob", quote=quote)

    assert Resolution.objects.get().awaits_approval


def test_what_was_decided_on_must_still_be_so(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    planned = refund_invoice(invoice, **BY_ADA)
    cryptopay_sandbox.pay(invoice, amount="rest")

    with pytest.raises(InvoiceChangedError, match=r"paid_amount was .* nothing was sent"):
        approve_resolution(planned, actor="bob")

    planned = Resolution.objects.get()
    assert (planned.status, planned.active, wire.count(MONEY)) == ("failed", None, 0)


def test_what_has_ended_by_itself_is_dropped_at_the_approval(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    planned = refund_invoice(invoice, **BY_ADA)
    resolve_by_setting(cryptopay_sandbox, invoice)

    with pytest.raises(InvoiceChangedError, match="dropped"):
        approve_resolution(planned, actor="bob")

    assert (Resolution.objects.get().status, Invoice.objects.get(pk=invoice.pk).status) == ("failed", "refunded")
    assert money_moved(cryptopay_sandbox, invoice) == 1


def test_it_can_be_withdrawn_by_anybody_with_a_reason_and_then_begun_anew(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    planned = refund_invoice(invoice, **BY_ADA)

    withdrawn = withdraw_resolution(planned, actor="bob", reason="wrong customer")

    assert (withdrawn.status, withdrawn.active, withdrawn.error) == (
        "failed",
        None,
        "withdrawn by bob: wrong customer",
    )
    assert withdrawn.finished_at is not None
    assert kinds(invoice) == ["planned", "withdrawn"]
    told = InvoiceEvent.objects.get(kind="resolution_withdrawn")
    assert (told.actor, told.detail["reason"], told.detail["planned_by"]) == ("bob", "wrong customer", "ada")
    for act in (
        lambda: approve_resolution(planned, actor="bob"),
        lambda: withdraw_resolution(planned, actor="bob", reason="x"),
    ):
        with pytest.raises(ApprovalError, match="failed"):
            act()
    assert refund_invoice(invoice, **BY_ADA).awaits_approval
    assert wire.count(MONEY) == 0


def test_a_process_that_dies_after_the_approval_has_sent_nothing(wire, cryptopay_sandbox):
    planned = refund_invoice(unresolved(cryptopay_sandbox), **BY_ADA)
    planned.approve("bob", at=timezone.now())
    planned.next_attempt_at = timezone.now()
    planned.save()

    assert (look().status, wire.count(MONEY)) == ("failed", 0)


def test_an_approval_without_an_answer_is_unknown_and_ends_by_reading(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    planned = refund_invoice(invoice, **BY_ADA)
    wire.fail(MONEY, "timeout", after_effect=True)

    assert approve_resolution(planned, actor="bob").status == "unknown"

    assert look().status == "succeeded"
    assert money_moved(cryptopay_sandbox, invoice) == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"paid_amount": Decimal("0.0017")}, r"paid_amount was .* and is 0\.0017"),
        ({"status_context": "paid_late"}, "status_context was underpaid and is paid_late"),
        (
            {"status_context": "paid_late", "paid_amount": Decimal("0.0017")},
            r"is paid_late; paid_amount was .* and is 0\.0017",
        ),
        ({"quarantine_reason": "look at it"}, "quarantined"),
    ],
)
def test_what_changes_at_the_last_moment_drops_it(wire, cryptopay_sandbox, change, told):
    invoice = unresolved(cryptopay_sandbox)
    planned = refund_invoice(invoice, **BY_ADA)
    wire.just_before(REFUNDS, lambda: Invoice.objects.update(**change))

    with pytest.raises(InvoiceChangedError, match=f"{told}.* nothing was sent"):
        approve_resolution(planned, actor="bob")

    planned = Resolution.objects.get()
    assert (planned.status, planned.active, wire.count(MONEY)) == ("failed", None, 0)
    assert kinds(invoice) == ["planned", "failed"]


def test_what_was_withdrawn_while_the_second_person_looked_stays_withdrawn(wire, cryptopay_sandbox):
    invoice = unresolved(cryptopay_sandbox)
    planned = refund_invoice(invoice, **BY_ADA)
    resolve_by_setting(cryptopay_sandbox, invoice)
    wire.just_before(READING, lambda: withdraw_resolution(planned, actor="cy", reason="wrong customer"))

    with pytest.raises(InvoiceChangedError, match="dropped"):
        approve_resolution(planned, actor="bob")

    assert Resolution.objects.get().error == "withdrawn by cy: wrong customer"
    assert kinds(invoice) == ["planned", "withdrawn"]


def test_a_reason_of_any_length_is_taken(wire, cryptopay_sandbox):
    planned = refund_invoice(unresolved(cryptopay_sandbox), **BY_ADA)

    withdrawn = withdraw_resolution(planned, actor="bob", reason="long " * 1000)

    assert len(withdrawn.error) == 2000

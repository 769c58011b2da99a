"""Refunds of completed orders: who may, two people, and answers that are lost, late or not as asked."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import timezone

from cryptopay_django.exceptions import (
    InvoiceChangedError,
    NotPermittedError,
    QuoteExpiredError,
    ResolutionActiveError,
    SamePersonError,
)
from cryptopay_django.models import Invoice, Refund
from cryptopay_django.sandbox.withdrawal_orders import commit_withdrawal
from cryptopay_django.services import (
    approve_resolution,
    end_resolution,
    quote_again,
    refund_invoice,
    settle_invoice,
)
from cryptopay_django.services.accounts import client_of
from cryptopay_django.services.resolution.judge_outcome import oddities_of_withdrawal

from .desk import kinds, look, unresolved
from .returning import COMMIT, PREVIEW, READING, committed, completed, left, quoted, send_back

pytestmark = pytest.mark.django_db(transaction=True)

OTHER = "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7"
XRP = "rN7n7otQDd6FczFgLdSqtcsAUxDkw6fzRH"


def may(*acts):
    user = User.objects.create_user(f"user {User.objects.count()}")
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_invoice", *acts]))
    return User.objects.get(pk=user.pk)


def test_it_takes_the_permission_to_send_to_an_address(cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)
    quote = quoted(invoice)

    with pytest.raises(NotPermittedError):
        refund_invoice(invoice, actor=may("refund_invoice"), reason="x", quote=quote)
    done = refund_invoice(invoice, actor=may("refund_invoice_to_address"), reason="x", quote=quote)

    assert done.status == "succeeded"


def test_a_permission_taken_away_meanwhile_counts(wire):
    invoice, user = completed(wire.sandbox), may("refund_invoice_to_address")
    quote = quoted(invoice)
    wire.just_before(rf"GET /api/invoices/{invoice.gateway_id}", user.user_permissions.clear)

    with pytest.raises(NotPermittedError):
        refund_invoice(invoice, actor=user, reason="x", quote=quote)

    assert committed(wire.sandbox) == []


@pytest.fixture
def waiting(wire, settings):
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = {"EUR": Decimal(50)}
    invoice = completed(wire.sandbox)
    return send_back(invoice, "30")


def test_above_the_limit_a_part_waits_for_a_second_person(wire, waiting):
    assert waiting.awaits_approval
    assert committed(wire.sandbox) == []

    with pytest.raises(SamePersonError):
        approve_resolution(waiting, actor="Ada")
    done = approve_resolution(waiting, actor="ben")

    row = Refund.objects.get()
    assert (done.status, row.value_amount) == ("succeeded", Decimal(30))
    assert row.custom_id.startswith(f"{done.pk}.")
    assert done.parameters["custom_id"] == row.custom_id


def test_a_charge_above_the_limit_waits_too(cryptopay_sandbox, settings):
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = {"EUR": Decimal(100)}
    invoice = completed(cryptopay_sandbox)

    assert send_back(invoice, None).awaits_approval


def test_the_second_person_may_bring_the_quote_that_was_shown(wire, waiting):
    quote = quote_again(waiting)

    done = approve_resolution(waiting, actor="ben", quote=quote)

    assert done.result["withdrawal_id"] == str(quote.withdrawal_id)


def test_a_quote_for_another_refund_approves_nothing(wire, waiting):
    other = replace(quote_again(waiting), resolution_id=uuid4())
    elsewhere = replace(quote_again(waiting), address=OTHER)

    for quote in (other, elsewhere):
        with pytest.raises(QuoteExpiredError):
            approve_resolution(waiting, actor="ben", quote=quote)

    assert committed(wire.sandbox) == []


def test_a_quote_for_a_refund_approves_no_settlement(wire, waiting):
    underpaid = unresolved(wire.sandbox, price_amount=Decimal(200))
    settlement = settle_invoice(underpaid, actor="ada", reason="fine")
    assert settlement.awaits_approval
    version = Invoice.objects.get(pk=underpaid.pk).version
    quote = replace(quote_again(waiting), invoice_id=underpaid.pk, invoice_version=version)

    with pytest.raises(QuoteExpiredError, match="one for a refund, and a settlement waits"):
        approve_resolution(settlement, actor="ben", quote=quote)

    assert (committed(wire.sandbox), Invoice.objects.get(pk=underpaid.pk).status) == ([], "unresolved")


def test_a_refund_that_has_become_dearer_than_both_agreed_is_dropped(wire, waiting):
    def with_a_dearer_network(data):
        fee = Decimal(data["received_amount"]) / 5
        data.update(charged_amount="36.30", network_fee=f"{fee:.8f}")

    wire.change(PREVIEW, with_a_dearer_network)

    with pytest.raises(InvoiceChangedError, match="is the most that was agreed"):
        approve_resolution(waiting, actor="ben")

    waiting.refresh_from_db()
    assert (waiting.status, committed(wire.sandbox)) == ("failed", [])


@pytest.mark.parametrize("is_quoted", [True, False])
def test_what_is_not_left_any_more_is_dropped(wire, waiting, is_quoted):
    quote = quote_again(waiting) if is_quoted else None
    Refund.objects.create(
        invoice=waiting.invoice, gateway_id=uuid4(), withdrawal_status="pending", amount=1, currency="BTC",
        value_amount=Decimal(80), created_at=timezone.now(), updated_at=timezone.now(),
    )  # fmt: skip

    with pytest.raises(InvoiceChangedError, match="more than is left"):
        approve_resolution(waiting, actor="ben", quote=quote)

    assert committed(wire.sandbox) == []


@pytest.mark.parametrize("fault", ["timeout", "reset", "5xx", "unreadable", "proxy 409", "proxy 403"])
def test_an_answer_that_is_lost_is_looked_up_and_adopted(wire, fault):
    invoice = completed(wire.sandbox)
    wire.fail(COMMIT, fault, after_effect=True)
    sent = send_back(invoice)
    assert sent.status == "unknown"

    wire.heal()
    assert look().status == "succeeded"

    assert (Refund.objects.count(), len(committed(wire.sandbox))) == (1, 1)
    assert wire.count(COMMIT) == 1


def test_while_it_cannot_be_read_it_is_unknown_and_nothing_else_begins(wire):
    invoice = completed(wire.sandbox)
    wire.fail(rf"{COMMIT}|{READING}", "timeout", after_effect=True)
    sent = send_back(invoice)
    assert (sent.status, sent.active, Refund.objects.count()) == ("unknown", True, 0)
    with pytest.raises(ResolutionActiveError):
        send_back(invoice)

    wire.heal()
    found = look()

    assert (found.status, Refund.objects.get().value_amount) == ("succeeded", Decimal(50))


def test_a_preview_that_was_not_committed_ends_nothing_by_itself(wire):
    invoice = completed(wire.sandbox)
    wire.fail(COMMIT, "timeout")
    sent = send_back(invoice)
    wire.heal()

    assert look(later=True).status == "unknown"
    ended = end_resolution(sent, actor="ada", reason="nothing in the account")

    assert ended.status == "failed"
    assert Refund.objects.count() == 0
    assert send_back(invoice).status == "succeeded"


def test_one_that_a_person_has_ended_comes_back_with_an_alarm(wire):
    invoice = completed(wire.sandbox)
    wire.fail(COMMIT, "timeout")
    sent = send_back(invoice)
    wire.heal()
    look(later=True)
    end_resolution(sent, actor="ada", reason="nothing in the account")
    _commit_there(wire.sandbox)

    look()

    sent.refresh_from_db()
    assert sent.status == "succeeded"
    assert Refund.objects.get().resolution == sent
    assert "alarm" in kinds(invoice)


def test_what_the_gateway_hides_is_found_by_its_custom_id(wire):
    invoice = completed(wire.sandbox)
    wire.fail(COMMIT, "timeout", after_effect=True)
    sent = send_back(invoice)
    wire.fail(rf"GET /api/coin_withdrawals/{sent.parameters['withdrawal_id']}", "proxy 404")

    assert look().status == "succeeded"
    assert Refund.objects.count() == 1


def test_previews_may_be_unreadable(wire):
    wire.sandbox.variants(previews="not_found")
    invoice = completed(wire.sandbox)
    wire.fail(COMMIT, "timeout")
    sent = send_back(invoice)
    wire.heal()

    assert (sent.status, look().status) == ("unknown", "unknown")


@pytest.mark.parametrize("answer", ["409", "422"])
def test_the_refusal_of_a_second_commit_is_no_failure(wire, answer):
    wire.sandbox.variants(second_commit=answer)
    invoice = completed(wire.sandbox)
    wire.just_before(COMMIT, lambda: _commit_there(wire.sandbox))

    sent = send_back(invoice)

    assert (sent.status, Refund.objects.count()) == ("succeeded", 1)


def test_a_refusal_that_cannot_be_checked_is_unknown(wire):
    invoice = completed(wire.sandbox)
    wire.sandbox.variants(second_commit="409")
    wire.just_before(COMMIT, lambda: _commit_there(wire.sandbox))
    wire.fail(READING, "timeout")

    assert send_back(invoice).status == "unknown"


@pytest.mark.parametrize("answer", ["409", "422"])
def test_a_late_commit_is_refused_and_nothing_is_sent(wire, answer):
    wire.sandbox.variants(late_commit=answer)
    invoice = completed(wire.sandbox)
    quote = quoted(invoice)
    wire.sandbox.advance(seconds=31)

    sent = refund_invoice(invoice, actor="ada", reason="x", quote=quote)

    assert sent.status == "failed"
    assert "expired" in sent.error
    assert (Refund.objects.count(), left(invoice).value_amount) == (0, Decimal(100))


def test_an_answer_that_is_still_a_preview_is_unclear(wire):
    invoice = completed(wire.sandbox)
    wire.change(COMMIT, lambda data: data.update(status="new"))

    assert send_back(invoice).status == "unknown"
    assert look().status == "succeeded"


def test_a_balance_that_is_gone_at_the_commit_fails_it(wire):
    invoice = completed(wire.sandbox)
    quote = quoted(invoice, "90")
    wire.sandbox.account().account.balances["EUR"] = Decimal(-2000)

    sent = refund_invoice(invoice, actor="ada", reason="x", quote=quote)

    assert sent.status == "failed"
    assert "charged_amount" in sent.error


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("address", OTHER, "the coins go to"),
        ("network", "lightning", "they go on lightning"),
        ("received_amount", "0.5", "what arrives is 0.5"),
        ("charged_amount", "500", "what is charged is 500"),
        ("received_currency", "LTC", "LTC"),
    ],
)
def test_another_withdrawal_than_was_quoted_is_an_alarm(wire, name, value, words):
    invoice = completed(wire.sandbox)
    wire.change(COMMIT, lambda data: data.update({name: value}))

    sent = send_back(invoice)

    assert sent.status == "succeeded"
    assert words in sent.error
    assert "alarm" in kinds(invoice)
    row = Refund.objects.get()
    assert (row.resolution, row.invoice) == (sent, invoice)


def test_the_withdrawal_of_another_id_is_not_the_one_that_was_asked(wire):
    invoice = completed(wire.sandbox)
    sent = send_back(invoice)
    shown = client_of(invoice).retrieve_withdrawal(sent.parameters["withdrawal_id"])

    odd = oddities_of_withdrawal(sent, replace(shown, id=UUID(int=7)))

    assert oddities_of_withdrawal(sent, shown) == []
    assert odd == [f"it is withdrawal {UUID(int=7)}, and {shown.id} was asked"]


def test_one_that_the_gateway_cancels_at_once_has_failed(wire):
    invoice = completed(wire.sandbox)
    wire.fail(rf"{COMMIT}|{READING}", "timeout", after_effect=True)
    sent = send_back(invoice)
    wire.heal()
    (there,) = committed(wire.sandbox)
    wire.sandbox.decide_withdrawal(there, "fail")
    wire.sandbox.decide_withdrawal(there, "cancel")

    look()

    sent.refresh_from_db()
    assert (sent.status, Refund.objects.get().status) == ("failed", "failed")
    assert left(invoice).value_amount == Decimal(100)


def _commit_there(sandbox):
    """Let the call that commits the newest preview arrive at last."""
    account = sandbox.account()
    with account.changed:
        newest = list(account.state.withdrawals.values())[-1]
        commit_withdrawal(account.state, newest, account.clock.now())

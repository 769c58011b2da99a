"""Refunds of completed orders, after the gateway has accepted them: callbacks, polling, and their end."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.utils import timezone

from cryptopay_django.models import Callback, Invoice, Refund, Resolution
from cryptopay_django.services import (
    compare_ledger,
    process_callback,
    process_overdue,
    refund_invoice,
)
from cryptopay_django.testing.factories import CallbackFactory, callback_body

from .desk import ADDRESS, kinds, unresolved
from .returning import COMMIT, READING, arrive, committed, completed, left, send_back, work

pytestmark = pytest.mark.django_db(transaction=True)

OTHER = "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7"
XRP = "rN7n7otQDd6FczFgLdSqtcsAUxDkw6fzRH"


def test_one_on_hold_is_pending_and_counts(cryptopay_sandbox, refunds_heard):
    invoice = completed(cryptopay_sandbox)
    send_back(invoice)
    cryptopay_sandbox.decide_withdrawal(committed(cryptopay_sandbox)[0], "hold")

    cryptopay_sandbox.deliver()

    row = Refund.objects.get()
    assert (row.status, row.withdrawal_status) == ("pending", "on_hold")
    assert left(invoice).value_amount == Decimal(50)


def test_one_that_failed_is_watched_until_it_ends(cryptopay_sandbox, refunds_heard):
    invoice = completed(cryptopay_sandbox)
    send_back(invoice)
    (there,) = committed(cryptopay_sandbox)
    cryptopay_sandbox.decide_withdrawal(there, "fail")
    work()
    row = Refund.objects.get()
    assert (row.status, row.withdrawal_status, left(invoice).value_amount) == ("pending", "failed", Decimal(50))

    Refund.objects.update(created_at=timezone.now() - timedelta(days=400))
    work()
    invoice.refresh_from_db()
    assert invoice.refunds_due_at is not None
    cryptopay_sandbox.decide_withdrawal(there, "cancel")
    work()

    row.refresh_from_db()
    assert (row.status, row.withdrawal_status, left(invoice).value_amount) == ("failed", "cancelled", Decimal(100))
    assert [kind for kind, _, _ in refunds_heard] == ["refund_created", "refund_failed"]
    invoice.refresh_from_db()
    assert invoice.refunds_due_at is None


def test_without_callbacks_polling_finds_the_transaction_and_the_end(cryptopay_sandbox, refunds_heard):
    invoice = completed(cryptopay_sandbox)
    send_back(invoice)

    for _ in range(4):
        cryptopay_sandbox.advance(minutes=15)
        work()

    row = Refund.objects.get()
    assert (row.status, bool(row.txid)) == ("succeeded", True)
    assert [kind for kind, _, _ in refunds_heard] == ["refund_created", "refund_succeeded"]


def test_an_end_that_is_taken_back_is_an_alarm(wire):
    invoice = completed(wire.sandbox)
    send_back(invoice)
    arrive(wire.sandbox)
    wire.change(READING, lambda data: data.update(status="cancelled"))
    Refund.objects.update(txid="")
    Invoice.objects.update(refunds_due_at=timezone.now())

    process_overdue()

    assert Refund.objects.get().status == "succeeded"
    assert "alarm" in kinds(invoice)


def test_a_refund_of_another_order_changes_nothing_here(cryptopay_sandbox):
    one, other = completed(cryptopay_sandbox), completed(cryptopay_sandbox)

    send_back(one, None)

    assert left(other).value_amount == Decimal(100)


def test_the_ledger_balances(cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)
    send_back(invoice, "30")
    send_back(invoice, "30", network_fee_borne_by="customer")
    arrive(cryptopay_sandbox)

    rows = [row for row in cryptopay_sandbox.transactions() if row.reference_type == "CoinWithdrawal"]
    charged = sum(refund.charged_amount for refund in Refund.objects.all())
    assert -sum(row.amount for row in rows) == charged
    assert {row.reference_id for row in rows} == {str(one.gateway_id) for one in Refund.objects.all()}


def callbacks_of(sandbox, invoice):
    """Return the callbacks of the one withdrawal, from its making to its end, none of them delivered."""
    (there,) = committed(sandbox)
    sandbox.advance(minutes=60)
    log = sandbox.account().state.outbox.log
    return [callback for callback in log.values() if callback.subject_id == there.id]


def test_in_any_order_and_twice_they_make_one_row_and_one_end(cryptopay_sandbox, refunds_heard):
    invoice = completed(cryptopay_sandbox)
    send_back(invoice)
    bodies = callbacks_of(cryptopay_sandbox, invoice)
    assert len(bodies) == 4

    for body in [*reversed(bodies), *bodies]:
        cryptopay_sandbox.resend(body)
    cryptopay_sandbox.deliver()

    row = Refund.objects.get()
    assert (row.status, row.withdrawal_status, bool(row.txid)) == ("succeeded", "completed", True)
    assert [kind for kind, _, _ in refunds_heard] == ["refund_created", "refund_succeeded"]


def test_one_that_comes_before_the_answer_makes_the_row_that_the_answer_finds(wire, refunds_heard):
    invoice = completed(wire.sandbox)
    wire.after_each(COMMIT, wire.sandbox.deliver)

    sent = send_back(invoice)

    assert sent.status == "succeeded"
    assert Refund.objects.get().resolution == sent
    assert [kind for kind, _, _ in refunds_heard] == ["refund_created"]


def test_one_ends_a_refund_whose_answer_was_lost(wire):
    invoice = completed(wire.sandbox)
    wire.fail(COMMIT, "timeout", after_effect=True)
    sent = send_back(invoice)
    assert sent.status == "unknown"
    wire.heal()
    Resolution.objects.update(next_attempt_at=timezone.now() + timedelta(hours=1))

    wire.sandbox.deliver()

    sent.refresh_from_db()
    assert (sent.status, Refund.objects.count()) == ("succeeded", 1)


def test_without_the_gateway_they_wait(wire):
    invoice = completed(wire.sandbox)
    send_back(invoice)
    Refund.objects.update(withdrawal_status="processing")
    wire.fail(READING, "timeout")
    wire.sandbox.deliver()
    assert Callback.objects.filter(outcome="pending").count() == 1

    wire.heal()
    Callback.objects.filter(outcome="pending").update(next_attempt_at=timezone.now())
    process_overdue()

    assert not Callback.objects.filter(outcome="pending").exists()


def test_the_withdrawals_of_the_gateways_own_refunds_make_no_second_row(cryptopay_sandbox, refunds_heard):
    cryptopay_sandbox.variants(refund_withdrawals="announced")
    invoice = unresolved(cryptopay_sandbox)
    refund_invoice(invoice, actor="ada", reason="x", address=ADDRESS)

    arrive(cryptopay_sandbox)

    assert Refund.objects.get().withdrawal_status == ""
    assert Callback.objects.filter(event__startswith="CoinWithdrawal").exists()
    assert [kind for kind, _, _ in refunds_heard].count("refund_created") == 1


def test_a_callback_without_a_custom_id_is_known_by_its_id(cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)
    send_back(invoice)
    (there,) = committed(cryptopay_sandbox)
    cryptopay_sandbox.advance(minutes=60)

    body = callback_body({"id": there.id, "status": "completed"}, "status_changed", type="CoinWithdrawal")
    process_callback(CallbackFactory(body=body))

    assert Refund.objects.get().status == "succeeded"


@pytest.mark.parametrize("custom_id", [None, "PAYMENT-123", 7, "00000000-0000-4000-8000-000000000000"])
def test_withdrawals_of_the_shop_stay_what_they_were(wire, custom_id):
    data = {"id": "2f8ff3a8-6f8c-4e6a-9e0c-6f1a2b3c4d5e", "status": "sent", "custom_id": custom_id}
    callback = CallbackFactory(body=callback_body(data, "status_changed", type="CoinWithdrawal"))

    process_callback(callback)

    assert callback.outcome == "applied"
    assert wire.count("GET .*") == 0


def test_what_a_callback_claims_without_the_gateway_is_not_believed(cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)
    sent = send_back(invoice)
    claim = {"id": sent.result["withdrawal_id"], "status": "completed", "custom_id": str(sent.pk)}

    process_callback(CallbackFactory(body=callback_body(claim, "status_changed", type="CoinWithdrawal")))

    assert Refund.objects.get().status == "pending"


def test_a_withdrawal_that_the_gateway_does_not_have_changes_nothing(cryptopay_sandbox):
    sent = send_back(completed(cryptopay_sandbox))
    claim = {"id": "2f8ff3a8-6f8c-4e6a-9e0c-6f1a2b3c4d5e", "status": "cancelled", "custom_id": str(sent.pk)}
    callback = CallbackFactory(body=callback_body(claim, "status_changed", type="CoinWithdrawal"))

    process_callback(callback)

    assert (callback.outcome, Refund.objects.get().status) == ("applied", "pending")


def test_the_id_of_another_withdrawal_with_our_custom_id_is_ignored(cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)
    sent, other = send_back(invoice, "20"), send_back(invoice, "20")
    claim = {"id": other.result["withdrawal_id"], "status": "completed", "custom_id": str(sent.pk)}

    process_callback(CallbackFactory(body=callback_body(claim, "status_changed", type="CoinWithdrawal")))

    assert Refund.objects.count() == 2
    assert "alarm" not in kinds(invoice)


def test_the_comparison_with_the_ledger_misses_nothing_of_it(cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)
    send_back(invoice)
    arrive(cryptopay_sandbox)
    Refund.objects.update(succeeded_at=timezone.now() - timedelta(hours=2))

    found = compare_ledger("default", since=timezone.now() - timedelta(days=1), until=timezone.now())

    assert [one for one in found.differences if one.family != "Invoice"] == []
    assert [row.reference_id for row in found.returns] == [Refund.objects.get().gateway_id]
    assert "CoinWithdrawal" not in {row.reference_type for row in found.others}


def test_the_command_compares_the_refund_of_a_completed_order(cryptopay_sandbox, capsys):
    invoice = completed(cryptopay_sandbox)
    send_back(invoice)
    arrive(cryptopay_sandbox)

    call_command("cryptopay_reconcile", "--ledger", f"{timezone.now().date()}")

    told = capsys.readouterr().out
    assert "2 of our rows compared" in told
    assert "CoinWithdrawal" not in told

"""Reconciling at scale: pages instead of single calls, tiers by age, a gateway that is down, and the exit status."""

from __future__ import annotations

from datetime import date, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from cryptopay_django.models import Invoice, InvoiceEvent
from cryptopay_django.services import (
    LedgerComparison,
    LedgerDifference,
    create_invoice,
    reconcile_invoices,
    refresh_invoice,
)
from cryptopay_django.services.rate_limit_by_use import Use, may_call
from cryptopay_django.services.reconciliation.compare_ledger import day_of
from cryptopay_django.services.reconciliation.ledger_differences import DifferenceKind
from cryptopay_django.testing.factories import InvoiceFactory
from tests.wire import ScriptedGateway

pytestmark = pytest.mark.django_db

MANY, FEW = 54, 21
OLD = timedelta(0)


def order(**values) -> Invoice:
    return create_invoice(price_amount="100", price_currency="EUR", pay_currency="BTC", **values)


def pay(sandbox, *invoices: Invoice) -> None:
    for invoice in invoices:
        sandbox.pay(invoice)
        sandbox.confirm(invoice)


def test_many_invoices_are_read_by_the_page(cryptopay_sandbox):
    invoices = [order() for _ in range(MANY)]
    pay(cryptopay_sandbox, *invoices[::3])

    result = reconcile_invoices(min_age=OLD)

    assert (result.asked, result.drifted, result.requests) == (MANY, MANY // 3, 2)
    assert Invoice.objects.filter(status="completed").count() == MANY // 3
    assert not Invoice.objects.filter(polled_at=None).exists()


def test_what_is_on_no_page_is_asked_for_alone(cryptopay_sandbox):
    listed = [order() for _ in range(FEW)]
    nameless = order()
    nameless.events.all().delete()
    Invoice.objects.filter(pk=nameless.pk).update(gateway_id=None)
    unknown = InvoiceFactory()

    result = reconcile_invoices(min_age=OLD)

    nameless.refresh_from_db()
    assert nameless.gateway_id is not None
    assert (result.asked, result.unknown) == (len(listed) + 2, 1)
    assert Invoice.objects.get(pk=unknown.pk).polled_at is not None


def test_an_invoice_of_the_last_minute_is_asked_about_at_a_persons_word_unless_it_is_just_being_made(
    cryptopay_sandbox,
):
    made, being_made = order(), order()
    Invoice.objects.filter(pk=being_made.pk).update(gateway_id=None)
    pay(cryptopay_sandbox, made)

    assert reconcile_invoices(by_age=True).asked == 0
    assert reconcile_invoices().drifted == 1

    assert Invoice.objects.get(pk=made.pk).status == "completed"
    assert Invoice.objects.get(pk=being_made.pk).polled_at is None


def test_an_invoice_that_cannot_be_taken_in_keeps_no_other_from_it(cryptopay_sandbox):
    invoices = [order() for _ in range(FEW)]
    # Its creation is told of already, so that taking in its id once more breaks a constraint.
    Invoice.objects.filter(pk=invoices[3].pk).update(gateway_id=None)
    pay(cryptopay_sandbox, *invoices[4:])

    result = reconcile_invoices(min_age=OLD)

    assert (result.asked, result.drifted, list(result.failed)) == (FEW, FEW - 4, [str(invoices[3].pk)])


def test_an_account_that_is_gone_from_the_settings_keeps_no_other_from_it(cryptopay_sandbox, caplog):
    left_over = [InvoiceFactory(account="gone") for _ in range(FEW)]
    pay(cryptopay_sandbox, order())

    result = reconcile_invoices(min_age=OLD)

    assert (result.drifted, len(result.failed)) == (1, len(left_over))


def test_a_row_that_moved_while_the_page_was_read_is_asked_for_alone(cryptopay_sandbox):
    invoices = [order() for _ in range(FEW)]
    pay(cryptopay_sandbox, *invoices)
    moved = []

    def act(done: int, total: int) -> None:
        if not moved:
            moved.append(refresh_invoice(Invoice.objects.filter(status="new").first()))

    result = reconcile_invoices(min_age=OLD, progress=act)

    assert result.failed == {}
    assert set(Invoice.objects.values_list("status", flat=True)) == {"completed"}


@pytest.mark.parametrize(
    ("age", "asked_before", "is_due"),
    [
        (timedelta(minutes=30), timedelta(seconds=5), True),
        (timedelta(hours=5), timedelta(minutes=5), False),
        (timedelta(hours=5), timedelta(minutes=11), True),
        (timedelta(days=5), timedelta(minutes=59), False),
        (timedelta(days=5), timedelta(minutes=61), True),
        (timedelta(days=20), timedelta(hours=23), False),
        (timedelta(days=20), timedelta(hours=25), True),
        (timedelta(days=20), None, True),
    ],
)
def test_the_older_an_invoice_the_less_often_it_is_asked_about(age, asked_before, is_due, cryptopay_sandbox):
    now = timezone.now()
    invoice = order()
    polled_at = None if asked_before is None else now - asked_before
    Invoice.objects.filter(pk=invoice.pk).update(created_at=now - age, polled_at=polled_at)

    assert reconcile_invoices(by_age=True).asked == is_due


def test_a_gateway_that_is_down_is_not_asked_for_ever(settings):
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: ScriptedGateway(lambda method, path, body: (200, {"data": 5}))
    for _ in range(8):
        InvoiceFactory()

    result = reconcile_invoices(min_age=OLD)

    assert (result.asked, len(result.failed), result.left) == (5, 5, 3)


def test_the_command_tells_by_its_exit_status_that_something_had_drifted(cryptopay_sandbox):
    invoice = order()
    pay(cryptopay_sandbox, invoice)
    Invoice.objects.update(created_at=timezone.now() - timedelta(hours=1))

    with pytest.raises(CommandError, match="1 asked, 1 drifted") as raised:
        call_command("cryptopay_reconcile", by_age=True)
    output = StringIO()
    call_command("cryptopay_reconcile", stdout=output)

    assert raised.value.returncode == 2
    assert output.getvalue().startswith("0 asked, 0 drifted")


def test_three_days_without_a_callback_and_then_one_run(cryptopay_sandbox):
    paid, short, late, unpaid = (order() for _ in range(4))
    cryptopay_sandbox.trouble(drop="1")
    pay(cryptopay_sandbox, paid)
    cryptopay_sandbox.pay(short, factor="0.5")
    cryptopay_sandbox.confirm(short)
    cryptopay_sandbox.advance(minutes=11, deliver=True)
    pay(cryptopay_sandbox, late)
    cryptopay_sandbox.advance(days=3, deliver=True)
    assert set(Invoice.objects.values_list("status", flat=True)) == {"new"}

    first, second = reconcile_invoices(min_age=OLD), reconcile_invoices(min_age=OLD)

    ends = [Invoice.objects.get(pk=row.pk) for row in (paid, short, late, unpaid)]
    assert [(row.status, row.status_context) for row in ends] == [
        ("completed", ""),
        ("unresolved", "underpaid"),
        ("unresolved", "paid_late"),
        ("new", ""),
    ]
    assert (first.drifted, second.drifted) == (3, 0)
    assert InvoiceEvent.objects.filter(kind="invoice_completed", delivered_at__isnull=False).count() == 1


def test_the_ledger_of_a_day_is_compared_and_each_difference_named(cryptopay_sandbox, capsys):
    invoice = order()
    pay(cryptopay_sandbox, invoice)
    reconcile_invoices(min_age=OLD)
    Invoice.objects.update(settled_amount="99")
    cryptopay_sandbox.deposit("EUR", "250")
    today = f"{timezone.now():%Y-%m-%d}"

    with pytest.raises(CommandError, match="the ledger differs in 1") as stop:
        call_command("cryptopay_reconcile", "--ledger", today)

    shown = capsys.readouterr().out
    name = f"ledger of {today}, account default: "
    assert stop.value.returncode == 2
    assert f"{name}Invoice {invoice.gateway_id} ({invoice.custom_id}): amount: 99 EUR here, 100 EUR in the" in shown
    assert f"{name}not ours: BankDeposit " in shown
    assert f"{name}1 of our rows compared" in shown
    call_command("cryptopay_reconcile", "--ledger", "yesterday")
    assert "0 failed; the ledger differs in 0" in capsys.readouterr().out


def test_a_ledger_that_was_not_read_to_its_end_fails(cryptopay_sandbox, monkeypatch, capsys):
    monkeypatch.setattr("cryptopay_django.management.commands.cryptopay_reconcile._LEDGER_PATIENCE", 0.0)
    while may_call("default", Use.LEDGER):
        pass

    with pytest.raises(CommandError, match="not read to its end: the ledger of default") as stop:
        call_command("cryptopay_reconcile", "--ledger", "yesterday")

    assert stop.value.returncode == 1
    assert "too many calls for ledger" in capsys.readouterr().err


@pytest.mark.parametrize("day", ["tomorrow", "2026-13-01", "2999-01-01"])
def test_a_day_that_has_no_ledger_is_refused(day):
    with pytest.raises(CommandError, match="argument --ledger: must be a day"):
        call_command("cryptopay_reconcile", "--ledger", day)


def test_what_is_in_doubt_or_cannot_be_read_is_named(cryptopay_sandbox, monkeypatch, capsys):
    found = LedgerComparison("default", *day_of(date(2026, 11, 28)), compared=3)
    doubt = LedgerDifference(DifferenceKind.MISSING_HERE, "Invoice", None, None, "nothing", "1 EUR")
    found.unproven.append(doubt)
    found.unreadable.append("row 7: amount is no number")
    monkeypatch.setattr(
        "cryptopay_django.management.commands.cryptopay_reconcile.compare_ledger", lambda *_, **__: found
    )

    call_command("cryptopay_reconcile", "--ledger", "2026-11-28")

    said = capsys.readouterr().out
    assert f"ledger of 2026-11-28, account default: in doubt: {doubt}\n" in said
    assert "account default: a row cannot be read: row 7: amount is no number\n" in said
    assert "3 of our rows compared" in said

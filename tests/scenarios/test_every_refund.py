"""Each way in which coins go back leaves one row, one beginning and one end for the shop, a line of the file, right sums.

Whoever starts it: staff, the account's settings, the customer by mail, the monitoring team, a return of goods. And
whatever becomes of the callbacks: each comes twice, out of order, or never.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from cryptopay_django.admin.refund_books import refund_csv
from cryptopay_django.models import Invoice, Refund
from cryptopay_django.services import compare_ledger, reconcile_invoices, refund_invoice, settle_invoice
from cryptopay_django.testing.inprocess import InProcessSandbox
from tests.services.desk import ADDRESS, unresolved
from tests.services.returning import completed, send_back, work

pytestmark = pytest.mark.django_db(transaction=True)

BY_ADA = {"actor": "ada", "reason": "the customer asked"}


def by_staff(context: str) -> Callable[[InProcessSandbox], Invoice]:
    def start(sandbox: InProcessSandbox) -> Invoice:
        invoice = unresolved(sandbox, context)
        refund_invoice(invoice, address=ADDRESS, **BY_ADA)
        return invoice

    return start


def overage_with_settlement(sandbox: InProcessSandbox) -> Invoice:
    invoice = unresolved(sandbox, "overpaid")
    settle_invoice(invoice, refund_overage=True, **BY_ADA)
    return invoice


def by_setting(context: str, **order: str) -> Callable[[InProcessSandbox], Invoice]:
    def start(sandbox: InProcessSandbox) -> Invoice:
        sandbox.settings(**{context: "refund"})
        sandbox.variants(email_refunds="on" if order else "off")
        invoice = completed(sandbox, factor={"underpaid": "0.5", "overpaid": "2"}[context], funds="0", **order)
        sandbox.advance(minutes=11)
        return invoice

    return start


def by_monitoring(sandbox: InProcessSandbox) -> Invoice:
    invoice = unresolved(sandbox, "illicit_resource")
    sandbox.decide(invoice, "refund")
    return invoice


def goods_returned(*amounts: str | None) -> Callable[[InProcessSandbox], Invoice]:
    def start(sandbox: InProcessSandbox) -> Invoice:
        invoice = completed(sandbox)
        for amount in amounts:
            send_back(invoice, amount)
            arrive(sandbox)
        return invoice

    return start


WAYS: dict[str, tuple[Callable[[InProcessSandbox], Invoice], list[str], str]] = {
    "underpaid": (by_staff("underpaid"), ["50"], "refunded"),
    "late": (by_staff("paid_late"), ["100"], "refunded"),
    "overpaid": (by_staff("overpaid"), ["100"], "completed"),
    "overpaid, settled with it": (overage_with_settlement, ["100"], "completed"),
    "underpaid, by setting": (by_setting("underpaid"), ["50"], "refunded"),
    "overpaid, by setting": (by_setting("overpaid"), ["100"], "completed"),
    "underpaid, by mail": (by_setting("underpaid", payer_email="eve@example.org"), ["50"], "refunded"),
    "monitoring team": (by_monitoring, ["100"], "refunded"),
    "goods returned, twice": (goods_returned("30", "20"), ["30", "20"], "completed"),
    "goods returned, all": (goods_returned(None), ["100"], "completed"),
}
"""How it begins, what each refund is worth in EUR, and the invoice's status in the end."""


def arrive(sandbox: InProcessSandbox) -> None:
    """Let days pass: callbacks come or do not, the worker works, cron polls."""
    for _ in range(4):
        sandbox.advance(days=1, minutes=15)
        sandbox.deliver()
        work()
        reconcile_invoices(min_age=timedelta(0))


@pytest.mark.parametrize("trouble", ["none", "duplicate", "reorder", "drop"])
@pytest.mark.parametrize("way", WAYS)
def test_it_is_on_record_once_with_right_sums(way, trouble, cryptopay_sandbox, settings):
    settings.CRYPTOPAY_FULFIL_SHORT_SETTLEMENTS = True
    begin, values, status = WAYS[way]
    if trouble != "none":
        cryptopay_sandbox.trouble(**{trouble: 1})

    invoice = begin(cryptopay_sandbox)
    arrive(cryptopay_sandbox)

    row = Invoice.objects.get(pk=invoice.pk)
    refunds = list(row.refunds.order_by("created_at", "pk"))
    assert row.status == status
    assert [one.value_amount for one in refunds] == [Decimal(value) for value in values]
    there = {
        **{one.id: one.amount for one in cryptopay_sandbox.invoice(invoice).refunds},
        **{one.id: one.received_amount for one in cryptopay_sandbox.withdrawals() if one.custom_id},
    }
    assert {str(one.gateway_id): one.amount for one in refunds} == there
    assert {one.status for one in refunds} == {"succeeded"}
    heard = Counter(row.events.filter(refund__isnull=False).values_list("kind", "refund_id"))
    for one in refunds:
        assert (heard[("refund_created", one.pk)], heard[("refund_succeeded", one.pk)]) == (1, 1)
    assert not row.events.filter(kind="refund_failed").exists()

    header, *lines = refund_csv(Refund.objects.filter(invoice=row))
    in_file = sorted(Decimal(line[header.index("value_amount")]) for line in lines)
    assert in_file == sorted(Decimal(value) for value in values)
    now = timezone.now()
    found = compare_ledger("default", since=now - timedelta(days=30), until=now + timedelta(days=30))
    assert [str(one) for one in found.differences if one.family == "InvoiceRefund"] == []

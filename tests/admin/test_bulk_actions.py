"""Several invoices at once, the second pair of eyes, and the overview."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cryptopay_django.admin import bulk_actions, todo
from cryptopay_django.models import HandlerDelivery, Invoice, Resolution
from cryptopay_django.testing.factories import InvoiceEventFactory, InvoiceFactory, PaymentFactory

from .conftest import filled, told


@pytest.fixture
def client(login):
    return login("finance")


def choose(client, desk, action, *invoices):
    ids = [str(invoice.pk) for invoice in invoices]
    return client.post(desk.url("invoice_changelist"), {"action": action, "_selected_action": ids})


def confirm(client, page, **values):
    chosen = [plan.choice for plan in page.context["allowed"]]
    return client.post(page.context["action_url"], {"reason": "agreed", "invoice": chosen, **values})


def test_a_list_action_says_what_happens_to_each_leaves_out_what_cannot_be_and_tells_what_came_of_it(client, desk):
    under, late, held, new = desk.underpaid(), desk.late(), desk.held(), desk.ordered()

    page = choose(client, desk, "mark_completed", under, late, held, new)
    done = confirm(client, page)

    assert {plan.invoice for plan in page.context["allowed"]} == {under, late}
    assert {plan.invoice for plan in page.context["left_out"]} == {held, new}
    assert "on hold" in page.text
    assert [result.tone for result in done.context["results"]] == ["good", "good"]
    for invoice in (under, late):
        invoice.refresh_from_db()
        assert invoice.status == "completed"
    assert LogEntry.objects.count() == 2


def test_marking_refunded_goes_to_the_own_account_and_says_so(client, desk):
    invoice = desk.underpaid()

    page = choose(client, desk, "mark_refunded", invoice)
    confirm(client, page)

    invoice.refresh_from_db()
    assert "our own coin account" in page.text
    assert "The customer gets nothing" in page.text
    assert invoice.status == "refunded"


@pytest.mark.parametrize(("choice", "refunds"), [("everything", 0), ("ordered", 1)])
def test_of_overpaid_ones_it_is_chosen_how_much(client, desk, choice, refunds):
    invoice = desk.overpaid()
    page = choose(client, desk, "mark_completed", invoice)

    refused = confirm(client, page)
    confirm(client, page, overpaid=choice)

    assert refused.context["form"].errors["overpaid"]
    assert len(desk.sandbox.invoice(invoice).refunds) == refunds


def test_an_invoice_that_changed_since_it_was_shown_is_left_alone(client, desk):
    invoice = desk.underpaid()
    page = choose(client, desk, "mark_refunded", invoice)
    desk.sandbox.pay(invoice, factor="0.1")
    desk.sandbox.deliver()

    done = confirm(client, page)

    assert "changed" in done.context["results"][0].text
    assert not Resolution.objects.exists()


def test_without_a_reason_nothing_is_done(client, desk):
    page = choose(client, desk, "mark_refunded", desk.underpaid())

    again = confirm(client, page, reason="")

    assert again.context["form"].errors["reason"]
    assert not Resolution.objects.exists()


def test_a_confirmed_list_twice_does_nothing_twice(client, desk):
    page = choose(client, desk, "mark_refunded", invoice := desk.underpaid())
    confirm(client, page)

    again = confirm(client, page)

    assert again.context["results"][0].tone == "warning"
    assert len(desk.sandbox.invoice(invoice).refunds) == 1


def test_too_many_at_once_are_refused_and_what_takes_too_long_is_not_begun(client, desk, monkeypatch):
    monkeypatch.setattr(bulk_actions, "MOST", 1)
    monkeypatch.setattr(bulk_actions, "PATIENCE", -1)
    one, two = desk.underpaid(), desk.underpaid()

    refused = client.post(
        desk.url("invoice_changelist"),
        {"action": "mark_refunded", "_selected_action": [str(one.pk), str(two.pk)]},
        follow=True,
    )
    slow = confirm(client, choose(client, desk, "mark_refunded", one))

    assert "More than 1" in told(refused)
    assert "Not started" in slow.context["results"][0].text
    assert not Resolution.objects.exists()


@pytest.fixture
def waiting(client, desk, settings):
    """A settlement that `finance` planned, and that waits."""
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = {"EUR": 500}
    invoice = desk.underpaid("900")
    url = desk.url("invoice_settle", invoice.pk)
    page = client.post(url, filled(client.get(url), reason="agreed"), follow=True)
    assert "second person" in told(page)
    return Resolution.objects.get()


def test_a_second_person_confirms_at_a_fresh_quote(waiting, desk, login):
    other = login("support", "other")
    shown = other.get(desk.url("invoice_change", waiting.invoice_id))
    form = other.get(desk.url("resolution_approve", waiting.pk))

    page = other.post(desk.url("resolution_approve", waiting.pk), filled(form), follow=True)

    waiting.refresh_from_db()
    assert "Look and confirm" in shown.text
    assert "agreed" in form.text
    assert (waiting.status, waiting.approver, waiting.actor) == ("succeeded", "other", "finance")
    assert "Settled" in told(page)
    assert LogEntry.objects.filter(user__username="other").count() == 1


def test_nobody_confirms_their_own(waiting, client, desk):
    shown = client.get(desk.url("invoice_change", waiting.invoice_id))
    page = client.post(desk.url("resolution_approve", waiting.pk), follow=True)

    waiting.refresh_from_db()
    assert "Look and confirm" not in shown.text
    assert "Another person" in told(page)
    assert waiting.status == "planned"


def test_a_quote_is_needed_to_confirm_a_settlement(waiting, desk, login):
    page = login("superuser").post(desk.url("resolution_approve", waiting.pk), {"quote": "x"})

    waiting.refresh_from_db()
    assert "The quote is missing" in told(page)
    assert waiting.status == "planned"


def test_what_waits_can_be_withdrawn_with_a_reason_also_by_its_planner(waiting, client, desk):
    url = desk.url("resolution_withdraw", waiting.pk)
    refused = client.post(url, {"reason": ""})
    page = client.post(url, {"reason": "the customer paid the rest"}, follow=True)

    waiting.refresh_from_db()
    assert refused.context["form"].errors["reason"]
    assert waiting.status == "failed"
    assert "Withdrawn" in told(page)


def test_what_has_ended_can_be_neither_confirmed_nor_withdrawn(waiting, client, desk, login):
    client.post(desk.url("resolution_withdraw", waiting.pk), {"reason": "x"})

    other = login("superuser")
    pages = [
        other.get(desk.url("resolution_approve", waiting.pk), follow=True),
        other.post(desk.url("resolution_withdraw", waiting.pk), {"reason": "x"}, follow=True),
    ]

    assert all("wait" in told(page) for page in pages)


def test_the_list_of_resolutions_shows_what_waits(waiting, client, desk):
    url = desk.url("resolution_changelist")

    assert list(client.get(f"{url}?state=waiting").context["cl"].result_list) == [waiting]
    assert list(client.get(f"{url}?state=succeeded").context["cl"].result_list) == []
    assert list(client.get(f"{url}?kind=refund").context["cl"].result_list) == []


def test_the_overview_counts(client, desk):
    now = timezone.now()
    InvoiceFactory(status="unresolved", status_context="underpaid", paid_amount="0.1")
    InvoiceFactory(status="unresolved", status_context="overpaid", paid_amount="0.2")
    done = InvoiceFactory(status="completed", settled_amount=100, finished_at=now)
    PaymentFactory(invoice=done, detected_at=now - timedelta(seconds=60), confirmed_at=now)
    InvoiceFactory(status="completed", settled_amount=100, finished_at=now - timedelta(days=60))

    page = client.get(desk.url("invoice_overview"))

    shown = page.context
    assert shown["unresolved"].suspended == [("BTC", "0.3 BTC", 2)]
    assert shown["unresolved"].rows[0][:2] == ("underpaid", [1, 0, 0, 0])
    assert shown["completed_count"] == 1
    assert shown["completed_rows"][0][1] == [1]
    assert shown["confirm_times"] == [("BTC", "60 s", 1)]
    assert "<svg" in page.text


def test_the_overview_says_what_needs_doing_and_how_much_money_hangs_on_it(client, desk):
    assert "Nothing waits for a person." in client.get(desk.url("invoice_overview")).text
    now = timezone.now()
    paid = {"pay_amount": "0.002", "exchange_rate": 50_000}
    InvoiceFactory(status="unresolved", status_context="underpaid", paid_amount="0.001", **paid)
    late = InvoiceFactory(status="unresolved", status_context="paid_late", paid_amount="0.002", **paid)
    Invoice.objects.filter(pk=late.pk).update(created_at=now - timedelta(days=3))
    InvoiceFactory(
        status="unresolved", status_context="overpaid", paid_amount="0.5", pay_amount=None, exchange_rate=None
    )
    InvoiceFactory(status="unresolved", status_context="illicit_resource", paid_amount="0.002", **paid)
    held = InvoiceFactory(status="completed", settled_amount=100, paid_amount="0.002", quarantine_reason="odd", **paid)
    InvoiceEventFactory(invoice=held, kind="invoice_settled_short", once="invoice_settled_short")

    page = client.get(desk.url("invoice_overview"))

    assert [(task.label.split(":")[0], task.count, task.money) for task, _oldest in page.context["tasks"]] == [
        ("Clear up", 1, ["100.00 EUR"]),
        ("Settle or refund", 3, ["0.5 BTC", "150.00 EUR"]),
        ("Accept the shortfall, or refund", 1, ["100.00 EUR"]),
        ("Wait", 1, ["100.00 EUR"]),
    ]
    assert "3.0 days" in page.text or "3 days" in page.text


def test_an_invoice_with_several_failures_is_one_piece_of_work(client, desk, monkeypatch):
    monkeypatch.setattr(todo, "MOST", 3)
    for paid in ("0.001", "0.002"):
        invoice = InvoiceFactory(paid_amount=paid, exchange_rate=50_000)
        for name in ("ship", "mail"):
            event = InvoiceEventFactory(invoice=invoice, kind="payment_detected", once=f"payment_detected {name}")
            HandlerDelivery.objects.create(event=event, handler=name, given_up_at=timezone.now(), attempts=9)

    ((task, _oldest),) = client.get(desk.url("invoice_overview")).context["tasks"]

    assert (task.count, task.is_cut, task.money) == (2, True, ["150.00 EUR"])


def test_the_overview_asks_as_much_of_many_rows_as_of_none(client, desk):
    def count():
        with CaptureQueriesContext(connection) as queries:
            client.get(desk.url("invoice_overview"))
        return len(queries)

    count()
    none = count()
    InvoiceFactory.create_batch(10, status="unresolved", status_context="underpaid", paid_amount=1)

    assert count() == none

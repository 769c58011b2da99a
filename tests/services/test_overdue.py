"""What is overdue is worked off: how much of it, until when, and what is left to others."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.utils import timezone

from cryptopay_django.models import Callback, Invoice
from cryptopay_django.services import process_overdue
from cryptopay_django.services.worker import due_work
from cryptopay_django.services.worker.due_work import _still_ours
from cryptopay_django.testing.factories import CallbackFactory, InvoiceFactory, callback_body, invoice_wire
from tests.wire import ScriptedGateway

pytestmark = pytest.mark.django_db


def arrived(**changes):
    return CallbackFactory(body=callback_body(invoice_wire(InvoiceFactory(), **changes), "status_changed"))


def test_what_was_claimed_and_not_begun_is_given_back_at_once(settings):
    """The gateway is asked about the first; meanwhile the process is told to stop."""
    stop = threading.Event()

    def answer(*_):
        stop.set()
        return 200, {"data": invoice_wire(Invoice.objects.order_by("created_at").first(), status="cancelled")}

    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: ScriptedGateway(answer)
    for _ in range(2):
        arrived(status="cancelled")

    assert process_overdue(stop=stop) == 1

    assert list(Callback.objects.order_by("pk").values_list("outcome", flat=True)) == ["applied", "pending"]
    assert Callback.objects.filter(next_attempt_at__lte=timezone.now()).count() == 1


def test_a_worker_that_is_stopped_while_it_reads_a_page_gives_all_that_waits_back(settings):
    stop = threading.Event()

    def answer(*_):
        stop.set()
        return 200, {"data": [invoice_wire(invoice, status="cancelled") for invoice in Invoice.objects.all()]}

    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: ScriptedGateway(answer)
    for _ in range(3):
        arrived(status="cancelled")

    assert process_overdue(stop=stop) == 0

    assert Callback.objects.filter(outcome="pending", next_attempt_at__lte=timezone.now()).count() == 3


def test_no_more_is_done_than_was_asked_for(settings):
    settings.CRYPTOPAY_CONFIRM_WITH_API = False
    for _ in range(3):
        arrived(paid_amount="0.001")

    assert process_overdue(limit=2) == 2
    assert Callback.objects.filter(outcome="pending").count() == 1


def test_a_claim_that_has_grown_old_is_renewed_unless_somebody_else_has_taken_it():
    callback = arrived()
    same = Callback.objects.get()
    for one in (callback, same):
        one.next_attempt_at = timezone.now() + timedelta(seconds=1)
    Callback.objects.update(next_attempt_at=callback.next_attempt_at)
    same.next_attempt_at = callback.next_attempt_at

    assert [_still_ours(callback), _still_ours(same)] == [True, False]
    assert Callback.objects.get().next_attempt_at == callback.next_attempt_at


def test_one_that_somebody_else_is_at_is_passed_over(settings):
    settings.CRYPTOPAY_CONFIRM_WITH_API = False
    first, second = arrived(paid_amount="0.001"), arrived(paid_amount="0.001")
    assert due_work._claim(first)

    assert process_overdue() == 1

    assert list(Callback.objects.filter(outcome="applied")) == [second]

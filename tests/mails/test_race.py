"""Several workers at once: each mail leaves once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core import mail
from django.db import connection

from cryptopay_django.mails import send_customer_mails
from cryptopay_django.models import EventKind, InvoiceEvent

from .conftest import ADA

pytestmark = pytest.mark.django_db(transaction=True)

meeting = threading.Barrier(2)


def address_when_two_have_met(invoice):
    """Wait for another process that finds the same mail: only a mistake lets it come."""
    try:
        meeting.wait(timeout=1)
    except threading.BrokenBarrierError:
        meeting.reset()
    return ADA


def work(_):
    try:
        return send_customer_mails()
    finally:
        connection.close()


def test_two_workers_send_a_mail_once(order, settings):
    settings.CRYPTOPAY_CUSTOMER_ADDRESS = address_when_two_have_met
    order()

    with ThreadPoolExecutor(2) as workers:
        sent = sum(workers.map(work, range(2)))

    assert (sent, len(mail.outbox)) == (1, 1)
    assert InvoiceEvent.objects.filter(kind=EventKind.CUSTOMER_MAILED).count() == 1

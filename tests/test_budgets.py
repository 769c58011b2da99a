"""How many statements each operation costs. `docs/performance.md` says it; this measures every row of its table.

Statements are without BEGIN and COMMIT, which are counted beside them. Where databases differ it is by locks: one
statement on PostgreSQL; a second one on MariaDB for what must not be locked with the row; on SQLite a write that
changes nothing, before the read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.dispatch import Signal
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from cryptopay_django import signals
from cryptopay_django.models import Callback, Invoice
from cryptopay_django.models.orders import order_pointer
from cryptopay_django.services import create_invoice, payment_summary, refresh_invoice
from cryptopay_django.services.worker import due_work
from cryptopay_django.services.worker.anything_due import is_anything_due
from cryptopay_django.testing.factories import (
    ChannelFactory,
    ChannelPaymentFactory,
    InvoiceFactory,
    PaymentFactory,
    RefundFactory,
    callback_body,
    callback_headers,
    invoice_wire,
)
from tests.wire import A, ScriptedGateway

pytestmark = pytest.mark.django_db(transaction=True)

PAID: dict[str, Any] = {"paid_amount": "0.002", "transactions": [A]}
SEEN = ("transaction_created", {"status": "new", **PAID})
CONFIRMED = ("transaction_confirmed", {"status": "new", **PAID})
COMPLETED = ("status_changed", {"status": "completed", **PAID})

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
_ROW = re.compile(r"^\| ([^|]+?) " + r"\| (\d+) " * 4 + r"\|$", re.MULTILINE)
_USED = re.compile(r'budget\("(.+?)"\)')

BUDGETS = {name: tuple(map(int, numbers)) for name, *numbers in _ROW.findall(PAGE.read_text(encoding="utf-8"))}
"""Operation: statements on PostgreSQL, MariaDB, SQLite; transactions. The table of the page. Receivers write nothing."""

COLUMNS = {"postgresql": 0, "mysql": 1, "sqlite": 2}


@pytest.fixture(autouse=True)
def no_receivers(monkeypatch, settings):
    """The example shop's receivers are not what is counted; events are delivered without them."""
    settings.CRYPTOPAY_REQUIRED_EVENTS = []
    for signal in vars(signals).values():
        if isinstance(signal, Signal):
            monkeypatch.setattr(signal, "receivers", [])
            signal.sender_receivers_cache.clear()


@pytest.fixture
def invoice(settings):
    invoice = InvoiceFactory()
    gateway = ScriptedGateway(lambda method, *_: (200, {"data": invoice_wire(invoice, **COMPLETED[1])}))
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: gateway
    settings.CRYPTOPAY_CONFIRM_WITH_API = False
    return invoice


def post(invoice: Invoice, step: tuple[str, dict[str, Any]]) -> None:
    body = callback_body(invoice_wire(invoice, **step[1]), step[0])
    answer = Client().post(
        "/cryptopay/callbacks/", body, content_type="application/json", headers=callback_headers(body)
    )
    assert answer.status_code == 200


def cost(road: Callable[[], object]) -> tuple[int, int]:
    """Return how many statements and transactions a road takes.

    But for what is paid for seldom: a NOTIFY that wakes workers, and the look for what is overdue.
    """
    due_work.overdue_throttle.pause(3600)
    with CaptureQueriesContext(connection) as captured:
        road()
    asked = [query["sql"].split()[0].strip(";").upper() for query in captured]
    assert asked.count("NOTIFY") <= 1
    asked = [word for word in asked if word != "NOTIFY"]
    framing = [word for word in asked if word in ("BEGIN", "COMMIT", "ROLLBACK")]
    assert framing == ["BEGIN", "COMMIT"] * (len(framing) // 2)
    return len(asked) - len(framing), len(framing) // 2


def budget(name: str) -> tuple[int, int]:
    line = BUDGETS[name]
    return line[COLUMNS[connection.vendor]], line[-1]


def test_every_row_of_the_page_is_measured_here():
    assert len(BUDGETS) >= 10
    assert set(_USED.findall(Path(__file__).read_text(encoding="utf-8"))) == set(BUDGETS)


def test_acknowledging(invoice, settings):
    settings.CRYPTOPAY_PROCESSING = "worker"

    assert cost(lambda: post(invoice, COMPLETED)) == budget("store and answer; a worker does the rest")


def test_the_three_callbacks_of_an_invoice_and_a_repeated_one(invoice):
    assert cost(lambda: post(invoice, SEEN)) == budget("a payment is seen or confirmed: store, merge, deliver")
    assert cost(lambda: post(invoice, CONFIRMED)) == budget("a payment is seen or confirmed: store, merge, deliver")
    assert cost(lambda: post(invoice, COMPLETED)) == budget("the invoice is completed")
    assert cost(lambda: post(invoice, COMPLETED)) == budget("the same callback again")
    assert list(Callback.objects.values_list("outcome", flat=True)) == ["applied"] * 3


def test_looking_for_what_is_overdue(invoice):
    assert cost(lambda: is_anything_due(timezone.now())) == budget("a look for overdue work, at most once a second")


def test_a_callback_that_is_checked_with_the_gateway(invoice, settings):
    post(invoice, SEEN)
    post(invoice, CONFIRMED)
    settings.CRYPTOPAY_CONFIRM_WITH_API = True

    assert cost(lambda: post(invoice, COMPLETED)) == budget("the same, after a call to the gateway")


def test_a_poll(invoice):
    for step in (SEEN, CONFIRMED, COMPLETED):
        post(invoice, step)

    known = Invoice.objects.get()

    assert cost(lambda: refresh_invoice(known)) == budget("a poll without changes")


def test_a_new_invoice(settings):
    def answer(_method: str, _path: str, body: Any) -> tuple[int, Any]:
        made = InvoiceFactory.build(custom_id=body["custom_id"])
        return 200, {"data": invoice_wire(made)}

    gateway = ScriptedGateway(answer)
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: gateway

    taken = cost(lambda: create_invoice(price_amount=100, price_currency="EUR", pay_currency="BTC"))

    assert taken == budget("`create_invoice`")


def test_the_status_that_a_customers_page_asks_for(invoice):
    url = reverse("cryptopay_django:invoice-status", args=[invoice.pk])
    known = Client().get(url).headers["ETag"]

    assert cost(lambda: Client().get(url)) == budget("status page, changed or not")
    assert cost(lambda: Client().get(url, headers={"If-None-Match": known})) == budget("status page, changed or not")


def test_the_page_of_a_channel_and_its_status_whatever_its_history():
    channel = ChannelFactory()
    ChannelPaymentFactory.create_batch(30, channel=channel)
    page, status = (reverse(f"cryptopay_django:{name}", args=[channel.pk]) for name in ("channel", "channel-status"))
    known = Client().get(status).headers["ETag"]

    for get in (
        lambda: Client().get(page),
        lambda: Client().get(status),
        lambda: Client().get(status, headers={"If-None-Match": known}),
    ):
        assert cost(get) == budget("the page of a channel and its status, changed or not")


def test_the_list_of_the_desk_whatever_its_length(invoice):
    client = Client()
    client.force_login(User.objects.create_superuser("ada"))
    ContentType.objects.get_for_model(Invoice)
    url = reverse("admin:cryptopay_django_invoice_changelist")
    client.get(url)

    assert cost(lambda: client.get(url)) == budget("the list in the admin, of any length")
    InvoiceFactory.create_batch(20)
    assert cost(lambda: client.get(url)) == budget("the list in the admin, of any length")


def test_the_summary_of_an_order_whatever_was_paid():
    order = Group.objects.create(name="order")
    payment_summary(order)  # content types are read once

    for invoice in InvoiceFactory.create_batch(5, **order_pointer(order), status="completed", settled_amount=20):
        PaymentFactory.create_batch(2, invoice=invoice)
        RefundFactory.create_batch(2, invoice=invoice)
    ChannelPaymentFactory.create_batch(5, channel=ChannelFactory(owner=order))

    assert cost(lambda: payment_summary(order)) == budget("`payment_summary` of an order")

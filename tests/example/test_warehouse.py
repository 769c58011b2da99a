"""The external effect: at least once on our side, exactly once over there."""

import json
import uuid
from threading import Barrier, Thread

from django.db.models import prefetch_related_objects
from django.utils import timezone

from cryptopay_django.models import HandlerDelivery, InvoiceEvent
from cryptopay_django.services import deliver_again, deliver_events
from cryptopay_django.signals import invoice_completed
from example_project.shop.warehouse import request_shipment


def test_a_shipment_is_asked_for_once_for_each_key(buy, settings):
    order, key = buy(), uuid.uuid4()

    answers = [request_shipment(order, key=key), request_shipment(order, key=key)]

    (path,) = settings.SHOP_OUTBOX.iterdir()
    assert answers == [True, False]
    assert json.loads(path.read_text()) == {
        "key": str(key),
        "order": order.reference,
        "ship_to": "Ada Lovelace\nLondon",
        "items": [{"product": "enamel-mug", "quantity": 2}],
    }


def try_again(order):
    for model in (InvoiceEvent, HandlerDelivery):
        model.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=timezone.now())
    deliver_events(order.invoices.get())
    order.refresh_from_db()


def test_nothing_is_shipped_while_the_order_could_not_be_paid(buy, settle, shipments):
    def break_down(**kwargs):
        raise RuntimeError("the power went")

    order = buy()
    invoice_completed.connect(break_down)
    try:
        settle(order.invoices.get())
    finally:
        invoice_completed.disconnect(break_down)
    order.refresh_from_db()
    event = InvoiceEvent.objects.get(kind="invoice_completed")
    assert (order.status, shipments()) == ("open", [])

    try_again(order)

    assert (order.status, shipments()) == ("paid", [str(event.uuid)])


def test_a_warehouse_that_does_not_answer_is_asked_again_and_the_order_is_paid_meanwhile(buy, settle, settings):
    order, reached = buy(), settings.SHOP_OUTBOX
    settings.SHOP_OUTBOX = reached.parent / "not a folder"
    settings.SHOP_OUTBOX.write_text("")
    settle(order.invoices.get())
    order.refresh_from_db()
    assert order.status == "paid"

    settings.SHOP_OUTBOX = reached
    try_again(order)
    try_again(order)

    assert [path.stem for path in reached.iterdir()] == [str(order.shipment_key)]


def test_a_call_that_comes_twice_ships_once(buy, settle, shipments):
    order = buy()
    settle(order.invoices.get())

    assert deliver_again(order.invoices.get(), actor="ada", kinds=["invoice_completed"]) == 1

    order.refresh_from_db()
    assert (order.status, shipments()) == ("paid", [str(order.shipment_key)])
    assert not HandlerDelivery.objects.filter(delivered_at=None).exists()


def test_of_many_who_ask_at_the_same_moment_one_is_heard(buy, settings):
    order, key = buy(), uuid.uuid4()
    prefetch_related_objects([order], "lines__product")
    start, answers = Barrier(8), []

    def ask():
        start.wait()
        answers.append(request_shipment(order, key=key))

    threads = [Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    (path,) = settings.SHOP_OUTBOX.iterdir()
    assert sorted(answers) == [False] * 7 + [True]
    assert json.loads(path.read_text())["order"] == order.reference

"""The external effect: at least once on our side, exactly once over there."""

import json
import uuid
from threading import Barrier, Thread

from django.db.models import prefetch_related_objects

from cryptopay_django.models import InvoiceEvent
from cryptopay_django.services import deliver_events
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


def test_a_receiver_that_breaks_after_the_request_makes_no_second_one(buy, settle, shipments):
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
    assert (order.status, shipments()) == ("open", [str(event.uuid)])

    InvoiceEvent.objects.update(next_attempt_at=event.created_at)
    deliver_events(order.invoices.get())

    order.refresh_from_db()
    assert (order.status, shipments()) == ("paid", [str(event.uuid)])


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

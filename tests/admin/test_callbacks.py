"""The page of a callback: the delivery of its event, the buttons that try it again, and the action that repeats it."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry

from cryptopay_django import signals
from cryptopay_django.models import Callback
from cryptopay_django.services.callbacks.process import process_and_deliver
from cryptopay_django.testing.factories import CallbackFactory, callback_body

from .conftest import told

BODY = callback_body({"id": "w-1", "status": "pending"}, "created", type="CoinWithdrawal")


@pytest.fixture
def client(login):
    return login("superuser")


@pytest.fixture
def shop():
    """A receiver that can break."""
    had, broken = [], []

    def receiver(event, **_):
        if broken:
            raise broken[0]
        had.append(event.is_repetition)

    receiver.had, receiver.broken = had, broken
    signals.callback_received.connect(receiver)
    yield receiver
    signals.callback_received.disconnect(receiver)


def arrive():
    callback = CallbackFactory(body=BODY)
    process_and_deliver(callback)
    return callback


def test_the_page_shows_the_delivery_and_a_button_tries_a_failed_one_again(client, desk, shop):
    shop.broken.append(RuntimeError("the payroll is down"))
    callback = arrive()
    event = callback.events.get()

    page = client.get(desk.url("callback_change", callback.pk)).text
    assert "the payroll is down" in page
    assert "Deliver to the shop now" in page
    shop.broken.clear()
    done = client.post(desk.url("callback_retry", callback.pk, event.pk), follow=True)

    assert (told(done), shop.had) == ("Delivered to the shop.", [False])
    assert LogEntry.objects.filter(object_id=callback.pk).count() == 1
    assert "delivered to the shop at" in done.text


def test_an_event_of_another_callback_is_not_found(client, desk, shop):
    shop.broken.append(RuntimeError("down"))
    callback = arrive()
    other = CallbackFactory(body=BODY + b" ")

    answer = client.post(desk.url("callback_retry", other.pk, callback.events.get().pk))

    assert (answer.status_code, shop.had) == (404, [])


def test_who_may_only_look_gets_no_button_and_no_effect(login, desk, shop):
    shop.broken.append(RuntimeError("down"))
    callback = arrive()
    shop.broken.clear()
    viewer = login("viewer")

    assert "Deliver to the shop now" not in viewer.get(desk.url("callback_change", callback.pk)).text
    assert viewer.post(desk.url("callback_retry", callback.pk, callback.events.get().pk)).status_code == 403
    assert viewer.get(desk.url("callback_foreign")).status_code == 200
    assert login("bare").get(desk.url("callback_foreign")).status_code == 403
    assert shop.had == []


def test_the_list_delivers_what_was_delivered_again_once_it_is_confirmed(client, desk, shop):
    callback = arrive()
    keys = {"action": "deliver_events_again", "_selected_action": [str(callback.pk)]}

    asked = client.post(desk.url("callback_changelist"), keys)
    assert "Callbacks: 1" in asked.text
    assert "invoice_completed" not in asked.text
    done = client.post(
        desk.url("callback_deliver_again"),
        {"callback": [str(callback.pk), "x"], "kinds": ["callback_received"], "reason": "lost"},
        follow=True,
    )

    assert (told(done), shop.had) == ("1 event is delivered again.", [False, True])
    assert callback.events.get(kind="delivery_repeated").actor == "superuser"


def test_the_page_of_a_callback_without_an_event_is_whole(client, desk):
    callback = CallbackFactory(body=b"<html>", outcome="unreadable", next_attempt_at=None)

    assert client.get(desk.url("callback_change", callback.pk)).status_code == 200
    assert Callback.objects.get().outcome == "unreadable"

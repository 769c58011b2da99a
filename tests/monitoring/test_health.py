"""The health endpoint: 200 or 503 for everybody, what is wrong for those who have the token, and cheap."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.db.utils import OperationalError
from django.utils import timezone

from cryptopay_django.models import Resolution
from cryptopay_django.testing.factories import CallbackFactory, InvoiceEventFactory, InvoiceFactory

LONG_AGO = timedelta(hours=2)


def a_callback():
    CallbackFactory(received_at=timezone.now() - LONG_AGO)


def an_event():
    InvoiceEventFactory(created_at=timezone.now() - LONG_AGO)


def a_resolution():
    row = Resolution.objects.create(
        invoice=InvoiceFactory(), kind="refund", status="unknown", actor="stella", reason="asked for it"
    )
    Resolution.objects.filter(pk=row.pk).update(created_at=timezone.now() - LONG_AGO)


def test_a_shop_that_is_well_answers_200(ask):
    CallbackFactory()

    answer = ask("health", token="")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize(
    ("hold_up", "subject"),
    [(a_callback, "pending-callbacks"), (an_event, "pending-events"), (a_resolution, "undecided-resolutions")],
)
def test_what_is_held_up_for_an_hour_is_a_503_and_only_the_token_shows_what(ask, hold_up, subject):
    hold_up()

    stranger, monitoring = ask("health", token=""), ask("health")

    assert (stranger.status_code, stranger.json()) == (503, {"status": "failing"})
    failing = [result["id"] for result in monitoring.json()["signs"] if result["level"] == "error"]
    assert (monitoring.status_code, failing) == (503, [subject])


@pytest.mark.parametrize("token", ["Bearer wrong", "Bearer", "Bearer ", "Basic {token}", "{token}", "Bearer {token}é"])
def test_whoever_has_another_token_is_a_stranger(ask, settings, token):
    answer = ask("health", token=token.format(token=settings.CRYPTOPAY_MONITORING_TOKEN))

    assert answer.json() == {"status": "ok"}


def test_without_a_token_in_the_settings_nobody_has_one(ask, settings):
    settings.CRYPTOPAY_MONITORING_TOKEN = ""

    assert ask("health", token="Bearer ").json() == {"status": "ok"}


def test_it_asks_the_database_three_times_and_then_not_for_a_few_seconds(ask, django_assert_num_queries):
    with django_assert_num_queries(3):
        ask("health")
    with django_assert_num_queries(0):
        ask("health", token="")


def test_a_database_that_does_not_answer_is_a_503_and_is_not_remembered(ask, caplog):
    def refuse(execute, *args):
        raise OperationalError("the server closed the connection, password=canary")

    with connection.execute_wrapper(refuse):
        answer = ask("health")

    assert answer.status_code == 503
    assert [result["id"] for result in answer.json()["signs"]] == ["database"]
    assert "canary" not in answer.content.decode()
    assert ask("health").status_code == 200


def test_it_can_only_be_read(client):
    assert client.post("/cryptopay/health/").status_code == 405
    assert client.head("/cryptopay/health/").status_code == 200


def test_it_asks_for_no_login(client, settings):
    login = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, login]
    cache.clear()

    assert client.get("/cryptopay/health/").status_code == 200

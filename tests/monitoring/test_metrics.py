"""Metrics: what Prometheus reads, parsed as Prometheus does; the same from any process, and for the token alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from cryptopay_django.models import Callback, HandlerDelivery, Resolution, Schedule
from cryptopay_django.monitoring.metrics import CryptopayCollector
from cryptopay_django.testing.factories import CallbackFactory, InvoiceEventFactory, InvoiceFactory


def samples(text: str) -> dict[str, float]:
    """Return every sample by its name and its labels' values."""
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def busy():
    """A shop in which something of everything waits."""
    now = timezone.now()
    CallbackFactory(received_at=now - timedelta(seconds=90))
    CallbackFactory(received_at=now - timedelta(minutes=5), outcome="applied", next_attempt_at=None)
    CallbackFactory(received_at=now - timedelta(days=2), outcome="applied", next_attempt_at=None)
    CallbackFactory(received_at=now, outcome="orphan", account="second", next_attempt_at=None)
    InvoiceEventFactory(created_at=now - timedelta(seconds=30), attempts=2)
    event = InvoiceEventFactory(created_at=now - timedelta(seconds=10))
    HandlerDelivery.objects.create(event=event, handler="shop.pack", next_attempt_at=now)
    HandlerDelivery.objects.create(event=event, handler="shop.mail", given_up_at=now)
    InvoiceFactory(status="unresolved", status_context="underpaid")
    held = InvoiceFactory(quarantine_reason="odd")
    Resolution.objects.create(invoice=held, kind="refund", status="unknown", actor="stella", reason="asked for it")
    Schedule.objects.create(name="reconciliation", due_at=now, ended_at=now)


def test_every_figure_is_told(ask, busy):
    told = samples(ask("metrics").content.decode())

    assert {name: told[name] for name in told if not name.endswith("_seconds") and told[name]} == {
        "cryptopay_info 0.1.0": 1,
        "cryptopay_callbacks_pending": 1,
        "cryptopay_callbacks_last_hour applied": 1,
        "cryptopay_callbacks_last_hour orphan": 1,
        "cryptopay_callbacks_last_hour pending": 1,
        "cryptopay_last_callback_timestamp_seconds default": pytest.approx(timezone.now().timestamp() - 90, abs=30),
        "cryptopay_last_callback_timestamp_seconds second": pytest.approx(timezone.now().timestamp(), abs=30),
        "cryptopay_events_pending": 2,
        "cryptopay_events_failing": 1,
        "cryptopay_handlers_pending": 1,
        "cryptopay_handlers_given_up": 1,
        "cryptopay_resolutions_active unknown": 1,
        "cryptopay_invoices_unresolved underpaid": 1,
        "cryptopay_invoices_quarantined": 1,
    }
    assert told["cryptopay_callbacks_pending_age_seconds"] == pytest.approx(90, abs=30)
    assert told["cryptopay_events_pending_age_seconds"] == pytest.approx(30, abs=29)
    assert told["cryptopay_last_reconciliation_timestamp_seconds"] == pytest.approx(timezone.now().timestamp(), abs=30)


def test_what_does_not_happen_is_a_zero_and_not_a_hole(ask):
    told = samples(ask("metrics").content.decode())

    assert told["cryptopay_callbacks_pending_age_seconds"] == 0
    assert told["cryptopay_callbacks_last_hour unreadable"] == 0
    assert told["cryptopay_invoices_unresolved illicit_resource"] == 0
    assert told["cryptopay_resolutions_active sent"] == 0


def test_openmetrics_are_spoken_to_those_who_ask_for_them(ask, busy):
    answer = ask("metrics", Accept="application/openmetrics-text; version=1.0.0")

    assert answer["Content-Type"].startswith("application/openmetrics-text")
    assert "cryptopay_callbacks_pending" in [family.name for family in parse_openmetrics(answer.content.decode())]


@pytest.mark.parametrize("token", ["", "Bearer wrong"])
def test_strangers_see_no_figures(ask, token):
    answer = ask("metrics", token=token)

    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    assert b"cryptopay_callbacks" not in answer.content


def test_without_a_token_in_the_settings_there_is_no_page(ask, settings):
    settings.CRYPTOPAY_MONITORING_TOKEN = ""

    assert ask("metrics", token="Bearer ").status_code == 404


def test_the_database_is_asked_a_dozen_times_and_then_not_for_a_few_seconds(ask, django_assert_max_num_queries):
    with django_assert_max_num_queries(16):
        first = ask("metrics")
    Callback.objects.all().delete()
    with django_assert_max_num_queries(0):
        assert ask("metrics").content == first.content


def test_another_process_tells_the_same(ask, busy):
    told = samples(ask("metrics").content.decode())
    cache.clear()
    registry = CollectorRegistry()

    registry.register(CryptopayCollector())

    assert registry.get_sample_value("cryptopay_events_pending") == told["cryptopay_events_pending"]


def test_registering_asks_no_database(django_assert_num_queries):
    with django_assert_num_queries(0):
        CollectorRegistry().register(CryptopayCollector())

"""Serves `metrics/` for Prometheus. The values come from the database.

So all processes return the same values, and none keeps its own. Needs the extra `prometheus`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from .. import __version__
from ..caching import keep, recall
from ..conf import app_settings
from ..services.diagnosis import Metrics, read_metrics
from .access import may_see_details

FRESH_SECONDS = 10
_KEY = "cryptopay_django:metrics"


class CryptopayCollector(Collector):
    """A collector for the project's own registry: `REGISTRY.register(CryptopayCollector())`."""

    def describe(self) -> Iterator[Metric]:
        """Return nothing, so that registering does not query the database."""
        yield from ()

    def collect(self) -> Iterator[Metric]:
        """Yield every metric, from values that are at most a few seconds old."""
        metrics: Metrics | None = recall(_KEY)
        if metrics is None:
            metrics = read_metrics()
            keep(_KEY, metrics, FRESH_SECONDS)
        yield InfoMetricFamily("cryptopay", "The version that runs.", {"version": __version__})
        yield from _callbacks(metrics)
        yield from _events(metrics)
        yield _labelled(
            "cryptopay_resolutions_active",
            "Settlements and refunds that have not ended, by status.",
            "status",
            metrics.resolutions_active,
        )
        yield _labelled(
            "cryptopay_invoices_unresolved",
            "Invoices that wait for a decision, by context.",
            "context",
            metrics.invoices_unresolved,
        )
        yield GaugeMetricFamily(
            "cryptopay_invoices_quarantined", "Invoices held for a person.", metrics.invoices_quarantined
        )
        if metrics.reconciled_at is not None:
            yield GaugeMetricFamily(
                "cryptopay_last_reconciliation_timestamp_seconds",
                "When a worker last ended a round of reconciliation.",
                metrics.reconciled_at.timestamp(),
            )


@never_cache
@login_not_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Return all metrics as text if the request has the token. If no token is set, return 404."""
    if not app_settings.MONITORING_TOKEN:
        raise Http404("CRYPTOPAY_MONITORING_TOKEN is not set")
    if not may_see_details(request):
        return HttpResponse("a token is needed\n", status=401, headers={"WWW-Authenticate": "Bearer"})
    registry = CollectorRegistry()
    registry.register(CryptopayCollector())
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(encode(registry), content_type=content_type)


def _callbacks(metrics: Metrics) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "cryptopay_callbacks_pending", "Stored callbacks that are not processed.", metrics.callbacks_pending
    )
    yield GaugeMetricFamily(
        "cryptopay_callbacks_pending_age_seconds",
        "Age of the oldest callback that is not processed; 0 when there is none.",
        _age(metrics.callbacks_pending_since, metrics),
    )
    yield _labelled(
        "cryptopay_callbacks_last_hour",
        "Callbacks of the last hour, by their outcome.",
        "outcome",
        metrics.callbacks_last_hour,
    )
    last = GaugeMetricFamily(
        "cryptopay_last_callback_timestamp_seconds",
        "When the last callback of an account was received.",
        labels=["account"],
    )
    for account, at in metrics.last_callback_at.items():
        if at is not None:
            last.add_metric([account], at.timestamp())
    yield last


def _events(metrics: Metrics) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "cryptopay_events_pending", "Events that are not delivered to their receivers.", metrics.events_pending
    )
    yield GaugeMetricFamily(
        "cryptopay_events_pending_age_seconds",
        "Age of the oldest event that is not delivered to its receivers; 0 when there is none.",
        _age(metrics.events_pending_since, metrics),
    )
    yield GaugeMetricFamily(
        "cryptopay_events_failing", "Pending events of which a receiver has raised.", metrics.events_failing
    )
    yield GaugeMetricFamily(
        "cryptopay_handlers_pending",
        "Deliveries to durable handlers that are still to be made.",
        metrics.handlers_pending,
    )
    yield GaugeMetricFamily(
        "cryptopay_handlers_given_up",
        "Deliveries to durable handlers that are not tried any more.",
        metrics.handlers_given_up,
    )


def _labelled(name: str, text: str, label: str, counts: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, count in counts.items():
        family.add_metric([value], count)
    return family


def _age(since: datetime | None, metrics: Metrics) -> float:
    return 0.0 if since is None else max(0.0, (metrics.read_at - since).total_seconds())

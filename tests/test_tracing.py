"""Spans: one for each step of a callback's road, ids and outcomes only, and nothing without OpenTelemetry."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

from cryptopay_django.exceptions import GatewayError, SignatureError
from cryptopay_django.services import deliver_events, process_callback, receive_callback, refresh_invoice
from cryptopay_django.services.events.outbox import new_event, write_events
from cryptopay_django.testing.factories import (
    CallbackFactory,
    InvoiceFactory,
    callback_body,
    callback_headers,
    invoice_wire,
)
from cryptopay_django.tracing import span
from tests.effects.handlers import broken, registered
from tests.wire import ScriptedGateway, refusal

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).parents[1]


class Kept(SpanExporter):
    """Keeps what is finished while a test looks, and nothing else."""

    spans: list[ReadableSpan] | None = None

    def export(self, spans):
        if self.spans is not None:
            self.spans.extend(spans)
        return SpanExportResult.SUCCESS


KEPT = Kept()


@pytest.fixture(scope="session", autouse=True)
def provider():
    """OpenTelemetry takes one provider a process, once."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(KEPT))
    trace.set_tracer_provider(provider)


@pytest.fixture
def finished():
    """The spans that were finished so far."""
    KEPT.spans = []
    yield KEPT.spans
    KEPT.spans = None


@pytest.fixture
def spans(finished):
    """Return a function that gives what was finished: name, and attributes."""
    return lambda: [(one.name, dict(one.attributes)) for one in finished]


@pytest.fixture
def gateway(settings):
    scripted = ScriptedGateway(lambda *_: (200, {"data": scripted.truth}))
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: scripted
    return scripted


def test_the_road_of_a_callback_is_a_tree_of_spans(spans, finished, gateway):
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice, status="cancelled")
    body = callback_body(gateway.truth)

    callback = receive_callback(body, callback_headers(body)["X-Cryptopay-Signature"])
    process_callback(callback)
    deliver_events(invoice)

    of_invoice = {"cryptopay.invoice_id": str(invoice.pk)}
    of_callback = {"cryptopay.callback_id": callback.pk, "cryptopay.account": "default"}
    event = invoice.events.get()
    assert spans() == [
        ("cryptopay.receive_callback", of_callback),
        (
            "cryptopay.merge",
            {**of_invoice, "cryptopay.account": "default", "cryptopay.outcome": "to be confirmed"},
        ),
        (
            "GET /api/invoices/{invoice_id}",
            {
                "http.request.method": "GET",
                "url.template": "/api/invoices/{invoice_id}",
                "server.address": "business-sandbox.cryptopay.me",
                "http.response.status_code": 200,
            },
        ),
        (
            "cryptopay.merge",
            {
                **of_invoice,
                "cryptopay.account": "default",
                "cryptopay.status": "cancelled",
                "cryptopay.outcome": "changed",
            },
        ),
        (
            "cryptopay.process_callback",
            {**of_callback, **of_invoice, "cryptopay.event": "status_changed", "cryptopay.outcome": "applied"},
        ),
        (
            "cryptopay.deliver_event",
            {
                **of_invoice,
                "cryptopay.event_id": event.pk,
                "cryptopay.event_kind": "invoice_cancelled",
                "cryptopay.event_uuid": str(event.uuid),
                "cryptopay.outcome": "delivered",
            },
        ),
    ]
    _, locked, called, merged, processed, _ = finished
    parents = {span.parent.span_id for span in (locked, called, merged)}
    assert parents == {processed.context.span_id}
    assert called.kind is trace.SpanKind.CLIENT


def test_a_refusal_of_the_gateway_has_its_status_and_type(spans, gateway):
    gateway.answer = lambda *_: refusal(403)

    with pytest.raises(GatewayError):
        refresh_invoice(InvoiceFactory())

    ((_, attributes),) = spans()
    assert (attributes["http.response.status_code"], attributes["error.type"]) == (403, "GatewayPermissionError")


def test_an_invoice_that_is_looked_for_by_custom_id_does_not_name_it(spans, gateway):
    invoice = InvoiceFactory(gateway_id=None, custom_id="jo-doe-4711")
    gateway.truth = invoice_wire(invoice)

    refresh_invoice(invoice)

    assert spans()[0][0] == "GET /api/invoices/custom_id/{custom_id}"
    assert "jo-doe" not in str(spans())


def test_a_handler_that_fails_is_marked_by_the_type_of_its_error_and_nothing_it_says(spans, finished):
    invoice = InvoiceFactory(status="refunded")
    with registered("invoice_refunded"):
        write_events([new_event(invoice, "invoice_refunded", at=invoice.created_at)])
        broken.add("ship")
        deliver_events(invoice)

    told = {
        attributes["cryptopay.handler"]: attributes for name, attributes in spans() if name == "cryptopay.call_handler"
    }
    assert told["tests.effects.handlers.keep_books"]["cryptopay.outcome"] == "delivered"
    assert told["tests.effects.handlers.ship"]["error.type"] == "BrokenShopError"
    failed = [one for one in finished if not one.status.is_ok and "error.type" in one.attributes]
    assert [(one.events, one.status.description) for one in failed] == [((), None)]


def test_no_secret_or_signature_is_in_a_span(finished, gateway, settings):
    body = callback_body(invoice_wire(InvoiceFactory()))
    signature = callback_headers(body)["X-Cryptopay-Signature"]

    with pytest.raises(SignatureError):
        receive_callback(body, "0" * len(signature))
    process_callback(receive_callback(body, signature))
    process_callback(CallbackFactory(body=b"{"))

    site = settings.CRYPTOPAY_ACCOUNTS["default"]
    told = str([one.to_json() for one in finished])
    assert "SignatureError" in told
    for secret in (site["API_KEY"], site["API_SECRET"], *site["CALLBACK_SECRETS"], signature, "0" * len(signature)):
        assert secret not in told


def test_an_exception_passes_through_a_span_as_it_is(finished):
    error = ValueError("jo@example.com")

    with pytest.raises(ValueError, match="jo@") as raised, span("a step"):
        raise error

    assert raised.value is error
    assert "jo@" not in finished[-1].to_json()


def test_without_the_package_the_same_code_runs_and_nothing_is_imported():
    program = """
import sys
sys.modules["opentelemetry"] = None
from cryptopay_django.tracing import span
with span("a step", is_client=True, invoice_id=1) as note:
    note(outcome="done")
try:
    with span("another"):
        raise KeyError("x")
except KeyError:
    print("fine", [name for name in sys.modules if name.startswith("opentelemetry.")])
"""

    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert ran.stdout == "fine []\n"

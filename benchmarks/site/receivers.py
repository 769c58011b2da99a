"""The shop's receivers: each writes one row."""

from __future__ import annotations

from typing import Any

from benchmarks.site.models import Effect
from cryptopay_django import signals
from cryptopay_django.models import InvoiceEvent


def receive(event: InvoiceEvent, **_: Any) -> None:
    Effect.objects.create(kind=event.kind, reference=str(event.uuid))


def connect() -> None:
    for signal in (signals.payment_detected, signals.payment_confirmed, signals.invoice_completed):
        signal.connect(receive)

"""Each writes one row, as ours do."""

from __future__ import annotations

from typing import Any

from djstripe.event_handlers import djstripe_receiver
from payments.signals import status_changed

from benchmarks.site.models import Effect


def receive_payment(instance: Any, **_: Any) -> None:
    Effect.objects.create(kind=instance.status, reference=instance.token)


def receive_event(event: Any, **_: Any) -> None:
    Effect.objects.create(kind=event.type, reference=event.id)


def connect() -> None:
    status_changed.connect(receive_payment)
    djstripe_receiver("payment_intent.succeeded")(receive_event)

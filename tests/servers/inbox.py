"""The recipe of docs/scaling.md for orders in another database, and the receiver without it."""

from __future__ import annotations

from typing import Any

from django.db import router, transaction

from .models import Credit, SeenEvent


def fulfil_once(invoice, event, **kwargs):
    database = router.db_for_write(SeenEvent)
    with transaction.atomic(using=database):
        _, is_new = SeenEvent.objects.using(database).get_or_create(uuid=event.uuid)
        if is_new:
            credit(event)


def credit(event: Any) -> None:
    """Do what an order is owed."""
    Credit.objects.using(router.db_for_write(Credit)).create(event_uuid=event.uuid)


class FailsTwice:
    """Fulfils, and then fails, two times; as another receiver of the same event may."""

    def __init__(self, fulfil: Any) -> None:
        self.fulfil, self.failures = fulfil, 2

    def __call__(self, **sent: Any) -> None:
        self.fulfil(**sent)
        if self.failures:
            self.failures -= 1
            raise LookupError("after the effect")

"""The whole road of an invoice's callbacks in a project with several databases: `python -m tests.servers.road`."""

from __future__ import annotations

import sys

import django
from django.core.management import call_command


def travel() -> str:
    """Post the callbacks of a story, work off what is due, and tell what came of it."""
    from django.db import router  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415

    from cryptopay_django.models import Callback, Invoice, InvoiceEvent  # noqa: PLC0415
    from cryptopay_django.testing.factories import (  # noqa: PLC0415
        InvoiceFactory,
        callback_body,
        callback_headers,
        invoice_wire,
    )
    from tests.effects.models import Effect  # noqa: PLC0415
    from tests.wire import SEQUENCES  # noqa: PLC0415

    for database in ("default", "other"):
        call_command("migrate", database=database, run_syncdb=True, verbosity=0)
    call_command("check", tags=["cryptopay"], fail_level="CRITICAL")
    invoice = InvoiceFactory()
    for event, changes in SEQUENCES["topped up in time"][0]:
        body = callback_body(invoice_wire(invoice, **changes), event)
        answer = Client().post(
            "/cryptopay/callbacks/", body, content_type="application/json", headers=callback_headers(body)
        )
        assert answer.status_code == 200
    call_command("cryptopay_worker", once=True)
    primary = router.db_for_write(Invoice)
    pending = Callback.objects.using(primary).exclude(outcome="applied").values_list("outcome", "error")
    assert list(pending) == []
    status = Invoice.objects.using(primary).get().status
    events, effects = InvoiceEvent.objects.using(primary), Effect.objects.using(primary)
    return f"{status} {events.exclude(delivered_at=None).count()} events, {effects.count()} effects"


if __name__ == "__main__":
    django.setup()
    sys.stdout.write(travel())

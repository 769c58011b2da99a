"""What a site's database is given before a siege, and what is in it afterwards; run in a process of the site's.

python -m tests.servers.books open 20    makes invoices, and prints the bodies of their callbacks as JSON
python -m tests.servers.books store 20   makes invoices, posts their callbacks, and prints how many were stored
python -m tests.servers.books close      works off what is due, and prints what came of everything as JSON
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import Any
from uuid import uuid4

import django
from django.core.management import call_command
from django.test import Client
from django.utils import timezone


def open_books(count: int) -> list[str]:
    """Make the tables, if there are none, and invoices; return the callbacks of their whole stories."""
    from cryptopay_django.testing.factories import InvoiceFactory, callback_body, invoice_wire  # noqa: PLC0415
    from tests.wire import SEQUENCES  # noqa: PLC0415

    call_command("migrate", run_syncdb=True, verbosity=0)
    return [
        callback_body(invoice_wire(invoice, **changes), event).decode()
        for invoice in [InvoiceFactory(custom_id=str(uuid4())) for _ in range(count)]
        for event, changes in SEQUENCES["topped up in time"][0]
    ]


def store_callbacks(count: int) -> int:
    """Make invoices, and post the callbacks of their whole stories to the site's own view; return how many."""
    from cryptopay_django.testing.factories import callback_headers  # noqa: PLC0415

    client, bodies = Client(), open_books(count)
    for body in bodies:
        raw = body.encode()
        answer = client.post("/cryptopay/callbacks/", raw, "application/json", headers=callback_headers(raw))
        assert answer.status_code == 200, answer.content
    return len(bodies)


def close_books() -> dict[str, Any]:
    """Do what workers do once every lease and back-off is over; return what is stored, told and done."""
    from cryptopay_django.models import Callback, Invoice, InvoiceEvent  # noqa: PLC0415
    from tests.effects.models import Effect  # noqa: PLC0415

    for _ in range(3):
        for model in (Callback, InvoiceEvent):
            model.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=timezone.now())
        call_command("cryptopay_worker", once=True, stdout=sys.stderr)
    return {
        "stored": [bytes(body).decode() for body in Callback.objects.values_list("body", flat=True)],
        "outcomes": Counter(Callback.objects.values_list("outcome", flat=True)),
        "invoices": [
            {
                "state": [invoice.status, str(invoice.settled_amount), invoice.quarantine_reason],
                "told": sorted(event.kind for event in invoice.events.all()),
                "events": sorted(str(event.uuid) for event in invoice.events.all()),
                "effects": sorted(
                    str(uuid) for uuid in Effect.objects.filter(invoice_id=invoice.pk).values_list("event_uuid", flat=True)
                ),
            }
            for invoice in Invoice.objects.all()
        ],
    }  # fmt: skip


if __name__ == "__main__":
    django.setup()
    acts = {"open": open_books, "store": store_callbacks, "close": close_books}
    json.dump(acts[sys.argv[1]](*map(int, sys.argv[2:])), sys.stdout)

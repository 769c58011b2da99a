"""An event whose receiver writes to another database and fails twice: `python -m tests.servers.remembered NAME`."""

from __future__ import annotations

import sys

import django
from django.core.management import call_command


def deliver(name: str) -> str:
    """Deliver an event until it is delivered, and count what it has brought."""
    from cryptopay_django.models import InvoiceEvent  # noqa: PLC0415
    from cryptopay_django.services import deliver_events  # noqa: PLC0415
    from cryptopay_django.signals import invoice_created  # noqa: PLC0415
    from cryptopay_django.testing.factories import InvoiceEventFactory  # noqa: PLC0415
    from tests.servers import inbox  # noqa: PLC0415
    from tests.servers.models import Credit  # noqa: PLC0415

    for database in ("default", "other"):
        call_command("migrate", database=database, run_syncdb=True, verbosity=0)
    fulfil = inbox.fulfil_once if name == "inbox.fulfil_once" else lambda event, **_: inbox.credit(event)
    receiver = inbox.FailsTwice(fulfil)
    invoice_created.connect(receiver)
    event = InvoiceEventFactory()
    for _ in range(3):
        InvoiceEvent.objects.using("other").filter(delivered_at=None).update(next_attempt_at=event.created_at)
        deliver_events(event.invoice)
    is_delivered = InvoiceEvent.objects.using("other").exclude(delivered_at=None).exists()
    return f"{'delivered' if is_delivered else 'pending'}, {Credit.objects.using('default').count()} credits"


if __name__ == "__main__":
    django.setup()
    sys.stdout.write(deliver(sys.argv[1]))

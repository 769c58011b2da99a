"""Fills the row's database: tables, the person at the desk, and old invoices: `python -m tests.stacks.shop.seed 2500`."""

from __future__ import annotations

import sys
import uuid
from copy import copy
from datetime import timedelta

import django
from django.conf import settings
from django.core.checks import run_checks
from django.core.management import call_command
from django.utils import timezone


def main(count: int) -> None:
    """Make the tables of every database, a superuser, and `count` old invoices; print the ids of our checks that speak."""
    from django.contrib.auth import get_user_model  # noqa: PLC0415  django is not set up before
    from django.db import router  # noqa: PLC0415

    from cryptopay_django.models import Invoice  # noqa: PLC0415
    from cryptopay_django.testing.factories import InvoiceFactory  # noqa: PLC0415

    for database, values in settings.DATABASES.items():
        if values["TEST"]["MIRROR"]:
            continue  # a replica
        call_command("migrate", database=database, run_syncdb=True, verbosity=0)
    get_user_model().objects.create_superuser(settings.STACK["desk"], "desk@shop.test", "desk")
    pattern, old = InvoiceFactory.build(status="cancelled", status_context="expired"), []
    for number in range(count):
        row = copy(pattern)
        row.id, row.gateway_id, row.custom_id = uuid.uuid4(), uuid.uuid4(), f"old-{number}"
        old.append(row)
    Invoice.objects.using(router.db_for_write(Invoice)).bulk_create(old, batch_size=250)
    Invoice.objects.update(created_at=timezone.now() - timedelta(days=20))
    if "whitenoise" in str(settings.MIDDLEWARE) or settings.STACK["collects"]:
        call_command("collectstatic", interactive=False, verbosity=0)
    found = {message.id for message in run_checks(databases=settings.DATABASES, include_deployment_checks=False)}
    sys.stdout.write(
        " ".join(sorted(name.partition(".")[2] for name in found if name and name.startswith("cryptopay.")))
    )


if __name__ == "__main__":
    django.setup()
    main(int(sys.argv[1]))

"""`manage.py cryptopay_groups`: the four teams as groups with their permissions."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.core.management.base import BaseCommand, CommandError

_SEES = tuple(f"view_{model}" for model in ("invoice", "payment", "callback", "invoiceevent", "refund", "resolution"))

GROUPS = {
    "Cryptopay support": (*_SEES, "change_invoice", "settle_invoice"),
    "Cryptopay finance": (
        *_SEES,
        "change_invoice",
        "settle_invoice",
        "refund_invoice",
        "refund_invoice_to_address",
        "release_invoice",
        "deliver_events_again",
    ),
    "Cryptopay fraud": (*_SEES, "change_invoice", "release_invoice"),
    "Cryptopay monitoring": _SEES,
}
"""`change_invoice` is only "refresh from the service" and "Deliver to the shop now": nothing can be edited."""


class Command(BaseCommand):
    help = (
        "Create the groups support, finance, fraud and monitoring with the permissions of the desk. Safe to run "
        "again: permissions that you gave a group besides are kept."
    )

    def handle(self, *args: Any, verbosity: int = 1, **options: Any) -> None:
        known = {
            permission.codename: permission
            for permission in Permission.objects.filter(content_type__app_label="cryptopay_django")
        }
        for name, codenames in GROUPS.items():
            missing = sorted(set(codenames) - set(known))
            if missing:
                raise CommandError(f"there are no permissions {', '.join(missing)} yet: run migrate first")
            group, is_new = Group.objects.get_or_create(name=name)
            group.permissions.add(*(known[codename] for codename in codenames))
            if verbosity:
                self.stdout.write(f"{name}: {'created' if is_new else 'brought up to date'}")

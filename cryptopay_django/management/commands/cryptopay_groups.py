"""Implements `manage.py cryptopay_groups`: creates the groups of the teams with their permissions."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.core.management.base import BaseCommand, CommandError

_SEEN = "invoice payment callback invoiceevent refund resolution channel channelpayment paymentlink"
_SEES = tuple(f"view_{model}" for model in _SEEN.split())
_LINKS = ("add_paymentlink", "change_paymentlink")

GROUPS = {
    "Cryptopay support": (*_SEES, "change_invoice", "settle_invoice", *_LINKS),
    "Cryptopay finance": (
        *_SEES,
        "change_invoice",
        "settle_invoice",
        "refund_invoice",
        "refund_invoice_to_address",
        "release_invoice",
        "release_channelpayment",
        "switch_channel",
        "view_ledger",
        "close_books",
        "deliver_events_again",
        *_LINKS,
    ),
    "Cryptopay fraud": (*_SEES, "change_invoice", "release_invoice", "release_channelpayment"),
    "Cryptopay monitoring": _SEES,
    "Cryptopay counter": ("view_paymentlink", *_LINKS),
}
"""`change_invoice` allows only "Refresh from the gateway" and "Deliver to the shop now". No field can be edited.

`change_paymentlink` allows only to cancel a payment link."""


class Command(BaseCommand):
    help = (
        "Create the groups support, finance, fraud, monitoring and counter with their permissions. You can "
        "run it again: it keeps permissions that you added."
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

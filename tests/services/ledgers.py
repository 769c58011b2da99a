"""What tests of the comparison with the gateway's ledger begin with."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from cryptopay_django.models import ChannelPayment, Invoice, Refund
from cryptopay_django.services import compare_ledger
from cryptopay_django.services.reconciliation.ledger_rows import MARGIN

LEDGER = r"GET /api/transactions.*"
DAY = timedelta(days=1)


def compare(**changes):
    now = timezone.now()
    return compare_ledger("default", **{"since": now - DAY, "until": now + DAY, **changes})


def kinds(found):
    return sorted((one.family, str(one.kind)) for one in found.differences)


def ended_long_ago():
    """Let all that has ended have done so longer ago than the ledger can lag."""
    ended = timezone.now() - 2 * MARGIN
    Invoice.objects.exclude(finished_at=None).update(finished_at=ended)
    ChannelPayment.objects.exclude(finished_at=None).update(finished_at=ended)
    Refund.objects.exclude(succeeded_at=None).update(succeeded_at=ended)


def of(row, **changes):
    """Return a change of the wire: of the ledger's row about a row of ours."""

    def change(listed):
        for entry in listed:
            if entry["reference_id"] == str(row.gateway_id):
                entry.update(changes)

    return change


def without(row):
    def change(listed):
        listed[:] = [entry for entry in listed if entry["reference_id"] != str(row.gateway_id)]

    return change

"""Adds up the credited amounts of channels in Python: a database may add decimals as floats."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from ...fields import EXACT, canonical
from ...models import ChannelPayment, ChannelPaymentStatus

MOST = 10_000
"""The most payments that one query adds up, of all its channels together."""


@dataclass
class Totals:
    """The credited amounts by currency, and the number of payments. `is_cut`: there are more."""

    credited: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    count: int = 0
    is_cut: bool = False


def credited_totals(channel_ids: Iterable[UUID]) -> dict[UUID, Totals]:
    """Return the totals of these channels. Makes one query for the newest MOST payments that are not quarantined."""
    totals = {key: Totals() for key in channel_ids}
    rows = ChannelPayment.objects.filter(
        channel_id__in=totals, status=ChannelPaymentStatus.COMPLETED, quarantine_reason=""
    ).order_by("-seen_at")
    found = list(rows.values_list("channel_id", "received_currency", "received_amount")[: MOST + 1])
    for key, currency, amount in found[:MOST]:
        totals[key].credited[currency] = canonical(EXACT.add(totals[key].credited[currency], amount))
        totals[key].count += 1
    if len(found) > MOST:
        for one in totals.values():
            one.is_cut = True
    return totals

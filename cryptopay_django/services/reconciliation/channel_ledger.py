"""Reads what is new in an account's ledger of channel payments since it was last read to the end, newest first.

One list for all channels, so a payment whose callback was lost is found by the next round. How far it was read is kept
in a `Schedule` row; a reading that is longer than a round continues in the next one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Min
from django.utils import timezone

from ...conf import client_for, get_account
from ...exceptions import GatewayNotFoundError, GatewayValidationError
from ...gateway.ledger import LedgerTransaction
from ...models import Channel, ChannelPayment, Schedule
from ...models.schedule import CHANNEL_LEDGER
from ..channels.apply import put_off
from ..channels.compare import is_in_state

REFERENCE_TYPE = "ChannelPayment"

OVERLAP = timedelta(minutes=30)
"""How much of what was read before is read again: clocks differ, and a list can lag."""

_PAGES = 20


@dataclass(frozen=True)
class Seen:
    """A payment that the ledger shows otherwise than our row: its channel, and the gateway's id."""

    channel: Channel
    gateway_id: UUID


class LedgerReading:
    """The reading of one account: where it continues, and up to when all was read."""

    def __init__(self, account: str) -> None:
        self.account = account
        self.environment = get_account(account).environment
        digest = hashlib.sha256(self.environment.encode()).hexdigest()[:12]
        self.name = f"{CHANNEL_LEDGER} {account} {digest}"
        self.begun_at = timezone.now()

    def pages(self, *, patience: float) -> Iterable[list[Seen]]:
        """Yield, page by page, what is unlike our rows. After the last page the reading is kept as done."""
        row = self._row()
        client, after = client_for(self.account), row.cursor or None
        begun_at = row.begun_at if after and row.begun_at else self.begun_at
        since = (row.read_until or self._first()) - OVERLAP
        for _ in range(_PAGES):
            try:
                page = client.list_transactions(
                    reference_type=REFERENCE_TYPE, created_at_from=since, starting_after=after, timeout=patience
                )
            except (GatewayNotFoundError, GatewayValidationError):
                # Perhaps of the row that was read last: the next round begins at the newest again.
                self._keep(row, cursor="")
                raise
            yield self._unlike_ours(page)
            times = [entry.created_at for entry in page]
            is_past = bool(times) and all(at is not None and at < since for at in times)
            if not page.keys or page.has_more is False or is_past or page.keys[-1] == after:
                self._keep(row, read_until=begun_at, cursor="")
                return
            after = page.keys[-1]
            self._keep(row, begun_at=begun_at, cursor=after)

    def _row(self) -> Schedule:
        rows = Schedule.objects.primary().filter(name=self.name)
        row = rows.first()
        if row is None:
            Schedule.objects.add_missing(Schedule(name=self.name, due_at=self.begun_at))
            row = rows.get()
        return row

    def _keep(self, row: Schedule, **values: object) -> None:
        """Keep how far it was read, unless another process has meanwhile."""
        unchanged = Schedule.objects.primary().filter(name=self.name, read_until=row.read_until, cursor=row.cursor)
        if unchanged.update(**values):
            for name, value in values.items():
                setattr(row, name, value)

    def _first(self) -> datetime:
        """Return when the account's first channel was made here: nothing older can concern us."""
        rows = Channel.objects.primary().filter(account=self.account, environment=self.environment)
        first = rows.aggregate(first=Min("created_at"))["first"]
        return first or self.begun_at

    def _unlike_ours(self, page: Iterable[LedgerTransaction]) -> list[Seen]:
        """Return the payments on our channels that are not here, or in another status here.

        A row of the ledger does not name the channel, but it has the channel's custom_id: our UUID. A payment that is
        as it is here need not be asked about for a while.
        """
        listed = {entry.reference_id: entry for entry in page if entry.reference_id is not None}
        mine = {"account": self.account, "environment": self.environment}
        rows = ChannelPayment.objects.primary().filter(gateway_id__in=listed, **mine).select_related("channel")
        known = {row.gateway_id: row for row in rows}
        names = {entry.custom_id for key, entry in listed.items() if key not in known and entry.custom_id}
        channels = {row.custom_id: row for row in Channel.objects.primary().filter(custom_id__in=names, **mine)}
        found = []
        for key, entry in listed.items():
            payment = known.get(key)
            if payment and not payment.is_final and entry.status is not None and _is_same(payment, entry):
                put_off(payment)
            channel = payment.channel if payment else channels.get(entry.custom_id or "")
            if channel is None or channel.gateway_id is None or (payment and _is_same(payment, entry)):
                continue
            found.append(Seen(channel, key))
        return found


def _is_same(payment: ChannelPayment, entry: LedgerTransaction) -> bool:
    return entry.status is None or is_in_state(payment, entry.status, entry.status_context)

"""Asks the gateway about payments on channels, in rounds that are bounded whatever the number of channels. A round:

1. Reads the ledger of channel payments of each account, newest first: one list for all channels. It shows what is new,
   and what has another status than our row (`channel_ledger.py`).
2. Asks about payments that are not final, one call each: the older, the less often.
3. Reads each channel's own list of payments, and its status: the longer it is quiet, the less often.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar
from uuid import UUID

from django.db.models import Count, F
from django.utils import timezone

from ...conf import app_settings, client_for
from ...exceptions import ChannelBusyError, GatewayError, GatewayNotFoundError, GatewayOutageError
from ...gateway.channels import ChannelPaymentSnapshot
from ...gateway.lists import follow_pages
from ...gateway.rate_limit import Purpose, calling_for
from ...models import Channel, ChannelPayment
from ..accounts import in_force
from ..channels.apply import apply_listed_payment, poll_payment, put_off
from ..channels.channel_rows import poll_channel
from ..channels.compare import brings_news, is_in_state
from ..events.deliver import deliver_events
from .channel_ledger import OVERLAP, LedgerReading
from .reconcile_invoices import Reconciliation

logger = logging.getLogger("cryptopay_django")

T = TypeVar("T")

SHORTEST_PAUSE, LONGEST_PAUSE = timedelta(minutes=15), timedelta(days=7)
"""Between two readings of a channel's own list. In between it is a quarter of the time since its last payment."""

LEASE = timedelta(minutes=2)
"""For how long a payment in work is left alone by everybody else."""

_POLLS, _CHANNELS, _UNANSWERED, _PAGES = 200, 60, 20, 40
_POLLS_AT_ONCE, _PAGES_AT_ONCE = 20, 3
_WORTH_A_LIST = 5
_OUTAGES = 5
# A place within the rate limit can be a minute away; a round is in no hurry.
_PATIENCE = 75.0


@calling_for(Purpose.RECONCILIATION)
def reconcile_channels(*, progress: Callable[[int, int], None] = lambda done, total: None) -> Reconciliation:
    """Ask the gateway about payments on channels, as far as a round goes; return what was found.

    Resumable: each answer is committed by itself. A failure is noted and the next one is taken, until the gateway has
    been down for a while. Any number of processes may run this side by side.
    """
    run = ChannelRun(progress)
    for account in _accounts():
        run.guard(account, partial(run.read_ledger, account))
    run.find_unanswered()
    run.poll_open()
    run.read_channels()
    return run.result


def read_channel(channel: Channel) -> Reconciliation:
    """Poll a channel and its payments now, merge the answers and deliver their events.

    For a person who waits for the page: it makes a few calls, and none waits longer than a request may. The result
    lists what failed, by the key of the channel or payment. The next round reads what is left.
    """
    run = ChannelRun(patience=app_settings.TOTAL_TIMEOUT, polls_left=_POLLS_AT_ONCE, pages=_PAGES_AT_ONCE)
    run.guard(channel.pk, partial(run.read, Channel.objects.primary().get(pk=channel.pk)))
    return run.result


def _accounts() -> list[str]:
    """Return the accounts that have channels at their present gateway."""
    rows = Channel.objects.primary().filter(in_force(), gateway_id__isnull=False).order_by()
    return sorted(set(rows.values_list("account", flat=True)))


@dataclass
class ChannelRun:
    """The state of one round: its result, how many payments may still be asked about, whether the gateway is down."""

    progress: Callable[[int, int], None] = lambda done, total: None
    result: Reconciliation = field(default_factory=Reconciliation)
    polls_left: int = field(default_factory=lambda: _POLLS)
    outages: int = 0
    patience: float = field(default_factory=lambda: max(_PATIENCE, app_settings.TOTAL_TIMEOUT))
    """Seconds that a call may take."""
    pages: int = _PAGES
    """The most pages that are read of one channel's list."""

    @property
    def is_over(self) -> bool:
        """Return whether no other call may be made in this round."""
        return self.polls_left <= 0 or self.outages >= _OUTAGES

    def guard(self, name: object, call: Callable[[], T]) -> T | None:
        """Make calls about one thing; note a failure, so that it keeps no other from its turn."""
        try:
            answer = call()
            self.outages = 0
        except GatewayNotFoundError:
            self.result.unknown += 1
        except (GatewayError, ChannelBusyError) as error:
            self.result.failed[str(name)] = f"{type(error).__name__}: {error}"
            self.outages = self.outages + 1 if isinstance(error, GatewayOutageError) else 0
        except Exception as error:
            logger.exception("channels: %s could not be taken in", name)
            self.result.failed[str(name)] = f"{type(error).__name__}: {error}"
        else:
            return answer
        return None

    def poll(self, channel: Channel, gateway_id: UUID) -> bool:
        """Ask about one payment, merge the answer, deliver its events; return whether that was possible."""
        if self.is_over:
            self.result.left += 1
            return False
        self.polls_left -= 1
        self.result.asked += 1
        self.result.requests += 1
        applied = self.guard(gateway_id, lambda: poll_payment(channel, gateway_id, timeout=self.patience))
        if applied is not None:
            self.result.drifted += applied.changed
            deliver_events(applied.payment)
        self.progress(self.result.asked, self.result.asked + self.result.left)
        return applied is not None

    def take(self, channel: Channel, entry: ChannelPaymentSnapshot, *, asked_at: datetime) -> bool:
        """Take in an entry of a channel's list, without a call of its own if that is possible; return whether it was.

        It counts as one that was asked about: what comes of it is delivered, which takes time too.
        """
        if self.is_over:
            self.result.left += 1
            return False
        answer = self.guard(entry.id, lambda: (apply_listed_payment(channel, entry, asked_at=asked_at),))
        if answer is None:
            return False
        (applied,) = answer
        if applied is None:
            return self.poll(channel, entry.id)
        self.polls_left -= 1
        self.result.asked += 1
        self.result.drifted += applied.changed
        deliver_events(applied.payment)
        return True

    def read_ledger(self, account: str) -> None:
        """Take in what an account's ledger has that our rows have not."""
        for page in LedgerReading(account).pages(patience=self.patience):
            self.result.requests += 1
            for seen in page:
                if not self.poll(seen.channel, seen.gateway_id):
                    # The reading continues without it: the channel's own list shows it again.
                    Channel.objects.filter(pk=seen.channel.pk).update(payments_due_at=timezone.now())

    def poll_open(self) -> None:
        """Ask about the payments that are due, those first that have waited longest."""
        due = ChannelPayment.objects.primary().filter(in_force(), poll_due_at__lte=timezone.now())
        many = due.values("channel").annotate(count=Count("pk")).filter(count__gte=_WORTH_A_LIST).order_by("-count")
        for channel in Channel.objects.primary().filter(pk__in=[row["channel"] for row in many[:_CHANNELS]]):
            if self.is_over:
                break
            # Merges what has changed, and postpones what has not.
            self.guard(channel.pk, partial(self.read, channel))
        for payment in due.select_related("channel").order_by("poll_due_at", "pk")[:_POLLS]:
            if self.is_over:
                break
            is_ours = ChannelPayment.objects.claim(payment, "poll_due_at", timezone.now() + LEASE)
            if is_ours and not self.poll(payment.channel, payment.gateway_id):
                put_off(payment)

    def read_channels(self) -> None:
        """Read the status and the payments of the channels that are due, those first that have waited longest."""
        due = Channel.objects.primary().filter(in_force(), payments_due_at__lte=timezone.now())
        for channel in due.order_by("payments_due_at", "pk")[:_CHANNELS]:
            if self.is_over:
                break
            # If this process dies, it is due again after the pause.
            if Channel.objects.claim(channel, "payments_due_at", timezone.now() + SHORTEST_PAUSE):
                self.guard(channel.pk, partial(self.read, channel))

    def find_unanswered(self) -> None:
        """Look for channels at the gateway whose creation has had no answer, those first that have waited longest."""
        now = timezone.now()
        rows = Channel.objects.primary().filter(
            in_force(), gateway_id=None, created_at__lte=now - timedelta(minutes=1)
        )
        for channel in rows.order_by(F("polled_at").asc(nulls_first=True), "pk")[:_UNANSWERED]:
            self.result.requests += 1
            if self.guard(channel.pk, partial(poll_channel, channel, timeout=self.patience)) is None:
                Channel.objects.filter(pk=channel.pk).update(polled_at=timezone.now())

    def read(self, channel: Channel) -> None:
        """Take in the status of a channel, and what its list has that our rows have not."""
        begun_at = timezone.now()
        self.result.requests += 1
        channel = poll_channel(channel, timeout=self.patience)
        since = channel.payments_read_at and channel.payments_read_at - OVERLAP
        is_whole, is_all_taken, asked_at = False, True, timezone.now()
        pages = follow_pages(
            client_for(channel.account).list_channel_payments, channel.gateway_id, timeout=self.patience
        )
        for number, page in enumerate(pages, 1):
            self.result.requests += 1
            for entry in unlike_ours(channel, page):
                is_all_taken = self.take(channel, entry, asked_at=asked_at) and is_all_taken
            asked_at = timezone.now()
            times = [entry.created_at for entry in page]
            is_whole = bool(times) and since is not None and all(at is not None and at < since for at in times)
            if is_whole or number == self.pages:
                break
        else:
            is_whole = True
        if is_whole and is_all_taken:
            Channel.objects.filter(pk=channel.pk).update(payments_read_at=begun_at)
        fresh = Channel.objects.primary().get(pk=channel.pk)
        pause = _pause(fresh, begun_at) if is_whole and is_all_taken else SHORTEST_PAUSE
        Channel.objects.claim(channel, "payments_due_at", begun_at + pause)


def _pause(channel: Channel, now: datetime) -> timedelta:
    """Return how long a channel's own list is left unread: the longer it is quiet, the longer."""
    quiet = now - (channel.paid_at or channel.created_at)
    return min(max(quiet / 4, SHORTEST_PAUSE), LONGEST_PAUSE)


def unlike_ours(channel: Channel, entries: Iterable[ChannelPaymentSnapshot]) -> list[ChannelPaymentSnapshot]:
    """Return the payments of a channel's list that are not here, or of which the list says something else.

    What is not final, and the same, need not be asked about for a while.
    """
    listed = {entry.id: entry for entry in entries}
    rows = ChannelPayment.objects.primary().filter(
        account=channel.account, environment=channel.environment, gateway_id__in=listed
    )
    for payment in rows.select_related("channel"):
        entry = listed[payment.gateway_id]
        if is_in_state(payment, entry.status, entry.status_context) and not brings_news(payment, entry):
            del listed[payment.gateway_id]
            if not payment.is_final:
                put_off(payment)
    return list(listed.values())

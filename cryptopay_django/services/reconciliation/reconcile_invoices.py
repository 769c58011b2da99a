"""Asks the gateway about open invoices and merges its answers, so that a lost callback loses nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.db.models import F, Q
from django.utils import timezone

from ...conf import app_settings, client_for
from ...exceptions import GatewayError, GatewayNotFoundError, GatewayOutageError, InvoiceBusyError
from ...gateway.rate_limit import Purpose, calling_for
from ...gateway.schemas import InvoiceSnapshot
from ...logs import about
from ...models import Invoice
from ...models.invoice import open_invoices
from ..accounts import of_other_environments
from ..events.deliver import deliver_events, deliver_or_dispatch
from ..resolution.follow_refunds import follow_refunds
from ..snapshots.apply import Applied, Poll, apply_snapshot, poll_invoice

logger = logging.getLogger("cryptopay_django")

TIERS = (
    (timedelta(hours=1), timedelta(0)),
    (timedelta(days=1), timedelta(minutes=10)),
    (timedelta(days=15), timedelta(hours=1)),
)
"""Up to this age, not asked about again within that time. What is older: once a day."""

_OLDEST_TIER = timedelta(days=1)
_WORTH_A_LIST = 20
_PAGES_IN_VAIN = 5
_OUTAGES = 5
# A place within the rate limit can be a minute away; a run is in no hurry.
_PATIENCE = 75.0


@dataclass
class Reconciliation:
    """What a run found: how many were asked about, how many had drifted, and what failed, by invoice id.

    `requests` is how many calls it took, `left` how many were not asked about because the gateway is down.
    """

    asked: int = 0
    drifted: int = 0
    unknown: int = 0
    requests: int = 0
    left: int = 0
    failed: dict[str, str] = field(default_factory=dict)

    def add(self, other: Reconciliation) -> None:
        """Add what another run found."""
        self.asked += other.asked
        self.drifted += other.drifted
        self.unknown += other.unknown
        self.requests += other.requests
        self.left += other.left
        self.failed |= other.failed


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An open invoice as it was when the run began."""

    pk: UUID
    gateway_id: UUID | None
    account: str
    version: int
    created_at: datetime
    polled_at: datetime | None


def refresh_invoice(invoice: Invoice) -> Invoice:
    """Ask the gateway about one invoice, merge its answer and return the row as it is then.

    Commits. Raises GatewayError if there is no answer, InvoiceBusyError if the row changes each time.
    """
    applied = poll_invoice(invoice)
    deliver_or_dispatch(applied.invoice, applied.events)
    return applied.invoice


@calling_for(Purpose.RECONCILIATION)
def reconcile_invoices(
    *,
    limit: int | None = None,
    min_age: timedelta = timedelta(minutes=1),
    not_since: timedelta = timedelta(0),
    by_age: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Reconciliation:
    """Ask the gateway about every open invoice that it can have, those first that were asked about longest ago.

    Leaves out what is younger than `min_age` and has no answer of the gateway yet (its creation may be under way), or
    anything younger if it goes `by_age`; what was asked about within `not_since`, or was made in another environment
    than its account is in now; `by_age`, also what TIERS says can wait. Many invoices of an account are read a page
    at a time, the others one a call, within the gateway's rate limit. A failure is noted and the next one is taken,
    until the gateway has been down for a while. Resumable: each answer is committed by itself, with the time of
    asking. Processes that run this side by side leave to each other what the other has asked. In the end refunds are
    read whose facts are not all there.
    """
    now = timezone.now()
    candidates = _candidates(now, min_age=min_age, not_since=not_since, by_age=by_age)[:limit]
    run = _Run(total=len(candidates), progress=progress)
    for account in dict.fromkeys(candidate.account for candidate in candidates):
        due = {candidate.pk: candidate for candidate in candidates if candidate.account == account}
        if len(due) >= _WORTH_A_LIST:
            run.read_pages(account, due)
        run.read_each(list(due.values()))
    follow_refunds()
    return run.result


def _candidates(now: datetime, *, min_age: timedelta, not_since: timedelta, by_age: bool) -> list[_Candidate]:
    is_made = Q(created_at__lte=now - min_age)
    if not by_age:
        is_made |= Q(gateway_id__isnull=False)
    rows = Invoice.objects.primary().filter(open_invoices(), is_made)
    rows = rows.exclude(of_other_environments()).exclude(polled_at__gt=now - not_since)
    if by_age:
        due, younger_than = Q(created_at__lte=now - TIERS[-1][0], polled_at__lte=now - _OLDEST_TIER), timedelta(0)
        for age, pause in TIERS:
            tier = Q(created_at__gt=now - age, created_at__lte=now - younger_than)
            due, younger_than = due | tier & Q(polled_at__lte=now - pause), age
        rows = rows.filter(due | Q(polled_at=None))
    names = ("pk", "gateway_id", "account", "version", "created_at", "polled_at")
    return [
        _Candidate(*values) for values in rows.order_by(F("polled_at").asc(nulls_first=True), "pk").values_list(*names)
    ]


class _Run:
    """The state of one run: its result, its progress, and how long the gateway has been down."""

    def __init__(self, *, total: int, progress: Callable[[int, int], None]) -> None:
        self.result = Reconciliation()
        self.total = total
        self.progress = progress
        self.outages = 0

    def read_pages(self, account: str, due: dict[UUID, _Candidate]) -> None:
        """Take in what pages of the account's list say of what is due, newest first; take that out of `due`.

        Ends with the list, beyond the oldest that is due, or when a few pages in a row were of no use.
        """
        try:
            client = client_for(account)
        except ImproperlyConfigured:
            # One that is not in the settings any more: reported with each of its invoices.
            return
        wanted = {candidate.gateway_id: candidate for candidate in due.values() if candidate.gateway_id is not None}
        after, in_vain = None, 0
        while wanted and in_vain < _PAGES_IN_VAIN:
            asked_at = timezone.now()
            try:
                self.result.requests += 1
                page = client.list_invoices(starting_after=after, timeout=self._patience)
            except GatewayError as error:
                logger.warning(
                    "account %s: the list of invoices could not be read, so each invoice is polled alone: %s",
                    account,
                    error,
                    extra=about(account=account),
                )
                return
            found = [snapshot for snapshot in page if snapshot.id in wanted]
            for snapshot in found:
                candidate = wanted.pop(snapshot.id)
                if self._take(candidate, snapshot, asked_at):
                    del due[candidate.pk]
            in_vain = 0 if found else in_vain + 1
            if not page.ids or page.ids[-1] == after:
                return
            after = page.ids[-1]

    def read_each(self, candidates: list[_Candidate]) -> None:
        """Ask about one invoice a call."""
        for candidate in candidates:
            if self.outages >= _OUTAGES:
                self.result.left += 1
                continue
            row = Invoice.objects.primary().filter(open_invoices(), pk=candidate.pk).first()
            if row is None or row.polled_at != candidate.polled_at:
                self._note(None)
                continue
            self.result.asked += 1
            self.result.requests += 1
            try:
                self._note(poll_invoice(row, timeout=self._patience))
                self.outages = 0
            except GatewayNotFoundError:
                self.result.unknown += 1
                Invoice.objects.filter(pk=row.pk).update(polled_at=timezone.now())
            except (GatewayError, InvoiceBusyError) as error:
                self.result.failed[str(row.pk)] = f"{type(error).__name__}: {error}"
                self.outages = self.outages + 1 if isinstance(error, GatewayOutageError) else 0
            except Exception as error:
                # One invoice that cannot be taken in must not keep the others from it.
                logger.exception("invoice %s could not be merged", row.pk, extra=about(row))
                self.result.failed[str(row.pk)] = f"{type(error).__name__}: {error}"

    def _take(self, candidate: _Candidate, snapshot: InvoiceSnapshot, asked_at: datetime) -> bool:
        """Merge one entry of a page, unless it must be asked for alone: its row has moved on, or it looks back."""
        try:
            applied = apply_snapshot(candidate.pk, snapshot, poll=Poll(candidate.version, asked_at, is_page=True))
        except Exception:
            extra = about(candidate.pk, account=candidate.account)
            logger.exception(
                "invoice %s could not be merged from a list, so it is polled alone", candidate.pk, extra=extra
            )
            return False
        if applied is None:
            return False
        self.result.asked += 1
        self._note(applied)
        return True

    def _note(self, applied: Applied | None) -> None:
        if applied is not None:
            self.result.drifted += applied.changed
            deliver_events(applied.invoice)
        self.progress(self.result.asked, self.total)

    @property
    def _patience(self) -> float:
        return max(_PATIENCE, app_settings.TOTAL_TIMEOUT)

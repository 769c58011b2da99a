"""Everything the sandbox remembers of one account, in one object, and the agenda of what falls due."""

from __future__ import annotations

import heapq
import uuid
from collections import Counter, deque
from datetime import datetime
from itertools import islice
from typing import Any

from .account import Account
from .addresses import derive
from .callbacks import Callback, Outbox, freeze, sign
from .clock import Clock
from .invoices import Invoice
from .rates import Rates
from .refusals import not_found
from .trouble import Trouble

TIMELINE_LENGTH = 200
API_LOG_LENGTH = 500
# Beyond so many invoices, the oldest that are final are forgotten.
INVOICES_KEPT = 20_000


class State:
    """One account's invoices, customers, callbacks and agenda. Not thread-safe: see `core.Sandbox`."""

    def __init__(self, *, seed: str, clock: Clock, account: Account, base_url: str) -> None:
        self.seed = seed
        self.clock = clock
        self.account = account
        self.base_url = base_url
        self.rates = Rates(seed, clock.now())
        self.trouble = Trouble(seed)
        self.outbox = Outbox()
        self.invoices: dict[str, Invoice] = {}
        self.invoices_kept = INVOICES_KEPT
        self.by_custom_id: dict[str, Invoice] = {}
        self.customers: dict[str, dict[str, Any]] = {}
        self.api_log: deque[tuple[datetime, str, str, int]] = deque(maxlen=API_LOG_LENGTH)
        self.recent_requests: deque[datetime] = deque()
        self.counters: Counter[str] = Counter()
        self.agenda: list[tuple[datetime, int, str, str, str]] = []

    def count(self, what: str) -> int:
        """Return the next number of a series: 1, 2, 3."""
        self.counters[what] += 1
        return self.counters[what]

    def make_id(self, what: str) -> str:
        """Return a UUID that is the same in every run with this seed."""
        return str(uuid.UUID(bytes=derive(self.seed, what, self.count(what), size=16), version=4))

    def find(self, invoice_id: str) -> Invoice:
        """Return an invoice by its id; RefusalError (404) when there is none."""
        invoice = self.invoices.get(invoice_id.lower())
        if invoice is None:
            raise not_found()
        return invoice

    def schedule(self, due_at: datetime, kind: str, invoice: Invoice, subject: str = "") -> None:
        """Put something on the agenda: `kind` names it, `subject` says which transaction or refund."""
        heapq.heappush(self.agenda, (due_at, self.count("agenda"), kind, invoice.id, subject))

    def next_due(self) -> datetime | None:
        """Return when the next thing on the agenda falls due."""
        return self.agenda[0][0] if self.agenda else None

    def take_due(self, now: datetime) -> tuple[datetime, str, str, str] | None:
        """Take the next thing that is due: when, kind, invoice id, subject."""
        if not self.agenda or self.agenda[0][0] > now:
            return None
        due_at, _, kind, invoice_id, subject = heapq.heappop(self.agenda)
        return due_at, kind, invoice_id, subject

    def add(self, invoice: Invoice) -> None:
        """Remember a new invoice, and forget old ones that are final when there are too many."""
        self.invoices[invoice.id] = invoice
        if invoice.custom_id is not None:
            self.by_custom_id[invoice.custom_id] = invoice
        if len(self.invoices) > self.invoices_kept:
            self._forget(self.invoices_kept // 10)

    def _forget(self, number: int) -> None:
        final = [invoice for invoice in self.invoices.values() if invoice.is_final]
        if len(final) < number:
            # Most are open, and open ones are kept: look again when there are more.
            self.invoices_kept += number
        for invoice in islice(final, number):
            del self.invoices[invoice.id]
            self.by_custom_id.pop(invoice.custom_id or "", None)
        self.agenda = [entry for entry in self.agenda if entry[3] in self.invoices]
        heapq.heapify(self.agenda)

    def note(self, invoice: Invoice, at: datetime, text: str) -> None:
        """Add a line to the invoice's timeline."""
        invoice.timeline.append((at, text))
        del invoice.timeline[:-TIMELINE_LENGTH]

    def announce(self, event: str, invoice: Invoice, at: datetime) -> None:
        """Queue a callback that shows the invoice as it is now."""
        body = freeze(event, invoice.to_wire())
        callback = Callback(
            id=self.make_id("callback"),
            invoice_id=invoice.id,
            event=event,
            status=invoice.status.value,
            body=body,
            signature=sign(body, self.account.callback_secrets[0]),
            created_at=at,
        )
        context = f", {invoice.context}" if invoice.context else ""
        self.note(invoice, at, f"callback {event} ({invoice.status}{context})")
        self.outbox.add(callback, due_at=at)

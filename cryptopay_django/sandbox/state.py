"""Keeps everything that the sandbox remembers of one account in one object, with the agenda of due steps."""

from __future__ import annotations

import heapq
import uuid
from collections import Counter, deque
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from .account import Account
from .addresses import derive
from .callbacks import Callback, Outbox, sign
from .channels import Channel
from .clock import Clock
from .invoices import Invoice
from .ledger import Row, forget_rows, record_invoice
from .network_faults import Trouble
from .open_questions import Variants
from .rates import Rates
from .refusals import not_found
from .wire import as_of_2022, spell_json

if TYPE_CHECKING:
    from .subscriptions import Subscription
    from .transfers import Transfer
    from .withdrawals import Withdrawal

TIMELINE_LENGTH = 200
API_LOG_LENGTH = 500
# Beyond so many invoices, the oldest that are final are forgotten.
INVOICES_KEPT = 20_000


class Subject(Protocol):
    """Anything that callbacks are sent about: invoices, channel payments, withdrawals, subscriptions."""

    type: ClassVar[str]
    absent_in_2022: ClassVar[frozenset[str]]
    id: str
    timeline: list[tuple[datetime, str]]

    def to_callback(self) -> dict[str, Any]:
        """Return the object as callbacks show it."""


class State:
    """One account's invoices, customers, callbacks and agenda. Not thread-safe: see `core.Sandbox`."""

    def __init__(self, *, seed: str, clock: Clock, account: Account, base_url: str) -> None:
        self.seed = seed
        self.clock = clock
        self.account = account
        self.base_url = base_url
        self.rates = Rates(seed, clock.now())
        self.trouble = Trouble(seed)
        self.variants = Variants()
        self.outbox = Outbox()
        self.invoices: dict[str, Invoice] = {}
        self.invoices_kept = INVOICES_KEPT
        self.by_custom_id: dict[str, Invoice] = {}
        self.channels: dict[str, Channel] = {}
        self.customers: dict[str, dict[str, Any]] = {}
        self.rows: dict[str, Row] = {}
        self.withdrawals: dict[str, Withdrawal] = {}
        self.transfers: dict[str, Transfer] = {}
        self.subscriptions: dict[str, Subscription] = {}
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

    def schedule(self, due_at: datetime, kind: str, subject: Subject, part: str = "") -> None:
        """Put something on the agenda: `kind` names it, `part` says which transaction or refund of the subject."""
        heapq.heappush(self.agenda, (due_at, self.count("agenda"), kind, subject.id, part))

    def next_due(self) -> datetime | None:
        """Return when the next thing on the agenda falls due."""
        return self.agenda[0][0] if self.agenda else None

    def take_due(self, now: datetime) -> tuple[datetime, str, str, str] | None:
        """Take the next thing that is due: when, kind, the subject's id, which part of it."""
        if not self.agenda or self.agenda[0][0] > now:
            return None
        due_at, _, kind, subject_id, part = heapq.heappop(self.agenda)
        return due_at, kind, subject_id, part

    def add(self, invoice: Invoice) -> None:
        """Remember a new invoice, and forget old ones that are final when there are too many."""
        self.invoices[invoice.id] = invoice
        if invoice.custom_id is not None:
            self.by_custom_id[invoice.custom_id] = invoice
        record_invoice(self, invoice, invoice.created_at)
        if len(self.invoices) > self.invoices_kept:
            self._forget(self.invoices_kept // 10)

    def _forget(self, number: int) -> None:
        final = [invoice for invoice in self.invoices.values() if invoice.is_final]
        if len(final) < number:
            # Most are open, and open ones are kept: look again when there are more.
            self.invoices_kept += number
        forgotten = {invoice.id for invoice in islice(final, number)}
        for invoice_id in forgotten:
            self.by_custom_id.pop(self.invoices.pop(invoice_id).custom_id or "", None)
        forget_rows(self, forgotten)
        self.agenda = [entry for entry in self.agenda if entry[3] not in forgotten]
        heapq.heapify(self.agenda)

    def note(self, subject: Subject, at: datetime, text: str) -> None:
        """Add a line to the subject's timeline."""
        subject.timeline.append((at, text))
        del subject.timeline[:-TIMELINE_LENGTH]

    def announce(self, event: str, subject: Subject, at: datetime) -> None:
        """Queue a callback that shows the subject as it is now."""
        data = subject.to_callback()
        if self.variants["callback_members"] == "of_2022":
            data = as_of_2022(data, subject.absent_in_2022)
        body = spell_json({"type": subject.type, "event": event, "data": data}, self.variants)
        callback = Callback(
            id=self.make_id("callback"),
            type=subject.type,
            subject_id=subject.id,
            event=event,
            status=data["status"],
            body=body,
            signature=sign(body, self.account.callback_secrets[0]),
            created_at=at,
        )
        said = ", ".join(filter(None, (data["status"], data.get("status_context"))))
        self.note(subject, at, f"callback {event} ({said})")
        self.outbox.add(callback, due_at=at)

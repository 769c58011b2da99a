"""Saves the state file: everything that the sandbox remembers, as JSON, replaced whole after every change."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from .account import Account
from .amounts import ZERO
from .callbacks import Callback, Delivery
from .channels import Channel
from .clock import Clock, utc_now
from .invoices import Invoice
from .json_records import from_json, to_json
from .ledger import Row
from .network_faults import Trouble
from .open_questions import Variants
from .state import State
from .subscriptions import Subscription
from .transfers import Transfer
from .withdrawals import Withdrawal

VERSION = 2


class StateFileError(Exception):
    """The state file cannot be read: it is damaged, or of another version."""


@dataclass(slots=True)
class Record:
    """The content of the file. `agenda` and `queue` are in the order in which they fall due."""

    version: int
    seed: str
    base_url: str
    now: datetime
    saved_at: datetime
    speed: float
    opened_at: datetime
    account: Account
    trouble: Trouble
    variants: Variants
    counters: dict[str, int]
    invoices: list[Invoice]
    channels: list[Channel]
    customers: dict[str, dict[str, Any]]
    callbacks: list[Callback]
    queue: list[str]
    attempts_made: int
    agenda: list[tuple[datetime, int, str, str, str]]
    api_log: list[tuple[datetime, str, str, int]]
    rows: list[Row]
    withdrawals: list[Withdrawal]
    transfers: list[Transfer]
    subscriptions: list[Subscription]


class StateFile:
    """One file that is always whole: written beside its place, flushed to the disk, and moved there."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        # What is finished, by its id, as it was written last time: most of the file, most of the time.
        self._written: dict[str, tuple[object, str]] = {}

    def save(self, state: State) -> None:
        """Write the state. When this returns, not even a power cut loses it."""
        content = self._write(state).encode()
        # Readable by its owner alone, as it holds the account's secrets: mkstemp sees to that.
        handle, temporary = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(self.path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        _flush_folder(self.path.parent)

    def _write(self, state: State) -> str:
        written: dict[str, tuple[object, str]] = {}

        def write(key: str, version: object, make: Callable[[], Any]) -> str:
            known = self._written.get(key)
            if version is None or known is None or known[0] != version:
                known = (version, _spell(make()))
            written[key] = known
            return known[1]

        invoices = [
            write(invoice.id, _version_of_invoice(invoice), partial(to_json, invoice))
            for invoice in state.invoices.values()
        ]
        callbacks = [
            write(callback.id, _version_of_callback(callback), partial(_fold, callback))
            for callback in state.outbox.log.values()
        ]
        rows = [write(row.id, row.changes, partial(to_json, row)) for row in state.rows.values()]
        self._written = written
        head = _spell(_dump(state)).removesuffix("}")
        lists = {"invoices": invoices, "callbacks": callbacks, "rows": rows}
        return head + "".join(f',"{name}":[{",".join(pieces)}]' for name, pieces in lists.items()) + "}"

    def load(self) -> State | None:
        """Return the state as it was, with its clock; None when there is no file yet. StateFileError."""
        try:
            content = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StateFileError(f"{self.path} cannot be read: {error}") from error
        if not isinstance(content, dict) or content.get("version") != VERSION:
            raise StateFileError(f"{self.path} is not a state file of this version")
        try:
            return _restore(from_json(Record, _spread(content)))
        except (ValueError, TypeError, KeyError, ArithmeticError) as error:
            raise StateFileError(f"{self.path} is damaged: {error!r}") from error


def _spell(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _version_of_invoice(invoice: Invoice) -> object:
    """Return what changes whenever a finished invoice does, which is its timeline; None for an open one."""
    return (len(invoice.timeline), invoice.timeline[-1]) if invoice.is_final else None


def _version_of_callback(callback: Callback) -> object:
    """Return what changes whenever a finished callback does; None for one that waits."""
    if callback.state not in {Delivery.DELIVERED, Delivery.GONE}:
        return None
    return callback.state, callback.signature, callback.tries, len(callback.attempts), callback.attempts[-1:]


def _dump(state: State) -> dict[str, Any]:
    """Return the record without its long lists, which are written piece by piece."""
    queue = state.outbox.queued()
    # Whatever is on its way now has not arrived for certain: after a restart it is sent once more.
    queued = {callback.id for callback in queue}
    sending = [
        callback for callback in state.outbox.log.values()
        if callback.state is Delivery.SENDING and callback.id not in queued
    ]  # fmt: skip
    record = Record(
        version=VERSION,
        seed=state.seed,
        base_url=state.base_url,
        now=state.clock.now(),
        saved_at=state.clock.wall(),
        speed=state.clock.speed,
        opened_at=state.rates.opened_at,
        account=state.account,
        trouble=state.trouble,
        variants=state.variants,
        counters=dict(state.counters),
        invoices=[],
        channels=[*state.channels.values()],
        customers=state.customers,
        callbacks=[],
        queue=[callback.id for callback in (*sending, *queue)],
        attempts_made=state.outbox.attempts_made,
        agenda=sorted(state.agenda),
        api_log=list(state.api_log),
        rows=[],
        withdrawals=list(state.withdrawals.values()),
        transfers=list(state.transfers.values()),
        subscriptions=list(state.subscriptions.values()),
    )
    dumped: dict[str, Any] = to_json(record)
    del dumped["invoices"], dumped["callbacks"], dumped["rows"]
    return dumped


def _fold(callback: Callback) -> dict[str, Any]:
    """Leave out of the attempts what the callback itself says."""
    body = to_json(callback.body)
    folded: dict[str, Any] = to_json(replace(callback, attempts=[])) | {"body": body}
    shared = {"callback_id", "subject_id", "event"}
    folded["attempts"] = [
        {
            name: value
            for name, value in to_json(attempt).items()
            if name not in shared and not (name == "body" and value == body)
        }
        for attempt in callback.attempts
    ]
    return folded


def _spread(content: dict[str, Any]) -> dict[str, Any]:
    for callback in content["callbacks"]:
        shared = {"callback_id": callback["id"], "subject_id": callback["subject_id"], "event": callback["event"]}
        callback["attempts"] = [{"body": callback["body"], **attempt, **shared} for attempt in callback["attempts"]]
    return content


def _restore(record: Record) -> State:
    # While the sandbox was off its clock went on, but no faster than the real one.
    away = max(utc_now() - record.saved_at, timedelta(0))
    clock = Clock(record.now + away * min(record.speed, 1), speed=record.speed)
    account = record.account
    account.balances = defaultdict(lambda: ZERO, account.balances)
    state = State(seed=record.seed, clock=clock, account=account, base_url=record.base_url)
    state.rates.opened_at = record.opened_at
    state.trouble = record.trouble
    state.variants = record.variants
    state.counters = Counter(record.counters)
    state.invoices = {invoice.id: invoice for invoice in record.invoices}
    state.by_custom_id = {invoice.custom_id: invoice for invoice in record.invoices if invoice.custom_id is not None}
    state.channels = {channel.id: channel for channel in record.channels}
    state.customers = record.customers
    state.rows = {row.key: row for row in record.rows}
    state.withdrawals = {withdrawal.id: withdrawal for withdrawal in record.withdrawals}
    state.transfers = {transfer.id: transfer for transfer in record.transfers}
    state.subscriptions = {subscription.id: subscription for subscription in record.subscriptions}
    state.agenda = record.agenda
    state.api_log.extend(record.api_log)
    callbacks = {callback.id: callback for callback in record.callbacks}
    queue = [callbacks[callback_id] for callback_id in record.queue]
    for callback in queue:
        callback.due_at = callback.due_at or clock.now()
    state.outbox.restore(record.callbacks, queue, attempts_made=record.attempts_made)
    return state


def _flush_folder(folder: Path) -> None:
    """Make a rename last. Not every system lets a folder be opened for this; those order it themselves."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

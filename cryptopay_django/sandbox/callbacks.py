"""Writes callbacks: their bodies, the queue in which they wait, the retry schedule, and the log of attempts.

`deliver_callbacks.py` takes them out of the queue, `post_callback.py` posts them.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from ..gateway.signing import SIGNATURE_HEADER, sign_callback

DEADLINE_SECONDS = 10
RETRIES = 20
LOG_LENGTH = 2_000
LOGGED_BYTES = 2_000


def retry_delay(retry: int) -> timedelta:
    """Return the wait before a retry, the first of which is number 0."""
    return timedelta(seconds=30 + retry**4 + retry)


class Delivery(StrEnum):
    """The delivery of a callback."""

    PENDING = "pending"
    SENDING = "sending"
    DELIVERED = "delivered"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Answer:
    """The host's answer: a status and a body, or the reason why there is none."""

    status: int | None
    body: bytes = b""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at delivering a callback, request and answer; `trouble` names the fault that it met."""

    callback_id: str
    at: datetime
    event: str
    subject_id: str
    url: str
    headers: dict[str, str]
    body: bytes
    answer: Answer
    trouble: str = ""

    @property
    def status(self) -> int | None:
        """The HTTP status of the answer; None when there was none."""
        return self.answer.status

    @property
    def ok(self) -> bool:
        """Return whether the service takes this for delivered: a 200 and nothing else."""
        return self.answer.status == 200


Post = Callable[[str, dict[str, str], bytes], Answer]


@dataclass(slots=True)
class Callback:
    """A callback with its body as it was when the event happened. A resend posts these very bytes.

    `type` is that of the wire (Invoice, ChannelPayment, ...), `subject_id` the id of the object in it.
    """

    id: str
    type: str
    subject_id: str
    event: str
    status: str
    body: bytes
    signature: str
    created_at: datetime
    state: Delivery = Delivery.PENDING
    due_at: datetime | None = None
    tries: int = 0
    held_back: bool = False
    attempts: list[Attempt] = field(default_factory=list)


class Outbox:
    """The queue and the log. Not thread-safe: the sandbox locks it around every call."""

    def __init__(self, *, log_length: int = LOG_LENGTH) -> None:
        self.log: dict[str, Callback] = {}
        self.log_length = log_length
        # The newest attempts of all callbacks, and how many there were ever.
        self.history: deque[Attempt] = deque(maxlen=log_length)
        self.attempts_made = 0
        self._queue: list[tuple[datetime, int, Callback]] = []
        self._order = itertools.count()
        self._busy: set[str] = set()

    def add(self, callback: Callback, *, due_at: datetime) -> None:
        """Log a new callback and queue its first attempt."""
        self.log[callback.id] = callback
        self._put(callback, due_at)
        if len(self.log) > self.log_length:
            self._forget()

    def requeue(self, callback: Callback, *, due_at: datetime, signature: str) -> None:
        """Send a callback once more, whatever became of it; its schedule starts anew."""
        callback.tries = 0
        callback.held_back = False
        callback.signature = signature
        self._put(callback, due_at)

    def next_due(self) -> datetime | None:
        """Return when the next attempt is due; None when the queue is empty."""
        return self._queue[0][0] if self._queue else None

    def is_sending(self) -> bool:
        """Return whether an attempt is on its way now."""
        return bool(self._busy)

    def attempts_since(self, mark: int) -> list[Attempt]:
        """Return the attempts made since `attempts_made` was `mark`, oldest first."""
        newer = self.attempts_made - mark
        return list(self.history)[-newer:] if newer > 0 else []

    def claim(self, now: datetime) -> Callback | None:
        """Take the next attempt that is due, one at a time for each subject; None when there is none."""
        passed: list[tuple[datetime, int, Callback]] = []
        claimed = None
        while self._queue and self._queue[0][0] <= now:
            item = heapq.heappop(self._queue)
            if item[2].due_at != item[0]:
                continue
            if item[2].subject_id in self._busy:
                passed.append(item)
                continue
            claimed = item[2]
            break
        for item in passed:
            heapq.heappush(self._queue, item)
        if claimed is not None:
            claimed.state = Delivery.SENDING
            claimed.due_at = None
            self._busy.add(claimed.subject_id)
        return claimed

    def record(self, callback: Callback, attempt: Attempt, *, now: datetime) -> None:
        """Log an attempt; queue the next one by the schedule, or give up after the last."""
        self._busy.discard(callback.subject_id)
        self.note(callback, attempt)
        callback.tries += 1
        if callback.due_at is not None:
            return
        if attempt.ok:
            callback.state = Delivery.DELIVERED
        elif callback.tries > RETRIES:
            callback.state = Delivery.GONE
        else:
            self._put(callback, now + retry_delay(callback.tries - 1))

    def note(self, callback: Callback, attempt: Attempt) -> None:
        """Log an attempt."""
        self.history.append(attempt)
        self.attempts_made += 1
        callback.attempts.append(attempt)
        del callback.attempts[: -(RETRIES + 1)]

    def hold_back(self, callback: Callback, *, due_at: datetime) -> None:
        """Put a claimed callback back into the queue, untried."""
        callback.held_back = True
        self._busy.discard(callback.subject_id)
        self._put(callback, due_at)

    def give_up(self, callback: Callback) -> None:
        """Never try this callback again by itself."""
        callback.state = Delivery.GONE
        callback.due_at = None

    def queued(self) -> list[Callback]:
        """Return the callbacks that wait, in the order in which they will be sent."""
        return [entry for due_at, _, entry in sorted(self._queue, key=lambda item: item[:2]) if entry.due_at == due_at]

    def restore(self, callbacks: list[Callback], queue: list[Callback], *, attempts_made: int) -> None:
        """Take over what is in another outbox."""
        self.log = {callback.id: callback for callback in callbacks}
        for callback in queue:
            if callback.due_at is not None:
                self._put(callback, callback.due_at)
        tried = (attempt for callback in callbacks for attempt in callback.attempts)
        self.history.extend(sorted(tried, key=lambda attempt: attempt.at))
        self.attempts_made = attempts_made

    def _put(self, callback: Callback, due_at: datetime) -> None:
        callback.state = Delivery.PENDING
        callback.due_at = due_at
        heapq.heappush(self._queue, (due_at, next(self._order), callback))

    def _forget(self) -> None:
        finished = (
            callback.id for callback in self.log.values() if callback.state in {Delivery.DELIVERED, Delivery.GONE}
        )
        for callback_id in deque(itertools.islice(finished, max(1, self.log_length // 10))):
            del self.log[callback_id]


def make_headers(signature: str) -> dict[str, str]:
    """Return the headers that go with a body."""
    return {
        "Content-Type": "application/json",
        "User-Agent": "Cryptopay sandbox",
        SIGNATURE_HEADER: signature,
    }


def sign(body: bytes, secret: str) -> str:
    """Sign a callback with the secret that is in force now."""
    return sign_callback(body, secret=secret)

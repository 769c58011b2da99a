"""Takes callbacks out of the queue and delivers them to the merchant, with the faults of `network_faults.py`."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from .callbacks import DEADLINE_SECONDS, Answer, Attempt, Callback, make_headers, sign
from .network_faults import Fault, Mishap

if TYPE_CHECKING:
    from .core import Sandbox

# Longer than one attempt can take, so that waiting for somebody else's attempt always ends.
PATIENCE_SECONDS = 30
# How long a callback is delayed, at most, so that later ones overtake it.
LONGEST_DELAY_SECONDS = 60

_LOST: dict[Fault | None, str] = {
    Fault.DROP: "the trouble maker dropped it for good",
    Fault.DELAY: f"no answer within {DEADLINE_SECONDS} seconds",
    Fault.RESET: "ConnectionResetError: the trouble maker broke the connection",
}


def deliver_due(sandbox: Sandbox) -> list[Attempt]:
    """Post every callback that is due, oldest first, and return when each was delivered or tried.

    The lock is free while a callback is on its way. A host that asks the API while it receives, and
    so returns here in the same thread, gets an empty list.
    """
    attempts: list[Attempt] = []
    if threading.get_ident() in sandbox.posting:
        return attempts
    patience = time.monotonic() + PATIENCE_SECONDS
    while True:
        with sandbox.changed:
            state = sandbox.state
            now = sandbox.settle_now()
            callback = state.outbox.claim(now)
            if callback is None:
                if not state.outbox.is_sending() or time.monotonic() > patience:
                    return attempts
                sandbox.changed.wait(1)
                continue
            mishap = state.trouble.befall_callback()
            if mishap is not None and mishap.fault is Fault.REORDER:
                if not callback.held_back:
                    delay = timedelta(seconds=1 + mishap.dice % LONGEST_DELAY_SECONDS)
                    state.outbox.hold_back(callback, due_at=now + delay)
                    sandbox.note_change()
                    continue
                mishap = None
            url = state.account.callback_url
        made = _attempt(sandbox, callback, url, mishap)
        with sandbox.changed:
            now = sandbox.clock.now()
            for attempt in made[:-1]:
                state.outbox.note(callback, attempt)
            state.outbox.record(callback, made[-1], now=now)
            if mishap is not None and mishap.fault is Fault.DROP:
                state.outbox.give_up(callback)
            attempts += made
            sandbox.note_change()


def _attempt(sandbox: Sandbox, callback: Callback, url: str, mishap: Mishap | None) -> list[Attempt]:
    """Post a callback as the fault would have it; return what the log shows of it, the decisive attempt last."""
    body, signature = callback.body, callback.signature
    fault = mishap.fault if mishap else None
    if fault is Fault.CUT and mishap:
        body = body[: 1 + mishap.dice % (len(body) - 1)]
    if fault is Fault.WRONG_SECRET:
        signature = sign(body, "a secret that was never given out")
    headers = make_headers(signature)
    send = partial(_send, sandbox, callback, url, headers, body, mishap)
    if fault is not Fault.DUPLICATE:
        return [send()]
    if not sandbox.parallel:
        return [send(), send()]
    with ThreadPoolExecutor(2) as pool:
        return [sent.result() for sent in (pool.submit(send), pool.submit(send))]


def _send(  # noqa: PLR0917 - bound by the caller, once for each attempt
    sandbox: Sandbox, callback: Callback, url: str, headers: dict[str, str], body: bytes, mishap: Mishap | None
) -> Attempt:
    """Post once, or let it be lost; return the line for the log."""
    at = sandbox.clock.now()
    fault = mishap.fault if mishap else None
    arrives = fault not in _LOST or fault is Fault.DELAY or (fault is Fault.RESET and mishap and mishap.after_effect)
    answer = _post(sandbox, url, headers, body) if arrives else Answer(None)
    if fault in _LOST:
        answer = Answer(None, error=_LOST[fault])
    trouble = fault.value if fault else ""
    return Attempt(callback.id, at, callback.event, callback.subject_id, url, headers, body, answer, trouble)


def _post(sandbox: Sandbox, url: str, headers: dict[str, str], body: bytes) -> Answer:
    thread = threading.get_ident()
    sandbox.posting.add(thread)
    try:
        return sandbox.post(url, headers, body)
    except Exception as error:  # noqa: BLE001 - whatever the host does, the gateway goes on
        return Answer(None, error=f"{type(error).__name__}: {error}")
    finally:
        sandbox.posting.discard(thread)

"""Computes the pause before a failed attempt is made again: 10 s, 20 s, 40 s and so on, at most one hour.

That makes nine retries in about 85 minutes, then one in each hour. The queues of events, calls of handlers, mails,
callbacks, notices to staff and operations without an answer use it. This module never gives up. These do:
`events/retry.py` gives up a call of a handler or a mail, after CRYPTOPAY_HANDLER_ATTEMPTS failures, and
`callbacks/process.py` a callback that the gateway has not confirmed ten times. A signal is retried without end.
"""

from __future__ import annotations

from datetime import timedelta


def backoff(failures: int) -> timedelta:
    """Return the pause after so many failures: 10 s after the first, then twice as long each time, at most an hour."""
    return timedelta(seconds=min(10 * 2 ** min(failures - 1, 10), 3600))

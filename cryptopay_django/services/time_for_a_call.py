"""Says how long a call to the gateway may take in a request, which must answer the gateway in time."""

from __future__ import annotations

import time

from ..conf import app_settings
from ..exceptions import CryptopayError

_LEAST_SECONDS = 0.5


class NoTimeLeftError(CryptopayError):
    """A request has too little time left to ask the gateway. Nothing was sent."""


def time_for_a_call(deadline: float | None) -> float | None:
    """Return the seconds that a call may take until `deadline`, on `time.monotonic()`; None without a deadline.

    Raises NoTimeLeftError if there is too little time to begin a call.
    """
    if not is_time_for_a_call(deadline):
        raise NoTimeLeftError("no time left in this request to ask the gateway")
    return None if deadline is None else min(deadline - time.monotonic(), app_settings.TOTAL_TIMEOUT)


def is_time_for_a_call(deadline: float | None) -> bool:
    """Return whether there is enough time to begin a call."""
    return deadline is None or deadline - time.monotonic() >= _LEAST_SECONDS

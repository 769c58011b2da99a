"""Detects that the process is asked to stop, so that streams end first: servers wait for open answers."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)

_Handler = Callable[[int, FrameType | None], object]

_ends: dict[asyncio.AbstractEventLoop, Callable[[], None]] = {}


def end_before_stopping(loop: asyncio.AbstractEventLoop, end: Callable[[], None]) -> None:
    """Call `end` on this event loop as soon as the process is asked to stop; call this on the loop.

    The server's own handlers run as before. Does nothing where they cannot be seen: outside of the main thread, and
    where a signal ends the process at once, or is ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for closed in [one for one in _ends if one.is_closed()]:
        del _ends[closed]
    _ends[loop] = end
    for number in _SIGNALS:
        handler = signal.getsignal(number)
        if callable(handler) and not isinstance(handler, _PassingOn):
            signal.signal(number, _PassingOn(handler))
            # What asyncio asks for, and each call of `signal.signal` takes back: system calls are not interrupted.
            signal.siginterrupt(number, False)


class _PassingOn:
    """A handler that ends the streams, and then does what the server's handler does."""

    def __init__(self, handler: _Handler) -> None:
        self._handler = handler

    def __call__(self, number: int, frame: FrameType | None) -> object:
        for loop, end in list(_ends.items()):
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(end)
        return self._handler(number, frame)

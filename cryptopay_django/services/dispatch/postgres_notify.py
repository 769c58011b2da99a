"""Wakes workers that wait: by NOTIFY on PostgreSQL. Elsewhere, or if one is lost, they look at regular intervals."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from django.db import DatabaseError, InterfaceError, connections, router, transaction

from ...models import Callback
from .at_most_every import Throttle

logger = logging.getLogger("cryptopay_django")

CHANNEL = "cryptopay_django"

AT_MOST_EVERY = 0.05
"""Seconds between two NOTIFYs of one process. A NOTIFY costs time in the request that stores a callback."""

LOOK_AGAIN_AFTER = 2 * AT_MOST_EVERY
"""Seconds after which a worker that was woken looks once more: a process may have left out a NOTIFY meanwhile."""

TRY_AGAIN_AFTER = 1.0
"""Seconds until a worker that has lost its database tries to reach it again."""

_LONGEST_WAIT = 0.25
"""Seconds within which a waiting worker notices that it is to stop."""


_throttle = Throttle(AT_MOST_EVERY)


def wake_workers() -> None:
    """Wake waiting workers once the open transaction, if any, is committed; after a roll-back nobody is woken.

    Not within the transaction: one that notifies makes all others that do wait for its commit. On databases other
    than PostgreSQL this does nothing.
    """
    using = router.db_for_write(Callback)
    if connections[using].vendor == "postgresql":
        transaction.on_commit(_notify, using=using)


def _notify() -> None:
    """Wake the workers, unless that has just been done. If it fails they look by themselves, an interval later."""
    if not _throttle.allows():
        return
    try:
        with connections[router.db_for_write(Callback)].cursor() as cursor:
            cursor.execute(f"NOTIFY {CHANNEL}")
    except (DatabaseError, InterfaceError):
        logger.warning("the workers could not be notified; they find the work by polling", exc_info=True)


class Listener:
    """Waits until there may be work. It has a connection of its own, which it opens again when it was lost."""

    def __init__(self) -> None:
        database: Any = connections[router.db_for_write(Callback)]
        self._database = database
        self._connection: Any = None
        self._is_connected = True
        self._can_listen = self._database.vendor == "postgresql" and self._database.Database.__name__ == "psycopg"

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Return True when woken, False after so many seconds, and soon after `stop` is set.

        Returns True also when it has just begun to listen: it has missed what was sent before.
        """
        if not self._can_listen:
            stop.wait(seconds)
            return False
        deadline = time.monotonic() + seconds
        try:
            if self._connection is None:
                self._connect()
                return True
            while not stop.is_set() and (left := deadline - time.monotonic()) > 0:
                if list(self._connection.notifies(timeout=min(left, _LONGEST_WAIT), stop_after=1)):
                    list(self._connection.notifies(timeout=0))
                    return True
        except (self._database.Database.Error, OSError):
            if self._is_connected:
                logger.warning(
                    "the worker lost its notification connection; it polls until it gets a new one", exc_info=True
                )
            self.close()
            stop.wait(min(seconds, TRY_AGAIN_AFTER))
        return False

    def close(self) -> None:
        """Give up the connection."""
        self._is_connected = False
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> None:
        """Listen on a connection beside the pool, if there is one: it must not get a listening connection."""
        self._connection = self._database.Database.connect(**self._database.get_connection_params(), autocommit=True)
        self._connection.execute(f"LISTEN {CHANNEL}")
        self._is_connected = True

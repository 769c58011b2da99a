"""Sends `pre_save` and `post_save` around the writes of `sql_cache.py`: for a project's audit logs and caches.

A receiver runs inside the transaction of a merge, in a savepoint. If it fails, the error is logged and the row is
written.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

from django.db import Error, connections, models
from django.db.models.signals import ModelSignal, post_save, pre_save
from django.db.transaction import TransactionManagementError, atomic, on_commit, set_rollback

logger = logging.getLogger("cryptopay_django")

MUTED_FOR = 60.0
"""Seconds without signals of a model after a receiver has spoilt a transaction: the next try has to get through."""

_muted_until: dict[type[models.Model], float] = {}


def has_listeners(model: type[models.Model]) -> bool:
    """Return whether a receiver is connected to `pre_save` or `post_save` of a model."""
    return pre_save.has_listeners(model) or post_save.has_listeners(model)


def announce(
    row: models.Model, using: str, write: Callable[[], bool], *, update_fields: frozenset[str] | None = None
) -> bool:
    """Write a row between the two signals, like `save()`; return whether it was written.

    `write` returns whether it wrote the row. If not, the writes of the receivers are rolled back. Without
    `update_fields`, the row is new.
    """
    if not has_listeners(type(row)):
        return write()
    with atomic(using=using):
        known: dict[str, Any] = {"instance": row, "raw": False, "using": using, "update_fields": update_fields}
        _send(pre_save, type(row), known)
        is_written = write()
        if is_written:
            _send(post_save, type(row), {**known, "created": update_fields is None})
        else:
            set_rollback(True, using=using)
    return is_written


def _send(signal: ModelSignal, model: type[models.Model], known: dict[str, Any]) -> None:
    """Send a signal in a savepoint. Raises only if a receiver has broken the transaction itself.

    If a receiver ends the process, this happens after the row is committed. Otherwise every retry would end the same
    way.
    """
    if time.monotonic() < _muted_until.get(model, 0.0):
        return
    try:
        with atomic(using=known["using"]):
            _call(signal, model, known)
    except SystemExit as error:
        _report(model, error, "the writes of all its receivers are undone, ours stands; the process ends after it")
        on_commit(partial(_raise, error), using=known["using"])
    # The receiver's error, or that of its broken savepoint.
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001
        _report(model, error, "the writes of all its receivers are undone, ours stands")
    if connections[known["using"]].needs_rollback:
        _muted_until[model] = time.monotonic() + MUTED_FOR
        raise TransactionManagementError(
            f"a receiver of a signal of {model.__name__} has ended or broken the transaction that the row was written "
            f"in: it is rolled back, and tried again without these signals for {MUTED_FOR:g} seconds"
        )


def _call(signal: ModelSignal, model: type[models.Model], known: dict[str, Any]) -> None:
    """Call all receivers; raise a database error, because it makes their savepoint unusable."""
    failures = [answer for _, answer in signal.send_robust(model, **known) if isinstance(answer, Exception)]
    for failure in failures:
        if isinstance(failure, Error):
            raise failure
        _report(model, failure, "the row is written all the same")


def _raise(error: BaseException) -> NoReturn:
    raise error


def _report(model: type[models.Model], error: BaseException, what_holds: str) -> None:
    logger.error("a receiver of a signal of %s failed (%s): %s", model.__name__, type(error).__name__, what_holds)

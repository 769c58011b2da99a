"""Sends server-sent events to payment pages. All pages of a process share one query.

Each event loop has one task that reads the versions of all watched invoices at once, and only while a page is open. A
stream only says that something has changed; the page then fetches the state itself. When the process is asked to stop,
all streams end: `server_shutdown.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextvars import Context
from uuid import UUID
from weakref import WeakKeyDictionary

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_not_required
from django.core.handlers.asgi import ASGIRequest
from django.db import DatabaseError, InterfaceError, connections
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET

from ..atomic_requests import non_atomic_requests
from ..conf import app_settings
from ..models import Invoice
from .server_shutdown import end_before_stopping

if sys.platform != "win32":
    import resource

logger = logging.getLogger("cryptopay_django")

LOOK_EVERY = 1.5
"""Seconds between two looks at the database."""

STILL_HERE_EVERY = 15.0
LONGEST_STREAM = 600.0
_AT_ONCE = 500


@login_not_required
@non_atomic_requests
@require_GET
async def invoice_events(request: HttpRequest, invoice_id: UUID) -> HttpResponseBase:
    """Stream the version of an invoice now and after every change.

    Answer 204 if this is not possible; the page then polls.

    It is not possible under WSGI, where each stream would block a worker, or above CRYPTOPAY_MAX_STREAMS, or above
    half of the files that the process may open: each stream needs one, and callbacks need some, too.
    """
    if not isinstance(request, ASGIRequest) or _is_full():
        return HttpResponse(status=204, headers={"Cache-Control": "no-store"})
    response = StreamingHttpResponse(_stream(invoice_id), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    # What compresses an answer holds its first lines back until there is enough of them; this one is left alone.
    response["Content-Encoding"] = "identity"
    return response


def _is_full() -> bool:
    return len(watch()) >= min(app_settings.MAX_STREAMS, _files_allowed() // 2)


def _files_allowed() -> int:
    """Return how many files this process may have open, as the system has it now."""
    if sys.platform == "win32":
        return 2 * app_settings.MAX_STREAMS
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 2 * app_settings.MAX_STREAMS if allowed == resource.RLIM_INFINITY else allowed


async def _stream(invoice_id: UUID) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    until = loop.time() + LONGEST_STREAM * random.uniform(0.8, 1.0)  # noqa: S311  so that not all reconnect at once
    yield "retry: 3000\n\n"
    if _is_full():
        return  # many were let in at the same time, such as after a restart; the page asks again, and is answered 204
    with watch().watching(invoice_id) as versions:
        while (left := until - loop.time()) > 0:
            try:
                # Not wait_for: until Python 3.12 it loses a cancellation that arrives together with a version.
                async with asyncio.timeout(min(STILL_HERE_EVERY, left)):
                    version = await versions.get()
            except TimeoutError:
                yield ": still here\n\n"
                continue
            if version is None:
                return
            yield f"data: {version}\n\n"


class Watch:
    """The streams of each invoice on one event loop, and the task that reads the database for all of them."""

    def __init__(self) -> None:
        self._queues: defaultdict[UUID, set[asyncio.Queue[int | None]]] = defaultdict(set)
        self._seen: dict[UUID, int] = {}
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    @contextlib.contextmanager
    def watching(self, invoice_id: UUID) -> Iterator[asyncio.Queue[int | None]]:
        """Yield a queue of the invoice's versions: the current one, then each new one, and None at the end."""
        queue: asyncio.Queue[int | None] = asyncio.Queue()
        self._queues[invoice_id].add(queue)
        if invoice_id in self._seen:
            queue.put_nowait(self._seen[invoice_id])
        if self._task is None:
            # A separate context: this task lives longer than the request that starts it.
            loop = asyncio.get_running_loop()
            self._task = loop.create_task(self._look(), context=Context())
            end_before_stopping(loop, self.end)
        try:
            yield queue
        finally:
            self._queues[invoice_id].discard(queue)
            if not self._queues[invoice_id]:
                del self._queues[invoice_id]
                self._seen.pop(invoice_id, None)

    async def _look(self) -> None:
        """Report changes while there are streams. If the database fails, end all streams; the pages then poll."""
        try:
            while self._queues:
                asked = list(self._queues)
                self._tell(asked, await sync_to_async(_read_versions, thread_sensitive=False)(asked))
                await asyncio.sleep(LOOK_EVERY)
        except (DatabaseError, InterfaceError):
            logger.exception("the streams of the payment pages were closed, because the database does not answer")
            self.end()
        finally:
            self._task = None

    def end(self) -> None:
        """End all streams."""
        for queue in [queue for queues in self._queues.values() for queue in queues]:
            queue.put_nowait(None)

    def _tell(self, asked: list[UUID], found: dict[UUID, int]) -> None:
        for invoice_id in asked:
            version = found.get(invoice_id)
            if invoice_id in self._queues and (version is None or self._seen.get(invoice_id) != version):
                for queue in self._queues[invoice_id]:
                    queue.put_nowait(version)
                if version is not None:
                    self._seen[invoice_id] = version


def _read_versions(invoice_ids: list[UUID]) -> dict[UUID, int]:
    """Return the versions of these invoices. Runs in a separate thread, and closes its connection."""
    found: dict[UUID, int] = {}
    try:
        for start in range(0, len(invoice_ids), _AT_ONCE):
            rows = Invoice.objects.primary().filter(pk__in=invoice_ids[start : start + _AT_ONCE])
            found.update(rows.values_list("pk", "version"))
    finally:
        connections.close_all()
    return found


_watches: WeakKeyDictionary[asyncio.AbstractEventLoop, Watch] = WeakKeyDictionary()


def watch() -> Watch:
    """Return the `Watch` of the running event loop."""
    return _watches.setdefault(asyncio.get_running_loop(), Watch())

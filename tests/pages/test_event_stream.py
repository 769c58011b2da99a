"""Server-sent events: told at once, with one look at the database for all, and never under WSGI."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import OperationalError
from django.middleware.gzip import GZipMiddleware
from django.test import AsyncRequestFactory
from django.urls import reverse

from cryptopay_django.models import Invoice
from cryptopay_django.pages import event_stream
from tests.pages.states import invoice

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(event_stream, "LOOK_EVERY", 0.01)


def run(story: Callable[[], Any]) -> None:
    async_to_sync(story)()


async def listen(invoice_id: uuid.UUID) -> Any:
    """Open a stream as an ASGI server does; return its pieces, without the first line that says how to retry."""
    request = AsyncRequestFactory().get(f"/checkout/{invoice_id}/events/")
    response = await event_stream.invoice_events(request, invoice_id)
    assert (response.status_code, response["Content-Type"]) == (200, "text/event-stream")
    pieces = response.streaming_content
    assert await anext(pieces) == b"retry: 3000\n\n"
    return pieces


async def next_piece(pieces: Any) -> bytes:
    return await asyncio.wait_for(anext(pieces), 5)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


def test_a_stream_says_the_version_now_and_whenever_it_changes():
    made = invoice(version=3)

    async def story():
        pieces = await listen(made.pk)
        assert await next_piece(pieces) == b"data: 3\n\n"

        await sync_to_async(Invoice.objects.filter(pk=made.pk).update)(version=4)

        assert await next_piece(pieces) == b"data: 4\n\n"
        await pieces.aclose()

    run(story)


def test_who_leaves_at_the_moment_of_a_change_has_left():
    """Else the stream would stay open for minutes with nobody at its end, and a server could not stop before."""
    made = invoice(version=3)

    async def story():
        pieces = await listen(made.pk)
        assert await next_piece(pieces) == b"data: 3\n\n"
        waiting = asyncio.create_task(anext(pieces))
        await asyncio.sleep(0)

        event_stream.watch()._tell([made.pk], {made.pk: 4})
        waiting.cancel()

        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert len(event_stream.watch()) == 0

    run(story)


def test_many_who_watch_cost_one_query_at_a_time_and_none_when_they_have_left(monkeypatch):
    invoices = [invoice() for _ in range(3)]
    looks: list[int] = []
    read = event_stream._read_versions
    monkeypatch.setattr(event_stream, "_read_versions", lambda ids: looks.append(len(ids)) or read(ids))

    async def story():
        streams = [await listen(made.pk) for made in invoices for _ in range(4)]
        for pieces in streams:
            await next_piece(pieces)
        assert len(event_stream.watch()) == 12
        assert max(looks) == 3

        for pieces in streams:
            await pieces.aclose()
        await until(lambda: event_stream.watch()._task is None)
        before = len(looks)
        await asyncio.sleep(0.05)

        assert len(looks) == before
        assert len(event_stream.watch()) == 0

    run(story)


def test_a_newcomer_is_told_at_once_what_is_known():
    made = invoice(version=7)

    async def story():
        first = await listen(made.pk)
        await next_piece(first)
        second = await listen(made.pk)

        assert await next_piece(second) == b"data: 7\n\n"
        await first.aclose()
        await second.aclose()

    run(story)


def test_an_invoice_that_does_not_exist_ends_its_stream():
    async def story():
        pieces = await listen(uuid.uuid4())

        with pytest.raises(StopAsyncIteration):
            await next_piece(pieces)

    run(story)


def test_a_database_that_fails_ends_all_streams_so_that_the_pages_poll(monkeypatch, caplog):
    def fail(ids):
        raise OperationalError("gone")

    monkeypatch.setattr(event_stream, "_read_versions", fail)

    async def story():
        pieces = await listen(uuid.uuid4())
        with pytest.raises(StopAsyncIteration):
            await next_piece(pieces)
        await until(lambda: event_stream.watch()._task is None)

    run(story)
    assert "does not answer" in caplog.text


def test_a_quiet_stream_shows_now_and_then_that_it_lives_and_ends_in_time(monkeypatch):
    monkeypatch.setattr(event_stream, "STILL_HERE_EVERY", 0.02)
    monkeypatch.setattr(event_stream, "LONGEST_STREAM", 0.3)
    made = invoice()

    async def story():
        pieces = await listen(made.pk)
        said = []
        with contextlib.suppress(StopAsyncIteration):
            while True:
                said.append(await next_piece(pieces))

        assert b": still here\n\n" in said
        assert set(said) <= {b": still here\n\n", b"data: 0\n\n"}

    run(story)


def test_more_than_so_many_streams_are_not_held(settings):
    settings.CRYPTOPAY_MAX_STREAMS = 1
    made = invoice()

    async def story():
        first = await listen(made.pk)
        await next_piece(first)
        refused = await event_stream.invoice_events(AsyncRequestFactory().get("/"), made.pk)

        assert refused.status_code == 204
        await first.aclose()

    run(story)


def test_of_many_pages_that_come_at_once_no_more_are_held_than_of_others(settings):
    settings.CRYPTOPAY_MAX_STREAMS = 2
    made = invoice()

    async def story():
        streams = [await listen(made.pk) for _ in range(5)]  # none of them has begun to wait

        pieces = [await anext(stream, None) for stream in streams]

        assert [piece is not None for piece in pieces] == [True, True, False, False, False]
        for stream in streams:
            await stream.aclose()

    run(story)


def test_half_of_the_files_that_a_process_may_open_are_left_to_callbacks(monkeypatch):
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (3, 1024))
    made = invoice()

    async def story():
        first = await listen(made.pk)
        await next_piece(first)
        refused = await event_stream.invoice_events(AsyncRequestFactory().get("/"), made.pk)

        assert refused.status_code == 204
        await first.aclose()

    run(story)


@pytest.mark.parametrize("limit", [-1, 1 << 20])
def test_without_a_limit_of_files_that_of_the_setting_counts(monkeypatch, limit):
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (limit, limit))

    assert event_stream._files_allowed() // 2 >= 1000


def test_nothing_that_compresses_answers_holds_a_stream_back():
    made = invoice()

    async def story():
        request = AsyncRequestFactory().get("/", headers={"Accept-Encoding": "gzip"})
        response = GZipMiddleware(lambda _: None).process_response(
            request, await event_stream.invoice_events(request, made.pk)
        )
        pieces = aiter(response.streaming_content)

        assert await anext(pieces) == b"retry: 3000\n\n"
        await pieces.aclose()

    run(story)


def test_under_wsgi_there_is_no_stream(client):
    answer = client.get(reverse("cryptopay_django:invoice-events", args=[invoice().pk]))

    assert (answer.status_code, answer.content) == (204, b"")

"""What is asked to stop: streams end, the server's own handlers run, and nothing is touched that is not ours."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator

import pytest

from cryptopay_django.pages.server_shutdown import end_before_stopping


@pytest.fixture
def heard() -> Iterator[list[str]]:
    """A server's handler of SIGTERM that only notes that it was called."""
    heard: list[str] = []
    before = signal.signal(signal.SIGTERM, lambda *_: heard.append("server"))
    yield heard
    signal.signal(signal.SIGTERM, before)


async def stop_with(end) -> None:
    end_before_stopping(asyncio.get_running_loop(), end)
    end_before_stopping(asyncio.get_running_loop(), end)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(0.05)


def test_the_end_and_the_servers_own_handler_are_called_once_each(heard):
    asyncio.run(stop_with(lambda: heard.append("end")))

    assert sorted(heard) == ["end", "server"]


def test_a_loop_that_is_over_is_forgotten(heard):
    asyncio.run(stop_with(lambda: heard.append("first")))
    asyncio.run(stop_with(lambda: heard.append("second")))

    assert sorted(heard) == ["first", "second", "server", "server"]


def test_a_handler_of_the_loop_is_called_as_well():
    async def story() -> list[str]:
        heard: list[str] = []
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, heard.append, "loop")
        await stop_with(lambda: heard.append("end"))
        asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
        return heard

    assert sorted(asyncio.run(story())) == ["end", "loop"]


@pytest.mark.parametrize("handler", [signal.SIG_DFL, signal.SIG_IGN])
def test_a_signal_that_ends_the_process_or_is_ignored_stays_so(handler):
    before = signal.signal(signal.SIGTERM, handler)
    try:
        loop = asyncio.new_event_loop()
        end_before_stopping(loop, lambda: None)
        loop.close()

        assert signal.getsignal(signal.SIGTERM) == handler
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_loop_in_another_thread_changes_no_handler(heard):
    seen = signal.getsignal(signal.SIGTERM)

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=end_before_stopping, args=[loop, lambda: None])
    thread.start()
    thread.join()
    loop.close()

    assert signal.getsignal(signal.SIGTERM) is seen

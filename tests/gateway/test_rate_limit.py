"""Our own limit: never more than the gateway allows, counted over all threads."""

import threading
from collections import Counter

import pytest

from cryptopay_django.exceptions import GatewayRateLimitError
from cryptopay_django.gateway.rate_limit import RateLimiter, limiter_for


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_requests_within_the_limit_do_not_wait(clock):
    limiter = RateLimiter(requests=3, window=60, clock=clock)

    assert [limiter.reserve(10) for _ in range(3)] == [0, 0, 0]


def test_the_next_waits_until_the_oldest_is_a_window_ago(clock):
    limiter = RateLimiter(requests=2, window=60, clock=clock)
    limiter.reserve(10)
    clock.now += 15
    limiter.reserve(10)

    clock.now += 5

    assert limiter.reserve(100) == 40
    assert limiter.reserve(100) == 55


def test_after_the_window_nobody_waits(clock):
    limiter = RateLimiter(requests=1, window=60, clock=clock)
    limiter.reserve(10)

    clock.now += 60

    assert limiter.reserve(0) == 0


def test_who_cannot_wait_takes_no_place(clock):
    limiter = RateLimiter(requests=1, window=60, clock=clock)
    limiter.reserve(10)

    with pytest.raises(GatewayRateLimitError) as raised:
        limiter.reserve(60)

    assert raised.value.retry_after == 60
    assert limiter.reserve(61) == 60


def test_no_window_ever_holds_more_than_the_limit(clock):
    limiter = RateLimiter(requests=5, window=60, clock=clock)
    moments = []
    for step in range(200):
        moments.append(clock.now + limiter.reserve(1e9))
        clock.now += step % 7

    assert moments == sorted(moments)
    assert all(later - earlier >= 60 for earlier, later in zip(moments, moments[5:], strict=False))


def test_threads_share_the_places(clock):
    limiter = RateLimiter(requests=50, window=60, clock=clock)
    start = threading.Barrier(8)
    waits = []

    def work():
        start.wait()
        waits.extend([limiter.reserve(1e9) for _ in range(25)])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Counter(waits) == {0: 50, 60: 50, 120: 50, 180: 50}


def test_a_key_has_one_limiter():
    assert limiter_for("one-key") is limiter_for("one-key")
    assert limiter_for("one-key") is not limiter_for("another-key")

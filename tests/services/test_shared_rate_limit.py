"""One limit of calls for all processes with an API key: never one too many, and none of the purposes starves."""

from __future__ import annotations

import bisect
import json
import os
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from cryptopay_django.exceptions import GatewayRateLimitError
from cryptopay_django.gateway.client import Client
from cryptopay_django.gateway.rate_limit import Purpose, RateLimiter, calling_for, current_purpose
from cryptopay_django.models import RateLimitSlot
from cryptopay_django.services import shared_rate_limit
from cryptopay_django.services.shared_rate_limit import Quota, SharedLimiter
from tests.proofs.racing import race_processes

pytestmark = pytest.mark.django_db(transaction=True)

on_a_server = pytest.mark.skipif(connection.vendor == "sqlite", reason="the tests' SQLite is of one process")


LONG = 6000.0
"""A window that no test lasts for, however busy the machine is."""


def limiter(key: str = "one-key", requests: int = 20, window: float = LONG, spare: float = 5.0) -> SharedLimiter:
    return SharedLimiter(key, spare=spare, requests=requests, window=window, alone=RateLimiter(requests=3))


def take_all(purpose: Purpose) -> int:
    """Take places, each as a process of its own that never hears an answer; return how many there were."""
    for count in range(100):
        try:
            with calling_for(purpose):
                limiter().reserve(0)
        except GatewayRateLimitError:
            return count
    raise AssertionError


def take_one(purpose: Purpose) -> float:
    with calling_for(purpose):
        return limiter().reserve(0)


def let_pass(seconds: float) -> None:
    """Make so much time pass, for the places."""
    for place in RateLimitSlot.objects.all():
        place.free_at -= timedelta(seconds=seconds)
        place.save()


def free_at() -> list[datetime]:
    return sorted(RateLimitSlot.objects.values_list("free_at", flat=True))


def test_no_more_places_than_calls_are_allowed_whoever_takes_them():
    assert take_all(Purpose.CREATION) == 17

    others = (Purpose.CONFIRMATION, Purpose.REQUEST, Purpose.RECONCILIATION)
    assert [take_all(purpose) for purpose in others] == [1, 1, 1]
    with pytest.raises(GatewayRateLimitError, match=r"not sent: .* creation are used up") as raised:
        take_one(Purpose.CREATION)
    assert LONG - 1000 < raised.value.retry_after <= LONG + 5


def test_background_work_leaves_room_for_what_is_more_urgent():
    order = (Purpose.RECONCILIATION, Purpose.REQUEST, Purpose.CONFIRMATION, Purpose.CREATION)

    assert [take_all(purpose) for purpose in order] == [4, 8, 4, 4]


def test_confirmations_are_spread_once_half_of_their_share_is_used():
    """So what waits meanwhile is answered by pages, and no minute is used up in its first seconds."""
    assert take_all(Purpose.CONFIRMATION) == 8

    with pytest.raises(GatewayRateLimitError) as raised:
        take_one(Purpose.CONFIRMATION)
    assert raised.value.retry_after <= LONG / 16
    RateLimitSlot.objects.filter(purpose="confirmation").update(
        free_at=Now() + timedelta(seconds=LONG - LONG / 16 - 1)
    )
    assert take_one(Purpose.CONFIRMATION) == 0


def test_without_quotas_a_creation_would_have_to_wait(monkeypatch):
    monkeypatch.setattr(shared_rate_limit, "QUOTAS", dict.fromkeys(Purpose, Quota(own=0.0, most=1.0)))

    assert [take_all(purpose) for purpose in (Purpose.RECONCILIATION, Purpose.CREATION)] == [17, 1]


def test_even_a_storm_of_creations_leaves_some_calls_for_confirmations():
    take_all(Purpose.CREATION)

    assert take_one(Purpose.CONFIRMATION) == 0


def test_confirmations_that_need_more_places_get_them_before_creations_until_they_have_their_own():
    assert take_all(Purpose.CREATION) == 17
    kept, used = [], 0
    for _ in range(4):
        used += take_all(Purpose.CONFIRMATION)
        one = RateLimitSlot.objects.filter(purpose="creation", free_at__gt=Now()).first()
        RateLimitSlot.objects.filter(pk=one.pk).update(free_at=timezone.now() - timedelta(seconds=1))
        kept.append((used, take_all(Purpose.CREATION)))

    assert kept == [(1, 0), (2, 0), (2, 1), (2, 1)]


def test_each_key_has_places_of_its_own():
    take_all(Purpose.CREATION)

    assert limiter("another-key").reserve(0) == 0
    assert "one-key" not in str(RateLimitSlot.objects.values_list("key", flat=True))


def test_a_place_is_taken_until_its_call_has_certainly_arrived_and_a_minute_more():
    limiter(spare=500).reserve(300)

    now = RateLimitSlot.objects.annotate(now=Now()).first().now
    assert timedelta(seconds=LONG + 700) < free_at()[-1] - now <= timedelta(seconds=LONG + 800)


def test_the_answer_frees_its_place_sooner_and_no_other():
    one, other = limiter(), limiter()
    one.reserve(0)
    other.reserve(0)
    before = free_at()

    one.answered(is_refused=False, retry_after=None)
    one.answered(is_refused=False, retry_after=None)

    after = free_at()
    assert after[:-2] == before[:-2]
    assert (after[-2] < before[-2], after[-1] == before[-1]) == (True, True)


def test_places_are_free_again_when_their_time_is_over():
    take_all(Purpose.CREATION)

    let_pass(LONG + 6)

    assert take_all(Purpose.CREATION) == 17


def test_a_place_that_was_taken_anew_is_not_freed_by_a_late_answer():
    late = limiter()
    late.reserve(0)
    let_pass(LONG + 6)
    take_all(Purpose.CREATION)
    before = free_at()

    late.answered(is_refused=False, retry_after=None)

    assert free_at() == before


def test_a_refusal_of_the_gateway_stops_all_processes_for_its_time():
    refused, other = limiter(), limiter()
    refused.reserve(0)

    refused.answered(is_refused=True, retry_after=300)

    with pytest.raises(GatewayRateLimitError) as raised:
        other.reserve(20)
    assert 200 < raised.value.retry_after <= 301
    let_pass(301)
    assert other.reserve(0) == 0


def test_who_waits_for_a_place_gets_it():
    take_all(Purpose.CREATION)
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        let_pass(LONG + 6)

    with calling_for(Purpose.CREATION):
        waiting = SharedLimiter("one-key", spare=5, requests=20, window=LONG, sleep=sleep)
        assert waiting.reserve(2 * LONG) == 0

    assert len(slept) == 1


def test_without_the_database_a_process_counts_its_own_calls():
    def fail(*_):
        raise OperationalError("away")

    with connection.execute_wrapper(fail):
        one = limiter()
        assert [one.reserve(0) for _ in range(3)] == [0, 0, 0]
        one.answered(is_refused=True, retry_after=30)
        with pytest.raises(GatewayRateLimitError):
            one.reserve(0)


@on_a_server
def test_a_roll_back_of_the_caller_frees_no_place():
    with transaction.atomic():
        take_one(Purpose.CREATION)
        transaction.set_rollback(True)

    assert take_all(Purpose.CREATION) == 16


def test_the_purpose_is_that_of_the_innermost_block():
    with calling_for(Purpose.RECONCILIATION):
        with calling_for(Purpose.CREATION):
            assert current_purpose() is Purpose.CREATION
        assert current_purpose() is Purpose.RECONCILIATION
    assert current_purpose() is Purpose.REQUEST


class Server(ThreadingHTTPServer):
    """A gateway that keeps when each call arrived, and by whom it was made."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.arrived: list[tuple[float, str]] = []

    def most_within(self, seconds: float) -> int:
        moments = sorted(moment for moment, _ in self.arrived)
        return max(bisect.bisect_left(moments, at + seconds) - number for number, at in enumerate(moments))


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.arrived.append((time.monotonic(), self.headers["Authorization"].partition(":")[0]))
        body = json.dumps({"data": []}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


WINDOW, ALLOWED, CALLS = 1.0, 10, 8


def calling(server: Server, make):
    """Return what makes calls from a process of its own, as fast as its limiter lets it."""

    def call() -> None:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        with Client("one-key", "secret", url, limiter=make(), total_timeout=60) as client:
            for _ in range(CALLS):
                client.list_coins()

    return call


@on_a_server
def test_processes_together_never_make_one_call_too_many(server):
    failed = race_processes(*[calling(server, lambda: limiter(requests=ALLOWED, window=WINDOW, spare=30))] * 4)

    assert (failed, len(server.arrived)) == (0, 4 * CALLS)
    assert server.most_within(WINDOW) <= ALLOWED


@on_a_server
def test_processes_that_count_their_own_calls_make_too_many(server):
    failed = race_processes(*[calling(server, lambda: RateLimiter(requests=ALLOWED, window=WINDOW))] * 4)

    assert failed == 0
    assert server.most_within(WINDOW) > ALLOWED


@on_a_server
def test_a_process_that_dies_with_places_costs_their_time_and_nothing_else():
    def die() -> None:
        for _ in range(5):
            take_one(Purpose.CREATION)
        os._exit(1)

    assert race_processes(die) == 1

    assert take_all(Purpose.CREATION) == 12
    let_pass(LONG + 6)
    assert take_all(Purpose.CREATION) == 17

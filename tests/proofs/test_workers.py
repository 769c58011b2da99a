"""Workers as processes on one PostgreSQL: they share a backlog, wait until they are woken, and may be killed.

PROVE_INVOICES sets how long the backlog is, in invoices of five callbacks.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.proofs.outage import PATIENCE_SECONDS, Database, throwaway_database
from tests.proofs.report import tried
from tests.proofs.test_outage import TOLD, books
from tests.servers.process import Site

psycopg = pytest.importorskip("psycopg")

WORKERS = 8
INVOICES = int(os.environ.get("PROVE_INVOICES", "30"))
FOR_EVER = "--interval=3600"
"""A worker that looks so seldom has to be woken."""


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with throwaway_database("postgresql") as database:
        yield database


@pytest.fixture
def site(database, tmp_path) -> Site:
    site = Site("gunicorn", database.url, tmp_path)
    site.environment["SITE_PROCESSING"] = "worker"
    books(site, "open", "0")
    return site


def wait_until(database: Database, is_so: Callable[[int], bool]) -> None:
    """Wait until it is true of the number of callbacks and events that wait to be done, as long as that number falls."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    left = least = None
    while time.monotonic() < deadline:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(database.url) as connection:
            (left,) = connection.execute(
                "SELECT (SELECT count(*) FROM cryptopay_django_callback WHERE next_attempt_at IS NOT NULL)"
                " + (SELECT count(*) FROM cryptopay_django_invoiceevent WHERE next_attempt_at IS NOT NULL)"
            ).fetchone()
            if is_so(left):
                return
            if least is None or left < least:
                least, deadline = left, time.monotonic() + PATIENCE_SECONDS
        time.sleep(0.02)
    pytest.fail(f"after {PATIENCE_SECONDS} seconds without progress {left} are left")


def is_nothing(left: int) -> bool:
    return left == 0


@contextmanager
def task_workers(site: Site, count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Keep workers of `django-tasks-db` at it until the block ends."""
    command = [sys.executable, "-m", "django", "db_worker", "--interval=0.1", "--no-startup-delay"]
    with site.log.open("a") as log:
        workers = [subprocess.Popen(command, env=site.environment, stdout=log, stderr=log) for _ in range(count)]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


@contextmanager
def crew(site: Site) -> Iterator[list[int]]:
    """Keep eight workers at it until the block ends."""
    command = [sys.executable, "-m", "tests.servers.crew", str(WORKERS), "0.1"]
    with (
        site.log.open("a") as log,
        subprocess.Popen(
            command, env=site.environment, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
        ) as boss,
    ):
        try:
            yield json.loads(boss.stdout.readline())
        finally:
            os.killpg(boss.pid, signal.SIGKILL)


def assert_everything_done_once(site: Site) -> None:
    result = books(site, "close")
    assert set(result["outcomes"]) <= {"applied", "stale"}
    for invoice in result["invoices"]:
        assert invoice["state"] == ["completed", "100", ""]
        assert invoice["told"] == TOLD
        assert invoice["effects"] == invoice["events"]


def test_eight_workers_share_a_backlog_without_doubles(site, database):
    stored = books(site, "store", str(INVOICES))

    with crew(site):
        wait_until(database, is_nothing)

    tried("callbacks shared by eight workers", stored)
    assert_everything_done_once(site)


def test_workers_that_are_killed_lose_nothing(site, database):
    stored = books(site, "store", str(INVOICES))

    with crew(site) as workers:
        for number, worker in enumerate(workers[: WORKERS // 2], start=1):
            wait_until(database, lambda left, number=number: left <= stored * (1 - number / (2 * WORKERS)))
            os.kill(worker, signal.SIGKILL)

    tried("workers killed at work", WORKERS // 2)
    assert_everything_done_once(site)


def test_a_stored_callback_wakes_a_worker_that_waits(site, database):
    with site.worker(FOR_EVER):
        wait_until(database, is_nothing)
        books(site, "store", "1")

        wait_until(database, is_nothing)

    assert_everything_done_once(site)


def test_a_worker_whose_database_went_away_is_woken_again(site, database):
    with site.worker(FOR_EVER) as worker:
        wait_until(database, is_nothing)
        database.break_off()
        database.come_back()
        wait_until(database, is_nothing)
        books(site, "store", "1")

        wait_until(database, is_nothing)

        assert worker.poll() is None

    assert_everything_done_once(site)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_waits_stops_when_it_is_told_to(site, number):
    with site.worker(FOR_EVER) as worker:
        worker.send_signal(number)

        assert worker.wait(timeout=PATIENCE_SECONDS) == 0


def test_tasks_of_a_real_queue_whose_workers_are_killed(site, database):
    """Whose task was under way when its worker died, nobody takes up again: the callback falls due all the same."""
    pytest.importorskip("django_tasks_db")
    site.environment["SITE_PROCESSING"] = "task"
    stored = books(site, "store", str(INVOICES // 2))

    with task_workers(site, 3) as workers:
        wait_until(database, lambda left: left <= stored * 3 / 4)
        workers[0].kill()
        wait_until(database, lambda left: left <= stored / 8)

    tried("callbacks processed as tasks", stored)
    assert_everything_done_once(site)

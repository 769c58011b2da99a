"""The database, or the application server, ends without a farewell under load: nothing answered 200 is gone.

Real servers, real sockets: gunicorn in front of PostgreSQL or MariaDB, each of its own. PROVE_OUTAGES sets how often
each of them ends, PROVE_ON on which databases; without it, on the kind that the suite runs on.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from django.db import connection

from tests.proofs.outage import Database, Senders, throwaway_database
from tests.proofs.report import tried
from tests.servers.process import Site, serving

OUTAGES = int(os.environ.get("PROVE_OUTAGES", "1"))
ON = os.environ.get("PROVE_ON", {"postgresql": "postgresql", "mysql": "mariadb"}.get(connection.vendor, "")).split()
INVOICES = 8 * (OUTAGES + 1)
TOLD = ["invoice_completed", *["payment_confirmed"] * 2, *["payment_detected"] * 2]

# Servers are started again and again, which takes long on a busy machine.
pytestmark = pytest.mark.timeout(300 * OUTAGES)


@pytest.fixture(scope="module", params=ON)
def database(request) -> Iterator[Database]:
    with throwaway_database(request.param) as database:
        yield database


@pytest.fixture(scope="module")
def site(database, tmp_path_factory) -> Iterator[Site]:
    site = Site("gunicorn", database.url, tmp_path_factory.mktemp("site"), "--workers=2")
    with serving(site):
        yield site


def books(site: Site, *arguments: str) -> object:
    command = [sys.executable, "-m", "tests.servers.books", *arguments]
    done = subprocess.run(command, env=site.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def under_load(site: Site, *acts: Callable[[Senders], None]) -> Senders:
    """Send the callbacks of many invoices, act in the midst of it, evenly spread, and send until all are taken."""
    bodies = books(site, "open", str(INVOICES))
    senders = Senders(f"http://127.0.0.1:{site.port}/cryptopay/callbacks/", bodies)
    senders.start()
    for number, act in enumerate(acts, start=1):
        part = len(bodies) * number // (len(acts) + 1)
        senders.wait_for(lambda part=part: len(senders.accepted) >= part)
        act(senders)
    senders.finish()
    tried("callbacks posted while servers ended", len(bodies))
    return senders


def assert_nothing_lost_and_nothing_twice(site: Site, accepted: list[str]) -> None:
    result = books(site, "close")
    gone = Counter(accepted) - Counter(result["stored"])
    assert not gone, "answered 200, and not in the database"
    assert set(result["outcomes"]) <= {"applied", "stale"}
    assert len(result["invoices"]) >= INVOICES
    for invoice in result["invoices"]:
        assert invoice["state"] == ["completed", "100", ""]
        assert invoice["told"] == TOLD
        assert invoice["effects"] == invoice["events"]


def test_a_database_that_ends_and_comes_back(site, database):
    def outage(senders: Senders) -> None:
        refused = senders.answers[503]
        database.break_off()
        senders.wait_for(lambda: senders.answers[503] >= refused + 10)
        database.come_back()

    books(site, "open", "0")
    with site.worker() as worker:
        senders = under_load(site, *[outage] * OUTAGES)

        assert worker.poll() is None, "the worker outlives its database"

    tried("databases ended under load", OUTAGES)
    assert set(senders.answers) == {200, 503}, site.log.read_text()[-5000:]
    assert_nothing_lost_and_nothing_twice(site, senders.accepted)


def test_an_application_server_that_is_killed(site):
    def kill_all(senders: Senders) -> None:
        site.kill()
        site.start()

    senders = under_load(site, *[lambda senders: kill_workers(site), kill_all] * OUTAGES)

    tried("application servers killed under load", 2 * OUTAGES)
    assert set(senders.answers) <= {200, "no connection"}
    assert_nothing_lost_and_nothing_twice(site, senders.accepted)


def kill_workers(site: Site) -> None:
    """Kill the processes that answer; the one that starts them stays, and starts others."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            _, _, fields = path.read_text().rpartition(")")
            if int(fields.split()[1]) == site.process.pid:
                os.kill(int(path.parent.name), signal.SIGKILL)

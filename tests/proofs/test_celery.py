"""Celery on a real broker: its workers are killed, the broker ends and comes back, and callbacks keep coming in.

What runs is what docs/scaling.md shows: its settings, its commands, its task. PROVE_OUTAGES sets how often everything
ends, PROVE_WORKERS how many workers there are.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.documentation.pages import ROOT, blocks, commands
from tests.proofs.broker import Broker, throwaway_broker
from tests.proofs.outage import PATIENCE_SECONDS, Database, Senders, throwaway_database
from tests.proofs.report import tried
from tests.proofs.test_outage import OUTAGES, assert_nothing_lost_and_nothing_twice, books
from tests.proofs.test_workers import is_nothing, wait_until
from tests.servers.process import Site, serving

psycopg = pytest.importorskip("psycopg")
pytest.importorskip("celery")
pytest.importorskip("django_tasks_fennel")

WORKERS = int(os.environ.get("PROVE_WORKERS", "2"))
PAGE = ROOT / "docs" / "scaling.md"
SENDERS = 8
INVOICES_AN_ACT = 8

SETTINGS, SHOPS_TASK = (
    next(block.text for block in blocks(PAGE, "python") if word in block.text)
    for word in ("django_tasks_fennel", "shared_task")
)
WORKER, BEAT = (
    next(line for block in blocks(PAGE, "sh") for line in commands(block) if line.endswith(f" {word}"))
    for word in ("worker", "beat")
)
BEGINNING = "from tests.servers.settings import *\n"
ROADS = {
    "tasks of the framework": {
        "shop/settings.py": f"{BEGINNING}INSTALLED_APPS += ['django_tasks_fennel']\n{SETTINGS}\n"
        "for entry in CELERY_BEAT_SCHEDULE.values():\n    entry['schedule'] = 1  # the same rounds, in small\n"
    },
    "a task of the shop's": {
        "shop/settings.py": f"{BEGINNING}CRYPTOPAY_PROCESSING = 'worker'\n",
        "shop/tasks.py": SHOPS_TASK,
        "shop/queue.py": "import os, celery\n"
        "app = celery.Celery('shop', broker=os.environ['CELERY_BROKER_URL'], include=['shop.tasks'])\n"
        "entry = {'task': 'shop.tasks.work_on_payments', 'schedule': 0.3, 'options': {'expires': 2}}\n"
        "app.conf.beat_schedule = {'work': entry}\n",
    },
}

# Workers and brokers are started again and again, which takes long on a busy machine.
pytestmark = pytest.mark.timeout(300 * OUTAGES)


@dataclass
class Crew:
    """Celery's workers, and its clock, as processes of their own."""

    site: Site
    app: str
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, line: str, *options: str) -> subprocess.Popen[bytes]:
        """Start what the page says, in a process group of its own."""
        command = [sys.executable, *line.replace("django_tasks_fennel.app", self.app).split()[1:], *options]
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=self.site.folder,
                env=self.site.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def hire(self) -> None:
        """Start one more worker."""
        options = [f"--hostname={len(self.processes)}@%h", "--concurrency=2", "--loglevel=INFO"]
        self.workers.append(self.start(WORKER, *options))

    def wait_until_ready(self, count: int) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.log.read_text().count(" ready.") < count:
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            time.sleep(0.05)

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """Kill it with all that it has started."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process in self.workers:
            self.workers.remove(process)

    @property
    def log(self) -> Path:
        return self.site.folder / "celery.log"


@contextmanager
def crew(site: Site, app: str) -> Iterator[Crew]:
    """Keep workers and a clock at it until the block ends."""
    crew = Crew(site, app)
    try:
        for _ in range(WORKERS):
            crew.hire()
        crew.start(BEAT, "--loglevel=INFO", "--max-interval=1")
        yield crew
    finally:
        for process in crew.processes:
            crew.kill(process)


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with throwaway_database("postgresql") as database:
        yield database


@pytest.fixture
def broker(tmp_path) -> Iterator[Broker]:
    with throwaway_broker(tmp_path) as broker:
        yield broker


@pytest.fixture(params=ROADS)
def shop(request, database, broker, tmp_path) -> Iterator[Crew]:
    """Yield the crew of a shop whose site takes callbacks in and leaves them to Celery."""
    for name, text in ROADS[request.param].items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    site = Site("gunicorn", database.url, tmp_path, "--workers=2")
    site.environment |= {
        "DJANGO_SETTINGS_MODULE": "shop.settings",
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
        "CELERY_BROKER_URL": broker.url,
    }
    stored = books(site, "store", "1")
    wait_until(database, lambda left: left == stored)  # nobody but Celery will do them
    app = "shop.queue" if (tmp_path / "shop" / "queue.py").exists() else "django_tasks_fennel.app"
    with crew(site, app) as workers, serving(site):
        workers.wait_until_ready(WORKERS)
        yield workers


def let_leases_run_out(database: Database) -> None:
    """Let what killed workers had in hand fall due: a minute goes by."""
    with psycopg.connect(database.url) as connection:
        for table in ("callback", "invoiceevent"):
            connection.execute(
                f"UPDATE cryptopay_django_{table} SET next_attempt_at = now() WHERE next_attempt_at IS NOT NULL"
            )


def test_killed_workers_of_celery_and_a_broker_that_fails_lose_and_double_nothing(shop, database, broker):
    def kill_a_worker(senders: Senders) -> None:
        wait_until(database, lambda left: left > 0)
        shop.kill(shop.workers[0])
        shop.hire()

    def end_the_broker(senders: Senders) -> None:
        broker.kill()
        wait_for_some(senders)
        broker.start()

    def freeze_the_broker(senders: Senders) -> None:
        broker.freeze()
        wait_for_some(senders)
        broker.thaw()

    def wait_for_some(senders: Senders) -> None:
        """Wait for an answer to every sender: none comes later than the broker."""
        accepted = len(senders.accepted)
        senders.wait_for(lambda: len(senders.accepted) >= accepted + SENDERS)

    acts = [kill_a_worker, end_the_broker, freeze_the_broker] * OUTAGES
    bodies = books(shop.site, "open", str(INVOICES_AN_ACT * len(acts)))
    accepted: list[str] = []
    for number, act in enumerate(acts):
        senders = Senders(
            f"http://127.0.0.1:{shop.site.port}/cryptopay/callbacks/", bodies[number :: len(acts)], threads=SENDERS
        )
        senders.start()
        act(senders)
        senders.finish()
        assert set(senders.answers) == {200}
        accepted += senders.accepted
    let_leases_run_out(database)
    wait_until(database, is_nothing)

    tried("callbacks left to Celery", len(accepted))
    tried("workers of Celery killed at work", OUTAGES)
    tried("brokers ended, or frozen, under load", 2 * OUTAGES)
    assert_nothing_lost_and_nothing_twice(shop.site, accepted)

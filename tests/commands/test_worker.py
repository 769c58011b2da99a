"""The worker's command as an operator runs it: a process whose output goes into a log or a pipe."""

import signal

import pytest
from django.db import connection

from tests.servers.process import Site


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the servers of tests/proofs run it on other databases")
def test_a_worker_whose_output_is_piped_says_at_once_that_it_is_up(tmp_path):
    site = Site("gunicorn", f"sqlite:///{tmp_path / 'db.sqlite3'}", tmp_path)
    site.environment.pop("PYTHONUNBUFFERED", None)
    site.manage("migrate", "--verbosity=0")

    with site.worker() as worker:
        worker.send_signal(signal.SIGTERM)
        status = worker.wait(30)

    assert status == 0

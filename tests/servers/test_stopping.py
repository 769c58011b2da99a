"""A server that is asked to stop does not wait for the pay pages that are open."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import uuid
from contextlib import closing, suppress

import pytest
import requests
from django.db import connection

from tests.servers.process import Site, serving

pytestmark = pytest.mark.skipif(connection.vendor != "sqlite", reason="tried on SQLite: make test")

# Far below a stream's own end, which is after eight to ten minutes.
PATIENCE = 45


@pytest.mark.parametrize("server", ["uvicorn", "granian"])
def test_open_pay_pages_do_not_keep_a_server_from_stopping(tmp_path, server):
    site = Site(server, f"sqlite:///{tmp_path / 'db.sqlite3'}", tmp_path)
    making = [sys.executable, "-m", "tests.servers.books", "open", "1"]
    subprocess.run(making, env=site.environment, check=True, capture_output=True)
    with closing(sqlite3.connect(tmp_path / "db.sqlite3")) as database:
        (key,) = database.execute("SELECT id FROM cryptopay_django_invoice").fetchone()
    url = f"http://127.0.0.1:{site.port}/cryptopay/checkout/{uuid.UUID(key)}/events/"

    with serving(site), requests.get(url, stream=True, timeout=PATIENCE) as page:
        lines = page.iter_lines(chunk_size=1)
        assert any(line.startswith(b"data:") for line in lines)
        site.process.terminate()
        with suppress(requests.RequestException):  # a server may also break off what has ended
            assert not [line for line in lines if line.startswith(b"data:")]

        site.process.wait(PATIENCE)
